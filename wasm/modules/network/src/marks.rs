//! What people write in place of a dot, an `@` and `://`, so that nobody follows an address by accident.

use crate::text::{byte, goes_on, slice};

/// What stands for a sign: its length, 0 if it is not there, and whether it was written in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub length: usize,
    pub defanged: bool,
}

const NONE: Mark = Mark { length: 0, defanged: false };

const fn plain(length: usize) -> Mark {
    Mark { length, defanged: false }
}

const fn defanged(length: usize) -> Mark {
    Mark { length, defanged: true }
}

const DOTS: &[&[u8]] = &[b".", b",", b"dot", b"punkt", b"punto", b"d0t", b"point"];
const ATS: &[&[u8]] = &[b"@", b"at", b"arroba"];

/// What is written for `://`, the longest first where one begins as another does.
const SEPARATORS: &[&[u8]] = &[
    b"[:][/][/]",
    b":[/][/]",
    b"[:]//",
    b"(:)//",
    b"{:}//",
    b"[://]",
    b"(://)",
    b"{://}",
    b":[//]",
    b":(//)",
    b"[:/]/",
    b"[:]\\\\",
    b"[:]\\/\\/",
];

/// A dot between two labels of a name.
#[inline]
pub fn dot(text: &[u8], at: usize) -> Mark {
    match byte(text, at) {
        b'.' => plain(1),
        b'\\' | b'^' if byte(text, at + 1) == b'.' => defanged(2),
        b'[' | b'(' | b'{' | b']' | b')' | b'}' => in_brackets(text, at, DOTS),
        b' ' => spaced(text, at, b" DOT ", DOTS),
        _ => NONE,
    }
}

/// An `@` between the two parts of a mail address.
pub fn at_sign(text: &[u8], at: usize) -> Mark {
    match byte(text, at) {
        b'@' => plain(1),
        b'%' if goes_on(text, at, b"%40") => plain(3),
        b'%' if goes_on(text, at, b"%2540") => plain(5),
        b'[' | b'(' | b'{' => in_brackets(text, at, ATS),
        b' ' => spaced(text, at, b" AT ", ATS),
        _ => NONE,
    }
}

/// The `://` behind a scheme.
pub fn separator(text: &[u8], at: usize) -> Mark {
    match byte(text, at) {
        b':' if goes_on(text, at, b"://") => plain(3),
        // As JSON and JavaScript may write it, and as file names are.
        b':' if goes_on(text, at, b":\\/\\/") => plain(5),
        b':' if goes_on(text, at, b":\\\\") => defanged(3),
        b'%' if goes_on(text, at, b"%3a%2f%2f") => plain(9),
        b'%' if goes_on(text, at, b"%253a%252f%252f") => plain(15),
        b':' | b'[' | b'(' | b'{' => SEPARATORS
            .iter()
            .find(|separator| goes_on(text, at, separator))
            .map_or(NONE, |separator| defanged(separator.len())),
        _ => NONE,
    }
}

/// The length of the percent escape at `at`, which may itself be escaped (`%252F`); 0 if none is there.
pub fn escape_length(text: &[u8], at: usize) -> usize {
    if byte(text, at) != b'%' {
        return 0;
    }
    let mut digits = at + 1;
    while slice(text, digits, digits + 2) == b"25" && is_escape(text, digits + 2) {
        digits += 2;
    }
    // What is beyond ASCII has several escapes, and stands behind another: a name may begin with such digits.
    let follows =
        byte(text, at.wrapping_sub(3)) == b'%' && matches!(byte(text, digits), b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B');
    let is_there = is_escape(text, digits) || follows && byte(text, digits + 1).is_ascii_hexdigit();
    if is_there { digits + 2 - at } else { 0 }
}

/// The two digits of a sign of ASCII: letters and digits need no escape, and a name may begin with such digits.
fn is_escape(text: &[u8], at: usize) -> bool {
    let digit = |at: usize| char::from(byte(text, at)).to_digit(16);
    let code = digit(at).zip(digit(at + 1)).map(|(high, low)| high << 4 | low);
    code.and_then(char::from_u32).is_some_and(|sign| sign.is_ascii() && !sign.is_ascii_alphanumeric())
}

/// A colon within an address of IPv6.
pub fn colon(text: &[u8], at: usize) -> Mark {
    match byte(text, at) {
        b':' => plain(1),
        b'[' if goes_on(text, at, b"[:]") => defanged(3),
        _ => NONE,
    }
}

/// `[.]`, `(dot)`, `{ at }`. Of dots also `].[` and `[.[`, in which a bracket is the wrong way round; round brackets
/// around a dot, and blanks, are where one sentence, link or call ends and the next begins.
fn in_brackets(text: &[u8], at: usize, words: &[&[u8]]) -> Mark {
    let start = at + 1 + usize::from(byte(text, at + 1) == b' ');
    let Some(word) = words.iter().find(|word| goes_on(text, start, word) && closes(text, start + word.len())) else {
        return NONE;
    };
    let end = start + word.len();
    let close = end + usize::from(byte(text, end) == b' ');
    let has_blanks = start > at + 1 || close > end;
    let may_be_wrong =
        *word == b"." && !has_blanks && byte(text, close) == b'[' && matches!(byte(text, at), b'[' | b']');
    let is_right = closing(byte(text, at), byte(text, close));
    if is_right || may_be_wrong { defanged(close + 1 - at) } else { NONE }
}

fn closes(text: &[u8], at: usize) -> bool {
    let is_bracket = |byte: u8| matches!(byte, b']' | b')' | b'}' | b'[' | b'(' | b'{');
    is_bracket(byte(text, at)) || (byte(text, at) == b' ' && is_bracket(byte(text, at + 1)))
}

const fn closing(open: u8, close: u8) -> bool {
    matches!((open, close), (b'[', b']') | (b'(', b')') | (b'{', b'}'))
}

/// ` [dot] ` and ` DOT `, with a space on both sides.
fn spaced(text: &[u8], at: usize, bare: &[u8], words: &[&[u8]]) -> Mark {
    match byte(text, at + 1) {
        b'[' | b'(' | b'{' => {
            let inner = in_brackets(text, at + 1, words);
            let end = at + 1 + inner.length;
            if inner.length > 0 && byte(text, end) == b' ' { defanged(end + 1 - at) } else { NONE }
        }
        b'A' | b'D' if slice(text, at, at + bare.len()) == bare => defanged(bare.len()),
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_read_as_people_write_them() {
        for text in
            ["[.]", "(.)", "{.}", "[dot]", "(DOT)", "[ . ]", "\\.", "^.", "].[", "[.[", " [dot] ", " DOT ", "[,]"]
        {
            assert_eq!(dot(text.as_bytes(), 0), defanged(text.len()), "{text}");
        }
        assert_eq!(dot(b".com", 0), plain(1));
        for text in ["[.", "(com)", "[]", " dot ", "[dot", "", "). (", ").(", ").[", "] . [", "]. [", "}. {"] {
            assert_eq!(dot(text.as_bytes(), 0), NONE, "{text}");
        }
    }

    #[test]
    fn at_signs_and_separators_too() {
        for text in ["[@]", "(at)", "{ AT }", " [at] ", " AT ", "(arroba)"] {
            assert_eq!(at_sign(text.as_bytes(), 0), defanged(text.len()), "{text}");
        }
        for text in ["[:]//", "[://]", ":[//]", ":\\\\", "(:)//"] {
            assert_eq!(separator(text.as_bytes(), 0), defanged(text.len()), "{text}");
        }
        assert_eq!(separator(b":\\/\\/x", 0), plain(5));
        assert_eq!(separator(b":/x", 0), NONE);
        assert_eq!((at_sign(b"%40x", 0), at_sign(b"%2540x", 0), at_sign(b"%41x", 0)), (plain(3), plain(5), NONE));
    }

    #[test]
    fn escapes_are_of_signs_and_not_of_names() {
        for (text, at, length) in [
            ("%2Fevil.ru", 0, 3),
            ("%252fevil.ru", 0, 5),
            ("%25252Fevil.ru", 0, 7),
            ("%25evil.ru", 0, 3),
            ("%E2%80%9Cevil.ru", 6, 3),
            ("%facebook.com", 0, 0),
            ("%25facebook.com", 0, 3),
            ("%9gag.com", 0, 0),
            ("%4chan.org", 0, 0),
            ("%+1.ru", 0, 0),
            ("%2", 0, 0),
            ("2f", 0, 0),
        ] {
            assert_eq!(escape_length(text.as_bytes(), at), length, "{text}");
        }
    }
}
