//! What the text of a regular expression tells of the time that a search for it may take. It may be exponential where a
//! repetition is within a repetition, with nothing between that has to be there in each turn.

/// Characters of a text on which even such an expression is done soon.
pub const SHORT: usize = 24;
/// Alternatives that are compared with each other.
const MAX_ALTERNATIVES: usize = 64;
/// Groups within groups, beyond which nobody looks.
const MAX_DEPTH: usize = 100;

/// What is known of a group while it is read.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Something in it is repeated without end.
    repeats: bool,
    /// Characters that each turn has to have.
    needed: usize,
    /// One of its alternatives begins as another does: repeated, a text may be divided among them in many ways.
    is_alike: bool,
}

/// A group whose end was not read yet, or the whole expression.
#[derive(Default)]
struct Open {
    group: Group,
    /// Where its alternatives begin in the source.
    starts: Vec<usize>,
}

impl Open {
    fn at(start: usize) -> Self {
        Self { starts: vec![start], ..Self::default() }
    }

    fn close(self, source: &str, end: usize) -> Group {
        Group { is_alike: are_alike(source, &self.starts, end), ..self.group }
    }
}

/// What stood before a sign of repetition.
#[derive(Clone, Copy)]
enum Before {
    Group(Group),
    /// A character that stands for itself.
    Character,
    Other,
}

/// Whether something is repeated without end in what may be left out: then a search may read on far behind the match that it
/// gives, and each further one again.
#[must_use]
pub fn may_read_on(source: &str) -> bool {
    let bytes = source.as_bytes();
    let is_endless_at = |at: usize| match bytes.get(at) {
        Some(b'*' | b'+') => true,
        Some(b'{') => source.get(at + 1..).is_some_and(is_endless),
        _ => false,
    };
    let may_be_left_out = bytes.contains(&b'|')
        || bytes.windows(2).any(|pair| pair[0] == b')' && matches!(pair[1], b'?' | b'*' | b'+' | b'{'));
    may_be_left_out && (1..bytes.len()).any(is_endless_at)
}

/// The most that something is repeated with a bound: each place of a text may be tried so often.
#[must_use]
pub fn most_times(source: &str) -> usize {
    let counts = source.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(counts, _)| counts);
    counts.flat_map(|counts| counts.split(',')).filter_map(|count| count.trim().parse().ok()).max().unwrap_or(1)
}

/// Whether something is repeated without end.
#[must_use]
pub fn is_open(source: &str) -> bool {
    let is_endless_at = |(at, char): (usize, char)| match char {
        '*' | '+' => at > 0,
        '{' => source.get(at + 1..).is_some_and(is_endless),
        _ => false,
    };
    source.char_indices().any(is_endless_at)
}

/// Whether one of the alternatives, which begin at `starts` and of which the last ends at `end`, begins as another does.
fn are_alike(source: &str, starts: &[usize], end: usize) -> bool {
    if starts.len() > MAX_ALTERNATIVES {
        return false;
    }
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([end]);
    let all: Vec<&str> = starts.iter().zip(ends).filter_map(|(&start, end)| source.get(start..end)).collect();
    let is_beginning =
        |one: usize, other: usize| one != other && !all[one].is_empty() && all[other].starts_with(all[one]);
    (0..all.len()).any(|one| (0..all.len()).any(|other| is_beginning(one, other)))
}

/// Whether a search may take exponential time; beyond `MAX_DEPTH` groups it may for all that is known.
#[must_use]
pub fn may_run_away(source: &str) -> bool {
    let mut groups = vec![Open::default()];
    let mut before = Before::Other;
    let mut characters = source.chars();
    while let Some(char) = characters.next() {
        let this = match char {
            '\\' => {
                // What it stands for is not counted as needed: the safe side.
                characters.next();
                Before::Other
            }
            '[' => class(&mut characters),
            '(' => {
                if groups.len() > MAX_DEPTH {
                    return true;
                }
                characters = behind_kind(characters.as_str()).chars();
                groups.push(Open::at(source.len() - characters.as_str().len()));
                Before::Other
            }
            ')' => {
                let open = if groups.len() > 1 { groups.pop().unwrap_or_default() } else { Open::default() };
                let closed = open.close(source, source.len() - characters.as_str().len() - 1);
                merge(&mut groups, closed);
                Before::Group(closed)
            }
            '*' | '+' | '{' if char != '{' || is_endless(characters.as_str()) => {
                if matches!(before, Before::Group(group) if group.is_alike || (group.repeats && group.needed == 0)) {
                    return true;
                }
                repeat(&mut groups, before, char == '*');
                Before::Other
            }
            '|' => {
                if let Some(open) = groups.last_mut() {
                    open.starts.push(source.len() - characters.as_str().len());
                }
                Before::Other
            }
            '.' | '^' | '$' | '?' | '{' | '}' => Before::Other,
            _ => {
                merge(&mut groups, Group { needed: 1, ..Group::default() });
                Before::Character
            }
        };
        before = this;
    }
    false
}

/// What follows the kind of a group: `?:`, `?=`, `?!`, `?<=`, `?<!`, `?<name>`.
fn behind_kind(group: &str) -> &str {
    let Some(kind) = group.strip_prefix('?') else { return group };
    match kind.strip_prefix('<') {
        Some(behind) if behind.starts_with(['=', '!']) => behind.get(1..).unwrap_or_default(),
        Some(named) => named.split_once('>').map_or(named, |(_, inner)| inner),
        None => kind.strip_prefix([':', '=', '!']).unwrap_or(kind),
    }
}

/// Passes over a class of characters.
fn class(characters: &mut std::str::Chars<'_>) -> Before {
    while let Some(char) = characters.next() {
        match char {
            '\\' => drop(characters.next()),
            ']' => break,
            _ => {}
        }
    }
    Before::Other
}

/// `{2,}`
fn is_endless(rest: &str) -> bool {
    rest.split_once('}').is_some_and(|(counts, _)| counts.ends_with(',') && counts.len() < 12)
}

fn merge(groups: &mut [Open], inner: Group) {
    if let Some(Open { group, .. }) = groups.last_mut() {
        group.repeats |= inner.repeats;
        group.needed += inner.needed;
    }
}

fn repeat(groups: &mut [Open], before: Before, may_be_none: bool) {
    let Some(Open { group, .. }) = groups.last_mut() else { return };
    group.repeats = true;
    let taken = match before {
        Before::Character => 1,
        Before::Group(inner) if may_be_none => inner.needed,
        _ => 0,
    };
    group.needed = group.needed.saturating_sub(taken);
}

#[cfg(test)]
mod tests {
    use super::{is_open, may_read_on, may_run_away, most_times};

    #[test]
    fn what_may_read_on_is_told() {
        for source in [".*[^A-Z]|[A-Z]", "(b*c)?", "(a{3,}b)*", "^\\s+|\\s+$"] {
            assert!(may_read_on(source), "{source}");
        }
        for source in ["", "..", "\\s+", "a|b", "([0-9a-f]{2})", "(a{3}b)?"] {
            assert!(!may_read_on(source), "{source}");
        }
    }

    #[test]
    fn repetitions_within_repetitions_are_told() {
        for source in [
            "(a+)+b",
            "(a*)*",
            "([a-z]+)*$",
            "((x+x+)+y)",
            "(\\s*\\w+)+",
            "(?:(?:a+))+",
            "(a+){2,}",
            "(.*)*",
            "(?:a|aa)+c",
            "(ab|a|c)*d",
            "(?<name>a|aa)*",
            "(?:x|(a|b)|(a|b)c)*",
            "([|]|[|]a)+",
        ] {
            assert!(may_run_away(source), "{source}");
        }
    }

    #[test]
    fn repetitions_are_counted() {
        for (source, times, is_endless) in [
            ("a{3,}", 3, true),
            ("a{,5}", 5, false),
            ("\\{x}", 1, false),
            ("[a-z]{1,900}x{2}", 900, false),
            ("a*b", 1, true),
            ("*", 1, false),
            ("{", 1, false),
        ] {
            assert_eq!((most_times(source), is_open(source)), (times, is_endless), "{source}");
        }
    }

    #[test]
    fn others_are_not() {
        for source in [
            "",
            "a+b+",
            "(a|b)*",
            "([a-z]+,)+",
            "(abc)+",
            "a{2,3}",
            "[(a+)+]",
            "\\(a+\\)+",
            "^\\s*(\\d+)\\s*$",
            "(a+b)+",
            "([^|]|[^|;])*",
            "(?:(a|b)|c(a|d))*",
            "(?:ab|)+",
            "(\\||\\\\)*",
            "(?<a>b|a)*",
            "(",
            ")",
            "*",
            "[",
        ] {
            assert!(!may_run_away(source), "{source}");
        }
    }
}
