//! The header of a gzip file (RFC 1952, 2.3).

const CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// A gzip file's first member. `body` is packed by deflate, and everything that follows comes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gzip<'a> {
    /// Latin-1, without the NUL; empty where there is none.
    pub name: &'a [u8],
    pub comment: &'a [u8],
    /// Unix seconds; 0 where it is not told.
    pub modified: u32,
    pub body: &'a [u8],
}

impl<'a> Gzip<'a> {
    /// None for what is no gzip, or whose header is cut off.
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let (&[0x1f, 0x8b, 8, flags, a, b, c, d, _, _], mut rest) = data.split_first_chunk::<10>()? else {
            return None;
        };
        if flags & EXTRA != 0 {
            let (size, behind) = rest.split_first_chunk::<2>()?;
            rest = behind.get(usize::from(u16::from_le_bytes(*size))..)?;
        }
        let mut field = |bit: u8| {
            if flags & bit == 0 {
                return Some(&[][..]);
            }
            let (text, behind) = rest.split_at_checked(rest.iter().position(|&byte| byte == 0)?)?;
            rest = behind.get(1..)?;
            Some(text)
        };
        let (name, comment) = (field(NAME)?, field(COMMENT)?);
        let body = if flags & CHECKSUM == 0 { rest } else { rest.get(2..)? };
        Some(Self { name, comment, modified: u32::from_le_bytes([a, b, c, d]), body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_passed() {
        let data = b"\x1f\x8b\x08\x1e\x01\0\0\0\0\x03\x02\0xxname\0comment\0ccbody";
        let whole = Gzip { name: b"name", comment: b"comment", modified: 1, body: b"body" };
        assert_eq!(Gzip::read(data), Some(whole));
        assert!((0..data.len() - 4).all(|end| Gzip::read(&data[..end]).is_none()));
        assert_eq!(Gzip::read(b"\x1f\x8b\x08\0\0\0\0\0\0\x03body").map(|gzip| gzip.body), Some(&b"body"[..]));
        assert_eq!(Gzip::read(b"\x1f\x8b\x07\0\0\0\0\0\0\x03body"), None);
    }
}
