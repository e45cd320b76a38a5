//! Bytes to text and back, by the names that ADODB and the .NET classes take.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Characters below 256 as one byte each; a text with others as UTF-8.
#[must_use]
pub fn narrow(text: &str) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
    bytes.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Each byte as the character of that number.
#[must_use]
pub fn widen(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// ADODB's names: "unicode" is UTF-16, "x-ansi" the system's code page.
fn encoding(name: &str) -> &'static Encoding {
    match name.to_ascii_lowercase().as_str() {
        "unicode" | "utf-16" => UTF_16LE,
        "unicodefeff" | "utf-16be" => UTF_16BE,
        "x-ansi" | "_autodetect" => WINDOWS_1252,
        other => Encoding::for_label(other.as_bytes()).unwrap_or(WINDOWS_1252),
    }
}

/// Bytes of a character set; what it has not becomes a question mark.
#[must_use]
pub fn encode(text: &str, charset: &str) -> Vec<u8> {
    let found = encoding(charset);
    if found == UTF_16LE || found == UTF_16BE {
        let order = if found == UTF_16LE { u16::to_le_bytes } else { u16::to_be_bytes };
        return text.encode_utf16().flat_map(order).collect();
    }
    if charset.eq_ignore_ascii_case("iso-8859-1") {
        return text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect();
    }
    // encoding_rs writes numeric references for what is missing, as HTML forms do.
    let (bytes, _, lossy) = found.encode(text);
    match lossy {
        false => bytes.into_owned(),
        true => text.chars().flat_map(|char| one(char, found)).collect(),
    }
}

fn one(char: char, encoding: &'static Encoding) -> Vec<u8> {
    let mut buffer = [0; 4];
    let (bytes, _, lossy) = encoding.encode(char.encode_utf8(&mut buffer));
    if lossy { vec![b'?'] } else { bytes.into_owned() }
}

#[must_use]
pub fn decode(bytes: &[u8], charset: &str) -> String {
    if charset.eq_ignore_ascii_case("iso-8859-1") {
        return widen(bytes);
    }
    encoding(charset).decode_with_bom_removal(bytes).0.into_owned()
}

/// A script's own bytes as text: by its byte order mark, as UTF-8 if it is that, else as windows-1252.
#[must_use]
pub fn source(bytes: &[u8]) -> String {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// As lenient as Windows: blanks are passed over, the end may be missing.
#[must_use]
pub fn from_base64(text: &str) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let clean: Vec<u8> =
        text.bytes().filter(|&byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/').collect();
    // One character alone stands for no byte.
    let length = clean.len() - usize::from(clean.len() % 4 == 1);
    LENIENT.decode(clean.get(..length).unwrap_or_default()).unwrap_or_default()
}

#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Digits are read, whatever is between them is not.
#[must_use]
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|char| char.to_digit(16)).map(|digit| digit.to_le_bytes()[0]).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_that_droppers_take() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(narrow(&widen(&all)), all);
        assert_eq!(encode(&decode(&all, "iso-8859-1"), "iso-8859-1"), all);
        assert_eq!(encode("ab", "unicode"), b"a\0b\0");
        assert_eq!(from_base64("aGVs\r\nbG8="), b"hello");
        assert_eq!(from_base64("aGVsbG8"), b"hello");
        assert_eq!(from_base64("aGVsbG8=="), b"hello");
        assert_eq!(from_base64("a"), b"");
        assert_eq!(from_hex("4d5A 9"), b"MZ");
        assert_eq!(encode("\u{4e2d}a", "windows-1252"), b"?a");
    }
}
