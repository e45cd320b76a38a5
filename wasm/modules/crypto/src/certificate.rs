//! What a certificate says (RFC 5280, 4.1).

use serde::Serialize;

use crate::der::{BIT_STRING, EXPLICIT_0, INTEGER, OID, SEQUENCE, SET, Value, dotted, values};
use crate::keys::{KeyFacts, public_key_info};
use module_kit::hex;

/// Attributes of a name that are reported, and characters of each.
const MAX_ATTRIBUTES: usize = 16;
const MAX_TEXT: usize = 128;
/// Bytes of a serial number: honest ones have up to 20 (4.1.2.2).
const MAX_SERIAL: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal.
    pub serial: String,
    /// As the certificate writes it: YYMMDDhhmmssZ or YYYYMMDDhhmmssZ.
    pub not_before: String,
    pub not_after: String,
    pub self_issued: bool,
    /// The object identifier of the signature's algorithm.
    pub signature: String,
}

/// The certificate and its key, if `outer` is one.
pub fn certificate(outer: &Value) -> Option<(Certificate, KeyFacts)> {
    let [tbs, algorithm, signature] = outer.first()?;
    if !tbs.is(SEQUENCE) || !algorithm.is(SEQUENCE) || !signature.is(BIT_STRING) {
        return None;
    }
    let mut parts = values(tbs.content).peekable();
    // Version 1 leaves the version out.
    parts.next_if(|value| value.is(EXPLICIT_0));
    let serial = parts.next().filter(|value| value.is(INTEGER))?;
    let inner_algorithm = parts.next().filter(|value| value.content == algorithm.content)?;
    let issuer = parts.next().filter(|value| value.is(SEQUENCE))?;
    let [not_before, not_after] = parts.next()?.first()?;
    let subject = parts.next().filter(|value| value.is(SEQUENCE))?;
    let key = public_key_info(&parts.next()?)?;
    let [oid] = inner_algorithm.first()?;
    let certificate = Certificate {
        subject: name(&subject),
        issuer: name(&issuer),
        serial: hex(serial.content.get(..MAX_SERIAL).unwrap_or(serial.content)),
        not_before: text(&not_before),
        not_after: text(&not_after),
        self_issued: subject.content == issuer.content,
        signature: dotted(oid.content),
    };
    Some((certificate, key))
}

/// `CN=..., O=...`, the most telling attributes of RFC 5280's appendix A.1.
fn name(name: &Value) -> String {
    let attributes = values(name.content).filter(|set| set.is(SET)).filter_map(|set| set.first()).take(MAX_ATTRIBUTES);
    let written = attributes.filter_map(|[attribute]: [Value; 1]| {
        let [oid, value] = attribute.first()?;
        let key = match oid.content {
            [0x55, 4, 3] if oid.is(OID) => "CN",
            [0x55, 4, 6] => "C",
            [0x55, 4, 7] => "L",
            [0x55, 4, 8] => "ST",
            [0x55, 4, 10] => "O",
            [0x55, 4, 11] => "OU",
            _ => return None,
        };
        Some(format!("{key}={}", text(&value)))
    });
    written.collect::<Vec<_>>().join(", ")
}

/// BMPString has 16 bits a character; the others are read as UTF-8.
fn text(value: &Value) -> String {
    const BMP: u8 = 0x1e;
    let content = value.content.get(..4 * MAX_TEXT).unwrap_or(value.content);
    let whole = if value.is(BMP) {
        let (units, _) = content.as_chunks::<2>();
        String::from_utf16_lossy(&units.iter().map(|unit| u16::from_be_bytes(*unit)).collect::<Vec<_>>())
    } else {
        String::from_utf8_lossy(content).into_owned()
    };
    whole.chars().take(MAX_TEXT).collect()
}
