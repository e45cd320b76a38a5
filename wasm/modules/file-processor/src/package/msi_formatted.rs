//! Texts of an installer package that have properties in them: Windows Installer's documentation, "Formatted".

use std::collections::HashMap;

use crate::facts::CustomAction;

/// Properties within properties.
const MAX_DEPTH: usize = 8;
/// Characters of a text.
const MAX_LENGTH: usize = 4_096;
/// Names in one text, with those in its properties.
const MAX_NAMES: usize = 1_024;
/// The type of an action that sets a property, in its lowest six bits.
const SETS_PROPERTY: u32 = 51;

/// What properties are when the package's actions run.
pub struct Properties<'a>(HashMap<&'a str, &'a str>);

impl<'a> Properties<'a> {
    /// Those of the package's table, and those that its actions set.
    pub fn of(rows: &'a [(String, String)], actions: &'a [CustomAction]) -> Self {
        let set = actions.iter().filter(|action| action.kind & 63 == SETS_PROPERTY);
        let set = set.map(|action| (action.source.as_str(), action.target.as_str()));
        Self(rows.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(set).collect())
    }

    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// `text` with its properties in place of their names: `[NAME]`, and `[\x]` for the character x. What the package alone
    /// does not say stays as it is: an environment's variable `[%X]`, the path of a file `[#X]` or a component `[$X]`.
    pub fn formatted(&self, text: &str) -> String {
        let mut written = Written { text: String::new(), names: 0 };
        self.write(text, MAX_DEPTH, &mut written);
        written.text
    }

    fn write(&self, text: &str, depth: usize, written: &mut Written) {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('[') {
            if written.text.len() >= MAX_LENGTH || written.names >= MAX_NAMES {
                return;
            }
            written.names += 1;
            written.text.push_str(before);
            let (name, behind) = name(behind);
            match name {
                Some(Name::Letter(letter)) => written.text.push(letter),
                // A property that nobody has set is empty.
                Some(Name::Property(name)) if depth > 0 => self.write(self.get(name).unwrap_or(""), depth - 1, written),
                Some(Name::Property(_)) => {}
                None => written.text.push('['),
            }
            rest = behind;
        }
        written.text.push_str(rest);
    }
}

struct Written {
    text: String,
    names: usize,
}

enum Name<'a> {
    Letter(char),
    Property(&'a str),
}

/// What begins behind a bracket, and what follows it: all of the text if it is neither.
fn name(text: &str) -> (Option<Name<'_>>, &str) {
    if let Some(escaped) = text.strip_prefix('\\')
        && let Some(letter) = escaped.chars().next()
        && let Some((_, behind)) = escaped[letter.len_utf8()..].split_once(']')
    {
        return (Some(Name::Letter(letter)), behind);
    }
    match text.split_once(']') {
        Some((name, behind)) if is_property(name) => (Some(Name::Property(name)), behind),
        _ => (None, text),
    }
}

/// An identifier: letters, digits, underscores and periods, not with a digit first.
fn is_property(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_stand_for_their_values() {
        let rows = [("CMD", "power[TAIL]"), ("TAIL", "shell"), ("ROUND", "x[ROUND]")];
        let rows = rows.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let properties = Properties::of(&rows, &[]);
        for (text, shown) in [
            ("[CMD].exe -w [NONE]hidden", "powershell.exe -w hidden"),
            ("[[CMD]", "[powershell"),
            ("[\\[]x[\\]]", "[x]"),
            ("[%TEMP]\\[#file] [", "[%TEMP]\\[#file] ["),
            ("[]", "[]"),
            ("[ROUND]", "xxxxxxxx"),
        ] {
            assert_eq!(properties.formatted(text), shown, "{text}");
        }
    }

    #[test]
    fn what_grows_has_an_end() {
        for (last, most) in [("", 0), ("xxxxxxxx", MAX_LENGTH)] {
            let pairs = ["A", "B", "C", "D", "E", "F", "G"].windows(2);
            let rows = pairs.map(|pair| (pair[0].to_owned(), format!("[{}]", pair[1]).repeat(100)));
            let rows: Vec<_> = rows.chain([("G".to_owned(), last.to_owned())]).collect();
            assert!(Properties::of(&rows, &[]).formatted("[A]").len() <= most);
        }
    }
}
