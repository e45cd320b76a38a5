//! Hashes and the entropy profile of whole files.

use md5::{Digest, Md5};
use module_kit::{Histogram, round4};
use sha1::Sha1;
use sha2::Sha256;

use crate::facts::{EntropyProfile, Hashes};
use crate::reader::hex;

/// Points of the profile: one a pixel column of a small plot.
pub const PROFILE_POINTS: usize = 256;

/// Bytes that the hashes take turns on, so that the file is read from memory once and not three times.
const BLOCK: usize = 64 << 10;

pub fn hashes(data: &[u8]) -> Hashes {
    let (mut md5, mut sha1, mut sha256) = (Md5::new(), Sha1::new(), Sha256::new());
    for block in data.chunks(BLOCK) {
        md5.update(block);
        sha1.update(block);
        sha256.update(block);
    }
    Hashes { md5: hex(&md5.finalize()), sha1: hex(&sha1.finalize()), sha256: hex(&sha256.finalize()) }
}

pub fn sha256(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

pub fn md5(data: &[u8]) -> String {
    hex(&Md5::digest(data))
}

/// One pass: each block's histogram gives its point, and their sum the overall entropy.
pub fn entropy_profile(data: &[u8]) -> EntropyProfile {
    let block_size = data.len().div_ceil(PROFILE_POINTS).max(1);
    let mut overall = Histogram::default();
    let profile = data.chunks(block_size).map(|block| {
        let histogram = Histogram::of(block);
        overall.merge(&histogram);
        round4(histogram.entropy())
    });
    let profile = profile.collect();
    EntropyProfile { overall: round4(overall.entropy()), block_size: block_size as u64, profile }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_known_ones() {
        let of_abc = hashes(b"abc");
        assert_eq!(of_abc.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of_abc.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(of_abc.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_profile_has_256_points_or_one_a_byte() {
        assert_eq!(entropy_profile(&[0; 3]).profile.len(), 3);
        assert_eq!(entropy_profile(&[0; 256]).profile.len(), 256);
        let profile = entropy_profile(&[0; 257]);
        assert_eq!((profile.block_size, profile.profile.len()), (2, 129));
        assert_eq!(entropy_profile(&(0..=255).collect::<Vec<u8>>()).overall, 8.0);
    }
}
