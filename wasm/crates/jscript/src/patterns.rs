//! Regular expressions that may take exponential time: a repetition within a repetition, with nothing between that has to be
//! there in each turn.

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
    /// Where it begins in the source, behind its parenthesis.
    start: usize,
    /// Alternatives of it are alike.
    is_alike: bool,
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
pub fn most_times(source: &str) -> u64 {
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

/// Whether one alternative of a group begins as another does: repeated, a text may be divided among them in many ways.
fn are_alike(group: &str) -> bool {
    let group = group.trim_start_matches(['?', ':', '=', '!', '<']);
    let all: Vec<&str> = group.split('|').collect();
    let is_beginning = |one: usize, other: usize| one != other && all[other].starts_with(all[one]);
    all.len() > 1
        && all.len() <= MAX_ALTERNATIVES
        && (0..all.len()).any(|one| (0..all.len()).any(|other| is_beginning(one, other)))
}

#[must_use]
pub fn may_run_away(source: &str) -> bool {
    let mut groups = vec![Group::default()];
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
                groups.push(Group { start: source.len() - characters.as_str().len(), ..Group::default() });
                // What kind of group it is: `?:`, `?=`, `?<name>`.
                if let Some(rest) = characters.as_str().strip_prefix('?') {
                    characters = rest.trim_start_matches([':', '=', '!', '<']).chars();
                }
                Before::Other
            }
            ')' => {
                let mut closed = if groups.len() > 1 { groups.pop().unwrap_or_default() } else { Group::default() };
                let end = source.len() - characters.as_str().len() - 1;
                closed.is_alike = closed.start > 0 && source.get(closed.start..end).is_some_and(are_alike);
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
            '.' | '^' | '$' | '?' | '|' | '{' | '}' => Before::Other,
            _ => {
                merge(&mut groups, Group { needed: 1, ..Group::default() });
                Before::Character
            }
        };
        before = this;
    }
    false
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

fn merge(groups: &mut [Group], inner: Group) {
    if let Some(group) = groups.last_mut() {
        group.repeats |= inner.repeats;
        group.needed += inner.needed;
    }
}

fn repeat(groups: &mut [Group], before: Before, may_be_none: bool) {
    let Some(group) = groups.last_mut() else { return };
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
        ] {
            assert!(may_run_away(source), "{source}");
        }
    }

    #[test]
    fn repetitions_are_counted() {
        for (source, times, is_endless) in
            [("a{3,}", 3, true), ("[a-z]{1,900}x{2}", 900, false), ("a*b", 1, true), ("*", 1, false), ("{", 1, false)]
        {
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
            "(",
            ")",
            "*",
            "[",
        ] {
            assert!(!may_run_away(source), "{source}");
        }
    }
}
