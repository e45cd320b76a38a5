//! Loops of Visual Basic that make a text of a list or of numbers: a few assignments, once for each.

use std::ops::Range;

use super::token::{Placed, Token};

/// Assignments in one loop.
const MAX_STEPS: usize = 8;

/// What a loop goes through: tokens at which these begin.
#[derive(Debug, Clone, Copy)]
pub enum Over {
    List(usize),
    Numbers(usize),
}

/// `name = value`, or `name = name & value`, which only adds to it.
#[derive(Debug)]
pub struct Step<'t> {
    pub name: &'t str,
    pub value: usize,
    /// The sign with which it adds.
    pub adds: Option<char>,
}

/// `For Each name In list ... Next`, `For name = from To to ... Next`.
#[derive(Debug)]
pub struct Loop<'t> {
    pub name: &'t str,
    pub over: Over,
    pub body: Vec<Step<'t>>,
    /// The loop's tokens.
    pub place: Range<usize>,
}

/// Loops without anything in them but assignments, in the order of the text. One in another goes more than once.
pub fn find(tokens: &[Placed]) -> Vec<Loop<'_>> {
    let (mut found, mut depth) = (Vec::new(), 0_usize);
    for at in (0..tokens.len()).filter(|&at| begins(tokens, at)) {
        match word(tokens, at) {
            Some("for" | "do" | "while") => {
                found.extend(read(tokens, at).filter(|_| depth == 0));
                depth += 1;
            }
            Some("next" | "loop" | "wend") => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

fn word(tokens: &[Placed], at: usize) -> Option<&str> {
    match &tokens.get(at)?.token {
        Token::Name(name) => Some(name),
        _ => None,
    }
}

fn is_word(tokens: &[Placed], at: usize, wanted: &str) -> bool {
    word(tokens, at) == Some(wanted)
}

fn is_sign(tokens: &[Placed], at: usize, wanted: char) -> bool {
    tokens.get(at).is_some_and(|placed| placed.token == Token::Sign(wanted))
}

fn is_end(tokens: &[Placed], at: usize) -> bool {
    tokens.get(at).is_none_or(|placed| matches!(placed.token, Token::Line | Token::Sign(':')))
}

fn begins(tokens: &[Placed], at: usize) -> bool {
    at.checked_sub(1).is_none_or(|before| is_end(tokens, before))
}

/// The next end of a statement.
fn statement_end(tokens: &[Placed], at: usize) -> Option<usize> {
    (at..=tokens.len()).find(|&end| is_end(tokens, end))
}

fn read(tokens: &[Placed], at: usize) -> Option<Loop<'_>> {
    if !is_word(tokens, at, "for") {
        return None;
    }
    let is_each = is_word(tokens, at + 1, "each");
    let (name, value) = if is_each { (at + 2, at + 4) } else { (at + 1, at + 3) };
    let follows = if is_each { is_word(tokens, at + 3, "in") } else { is_sign(tokens, at + 2, '=') };
    let over = if is_each { Over::List(value) } else { Over::Numbers(value) };
    let (body, end) = body(tokens, statement_end(tokens, value)?)?;
    let is_made = follows && !body.is_empty();
    is_made.then_some(Loop { name: word(tokens, name)?, over, body, place: at..end })
}

/// The assignments until `Next`, and the token behind it.
fn body(tokens: &[Placed], mut at: usize) -> Option<(Vec<Step<'_>>, usize)> {
    let mut steps = Vec::new();
    loop {
        while at < tokens.len() && is_end(tokens, at) {
            at += 1;
        }
        if is_word(tokens, at, "next") {
            return Some((steps, at + 1));
        }
        let name = word(tokens, at).filter(|_| is_sign(tokens, at + 1, '=') && steps.len() < MAX_STEPS)?;
        let adds = ['&', '+'].into_iter().find(|&sign| is_word(tokens, at + 2, name) && is_sign(tokens, at + 3, sign));
        steps.push(Step { name, value: at + if adds.is_some() { 4 } else { 2 }, adds });
        at = statement_end(tokens, at)?;
    }
}
