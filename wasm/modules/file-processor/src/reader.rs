//! Bounds-checked reading. Offsets are 64 bits wide and all arithmetic is checked, so that no crafted offset wraps,
//! neither on the host nor in the 32-bit sandbox.

#[derive(Clone, Copy)]
pub struct Reader<'a> {
    data: &'a [u8],
    big_endian: bool,
}

impl<'a> Reader<'a> {
    pub const fn little(data: &'a [u8]) -> Self {
        Self { data, big_endian: false }
    }

    pub const fn big(data: &'a [u8]) -> Self {
        Self { data, big_endian: true }
    }

    pub const fn new(data: &'a [u8], big_endian: bool) -> Self {
        Self { data, big_endian }
    }

    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    pub const fn len(&self) -> u64 {
        self.data.len() as u64
    }

    /// Exactly `length` bytes, or None.
    pub fn slice(&self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = usize::try_from(offset.checked_add(length)?).ok()?;
        self.data.get(start..end)
    }

    /// As many of `length` bytes as there are; empty if `offset` is behind the end.
    pub fn upto(&self, offset: u64, length: u64) -> &'a [u8] {
        let start = offset.min(self.len());
        let length = length.min(self.len() - start);
        self.slice(start, length).unwrap_or_default()
    }

    fn array<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        self.slice(offset, N as u64)?.try_into().ok()
    }

    pub fn u8(&self, offset: u64) -> Option<u8> {
        self.array::<1>(offset).map(|[byte]| byte)
    }

    pub fn u16(&self, offset: u64) -> Option<u16> {
        let bytes = self.array(offset)?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub fn u32(&self, offset: u64) -> Option<u32> {
        let bytes = self.array(offset)?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    pub fn u64(&self, offset: u64) -> Option<u64> {
        let bytes = self.array(offset)?;
        Some(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// A 32-bit number or a 64-bit one, by the class of the file.
    pub fn word(&self, offset: u64, wide: bool) -> Option<u64> {
        if wide { self.u64(offset) } else { self.u32(offset).map(u64::from) }
    }

    /// Bytes up to the first NUL, at most `max` of them; None if `offset` is behind the end.
    pub fn c_string(&self, offset: u64, max: u64) -> Option<&'a [u8]> {
        let bytes = self.upto(offset, max);
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        (offset < self.len()).then(|| &bytes[..end])
    }
}

/// Text of at most `max` characters; what is not UTF-8 is replaced.
pub fn text(bytes: &[u8], max: usize) -> String {
    // Four bytes are the longest character: more of the input cannot be needed.
    let bytes = &bytes[..bytes.len().min(max.saturating_mul(4))];
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
    }
    text
}

/// UTF-16LE text of at most `max` characters, up to the first NUL; lone surrogates are replaced.
pub fn text_utf16(bytes: &[u8], max: usize) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|&unit| u16::from_le_bytes(unit)).take_while(|&unit| unit != 0);
    char::decode_utf16(units).take(max).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_do_not_wrap() {
        let reader = Reader::little(&[1, 2, 3, 4]);
        assert_eq!(reader.u32(0), Some(0x0403_0201));
        assert_eq!(reader.u32(1), None);
        assert_eq!(reader.u16(u64::MAX), None);
        assert_eq!(reader.slice(2, u64::MAX), None);
        assert_eq!(reader.upto(2, u64::MAX), [3, 4]);
        assert!(reader.upto(u64::MAX, u64::MAX).is_empty());
        assert_eq!(Reader::big(&[1, 2]).u16(0), Some(0x0102));
    }

    #[test]
    fn text_is_cut_by_characters_and_never_fails() {
        assert_eq!(text("äöü".as_bytes(), 2), "äö");
        assert_eq!(text(&[0xff, b'a'], 9), "\u{fffd}a");
        assert_eq!(text_utf16(&[b'a', 0, 0, 0xd8, b'b', 0, 0, 0, b'c', 0], 9), "a\u{fffd}b");
    }
}
