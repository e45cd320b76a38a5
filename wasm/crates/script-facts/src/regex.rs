//! What the signs of repetition in a regular expression tell of the time that a search for it may take.

use crate::ambiguity::may_run_away;

/// Steps for each character of a text through which a search may read on behind its match.
const READ_ON: u64 = 4;
/// Steps that a repetition goes in one turn of the engine, about.
const STEPS_AT_ONCE: u64 = 8;

/// What a search for an expression with its flags may cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    may_read_on: bool,
    most_times: u64,
    is_open: bool,
    may_run_away: bool,
}

impl Cost {
    #[must_use]
    pub fn of(source: &str, flags: &str) -> Self {
        Self {
            may_read_on: may_read_on(source),
            most_times: most_times(source),
            is_open: is_open(source),
            may_run_away: may_run_away(source, flags),
        }
    }

    /// Whether each further character of a text may double the steps, of which [`Self::steps`] then tells nothing.
    #[must_use]
    pub const fn may_run_away(self) -> bool {
        self.may_run_away
    }

    /// The steps of a search through a text of so many characters, about. `longest_run` counts the longest row of the
    /// same character in it: at each place of that, a repetition without end may try to its end.
    #[must_use]
    pub fn steps(self, characters: u64, longest_run: impl FnOnce() -> u64) -> u64 {
        let read_on = if self.may_read_on { characters.saturating_mul(READ_ON) } else { 0 };
        let run = if self.is_open { longest_run() } else { 0 };
        let tried = characters.saturating_mul(self.most_times);
        tried.saturating_add(read_on).saturating_add(run.saturating_mul(run) / STEPS_AT_ONCE)
    }
}

/// Whether something is repeated without end in what may be left out: then a search may read on far behind the match that it
/// gives, and each further one again.
#[must_use]
pub fn may_read_on(source: &str) -> bool {
    let bytes = source.as_bytes();
    let may_be_left_out = bytes.contains(&b'|')
        || bytes.windows(2).any(|pair| pair[0] == b')' && matches!(pair[1], b'?' | b'*' | b'+' | b'{'));
    may_be_left_out && is_open(source)
}

/// The most that something is repeated with a bound: each place of a text may be tried so often.
#[must_use]
pub fn most_times(source: &str) -> u64 {
    let counts = source.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(counts, _)| counts);
    counts.flat_map(|counts| counts.split(',')).filter_map(|count| number(count.trim())).max().unwrap_or(1)
}

/// Whether something is repeated without end.
#[must_use]
pub fn is_open(source: &str) -> bool {
    let is_endless_at = |(at, char): (usize, char)| match char {
        '*' | '+' => at > 0,
        '{' => source.get(at + 1..).and_then(Times::read).is_some_and(|(times, _)| times.is_endless()),
        _ => false,
    };
    source.char_indices().any(is_endless_at)
}

/// A number of any length; what is larger than the largest is that.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// How often a sign of repetition lets something be there.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub least: u64,
    /// None where nothing ends it.
    pub most: Option<u64>,
}

impl Times {
    /// The sign of repetition with which `rest` begins, and its length; what it is in a hurry to end with belongs to it.
    pub fn sign(rest: &str) -> Option<(Self, usize)> {
        let (times, length) = match rest.chars().next()? {
            '?' => (Self { least: 0, most: Some(1) }, 1),
            '*' => (Self { least: 0, most: None }, 1),
            '+' => (Self { least: 1, most: None }, 1),
            '{' => Self::read(&rest[1..]).map(|(times, length)| (times, length + 1))?,
            _ => return None,
        };
        let is_lazy = rest[length..].starts_with('?');
        Some((times, length + usize::from(is_lazy)))
    }

    /// `2}`, `2,}` and `2,5}`, behind the brace that opens it, and the length of that.
    fn read(rest: &str) -> Option<(Self, usize)> {
        let end = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b',').count();
        let counts = rest.get(..end).filter(|_| rest.as_bytes().get(end) == Some(&b'}'))?;
        let (least, most) = match counts.split_once(',') {
            None => (number(counts)?, Some(number(counts)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        Some((Self { least, most }, end + 1))
    }

    pub const fn is_endless(self) -> bool {
        self.most.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, is_open, may_read_on, most_times};

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
    fn repetitions_are_counted() {
        for (source, times, is_endless) in [
            ("a{3,}", 3, true),
            ("a{,5}", 5, false),
            ("\\{x}", 1, false),
            ("[a-z]{1,900}x{2}", 900, false),
            ("a{5000000000}b", 5_000_000_000, false),
            ("a{99999999999999999999}b", u64::MAX, false),
            ("a*b", 1, true),
            ("*", 1, false),
            ("{", 1, false),
        ] {
            assert_eq!((most_times(source), is_open(source)), (times, is_endless), "{source}");
        }
    }

    #[test]
    fn steps_are_those_of_the_signs() {
        for (source, steps) in [
            ("ab", 1_000),
            ("a{30}", 30_000),
            ("a*b", 1_000 + 800),
            ("a*|b", 1_000 + 800 + 4_000),
            ("a{99999999999999999999}*", u64::MAX),
        ] {
            assert_eq!(Cost::of(source, "").steps(1_000, || 80), steps, "{source}");
        }
        assert!(Cost::of("(a|aa)+b", "").may_run_away() && !Cost::of("(a|b)+c", "").may_run_away());
    }
}
