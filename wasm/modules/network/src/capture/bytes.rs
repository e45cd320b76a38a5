//! Checked reading of numbers and parts. Network protocols are big-endian; where one is not, its reader says so.

#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub const fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.data.len()
    }

    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let part = self.data.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(part)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).and_then(|part| part.first().copied())
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|part| part.try_into().ok()).map(u16::from_be_bytes)
    }

    pub fn u24(&mut self) -> Option<usize> {
        let part = self.take(3)?;
        Some(part.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|part| part.try_into().ok()).map(u32::from_be_bytes)
    }

    /// A part that has its length before it, in one byte or in two.
    pub fn sized8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    pub fn sized16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }
}

pub fn be16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

pub fn be32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

pub fn le16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

pub fn le32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// Text of a capture: what is not UTF-8 replaced, and cut.
pub fn text(data: &[u8], most: usize) -> String {
    String::from_utf8_lossy(data.get(..data.len().min(4 * most)).unwrap_or_default()).chars().take(most).collect()
}

/// Where `needle` begins in `data`. The first byte is looked for with what the machine has for that.
pub fn find(data: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut at = 0;
    while let Some(found) = data.get(at..).and_then(|part| memchr::memchr(first, part)) {
        at += found + 1;
        if data.get(at..).is_some_and(|part| part.starts_with(rest)) {
            return Some(at - 1);
        }
    }
    None
}
