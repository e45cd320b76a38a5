//! What a script did, in order. The shapes are those of `athena_lab/report/behaviour.py`.

use std::collections::HashMap;

use serde::Serialize;

use crate::classify::Meaning;
use crate::commands;
use crate::journal::{AGAIN, BEGAN, CALL, CODE, Journal, LOST, TOUCHED, UNLISTED};
use crate::limits::{
    MAX_ARGUMENTS, MAX_CALLS, MAX_CODE, MAX_CODE_BYTES, MAX_LISTED, MAX_QUIET_CALLS, MAX_TELLING, MAX_TELLING_LISTED,
    MAX_TEXT, MAX_TOUCHED, MAX_TRACE_TEXT,
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

const CATEGORIES: [Category; 10] = [
    Category::File,
    Category::Registry,
    Category::Process,
    Category::Network,
    Category::Persistence,
    Category::Evasion,
    Category::Time,
    Category::User,
    Category::Code,
    Category::Other,
];

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
    /// It took memory or time until the guest was stopped; what is told is what was kept until then.
    Stopped,
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

/// The lists of what was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum List {
    Files,
    Registry,
    Processes,
    Network,
    Persistence,
    Evasion,
    Waits,
}

const LISTS: [List; 7] =
    [List::Files, List::Registry, List::Processes, List::Network, List::Persistence, List::Evasion, List::Waits];

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
    /// With other contents that were not kept of a run that was stopped.
    pub code_left_out: usize,
    /// Files that it wrote: path and content.
    pub dropped: Vec<(String, Vec<u8>)>,
    /// Those of a run that was stopped of which only path and beginning were kept.
    pub lost: Vec<(String, Vec<u8>)>,
    /// What the network answers to whoever asks.
    pub answers: Vec<Vec<u8>>,
    /// Addresses whose answers the script read, in that order. Not kept of a run that is stopped.
    pub answers_read: Vec<String>,
    /// How many of them were at hand when a text was run first, and when a file was written last, by its path in lower case:
    /// answers are alike, and any of those may be in it.
    pub code_sources: HashMap<String, usize>,
    pub file_sources: HashMap<String, usize>,
    /// Whether the page has more than was read of it or shown to its scripts.
    pub page_left_out: bool,
    /// Limits of the sandbox that it met.
    pub met: Vec<&'static str>,
    text: usize,
    code_bytes: usize,
    quiet_calls: u64,
    journal: Journal,
    /// The last call that is listed was kept.
    is_kept: bool,
}

impl Trace {
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        Self { journal, ..Self::default() }
    }

    /// Of a run that is stopped from now on there is something to tell.
    pub fn begin(&self) {
        self.journal.note(BEGAN, &[]);
    }

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
            self.journal.note(if self.is_kept { AGAIN } else { UNLISTED }, &[]);
            return;
        }
        let size = call.api.len() + call.result.len() + call.args.iter().map(String::len).sum::<usize>();
        let acts = matches!(call.category, Category::Process | Category::Network | Category::Persistence);
        let is_telling = acts && !call.techniques.is_empty();
        let (calls, text) = if is_telling { (MAX_TELLING_LISTED, MAX_TRACE_TEXT / 8) } else { (0, 0) };
        if self.calls.len() < MAX_LISTED + calls && self.text + size <= MAX_TRACE_TEXT + text {
            self.text += size;
            self.is_kept = self.note(&call);
            if !self.is_kept {
                self.journal.note(UNLISTED, &[]);
            }
            self.calls.push(call);
        } else {
            self.journal.note(UNLISTED, &[]);
        }
    }

    /// With what was judged of it: arguments may be cut until then.
    fn note(&self, call: &Call) -> bool {
        let at = call.at.to_le_bytes();
        let judged = [&[call.category as u8], call.techniques.join(" ").as_bytes()].concat();
        let mut fields: Vec<&[u8]> = vec![&at, call.api.as_bytes(), call.result.as_bytes(), &judged];
        fields.extend(call.args.iter().map(String::as_bytes));
        self.journal.note(CALL, &fields)
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
        if !self.journal.note_content(CODE, &[by.as_bytes(), text.as_bytes()]) {
            self.journal.note_lost(&[]);
        }
        self.code.push(Code { by, text: text.to_owned() });
        true
    }

    /// The script was given what an address answered.
    pub fn read_answer(&mut self, url: &str) {
        if self.answers_read.len() < MAX_TOUCHED && self.answers_read.iter().all(|known| known != url) {
            self.answers_read.push(url.to_owned());
        }
    }

    /// Addresses whose answers were at hand; none where that is not known.
    #[must_use]
    pub fn at_hand(&self, count: Option<&usize>) -> &[String] {
        count.and_then(|&count| self.answers_read.get(..count)).unwrap_or_default()
    }

    /// Files that it wrote: path, and content or what is left of that.
    pub fn written(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.dropped.iter().chain(&self.lost)
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
        self.touch(List::Waits, what, target);
    }

    /// Adds what is new, up to a cap.
    pub fn touch(&mut self, list: List, operation: &'static str, target: &str) {
        let touched = Touched { operation, target: cut(target) };
        let most = MAX_TOUCHED + if is_telling(list, &touched) { MAX_TELLING } else { 0 };
        let listed = self.list_of(list);
        if listed.len() < most && !listed.contains(&touched) {
            listed.push(touched.clone());
            self.journal.note(TOUCHED, &[&[list as u8], operation.as_bytes(), touched.target.as_bytes()]);
        }
    }

    const fn list_of(&mut self, list: List) -> &mut Vec<Touched> {
        match list {
            List::Files => &mut self.files,
            List::Registry => &mut self.registry,
            List::Processes => &mut self.processes,
            List::Network => &mut self.network,
            List::Persistence => &mut self.persistence,
            List::Evasion => &mut self.evasion,
            List::Waits => &mut self.waits,
        }
    }

    /// Does what a record says was done.
    pub fn replay(&mut self, kind: u8, fields: &[&[u8]]) {
        let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        match (kind, fields) {
            (CALL, [at, api, result, [category, techniques @ ..], args @ ..]) => {
                let at = at.first_chunk().map_or(0, |at| u64::from_le_bytes(*at));
                let args: Vec<String> = args.iter().map(|arg| text(arg)).collect();
                let category = CATEGORIES.get(usize::from(*category)).copied().unwrap_or(Category::Other);
                let techniques = text(techniques).leak().split_whitespace().collect();
                self.call(at, &text(api), args, &text(result), Meaning { category, techniques });
            }
            (AGAIN, _) => {
                self.calls_total += 1;
                self.calls.last_mut().into_iter().for_each(|last| last.times += 1);
            }
            (UNLISTED, _) => self.calls_total += 1,
            (TOUCHED, [list, operation, target]) => {
                if let Some(&list) = list.first().and_then(|&number| LISTS.get(usize::from(number))) {
                    self.touch(list, text(operation).leak(), &text(target));
                }
            }
            (CODE, [by, code]) => drop(self.run(text(by).leak(), &text(code))),
            (LOST, _) => self.code_left_out += 1,
            _ => {}
        }
    }
}

/// Whether more was done than to look. A flood of the rest leaves room for it.
fn is_telling(list: List, touched: &Touched) -> bool {
    match list {
        List::Files | List::Registry => touched.operation != "read",
        List::Processes => !commands::techniques(&touched.target).is_empty(),
        _ => false,
    }
}

fn is_same(one: &Call, other: &Call) -> bool {
    one.api == other.api && one.args == other.args && one.result == other.result
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
