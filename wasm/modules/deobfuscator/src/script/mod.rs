//! What the evaluators of PowerShell, Visual Basic and Python share: values, and the folding of constant expressions in a
//! list of tokens.

mod walk;

use crate::budget::Budget;
use crate::edits::Edits;
use crate::limits::{MAX_ELEMENTS, MAX_ROUNDS, MAX_VALUE};
use crate::peel::{Rewrite, Technique};
use std::collections::{BTreeMap, HashSet};

pub use walk::{Made, Placed, Walk, Walks};

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Char(char),
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    /// A type, a member or an object that is only handed on.
    Name(String),
}

impl Value {
    /// As a text, as the languages here write it into one.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Char(letter) => Some(letter.to_string()),
            Self::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Char(letter) => Some(i64::from(u32::from(*letter))),
            Self::Text(text) => number(text.trim()),
            _ => None,
        }
    }

    /// As bytes: a list of small numbers is one of bytes.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::List(items) => items.iter().map(|item| u8::try_from(item.int()?).ok()).collect(),
            Self::Text(text) => Some(text.as_bytes().to_vec()),
            _ => None,
        }
    }

    /// The elements of a list, bytes or a text.
    pub fn items(&self) -> Vec<Self> {
        match self {
            Self::List(items) => items.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|&byte| Self::Int(i64::from(byte))).collect(),
            other => vec![other.clone()],
        }
    }

    /// How much it holds.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Name(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => items.iter().map(|item| 8 + item.size()).sum(),
            Self::Char(_) | Self::Int(_) => 1,
        }
    }

    /// Bytes of memory that it takes.
    fn weight(&self) -> usize {
        match self {
            Self::List(items) => items.iter().map(|item| 48 + item.weight()).sum(),
            other => other.size(),
        }
    }

    /// None where it is more than an evaluation may make.
    pub fn bounded(self) -> Option<Self> {
        let is_long = matches!(&self, Self::List(items) if items.len() > MAX_ELEMENTS);
        (!is_long && self.size() <= MAX_VALUE).then_some(self)
    }
}

/// Texts with a separator between them; None where that is too long.
pub fn joined(texts: &[String], separator: &str) -> Option<String> {
    let between = separator.len().saturating_mul(texts.len());
    let size = texts.iter().fold(between, |size, text| size.saturating_add(text.len()));
    (size <= 2 * MAX_VALUE).then(|| texts.join(separator))
}

/// A text with what its places in braces stand for, `{{` and `}}` for a brace; None where one is not known, or it is too long.
pub fn filled(pattern: &str, mut place: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let (mut done, mut rest) = (String::new(), pattern);
    while let Some(at) = rest.find(['{', '}']) {
        done.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            done.push_str(brace);
            rest = behind;
            continue;
        }
        let (inner, behind) = rest.split_once('}').filter(|_| brace == "{")?;
        done.push_str(&place(inner)?);
        rest = behind;
        if done.len() > MAX_VALUE {
            return None;
        }
    }
    done.push_str(rest);
    Some(done)
}

/// A text in which each `from` is `to`; None where that is too long.
pub fn replaced(text: &str, from: &str, to: &str) -> Option<String> {
    let more = text.matches(from).count().saturating_mul(to.len());
    (text.len().saturating_add(more) <= 4 * MAX_VALUE).then(|| text.replace(from, to))
}

/// The letters of a text; None for more than a list may have.
pub fn letters(text: &str, each: impl Fn(char) -> Value) -> Option<Vec<Value>> {
    listed(text.chars().map(each))
}

/// None for more than a list may have.
pub fn listed(items: impl Iterator<Item = Value>) -> Option<Vec<Value>> {
    let list: Vec<Value> = items.take(MAX_ELEMENTS + 1).collect();
    (list.len() <= MAX_ELEMENTS).then_some(list)
}

/// Decimal, `0x`, `&H`.
pub fn number(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (sign, rest) = lower.strip_prefix('-').map_or((1, lower.as_str()), |rest| (-1, rest));
    let hex = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("&h"));
    let value = match hex {
        Some(hex) => i64::from_str_radix(hex.trim_end_matches('&'), 16).ok()?,
        None => rest.parse::<i64>().ok()?,
    };
    Some(sign * value)
}

/// Where a constant was found: bytes of the text, its value, and what was undone.
#[derive(Debug)]
pub struct Constant {
    pub start: usize,
    pub end: usize,
    pub literal: String,
    pub technique: Technique,
    /// How much it speaks for being hidden on purpose, in hundredths.
    pub weight: usize,
}

/// A few of them weigh as much.
pub const ENOUGH: usize = 200;

/// Nobody cuts these to pieces who has nothing to hide. Lower case.
const TELLING: [&str; 22] = [
    "http://",
    "https://",
    "wscript.shell",
    "shell.application",
    "adodb.stream",
    "xmlhttp",
    "powershell",
    "cmd.exe",
    "'iex'",
    "invoke-",
    "downloadstring",
    "downloadfile",
    "frombase64string",
    "webclient",
    "new-object",
    "execute",
    "scripting.filesystem",
    "rundll32",
    "regsvr32",
    "mshta",
    "amsiutils",
    "amsiinitfailed",
];

/// Whether a value has in it what the source, in lower case, does not show.
fn reveals(source: &str, literal: &str) -> bool {
    let literal = literal.to_ascii_lowercase();
    TELLING.iter().any(|telling| literal.contains(telling) && !source.contains(telling.trim_matches('\'')))
}

/// What tells, and a text does not show: which it is, is looked up once.
pub fn not_shown(text: &str) -> Vec<&'static str> {
    let lower = text.to_ascii_lowercase();
    TELLING.into_iter().filter(|telling| !lower.contains(telling.trim_matches('\''))).collect()
}

/// Hosts that a text shows as a whole.
#[derive(Debug, Default)]
pub struct Hosts(HashSet<String>);

impl Hosts {
    /// Hosts that are looked for in one text, and in one value: each look reads all of the text.
    const MAX: usize = 256;
    const MAX_OF_VALUE: usize = 16;

    /// Whether a value has the address of a host that stands nowhere in the text.
    pub fn are_joined_in(&mut self, text: &str, value: &str) -> bool {
        let rests = value.match_indices("://").filter_map(|(at, _)| value.get(at + 3..));
        let is_host = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        let hosts = rests.filter_map(|rest| rest.get(..rest.find(|letter| !is_host(letter)).unwrap_or(rest.len())));
        hosts.filter(|host| host.len() >= 4 && host.contains('.')).take(Self::MAX_OF_VALUE).any(|host| {
            if self.0.contains(host) || self.0.len() >= Self::MAX {
                return false;
            }
            let is_shown = memchr::memmem::find(text.as_bytes(), host.as_bytes()).is_some();
            self.0.insert(host.to_owned());
            !is_shown
        })
    }
}

/// Folds what `constants` finds, until nothing is left. Without a text, too little was there to be worth it.
pub fn fold(text: &str, budget: &mut Budget, constants: impl Fn(&str, &mut Budget) -> Vec<Constant>) -> Rewrite {
    let mut steps: BTreeMap<Technique, usize> = BTreeMap::new();
    let mut weight = 0;
    let mut hosts = Hosts::default();
    let mut current = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        if !budget.spend(current.len() / 4) {
            break;
        }
        let found = constants(&current, budget);
        if found.is_empty() {
            break;
        }
        let mut edits = Edits::default();
        for one in found {
            *steps.entry(one.technique).or_default() += 1;
            weight += one.weight;
            let source = current.get(one.start..one.end).unwrap_or_default();
            let tells = reveals(&source.to_ascii_lowercase(), &one.literal)
                || (weight < ENOUGH && hosts.are_joined_in(&current, &one.literal));
            weight += if tells { ENOUGH } else { 0 };
            edits.add(one.start, one.end, one.literal);
        }
        let next = edits.apply(&current);
        if next == current || next.len() > crate::limits::MAX_LAYER {
            break;
        }
        current = next;
    }
    let steps = steps.into_iter().collect();
    let done = Some(current).filter(|current| current != text);
    if weight >= ENOUGH {
        Rewrite { text: done, steps, ..Rewrite::default() }
    } else {
        Rewrite { slight: done, steps, ..Rewrite::default() }
    }
}
