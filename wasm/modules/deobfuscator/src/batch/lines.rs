//! What a line of a batch file is, before anything in it is known: its commands, the names that it sets, a loop.

use std::collections::HashSet;

use super::values::MAX_VALUE;

/// Bytes of a variable's name.
pub const MAX_NAME: usize = 256;

/// Whether variables between exclamation marks are put in from the first line on: nobody cuts letters from one there
/// without that, and who nowhere asks for it has the script run so.
pub fn is_run_delayed(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let is_cut = |(at, _): (usize, &str)| {
        let lead = &bytes[at.saturating_sub(MAX_NAME)..at];
        let length = lead.iter().rev().take_while(|byte| !b"!%\n ".contains(byte)).count();
        length > 0 && lead.len() > length && lead[lead.len() - length - 1] == b'!'
    };
    !lower.contains("delayedexpansion") && lower.match_indices(":~").any(is_cut)
}

/// In lower case.
pub fn name_of(reference: &str) -> String {
    reference.split(':').next().unwrap_or_default().to_lowercase()
}

/// What a line sets itself before it is over. A line of one command sets it last.
pub fn own_names(line: &str) -> Names {
    let begun = line.trim_start_matches(['@', ' ', '\t', '(']);
    let is_single = commands(line).len() == 1 && tail(begun, "for ").is_none();
    if is_single { Names::default() } else { Names::of(names_set(line)) }
}

/// Names of variables in lower case.
#[derive(Default)]
pub struct Names {
    known: HashSet<String>,
    /// One of them may be any.
    is_open: bool,
}

impl Names {
    fn of(names: Vec<String>) -> Self {
        let is_open = names.iter().any(|name| is_open(name));
        Self { known: names.into_iter().collect(), is_open }
    }

    pub fn may_be(&self, name: &str) -> bool {
        self.is_open || self.known.contains(name)
    }
}

/// Whether a name has a part that is not known.
pub fn is_open(name: &str) -> bool {
    name.contains(is_mark)
}

/// What follows the command `set`.
pub fn behind_set(command: &str) -> Option<&str> {
    tail(command, "set").filter(|rest| rest.starts_with([' ', '\t', '/', '"']))
}

/// What a command may set, also within others: `if a==b set c=d`. In lower case.
pub fn names_set(command: &str) -> Vec<String> {
    let lower = command.to_lowercase();
    let (mut names, mut is_computed) = (Vec::new(), false);
    for (at, _) in lower.match_indices("set") {
        let Some(rest) = behind_set(&lower[at..]).map(str::trim_start) else { continue };
        match rest.strip_prefix("/a") {
            // Goes on to the end of the command, and so do all behind it.
            Some(expression) if !is_computed => {
                names.extend(computed(expression));
                is_computed = true;
            }
            Some(_) => {}
            None => names.extend(text_name(rest.strip_prefix("/p").unwrap_or(rest))),
        }
    }
    names
}

/// The name in `name=value` and `"name=value"`.
fn text_name(rest: &str) -> Option<String> {
    let rest = rest.trim_start_matches([' ', '\t', '"']);
    let end = rest.bytes().take(MAX_NAME).position(|byte| byte == b'=').filter(|&end| end > 0)?;
    rest.get(..end).map(str::to_owned)
}

/// The names in `a=1, b+=2, c=(d=3)`; of one with a variable in it, as `v%n%=1`, what is known.
fn computed(expression: &str) -> impl Iterator<Item = String> {
    const OPERATORS: &[char] = &[' ', '\t', '+', '-', '*', '/', '&', '|', '^', '<', '>'];
    const OTHERS: &[char] = &['"', '\'', '(', ')', ',', ';', '=', '~'];
    expression.match_indices('=').filter_map(|(at, _)| {
        let lead = expression[..at].trim_end_matches(OPERATORS);
        let name = lead.rsplit(|letter| OPERATORS.contains(&letter) || OTHERS.contains(&letter)).next()?;
        let known = name.split_inclusive(is_mark).next()?;
        (!known.is_empty()).then(|| known.to_owned())
    })
}

const fn is_mark(letter: char) -> bool {
    matches!(letter, '%' | '!')
}

/// `!name!` alone.
pub fn is_delayed_command(line: &str) -> bool {
    let name = line.trim().strip_prefix('!').and_then(|rest| rest.strip_suffix('!'));
    name.is_some_and(|name| !name.is_empty() && !name.contains(['!', ':', ' ']))
}

/// Commands of a line: what stands between `&` and `|`, outside of quotes, and not behind a caret.
pub fn commands(line: &str) -> Vec<&str> {
    let (mut found, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'^' if !quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'&' | b'|' if !quoted => {
                found.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&line[start..]);
    found
}

/// `for %%counter in (items) do set name=value`; the counter may be a part of both.
pub struct Loop<'a> {
    pub counter: String,
    pub items: Vec<&'a str>,
    pub name: &'a str,
    pub value: &'a str,
}

impl<'a> Loop<'a> {
    /// Items of a list: letters of a command.
    const MAX_ITEMS: usize = 4_096;

    pub fn of(line: &'a str) -> Option<Self> {
        let line = line.trim_matches(['@', ' ', '\t', '\r', '\n']);
        let rest = tail(line, "for ")?.trim_start().strip_prefix('%')?;
        let rest = rest.strip_prefix('%').unwrap_or(rest);
        let letter = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        let (list, body) = tail(rest[1..].trim_start(), "in ")?.trim_start().strip_prefix('(')?.split_once(')')?;
        let set = tail(tail(body.trim_start(), "do ")?.trim_start(), "set ")?;
        if commands(set).len() != 1 || set.contains('"') || list.contains(['*', '?', '%', '!', '"']) {
            return None;
        }
        let (name, value) = set.split_once('=').filter(|(name, _)| !name.starts_with('/'))?;
        let items: Vec<&str> = list.split([',', ' ', ';', '\t']).filter(|item| !item.is_empty()).collect();
        let counter = format!("%{}{letter}", if line.contains("%%") { "%" } else { "" });
        (items.len() <= Self::MAX_ITEMS).then_some(Self { counter, items, name, value })
    }
}

impl Loop<'_> {
    /// Name and value with an item in place of the counter; None if they become too long.
    pub fn with(&self, item: &str) -> Option<(String, String)> {
        let put_in = |text: &str, most: usize| {
            let length = |text: &str| text.len() + text.matches(&self.counter).count() * item.len();
            // What is too long anyway is not read for each item.
            (text.len() <= most && length(text) <= most).then(|| text.replace(&self.counter, item))
        };
        put_in(self.name, MAX_NAME).zip(put_in(self.value, MAX_VALUE))
    }
}

/// What follows a word, whatever its case.
fn tail<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len()).filter(|begun| begun.eq_ignore_ascii_case(word)).map(|_| &text[word.len()..])
}
