//! Strings in a program's data.

use crate::limits::{MAX_STRING, MIN_STRING};

/// A text that begins here and ends with a zero, in ASCII or UTF-16.
#[must_use]
pub fn string_at(bytes: &[u8]) -> Option<String> {
    if bytes.get(1) == Some(&0) { wide_at(bytes) } else { narrow_at(bytes) }
}

fn narrow_at(bytes: &[u8]) -> Option<String> {
    let length = bytes.iter().take(MAX_STRING).take_while(|&&byte| is_text(byte)).count();
    let ends = bytes.get(length) == Some(&0) || length == MAX_STRING;
    (length >= MIN_STRING && ends).then(|| String::from_utf8_lossy(&bytes[..length]).into_owned())
}

fn wide_at(bytes: &[u8]) -> Option<String> {
    let (units, _) = bytes.as_chunks::<2>();
    let length = units.iter().take(MAX_STRING).take_while(|unit| unit[1] == 0 && is_text(unit[0])).count();
    let ends = units.get(length) == Some(&[0, 0]) || length == MAX_STRING;
    (length >= MIN_STRING && ends).then(|| units[..length].iter().map(|unit| char::from(unit[0])).collect())
}

pub fn is_text(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) || matches!(byte, b'\t' | b'\n' | b'\r')
}
