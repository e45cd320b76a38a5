//! `VBScript.RegExp`. What the crate for regular expressions does not take, such as references back, answers in general words.

use regex_lite::{Captures, Regex, RegexBuilder};
use script_facts::regex::{may_read_on, most_times};

use super::collection::Collection;
use super::{Class, Object, class, wrong};
use crate::host::{Answer, Fault, Host};
use crate::limits::MAX_BYTES;
use crate::met;
use crate::value::{Value, argument, text};

static CLASS: Class = Class {
    name: "VBScript.RegExp",
    methods: &["Execute", "Replace", "Test"],
    properties: &["Global", "IgnoreCase", "Multiline", "Pattern"],
    quiet: &["Global", "IgnoreCase", "Multiline", "Pattern"],
    default: "",
};

/// Characters of an expression, and bytes that it may take where it is compiled, the most at last: what is larger has more
/// to follow at each character of a text.
const MAX_SOURCE: usize = 4_096;
const SIZES: [usize; 3] = [4 << 10, 16 << 10, 64 << 10];
/// Steps for each turn of a repetition with a bound, at each character; the most turns that are as good as none; steps for
/// compiling.
const TURN: u64 = 4;
const FEW_TURNS: u64 = 8;
const COMPILING: usize = 200;
/// Matches that one call gives: each is an object.
const MAX_MATCHES: usize = 20_000;

#[derive(Default)]
pub struct RegExp {
    pattern: String,
    is_global: bool,
    ignores_case: bool,
    has_lines: bool,
    /// Of what it is set to, once it was asked for something.
    compiled: Option<Pattern>,
}

struct Pattern {
    regex: Regex,
    /// Steps for a character, about.
    factor: usize,
    /// One search may read to the end of the text for a short match.
    is_risky: bool,
}

/// As the crate writes it: within brackets a few signs stand for themselves. None for brackets with nothing in them, which
/// others take for the beginning of ones that hold a bracket.
fn translated(source: &str) -> Option<String> {
    let mut output = String::with_capacity(source.len() + 8);
    let (mut in_class, mut is_escaped) = (false, false);
    for (at, char) in source.char_indices() {
        match char {
            _ if is_escaped => {}
            '[' if !in_class && is_empty_class(source.get(at + 1..)?) => return None,
            '[' | '&' | '~' if in_class => output.push('\\'),
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        // A sign that nothing else is meant by may be escaped there and not here.
        if is_escaped && matches!(char, '<' | '>' | '_') {
            output.pop();
        }
        is_escaped = char == '\\' && !is_escaped;
        output.push(char);
    }
    Some(output)
}

fn is_empty_class(behind: &str) -> bool {
    behind.strip_prefix('^').unwrap_or(behind).starts_with(']')
}

impl Pattern {
    fn of(object: &RegExp) -> Option<Self> {
        if object.pattern.len() > MAX_SOURCE {
            return None;
        }
        let source = translated(&object.pattern)?;
        let turns = most_times(&object.pattern);
        let many = if turns > FEW_TURNS { turns.saturating_mul(TURN) } else { 1 };
        SIZES.iter().enumerate().find_map(|(index, &size)| {
            let regex = RegexBuilder::new(&source)
                .case_insensitive(object.ignores_case)
                .multi_line(object.has_lines)
                .size_limit(size)
                .build()
                .ok()?;
            let factor = usize::try_from(many).unwrap_or(usize::MAX).max(1 << (2 * index));
            Some(Self { regex, factor, is_risky: may_read_on(&object.pattern) })
        })
    }

    /// What `each` makes of each match, until it says that it is enough.
    fn each<'t>(
        &self,
        text: &'t str,
        host: &mut Host,
        mut each: impl FnMut(&Captures<'t>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        host.spend(text.len().saturating_mul(self.factor) + 1)?;
        for found in self.regex.captures_iter(text) {
            if !each(&found)? {
                break;
            }
            let rest = text.len() - found.get(0).map_or(0, |all| all.end());
            host.spend(if self.is_risky { rest / 2 } else { 1 }.saturating_mul(self.factor))?;
        }
        Ok(())
    }

    fn replaced(&self, text: &str, by: &str, is_global: bool, host: &mut Host) -> Answer {
        let mut output = String::new();
        let mut copied = 0;
        self.each(text, host, |found| {
            let Some(all) = found.get(0) else { return Ok(false) };
            output += text.get(copied..all.start()).unwrap_or_default();
            put_in(&mut output, by, found, text);
            copied = all.end();
            if output.len() > MAX_BYTES { Err(wrong("Out of memory")) } else { Ok(is_global) }
        })?;
        output += text.get(copied..).unwrap_or_default();
        Ok(Value::text(output))
    }

    fn executed(&self, text: &str, is_global: bool, host: &mut Host) -> Answer {
        let mut matches = Vec::new();
        let (mut counted, mut index) = (0, 0);
        self.each(text, host, |found| {
            let Some(all) = found.get(0) else { return Ok(false) };
            index += units(text.get(counted..all.start()).unwrap_or_default());
            counted = all.start();
            let group = |at: usize| found.get(at).map_or(Value::Empty, |group| Value::text(group.as_str()));
            let groups = (1..found.len()).map(group).collect();
            matches.push(Match { text: all.as_str().to_owned(), index, groups });
            Ok(is_global && matches.len() < MAX_MATCHES)
        })?;
        if matches.len() >= MAX_MATCHES {
            met::meet("matches of an expression");
        }
        let objects = matches.into_iter().map(|found| host.add(Box::new(found))).collect::<Result<Vec<_>, _>>()?;
        host.add(Box::new(Collection::new("Matches", objects)))
    }
}

/// Characters as Windows counts them.
fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// A replacement, in which `$1` is a group, `$&` the match, and what is before and behind it has signs, too.
fn put_in(output: &mut String, by: &str, found: &Captures<'_>, text: &str) {
    let all = found.get(0).map_or(0..0, |all| all.range());
    let mut rest = by;
    while let Some(at) = rest.find('$') {
        *output += rest.get(..at).unwrap_or_default();
        let behind = rest.get(at + 1..).unwrap_or_default();
        let digits = behind.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let group = |length: usize| behind.get(..length)?.parse().ok().filter(|group| (1..found.len()).contains(group));
        let numbered = (1..=digits).rev().find_map(|length| group(length).map(|group| (length, group)));
        let (length, value) = match (numbered, behind.chars().next()) {
            (Some((length, group)), _) => (length, found.get(group).map_or("", |group| group.as_str())),
            (_, Some('&')) => (1, text.get(all.clone()).unwrap_or_default()),
            (_, Some('`')) => (1, text.get(..all.start).unwrap_or_default()),
            (_, Some('\'')) => (1, text.get(all.end..).unwrap_or_default()),
            (_, Some('$')) => (1, "$"),
            _ => (0, "$"),
        };
        *output += value;
        rest = behind.get(length..).unwrap_or_default();
        if output.len() > MAX_BYTES {
            return;
        }
    }
    *output += rest;
}

impl Object for RegExp {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "Pattern" => return Ok(Value::text(&self.pattern)),
            "Global" => return Ok(Value::Bool(self.is_global)),
            "IgnoreCase" => return Ok(Value::Bool(self.ignores_case)),
            "Multiline" => return Ok(Value::Bool(self.has_lines)),
            _ => {}
        }
        if self.compiled.is_none() {
            host.spend(COMPILING)?;
            self.compiled = Pattern::of(self);
        }
        let Some(pattern) = &self.compiled else { return host.generic(&format!("{}.{member}", CLASS.name)) };
        let subject = text(args, 0);
        match member {
            "Replace" => pattern.replaced(&subject, &text(args, 1), self.is_global, host),
            "Execute" => pattern.executed(&subject, self.is_global, host),
            _ => {
                host.spend(subject.len().saturating_mul(pattern.factor) + 1)?;
                Ok(Value::Bool(pattern.regex.is_match(&subject)))
            }
        }
    }

    fn put(&mut self, _host: &mut Host, member: &'static str, _args: &[Value], value: Value) -> Result<(), Fault> {
        self.compiled = None;
        match member {
            "Pattern" => self.pattern = value.to_text(),
            "Global" => self.is_global = value.to_bool(),
            "IgnoreCase" => self.ignores_case = value.to_bool(),
            "Multiline" => self.has_lines = value.to_bool(),
            _ => {}
        }
        Ok(())
    }
}

static MATCH: Class = Class {
    name: "Match",
    methods: &[],
    properties: &["FirstIndex", "Length", "SubMatches", "Value"],
    quiet: &["FirstIndex", "Length", "SubMatches", "Value"],
    default: "Value",
};

struct Match {
    text: String,
    index: usize,
    groups: Vec<Value>,
}

impl Object for Match {
    class!(MATCH);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "SubMatches" if !args.is_empty() => {
                let at = usize::try_from(argument(args, 0).to_integer()).ok();
                at.and_then(|at| self.groups.get(at))
                    .cloned()
                    .ok_or_else(|| wrong("Invalid procedure call or argument"))
            }
            "FirstIndex" => Ok(Value::size(self.index)),
            "Length" => Ok(Value::size(units(&self.text))),
            "SubMatches" => host.add(Box::new(Collection::new("SubMatches", self.groups.iter().cloned()))),
            _ => Ok(Value::text(&self.text)),
        }
    }
}
