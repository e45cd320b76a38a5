//! What a script would run that its text does not show: it is run here, as far as it can be without a host, and the
//! texts that it gives to `eval` and its like are kept.

use oxc_allocator::Allocator;

use super::machine::{Machine, Mode};
use super::parse;
use super::value::Value;
use crate::budget::Budget;
use crate::language::Language;
use crate::peel::{Found, Technique};
use crate::signs;

/// Without one of these, nothing is run that is not shown.
const SIGNS: [&str; 10] = [
    "eval",
    "Function",
    "constructor",
    "fromCharCode",
    "unescape",
    "write(",
    "setTimeout",
    "execScript",
    ".Run",
    "![]",
];
/// Bytes of a script that is run.
const MAX_TRACED: usize = 1 << 20;
/// Steps of one script.
const MAX_TRACE_STEPS: u64 = 2_000_000;

pub fn found(text: &str, budget: &mut Budget) -> Vec<Found> {
    let is_symbols = signs::is_program(text);
    if text.len() > MAX_TRACED || !(is_symbols || SIGNS.iter().any(|sign| text.contains(sign))) {
        return Vec::new();
    }
    let allocator = Allocator::default();
    let Some(program) = parse::program(&allocator, text, budget) else { return Vec::new() };
    let program = allocator.alloc(program);
    let least = budget.steps.saturating_sub(MAX_TRACE_STEPS);
    let mut machine = Machine::new(&allocator, budget, Mode::Trace);
    machine.least_steps = least;
    let last = machine.run(program);
    let captured = std::mem::take(&mut machine.captured);
    let mut found: Vec<Found> = captured
        .into_iter()
        .map(|one| {
            let (start, end) = (one.place.0.min(text.len()), one.place.1.min(text.len()));
            let packed = text.get(start..end).is_some_and(is_packer);
            let technique = match one.technique {
                _ if packed => Technique::Packer,
                Technique::Eval if is_symbols => Technique::Coercion,
                technique => technique,
            };
            let layer = Found::part(technique, 95, one.code.into_bytes()).at(start, end);
            match technique {
                Technique::Eval | Technique::Packer | Technique::Coercion => layer.language(Language::Javascript),
                Technique::DocumentWrite => layer.language(Language::Html),
                _ => layer,
            }
        })
        .collect();
    // A program of signs alone that is a text: what it says is what it is for.
    if let (true, true, Ok(Value::Text(units))) = (found.is_empty(), is_symbols, last)
        && !units.is_empty()
    {
        let content = String::from_utf16_lossy(&units).into_bytes();
        found.push(Found::part(Technique::Coercion, 95, content).at(0, text.len()));
    }
    found
}

/// Dean Edwards' packer, by its decoder's parameters.
pub fn is_packer(source: &str) -> bool {
    let head: String = source.chars().take(80).filter(|letter| !letter.is_whitespace()).collect();
    head.contains("function(p,a,c,k,e,")
}
