//! What every reader of DER (ITU-T X.690) needs, checked against the bytes that there are.

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
/// The longest object identifiers in use have some 20 bytes.
const MAX_IDENTIFIER: usize = 64;

/// Tag and content of the element at the beginning, and what is behind it. None for lengths without an end or of more
/// than four bytes, for tags of several bytes, and for what is cut off.
pub fn split(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, behind) = data.split_first()?;
    let (&first, behind) = behind.split_first()?;
    let octets = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    if first == 0x80 || octets > 4 || tag & 0x1f == 0x1f {
        return None;
    }
    let (length, behind) = behind.split_at_checked(octets)?;
    let length = match octets {
        0 => usize::from(first),
        _ => length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
    };
    let (content, behind) = behind.split_at_checked(length)?;
    Some((tag, content, behind))
}

/// The dotted form of an object identifier's content; empty if it is broken.
pub fn dotted(content: &[u8]) -> String {
    let mut text = String::new();
    let mut arc = 0_u64;
    if content.len() > MAX_IDENTIFIER {
        return text;
    }
    for &byte in content {
        if arc >> 57 != 0 {
            return String::new();
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            if text.is_empty() {
                let first = (arc / 40).min(2);
                text = format!("{first}.{}", arc - 40 * first);
            } else {
                text.push_str(&format!(".{arc}"));
            }
            arc = 0;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_split() {
        assert_eq!(split(&[4, 0x82, 0, 1, 7, 4, 0]), Some((4, &[7][..], &[4, 0][..])));
        for bad in [
            &[][..],
            &[4],
            &[4, 5, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 0],
            &[0x1f, 1, 0],
            &[4, 0x84, 0xff],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(split(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn identifiers_are_dotted() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(&[0x55, 4, 3]), "2.5.4.3");
        // 128 bits, as identifiers made of UUIDs have, are more than are read here.
        assert_eq!(dotted(&[0x69, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), "");
        assert_eq!((dotted(&[]), dotted(&[0x2a; 65])), (String::new(), String::new()));
    }
}
