//! Where a file is as dense as noise, and whether it is even enough to be encrypted.

use module_kit::{Finding, Findings, Histogram, Severity, counted, round4};
use serde::Serialize;

use crate::limits::MAX_REGIONS;

/// Bytes that are measured together. 2,048 random bytes have 8 - 255 / (2 * 2048 * ln 2) = 7.91 bits on average.
const BLOCK: usize = 2_048;
/// Bits per byte above which a block is dense: machine code has 6 - 6.7, random bytes have less than this once in
/// many thousand blocks.
const DENSE: f64 = 7.85;
/// Bytes from which on a region is reported: two blocks.
const LEAST: usize = 2 * BLOCK;
/// Chi-square of 256 even values has 255 on average with a deviation of 22.6: four deviations to each side.
const EVEN: std::ops::RangeInclusive<f64> = 165.0..=345.0;

#[derive(Debug, Serialize)]
pub struct Region {
    pub offset: u64,
    pub length: u64,
    /// Bits per byte.
    pub entropy: f64,
    /// Against an even distribution, 255 degrees of freedom.
    pub chi_square: f64,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Every byte is as likely as every other: encrypted, random, or very well compressed.
    Even,
    /// Dense but uneven: most compressed data is.
    Dense,
}

/// The largest regions, in the order of the file.
pub fn find(data: &[u8]) -> Vec<Region> {
    let mut found = Vec::new();
    let mut current: Option<(usize, Histogram)> = None;
    let logarithms = logarithms();
    for (index, block) in data.chunks(BLOCK).enumerate() {
        let histogram = (block.len() == BLOCK).then(|| dense(block, &logarithms)).flatten();
        match (histogram, &mut current) {
            (Some(more), Some((_, all))) => all.merge(&more),
            (Some(first), None) => current = Some((index * BLOCK, first)),
            (None, _) => found.extend(current.take().and_then(region)),
        }
    }
    found.extend(current.and_then(region));
    found.sort_by_key(|region| (std::cmp::Reverse(region.length), region.offset));
    found.truncate(MAX_REGIONS);
    found.sort_by_key(|region| region.offset);
    found
}

/// n * log2(n) for each count that a block can have.
fn logarithms() -> Vec<f64> {
    (0..=BLOCK).map(|count| if count == 0 { 0.0 } else { count as f64 * (count as f64).log2() }).collect()
}

fn dense(block: &[u8], logarithms: &[f64]) -> Option<Histogram> {
    let histogram = Histogram::of(block);
    let size = BLOCK as f64;
    let count = |byte| usize::try_from(histogram.count(byte)).unwrap_or(0);
    let sum: f64 = (0..=255).map(|byte| logarithms.get(count(byte)).copied().unwrap_or(0.0)).sum();
    (size.log2() - sum / size >= DENSE).then_some(histogram)
}

fn region((offset, histogram): (usize, Histogram)) -> Option<Region> {
    let length = histogram.total();
    if length < LEAST as u64 {
        return None;
    }
    let mean = length as f64 / 256.0;
    let chi_square = (0..=255).map(|byte| (histogram.count(byte) as f64 - mean).powi(2) / mean).sum();
    let kind = if EVEN.contains(&chi_square) { Kind::Even } else { Kind::Dense };
    let entropy = round4(histogram.entropy());
    Some(Region { offset: offset as u64, length, entropy, chi_square: round4(chi_square), kind })
}

pub fn judge(regions: &[Region], findings: &mut Findings) {
    let mut even: Vec<&Region> = regions.iter().filter(|region| region.kind == Kind::Even).collect();
    even.sort_by_key(|region| std::cmp::Reverse(region.length));
    if even.is_empty() {
        return;
    }
    let total: u64 = even.iter().map(|region| region.length).sum();
    let title = "Regions are as even as encrypted data";
    let mut finding = Finding::new("even-region", Severity::Low, 60, title)
        .detail(format!("{total} bytes in {}. Well compressed data looks the same.", counted(even.len(), "region")))
        .techniques(&["T1027.013"]);
    for region in even {
        finding = finding.at(region.offset, region.length);
    }
    findings.add(finding);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift64*, whose bytes are even.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn noise_in_zeros_is_found_where_it_is() {
        let mut data = vec![0; 16 * BLOCK];
        data[4 * BLOCK..12 * BLOCK].copy_from_slice(&noise(8 * BLOCK));
        let found = find(&data);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].offset, found[0].length, found[0].kind), (8_192, 16_384, Kind::Even));
    }

    #[test]
    fn what_is_dense_and_uneven_is_not_called_even() {
        let data: Vec<u8> = noise(32 * BLOCK).iter().map(|&byte| if byte < 20 { byte + 100 } else { byte }).collect();
        assert!(find(&data).iter().all(|region| region.kind == Kind::Dense));
    }

    #[test]
    fn text_has_none() {
        assert!(find(&b"The quick brown fox. ".repeat(2_000)).is_empty());
    }
}
