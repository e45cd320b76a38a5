//! LZMA and LZMA2 in their containers: .lzma, .lz and .xz. The decoder reserves what a header calls the size of its
//! dictionary; nothing reaches back further than the limit, so that it gets no more than that.

use std::io::Read;

use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::filter::delta::DeltaReader;
use lzma_rust2::{Lzma2Reader, LzmaReader};

use super::read_to;
use crate::reader::Reader;

const LEAST_DICTIONARY: u32 = 4_096;
/// Blocks and streams of one .xz file: they have some MiB each.
const MAX_BLOCKS: usize = 16_384;

/// Decodes with a small dictionary first. What is unpacked cannot reach back further than its own length: only where
/// it is longer than the dictionary may that be what failed, and it is tried again with a larger one. So the memory
/// that a header asks for is given only to what unpacks to as much.
fn growing(
    stated: u32,
    limit: usize,
    mut decode: impl FnMut(u32, &mut Vec<u8>) -> Option<bool>,
) -> Option<(Vec<u8>, bool)> {
    let most = u32::try_from(limit).unwrap_or(u32::MAX).max(LEAST_DICTIONARY).next_multiple_of(LEAST_DICTIONARY);
    let most = stated.clamp(LEAST_DICTIONARY, most);
    let mut dictionary = LEAST_DICTIONARY.min(most);
    loop {
        let mut output = Vec::new();
        let is_whole = decode(dictionary, &mut output)?;
        if is_whole || output.len() >= limit || output.len() < dictionary as usize || dictionary >= most {
            return Some((output, is_whole));
        }
        dictionary = dictionary.saturating_mul(16).min(most);
    }
}

/// A raw stream; `size` is `u64::MAX` where the stream itself marks its end.
pub fn lzma1(properties: u8, stated: u32, size: u64, packed: &[u8], limit: usize) -> Vec<u8> {
    let unpacked = growing(stated, limit, |dictionary, output| {
        let reader = LzmaReader::new_with_props(packed, size, properties, dictionary, None).ok()?;
        Some(read_to(reader, limit, output))
    });
    unpacked.map(|(output, _)| output).unwrap_or_default()
}

/// The size of the dictionary is one byte: two or three times a power of two.
fn lzma2_dictionary(code: u8) -> u32 {
    if code >= 40 { u32::MAX } else { (2 | u32::from(code & 1)) << (code / 2 + 11) }
}

pub fn lzma2(code: u8, packed: &[u8], limit: usize) -> Vec<u8> {
    let unpacked = growing(lzma2_dictionary(code), limit, |dictionary, output| {
        Some(read_to(Lzma2Reader::new(packed, dictionary, None), limit, output))
    });
    unpacked.map(|(output, _)| output).unwrap_or_default()
}

/// The format of LZMA_alone: properties, dictionary, size.
pub fn lzma(data: &[u8], limit: usize) -> Vec<u8> {
    let reader = Reader::little(data);
    let (Some(properties), Some(stated), Some(size)) = (reader.u8(0), reader.u32(1), reader.u64(5)) else {
        return Vec::new();
    };
    lzma1(properties, stated, size, &data[13..], limit)
}

/// The first member; its size stands at its end, and the stream marks its end itself.
pub fn lzip(data: &[u8], limit: usize) -> Vec<u8> {
    let Some(&code) = data.get(5) else { return Vec::new() };
    let base = 1_u32.checked_shl(u32::from(code & 31)).unwrap_or(u32::MAX);
    let stated = base - base / 16 * u32::from(code >> 5);
    lzma1(0x5d, stated, u64::MAX, &data[6..], limit)
}

/// Filters before LZMA2: the id, and of delta its distance.
struct Filter {
    id: u64,
    property: u8,
}

/// The blocks of the streams one after the other.
pub fn xz(data: &[u8], limit: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut rest = data;
    // The checksum of each block is skipped by its size; it is not checked.
    let mut blocks = 0;
    while let Some(check) = stream_header(&mut rest).filter(|_| blocks < MAX_BLOCKS) {
        blocks += 1;
        while let Some(filters) = block_header(&mut rest) {
            blocks += 1;
            if blocks > MAX_BLOCKS {
                return output;
            }
            let before = rest.len();
            let Some(true) = block(&filters, &mut rest, limit, &mut output) else { return output };
            let padding = (before - rest.len()).next_multiple_of(4) - (before - rest.len());
            rest = rest.get(padding + check..).unwrap_or_default();
        }
        skip_to_stream(&mut rest);
    }
    output
}

/// The size of the blocks' checksums.
fn stream_header(rest: &mut &[u8]) -> Option<usize> {
    const SIZES: [usize; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
    let header = rest.get(..12).filter(|header| header.starts_with(b"\xfd7zXZ\0"))?;
    *rest = &rest[12..];
    Some(SIZES[usize::from(header[7] & 15)])
}

/// None at the index, which begins with a zero.
fn block_header(rest: &mut &[u8]) -> Option<Vec<Filter>> {
    let size = (usize::from(*rest.first().filter(|&&size| size != 0)?) + 1) * 4;
    let header = rest.get(..size)?;
    let flags = header[1];
    let mut fields = &header[2..];
    for _ in 0..(flags >> 6 & 1) + (flags >> 7) {
        number(&mut fields)?;
    }
    let filters = (0..=flags & 3).map(|_| {
        let id = number(&mut fields)?;
        let length = usize::try_from(number(&mut fields)?).ok()?;
        let properties = fields.get(..length)?;
        fields = &fields[length..];
        Some(Filter { id, property: properties.first().copied().unwrap_or(0) })
    });
    let filters = filters.collect::<Option<Vec<_>>>()?;
    *rest = &rest[size..];
    Some(filters)
}

/// Seven bits a byte, the lowest first.
fn number(fields: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = fields.split_first()?;
        *fields = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// True if the block came to its end.
fn block(filters: &[Filter], rest: &mut &[u8], limit: usize, output: &mut Vec<u8>) -> Option<bool> {
    let (last, before) = filters.split_last()?;
    if last.id != 0x21 {
        return None;
    }
    let packed = *rest;
    let left = limit.saturating_sub(output.len());
    let unpacked = growing(lzma2_dictionary(last.property), left, |dictionary, output| {
        *rest = packed;
        let mut reader: Box<dyn Read + '_> = Box::new(Lzma2Reader::new(&mut *rest, dictionary, None));
        for filter in before.iter().rev() {
            reader = filtered(filter.id, filter.property, reader)?;
        }
        Some(read_to(reader, left, output))
    });
    let (unpacked, is_whole) = unpacked?;
    if output.is_empty() {
        *output = unpacked;
    } else {
        output.extend(unpacked);
    }
    Some(is_whole)
}

/// One filter alone.
pub fn filter(id: u64, property: u8, data: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    read_to(filtered(id, property, Box::new(data))?, limit, &mut output);
    Some(output)
}

/// Branch converters, and the differences of bytes.
fn filtered<'a>(id: u64, property: u8, reader: Box<dyn Read + 'a>) -> Option<Box<dyn Read + 'a>> {
    Some(match id {
        3 => Box::new(DeltaReader::new(reader, usize::from(property) + 1)),
        4 => Box::new(BcjReader::new_x86(reader, 0)),
        5 => Box::new(BcjReader::new_ppc(reader, 0)),
        7 => Box::new(BcjReader::new_arm(reader, 0)),
        8 => Box::new(BcjReader::new_arm_thumb(reader, 0)),
        9 => Box::new(BcjReader::new_sparc(reader, 0)),
        10 => Box::new(BcjReader::new_arm64(reader, 0)),
        _ => return None,
    })
}

/// Behind the index and the footer there may be another stream.
fn skip_to_stream(rest: &mut &[u8]) {
    const MOST: usize = 1 << 20;
    let searched = &rest[..rest.len().min(MOST)];
    *rest = memchr::memmem::find(searched, b"\xfd7zXZ\0").map_or(&[][..], |at| &rest[at..]);
}
