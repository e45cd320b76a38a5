//! Names and times of certificates (RFC 5280, 4.1.2).

use super::der::{Element, SEQUENCE, SET};
use crate::reader::text;

const MAX_TEXT: usize = 256;
/// Parts of a name: real ones have below ten.
const MAX_PARTS: usize = 32;

/// `CN=..., O=..., C=...`: the parts from the last to the first, as most tools show them.
pub fn name(element: Element) -> String {
    let mut parts: Vec<String> = parts(element).map(|(key, value)| format!("{key}={value}")).collect();
    parts.reverse();
    parts.join(", ")
}

/// The common name, or the organization where there is none.
pub fn common_name(element: Element) -> Option<String> {
    let value = |wanted: &str| parts(element).find(|(key, value)| key == wanted && !value.is_empty());
    value("CN").or_else(|| value("O")).map(|(_, value)| value)
}

fn parts(element: Element) -> impl Iterator<Item = (String, String)> {
    let sets = element.parts(SEQUENCE).into_iter().flatten().filter_map(|set| set.parts(SET));
    sets.flatten().filter_map(part).take(MAX_PARTS)
}

fn part(element: Element) -> Option<(String, String)> {
    let mut parts = element.parts(SEQUENCE)?;
    let (kind, value) = (parts.next()?, parts.next()?);
    let oid = kind.oid();
    let short = match oid.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        other => other,
    };
    Some((short.to_owned(), string(value)))
}

/// A text of any of the types; BMPString is big-endian UTF-16, TeletexString is read as Latin-1.
pub fn string(value: Element) -> String {
    match value.tag {
        0x1e => utf16(value.content),
        0x14 => value.content.iter().take(MAX_TEXT).copied().map(char::from).collect(),
        _ => text(value.content, MAX_TEXT),
    }
}

pub fn utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|&unit| u16::from_be_bytes(unit));
    char::decode_utf16(units).take(MAX_TEXT).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Unix seconds of a UTCTime (two digits of the year) or a GeneralizedTime, which both end with `Z`.
pub fn time(element: Element) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = element.content.get(range)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0')))
    };
    let (year, rest) = match element.tag {
        0x17 => digits(0..2).map(|year| (if year < 50 { 2_000 + year } else { 1_900 + year }, 2))?,
        0x18 => (digits(0..4)?, 4),
        _ => return None,
    };
    let pair = |index: usize| digits(rest + 2 * index..rest + 2 * index + 2);
    let (month, day, hour, minute) = (pair(0)?, pair(1)?, pair(2)?, pair(3)?);
    // Seconds may be missing, and fractions of them may follow.
    let second = pair(4).unwrap_or(0);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| 86_400 * days(year, month, day) + 3_600 * hour + 60 * minute + second)
}

/// Days from 1 January 1970, of the Gregorian calendar.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March: the leap day is the last day of one.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tag: u8, text: &str) -> Option<i64> {
        time(Element { tag, content: text.as_bytes(), whole: &[] })
    }

    #[test]
    fn times_are_unix_seconds() {
        assert_eq!(at(0x17, "700101000000Z"), Some(0));
        assert_eq!(at(0x17, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(at(0x18, "20240229120000Z"), Some(1_709_208_000));
        assert_eq!(at(0x18, "20240301000000.5Z"), Some(1_709_251_200));
        for bad in ["", "24", "241301000000Z", "2413x1000000Z"] {
            assert_eq!(at(0x17, bad), None, "{bad}");
        }
    }
}
