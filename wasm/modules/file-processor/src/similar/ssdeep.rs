//! ssdeep: a file is cut where a rolling hash of its last seven bytes says so, and each piece becomes one character
//! (Kornblum, "Identifying almost identical files using context triggered piecewise hashing", 2006).
//!
//! Each block size has cuts of its own, and each is twice the one before: the cuts of one are among those of the
//! smaller. One pass notes where the cuts are; then only the pieces of the two sizes that are told are hashed.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters of the first part, of the second half as many.
const LENGTH: usize = 64;
const SMALLEST: u64 = 3;
/// Block sizes: 3 times a power of two, of 32 bits.
const LEVELS: usize = 31;
/// A guess is right about always, and one or two sizes less nearly always: smaller ones need a second pass.
const LEVELS_BELOW: usize = 2;

pub fn hash(data: &[u8]) -> String {
    let guess = guess(data.len() as u64);
    let mut lowest = guess.saturating_sub(LEVELS_BELOW);
    let mut cuts = Cuts::find(data, lowest);
    let mut level = cuts.best(guess, lowest);
    if lowest > 0 && cuts.count(level) < LENGTH / 2 {
        lowest = 0;
        cuts = Cuts::find(data, lowest);
        level = cuts.best(guess, lowest);
    }
    let first = pieces(data, &cuts.levels[level], LENGTH, cuts.ends_within);
    let second = match cuts.levels.get(level + 1) {
        Some(cut) if cuts.count(level) > 0 => pieces(data, cut, LENGTH / 2, cuts.ends_within),
        // There is no larger size: the whole file is one piece.
        _ => pieces(data, &Level::default(), LENGTH / 2, cuts.ends_within),
    };
    format!("{}:{first}:{second}", SMALLEST << level)
}

/// The smallest size of which 64 blocks are the file.
fn guess(length: u64) -> usize {
    (0..LEVELS - 1).find(|&level| (SMALLEST << level) * LENGTH as u64 >= length).unwrap_or(LEVELS - 1)
}

/// Where one block size cuts.
#[derive(Clone, Default)]
struct Level {
    count: usize,
    /// Offsets behind the first cuts, as many as become characters.
    first: Vec<usize>,
    /// Offset behind the last of all.
    last: usize,
}

struct Cuts {
    levels: Vec<Level>,
    /// Whether the last bytes are more than zeros: then what follows the last cut is a piece.
    ends_within: bool,
}

impl Cuts {
    /// All cuts of the sizes from `lowest` on.
    fn find(data: &[u8], lowest: usize) -> Self {
        let mut cuts = Self { levels: vec![Level::default(); LEVELS], ends_within: false };
        let mut rolling = Rolling::default();
        let (start, rest) = data.split_at(WINDOW.min(data.len()));
        cuts.scan(&mut rolling, lowest, 1, start, &[0; WINDOW]);
        cuts.scan(&mut rolling, lowest, 1 + WINDOW, rest, data);
        cuts.ends_within = rolling.sum() != 0;
        cuts
    }

    /// `gone` are the bytes that leave the window; `end` is the offset behind the first of `bytes`.
    fn scan(&mut self, rolling: &mut Rolling, lowest: usize, end: usize, bytes: &[u8], gone: &[u8]) {
        let mask = (1_u32 << lowest) - 1;
        let mut hash = *rolling;
        for (at, (&byte, &gone)) in bytes.iter().zip(gone).enumerate() {
            hash.roll(byte, gone);
            let sum = hash.sum().wrapping_add(1);
            // All block sizes are multiples of 3 << lowest.
            if sum & mask == 0 && sum != 0 && sum.is_multiple_of(3) {
                self.note(sum, lowest, end + at);
            }
        }
        *rolling = hash;
    }

    fn note(&mut self, sum: u32, lowest: usize, end: usize) {
        let highest = (sum.trailing_zeros() as usize).min(LEVELS - 1);
        for level in &mut self.levels[lowest..=highest] {
            level.count += 1;
            level.last = end;
            if level.first.len() < LENGTH - 1 {
                level.first.push(end);
            }
        }
    }

    fn count(&self, level: usize) -> usize {
        self.levels[level].count.min(LENGTH - 1)
    }

    /// The largest size, not above the guess, that cuts often enough; else the lowest.
    fn best(&self, guess: usize, lowest: usize) -> usize {
        (lowest..=guess).rev().find(|&level| self.count(level) >= LENGTH / 2).unwrap_or(lowest)
    }
}

const WINDOW: usize = 7;

/// Sum of three hashes of the last seven bytes.
#[derive(Clone, Copy, Default)]
struct Rolling {
    plain: u32,
    weighted: u32,
    shifted: u32,
}

impl Rolling {
    #[inline]
    fn roll(&mut self, byte: u8, gone: u8) {
        let byte = u32::from(byte);
        self.weighted = self.weighted.wrapping_sub(self.plain).wrapping_add(WINDOW as u32 * byte);
        self.plain = self.plain.wrapping_add(byte).wrapping_sub(u32::from(gone));
        self.shifted = self.shifted << 5 ^ byte;
    }

    #[inline]
    const fn sum(&self) -> u32 {
        self.plain.wrapping_add(self.weighted).wrapping_add(self.shifted)
    }
}

/// A character for each piece, at most `length`: the last one is for all that is left.
fn pieces(data: &[u8], level: &Level, length: usize, ends_within: bool) -> String {
    let mut text = String::with_capacity(length);
    let mut start = 0;
    for &end in level.first.iter().take(length - 1) {
        text.push(character(&data[start..end]));
        start = end;
    }
    if ends_within {
        text.push(character(&data[start..]));
    } else if level.last > start {
        text.push(character(&data[start..level.last]));
    }
    text
}

/// FNV-1 of a piece; of its 32 bits only the lowest six become a character, and these depend on no others.
fn character(piece: &[u8]) -> char {
    const START: u32 = 0x2802_1967;
    const PRIME: u32 = 0x0100_0193;
    let hash = piece.iter().fold(START, |hash, &byte| hash.wrapping_mul(PRIME) ^ u32::from(byte));
    char::from(BASE64[(hash & 63) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, as the first ssdeep had it: from the guess downwards, a whole pass for each block size.
    fn naive(data: &[u8]) -> String {
        let mut size = SMALLEST;
        while size * (LENGTH as u64) < data.len() as u64 {
            size *= 2;
        }
        loop {
            let (first, second) = (naive_pieces(data, size, LENGTH), naive_pieces(data, 2 * size, LENGTH / 2));
            let cuts = first.len() - usize::from(!first.is_empty() && ends_within(data));
            if size == SMALLEST || cuts >= LENGTH / 2 {
                return format!("{size}:{first}:{second}");
            }
            size /= 2;
        }
    }

    fn sum_at(data: &[u8], at: usize) -> u32 {
        let last = |back: usize| at.checked_sub(back).map_or(0, |at| u32::from(data[at]));
        let plain = (0..WINDOW).map(last).sum::<u32>();
        let weighted = (0..WINDOW).map(|back| (WINDOW - back) as u32 * last(back)).sum::<u32>();
        let shifted = (0..WINDOW).fold(0, |hash, back| hash ^ last(back).checked_shl(5 * back as u32).unwrap_or(0));
        plain.wrapping_add(weighted).wrapping_add(shifted)
    }

    fn ends_within(data: &[u8]) -> bool {
        data.len().checked_sub(1).is_some_and(|at| sum_at(data, at) != 0)
    }

    fn naive_pieces(data: &[u8], size: u64, length: usize) -> String {
        let (mut text, mut start, mut last) = (String::new(), 0, 0);
        for at in 0..data.len() {
            if u64::from(sum_at(data, at)) % size == size - 1 {
                last = at + 1;
                if text.len() < length - 1 {
                    text.push(character(&data[start..last]));
                    start = last;
                }
            }
        }
        let end = if ends_within(data) { data.len() } else { last };
        if end > start || ends_within(data) {
            text.push(character(&data[start..end]));
        }
        text
    }

    proptest::proptest! {
        #[test]
        fn one_pass_finds_what_many_find(
            seed in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..64),
            length in 0..6_000_usize,
            step in 0..5_usize,
            zeros in 0..12_usize,
        ) {
            // Bytes that repeat, and drift away, so that few or many block sizes cut.
            let mut data: Vec<u8> = (0..length).map(|at| seed[at % seed.len()].wrapping_add((at / 97 * step) as u8)).collect();
            data.extend(std::iter::repeat_n(0, zeros));
            proptest::prop_assert_eq!(hash(&data), naive(&data));
        }
    }

    #[test]
    fn nothing_has_an_empty_hash() {
        assert_eq!(hash(b""), "3::");
    }
}
