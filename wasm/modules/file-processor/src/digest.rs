//! Hashes of whole files.

use md5::{Digest, Md5};
use module_kit::SampleHashes;
use sha1::Sha1;
use sha2::Sha256;

use crate::facts::Hashes;
use module_kit::hex;

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

/// What the host made already: it reads each sample anyway, and hashes faster than the sandbox.
pub fn known(hashes: &SampleHashes) -> Hashes {
    let SampleHashes { md5, sha1, sha256 } = hashes.clone();
    Hashes { md5, sha1, sha256 }
}

pub fn md5(data: &[u8]) -> String {
    hex(&Md5::digest(data))
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
}
