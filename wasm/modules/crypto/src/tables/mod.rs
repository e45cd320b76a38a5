//! What algorithms are known by: tables that lie in a file as they are, and words that code loads one by one.

mod catalog;
mod compute;
mod published;
mod words;

pub use catalog::TABLES;
pub use words::{MD4, MD4_SUCCESSORS, WORDS, Word};

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    BlockCipher,
    StreamCipher,
    Hash,
    Checksum,
    PublicKey,
    Encoding,
    Random,
}

/// The elements of a table.
#[derive(Clone, Copy)]
pub enum Elements {
    Bytes(&'static [u8]),
    Words16(&'static [u16]),
    Words32(&'static [u32]),
    Words64(&'static [u64]),
}

pub struct Table {
    pub algorithm: &'static str,
    pub category: Category,
    pub what: &'static str,
    pub elements: Elements,
}

impl Elements {
    pub fn len(self) -> usize {
        match self {
            Self::Bytes(table) => table.len(),
            Self::Words16(table) => table.len(),
            Self::Words32(table) => table.len(),
            Self::Words64(table) => table.len(),
        }
    }

    /// Bytes of one element.
    pub fn width(self) -> usize {
        match self {
            Self::Bytes(_) => 1,
            Self::Words16(_) => 2,
            Self::Words32(_) => 4,
            Self::Words64(_) => 8,
        }
    }

    pub fn get(self, index: usize) -> Option<u64> {
        match self {
            Self::Bytes(table) => table.get(index).map(|&value| value.into()),
            Self::Words16(table) => table.get(index).map(|&value| value.into()),
            Self::Words32(table) => table.get(index).map(|&value| value.into()),
            Self::Words64(table) => table.get(index).copied(),
        }
    }

    /// The ways in which programs keep such elements.
    pub fn layouts(self) -> &'static [Layout] {
        match self {
            Self::Bytes(_) => &[Layout::Packed, Layout::In32],
            Self::Words16(_) => &[Layout::Little, Layout::Big, Layout::In32],
            Self::Words32(_) => &[Layout::Little, Layout::Big, Layout::In64],
            Self::Words64(_) => &[Layout::Little, Layout::Big, Layout::HighWordFirst],
        }
    }
}

/// How elements lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Bytes, one behind the other.
    Packed,
    Little,
    Big,
    /// Each in a little-endian word of 32 bits.
    In32,
    /// Each in a little-endian word of 64 bits.
    In64,
    /// 64 bits as two little-endian words of 32 bits, the upper one first.
    HighWordFirst,
}

impl Layout {
    /// Bytes from one element to the next.
    pub fn stride(self, width: usize) -> usize {
        match self {
            Self::In32 => 4,
            Self::In64 => 8,
            _ => width,
        }
    }

    /// One element as it lies in a file: the first `stride` bytes.
    pub fn encode(self, value: u64, width: usize) -> [u8; 8] {
        match self {
            Self::Big => (value << (64 - 8 * width as u32)).to_be_bytes(),
            Self::HighWordFirst => value.rotate_left(32).to_le_bytes(),
            _ => value.to_le_bytes(),
        }
    }
}
