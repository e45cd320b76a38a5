//! What a line of a batch file is, before anything in it is known: its commands, the names that it sets, a loop.

/// Whether variables between exclamation marks are put in from the first line on: nobody cuts letters from one there
/// without that, and who nowhere asks for it has the script run so.
pub fn is_run_delayed(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut parts =
        lower.match_indices(":~").filter_map(|(at, _)| lower.get(..at)?.rsplit(['!', '%', '\n', ' ']).next());
    let is_cut = |name: &str| lower.contains(&format!("!{name}:~"));
    !lower.contains("delayedexpansion") && parts.any(|name| !name.is_empty() && is_cut(name))
}

/// In lower case.
pub fn name_of(reference: &str) -> String {
    reference.split(':').next().unwrap_or_default().to_lowercase()
}

/// What a line sets itself before it is over. A line of one command sets it last.
pub fn own_names(line: &str) -> Vec<String> {
    let lower = line.to_lowercase();
    if commands(line).len() == 1 && !lower.trim_start_matches(['@', ' ', '\t', '(']).starts_with("for ") {
        return Vec::new();
    }
    let set = lower.match_indices("set ").filter_map(|(at, _)| lower.get(at + 4..)?.split_once('='));
    set.filter_map(|(name, _)| name.rsplit([' ', '"']).next()).map(str::to_owned).collect()
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

/// `for %%counter in (items) do set name=value`
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

/// What follows a word, whatever its case.
fn tail<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len()).filter(|begun| begun.eq_ignore_ascii_case(word)).map(|_| &text[word.len()..])
}
