//! Entropy of a file and of its parts. The file is counted once, in blocks: what a part of it holds is the difference of
//! two sums of blocks, and its two ends.

use module_kit::{Histogram, round4};

use crate::facts::EntropyProfile;

/// Points of the profile: one a pixel column of a small plot.
pub const PROFILE_POINTS: usize = 256;
/// Bytes of the smallest block: fewer bytes cannot have the entropy that tells what is packed.
const LEAST_BLOCK: usize = 256;

pub struct Measured<'a> {
    data: &'a [u8],
    block: usize,
    /// Of the bytes before each block, and of all.
    sums: Vec<Histogram>,
}

impl<'a> Measured<'a> {
    pub fn of(data: &'a [u8]) -> Self {
        let block = data.len().div_ceil(PROFILE_POINTS).max(LEAST_BLOCK);
        let mut sum = Histogram::default();
        let mut sums = Vec::with_capacity(PROFILE_POINTS + 1);
        sums.push(sum.clone());
        for bytes in data.chunks(block) {
            sum.add(bytes);
            sums.push(sum.clone());
        }
        Self { data, block, sums }
    }

    /// Each part is counted when it is asked for: less work where few are.
    pub const fn unprepared(data: &'a [u8]) -> Self {
        Self { data, block: usize::MAX, sums: Vec::new() }
    }

    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    pub fn overall(&self) -> f64 {
        self.sums.last().map_or(0.0, |sum| round4(sum.entropy()))
    }

    pub fn profile(&self) -> EntropyProfile {
        let profile = self.sums.windows(2).map(|pair| round4(pair[1].since(&pair[0]).entropy())).collect();
        EntropyProfile { overall: self.overall(), block_size: self.block as u64, profile }
    }

    /// Of bytes of this file, or of any.
    pub fn entropy(&self, bytes: &[u8]) -> f64 {
        // Parts are handed around as slices; where a slice is in the file, its address says.
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.data.as_ptr() as usize);
        let first = start.div_ceil(self.block);
        let last = start.saturating_add(bytes.len()) / self.block;
        let is_inside = start.checked_add(bytes.len()).is_some_and(|end| end <= self.data.len());
        let (true, Some(before), Some(after)) = (is_inside && first < last, self.sums.get(first), self.sums.get(last))
        else {
            return module_kit::entropy(bytes);
        };
        let mut histogram = after.since(before);
        histogram.add(&bytes[..first * self.block - start]);
        histogram.add(&bytes[last * self.block - start..]);
        round4(histogram.entropy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_up_to_256_points_of_at_least_256_bytes() {
        let profile = |data: &[u8]| Measured::of(data).profile();
        assert_eq!(profile(&[0; 3]).profile.len(), 1);
        assert_eq!((profile(&[0; 257]).block_size, profile(&[0; 257]).profile.len()), (256, 2));
        assert_eq!((profile(&[0; 65_537]).block_size, profile(&[0; 65_537]).profile.len()), (257, 256));
        assert_eq!(profile(&(0..=255).collect::<Vec<u8>>()).overall, 8.0);
    }

    proptest::proptest! {
        #[test]
        fn a_part_is_measured_as_if_alone(
            data in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..3_000),
            from in 0..3_000_usize,
            length in 0..3_000_usize,
        ) {
            let measured = Measured::of(&data);
            let from = from.min(data.len());
            let part = &data[from..(from + length).min(data.len())];
            proptest::prop_assert_eq!(measured.entropy(part), module_kit::entropy(part));
            proptest::prop_assert_eq!(measured.entropy(&[part, &[0]].concat()[..part.len()]), module_kit::entropy(part));
        }
    }
}
