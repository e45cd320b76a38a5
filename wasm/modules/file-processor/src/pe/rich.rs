//! The Rich header: what Microsoft's linker records of the tools that made the objects.

use crate::digest::md5;
use crate::facts::{RichEntry, RichHeader};
use crate::reader::Reader;
use memchr::memmem::find;

const DANS: u32 = u32::from_le_bytes(*b"DanS");
/// Real ones have below 40 entries.
const MAX_ENTRIES: usize = 256;

/// `signature` is the offset of `PE\0\0`; the header lies between the DOS header and it.
pub fn parse(data: &[u8], signature: u64) -> Option<RichHeader> {
    let end = usize::try_from(signature).ok()?.min(data.len());
    let area = data.get(0x40..end)?;
    let rich = 0x40 + find(area, b"Rich")?;
    let reader = Reader::little(data);
    let key = reader.u32(rich as u64 + 4)?;
    let start = (0x40..rich)
        .rev()
        .find(|&at| (rich - at).is_multiple_of(4) && reader.u32(at as u64).is_some_and(|word| word ^ key == DANS))?;
    let clear: Vec<u8> =
        data[start..rich].iter().zip(key.to_le_bytes().iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    let entries = entries(&clear);
    Some(RichHeader { key, checksum_valid: checksum(data, start, &entries) == key, hash: md5(&clear), entries })
}

/// Pairs of words behind `DanS` and three words of padding.
fn entries(clear: &[u8]) -> Vec<RichEntry> {
    let reader = Reader::little(clear);
    let pair = |index: u64| {
        let at = 16 + 8 * index;
        let id = reader.u32(at)?;
        let [build_low, build_high, product_low, product_high] = id.to_le_bytes();
        Some(RichEntry {
            product: u16::from_le_bytes([product_low, product_high]),
            build: u16::from_le_bytes([build_low, build_high]),
            count: reader.u32(at + 4)?,
        })
    };
    (0..).map_while(pair).take(MAX_ENTRIES).collect()
}

/// The key is a checksum over the DOS header (without the offset of the PE header, set later) and the entries.
fn checksum(data: &[u8], start: usize, entries: &[RichEntry]) -> u32 {
    let mut sum = u32::try_from(start).unwrap_or(0);
    for (index, &byte) in data[..start].iter().enumerate() {
        if !(0x3c..0x40).contains(&index) {
            sum = sum.wrapping_add(u32::from(byte).rotate_left(u32::try_from(index & 31).unwrap_or(0)));
        }
    }
    for entry in entries {
        let id = u32::from(entry.product) << 16 | u32::from(entry.build);
        sum = sum.wrapping_add(id.rotate_left(entry.count & 31));
    }
    sum
}
