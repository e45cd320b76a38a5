//! Strings in ASCII and UTF-16LE, in one pass.
//!
//! A UTF-16LE text of ASCII characters is a row of one-character runs with a NUL between them. So the pass looks for
//! runs of printable bytes only, and joins one-character runs.

use crate::facts::{Encoding, StringItem, Strings};

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

/// A UTF-16LE text that may go on at `next`.
#[derive(Clone, Copy)]
struct Wide {
    start: usize,
    next: usize,
}

struct Collector<'a> {
    data: &'a [u8],
    min_length: usize,
    max_items: usize,
    total: u64,
    items: Vec<StringItem>,
}

/// The first `max_items` strings of at least `min_length` (at least 2) characters, and the number of all of them.
pub fn strings(data: &[u8], min_length: usize, max_items: usize) -> Strings {
    let mut collector = Collector { data, min_length: min_length.max(2), max_items, total: 0, items: Vec::new() };
    collector.scan();
    // A UTF-16LE string is complete later than an ASCII one that begins behind it.
    collector.items.sort_by_key(|item| item.offset);
    collector.items.truncate(max_items);
    Strings { total: collector.total, items: collector.items, min_length: collector.min_length }
}

impl Collector<'_> {
    fn scan(&mut self) {
        let mut wide: Option<Wide> = None;
        let mut at = 0;
        while let Some(start) = self.next_printable(at) {
            let end = self.end_of_run(start);
            if end - start >= self.min_length {
                self.add(start, end, Encoding::Ascii);
            }
            wide = self.continue_wide(wide, start, end);
            at = end + 1;
        }
        self.close_wide(wide);
    }

    fn next_printable(&self, from: usize) -> Option<usize> {
        let rest = self.data.get(from..)?;
        // Most of what is not text is zeros: skip them eight at a time.
        let (words, _) = rest.as_chunks::<8>();
        let zeros = words.iter().take_while(|word| **word == [0; 8]).count() * 8;
        rest[zeros..].iter().position(|&byte| is_printable(byte)).map(|found| from + zeros + found)
    }

    fn end_of_run(&self, start: usize) -> usize {
        let run = &self.data[start..];
        start + run.iter().position(|&byte| !is_printable(byte)).unwrap_or(run.len())
    }

    /// Joins the run to the text before it, or begins a new one with its last character.
    fn continue_wide(&mut self, wide: Option<Wide>, start: usize, end: usize) -> Option<Wide> {
        let ends_in_nul = self.data.get(end) == Some(&0);
        match wide {
            Some(wide) if end - start == 1 && start == wide.next && ends_in_nul => Some(Wide { next: end + 1, ..wide }),
            wide => {
                self.close_wide(wide);
                ends_in_nul.then_some(Wide { start: end - 1, next: end + 1 })
            }
        }
    }

    fn close_wide(&mut self, wide: Option<Wide>) {
        if let Some(Wide { start, next }) = wide
            && (next - start) / 2 >= self.min_length
        {
            self.add(start, next, Encoding::Utf16Le);
        }
    }

    fn add(&mut self, start: usize, end: usize, encoding: Encoding) {
        self.total += 1;
        // A late UTF-16LE string may belong before an ASCII one: one more of each kind than asked for is enough.
        if self.items.len() > self.max_items {
            return;
        }
        let step = if encoding == Encoding::Ascii { 1 } else { 2 };
        let bytes = self.data[start..end].iter().step_by(step).take(MAX_TEXT);
        let text = bytes.map(|&byte| char::from(byte)).collect();
        self.items.push(StringItem { offset: start as u64, encoding, text });
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
