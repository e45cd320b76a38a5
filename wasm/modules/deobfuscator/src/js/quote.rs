//! Values as they are written in a script.

use super::value::{Value, number_text};

/// The literal of a value; None for what has none.
pub fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Number(number) if number.is_finite() && (*number < 0.0 || number.is_sign_negative()) => {
            Some(format!("({})", if *number == 0.0 { "-0".to_owned() } else { number_text(*number) }))
        }
        Value::Number(number) if number.is_finite() => Some(number_text(*number)),
        Value::Text(units) => Some(text(units)),
        _ => None,
    }
}

/// In double quotes, with as few escapes as possible.
pub fn text(units: &[u16]) -> String {
    let mut done = String::with_capacity(units.len() + 2);
    done.push('"');
    for letter in char::decode_utf16(units.iter().copied()) {
        match letter {
            Ok('"') => done.push_str("\\\""),
            Ok('\\') => done.push_str("\\\\"),
            Ok('\n') => done.push_str("\\n"),
            Ok('\r') => done.push_str("\\r"),
            Ok('\t') => done.push_str("\\t"),
            Ok(letter @ ('\u{2028}' | '\u{2029}' | '\u{feff}')) => {
                done.push_str(&format!("\\u{:04x}", u32::from(letter)))
            }
            Ok(letter) if letter.is_control() => done.push_str(&format!("\\x{:02x}", u32::from(letter))),
            Ok(letter) => done.push(letter),
            Err(lone) => done.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
        }
    }
    done.push('"');
    done
}

/// Whether a name may stand behind a dot.
pub fn is_name(text: &str) -> bool {
    let mut letters = text.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b'$'))
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'$'))
}

/// A replacement that does not grow together with a word beside it.
pub fn fitted(source: &str, start: usize, end: usize, text: String) -> String {
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
    let bytes = source.as_bytes();
    let before = start > 0 && is_word(bytes.get(start - 1)) && is_word(text.as_bytes().first());
    let behind = is_word(bytes.get(end)) && is_word(text.as_bytes().last());
    match (before, behind) {
        (false, false) => text,
        (before, behind) => format!("{}{text}{}", if before { " " } else { "" }, if behind { " " } else { "" }),
    }
}
