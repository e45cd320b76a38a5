//! What a script did, in order. The shapes are those of `athena_lab/report/behaviour.py`.

use serde::Serialize;

use crate::classify::Meaning;
use crate::limits::{
    MAX_ARGUMENTS, MAX_CALLS, MAX_CODE, MAX_CODE_BYTES, MAX_LISTED, MAX_QUIET_CALLS, MAX_TEXT, MAX_TOUCHED,
    MAX_TRACE_TEXT,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    File,
    Registry,
    Process,
    Network,
    Persistence,
    Evasion,
    Time,
    User,
    Code,
    Other,
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    Finished,
    /// It ran out of instructions.
    Steps,
    /// It ran out of calls, or of another share of the host.
    Calls,
    /// It threw what nobody caught.
    Exception,
    /// It did nothing, and had asked for something that it did not get.
    Waits,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    pub number: u64,
    /// Milliseconds on the virtual clock.
    pub at: u64,
    pub api: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub result: String,
    pub category: Category,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<&'static str>,
    /// How often it came one after the other.
    #[serde(skip_serializing_if = "is_one")]
    pub times: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_one(times: &u64) -> bool {
    *times == 1
}

/// What was done to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Touched {
    pub operation: &'static str,
    pub target: String,
}

/// A text that was run as code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What ran it: "eval", "Function", "Execute" ...
    pub by: &'static str,
    pub text: String,
}

/// All of one run.
#[derive(Debug, Default)]
pub struct Trace {
    pub ended: Option<Ended>,
    /// What was thrown; hostile.
    pub error: String,
    pub steps: u64,
    pub calls: Vec<Call>,
    /// With those that are not listed.
    pub calls_total: u64,
    pub files: Vec<Touched>,
    pub registry: Vec<Touched>,
    pub processes: Vec<Touched>,
    pub network: Vec<Touched>,
    pub persistence: Vec<Touched>,
    pub evasion: Vec<Touched>,
    pub waits: Vec<Touched>,
    pub code: Vec<Code>,
    pub code_left_out: usize,
    /// Files that it wrote: path and content.
    pub dropped: Vec<(String, Vec<u8>)>,
    /// What the network answers to whoever asks.
    pub answers: Vec<Vec<u8>>,
    text: usize,
    code_bytes: usize,
    quiet_calls: u64,
}

impl Trace {
    /// Writes a call down. False when there are no more to be had.
    pub fn call(&mut self, at: u64, api: &str, args: Vec<String>, result: &str, meaning: Meaning) -> bool {
        self.calls_total += 1;
        let args: Vec<String> = args.into_iter().take(MAX_ARGUMENTS).map(|arg| cut(&arg)).collect();
        let call = Call {
            number: self.calls_total,
            at,
            api: cut(api),
            args,
            result: cut(result),
            category: meaning.category,
            techniques: meaning.techniques,
            times: 1,
        };
        self.list(call);
        self.calls_total < MAX_CALLS
    }

    /// Counts what costs as much as so many calls that are not written down.
    pub const fn work(&mut self, calls: u64) {
        self.quiet_calls = self.quiet_calls.saturating_add(calls);
    }

    /// One that is not written down. False when there are no more to be had.
    pub const fn quiet_call(&mut self) -> bool {
        self.quiet_calls += 1;
        self.quiet_calls < MAX_QUIET_CALLS
    }

    /// Whether it asked for something that it did not get, or for the date, which may not be the one that it waits for.
    #[must_use]
    pub fn waited(&self) -> bool {
        !self.waits.is_empty()
    }

    fn list(&mut self, call: Call) {
        if let Some(last) = self.calls.last_mut().filter(|last| is_same(last, &call)) {
            last.times += 1;
            return;
        }
        let size = call.api.len() + call.result.len() + call.args.iter().map(String::len).sum::<usize>();
        if self.calls.len() < MAX_LISTED && self.text + size <= MAX_TRACE_TEXT {
            self.text += size;
            self.calls.push(call);
        }
    }

    /// A text that is run. False where the same one was run before.
    pub fn run(&mut self, by: &'static str, text: &str) -> bool {
        if self.code.iter().any(|code| code.text == text) {
            return false;
        }
        if self.code.len() >= MAX_CODE || self.code_bytes + text.len() > MAX_CODE_BYTES {
            self.code_left_out += 1;
            return true;
        }
        self.code_bytes += text.len();
        self.code.push(Code { by, text: text.to_owned() });
        true
    }

    /// Whether it did anything that is more than asking.
    #[must_use]
    pub fn has_effects(&self) -> bool {
        !self.processes.is_empty()
            || !self.network.is_empty()
            || !self.persistence.is_empty()
            || !self.dropped.is_empty()
            || self.files.iter().chain(&self.registry).any(|it| it.operation != "read")
    }

    pub fn wait(&mut self, what: &'static str, target: &str) {
        touch(&mut self.waits, what, target);
    }
}

fn is_same(one: &Call, other: &Call) -> bool {
    one.api == other.api && one.args == other.args && one.result == other.result
}

/// Adds what is new, up to a cap.
pub fn touch(list: &mut Vec<Touched>, operation: &'static str, target: &str) {
    let touched = Touched { operation, target: cut(target) };
    if list.len() < MAX_TOUCHED && !list.contains(&touched) {
        list.push(touched);
    }
}

/// The beginning of a text, with a mark where it was longer.
#[must_use]
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}\u{2026}", text.get(..at).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other() -> Meaning {
        Meaning { category: Category::Other, techniques: Vec::new() }
    }

    #[test]
    fn repeated_calls_are_one_row_and_all_are_counted() {
        let mut trace = Trace::default();
        for _ in 0..9 {
            assert!(trace.call(0, "WScript.Sleep", vec!["1".to_owned()], "", other()));
        }
        assert_eq!((trace.calls.len(), trace.calls[0].times, trace.calls_total), (1, 9, 9));
    }

    #[test]
    fn a_flood_ends() {
        let mut trace = Trace::default();
        let mut number = 0;
        while trace.call(0, "x", vec![number.to_string(), "\u{e4}".repeat(9_000)], "", other()) {
            number += 1;
        }
        assert_eq!(trace.calls_total, MAX_CALLS);
        assert!(trace.calls.len() <= MAX_LISTED);
        assert!(trace.text <= MAX_TRACE_TEXT);
    }

    #[test]
    fn the_same_code_is_kept_once() {
        let mut trace = Trace::default();
        assert!(trace.run("eval", "1"));
        assert!(!trace.run("eval", "1"));
        assert_eq!(trace.code.len(), 1);
    }
}
