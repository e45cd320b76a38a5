//! One input of a fuzzer as calls of a module, and what must be true of each answer.
//!
//! An input is a sample, then decisions, then the number of decisions and the function, a byte each. Function 0 is
//! `analyze` as a triage calls it, so that a sample becomes an input by two zeros behind it.

use std::collections::HashSet;

use module_kit::{Call, Module, Output, Refusal};
use serde_json::{Value, json};

use crate::arguments::Choices;

/// Behind a sample: no decisions, `analyze`.
pub const PLAIN: [u8; 2] = [0, 0];
/// Bytes that the host takes.
const MAX_ANSWER: usize = 16 << 20;
const CODES: [&str; 4] = ["unknown_function", "invalid_args", "no_sample", "unsupported"];

/// Runs the calls that an input stands for.
///
/// # Panics
/// For an answer that breaks the contract.
pub fn run<M: Module>(input: &[u8]) {
    let Some((rest, &[count, function])) = input.split_last_chunk::<2>() else { return };
    let (sample, decisions) = rest.split_at(rest.len() - usize::from(count).min(rest.len()));
    let functions = M::description().functions;
    let Some(chosen) = usize::from(function).checked_sub(1).and_then(|index| functions.get(index % functions.len()))
    else {
        return analyze::<M>(sample);
    };
    let args = Choices::new(decisions, sample).object(&chosen.args);
    let answer = ask::<M>(chosen.name, &args, chosen.needs_sample.then_some(sample), None);
    // What a call kept, the next ones of its session are given.
    if let Some(state) = answer.ok().and_then(|output| output.state) {
        let next = ask::<M>("analyze", &json!({}), (!sample.is_empty()).then_some(sample), Some(&state));
        drop(next);
    }
}

/// Runs `analyze` of a module that has no sample, with the input as the JSON of its arguments.
///
/// # Panics
/// For an answer that breaks the contract.
pub fn run_with_args<M: Module>(input: &[u8]) {
    let Ok(args) = std::str::from_utf8(input) else { return };
    let Ok(call) = Call::parse(&format!(r#"{{"function": "analyze", "args": {args}}}"#)) else { return };
    examine(&M::analyze(&call, None));
}

/// No sample is refused.
fn analyze<M: Module>(sample: &[u8]) {
    let answer = ask::<M>("analyze", &json!({}), Some(sample), None);
    if let Err(refusal) = answer {
        assert!(sample.is_empty(), "{refusal:?}");
    }
}

fn ask<M: Module>(
    function: &str,
    args: &Value,
    sample: Option<&[u8]>,
    state: Option<&[u8]>,
) -> Result<Output, Refusal> {
    let info = sample.map(|sample| json!({"size": sample.len(), "name": "x.pdf.exe"}));
    let call = json!({"function": function, "args": args, "sample": info});
    let mut call = Call::parse(&call.to_string()).expect("a call");
    call.state = state.map(<[u8]>::to_vec);
    let answer = M::analyze(&call, sample);
    examine(&answer);
    answer
}

fn examine(answer: &Result<Output, Refusal>) {
    match answer {
        Ok(output) => check(output),
        Err(refusal) => assert!(CODES.contains(&refusal.code), "{refusal:?}"),
    }
}

fn check(output: &Output) {
    let text = serde_json::to_string(output).expect("JSON");
    assert!(text.len() <= MAX_ANSWER, "{} bytes", text.len());
    let mut ids = HashSet::new();
    for finding in &output.findings {
        assert!(ids.insert(&finding.id), "{} twice", finding.id);
        assert!(is_slug(&finding.id), "{}", finding.id);
        assert!((1..=200).contains(&finding.title.chars().count()), "{}", finding.title);
        assert!(finding.confidence <= 100);
    }
}

fn is_slug(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._/-".contains(&byte);
    id.len() <= 96 && id.bytes().all(allowed) && id.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}
