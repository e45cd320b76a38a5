//! What the text of a regular expression tells of the time that a search for it may take. It may be exponential where a
//! repetition is within a repetition, with nothing between that has to be there in each turn. Classes that hold the same
//! characters are not compared.

/// Characters of a text on which even such an expression is done soon.
pub const SHORT: usize = 24;
/// Groups within groups, beyond which nobody looks.
const MAX_DEPTH: usize = 100;
/// Turns of a repetition that may be divided in many ways, and are still few.
const FEW_TURNS: u64 = 4;

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
struct Times {
    least: u64,
    /// None where nothing ends it.
    most: Option<u64>,
}

impl Times {
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

    const fn is_endless(self) -> bool {
        self.most.is_none()
    }
}

/// What a sign of repetition may stand behind.
#[derive(Clone, Copy, Default)]
struct Atom {
    is_group: bool,
    /// A text may be divided in many ways among what it repeats, or among its alternatives.
    is_loose: bool,
    /// Letters that each turn has to have, and that nothing loose takes.
    needed: usize,
    /// Characters of the shortest text that it matches.
    length: usize,
}

impl Atom {
    const LETTER: Self = Self { is_group: false, is_loose: false, needed: 1, length: 1 };
    /// Which one is not looked at, and it is not counted as needed: the safe side.
    const CHARACTER: Self = Self { needed: 0, ..Self::LETTER };
    /// A place: a word's boundary, or an earlier group again, which may be empty.
    const NOTHING: Self = Self { length: 0, ..Self::CHARACTER };

    /// Turns that may be empty have to be there as often as the least says.
    const fn runs_away(self, times: Times) -> bool {
        let is_divided = self.is_loose && self.needed == 0 && !matches!(times.most, Some(..=FEW_TURNS));
        let is_left_out = self.length == 0 && times.least > 1 && times.is_endless();
        self.is_group && (is_divided || is_left_out)
    }
}

/// How an alternative may begin: where that stands in the source, and which one it is.
type Head = (usize, usize, usize);

/// A group whose end was not read yet, or the whole expression.
#[derive(Default)]
struct Open {
    /// What follows does not take what it looks at.
    looks: bool,
    is_loose: bool,
    /// Of the alternative that is read, ...
    needed: usize,
    length: usize,
    /// ... where it begins, and how, if that is a group's alternatives.
    start: usize,
    is_begun: bool,
    first: Option<Vec<Head>>,
    /// Of those before: the least of both, and how each begins.
    least: Option<(usize, usize)>,
    heads: Vec<Head>,
    alternatives: usize,
}

impl Open {
    fn add(&mut self, atom: Atom) -> Option<Atom> {
        self.is_begun = true;
        self.is_loose |= atom.is_loose;
        self.needed += atom.needed;
        self.length += atom.length;
        Some(atom)
    }

    fn add_group(&mut self, atom: Atom, heads: Vec<Head>) -> Option<Atom> {
        if !self.is_begun {
            self.first = Some(heads);
        }
        self.add(atom)
    }

    /// What is repeated without end is taken by it, and what may be left out is not needed.
    fn repeat(&mut self, atom: Atom, times: Times) {
        self.is_loose |= times.is_endless();
        if times.is_endless() || times.least == 0 {
            self.needed -= atom.needed;
        }
        if times.least == 0 {
            self.length -= atom.length;
        }
    }

    /// Ends an alternative before `end`.
    fn end(&mut self, end: usize) {
        let (needed, length) = self.least.unwrap_or((usize::MAX, usize::MAX));
        self.least = Some((needed.min(self.needed), length.min(self.length)));
        match self.first.take() {
            Some(heads) => self.heads.extend(heads.into_iter().map(|(start, end, _)| (start, end, self.alternatives))),
            None => self.heads.push((self.start, end, self.alternatives)),
        }
        self.alternatives += 1;
        (self.needed, self.length, self.is_begun, self.start) = (0, 0, false, end + 1);
    }

    fn close(mut self, source: &str, end: usize) -> (Atom, Vec<Head>) {
        self.end(end);
        if self.looks {
            return (Atom { is_group: true, ..Atom::NOTHING }, Vec::new());
        }
        let (needed, length) = self.least.unwrap_or_default();
        let is_alike = are_alike(source, &self.heads);
        let needed = if is_alike { 0 } else { needed };
        (Atom { is_group: true, is_loose: self.is_loose || is_alike, needed, length }, self.heads)
    }
}

/// Whether one begins as one of another alternative does: in the order of their letters, those that begin alike are together.
fn are_alike(source: &str, heads: &[Head]) -> bool {
    let text = |&(start, end, alternative): &Head| Some((source.get(start..end)?, alternative));
    let mut texts: Vec<(&str, usize)> = heads.iter().filter_map(text).filter(|(text, _)| !text.is_empty()).collect();
    texts.sort_unstable();
    let mut beginnings: Vec<(&str, usize)> = Vec::new();
    texts.into_iter().any(|(text, alternative)| {
        while beginnings.pop_if(|(beginning, _)| !text.starts_with(*beginning)).is_some() {}
        let is_alike = beginnings.iter().any(|(_, other)| *other != alternative);
        beginnings.push((text, alternative));
        is_alike
    })
}

/// Whether a search may take exponential time; beyond `MAX_DEPTH` groups it may for all that is known.
#[must_use]
pub fn may_run_away(source: &str) -> bool {
    let (mut groups, mut inner) = (Vec::new(), Open::default());
    let (mut before, mut at) = (None::<Atom>, 0);
    while let Some(char) = source.get(at..).and_then(|rest| rest.chars().next()) {
        let place = at;
        at += char.len_utf8();
        let rest = source.get(at..).unwrap_or_default();
        before = match char {
            '\\' => {
                let (atom, length) = escaped(rest);
                at += length;
                inner.add(atom)
            }
            '[' => {
                at += class_length(rest);
                inner.add(Atom::CHARACTER)
            }
            '.' => inner.add(Atom::CHARACTER),
            '(' => {
                if groups.len() > MAX_DEPTH {
                    return true;
                }
                let (looks, length) = kind(rest);
                at += length;
                groups.push(std::mem::replace(&mut inner, Open { looks, start: at, ..Open::default() }));
                None
            }
            ')' => {
                let outer = groups.pop().unwrap_or_default();
                let (atom, heads) = std::mem::replace(&mut inner, outer).close(source, place);
                inner.add_group(atom, heads)
            }
            '|' => {
                inner.end(place);
                None
            }
            '^' | '$' => None,
            _ => match times(char, rest) {
                Some((times, length)) => {
                    at += length;
                    if let Some(atom) = before {
                        if atom.runs_away(times) {
                            return true;
                        }
                        inner.repeat(atom, times);
                    }
                    None
                }
                None => inner.add(Atom::LETTER),
            },
        };
    }
    false
}

/// What a sign says of how often, and the length of what belongs to it.
fn times(sign: char, rest: &str) -> Option<(Times, usize)> {
    let (least, most) = match sign {
        '?' => (0, Some(1)),
        '*' => (0, None),
        '+' => (1, None),
        '{' => return Times::read(rest),
        _ => return None,
    };
    Some((Times { least, most }, 0))
}

/// What a backslash makes of what follows it, and how much that is.
fn escaped(rest: &str) -> (Atom, usize) {
    let hex = |from: usize, digits: usize| {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if rest.get(from..from + digits).is_some_and(is_hex) { from + digits } else { 1 }
    };
    let Some(first) = rest.chars().next() else { return (Atom::NOTHING, 0) };
    match first {
        'b' | 'B' => (Atom::NOTHING, 1),
        '1'..='9' => (Atom::NOTHING, rest.bytes().take_while(u8::is_ascii_digit).count()),
        'k' => (Atom::NOTHING, 1 + enclosed(rest.get(1..), '<', '>')),
        'x' => (Atom::CHARACTER, hex(1, 2)),
        'u' if rest.starts_with("u{") => (Atom::CHARACTER, 1 + enclosed(rest.get(1..), '{', '}')),
        'u' => (Atom::CHARACTER, hex(1, 4)),
        'p' | 'P' => (Atom::CHARACTER, 1 + enclosed(rest.get(1..), '{', '}')),
        'c' => (Atom::CHARACTER, rest.chars().take(2).map(char::len_utf8).sum()),
        other => (Atom::CHARACTER, other.len_utf8()),
    }
}

/// The length of a name in brackets, which has letters and digits.
fn enclosed(rest: Option<&str>, open: char, close: char) -> usize {
    let Some(name) = rest.and_then(|rest| rest.strip_prefix(open)) else { return 0 };
    let is_of_name = |char: &char| char.is_alphanumeric() || matches!(char, '_' | '$' | '=' | '\\');
    let length: usize = name.chars().take_while(is_of_name).map(char::len_utf8).sum();
    if name.get(length..).is_some_and(|rest| rest.starts_with(close)) { length + 2 } else { 0 }
}

/// The length of a class of characters behind its bracket.
fn class_length(rest: &str) -> usize {
    let mut is_escaped = false;
    let end = rest.find(|char| {
        let ends = char == ']' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 1)
}

/// Whether a group only looks at what follows or is before it, and the length of what says so: `?:`, `?=`, `?!`, `?<=`, `?<!`,
/// `?<name>`, `?i-m:`.
fn kind(group: &str) -> (bool, usize) {
    let Some(kind) = group.strip_prefix('?') else { return (false, 0) };
    if kind.starts_with(['=', '!']) {
        return (true, 2);
    }
    if kind.starts_with("<=") || kind.starts_with("<!") {
        return (true, 3);
    }
    let flags = kind.bytes().take_while(|byte| matches!(byte, b'i' | b'm' | b's' | b'-')).count();
    if kind.as_bytes().get(flags) == Some(&b':') {
        (false, flags + 2)
    } else {
        (false, 1 + enclosed(Some(kind), '<', '>'))
    }
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
            "((ab)+)+c",
            "(a+){2,}",
            "(a+){00000000000000000000000000000000002,}",
            "(a+){30}b",
            "(.*)*",
            "(a+|b)+c",
            "(a+b?)+c",
            "(a+b{0,2})+c",
            "(?i:a+)+b",
            "(\\x61+)+b",
            "(\\u{61}+\\b)+b",
            "((?=b)a+)+c",
        ] {
            assert!(may_run_away(source), "{source}");
        }
    }

    #[test]
    fn alternatives_that_begin_alike_are_told() {
        for source in [
            "(?:a|aa)+c",
            "(ab|a|c)*d",
            "(a|a)*b",
            "(?<name>a|aa)*",
            "(?:x|(a|b)|(a|b)c)*",
            "([|]|[|]a)+",
            "((a|aa))*d",
            "(?:(c|a|aa))*d",
            "(?:(a|b)|(a|c))*d",
            "(?:(?:a|b)|(?:a|c))+d",
            "((a|aa)b?)*c",
            "(?:a|){12,}b",
            "(?:a?){12,}b",
        ] {
            assert!(may_run_away(source), "{source}");
        }
        let many = (0..100).map(|number| format!("a{number:03}|")).collect::<String>();
        assert!(may_run_away(&format!("({many}a001b)*")));
        assert!(!may_run_away(&format!("({many}b)*")));
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
    fn others_are_not() {
        for source in [
            "",
            "a+b+",
            "(a|b)*",
            "([a-z]+,)+",
            "((?:\\d+,)+;)*",
            "(abc)+",
            "a{2,3}",
            "(a+){2}",
            "[(a+)+]",
            "\\(a+\\)+",
            "^\\s*(\\d+)\\s*$",
            "(a+b)+",
            "([^|]|[^|;])*",
            "(?:\\\\.|[^\\\\\"])*",
            "(?:(a|b)|c(a|d))*",
            "((a|aa)b)*",
            "(?:ab|)+",
            "([0-9a-f]){32,}",
            "(\\||\\\\)*",
            "(?<a>b|a)*",
            "(?:a(?=b+)|b(?!c*))+",
            "(",
            ")",
            "*",
            "[",
            "a|b)*",
            "(?",
            "\\",
            "(?<)(?<",
            "{{{1,{2",
        ] {
            assert!(!may_run_away(source), "{source}");
        }
    }
}
