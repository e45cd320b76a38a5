//! Signatures by RSA (PKCS #1, version 1.5) and by ECDSA on the curves P-256 and P-384. Of other algorithms nothing is
//! said.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::SignatureScheme as _;
use rsa::{BoxedUint, PublicKey};

use super::algorithms::Hash;
use super::certificate::bits;
use super::der::{BIT_STRING, Element, INTEGER, SEQUENCE};
use crate::facts::signing::Check;

/// Bits of an RSA key: what is outside is not checked.
const RSA_BITS: std::ops::RangeInclusive<usize> = 512..=8_192;
const RSA: &str = "1.2.840.113549.1.1.1";
const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const EC: &str = "1.2.840.10045.2.1";

/// Signatures of one file that are verified: one takes a millisecond, and honest files have about ten.
pub struct Effort(pub u32);

impl Effort {
    pub const fn for_file(quick: bool) -> Self {
        Self(if quick { 0 } else { 64 })
    }

    const fn spend(&mut self) -> bool {
        let affordable = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        affordable
    }
}

pub enum Key<'a> {
    Rsa { modulus: &'a [u8], exponent: &'a [u8] },
    P256(&'a [u8]),
    P384(&'a [u8]),
    Other(String),
}

impl<'a> Key<'a> {
    /// From a certificate's SubjectPublicKeyInfo.
    pub fn parse(info: Element<'a>) -> Self {
        let mut parts = info.elements();
        let algorithm = parts.expect(SEQUENCE);
        let mut ids = algorithm.map_or([const { String::new() }; 2], |algorithm| {
            let mut ids = algorithm.elements().map(|id| id.oid());
            [ids.next().unwrap_or_default(), ids.next().unwrap_or_default()]
        });
        let key = parts.expect(BIT_STRING).and_then(bits).unwrap_or_default();
        match [ids[0].as_str(), ids[1].as_str()] {
            [RSA, _] => Self::rsa(key).unwrap_or_else(|| Self::Other(RSA.to_owned())),
            [EC, "1.2.840.10045.3.1.7"] => Self::P256(key),
            [EC, "1.3.132.0.34"] => Self::P384(key),
            _ => Self::Other(std::mem::take(&mut ids[0])),
        }
    }

    fn rsa(key: &'a [u8]) -> Option<Self> {
        let mut numbers = Element::first(key)?.parts(SEQUENCE)?;
        let mut number = || numbers.expect(INTEGER).map(|number| without_zeros(number.content));
        Some(Self::Rsa { modulus: number()?, exponent: number()? })
    }

    /// For people: `RSA 2048`.
    pub fn name(&self) -> String {
        match self {
            Self::Rsa { modulus, .. } => format!("RSA {}", bit_length(modulus)),
            Self::P256(_) => "ECDSA P-256".to_owned(),
            Self::P384(_) => "ECDSA P-384".to_owned(),
            Self::Other(oid) => oid.clone(),
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| 8 * number.len() - first.leading_zeros() as usize)
}

/// Whether `key` made `signature` over `signed`. `algorithm` is the identifier that the signature names for itself.
pub fn verify(key: &Key, hash: Hash, algorithm: &str, signed: &[u8], signature: &[u8], effort: &mut Effort) -> Check {
    if algorithm == RSA_PSS || matches!(key, Key::Other(_)) || !effort.spend() {
        return Check::NotChecked;
    }
    let digest = hash.of(signed);
    let verified = match key {
        Key::Rsa { modulus, exponent } => verify_rsa(modulus, exponent, hash, &digest, signature),
        Key::P256(point) => verify_p256(point, &digest, signature),
        Key::P384(point) => verify_p384(point, &digest, signature),
        Key::Other(_) => None,
    };
    match verified {
        None => Check::NotChecked,
        Some(true) => Check::Valid,
        Some(false) => Check::Invalid,
    }
}

/// None for keys of impossible or excessive size.
fn verify_rsa(modulus: &[u8], exponent: &[u8], hash: Hash, digest: &[u8], signature: &[u8]) -> Option<bool> {
    if !RSA_BITS.contains(&bit_length(modulus)) || exponent.len() > 8 {
        return None;
    }
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, u32::try_from(8 * bytes.len()).ok()?).ok();
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    let key = PublicKey::new_with_size_limits(modulus, exponent, RSA_BITS).ok()?;
    let scheme = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: hash.prefix().into_boxed_slice() };
    Some(scheme.verify(&key, digest, signature).is_ok())
}

fn verify_p256(point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature);
    Some(signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()))
}

fn verify_p384(point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    let signature = p384::ecdsa::Signature::from_der(signature);
    Some(signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()))
}
