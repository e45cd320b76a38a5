//! Where a URL is one field of a row, as of CSV: a comma may also be a part of it.

use crate::text::{byte, is_word, slice, span_end};

/// Fields behind a URL that are looked at, and bytes of one: rows have what tells them near the URL.
const MAX_FIELDS: usize = 6;
const MAX_FIELD: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Letters only, or nothing.
    Word,
    Number,
    Date,
    Time,
    Address,
    Hash,
    Other,
}

/// Whether the comma at `at`, in what begins at `start` behind a URL's host, divides fields of a row. A date, a time, an
/// address or a hash says so, unless it goes on with a list of such; words alone do where a file or a folder ends. In a
/// query such may be a value: there another field follows.
pub fn is_behind(text: &[u8], start: usize, at: usize) -> bool {
    let own = kind(last_part(slice(text, start, at)));
    let first = kind(slice(text, at + 1, field_end(text, at + 1)));
    if own == first && own != Field::Word {
        return false;
    }
    let mut comma = at;
    for _ in 0..MAX_FIELDS {
        let end = field_end(text, comma + 1);
        match kind(slice(text, comma + 1, end)) {
            Field::Other => return false,
            Field::Word | Field::Number => {}
            _ => return comma > at || byte(text, end) == b',' || !slice(text, start, at).contains(&b'?'),
        }
        if byte(text, end) != b',' {
            break;
        }
        comma = end;
    }
    first == Field::Word && ends_whole(slice(text, start, at))
}

const fn ends_field(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b',' | b'"' | b'\'' | b'<' | b'>' | b'|' | b']' | b'}')
}

fn field_end(text: &[u8], at: usize) -> usize {
    span_end(text, at, MAX_FIELD, |byte| !ends_field(byte))
}

/// What a list of values in a path or a query would have begun with.
fn last_part(rest: &[u8]) -> &[u8] {
    let start = rest.iter().rposition(|byte| b"/?&=;,@".contains(byte)).map_or(0, |at| at + 1);
    slice(rest, start, rest.len())
}

/// Whether a path ends as that of a folder or a file does.
fn ends_whole(rest: &[u8]) -> bool {
    let name = last_part(rest);
    let extension = name.iter().rposition(|&byte| byte == b'.').map_or(0, |at| name.len() - at - 1);
    !rest.contains(&b'?') && (rest.ends_with(b"/") || (2..=4).contains(&extension))
}

fn kind(field: &[u8]) -> Field {
    let divided = |sign: u8| field.split(move |&byte| byte == sign);
    match field.len() {
        _ if field.iter().all(|&byte| is_word(byte) && !byte.is_ascii_digit() || matches!(byte, b'_' | b'-')) => {
            Field::Word
        }
        _ if is_number(field) => Field::Number,
        10.. if is_date(field) => Field::Date,
        5 | 8 if divided(b':').all(|part| part.len() == 2 && is_number(part)) => Field::Time,
        7..=15 if divided(b'.').count() == 4 && divided(b'.').all(is_octet) => Field::Address,
        32 | 40 | 64 if field.iter().all(u8::is_ascii_hexdigit) => Field::Hash,
        _ => Field::Other,
    }
}

fn is_octet(part: &[u8]) -> bool {
    is_number(part) && std::str::from_utf8(part).is_ok_and(|digits| digits.parse::<u8>().is_ok())
}

fn is_number(field: &[u8]) -> bool {
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

/// `2024-01-31`, and a time behind it.
fn is_date(field: &[u8]) -> bool {
    let signs = (byte(field, 4), byte(field, 7));
    let is_day = is_number(slice(field, 0, 4)) && is_number(slice(field, 5, 7)) && is_number(slice(field, 8, 10));
    is_day && matches!(signs, (b'-', b'-') | (b'/', b'/') | (b'.', b'.')) && matches!(byte(field, 10), 0 | b'T')
}
