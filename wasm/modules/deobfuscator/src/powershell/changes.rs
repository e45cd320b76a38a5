//! Where variables of PowerShell get another value.

use std::collections::HashMap;
use std::ops::Range;

use super::token::{Placed, Token};

/// Times that a variable gets a value: each is kept.
const MAX_CHANGES: usize = 64;

/// How a variable gets another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Assigned,
    /// `$name += value`
    Added,
    /// `[array]::Reverse($name)`
    Reversed,
    /// It is a loop's or counted, or an element of it is set.
    Unknown,
}

#[derive(Debug)]
pub struct Change {
    pub kind: Kind,
    /// The first token of the value; the variable itself, where none is written.
    pub at: usize,
    /// Tokens of the types that it is declared with.
    pub types: Range<usize>,
    /// Whether it stands in parentheses or braces, and so may be run more than once, or never.
    pub is_inner: bool,
}

/// Whether the values of a variable follow from the text: one alone is taken for its only one wherever it stands.
pub fn are_followed(changes: &[Change]) -> bool {
    match changes {
        [only] => only.kind == Kind::Assigned,
        all => all.len() <= MAX_CHANGES && all.iter().all(|one| one.kind != Kind::Unknown && !one.is_inner),
    }
}

pub fn deeper(depth: usize, token: &Token) -> usize {
    match token {
        Token::Sign('(' | '[' | '{') | Token::Signs("$(" | "@(") => depth + 1,
        Token::Sign(')' | ']' | '}') => depth.saturating_sub(1),
        _ => depth,
    }
}

pub fn in_block(tokens: &[Placed]) -> Vec<bool> {
    let braces = tokens.iter().scan(0_usize, |depth, placed| {
        match placed.token {
            Token::Sign('{') => *depth += 1,
            Token::Sign('}') => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth > 0)
    });
    braces.collect()
}

/// Whether a comma that stands beside a token separates arguments of a method's call: there, it makes no list.
pub fn in_call(tokens: &[Placed]) -> Vec<bool> {
    // Of each bracket that is open: whether it is a call's, and whether it holds the name of a member.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut closed_name = false;
    let mut found = Vec::with_capacity(tokens.len());
    for (at, placed) in tokens.iter().enumerate() {
        let is_closing = matches!(placed.token, Token::Sign(')' | ']' | '}'));
        let closed = if is_closing { open.pop() } else { None };
        found.push(open.last().is_some_and(|bracket| bracket.0));
        if deeper(0, &placed.token) > 0 {
            let is_paren = placed.token == Token::Sign('(');
            open.push((is_paren && (is_call(tokens, at) || closed_name && adjoins(tokens, at)), is_member(tokens, at)));
        }
        closed_name = closed.is_some_and(|bracket| bracket.1);
    }
    found
}

/// Whether a token stands right behind the one before.
fn adjoins(tokens: &[Placed], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| before.end == tokens[at].start)
}

/// Whether a token stands where the name of a member does: `.name`, `::name`.
fn is_member(tokens: &[Placed], at: usize) -> bool {
    let has_dot = at > 1 && matches!(tokens[at - 1].token, Token::Sign('.') | Token::Signs("::"));
    has_dot && adjoins(tokens, at) && adjoins(tokens, at - 1)
}

/// `.name(`, `::name(`, `."name"(`
fn is_call(tokens: &[Placed], open: usize) -> bool {
    let Some(name) = open.checked_sub(1).filter(|_| adjoins(tokens, open)) else { return false };
    let is_name =
        matches!(tokens[name].token, Token::Word(..) | Token::Text(_) | Token::Expanding(_) | Token::Variable(_));
    is_name && is_member(tokens, name) && !is_of_word(tokens, name)
}

/// Whether it is a member of a mere word: `New-Object IO.StreamReader(` names a type.
fn is_of_word(tokens: &[Placed], name: usize) -> bool {
    let mut of = name - 2;
    while matches!(tokens[of].token, Token::Word(..)) {
        if !is_member(tokens, of) {
            return true;
        }
        of -= 2;
    }
    false
}

/// What changes each variable, in the order of the text.
pub fn changes(tokens: &[Placed]) -> HashMap<String, Vec<Change>> {
    let mut changes: HashMap<String, Vec<Change>> = HashMap::new();
    let (mut depth, mut types) = (0, 0);
    for (at, placed) in tokens.iter().enumerate() {
        depth = deeper(depth, &placed.token);
        let Token::Variable(name) = &placed.token else {
            types = if matches!(placed.token, Token::Type(_)) { types + 1 } else { 0 };
            continue;
        };
        let declared = std::mem::take(&mut types);
        let Some(kind) = change(tokens, at) else { continue };
        let (value, declared, outer) = match kind {
            Kind::Assigned => (at + 2, declared, depth),
            Kind::Added => (at + 3, 0, depth),
            _ => (at, 0, depth.saturating_sub(1)),
        };
        let change = Change { kind, at: value, types: at - declared..at, is_inner: outer > 0 };
        changes.entry(name.clone()).or_default().push(change);
    }
    changes
}

/// What the place of a variable does to it.
fn change(tokens: &[Placed], at: usize) -> Option<Kind> {
    let sign = |ahead: usize| match tokens.get(at + ahead).map(|placed| &placed.token) {
        Some(Token::Sign(sign)) => *sign,
        _ => ' ',
    };
    let is_loop =
        at >= 1 && matches!(tokens.get(at + 1).map(|placed| &placed.token), Some(Token::Word(word, _)) if word == "in");
    let is_counted = matches!((sign(1), sign(2)), ('-' | '*' | '/' | '%', '=') | ('+', '+') | ('-', '-'));
    if is_loop || is_counted || (sign(1) == '[' && is_element_assigned(tokens, at + 1)) {
        return Some(Kind::Unknown);
    }
    if let Some(method) = array_method(tokens, at) {
        let is_whole = sign(1) == ')' && method == "reverse";
        return Some(if is_whole { Kind::Reversed } else { Kind::Unknown });
    }
    match (sign(1), sign(2)) {
        ('+', '=') => Some(Kind::Added),
        ('=', second) if second != '=' => Some(Kind::Assigned),
        _ => None,
    }
}

/// What is done to a list in its place: `[array]::Reverse($name)`, `[array]::Sort($name)`, and what is copied into it.
fn array_method(tokens: &[Placed], at: usize) -> Option<&str> {
    /// Tokens of the arguments before.
    const MOST: usize = 16;
    let mut closed = 0_usize;
    let open = (at.saturating_sub(MOST)..at).rev().find(|&before| match tokens[before].token {
        Token::Sign('(') if closed == 0 => true,
        Token::Sign('(') => {
            closed -= 1;
            false
        }
        Token::Sign(')') => {
            closed += 1;
            false
        }
        _ => false,
    })?;
    let Token::Word(method, _) = &tokens.get(open.checked_sub(1)?)?.token else { return None };
    let of = tokens.get(open.checked_sub(3)?).map(|placed| &placed.token);
    let is_changing = matches!(method.as_str(), "reverse" | "sort" | "copy" | "clear" | "blockcopy");
    let is_array = matches!(of, Some(Token::Type(name)) if name == "array" || name.ends_with("buffer"));
    (is_changing && is_array).then_some(method.as_str())
}

/// `[...] = `
fn is_element_assigned(tokens: &[Placed], open: usize) -> bool {
    let close = tokens.iter().skip(open).take(16).position(|placed| placed.token == Token::Sign(']'));
    close.is_some_and(|close| tokens.get(open + close + 1).is_some_and(|placed| placed.token == Token::Sign('=')))
}
