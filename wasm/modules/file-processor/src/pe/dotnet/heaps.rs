//! The heaps that the tables refer to (ECMA-335, II.24.2.3 - II.24.2.5).

use crate::pe::debug::guid;
use crate::reader::{Reader, text};

const MAX_NAME: usize = 512;

pub struct Heaps<'a> {
    pub strings: Reader<'a>,
    pub guids: Reader<'a>,
    pub blobs: Reader<'a>,
    pub user_strings: Reader<'a>,
}

impl<'a> Heaps<'a> {
    pub fn name_bytes(&self, index: u64) -> &'a [u8] {
        self.strings.c_string(index, MAX_NAME as u64).unwrap_or_default()
    }

    pub fn name(&self, index: u64) -> String {
        text(self.name_bytes(index), MAX_NAME)
    }

    pub fn guid(&self, index: u64) -> String {
        let bytes = index.checked_sub(1).and_then(|index| self.guids.slice(16 * index, 16));
        bytes.map(guid).unwrap_or_default()
    }

    pub fn blob(&self, index: u64) -> &'a [u8] {
        sized(self.blobs, index).map_or(&[], |(bytes, _)| bytes)
    }
}

/// Bytes behind their length, which takes one, two or four bytes; and the offset of what follows.
pub fn sized(reader: Reader<'_>, at: u64) -> Option<(&[u8], u64)> {
    let first = u64::from(reader.u8(at)?);
    let byte = |index: u64| reader.u8(at + index).map(u64::from);
    let (length, start) = match first {
        0..0x80 => (first, at + 1),
        0x80..0xc0 => ((first & 0x3f) << 8 | byte(1)?, at + 2),
        0xc0..0xe0 => ((first & 0x1f) << 24 | byte(1)? << 16 | byte(2)? << 8 | byte(3)?, at + 4),
        _ => return None,
    };
    Some((reader.slice(start, length)?, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the standard, II.23.2.
    #[test]
    fn lengths_are_compressed() {
        let sized_at = |head: &[u8]| {
            let bytes = [head, &[7; 0x4000]].concat();
            sized(Reader::little(&bytes), 0).map(|(bytes, _)| bytes.len())
        };
        assert_eq!(sized_at(&[0x03]), Some(0x03));
        assert_eq!(sized_at(&[0x7f]), Some(0x7f));
        assert_eq!(sized_at(&[0x80, 0x80]), Some(0x80));
        assert_eq!(sized_at(&[0xae, 0x57]), Some(0x2e57));
        assert_eq!(sized_at(&[0xbf, 0xff]), Some(0x3fff));
        assert_eq!(sized_at(&[0xc0, 0x00, 0x40, 0x00]), Some(0x4000));
        assert_eq!(sized_at(&[0xff]), None);
    }
}
