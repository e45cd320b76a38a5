//! Signatures by RSA (PKCS #1, version 1.5, and PSS) and by ECDSA on the curves P-256 and P-384. Of other algorithms
//! nothing is said.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pss::Pss;
use rsa::traits::SignatureScheme as _;
use rsa::{BoxedUint, PublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::algorithms::Hash;
use super::certificate::bits;
use super::der::{BIT_STRING, Element, INTEGER, SEQUENCE};
use super::scheme::{RSA_PSS, Scheme};
use crate::facts::signing::Check;

/// Bits of an RSA key: what is outside is not checked.
const RSA_BITS: std::ops::RangeInclusive<usize> = 512..=8_192;
const RSA: &str = "1.2.840.113549.1.1.1";
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
    Rsa { modulus: &'a [u8], exponent: &'a [u8], purpose: Purpose },
    P256(&'a [u8]),
    P384(&'a [u8]),
    Other(String),
}

/// What an RSA key may sign (RFC 4055, 1.2).
#[derive(Clone, Copy)]
pub enum Purpose {
    Any,
    Pss,
    /// By this hash, and with at least so much salt.
    PssBy(Scheme),
}

impl Purpose {
    fn allows(self, scheme: Scheme) -> bool {
        match self {
            Self::Any => true,
            Self::Pss => scheme.salt.is_some(),
            Self::PssBy(least) => scheme.hash == least.hash && scheme.salt >= least.salt,
        }
    }
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
            [RSA, _] => Self::rsa(key, Purpose::Any).unwrap_or_else(|| Self::Other(RSA.to_owned())),
            [RSA_PSS, _] => algorithm
                .and_then(pss_purpose)
                .and_then(|purpose| Self::rsa(key, purpose))
                .unwrap_or_else(|| Self::Other(RSA_PSS.to_owned())),
            [EC, "1.2.840.10045.3.1.7"] => Self::P256(key),
            [EC, "1.3.132.0.34"] => Self::P384(key),
            _ => Self::Other(std::mem::take(&mut ids[0])),
        }
    }

    fn rsa(key: &'a [u8], purpose: Purpose) -> Option<Self> {
        let mut numbers = Element::first(key)?.parts(SEQUENCE)?;
        let mut number = || numbers.expect(INTEGER).map(|number| without_zeros(number.content));
        Some(Self::Rsa { modulus: number()?, exponent: number()?, purpose })
    }

    /// For people: `RSA 2048`.
    pub fn name(&self) -> String {
        match self {
            Self::Rsa { modulus, purpose: Purpose::Any, .. } => format!("RSA {}", bit_length(modulus)),
            Self::Rsa { modulus, .. } => format!("RSA-PSS {}", bit_length(modulus)),
            Self::P256(_) => "ECDSA P-256".to_owned(),
            Self::P384(_) => "ECDSA P-384".to_owned(),
            Self::Other(oid) => oid.clone(),
        }
    }
}

/// None for parameters that are not understood; a key need not have any.
fn pss_purpose(algorithm: Element) -> Option<Purpose> {
    let mut parts = algorithm.elements();
    parts.next()?;
    if parts.0.is_empty() { Some(Purpose::Pss) } else { Scheme::pss(parts).map(Purpose::PssBy) }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| 8 * number.len() - first.leading_zeros() as usize)
}

/// Whether `key` made `signature` over `signed`.
pub fn verify(key: &Key, scheme: Scheme, signed: &[u8], signature: &[u8], effort: &mut Effort) -> Check {
    if matches!(key, Key::Other(_)) || signed.len() > MAX_SIGNED || !effort.spend() {
        return Check::NotChecked;
    }
    let digest = scheme.hash.of(signed);
    let verified = match key {
        Key::Rsa { purpose, .. } if !purpose.allows(scheme) => Some(false),
        Key::Rsa { modulus, exponent, .. } => verify_rsa(modulus, exponent, scheme, &digest, signature),
        _ if scheme.salt.is_some() => None,
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
fn verify_rsa(modulus: &[u8], exponent: &[u8], scheme: Scheme, digest: &[u8], signature: &[u8]) -> Option<bool> {
    if !RSA_BITS.contains(&bit_length(modulus)) || exponent.len() > 8 {
        return None;
    }
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, u32::try_from(8 * bytes.len()).ok()?).ok();
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    let key = PublicKey::new_with_size_limits(modulus, exponent, RSA_BITS).ok()?;
    let verified = match (scheme.hash, scheme.salt) {
        (hash, None) => {
            let prefix = hash.prefix().into_boxed_slice();
            Pkcs1v15Sign { hash_len: Some(digest.len()), prefix }.verify(&key, digest, signature)
        }
        (Hash::Sha1, Some(salt)) => Pss::<Sha1>::new_with_salt(salt).verify(&key, digest, signature),
        (Hash::Sha256, Some(salt)) => Pss::<Sha256>::new_with_salt(salt).verify(&key, digest, signature),
        (Hash::Sha384, Some(salt)) => Pss::<Sha384>::new_with_salt(salt).verify(&key, digest, signature),
        (Hash::Sha512, Some(salt)) => Pss::<Sha512>::new_with_salt(salt).verify(&key, digest, signature),
        (Hash::Md5, Some(_)) => return None,
    };
    Some(verified.is_ok())
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
        check(&Key::P256(&point), Scheme { hash: Hash::Sha256, salt: None }, &made);
        let point = bytes(
            "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13\
             8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
        );
        let made = signature(
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        );
        check(&Key::P384(&point), Scheme { hash: Hash::Sha384, salt: None }, &made);
    }

    /// By Python's cryptography.
    #[test]
    fn signatures_by_pss_verify() {
        let modulus = bytes(
            "e2738c19028a4bf7e822dd7bb819dbd7b6490199721620e1cc1bee80ca2f5edb2a51ac8d1f7a8730ae1c8ebce3b23e9f\
             84c6181570109597e3bb3aa4f26b983b45e5817c6240fa702581c00a5ad78d79e1cc73a9246c21f609adbc91d9376ef7\
             db675fcef54c6f3b0e62e567e9f60ced6712d4689a5cf427d0289ff04246fc33",
        );
        let key = |purpose| Key::Rsa { modulus: &modulus, exponent: &[1, 0, 1], purpose };
        let made = [
            (
                Scheme { hash: Hash::Sha256, salt: Some(32) },
                "7c757db4baa32fe2213bdaab897ca1b04817da5fd2c7df2de857eb7ed49482d798bf35130f142724cb295806cfa3891b\
                 cf11125f845bf5245f3ced8def4d934844f9d3fead7b2a609692de5fa428ba3c48603e95d6c6e820e07fc066efb803df\
                 b0c55e03499120c5e3de663d8b1082c333ceca7e6a60e7e79e03aae48f061fa1",
            ),
            (
                Scheme { hash: Hash::Sha1, salt: Some(20) },
                "c720a8a09b9a600bdd7c6cee2d14614fc42cf306004f12c2eb75d6accdf7141711d85d048e2c35f2f0e0d98fe6ee188f\
                 b7f576c6275b274d7600c5f06fedc81d451919ff7ed2cf707ed79813df275f01bf52a2e48f904072c5e5aaaf61899edb\
                 54d4a829622411584ab42bc8e87a9dc2cbdbd5648db463531b624654b9fe8b63",
            ),
            (
                Scheme { hash: Hash::Sha512, salt: Some(7) },
                "bc7cc9654d80515d9b3f92ef46808e0b4a17527b067f59b200626c654aedab19b6fe38ba13eb692e280a02dd0b724a5c\
                 ae186eaa3bc956f3543b0b3f3b7089f262eb9b969322ee0fc50e08fd65f4dfa863ce28630099012114a3219ee8e6bf4c\
                 375ac2127863f0a6bee3d964ca75d7ff482f3b0a5e89c44b8d06dec9a5b10afd",
            ),
            (
                Scheme { hash: Hash::Sha384, salt: Some(0) },
                "276210d06f8461a8bee6fdcfb0a09ebeebd3b436aed1891e07e87e63d2d55988fa5e3d2674e25890d014c09648de7158\
                 da558aa48d717e09bcbb205175a99cbd7e037769d2ffd99e1e48a98305ac6eb248ea41afd1c553b1f72418716c983a77\
                 73c51a1b89a3970b36eca04afff5ef0782cde353e8b27f98343382eb62e26355",
            ),
        ];
        for (scheme, signature) in made {
            let signature = bytes(signature);
            check(&key(Purpose::Any), scheme, &signature);
            let mut effort = Effort(9);
            let mut verdict = |purpose, scheme| verify(&key(purpose), scheme, b"sample", &signature, &mut effort);
            let other = Scheme { salt: scheme.salt.map(|salt| salt + 1), ..scheme };
            assert_eq!(verdict(Purpose::Any, other), Check::Invalid);
            assert_eq!(verdict(Purpose::Any, Scheme { salt: None, ..scheme }), Check::Invalid);
            assert_eq!(verdict(Purpose::Pss, scheme), Check::Valid);
            assert_eq!(verdict(Purpose::PssBy(scheme), scheme), Check::Valid);
            assert_eq!(verdict(Purpose::PssBy(other), scheme), Check::Invalid);
        }
    }

    #[test]
    fn keys_for_pss_sign_nothing_else() {
        let scheme = |hash, salt| Scheme { hash, salt };
        assert!(!Purpose::Pss.allows(scheme(Hash::Sha256, None)));
        let bound = Purpose::PssBy(scheme(Hash::Sha256, Some(32)));
        assert!(bound.allows(scheme(Hash::Sha256, Some(33))));
        assert!(!bound.allows(scheme(Hash::Sha256, Some(31))));
        assert!(!bound.allows(scheme(Hash::Sha512, Some(32))));
        assert!(!bound.allows(scheme(Hash::Sha256, None)));
    }

    fn check(key: &Key, scheme: Scheme, signature: &[u8]) {
        let mut effort = Effort(3);
        assert_eq!(verify(key, scheme, b"sample", signature, &mut effort), Check::Valid);
        assert_eq!(verify(key, scheme, b"simple", signature, &mut effort), Check::Invalid);
        assert_eq!(verify(key, scheme, b"sample", &signature[1..], &mut effort), Check::Invalid);
        assert_eq!(verify(key, scheme, b"sample", signature, &mut effort), Check::NotChecked);
    }

    #[test]
    fn impossible_keys_are_not_checked() {
        const SCHEME: Scheme = Scheme { hash: Hash::Sha256, salt: None };
        let mut effort = Effort(100);
        for (modulus, exponent) in [
            (&[][..], &[3][..]),
            (&[0xff; 64], &[]),
            (&[0xfe; 64], &[3]),
            (&[0xff; 2_000], &[3]),
            (&[0xff; 64], &[0xff; 9]),
        ] {
            let key = Key::Rsa { modulus, exponent, purpose: Purpose::Any };
            assert_eq!(verify(&key, SCHEME, b"x", &[1; 64], &mut effort), Check::NotChecked);
        }
        assert_eq!(verify(&Key::P256(&[4; 65]), SCHEME, b"x", &[1; 64], &mut effort), Check::NotChecked);
    }
}
