//! X.509 certificates (RFC 5280).

use super::algorithms::Hash;
use super::der::{BIT_STRING, Element, INTEGER, SEQUENCE};
use super::names::name;
use super::scheme::Scheme;
use super::verify::{Effort, Key, verify};
use crate::facts::signing::{Certificate as Facts, Check};
use module_kit::hex;

#[derive(Clone, Copy)]
pub struct Certificate<'a> {
    pub whole: &'a [u8],
    signed: &'a [u8],
    pub serial: &'a [u8],
    pub issuer: Element<'a>,
    pub subject: Element<'a>,
    not_before: i64,
    not_after: i64,
    key: Element<'a>,
    algorithm: Element<'a>,
    signature: &'a [u8],
}

/// Bytes of a certificate: real ones have below 4 KiB.
const MAX_CERTIFICATE: usize = 256 << 10;

impl<'a> Certificate<'a> {
    pub fn parse(element: Element<'a>) -> Option<Self> {
        if element.whole.len() > MAX_CERTIFICATE {
            return None;
        }
        let mut parts = element.parts(SEQUENCE)?;
        let (signed, algorithm) = (parts.expect(SEQUENCE)?, parts.expect(SEQUENCE)?);
        let signature = bits(parts.expect(BIT_STRING)?)?;
        let mut fields = signed.elements();
        fields.next_if(0xa0); // the version
        let serial = fields.expect(INTEGER)?.content;
        fields.expect(SEQUENCE)?; // the algorithm again
        let issuer = fields.expect(SEQUENCE)?;
        let mut validity = fields.expect(SEQUENCE)?.elements();
        let (not_before, not_after) = (validity.next()?.time()?, validity.next()?.time()?);
        let subject = fields.expect(SEQUENCE)?;
        let key = fields.expect(SEQUENCE)?;
        let (whole, signed) = (element.whole, signed.whole);
        Some(Self { whole, signed, serial, issuer, subject, not_before, not_after, key, algorithm, signature })
    }

    pub fn public_key(&self) -> Key<'a> {
        Key::parse(self.key)
    }

    pub fn is_self_issued(&self) -> bool {
        self.issuer.whole == self.subject.whole
    }

    /// Whether the key of `issuer` signed this.
    pub fn signed_by(&self, issuer: &Self, effort: &mut Effort) -> Check {
        let Some(scheme) = Scheme::parse(self.algorithm, None) else { return Check::NotChecked };
        verify(&issuer.public_key(), scheme, self.signed, self.signature, effort)
    }

    pub const fn is_valid_at(&self, time: i64) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    pub fn facts(&self, signature: Check, at: Option<i64>) -> Facts {
        let scheme = Scheme::parse(self.algorithm, None);
        let algorithm = || self.algorithm.elements().next().map(|oid| oid.oid()).unwrap_or_default();
        let serial: &[u8] = self.serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(self.serial);
        Facts {
            subject: name(self.subject),
            issuer: name(self.issuer),
            serial: hex(&serial[..serial.len().min(64)]),
            not_before: self.not_before,
            not_after: self.not_after,
            sha1: hex(&Hash::Sha1.of(self.whole)),
            sha256: hex(&Hash::Sha256.of(self.whole)),
            key: self.public_key().name(),
            digest: scheme.map_or_else(algorithm, |scheme| scheme.hash.name().to_owned()),
            self_issued: self.is_self_issued(),
            signature,
            in_time: at.map(|time| self.is_valid_at(time)),
        }
    }
}

/// The bits of a BIT STRING that is a whole number of bytes.
pub fn bits(element: Element<'_>) -> Option<&[u8]> {
    element.content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| bits)
}
