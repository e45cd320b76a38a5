//! The digest that Authenticode signs: of the whole file but for the checksum, the place of the signature and the
//! signature itself ("Windows Authenticode Portable Executable Signature Format", 2008).

use std::ops::Range;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::headers::{DIRECTORY_SECURITY, Headers};
use crate::facts::code::Authentihash;
use module_kit::hex;

/// Bytes that the hashes take turns on, so that the file is read from memory once.
const BLOCK: usize = 64 << 10;

pub fn of(headers: &Headers) -> Authentihash {
    let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
    each_block(headers, |block| {
        sha1.update(block);
        sha256.update(block);
    });
    Authentihash { sha1: hex(&sha1.finalize()), sha256: hex(&sha256.finalize()) }
}

/// The digest by one algorithm.
pub fn digest<D: Digest>(headers: &Headers) -> Vec<u8> {
    let mut digest = D::new();
    each_block(headers, |block| digest.update(block));
    digest.finalize().to_vec()
}

fn each_block(headers: &Headers, mut update: impl FnMut(&[u8])) {
    let data = headers.reader.data();
    let mut start = 0;
    for left_out in left_out(headers) {
        let end = left_out.start.clamp(start, data.len());
        data[start..end].chunks(BLOCK).for_each(&mut update);
        start = left_out.end.clamp(start, data.len());
    }
    data[start..].chunks(BLOCK).for_each(&mut update);
    // What signs a file makes its length a multiple of eight first.
    if headers.directory(DIRECTORY_SECURITY).is_none() {
        update(&[0; 8][..data.len().next_multiple_of(8) - data.len()]);
    }
}

/// Ranges of the file, in order.
fn left_out(headers: &Headers) -> Vec<Range<usize>> {
    let range = |start: u64, length: u64| {
        let end = start.saturating_add(length);
        usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX)
    };
    let mut ranges = vec![range(headers.optional + 64, 4)];
    if headers.directories.len() > DIRECTORY_SECURITY {
        ranges.push(range(headers.directory_offset(DIRECTORY_SECURITY), 8));
    }
    if let Some(table) = headers.directory(DIRECTORY_SECURITY) {
        ranges.push(range(u64::from(table.address), u64::from(table.size)));
    }
    ranges.sort_by_key(|range| range.start);
    ranges
}
