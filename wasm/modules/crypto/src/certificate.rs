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
    /// Unix seconds; None for what is no date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    pub self_issued: bool,
    /// Its algorithm, or that one's object identifier.
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
        not_before: not_before.time(),
        not_after: not_after.time(),
        self_issued: subject.content == issuer.content,
        signature: signature_name(oid.content),
    };
    Some((certificate, key))
}

/// Of the object identifiers of RFC 8017 (appendix C), RFC 5758, RFC 3279 (2.2) and RFC 8410.
fn signature_name(oid: &[u8]) -> String {
    let known = match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, kind] => match kind {
            2 => "RSA with MD2",
            4 => "RSA with MD5",
            5 => "RSA with SHA-1",
            10 => "RSA-PSS",
            11 => "RSA with SHA-256",
            12 => "RSA with SHA-384",
            13 => "RSA with SHA-512",
            14 => "RSA with SHA-224",
            _ => return dotted(oid),
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ECDSA with SHA-1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1] => "ECDSA with SHA-224",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => "ECDSA with SHA-256",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => "ECDSA with SHA-384",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => "ECDSA with SHA-512",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3] => "DSA with SHA-1",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        _ => return dotted(oid),
    };
    known.to_owned()
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
