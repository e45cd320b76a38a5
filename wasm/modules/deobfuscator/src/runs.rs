//! Where a text or a binary has runs of characters of one encoding. What is in them is not looked at here.

use std::ops::Range;

use crate::decode::text;

/// Characters of a blob: shorter ones are words.
const LEAST_BASE64: usize = 24;
const LEAST_HEX: usize = 32;
/// Pairs of digits with signs between them, and bytes of such a sign and what stands beside it.
const LEAST_PAIRS: usize = 16;
const MAX_GAP: usize = 8;
const LEAST_ESCAPES: usize = 8;
const LEAST_NUMBERS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Base64,
    Hex,
    /// Pairs of hexadecimal digits with signs between them.
    Pairs,
    Hexed,
    Percent,
    Entities,
    Numbers,
}

/// Runs of characters of one encoding.
pub fn runs(data: &[u8]) -> Vec<(Encoding, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let (encoding, end) = run_at(data, at);
        if let Some(encoding) = encoding {
            found.push((encoding, at..end));
        }
        at = end.max(at + 1);
    }
    found
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn span(data: &[u8], at: usize, is: impl Fn(u8) -> bool) -> usize {
    at + data.get(at..).unwrap_or_default().iter().take_while(|byte| is(**byte)).count()
}

/// What begins at a place, and where it ends.
fn run_at(data: &[u8], at: usize) -> (Option<Encoding>, usize) {
    if let Some((encoding, end)) = pairs(data, at) {
        return (encoding, end);
    }
    match data[at] {
        b'\\' => repeated(data, at, Encoding::Hexed, LEAST_ESCAPES, |rest| match rest.get(1)? {
            b'x' => Some(4),
            b'u' => Some(6),
            _ => octal(rest),
        }),
        b'%' => repeated(data, at, Encoding::Percent, LEAST_ESCAPES, |rest| {
            rest.get(1).map(|byte| if matches!(byte, b'u' | b'U') { 6 } else { 3 })
        }),
        b'&' => repeated(data, at, Encoding::Entities, LEAST_ESCAPES, |rest| {
            let text = std::str::from_utf8(rest.get(..rest.len().min(12))?);
            let text =
                text.or_else(|error| std::str::from_utf8(rest.get(..error.valid_up_to()).unwrap_or_default())).ok()?;
            text.starts_with("&#").then(|| text::entity(text).map(|found| found.1)).flatten()
        }),
        byte if byte.is_ascii_digit() && is_number_list(data, at) => numbers(data, at),
        byte if is_base64(byte) || byte == b'=' => base64_span(data, at),
        _ => (None, at + 1),
    }
}

/// The length of `\ooo` or `\oo`.
fn octal(rest: &[u8]) -> Option<usize> {
    let digits = rest.iter().skip(1).take(3).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
    match digits {
        3 if rest.get(1).is_some_and(|byte| *byte <= b'3') => Some(4),
        2.. => Some(3),
        _ => None,
    }
}

/// `49 45 58`, `49-45-58`, `49:45:58`, ...: pairs of digits with the same sign between them, in lines or not. None where
/// they are too few. All of them decimal are numbers, and behind an offset they are a dump, which is there to be read.
fn pairs(data: &[u8], at: usize) -> Option<(Option<Encoding>, usize)> {
    let is_digit = |at: usize| data.get(at).is_some_and(u8::is_ascii_hexdigit);
    let is_word = |at: usize| data.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let separator = *data.get(at + 2).filter(|byte| matches!(byte, b' ' | b'-' | b':' | b';' | b','))?;
    if at.checked_sub(1).is_some_and(is_word) {
        return None;
    }
    let (mut count, mut end, mut next) = (0, at, at);
    while is_digit(next) && is_digit(next + 1) && !is_word(next + 2) {
        (count, end) = (count + 1, next + 2);
        next = span(data, end, |byte| byte == separator || byte.is_ascii_whitespace());
        let gap = data.get(end..next).unwrap_or_default();
        if gap.len() > MAX_GAP || !(gap.contains(&separator) || gap.contains(&b'\n')) {
            break;
        }
    }
    if count < LEAST_PAIRS {
        return None;
    }
    if !data.get(at..end).unwrap_or_default().iter().any(u8::is_ascii_alphabetic) {
        // With commas `numbers` reads them; of the others not every number is read to the end again.
        return if separator == b',' { None } else { Some((None, end)) };
    }
    Some((if is_behind_offset(data, at) { None } else { Some(Encoding::Pairs) }, end))
}

/// Whether a line begins with a hexadecimal number that ends before this place.
fn is_behind_offset(data: &[u8], at: usize) -> bool {
    let before = data.get(at.saturating_sub(24)..at).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    let number = line.strip_suffix(b":").unwrap_or(line);
    number.len() >= 4 && number.iter().all(u8::is_ascii_hexdigit)
}

/// `unit` tells the length of one escape at the beginning of what it is given.
fn repeated(
    data: &[u8],
    at: usize,
    encoding: Encoding,
    least: usize,
    unit: impl Fn(&[u8]) -> Option<usize>,
) -> (Option<Encoding>, usize) {
    let (mut end, mut count, mut plain) = (at, 0, 0);
    let first = data[at];
    loop {
        let rest = data.get(end..).unwrap_or_default();
        match rest.first() {
            Some(&byte) if byte == first => match unit(rest).filter(|length| *length <= rest.len()) {
                Some(length) => {
                    end += length;
                    count += 1;
                    plain = 0;
                }
                None => break,
            },
            // A few characters between may be as they are.
            Some(byte) if byte.is_ascii_alphanumeric() && plain < 8 && count > 0 => {
                end += 1;
                plain += 1;
            }
            _ => break,
        }
    }
    let end = (end - plain).max(at + 1);
    (if count >= least { Some(encoding) } else { None }, end)
}

/// Base64 may be broken into lines.
fn base64_span(data: &[u8], at: usize) -> (Option<Encoding>, usize) {
    let lead = span(data, at, |byte| byte == b'=');
    if lead - at > 2 {
        return (None, lead);
    }
    let mut end = span(data, lead, is_base64);
    let first_line = end - lead;
    let has_lines = (40..=128).contains(&first_line);
    loop {
        let next = span(data, end, |byte| matches!(byte, b'\r' | b'\n'));
        let line = span(data, next, is_base64);
        if !has_lines || next == end || line == next || line - next > first_line {
            break;
        }
        // A shorter line that goes on with something else is the beginning of that.
        let is_word = matches!(data.get(line), Some(b' ' | b'\t' | b'.' | b':' | b'(' | b'%' | b'$' | b'@' | b'['));
        if line - next < first_line && is_word {
            break;
        }
        end = line;
        if end - next < first_line {
            break;
        }
    }
    let length = end - lead;
    let run = data.get(lead..end).unwrap_or_default();
    let padded = span(data, end, |byte| byte == b'=').min(end + 2);
    let breaks = run.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    let digits = run.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    if digits >= LEAST_HEX && digits.is_multiple_of(2) && digits + breaks == length {
        return (Some(Encoding::Hex), end);
    }
    let is_word = run.iter().all(u8::is_ascii_lowercase)
        || run.iter().all(u8::is_ascii_uppercase)
        || run.iter().all(u8::is_ascii_digit);
    if length < LEAST_BASE64 || (is_word && length < 200) || (lead > at && padded > end) {
        return (None, end.max(at + 1));
    }
    (Some(Encoding::Base64), padded)
}

/// `104, 116, ...`: at least three numbers, so that not every digit is looked at twice.
fn is_number_list(data: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| data.get(before));
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$')) {
        return false;
    }
    let head = data.get(at..data.len().min(at + 24)).unwrap_or_default();
    head.iter().filter(|byte| **byte == b',').count() >= 2
}

fn numbers(data: &[u8], at: usize) -> (Option<Encoding>, usize) {
    let (mut end, mut count, mut last) = (at, 0, at);
    loop {
        let number_end = span(data, end, |byte| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X'));
        let word = data.get(end..number_end).unwrap_or_default();
        if !is_byte(word) {
            break;
        }
        count += 1;
        last = number_end;
        let next = span(data, number_end, |byte| matches!(byte, b',' | b' ' | b'\r' | b'\n' | b'\t'));
        if !data.get(number_end..next).unwrap_or_default().contains(&b',') {
            break;
        }
        end = next;
    }
    (if count >= LEAST_NUMBERS { Some(Encoding::Numbers) } else { None }, last.max(at + 1))
}

fn is_byte(word: &[u8]) -> bool {
    match word {
        [b'0', b'x' | b'X', digits @ ..] => (1..=2).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit),
        digits if (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            digits.iter().fold(0_u32, |value, byte| value * 10 + u32::from(byte - b'0')) < 256
        }
        _ => false,
    }
}
