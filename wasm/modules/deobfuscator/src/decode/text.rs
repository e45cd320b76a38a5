//! Encodings of characters: hexadecimal digits, escapes, entities, numbers, UTF-16.

/// The value of a hexadecimal digit.
pub const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Pairs of digits and nothing else.
pub fn hex_strict(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Pairs of digits with whatever is between them: `\x41 0x42,43-44`.
pub fn hex_loose(text: &[u8]) -> Option<Vec<u8>> {
    let mut done = Vec::with_capacity(text.len() / 2);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied().unwrap_or(0);
        match (digit(byte), digit(next)) {
            (Some(0), _) if matches!(next, b'x' | b'X') => at += 2,
            (Some(high), Some(low)) => {
                done.push(high << 4 | low);
                at += 2;
            }
            _ => at += 1,
        }
    }
    (!done.is_empty()).then_some(done)
}

fn hex_number(text: &[u8], at: usize, digits: usize) -> Option<u32> {
    text.get(at..at + digits)?.iter().try_fold(0, |value, &byte| Some(value << 4 | u32::from(digit(byte)?)))
}

/// `%xx` as bytes, `%uxxxx` as characters.
pub fn percent(text: &[u8]) -> Vec<u8> {
    let mut done = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'%' {
            if let Some(value) = hex_number(text, at + 1, 2) {
                done.push(value.to_le_bytes()[0]);
                at += 3;
                continue;
            }
            if matches!(text.get(at + 1), Some(b'u' | b'U'))
                && let Some(value) = hex_number(text, at + 2, 4)
            {
                push_char(&mut done, value);
                at += 6;
                continue;
            }
        }
        done.push(byte);
        at += 1;
    }
    done
}

fn push_char(done: &mut Vec<u8>, value: u32) {
    let letter = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
    done.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The entities that scripts are hidden with.
const NAMED: [(&str, char); 22] = [
    ("lt", '<'),
    ("gt", '>'),
    ("amp", '&'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("colon", ':'),
    ("lpar", '('),
    ("rpar", ')'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("semi", ';'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("equals", '='),
    ("plus", '+'),
    ("num", '#'),
    ("percnt", '%'),
    ("lsqb", '['),
    ("rsqb", ']'),
];

/// Entities by number and by name.
pub fn entities(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        done.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((letter, length)) = entity(rest) {
            done.push(letter);
            rest = &rest[length..];
        } else {
            done.push('&');
            rest = &rest[1..];
        }
    }
    done.push_str(rest);
    done
}

/// The character that an entity stands for, and its length.
pub fn entity(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    let end = body.bytes().take(12).position(|byte| byte == b';')?;
    let name = body.get(..end)?;
    let letter = match name.strip_prefix('#') {
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']);
            let value = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())?;
            char::from_u32(value)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((letter, end + 2))
}

/// `\xhh`, `\uhhhh`, `\u{h...}`, `\ooo` and the short ones.
pub fn escapes(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            units.extend(letter.encode_utf16(&mut [0; 2]).iter());
            at += letter.len_utf8();
            continue;
        }
        let (value, length) = escape(bytes, at + 1);
        match value {
            Some(value) => {
                let letter = char::from_u32(value);
                match letter {
                    Some(letter) => units.extend(letter.encode_utf16(&mut [0; 2]).iter()),
                    None => units.push(u16::try_from(value).unwrap_or(0xfffd)),
                }
            }
            None => units.push(u16::from(b'\\')),
        }
        at += 1 + length;
    }
    String::from_utf16_lossy(&units)
}

/// What stands behind a backslash, and how long that is.
fn escape(bytes: &[u8], at: usize) -> (Option<u32>, usize) {
    match bytes.get(at) {
        Some(b'x') => hex_number(bytes, at + 1, 2).map_or((None, 0), |value| (Some(value), 3)),
        Some(b'u') if bytes.get(at + 1) == Some(&b'{') => {
            let digits = bytes
                .get(at + 2..)
                .unwrap_or_default()
                .iter()
                .take(8)
                .take_while(|byte| digit(**byte).is_some())
                .count();
            let closed = bytes.get(at + 2 + digits) == Some(&b'}');
            let value = if closed && digits > 0 { hex_number(bytes, at + 2, digits) } else { None };
            value.map_or((None, 0), |value| (Some(value), digits + 3))
        }
        Some(b'u') => hex_number(bytes, at + 1, 4).map_or((None, 0), |value| (Some(value), 5)),
        Some(b'n') => (Some(10), 1),
        Some(b'r') => (Some(13), 1),
        Some(b't') => (Some(9), 1),
        Some(&byte @ (b'\\' | b'\'' | b'"' | b'/')) => (Some(u32::from(byte)), 1),
        Some(b'0'..=b'7') => {
            let octal: Vec<u32> = bytes
                .iter()
                .skip(at)
                .take(3)
                .take_while(|byte| (b'0'..=b'7').contains(*byte))
                .map(|byte| u32::from(byte - b'0'))
                .collect();
            (Some(octal.iter().fold(0, |value, digit| value * 8 + digit)), octal.len())
        }
        _ => (None, 0),
    }
}

/// Numbers as characters. Below 256 all of them are bytes, else they are characters.
pub fn charcodes(text: &str, separator: Option<&str>) -> Option<Vec<u8>> {
    let numbers: Option<Vec<u32>> = match separator.filter(|separator| !separator.is_empty()) {
        Some(separator) => text.split(separator).map(|word| number(word.trim())).collect(),
        None => {
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            Some(words.filter_map(number).collect())
        }
    };
    let numbers = numbers?;
    if numbers.is_empty() { None } else { Some(from_numbers(&numbers)) }
}

fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// Bytes of numbers: as they are below 256, else in UTF-8.
pub fn from_numbers(numbers: &[u32]) -> Vec<u8> {
    if let Ok(bytes) = numbers.iter().map(|&number| u8::try_from(number)).collect::<Result<Vec<u8>, _>>() {
        return bytes;
    }
    let mut done = Vec::with_capacity(numbers.len());
    numbers.iter().for_each(|&number| push_char(&mut done, number));
    done
}

pub fn utf16(data: &[u8], little: bool) -> Vec<u8> {
    let (pairs, _) = data.as_chunks::<2>();
    let unit = |pair: &[u8; 2]| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
    let units: Vec<u16> = pairs.iter().map(unit).collect();
    let text = String::from_utf16_lossy(&units);
    text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes().to_vec()
}
