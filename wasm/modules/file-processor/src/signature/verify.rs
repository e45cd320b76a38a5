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

/// Bytes that are hashed for one signature: those of certificates and of lists of pages are far below.
pub const MAX_SIGNED: usize = 8 << 20;

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
    if algorithm == RSA_PSS || matches!(key, Key::Other(_)) || signed.len() > MAX_SIGNED || !effort.spend() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        hex.as_bytes().as_chunks::<2>().0.iter().map(|&[high, low]| digit(high) << 4 | digit(low)).collect()
    }

    fn signature(r: &str, s: &str) -> Vec<u8> {
        // Both begin with a high bit, so that a zero goes before them.
        let number = |hex: &str| [&[INTEGER, (hex.len() / 2 + 1) as u8, 0], &bytes(hex)[..]].concat();
        let both = [number(r), number(s)].concat();
        [&[SEQUENCE, both.len() as u8], &both[..]].concat()
    }

    /// From RFC 6979, A.2.5 and A.2.6.
    #[test]
    fn published_signatures_verify() {
        let point = bytes(
            "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
             7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
        );
        let made = signature(
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        );
        check(&Key::P256(&point), Hash::Sha256, &made);
        let point = bytes(
            "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13\
             8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
        );
        let made = signature(
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        );
        check(&Key::P384(&point), Hash::Sha384, &made);
    }

    fn check(key: &Key, hash: Hash, signature: &[u8]) {
        let mut effort = Effort(3);
        assert_eq!(verify(key, hash, "", b"sample", signature, &mut effort), Check::Valid);
        assert_eq!(verify(key, hash, "", b"simple", signature, &mut effort), Check::Invalid);
        assert_eq!(verify(key, hash, "", b"sample", &signature[1..], &mut effort), Check::Invalid);
        assert_eq!(verify(key, hash, "", b"sample", signature, &mut effort), Check::NotChecked);
    }

    #[test]
    fn impossible_keys_are_not_checked() {
        let mut effort = Effort(100);
        for (modulus, exponent) in [
            (&[][..], &[3][..]),
            (&[0xff; 64], &[]),
            (&[0xfe; 64], &[3]),
            (&[0xff; 2_000], &[3]),
            (&[0xff; 64], &[0xff; 9]),
        ] {
            let key = Key::Rsa { modulus, exponent };
            assert_eq!(verify(&key, Hash::Sha256, "", b"x", &[1; 64], &mut effort), Check::NotChecked);
        }
        assert_eq!(verify(&Key::P256(&[4; 65]), Hash::Sha256, "", b"x", &[1; 64], &mut effort), Check::NotChecked);
    }
}
