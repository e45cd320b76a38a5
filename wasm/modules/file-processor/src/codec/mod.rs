//! Compressed data, unpacked to a limit. Of damaged data comes what stands before the damage.

mod bzip2;
mod lzma;
mod zstd;

use std::io::Read;

pub use bzip2::unpack as bzip2;
pub use lzma::{filter, lzip, lzma, lzma1, lzma2, xz};
use miniz_oxide::inflate::{DecompressError, decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};
pub use zstd::unpack as zstd;

/// At most `limit` bytes of what `data` unpacks to; none for a format that is not known here.
pub fn unpack(id: &str, data: &[u8], limit: usize) -> Option<Vec<u8>> {
    match id {
        "bzip2" => Some(bzip2(data, limit)),
        "xz" => Some(xz(data, limit)),
        "lzma" => Some(lzma(data, limit)),
        "lzip" => Some(lzip(data, limit)),
        "zstd" => Some(zstd(data, limit)),
        "zlib" => Some(zlib(data, limit)),
        _ => None,
    }
}

/// Raw deflate data.
pub fn inflate(packed: &[u8], limit: usize) -> Vec<u8> {
    decompress_to_vec_with_limit(packed, limit).unwrap_or_else(|DecompressError { output, .. }| output)
}

pub fn zlib(packed: &[u8], limit: usize) -> Vec<u8> {
    decompress_to_vec_zlib_with_limit(packed, limit).unwrap_or_else(|DecompressError { output, .. }| output)
}

/// Appends what `reader` gives, until there are `limit` bytes or it fails; true if it came to its end.
fn read_to(reader: impl Read, limit: usize, output: &mut Vec<u8>) -> bool {
    let left = limit.saturating_sub(output.len()) as u64;
    // What was read before an error is kept.
    reader.take(left).read_to_end(output).is_ok_and(|read| (read as u64) < left)
}
