//! Keys in OpenPGP packets without armour (RFC 9580).

use crate::reader::Reader;

const SECRET_KEY: u8 = 5;
const PUBLIC_KEY: u8 = 6;

/// Whether the first packet is a key: its tag, a length that the version needs, and an algorithm that there is.
pub fn is_key(data: &[u8]) -> bool {
    key(&Reader::little(data)).is_some()
}

fn key(reader: &Reader) -> Option<()> {
    let first = reader.u8(0)?;
    // Old packets say how wide their length is, new ones by the length's own first byte.
    let (tag, body) = match first {
        0xc0.. => (first & 0x3f, if reader.u8(1)? < 192 { 2 } else { 3 }),
        0x80.. => (first >> 2 & 0xf, [2, 3, 5].get(usize::from(first & 3)).copied()?),
        _ => return None,
    };
    let algorithm = match reader.u8(body)? {
        2 | 3 => reader.u8(body + 7)?,
        4 | 6 => reader.u8(body + 5)?,
        _ => return None,
    };
    let known = matches!(algorithm, 1..=3 | 16..=19 | 22 | 25..=28);
    (matches!(tag, SECRET_KEY | PUBLIC_KEY) && known).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_each_version_are_told_from_what_is_like_them() {
        let keys: [&[u8]; 4] = [
            b"\x99\x01\xa2\x04\x33\x49\x73\xc5\x11\x04",
            b"\x98\x9a\x03\x33\x2d\x27\x96\0\0\x01\x04",
            b"\xc5\x58\x04\x5f\x46\xcb\x7d\x16\x09",
            b"\xc5\xc4\x98\x04\x5f\x45\x41\x7c\x01\x0c",
        ];
        for key in keys {
            assert!(is_key(key));
            assert!((0..6).all(|end| !is_key(&key[..end])));
        }
        for other in [
            &b"\x99\x01\xa2\x04\x33\x49\x73\xc5\x30\x04"[..],
            b"\x99\x01\xa2\x05\0\0\0\0\x01",
            b"\x89\0\0\x04\0\0\0\0\x01",
        ] {
            assert!(!is_key(other));
        }
    }
}
