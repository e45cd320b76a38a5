//! What every reader of DER (ITU-T X.690) needs, checked against the bytes that there are.

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const UTC_TIME: u8 = 0x17;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
/// The longest object identifiers in use have some 20 bytes.
const MAX_IDENTIFIER: usize = 64;

/// Tag and content of the element at the beginning, and what is behind it. None for lengths without an end or of more
/// than four bytes, for tags of several bytes, and for what is cut off.
pub fn split(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, behind) = data.split_first()?;
    let (&first, behind) = behind.split_first()?;
    let octets = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    if first == 0x80 || octets > 4 || tag & 0x1f == 0x1f {
        return None;
    }
    let (length, behind) = behind.split_at_checked(octets)?;
    let length = match octets {
        0 => usize::from(first),
        _ => length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
    };
    let (content, behind) = behind.split_at_checked(length)?;
    Some((tag, content, behind))
}

/// The dotted form of an object identifier's content; empty if it is broken.
pub fn dotted(content: &[u8]) -> String {
    let mut text = String::new();
    let mut arc = 0_u64;
    if content.len() > MAX_IDENTIFIER {
        return text;
    }
    for &byte in content {
        if arc >> 57 != 0 {
            return String::new();
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            if text.is_empty() {
                let first = (arc / 40).min(2);
                text = format!("{first}.{}", arc - 40 * first);
            } else {
                text.push_str(&format!(".{arc}"));
            }
            arc = 0;
        }
    }
    text
}

/// Unix seconds of a UTCTime (two digits of the year) or a GeneralizedTime, which both end with `Z`; None for what no clock
/// shows.
pub fn time(tag: u8, content: &[u8]) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = content.get(range)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0')))
    };
    let (year, rest) = match tag {
        UTC_TIME => digits(0..2).map(|year| (if year < 50 { 2_000 + year } else { 1_900 + year }, 2))?,
        GENERALIZED_TIME => (digits(0..4)?, 4),
        _ => return None,
    };
    let pair = |index: usize| digits(rest + 2 * index..rest + 2 * index + 2);
    let (month, day, hour, minute) = (pair(0)?, pair(1)?, pair(2)?, pair(3)?);
    // Seconds may be missing, and fractions of them may follow.
    let second = pair(4).unwrap_or(0);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60 && content.ends_with(b"Z");
    (is_date && is_time).then(|| 86_400 * days(year, month, day) + 3_600 * hour + 60 * minute + second)
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

    #[test]
    fn elements_are_split() {
        assert_eq!(split(&[4, 0x82, 0, 1, 7, 4, 0]), Some((4, &[7][..], &[4, 0][..])));
        for bad in [
            &[][..],
            &[4],
            &[4, 5, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 0],
            &[0x1f, 1, 0],
            &[4, 0x84, 0xff],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(split(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn identifiers_are_dotted() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(&[0x55, 4, 3]), "2.5.4.3");
        // 128 bits, as identifiers made of UUIDs have, are more than are read here.
        assert_eq!(dotted(&[0x69, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), "");
        assert_eq!((dotted(&[]), dotted(&[0x2a; 65])), (String::new(), String::new()));
    }

    #[test]
    fn times_are_unix_seconds() {
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(time(GENERALIZED_TIME, b"20240229120000Z"), Some(1_709_208_000));
        assert_eq!(time(GENERALIZED_TIME, b"20240301000000.5Z"), Some(1_709_251_200));
        for bad in ["", "24", "241301000000Z", "2413x1000000Z", "240101240000Z", "240101000000+0100"] {
            assert_eq!(time(UTC_TIME, bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(time(INTEGER, b"700101000000Z"), None);
    }
}
