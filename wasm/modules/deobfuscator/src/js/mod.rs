//! JavaScript: parsed by oxc, constants evaluated in the tree until nothing changes, and what the script would run taken
//! out. A text is written anew only where enough speaks for its having been hidden.

mod dead;
mod expression;
mod flatten;
mod fold;
mod machine;
mod names;
mod natives;
mod nesting;
mod operate;
mod parse;
mod quote;
mod statement;
mod strings;
mod trace;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use oxc_allocator::Allocator;
use oxc_codegen::Codegen;

use crate::budget::Budget;
use crate::limits::{MAX_LAYER, MAX_ROUNDS};
use crate::peel::{Rewrite, Technique};

/// What is known of a text that is being written anew.
#[derive(Debug, Default)]
struct Progress {
    counts: BTreeMap<Technique, usize>,
    /// How much speaks for its being obfuscated, in hundredths.
    weight: usize,
    /// Names of declarations that only serve to decode.
    machinery: BTreeSet<String>,
    rounds: usize,
}

/// A few names in pieces, or one list of texts, weigh as much.
const ENOUGH: usize = 200;

pub fn undo(text: &str, budget: &mut Budget) -> Rewrite {
    if !budget.spend(text.len() / 32 + 1) {
        return Rewrite::default();
    }
    if trace::is_symbols(text) {
        // What its signs make is said best by what is run in the end.
        let found = trace::found(text, budget);
        if !found.is_empty() {
            return Rewrite { found, ..Rewrite::default() };
        }
    }
    let mut progress = Progress::default();
    let mut current: Option<String> = None;
    for _ in 0..MAX_ROUNDS {
        let Some(next) = round(current.as_deref().unwrap_or(text), budget, &mut progress) else { break };
        if next.len() > MAX_LAYER {
            break;
        }
        // What is no longer needed need not be run again.
        current = Some(without_machinery(&next, &progress.machinery, budget).unwrap_or(next));
    }
    if let Some(done) = current.filter(|_| progress.weight >= ENOUGH) {
        let tidy = tidied(&done, budget).unwrap_or(done);
        let steps = progress.counts.into_iter().collect();
        return Rewrite { text: Some(tidy), steps, found: Vec::new() };
    }
    Rewrite { text: None, steps: Vec::new(), found: trace::found(text, budget) }
}

/// One round of folding; None if nothing is left to be folded.
fn round(text: &str, budget: &mut Budget, progress: &mut Progress) -> Option<String> {
    let allocator = Allocator::default();
    let program = allocator.alloc(parse::program(&allocator, text, budget)?);
    let edits = fold::fold(&allocator, program, text, budget, progress);
    progress.rounds += 1;
    if edits.is_empty() { None } else { Some(edits.apply(text)) }
}

fn without_machinery(text: &str, machinery: &BTreeSet<String>, budget: &mut Budget) -> Option<String> {
    if machinery.is_empty() {
        return None;
    }
    let allocator = Allocator::default();
    let program = parse::program(&allocator, text, budget)?;
    dead::without(program, &allocator, text, machinery)
}

/// Printed so that it can be read.
fn tidied(text: &str, budget: &mut Budget) -> Option<String> {
    let allocator = Allocator::default();
    let program = parse::program(&allocator, text, budget).filter(parse::is_shallow)?;
    Some(Codegen::new().build(&program).code)
}
