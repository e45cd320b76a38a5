//! Strings in ASCII and UTF-16LE.
//!
//! Both scans skip: of a run of at least `n` characters, one of every `n` positions must be in it. So where the sampled
//! byte cannot belong to a string, the next `n - 1` need not be looked at.

use crate::facts::{Encoding, StringItem, Strings, cut, json_length};
use crate::limits::MAX_STRING_TEXT;

/// Characters of one string that are reported.
pub const MAX_TEXT: usize = 1_024;

const PRINTABLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        table[byte] = true;
        byte += 1;
    }
    table[b'\t' as usize] = true;
    table
};

fn is_printable(byte: u8) -> bool {
    PRINTABLE[usize::from(byte)]
}

/// The first `max_items` strings of at least `min_length` (at least 2) characters, and the number of all of them.
pub fn strings(data: &[u8], min_length: usize, max_items: usize) -> Strings {
    let min_length = min_length.max(2);
    let (mut ascii, mut wide) = (Found::new(max_items), Found::new(max_items));
    scan_ascii(data, min_length, &mut ascii);
    scan_utf16(data, min_length, &mut wide);
    let mut items = ascii.items;
    items.extend(wide.items);
    items.sort_by_key(|item| item.offset);
    cut(&mut items, max_items, MAX_STRING_TEXT, |item| json_length(&item.text));
    Strings { total: ascii.total + wide.total, items, min_length }
}

/// Is told of each string: where it begins, and all its characters, which are ASCII.
pub trait Sink {
    fn add(&mut self, offset: usize, encoding: Encoding, characters: impl Iterator<Item = u8>);
}

/// Tells of all strings of at least `min_length` (at least 2) characters: those in ASCII, then those in UTF-16LE.
pub fn scan(data: &[u8], min_length: usize, sink: &mut impl Sink) {
    scan_ascii(data, min_length.max(2), sink);
    scan_utf16(data, min_length.max(2), sink);
}

/// What one scan found.
struct Found {
    total: u64,
    max_items: usize,
    letters: usize,
    items: Vec<StringItem>,
}

impl Found {
    const fn new(max_items: usize) -> Self {
        Self { total: 0, max_items, letters: 0, items: Vec::new() }
    }
}

impl Sink for Found {
    fn add(&mut self, offset: usize, encoding: Encoding, characters: impl Iterator<Item = u8>) {
        self.total += 1;
        if self.items.len() < self.max_items && self.letters < MAX_STRING_TEXT {
            let text: String = characters.take(MAX_TEXT).map(char::from).collect();
            self.letters += text.len();
            self.items.push(StringItem { offset: offset as u64, encoding, text });
        }
    }
}

/// Runs of printable bytes.
fn scan_ascii(data: &[u8], min_length: usize, found: &mut impl Sink) {
    // No string begins before `from`.
    let mut from = 0;
    while let Some(&sampled) = data.get(from + min_length - 1) {
        if !is_printable(sampled) {
            from += min_length;
            continue;
        }
        let before = data[from..from + min_length].iter().rev().take_while(|&&byte| is_printable(byte)).count();
        let start = from + min_length - before;
        let behind = &data[from + min_length..];
        let end = from + min_length + behind.iter().position(|&byte| !is_printable(byte)).unwrap_or(behind.len());
        if end - start >= min_length {
            found.add(start, Encoding::Ascii, data[start..end].iter().copied());
        }
        from = end + 1;
    }
}

/// Rows of pairs: a printable byte and a NUL. A row may begin at an odd offset.
fn scan_utf16(data: &[u8], min_length: usize, found: &mut impl Sink) {
    let is_pair = |at: usize| data.get(at + 1) == Some(&0) && is_printable(data[at]);
    let mut from = 0;
    // Of two neighbouring bytes within a row, one begins a pair; a row has at least `2 * min_length` bytes.
    while from + 2 * min_length <= data.len() {
        let sampled = from + 2 * min_length - 2;
        let Some(pair) = [sampled, sampled - 1].into_iter().find(|&at| is_pair(at)) else {
            from = sampled;
            continue;
        };
        let mut start = pair;
        while start >= from + 2 && is_pair(start - 2) {
            start -= 2;
        }
        let mut end = pair + 2;
        while end + 1 < data.len() && is_pair(end) {
            end += 2;
        }
        if (end - start) / 2 >= min_length {
            found.add(start, Encoding::Utf16Le, data[start..end].iter().step_by(2).copied());
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(data: &[u8]) -> Vec<(u64, String)> {
        strings(data, 4, 100).items.into_iter().map(|item| (item.offset, item.text)).collect()
    }

    #[test]
    fn finds_ascii_with_offsets() {
        assert_eq!(texts(b"\x00\x01abcd\x00xyz\x00efgh"), [(2, "abcd".into()), (11, "efgh".into())]);
    }

    #[test]
    fn finds_utf16_at_odd_and_even_offsets() {
        assert_eq!(texts(b"\x01w\0i\0d\0e\0\0\0"), [(1, "wide".into())]);
        assert_eq!(texts(b"\x01\x02w\0i\0d\0e\0"), [(2, "wide".into())]);
    }

    #[test]
    fn utf16_behind_ascii_begins_with_the_character_before_the_nul() {
        assert_eq!(texts(b"abcdw\0i\0d\0e\0"), [(0, "abcdw".into()), (4, "wide".into())]);
    }

    #[test]
    fn utf16_without_its_last_nul_ends_before() {
        assert_eq!(texts(b"w\0i\0d\0e\0x"), [(0, "wide".into())]);
    }

    /// The definition, without any skipping.
    fn naive(data: &[u8], min_length: usize) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < data.len() {
            let length = data[at..].iter().take_while(|&&byte| is_printable(byte)).count();
            found.extend((length >= min_length).then_some((at, false)));
            at += length + 1;
        }
        let is_pair = |at: usize| data.get(at + 1) == Some(&0) && is_printable(data[at]);
        at = 0;
        while at < data.len() {
            let pairs = (0..).take_while(|index| at + 2 * index < data.len() && is_pair(at + 2 * index)).count();
            found.extend((pairs >= min_length).then_some((at, true)));
            at += (2 * pairs).max(1);
        }
        found.sort_unstable();
        found
    }

    proptest::proptest! {
        #[test]
        fn skipping_misses_nothing(
            data in proptest::collection::vec(proptest::sample::select(vec![0_u8, 0, b'a', b'b', 1]), 0..200),
            min_length in 2..6_usize,
        ) {
            let found = strings(&data, min_length, 1_000);
            let places: Vec<_> = found.items.iter().map(|item| (item.offset as usize, item.encoding == Encoding::Utf16Le)).collect();
            let mut expected = naive(&data, min_length);
            expected.sort_by_key(|&(offset, _)| offset);
            proptest::prop_assert_eq!(places, expected);
        }
    }

    #[test]
    fn counts_all_and_cuts_the_list() {
        let found = strings(b"aaaa\0bbbb\0cccc", 4, 2);
        assert_eq!((found.total, found.items.len()), (3, 2));
    }

    #[test]
    fn long_strings_are_cut() {
        assert_eq!(strings(&[b'a'; 5_000], 4, 2).items[0].text.len(), MAX_TEXT);
    }
}
