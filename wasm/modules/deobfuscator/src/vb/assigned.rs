//! Where names of Visual Basic get their values.

use std::collections::HashMap;

use super::token::{Placed, Token};

/// Where names get their values: the tokens at which these begin.
pub type Assigned<'t> = HashMap<&'t str, Vec<usize>>;

/// A name gets values that are not written here: it is a loop's or a function's, or an element of it is set.
const ELSEWHERE: usize = usize::MAX;

pub fn assigned(tokens: &[Placed]) -> Assigned<'_> {
    let mut places: Assigned<'_> = HashMap::new();
    let name = |at: usize| match tokens.get(at).map(|placed| &placed.token) {
        Some(Token::Name(name)) => Some(name.as_str()),
        _ => None,
    };
    let is = |at: usize, sign: char| tokens.get(at).is_some_and(|placed| placed.token == Token::Sign(sign));
    for at in 0..tokens.len() {
        let Some(found) = name(at) else { continue };
        let before = at.checked_sub(1).map(|before| &tokens[before].token);
        let begins = matches!(before, None | Some(Token::Line | Token::Sign(':')))
            || at
                .checked_sub(1)
                .and_then(name)
                .is_some_and(|word| matches!(word, "const" | "then" | "else" | "set" | "let"));
        if begins && is(at + 1, '=') {
            places.entry(found).or_default().push(at + 2);
        } else if at
            .checked_sub(1)
            .and_then(name)
            .is_some_and(|word| matches!(word, "for" | "each" | "function" | "sub" | "byref"))
            || (begins && is(at + 1, '(') && is_element_assigned(tokens, at + 1))
        {
            places.entry(found).or_default().push(ELSEWHERE);
        }
    }
    places
}

/// Names that get a value in one place, in the order of these.
pub fn once(assigned: &Assigned<'_>) -> Vec<(String, usize)> {
    let only = assigned.iter().filter_map(|(name, places)| match places.as_slice() {
        [at] if *at != ELSEWHERE => Some(((*name).to_owned(), *at)),
        _ => None,
    });
    let mut all: Vec<(String, usize)> = only.collect();
    all.sort_by_key(|(_, at)| *at);
    all
}

/// `name(...) = `
fn is_element_assigned(tokens: &[Placed], open: usize) -> bool {
    let close = tokens.iter().skip(open).take(16).position(|placed| placed.token == Token::Sign(')'));
    close.is_some_and(|close| tokens.get(open + close + 1).is_some_and(|placed| placed.token == Token::Sign('=')))
}

/// Whether a token is where it may be run never, or more than once: in a branch, a loop, or behind `Then` in its line.
pub fn in_block(tokens: &[Placed]) -> Vec<bool> {
    let name = |at: usize| match tokens.get(at).map(|placed| &placed.token) {
        Some(Token::Name(name)) => name.as_str(),
        _ => "",
    };
    let begins = |at: usize| match at.checked_sub(1).map(|before| &tokens[before].token) {
        None | Some(Token::Line | Token::Sign(':')) => true,
        Some(Token::Name(word)) => matches!(word.as_str(), "then" | "else"),
        Some(_) => false,
    };
    let (mut depth, mut is_else, mut is_line) = (0_usize, false, false);
    let inner = (0..tokens.len()).map(|at| {
        match name(at) {
            "elseif" => is_else = true,
            "then" if std::mem::take(&mut is_else) => {}
            "then" if matches!(tokens.get(at + 1).map(|next| &next.token), None | Some(Token::Line)) => depth += 1,
            "then" => is_line = true,
            "do" | "while" | "for" | "select" if begins(at) => depth += 1,
            "loop" | "wend" | "next" if begins(at) => depth = depth.saturating_sub(1),
            "if" | "select" if at.checked_sub(1).map(name) == Some("end") => depth = depth.saturating_sub(1),
            _ => is_line &= tokens[at].token != Token::Line,
        }
        depth > 0 || is_line
    });
    inner.collect()
}
