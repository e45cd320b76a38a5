//! The global functions that encode and decode texts.

use super::machine::{Machine, Outcome, Stop};
use super::strings::made;
use super::value::Value;
use crate::decode::base64::{self, STANDARD};

/// The global functions that encode and decode.
pub fn coded(machine: &mut Machine<'_, '_>, name: &str, value: &Value) -> Outcome {
    let units = machine.text_of(value)?;
    machine.spend(units.len() / 2)?;
    let text = String::from_utf16_lossy(&units);
    let unit_bytes = |bytes: &[u8]| bytes.iter().map(|&byte| u16::from(byte)).collect::<Vec<u16>>();
    match name {
        "atob" => {
            let bytes = base64::decode(text.as_bytes(), STANDARD)
                .ok_or_else(|| Stop::thrown(Value::text("InvalidCharacterError")))?;
            machine.text(unit_bytes(&bytes))
        }
        "unescape" => machine.text(unescape(&units)),
        "decodeURIComponent" | "decodeURI" => {
            let wrong = || Stop::thrown(Value::text("URIError"));
            let escaped = escaped(&text, name == "decodeURI").ok_or_else(wrong)?;
            let plain = String::from_utf8(crate::decode::text::percent(&escaped)).map_err(|_| wrong())?;
            machine.text(plain.encode_utf16().collect())
        }
        "btoa" => {
            use ::base64::Engine;
            let bytes: Option<Vec<u8>> = units.iter().map(|&unit| u8::try_from(unit).ok()).collect();
            let text = ::base64::engine::general_purpose::STANDARD.encode(bytes.ok_or(Stop::Unknown)?);
            made(machine, &text)
        }
        "escape" => {
            let mut done = String::new();
            for &unit in units.iter() {
                match u8::try_from(unit) {
                    Ok(byte) if byte.is_ascii_alphanumeric() || b"@*_+-./".contains(&byte) => {
                        done.push(char::from(byte))
                    }
                    Ok(byte) => done.push_str(&format!("%{byte:02X}")),
                    Err(_) => done.push_str(&format!("%u{unit:04X}")),
                }
            }
            made(machine, &done)
        }
        _ => {
            let kept: &[u8] = if name == "encodeURI" { b"-_.!~*'();/?:@&=+$,#" } else { b"-_.!~*'()" };
            let mut done = String::new();
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                    done.push(char::from(byte));
                } else {
                    done.push_str(&format!("%{byte:02X}"));
                }
            }
            made(machine, &done)
        }
    }
}

/// A text whose percent signs all begin an escape; None for any other. `keeps`: escapes of signs that divide an address
/// stay as they are.
fn escaped(text: &str, keeps: bool) -> Option<Vec<u8>> {
    let mut done = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    done.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let byte = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = u8::from_str_radix(byte?, 16).ok()?;
        done.extend_from_slice(if keeps && b";/?:@&=+$,#".contains(&byte) { b"%25" } else { b"%" });
        done.extend_from_slice(piece.as_bytes());
    }
    Some(done)
}

/// `%xx` and `%uxxxx`, each a character.
fn unescape(units: &[u16]) -> Vec<u16> {
    let digit = |index: usize| {
        units.get(index).and_then(|&unit| char::from_u32(u32::from(unit))).and_then(|letter| letter.to_digit(16))
    };
    let number =
        |from: usize, count: usize| (from..from + count).try_fold(0, |value, index| Some(value * 16 + digit(index)?));
    let mut done = Vec::with_capacity(units.len());
    let mut at = 0;
    while let Some(&unit) = units.get(at) {
        let wide = units.get(at + 1) == Some(&u16::from(b'u'));
        let value = match unit == u16::from(b'%') {
            true if wide => number(at + 2, 4),
            true => number(at + 1, 2),
            false => None,
        };
        done.push(value.map_or(unit, |value| (value & 0xffff) as u16));
        at += match (value, wide) {
            (None, _) => 1,
            (_, true) => 6,
            (_, false) => 3,
        };
    }
    done
}
