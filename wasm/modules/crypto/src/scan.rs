//! One pass over the sample for all constants and texts.
//!
//! Each pattern has an anchor, four bytes of it that are as different from each other as they come. At every offset
//! the next four bytes are looked up in a bitmap; where it says yes, the patterns with that anchor are compared. This
//! does what an Aho-Corasick automaton does, without its megabytes of states to be built anew for each sample, and
//! without a load that waits for the load before it.

use crate::tables::{Elements, Layout, TABLES, WORDS, Word};
use crate::texts::{TEXTS, Wide};

/// What a pattern belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Index in `TABLES`, and how it lies there.
    Table(usize, Layout),
    /// Index in `WORDS`, and of the word in its set.
    Word(usize, usize),
    /// Index in `TEXTS`, and whether each character has a zero byte behind it.
    Text(usize, bool),
    /// The number 256, which loops over tables of bytes end at.
    Bound,
}

#[derive(Clone, Copy)]
struct Anchor {
    value: u32,
    /// Bytes from the pattern's start to the anchor.
    back: u32,
    target: Target,
}

/// All anchors, sorted, and a bitmap of their hashes. 2^18 bits (32 KiB, a first-level cache) with some 800 anchors
/// let 0.3 % of other places through.
pub struct Index {
    anchors: Vec<Anchor>,
    bitmap: Box<[u64; BITMAP_WORDS]>,
    spaced: Vec<Anchor>,
}

const BOUND: u32 = 256;
const HASH_BITS: u32 = 18;
const BITMAP_WORDS: usize = 1 << (HASH_BITS - 6);

fn hash(value: u32) -> usize {
    (value.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

impl Index {
    pub fn new() -> Self {
        let (mut anchors, mut spaced) = (Vec::new(), Vec::new());
        for (index, table) in TABLES.iter().enumerate() {
            for &layout in table.elements.layouts() {
                if matches!((table.elements, layout), (Elements::Bytes(_), Layout::In32)) {
                    spaced.extend(anchor_of(&beginning(table.elements, Layout::Packed), Target::Table(index, layout)));
                } else {
                    anchors.extend(anchor_of(&beginning(table.elements, layout), Target::Table(index, layout)));
                }
            }
        }
        for (set, row) in WORDS.iter().enumerate() {
            for (word, &value) in row.words.iter().enumerate() {
                anchors.extend(anchor_of(&word_bytes(value), Target::Word(set, word)));
            }
        }
        for (index, text) in TEXTS.iter().enumerate() {
            if text.wide != Wide::Only {
                anchors.extend(anchor_of(text.bytes, Target::Text(index, false)));
            }
            if text.wide != Wide::Never {
                let wide: Vec<u8> = text.bytes.iter().flat_map(|&byte| [byte, 0]).collect();
                anchors.extend(anchor_of(&wide, Target::Text(index, true)));
            }
        }
        Self::of(anchors, spaced)
    }

    fn of(mut anchors: Vec<Anchor>, mut spaced: Vec<Anchor>) -> Self {
        let mut bitmap = Box::new([0; BITMAP_WORDS]);
        anchors.sort_by_key(|anchor| anchor.value);
        spaced.sort_by_key(|anchor| anchor.value);
        for anchor in &anchors {
            let bit = hash(anchor.value);
            if let Some(word) = bitmap.get_mut(bit / 64) {
                *word |= 1_u64 << (bit % 64);
            }
        }
        Self { anchors, bitmap, spaced }
    }

    /// Calls `found` with the offset of each pattern's start whose anchor is there; the rest is not compared yet.
    pub fn scan(&self, data: &[u8], mut found: impl FnMut(usize, Target)) {
        for (at, window) in data.windows(4).enumerate() {
            let value = window.first_chunk().map_or(0, |chunk| u32::from_le_bytes(*chunk));
            let bit = hash(value);
            if self.bitmap.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 != 0) {
                report(&self.anchors, value, at, 1, &mut found);
            }
            // 1 to 256.
            if value.wrapping_sub(1) < BOUND {
                match value {
                    BOUND => found(at, Target::Bound),
                    _ => self.scan_spaced(data, at, &mut found),
                }
            }
        }
    }

    /// Four small numbers in words of 32 bits.
    fn scan_spaced(&self, data: &[u8], at: usize, found: &mut impl FnMut(usize, Target)) {
        let Some(window) = data.get(at..at + 16) else { return };
        let (words, _) = window.as_chunks::<4>();
        if words.iter().all(|word| word[1] | word[2] | word[3] == 0) {
            let mut value = [0; 4];
            value.iter_mut().zip(words).for_each(|(byte, word)| *byte = word[0]);
            report(&self.spaced, u32::from_le_bytes(value), at, 4, found);
        }
    }
}

fn report(anchors: &[Anchor], value: u32, at: usize, stride: usize, found: &mut impl FnMut(usize, Target)) {
    let first = anchors.partition_point(|anchor| anchor.value < value);
    for anchor in anchors.iter().skip(first).take_while(|anchor| anchor.value == value) {
        if let Some(start) = at.checked_sub(anchor.back as usize * stride) {
            found(start, anchor.target);
        }
    }
}

/// The four bytes of a pattern's first 32 that are most unlike each other and unlike what fills files.
fn anchor_of(pattern: &[u8], target: Target) -> Option<Anchor> {
    let beginning = pattern.get(..32).unwrap_or(pattern);
    let best =
        beginning.windows(4).enumerate().max_by_key(|(at, window)| (distinct(window), std::cmp::Reverse(*at)))?;
    let value = best.1.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))?;
    Some(Anchor { value, back: best.0 as u32, target })
}

fn distinct(window: &[u8]) -> usize {
    let fresh =
        |(at, byte): (usize, &u8)| !matches!(byte, 0 | 0xff) && !window.iter().take(at).any(|other| other == byte);
    window.iter().enumerate().filter(|&(at, byte)| fresh((at, byte))).count()
}

fn beginning(elements: Elements, layout: Layout) -> Vec<u8> {
    let (width, stride) = (elements.width(), layout.stride(elements.width()));
    let first = (0..elements.len().min(32)).filter_map(|index| elements.get(index));
    first.flat_map(|value| layout.encode(value, width).into_iter().take(stride)).take(32).collect()
}

pub fn word_bytes(word: Word) -> Vec<u8> {
    match word {
        Word::W32(value) => value.to_le_bytes().to_vec(),
        Word::W64(value) => value.to_le_bytes().to_vec(),
    }
}
