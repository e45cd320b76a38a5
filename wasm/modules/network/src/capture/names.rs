//! What hosts call themselves: names of NetBIOS (RFC 1002) and of DHCP (RFC 2132).

use super::bytes::{be16, be32, text};

/// The name that a message of NetBIOS' name service asks for: 32 letters, each half a byte.
pub fn netbios(data: &[u8]) -> Option<String> {
    if be16(data, 4)? != 1 && be16(data, 6)? != 1 {
        return None;
    }
    let encoded = data.get(12..)?.strip_prefix(&[32])?.get(..32)?;
    let half = |letter: u8| letter.checked_sub(b'A').filter(|&value| value < 16);
    let bytes: Vec<u8> = encoded
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&[high, low]| Some(half(high)? << 4 | half(low)?))
        .collect::<Option<_>>()?;
    let (name, _kind) = bytes.split_at_checked(15)?;
    Some(text(name.trim_ascii_end(), 15)).filter(|name| !name.is_empty() && name.chars().all(|it| !it.is_control()))
}

const COOKIE: u32 = 0x6382_5363;
const HOST_NAME: u8 = 12;
const DOMAIN: u8 = 81;

/// The name that a client of DHCP gives for itself.
pub fn dhcp(data: &[u8]) -> Option<String> {
    if be32(data, 236)? != COOKIE {
        return None;
    }
    let mut at = 240;
    while let Some(&kind) = data.get(at) {
        if kind == 0 {
            at += 1;
            continue;
        }
        let length = usize::from(*data.get(at + 1)?);
        let value = data.get(at + 2..at + 2 + length)?;
        match kind {
            255 => return None,
            HOST_NAME => return Some(text(value, 255)),
            DOMAIN => return value.get(3..).map(|name| text(name, 255)),
            _ => at += 2 + length,
        }
    }
    None
}

pub fn is_dhcp(data: &[u8]) -> bool {
    be32(data, 236) == Some(COOKIE) && matches!(data.first(), Some(1 | 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both() {
        let mut data = vec![0, 1, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 32];
        for byte in b"FILESERVER     \0" {
            data.extend([b'A' + (byte >> 4), b'A' + (byte & 15)]);
        }
        assert_eq!(netbios(&data).as_deref(), Some("FILESERVER"));
        let mut data = vec![0; 236];
        data.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 0, 12, 2, b'p', b'c', 255]);
        assert_eq!(dhcp(&data).as_deref(), Some("pc"));
        for length in 0..data.len() {
            dhcp(&data[..length]);
        }
    }
}
