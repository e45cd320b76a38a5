//! Sets of characters, as expressions write them.

/// A bit for each character of ASCII, of which the last stands for all beyond it, too.
pub type Set = u128;

const BEYOND: Set = 1 << 127;
const DIGITS: Set = range('0', '9');
const WORD: Set = DIGITS | range('A', 'Z') | range('a', 'z') | one('_');
/// Those of ASCII alone: else all that is beyond would be one.
const BLANKS: Set = range('\t', '\r') | one(' ');

const fn one(char: char) -> Set {
    if (char as u32) < 127 { 1 << char as u32 } else { BEYOND }
}

const fn range(first: char, last: char) -> Set {
    if first as u32 > last as u32 {
        return 0;
    }
    if first as u32 >= 127 {
        return BEYOND;
    }
    let below = (1 << first as u32) - 1;
    let through = if last as u32 >= 127 { Set::MAX } else { (1 << (last as u32 + 1)) - 1 };
    through & !below
}

pub const fn of(char: char) -> Set {
    one(char)
}

/// The dot's: all but line ends, unless it is to take those, too.
pub const fn any(with_line_ends: bool) -> Set {
    if with_line_ends { Set::MAX } else { !(one('\n') | one('\r')) }
}

/// With the letters of the other case.
pub const fn folded(set: Set) -> Set {
    let (upper, lower) = (set & range('A', 'Z'), set & range('a', 'z'));
    // Of letters beyond ASCII some are those of it in another case.
    let beyond = if upper | lower != 0 || set & BEYOND != 0 { BEYOND } else { 0 };
    set | upper << 32 | lower >> 32 | beyond
}

/// What a backslash makes of what follows.
pub enum Escaped {
    Set(Set),
    /// A word's boundary, which takes no character.
    Edge,
    /// A group's text again.
    Earlier,
}

/// What follows a backslash outside of classes, and its length.
pub fn escaped(rest: &str) -> (Escaped, usize) {
    match rest.chars().next() {
        Some('b' | 'B') => (Escaped::Edge, 1),
        Some('1'..='9') => (Escaped::Earlier, rest.bytes().take_while(u8::is_ascii_digit).count()),
        Some('k') if rest.starts_with("k<") => {
            (Escaped::Earlier, rest.find(['>', '(', ')', '|']).map_or(rest.len(), |end| end + 1))
        }
        _ => {
            let (set, _, length) = character(rest);
            (Escaped::Set(set), length)
        }
    }
}

/// What an escape stands for that takes one character, that character if there is only one, and its length.
fn character(rest: &str) -> (Set, Option<char>, usize) {
    let Some(first) = rest.chars().next() else { return single('\\', 0) };
    let many = |set| (set, None, 1);
    match first {
        'd' => many(DIGITS),
        'D' => many(!DIGITS),
        'w' => many(WORD),
        'W' => many(!WORD),
        's' => many(BLANKS),
        'S' => many(!BLANKS),
        'n' => single('\n', 1),
        'r' => single('\r', 1),
        't' => single('\t', 1),
        'v' => single('\u{b}', 1),
        'f' => single('\u{c}', 1),
        '0' => single('\0', 1),
        'x' => number(rest, 2),
        'u' if rest.starts_with("u{") => braced(rest),
        'u' => number(rest, 4),
        'p' | 'P' if rest[1..].starts_with('{') => (Set::MAX, None, rest.find('}').map_or(1, |end| end + 1)),
        'c' if rest[1..].starts_with(|next: char| next.is_ascii_alphabetic()) => {
            single(char::from(rest.as_bytes()[1] & 0x1f), 2)
        }
        'c' => single('\\', 0),
        other => single(other, other.len_utf8()),
    }
}

const fn single(char: char, length: usize) -> (Set, Option<char>, usize) {
    (one(char), Some(char), length)
}

/// A character by as many hexadecimal digits of its number; the letter before them where there are none.
fn number(rest: &str, digits: usize) -> (Set, Option<char>, usize) {
    let code = rest.get(1..=digits).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match code.and_then(|code| u32::from_str_radix(code, 16).ok()) {
        // Half of a pair is beyond ASCII, as the other is.
        Some(code) => single(char::from_u32(code).unwrap_or(char::MAX), digits + 1),
        None => single(rest.chars().next().unwrap_or('\\'), 1),
    }
}

/// `u{61}`: a number, or without the flag for it a letter so many times.
fn braced(rest: &str) -> (Set, Option<char>, usize) {
    let digits = rest[2..].bytes().take_while(u8::is_ascii_hexdigit).count();
    if digits == 0 || !rest[2 + digits..].starts_with('}') {
        return single('u', 1);
    }
    let code = u32::from_str_radix(&rest[2..2 + digits], 16).ok().and_then(char::from_u32).unwrap_or(char::MAX);
    (one(code) | one('u'), Some(code), digits + 3)
}

/// A class behind its bracket, and its length with the other. None where it does not end.
pub fn class(rest: &str) -> Option<(Set, usize)> {
    let is_negated = rest.starts_with('^');
    let (mut set, mut at) = (0, usize::from(is_negated));
    let mut from: Option<char> = None;
    loop {
        let char = rest.get(at..)?.chars().next()?;
        at += char.len_utf8();
        if char == ']' {
            break;
        }
        let (more, single) = if char == '\\' {
            let (more, single, length) = in_class(rest.get(at..)?);
            at += length;
            (more, single)
        } else {
            (one(char), Some(char))
        };
        set |= more;
        // `a-z`, but for a dash at the end.
        let is_range = rest[at..].starts_with('-') && !rest[at..].starts_with("-]");
        match (from.take(), single) {
            (Some(first), Some(last)) => set |= range(first, last),
            (Some(_), None) => set |= more | one('-'),
            (None, Some(first)) if is_range => {
                at += 1;
                from = Some(first);
            }
            _ => {}
        }
    }
    // Of those beyond ASCII a class may hold some and leave out others.
    Some((if is_negated { !set | BEYOND } else { set }, at))
}

fn in_class(rest: &str) -> (Set, Option<char>, usize) {
    if rest.starts_with('b') { (one('\u{8}'), Some('\u{8}'), 1) } else { character(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_say() {
        let holds = |class_text: &str, char: char| class(class_text).is_some_and(|(set, _)| set & one(char) != 0);
        for (text, inside, outside) in [
            ("a-c]", "abc", "d-"),
            ("^a-c]", "d-\u{e9}", "abc"),
            ("\\w-]", "a_-", " "),
            ("-a]", "-a", "b"),
            ("\\x41-\\x43]", "ABC", "D4-"),
            ("a\\]b]", "a]b", "\\"),
            ("^\\s]", "a\u{e9}", " \n"),
            ("+\\-.]", "+-.", ","),
            ("^\\x00-\\x7F]", "\u{e9}", "a-"),
            ("\\w-z]", "a-z", "."),
        ] {
            assert!(inside.chars().all(|char| holds(text, char)), "{text}");
            assert!(!outside.chars().any(|char| holds(text, char)), "{text}");
            assert_eq!(class(text).map(|it| it.1), Some(text.len()));
        }
        assert_eq!(class("abc"), None);
        assert_eq!(folded(one('a')) & one('A'), one('A'));
        assert_eq!(folded(one('Z')) & one('z'), one('z'));
    }
}
