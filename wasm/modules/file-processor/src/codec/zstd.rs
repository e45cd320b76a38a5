//! Zstandard (RFC 8878): frames one after the other, and such as are to be skipped.

use ruzstd::decoding::StreamingDecoder;

use super::read_to;
use crate::reader::Reader;

/// Frames of one file: most have one.
const MAX_FRAMES: usize = 16_384;
const SKIPPED: u32 = 0x184d_2a50;

pub fn unpack(data: &[u8], limit: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut rest = data;
    for _ in 0..MAX_FRAMES {
        let Some(magic) = Reader::little(rest).u32(0) else { break };
        if magic & 0xffff_fff0 == SKIPPED {
            let size = Reader::little(rest).u32(4).map_or(usize::MAX, |size| size as usize);
            rest = rest.get(size.saturating_add(8)..).unwrap_or_default();
            continue;
        }
        // The decoder refuses windows of more than 100 MiB.
        let Ok(decoder) = StreamingDecoder::new(&mut rest) else { break };
        if !read_to(decoder, limit, &mut output) {
            break;
        }
    }
    output
}
