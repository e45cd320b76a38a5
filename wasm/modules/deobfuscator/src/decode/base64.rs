//! base64 in any alphabet, and its relatives.

pub const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes of base64; white space is passed over, padding ends it. None for another character, or a length that no
/// encoder makes.
pub fn decode(text: &[u8], alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let mut values = [255_u8; 256];
    for (value, &letter) in (0_u8..).zip(alphabet) {
        values[usize::from(letter)] = value;
    }
    let mut done = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_usize);
    for &letter in text {
        let value = values[usize::from(letter)];
        if value == 255 {
            match letter {
                b'=' => break,
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                _ => return None,
            }
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count.is_multiple_of(4) {
            done.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match count % 4 {
        0 => {}
        1 => return None,
        2 => done.push(low_byte(bits >> 4)),
        _ => done.extend([low_byte(bits >> 10), low_byte(bits >> 2)]),
    }
    Some(done)
}

const fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

/// The alphabet that an argument names.
pub fn decode_named(text: &[u8], alphabet: Option<&str>) -> Result<Vec<u8>, String> {
    let not = || "It is not base64 in this alphabet.".to_owned();
    match alphabet {
        None => decode(text, STANDARD).or_else(|| decode(text, URL)).ok_or_else(not),
        Some("standard") => decode(text, STANDARD).ok_or_else(not),
        Some("url") => decode(text, URL).ok_or_else(not),
        Some(own) => {
            let own: &[u8; 64] = own.as_bytes().first_chunk().ok_or("The alphabet must have 64 characters.")?;
            decode(text, own).ok_or_else(not)
        }
    }
}

/// RFC 4648, upper or lower case.
pub fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let mut done = Vec::with_capacity(text.len() / 8 * 5);
    let (mut bits, mut count) = (0_u64, 0_u32);
    for &letter in text.iter().filter(|letter| !letter.is_ascii_whitespace()) {
        let value = match letter.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            letter @ b'2'..=b'7' => letter - b'2' + 26,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 5 | u64::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            done.push((bits >> count).to_le_bytes()[0]);
            bits &= (1 << count) - 1;
        }
    }
    (!done.is_empty()).then_some(done)
}

const BASE85: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// As Python's `b85encode` makes it.
pub fn base85(text: &[u8]) -> Option<Vec<u8>> {
    let mut values = [255_u8; 256];
    for (value, &letter) in (0_u8..).zip(BASE85) {
        values[usize::from(letter)] = value;
    }
    fives(text.iter().filter(|letter| !letter.is_ascii_whitespace()).map(|&letter| values[usize::from(letter)]), 84)
}

/// As Adobe writes it, with or without its brackets.
pub fn ascii85(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"<~").unwrap_or(text);
    let text = text.strip_suffix(b"~>").unwrap_or(text);
    let mut values = Vec::with_capacity(text.len());
    for &letter in text.iter().filter(|letter| !letter.is_ascii_whitespace()) {
        match letter {
            b'z' => values.extend([0; 5]),
            b'!'..=b'u' => values.push(letter - b'!'),
            _ => return None,
        }
    }
    fives(values.into_iter(), 84)
}

fn fives(values: impl Iterator<Item = u8>, fill: u8) -> Option<Vec<u8>> {
    let mut done = Vec::new();
    let mut group = Vec::with_capacity(5);
    let mut finish = |group: &mut Vec<u8>| -> Option<()> {
        let missing = 5 - group.len();
        group.extend(std::iter::repeat_n(fill, missing));
        let number = group.iter().fold(0_u64, |number, &value| number * 85 + u64::from(value));
        let bytes = u32::try_from(number).ok()?.to_be_bytes();
        done.extend_from_slice(bytes.get(..4 - missing.min(4))?);
        group.clear();
        Some(())
    };
    for value in values {
        if value > 84 {
            return None;
        }
        group.push(value);
        if group.len() == 5 {
            finish(&mut group)?;
        }
    }
    if !group.is_empty() {
        finish(&mut group)?;
    }
    (!done.is_empty()).then_some(done)
}
