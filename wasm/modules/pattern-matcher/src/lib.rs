//! pattern-matcher: YARA rules. The engine is boreal; this crate says which rules, and what a match means.

mod includes;
mod judge;
mod limits;
mod modules;
mod options;
mod prepared;
mod ruleset;
mod scan;
mod split;
mod unroll;

use module_kit::{Call, Description, Module, Output, Refusal, parse_args};
use options::{Analyze, Check, Compile, Repeat, Rules, Scan};
use ruleset::{RuleSet, Status};

pub struct PatternMatcher;

impl Module for PatternMatcher {
    fn description() -> Description {
        options::description()
    }

    fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
        let sample = sample.filter(|sample| !sample.is_empty());
        match call.function.as_str() {
            "analyze" => analyze(call, sample),
            "scan" => scan(call, sample),
            "compile" => compile(call),
            "check" => check(call),
            "split" => split(call),
            "repeat" => repeat(call, sample),
            name => Err(Refusal::unknown_function(name)),
        }
    }

    fn prepare(call: &Call) -> bool {
        // A set that cannot be read is refused by the call itself.
        kept(call).map(RuleSet::warm).is_ok_and(prepared::keep)
    }
}

/// The session's set, or ours: as they were prepared, if they were.
fn kept(call: &Call) -> Result<RuleSet, Refusal> {
    match (&call.state, prepared::take()) {
        (Some(state), _) => RuleSet::restore(state),
        (None, Some(set)) => Ok(set),
        (None, None) => RuleSet::ours(),
    }
}

fn analyze(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options: Analyze = parse_args(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    let mut set = kept(call)?;
    set.set_now(options.now);
    output(set, data)
}

fn scan(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options: Scan = parse_args(&call.args)?;
    let data = sample.ok_or_else(Refusal::no_sample)?;
    let mut set = if options.rules.sources.is_empty() { kept(call)? } else { RuleSet::compile(&options.rules)? };
    if options.rules.sources.is_empty() {
        set.define(&options.rules.externals)?;
    }
    set.set_now(options.now);
    output(set, data)
}

fn output(set: RuleSet, data: &[u8]) -> Result<Output, Refusal> {
    let facts = scan::scan(&set, data)?;
    let findings = judge::judge(&set, &facts);
    if cfg!(target_arch = "wasm32") {
        // The sandbox's memory ends with the call: taking a large set apart would only take time.
        std::mem::forget(set);
    }
    Ok(Output::new(&facts, findings))
}

fn compile(call: &Call) -> Result<Output, Refusal> {
    let options: Compile = parse_args(&call.args)?;
    if options.rules.sources.is_empty() {
        return Err(Refusal::invalid_args("Arguments: `sources` has no rules.".to_owned()));
    }
    let set = RuleSet::compile(&options.rules)?;
    let (state, compiled) = set.keep(&options.rules)?;
    Ok(Output::new(&compiled, Vec::new()).keep(state))
}

fn check(call: &Call) -> Result<Output, Refusal> {
    let options: Check = parse_args(&call.args)?;
    let status: Status = ruleset::check(&options.rules)?;
    Ok(Output::new(&status, Vec::new()))
}

fn split(call: &Call) -> Result<Output, Refusal> {
    let options: Check = parse_args(&call.args)?;
    Ok(Output::new(&split::split(&options.rules)?, Vec::new()))
}

/// There is no clock in the sandbox: whoever calls compares the time of 0 times with that of some.
fn repeat(call: &Call, sample: Option<&[u8]>) -> Result<Output, Refusal> {
    let options: Repeat = parse_args(&call.args)?;
    if options.times > limits::MAX_TIMES {
        return Err(Refusal::invalid_args(format!("Arguments: `times` is at most {}.", limits::MAX_TIMES)));
    }
    let data = sample.ok_or_else(Refusal::no_sample)?;
    let rules = Rules { sources: options.sources, externals: options.externals, ..Rules::default() };
    let mut set = RuleSet::compile(&rules)?;
    set.set_now(options.now);
    let repeated = scan::repeat(&set, data, options.times)?;
    Ok(Output::new(&repeated, Vec::new()))
}

module_kit::component!(super::PatternMatcher, prepares);
