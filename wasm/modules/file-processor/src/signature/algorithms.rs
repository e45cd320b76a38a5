//! Algorithms of digests and signatures by their object identifiers.

use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha384, Sha512};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By the identifier of the digest or of a signature algorithm that includes it.
    pub fn by_oid(oid: &str) -> Option<Self> {
        Some(match oid {
            "1.2.840.113549.2.5" | "1.2.840.113549.1.1.4" => Self::Md5,
            "1.3.14.3.2.26" | "1.3.14.3.2.29" | "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => Self::Sha1,
            "2.16.840.1.101.3.4.2.1" | "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Self::Sha256,
            "2.16.840.1.101.3.4.2.2" | "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Self::Sha384,
            "2.16.840.1.101.3.4.2.3" | "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Self::Sha512,
            _ => return None,
        })
    }

    /// By the identifier of the digest alone; MD5 is nobody's hash for PSS.
    pub fn by_digest_oid(oid: &str) -> Option<Self> {
        let digests = ["1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"];
        digests.contains(&oid).then(|| Self::by_oid(oid))?
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    pub fn of(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(data).to_vec(),
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha384 => Sha384::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    /// What stands before the digest in a signature by PKCS #1 (RFC 8017, 9.2).
    pub fn prefix(self) -> Vec<u8> {
        let (oid, length): (&[u8], u8) = match self {
            Self::Md5 => (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05], 16),
            Self::Sha1 => (&[0x2b, 0x0e, 0x03, 0x02, 0x1a], 20),
            Self::Sha256 => (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], 32),
            Self::Sha384 => (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], 48),
            Self::Sha512 => (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], 64),
        };
        // The lengths are below 128: each takes a byte.
        let name = oid.len() as u8;
        let head = [0x30, name + 8 + length, 0x30, name + 4, 0x06, name];
        [&head[..], oid, &[0x05, 0x00, 0x04, length]].concat()
    }
}
