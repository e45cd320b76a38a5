//! Shannon entropy over bytes.

/// How often each byte value occurs.
#[derive(Clone)]
pub struct Histogram([u64; 256]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Histogram {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut histogram = Self::default();
        histogram.add(bytes);
        histogram
    }

    /// Counts in four tables at once, so that a run of one value does not wait for its own counter.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut lanes = [[0_u32; 256]; 4];
        // A lane counts a quarter of a slice, so that no counter of 32 bits overflows below 16 GiB.
        let (quads, rest) = bytes.as_chunks::<4>();
        for quad in quads {
            for (lane, &byte) in lanes.iter_mut().zip(quad) {
                lane[byte as usize] += 1;
            }
        }
        for &byte in rest {
            lanes[0][byte as usize] += 1;
        }
        for (value, count) in self.0.iter_mut().enumerate() {
            *count += lanes.iter().map(|lane| u64::from(lane[value])).sum::<u64>();
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    #[must_use]
    pub fn count(&self, byte: u8) -> u64 {
        self.0[byte as usize]
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Bits per byte, 0 - 8; 0 for no bytes.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn entropy(&self) -> f64 {
        let total = self.total() as f64;
        let sum: f64 =
            self.0.iter().filter(|&&count| count > 0).map(|&count| count as f64 * (count as f64).log2()).sum();
        if total > 0.0 { (total.log2() - sum / total).clamp(0.0, 8.0) } else { 0.0 }
    }
}

/// Entropy of `bytes` in bits per byte, rounded to four digits so that outputs compare.
#[must_use]
pub fn entropy(bytes: &[u8]) -> f64 {
    round4(Histogram::of(bytes).entropy())
}

/// Four digits after the point: more says nothing about a file.
#[must_use]
pub fn round4(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_extremes() {
        assert_eq!(entropy(b""), 0.0);
        assert_eq!(entropy(&[7; 999]), 0.0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(entropy(&all), 8.0);
        assert_eq!(entropy(b"ab"), 1.0);
    }

    #[test]
    fn merging_is_counting_together() {
        let mut merged = Histogram::of(b"hello ");
        merged.merge(&Histogram::of(b"world"));
        assert_eq!(merged.entropy(), Histogram::of(b"hello world").entropy());
    }
}
