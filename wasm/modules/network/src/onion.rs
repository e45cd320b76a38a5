//! Names of Tor's hidden services. Version 3: rend-spec-v3 of the Tor project; version 2 (16 letters) ended in 2021.

use sha3::{Digest, Sha3_256};

use crate::ioc::Tag;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 32 bytes of public key, 2 of checksum, 1 of version.
const V3_BYTES: usize = 35;

/// What is said of a name in small letters that ends in `.onion`; None if it cannot be one.
pub fn check(name: &str) -> Option<&'static [Tag]> {
    let label = name.strip_suffix(".onion")?.rsplit('.').next()?;
    let bytes = decode(label.as_bytes())?;
    match label.len() {
        16 => Some(&[Tag::V2]),
        56 if is_v3(&bytes) => Some(&[Tag::V3, Tag::Checksum]),
        _ => None,
    }
}

fn is_v3(bytes: &[u8]) -> bool {
    let &[ref key @ .., first, second, 3] = bytes else { return false };
    if bytes.len() != V3_BYTES {
        return false;
    }
    let digest = Sha3_256::new().chain_update(b".onion checksum").chain_update(key).chain_update([3]).finalize();
    digest.starts_with(&[first, second])
}

/// Base32 of RFC 4648 in small letters, without padding.
fn decode(label: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(V3_BYTES), 0_u32, 0);
    for letter in label.iter().take(64) {
        let value = ALPHABET.iter().position(|known| known == letter)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Tor project's own service, as www.torproject.org names it.
    const TOR: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

    #[test]
    fn version_3_must_have_its_checksum() {
        assert_eq!(check(TOR), Some(&[Tag::V3, Tag::Checksum][..]));
        assert_eq!(check(&format!("www.{TOR}")), Some(&[Tag::V3, Tag::Checksum][..]));
        assert_eq!(check(&TOR.replace("2gz", "3gz")), None);
    }

    #[test]
    fn version_2_has_sixteen_letters() {
        assert_eq!(check("expyuzz4wqqyqhjn.onion"), Some(&[Tag::V2][..]));
        assert_eq!(check("expyuzz4wqqyqhj1.onion"), None);
        assert_eq!(check("short.onion"), None);
    }
}
