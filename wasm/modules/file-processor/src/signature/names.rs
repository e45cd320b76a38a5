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
