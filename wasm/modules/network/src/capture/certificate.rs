//! What a certificate of X.509 says of itself (RFC 5280): read, not verified.

use module_kit::der::{OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, split, time};
use module_kit::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::bytes::text;
use super::limits::MAX_TEXT;

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// Unix seconds; None for what is no date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    pub sha256: String,
    pub self_signed: bool,
}

/// Subject alternative name, 2.5.29.17.
const ALTERNATIVE: &[u8] = &[0x55, 0x1d, 0x11];
/// Names that one certificate tells.
const MAX_NAMES: usize = 32;

/// Elements of DER, one after another.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, body, after) = split(self.0)?;
        self.0 = after;
        Some((tag, body))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, body)| body)
    }
}

pub fn certificate(data: &[u8]) -> Option<Certificate> {
    let mut outer = Der(Der(data).expect(SEQUENCE)?);
    let mut body = Der(outer.expect(SEQUENCE)?);
    let first = body.next()?;
    // The version is there unless it is the first.
    if first.0 == 0xa0 {
        body.next()?;
    }
    body.expect(SEQUENCE)?;
    let issuer = body.expect(SEQUENCE)?;
    let mut validity = Der(body.expect(SEQUENCE)?);
    let (not_before, not_after) = (validity.next()?, validity.next()?);
    let subject = body.expect(SEQUENCE)?;
    body.expect(SEQUENCE)?;
    Some(Certificate {
        subject: name(subject),
        issuer: name(issuer),
        not_before: time(not_before.0, not_before.1),
        not_after: time(not_after.0, not_after.1),
        names: alternatives(body).unwrap_or_default(),
        sha256: hex(&Sha256::digest(data)),
        self_signed: subject == issuer,
    })
}

/// `CN=..., O=...`, in the order of the certificate.
fn name(data: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut sets = Der(data);
    while let Some((SET, set)) = sets.next() {
        let mut pairs = Der(set);
        while let Some((SEQUENCE, pair)) = pairs.next() {
            let mut pair = Der(pair);
            let (Some(kind), Some((_, value))) = (pair.expect(OBJECT_IDENTIFIER), pair.next()) else { continue };
            let kind = match kind {
                [0x55, 4, 3] => "CN",
                [0x55, 4, 6] => "C",
                [0x55, 4, 7] => "L",
                [0x55, 4, 8] => "ST",
                [0x55, 4, 10] => "O",
                [0x55, 4, 11] => "OU",
                [0x55, 4, 5] => "serialNumber",
                [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
                _ => continue,
            };
            if parts.len() < MAX_NAMES {
                parts.push(format!("{kind}={}", text(value, 128)));
            }
        }
    }
    parts.join(", ").chars().take(MAX_TEXT).collect()
}

fn alternatives(mut body: Der) -> Option<Vec<String>> {
    let extensions = std::iter::from_fn(|| body.next()).find(|(tag, _)| *tag == 0xa3)?.1;
    let mut list = Der(Der(extensions).expect(SEQUENCE)?);
    while let Some((SEQUENCE, extension)) = list.next() {
        let mut extension = Der(extension);
        if extension.expect(OBJECT_IDENTIFIER) != Some(ALTERNATIVE) {
            continue;
        }
        let value = std::iter::from_fn(|| extension.next()).find(|(tag, _)| *tag == OCTET_STRING)?.1;
        let mut names = Der(Der(value).expect(SEQUENCE)?);
        let dns = std::iter::from_fn(move || names.next()).filter(|(tag, _)| *tag == 0x82);
        return Some(dns.take(MAX_NAMES).map(|(_, name)| text(name, 255)).collect());
    }
    None
}
