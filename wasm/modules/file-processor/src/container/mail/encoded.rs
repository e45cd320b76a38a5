//! How mail writes what is not ASCII: quoted-printable, base64, encoded words (RFC 2047) and parameters (RFC 2231).

use crate::charset::decode_named;
use crate::container::office::decode_base64;

/// Characters of a header field or a name.
pub const MAX_FIELD: usize = 4_096;

pub fn quoted_printable(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'=' {
            bytes.push(byte);
        } else if let Some(decoded) = behind.get(..2).and_then(hex_pair) {
            bytes.push(decoded);
            rest = &behind[2..];
        } else {
            // A soft line break, or an equals sign that nobody escaped.
            let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match &behind[blanks..] {
                [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => rest = after,
                [] => {}
                _ => bytes.push(byte),
            }
        }
    }
    bytes
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

/// A body by its transfer encoding.
pub fn transfer(data: &[u8], encoding: &str) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => decode_base64(&String::from_utf8_lossy(data)),
        "quoted-printable" => quoted_printable(data),
        _ => data.to_vec(),
    }
}

/// A field's text with its encoded words: `=?utf-8?B?...?=`. Blanks between two of them do not count.
pub fn words(field: &str) -> String {
    let mut text = String::new();
    let mut rest = field;
    let mut was_encoded = false;
    while let Some(at) = rest.find("=?").filter(|_| text.len() < 4 * MAX_FIELD) {
        let before = &rest[..at];
        if let Some((decoded, behind)) = word(&rest[at + 2..]) {
            if !(was_encoded && before.trim().is_empty()) {
                text.push_str(before);
            }
            text.push_str(&decoded);
            (rest, was_encoded) = (behind, true);
        } else {
            text.push_str(&rest[..at + 2]);
            (rest, was_encoded) = (&rest[at + 2..], false);
        }
    }
    text.push_str(rest);
    text.chars().take(MAX_FIELD).collect()
}

/// An encoded word behind its `=?`, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    let mut parts = text.splitn(3, '?');
    let (charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (content, behind) = rest.split_once("?=").filter(|_| charset.len() <= 64)?;
    let bytes = match encoding {
        "b" | "B" => decode_base64(content),
        "q" | "Q" => quoted_printable(content.replace('_', " ").as_bytes()),
        _ => return None,
    };
    // A language may stand behind the character set.
    let charset = charset.split('*').next().unwrap_or_default();
    Some((decode_named(&bytes, charset, MAX_FIELD), behind))
}

/// A parameter of a field: `name="a"; name*=utf-8''%61; name*0="a"; name*1="b"`.
pub fn parameter(field: &str, name: &str) -> Option<String> {
    let parameters = parameters(field);
    let get = |wanted: &str| parameters.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    if let Some(value) = get(&format!("{name}*")) {
        return Some(extended(value));
    }
    if let Some(value) = get(name) {
        return Some(words(value));
    }
    let (mut joined, mut is_extended) = (String::new(), false);
    for index in 0..100 {
        if let Some(part) = get(&format!("{name}*{index}*")) {
            is_extended = true;
            joined.push_str(part);
        } else if let Some(part) = get(&format!("{name}*{index}")) {
            joined.push_str(part);
        } else {
            break;
        }
    }
    (!joined.is_empty()).then(|| if is_extended { extended(&joined) } else { words(&joined) })
}

/// `charset'language'%41`.
fn extended(value: &str) -> String {
    let mut parts = value.splitn(3, '\'');
    let (Some(charset), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return value.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match behind.get(..2).and_then(hex_pair).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &behind[2..];
            }
            None => bytes.push(byte),
        }
    }
    decode_named(&bytes, charset, MAX_FIELD)
}

/// Names in lower case and values, of which quotes are taken off.
fn parameters(field: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = field.split_once(';').map_or("", |(_, rest)| rest);
    while !rest.is_empty() && found.len() < 128 {
        let end = rest.find(['=', ';']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_ascii_lowercase();
        if rest.as_bytes().get(end) != Some(&b'=') {
            rest = rest.get(end + 1..).unwrap_or_default();
            continue;
        }
        let (value, behind) = value(&rest[end + 1..]);
        found.push((name, value));
        rest = behind;
    }
    found
}

fn value(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), behind);
    };
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            _ if is_escaped => {
                value.push(letter);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return (value, quoted[at + 1..].split_once(';').map_or("", |(_, behind)| behind)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_decoded() {
        assert_eq!(quoted_printable(b"a=3D=\r\nb=e4=  \nc=zz="), b"a=b\xe4c=zz");
        assert_eq!(transfer(b"TVo=\r\n", " Base64 "), b"MZ");
    }

    #[test]
    fn words_are_decoded_and_joined() {
        assert_eq!(words("=?utf-8?B?w6Q=?= =?iso-8859-1*de?q?=E4_b?= c"), "ää b c");
        assert_eq!(words("a =?x =?utf-8?X?a?= =?"), "a =?x =?utf-8?X?a?= =?");
    }

    #[test]
    fn parameters_in_all_their_forms() {
        let get = |field| parameter(field, "filename").unwrap_or_default();
        assert_eq!(get("attachment; filename=\"a \\\"b\\\";.txt\"; x=y"), "a \"b\";.txt");
        assert_eq!(get("attachment; filename*=UTF-8''%C3%A4.txt"), "ä.txt");
        assert_eq!(get("attachment; filename*0*=utf-8'en'%C3%A4; filename*1=\"b.txt\""), "äb.txt");
        assert_eq!(get("attachment; filename=\"=?utf-8?q?=C3=A4?=\""), "ä");
        assert_eq!(parameter("text/plain; charset=x", "filename"), None);
    }
}
