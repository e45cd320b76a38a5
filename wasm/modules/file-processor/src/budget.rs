//! Work that a crafted file may ask for, bounded. Sections, resources and streams may overlap, so that a file of
//! megabytes could ask for terabytes of hashing; an honest file has each byte in one of them.

use crate::digest::md5;
use crate::formats::{MAX_EMBEDDED, identify_embedded};
use crate::measured::Measured;

/// Bytes that may still be hashed or measured.
pub struct Budget<'a> {
    left: u64,
    pub exhausted: bool,
    measured: &'a Measured<'a>,
}

impl<'a> Budget<'a> {
    /// Seven times the file, and a floor for small ones: an honest byte is in a section, whose entropy and MD5 are
    /// taken, and may be in a resource, which is identified and measured, in a symbol table, and in the pages of two
    /// code signatures.
    pub fn for_file(measured: &'a Measured<'a>) -> Self {
        let left = (measured.data().len() as u64).saturating_mul(7).max(1 << 20);
        Self { left, exhausted: false, measured }
    }

    pub fn spend(&mut self, bytes: u64) -> bool {
        let affordable = bytes <= self.left;
        if affordable {
            self.left -= bytes;
        } else {
            self.exhausted = true;
        }
        affordable
    }

    /// Entropy of the bytes; 0 when the budget is used up.
    pub fn entropy(&mut self, bytes: &[u8]) -> f64 {
        if self.spend(bytes.len() as u64) { self.measured.entropy(bytes) } else { 0.0 }
    }

    /// Format of the bytes; empty when the budget is used up.
    pub fn identify(&mut self, bytes: &[u8]) -> &'static str {
        if self.spend(bytes.len().min(MAX_EMBEDDED) as u64) { identify_embedded(bytes) } else { "" }
    }

    /// MD5 of the bytes; empty when the budget is used up.
    pub fn md5(&mut self, bytes: &[u8]) -> String {
        if self.spend(bytes.len() as u64) { md5(bytes) } else { String::new() }
    }
}
