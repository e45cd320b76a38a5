//! Samples with something changed, the same ones in each run.

/// Numbers by chance that are the same in each run (splitmix64, by Steele, Lea and Flood).
pub struct Chance(u64);

impl Chance {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 for 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % (end.max(1) as u64)).unwrap_or(0)
    }
}

/// Numbers that parsers stumble over.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
    i64::MAX as u64,
    u64::MAX - 7,
    u64::MAX,
];
/// Most of what can go wrong is in the headers.
const HEADERS: usize = 1_024;

/// Some changes to a sample: cut, numbers, copies within and from others, noise behind it.
#[must_use]
pub fn mutated(chance: &mut Chance, sample: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut data = sample.to_vec();
    for _ in 0..=chance.below(6) {
        change(chance, &mut data, others);
    }
    data
}

fn change(chance: &mut Chance, data: &mut Vec<u8>, others: &[Vec<u8>]) {
    let at = place(chance, data.len());
    match chance.below(7) {
        0 => data.truncate(at),
        1 => put(data, at, &[chance.number().to_le_bytes()[0]]),
        2 | 3 => {
            let number = NUMBERS[chance.below(NUMBERS.len())];
            let width = [2, 4, 8][chance.below(3)];
            put(data, at, &if chance.below(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() }[..width]);
        }
        4 => {
            let copied = piece(chance, data).to_vec();
            put(data, at, &copied);
        }
        5 => {
            let Some(other) = others.get(chance.below(others.len())) else { return };
            let copied = piece(chance, other).to_vec();
            data.splice(at..at, copied);
        }
        _ => data.extend((0..chance.below(64)).map(|_| chance.number().to_le_bytes()[0])),
    }
}

fn place(chance: &mut Chance, length: usize) -> usize {
    match chance.below(4) {
        0 => chance.below(length),
        _ => chance.below(length.min(HEADERS)),
    }
}

fn piece<'a>(chance: &mut Chance, data: &'a [u8]) -> &'a [u8] {
    let start = place(chance, data.len());
    let end = (start + 1 + chance.below(256)).min(data.len());
    data.get(start..end).unwrap_or_default()
}

fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    for (target, &byte) in data.iter_mut().skip(at).zip(bytes) {
        *target = byte;
    }
}
