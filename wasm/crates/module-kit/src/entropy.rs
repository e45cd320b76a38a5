//! Shannon entropy over bytes.

use std::cell::RefCell;

/// How often each byte value occurs, in up to 4 GiB.
#[derive(Clone)]
pub struct Histogram([u32; 256]);

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

    /// Counts in four tables at once, so that a run of one value does not wait for its own counter; zeros, which fill many a
    /// program, eight at a time.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut lanes = [[0_u32; 256]; 4];
        let (eights, rest) = bytes.as_chunks::<8>();
        for &eight in eights {
            if u64::from_le_bytes(eight) == 0 {
                lanes[0][0] += 8;
                continue;
            }
            for half in eight.as_chunks::<4>().0 {
                for (counts, &byte) in lanes.iter_mut().zip(half) {
                    counts[byte as usize] += 1;
                }
            }
        }
        for &byte in rest {
            lanes[0][byte as usize] += 1;
        }
        let [first, second, third, fourth] = &lanes;
        for (value, count) in self.0.iter_mut().enumerate() {
            *count += first[value] + second[value] + third[value] + fourth[value];
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Of what was counted since `earlier`, an older copy of this histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        for (mine, theirs) in difference.0.iter_mut().zip(earlier.0) {
            *mine = mine.saturating_sub(theirs);
        }
        difference
    }

    #[must_use]
    pub fn count(&self, byte: u8) -> u64 {
        u64::from(self.0[byte as usize])
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|&count| u64::from(count)).sum()
    }

    /// Bits per byte, 0 - 8; 0 for no bytes.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn entropy(&self) -> f64 {
        let total = self.total() as f64;
        let sum = PRODUCTS.with_borrow_mut(|products| {
            // Four sums, so that no addition waits for the one before.
            let mut sums = [0.0; 4];
            for counts in self.0.as_chunks::<4>().0 {
                for (sum, &count) in sums.iter_mut().zip(counts) {
                    *sum += products.of(count);
                }
            }
            sums.iter().sum::<f64>()
        });
        if total > 0.0 { (total.log2() - sum / total).clamp(0.0, 8.0) } else { 0.0 }
    }
}

/// Counts below it have their product kept: a histogram of some KiB has no others.
const KEPT: usize = 2_048;

thread_local! {
    static PRODUCTS: RefCell<Products> = const { RefCell::new(Products([f64::NAN; KEPT])) };
}

/// `count * log2(count)` of small counts, each computed once: logarithms took more time than counting.
struct Products([f64; KEPT]);

impl Products {
    #[inline]
    fn of(&mut self, count: u32) -> f64 {
        let product = |count: u32| if count == 0 { 0.0 } else { f64::from(count) * f64::from(count).log2() };
        let Some(kept) = self.0.get_mut(count as usize) else { return product(count) };
        if kept.is_nan() {
            *kept = product(count);
        }
        *kept
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
    fn what_was_counted_since_is_the_difference() {
        let earlier = Histogram::of(b"hello ");
        let mut later = earlier.clone();
        later.add(b"world");
        assert_eq!(later.since(&earlier).entropy(), Histogram::of(b"world").entropy());
    }

    #[test]
    fn kept_products_are_the_computed_ones() {
        for length in [1, 7, 8, 9, KEPT - 1, KEPT, KEPT + 1, 70_000] {
            let bytes: Vec<u8> = (0..length).map(|at| ((at * at) >> 7) as u8).collect();
            let counts = (0..=255).map(|value| bytes.iter().filter(|&&byte| byte == value).count() as f64);
            let shares = counts.map(|count| count / length as f64).filter(|&share| share > 0.0);
            let expected: f64 = shares.map(|share| -share * share.log2()).sum();
            assert!((Histogram::of(&bytes).entropy() - expected).abs() < 1e-9, "{length}");
        }
    }

    #[test]
    fn zeros_are_counted_wherever_they_are() {
        for length in 0..40 {
            for end in 0..length {
                let mut bytes = vec![0; length];
                bytes[end] = 7;
                let histogram = Histogram::of(&bytes);
                assert_eq!((histogram.count(0), histogram.count(7)), (length as u64 - 1, 1));
            }
        }
    }

    #[test]
    fn merging_is_counting_together() {
        let mut merged = Histogram::of(b"hello ");
        merged.merge(&Histogram::of(b"world"));
        assert_eq!(merged.entropy(), Histogram::of(b"hello world").entropy());
    }
}
