//! Bodies as they were before they were packed (RFC 9110, section 8.4).

use std::borrow::Cow;
use std::ops::Range;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use module_kit::Gzip;

use super::limits::MAX_BODY;

pub struct Body<'a> {
    pub data: Cow<'a, [u8]>,
    /// An encoding that is not undone: `br`, `zstd`, or one that the bytes are not in.
    pub packed: bool,
    /// Whether more would have come out than is taken.
    pub cut: bool,
}

pub fn body<'a>(stream: &'a [u8], parts: &[Range<usize>], encoding: &str, budget: &mut usize) -> Body<'a> {
    let whole = joined(stream, parts);
    let unpacked = match encoding.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Gzip::read(&whole).map(|gzip| inflate(gzip.body, false, budget)),
        "deflate" => Some(deflate(&whole, budget)),
        "" | "identity" => return Body { data: whole, packed: false, cut: false },
        _ => None,
    };
    match unpacked {
        Some((data, cut)) if !data.is_empty() => Body { data: Cow::Owned(data), packed: false, cut },
        _ => Body { data: whole, packed: true, cut: false },
    }
}

fn joined<'a>(stream: &'a [u8], parts: &[Range<usize>]) -> Cow<'a, [u8]> {
    let part = |range: &Range<usize>| stream.get(range.clone()).unwrap_or_default();
    match parts {
        [] => Cow::Borrowed(&[]),
        [one] => Cow::Borrowed(part(one)),
        several => Cow::Owned(several.iter().map(part).collect::<Vec<_>>().concat()),
    }
}

/// `deflate` is zlib's format; some servers send it without the header.
fn deflate(data: &[u8], budget: &mut usize) -> (Vec<u8>, bool) {
    let found = inflate(data, true, budget);
    if found.0.is_empty() { inflate(data, false, budget) } else { found }
}

/// What comes out until the data ends or is broken, and whether there was more than the limit or the budget takes.
fn inflate(data: &[u8], zlib: bool, budget: &mut usize) -> (Vec<u8>, bool) {
    let most = MAX_BODY.min(*budget);
    let flags = if zlib { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 } | TINFL_FLAG_HAS_MORE_INPUT;
    let mut state = Box::<DecompressorOxide>::default();
    let mut output = vec![0; most.min(data.len().saturating_mul(4).max(4_096))];
    let (mut read, mut written) = (0, 0);
    let cut = loop {
        let input = data.get(read..).unwrap_or_default();
        let (status, taken, made) = decompress(&mut state, input, &mut output, written, flags_of(flags));
        read += taken;
        written += made;
        if status != TINFLStatus::HasMoreOutput {
            break false;
        }
        if output.len() >= most {
            break true;
        }
        output.resize((output.len() * 2).min(most), 0);
    };
    output.truncate(written);
    *budget -= written.min(*budget);
    (output, cut)
}

/// The whole output lies in one buffer that grows: the window does not wrap around.
const fn flags_of(flags: u32) -> u32 {
    flags | miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked<'a>(data: &'a [u8], encoding: &str, budget: &mut usize) -> Body<'a> {
        body(data, std::slice::from_ref(&(0..data.len())), encoding, budget)
    }

    #[test]
    fn both_forms_of_deflate_and_gzip() {
        let text = b"the quick brown fox ".repeat(50);
        let raw = miniz_oxide::deflate::compress_to_vec(&text, 6);
        let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&text, 6);
        let gzip = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3][..], b"name\0", &raw].concat();
        for (encoding, data) in [("deflate", &raw), ("deflate", &zlib), ("gzip", &gzip)] {
            let found = unpacked(data, encoding, &mut 1_000_000);
            assert_eq!((found.data.as_ref(), found.packed, found.cut), (&text[..], false, false), "{encoding}");
        }
        let found = unpacked(&raw, "br", &mut 0);
        assert!(found.packed);
    }

    #[test]
    fn a_bomb_stops_at_the_budget() {
        let raw = miniz_oxide::deflate::compress_to_vec(&vec![0; 1 << 20], 6);
        let mut budget = 100_000;
        let found = unpacked(&raw, "deflate", &mut budget);
        assert_eq!((found.data.len(), found.cut, budget), (100_000, true, 0));
    }
}
