//! Python: constants folded as far as they are decoders' work, and what is run taken out.

mod evaluate;
mod format;
pub mod marshal;
mod methods;
mod token;

use crate::budget::Budget;
use crate::language::Language;
use crate::peel::{Found, Rewrite, Technique};
use crate::score;
use crate::script::Value;
use evaluate::Evaluator;
use token::{Placed, Token};

/// What runs what it is given.
const RUNNERS: [&str; 3] = ["exec", "eval", "compile"];
/// Decoded data that nothing visibly runs counts from so many bytes.
const LEAST_DATA: usize = 24;

pub fn undo(text: &str, budget: &mut Budget) -> Rewrite {
    let tokens = token::tokens(text);
    let mut evaluator = Evaluator::new(&tokens, budget);
    let mut found: Vec<Found> = Vec::new();
    for (at, placed) in tokens.iter().enumerate() {
        let Token::Name(name) = &placed.token else { continue };
        if found.last().is_some_and(|last| placed.start < last.end)
            || !matches!(tokens.get(at + 1).map(|placed| &placed.token), Some(Token::Sign('(')))
        {
            continue;
        }
        let is_member = at > 0 && tokens[at - 1].token == Token::Sign('.');
        if RUNNERS.contains(&name.as_str()) && !is_member {
            found.extend(run(&mut evaluator, &tokens, at));
        } else if !is_member || name == "loads" {
            found.extend(decoded(&mut evaluator, &tokens, at, name));
        }
    }
    // What is run is made of the decoders' work in it, which is no news by itself.
    let runs: Vec<(usize, usize)> = found.iter().map(|one| (one.start, one.end)).collect();
    for name in evaluator.decoders() {
        let is_in =
            |&(start, end): &(usize, usize)| tokens.get(name).is_some_and(|at| start <= at.start && at.end <= end);
        if !runs.iter().any(is_in) {
            found.extend(data(&mut evaluator, &tokens, name));
        }
    }
    found.sort_by_key(|one| one.start);
    Rewrite { found, ..Rewrite::default() }
}

/// The argument of `exec` and its like.
fn run(evaluator: &mut Evaluator<'_, '_>, tokens: &[Placed], at: usize) -> Option<Found> {
    let (value, end) = evaluator.constant(at + 2)?;
    let (start, stop) = (tokens.get(at + 2)?.start, tokens.get(end.checked_sub(1)?)?.end);
    // A text that stands there as it is, is its own.
    let layer = match value {
        Value::Name(packed) => return marshalled(&packed, start, stop),
        Value::Text(text) => text.into_bytes(),
        other => other.bytes()?,
    };
    (layer.trim_ascii().len() >= 4)
        .then(|| Found::part(Technique::Eval, 100, layer).at(start, stop).language(Language::Python))
}

/// `marshal.loads(...)` of something known: compiled code, which is told by its header and not read here.
fn marshalled(hex: &str, start: usize, end: usize) -> Option<Found> {
    let content = crate::decode::text::hex_strict(hex.strip_prefix("marshal:")?.as_bytes())?;
    Some(Found::part(Technique::Marshal, 95, content).at(start, end))
}

/// A call that gives a decoded text, although nothing that runs it is seen.
fn decoded(evaluator: &mut Evaluator<'_, '_>, tokens: &[Placed], at: usize, name: &str) -> Option<Found> {
    if name == "loads" {
        let from = at.checked_sub(2)?;
        let (Value::Name(packed), end) = evaluator.constant(from)? else { return None };
        return marshalled(&packed, tokens.get(from)?.start, tokens.get(end - 1)?.end);
    }
    if !methods::is_decoder(name) {
        return None;
    }
    data(evaluator, tokens, at)
}

fn data(evaluator: &mut Evaluator<'_, '_>, tokens: &[Placed], at: usize) -> Option<Found> {
    let (value, end) = evaluator.constant(at)?;
    let content = value.bytes().filter(|content| content.len() >= LEAST_DATA)?;
    score::verdict(&content).filter(|verdict| verdict.confidence >= 75)?;
    let (start, stop) = (tokens.get(at)?.start, tokens.get(end.checked_sub(1)?)?.end);
    Some(Found::part(Technique::Python, 97, content).at(start, stop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_and_counts_are_those_of_the_language() {
        for (text, run) in [
            (r"exec(b'\\x70rint(1)'.decode('unicode_escape'))", Some("print(1)")),
            (r"exec('print(1)'.encode('latin-1'))", Some("print(1)")),
            (r"exec('print(1)'.encode('utf-16'))", None),
            (r"exec(b'print(1)'.decode('cp500'))", None),
            (r"exec('a|print(1)|c'.split('|', 1)[1])", None),
            (r"exec('pXintX'.replace('X', 'r', 1))", None),
        ] {
            let found = undo(text, &mut Budget::new(text.len())).found;
            let content = found.first().map(|one| String::from_utf8_lossy(&one.content).into_owned());
            assert_eq!(content.as_deref(), run, "{text}");
        }
    }
}
