//! How something is signed, by the AlgorithmIdentifier that a signature has for itself (RFC 4055, RFC 8017).

use super::algorithms::Hash;
use super::der::{Element, Elements, INTEGER, SEQUENCE};

pub const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const MGF1: &str = "1.2.840.113549.1.1.8";
const NULL: u8 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub hash: Hash,
    /// Bytes of salt, by RSA-PSS; none by PKCS #1, version 1.5, and by ECDSA.
    pub salt: Option<usize>,
}

impl Scheme {
    /// `digest` is for identifiers that name no hash, as rsaEncryption is one. None for what is not verified.
    pub fn parse(identifier: Element, digest: Option<Hash>) -> Option<Self> {
        let mut parts = identifier.parts(SEQUENCE)?;
        let oid = parts.next()?.oid();
        if oid == RSA_PSS {
            return Self::pss(parts);
        }
        Some(Self { hash: Hash::by_oid(&oid).or(digest)?, salt: None })
    }

    /// From RSASSA-PSS-params, which a signature must have; fields that are left out have RFC 4055's values.
    pub fn pss(mut parameters: Elements) -> Option<Self> {
        let mut fields = only(parameters.expect(SEQUENCE)?, parameters)?.elements();
        let hash = field(&mut fields, 0xa0)?.map_or(Some(Hash::Sha1), digest)?;
        let mask = field(&mut fields, 0xa1)?.map_or(Some(Hash::Sha1), mask)?;
        let salt = field(&mut fields, 0xa2)?.map_or(Some(20), number)?;
        let trailer = field(&mut fields, 0xa3)?.map_or(Some(1), number)?;
        // The crate makes masks by the same hash alone, as all do who sign.
        (fields.0.is_empty() && mask == hash && trailer == 1).then_some(Self { hash, salt: Some(salt) })
    }
}

/// The element, if nothing is behind it.
fn only<'a>(element: Element<'a>, rest: Elements) -> Option<Element<'a>> {
    rest.0.is_empty().then_some(element)
}

/// What is in the field with this tag, if it is there; None if more than one element is.
#[expect(clippy::option_option, reason = "a field may be left out, and may be malformed")]
fn field<'a>(fields: &mut Elements<'a>, tag: u8) -> Option<Option<Element<'a>>> {
    let Some(field) = fields.next_if(tag) else { return Some(None) };
    let mut inner = field.elements();
    only(inner.next()?, inner).map(Some)
}

/// A hash without parameters, or with NULL for them.
fn digest(identifier: Element) -> Option<Hash> {
    let mut parts = identifier.parts(SEQUENCE)?;
    let hash = Hash::by_digest_oid(&parts.next()?.oid())?;
    let empty = parts.next_if(NULL).is_none_or(|null| null.content.is_empty());
    (empty && parts.0.is_empty()).then_some(hash)
}

fn mask(identifier: Element) -> Option<Hash> {
    let mut parts = identifier.parts(SEQUENCE)?;
    (parts.next()?.oid() == MGF1).then_some(())?;
    digest(only(parts.next()?, parts)?)
}

/// A small number in its shortest form, not below zero.
fn number(element: Element) -> Option<usize> {
    match (element.tag, element.content) {
        (INTEGER, &[low @ 0..=0x7f]) => Some(low.into()),
        (INTEGER, &[high @ 0..=0x7f, low]) if high > 0 || low > 0x7f => Some(usize::from(high) << 8 | usize::from(low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &[u8] = &[0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
    const MGF1_NAME: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, content.len() as u8], &content[..]].concat()
    }

    fn parse(fields: &[&[u8]]) -> Option<Scheme> {
        let name = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
        Element::first(&der(SEQUENCE, &[&name, &der(SEQUENCE, fields)])).and_then(|it| Scheme::parse(it, None))
    }

    #[test]
    fn parameters_of_pss_are_read() {
        let (hash, mask) = (der(0xa0, &[SHA256]), der(0xa1, &[&der(SEQUENCE, &[MGF1_NAME, SHA256])]));
        let bare = der(0xa0, &[&der(SEQUENCE, &[&SHA256[2..13]])]);
        let salt = der(0xa2, &[&[INTEGER, 1, 32]]);
        let long = der(0xa2, &[&[INTEGER, 2, 0, 222]]);
        let trailer = der(0xa3, &[&[INTEGER, 1, 1]]);
        let scheme = |hash, salt| Some(Scheme { hash, salt: Some(salt) });
        assert_eq!(parse(&[]), scheme(Hash::Sha1, 20));
        assert_eq!(parse(&[&hash, &mask, &salt]), scheme(Hash::Sha256, 32));
        assert_eq!(parse(&[&bare, &mask, &long, &trailer]), scheme(Hash::Sha256, 222));
    }

    #[test]
    fn other_parameters_are_not() {
        let (hash, mask) = (der(0xa0, &[SHA256]), der(0xa1, &[&der(SEQUENCE, &[MGF1_NAME, SHA256])]));
        let salt = |content: &[u8]| der(0xa2, &[&der(INTEGER, &[content])]);
        for fields in [
            &[&hash[..]][..],                                                  // masks by SHA-1
            &[&mask],                                                          // and the other way round
            &[&mask, &hash],                                                   // out of order
            &[&hash, &mask, &salt(&[])],                                       // no number
            &[&hash, &mask, &salt(&[0xff])],                                   // below zero
            &[&hash, &mask, &salt(&[0, 32])],                                  // longer than it must be
            &[&hash, &mask, &salt(&[1, 0, 0])],                                // longer than any key
            &[&hash, &mask, &der(0xa3, &[&[INTEGER, 1, 2]])],                  // another trailer
            &[&hash, &mask, &[5, 0]],                                          // something behind it
            &[&hash, &mask, &der(0xa2, &[&[INTEGER, 1, 32], &[5, 0]])],        // something in it
            &[&der(0xa0, &[&der(SEQUENCE, &[&SHA256[2..], &[5, 0]])]), &mask], // two parameters
            &[&der(0xa0, &[MGF1_NAME]), &mask],                                // no hash
        ] {
            assert_eq!(parse(fields), None, "{fields:02x?}");
        }
    }
}
