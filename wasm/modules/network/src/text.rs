//! Text inside any bytes: runs of printable ASCII, with letters of UTF-8 between them, and runs of UTF-16LE.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    Ascii,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16le")]
    Utf16Le,
}

/// Characters of the shortest run that is looked at: no indicator is shorter than `t.me`.
const MIN_RUN: usize = 4;

const OTHER: u8 = 0;
const PRINTABLE: u8 = 1;
const WORD: u8 = 2;
const HIGH: u8 = 3;

const CLASS: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let value = byte as u8;
        table[byte] = match value {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => WORD,
            b' '..=b'~' | b'\t' => PRINTABLE,
            0x80.. => HIGH,
            _ => OTHER,
        };
        byte += 1;
    }
    table
};

fn class(byte: u8) -> u8 {
    CLASS[usize::from(byte)]
}

/// A letter or digit, or a byte of one beyond ASCII: a run holds no others.
pub fn is_word(byte: u8) -> bool {
    class(byte) >= WORD
}

/// One run, as bytes of UTF-8.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub text: &'a [u8],
    /// Where it begins in the sample.
    base: usize,
    wide: bool,
    /// A version resource says that it is one: its values stand behind their names.
    pub is_version: bool,
    /// It is a number in an instruction of x86-64: a path in it is a part of one.
    pub is_immediate: bool,
}

impl<'a> Run<'a> {
    pub const fn narrow(text: &'a [u8], base: usize) -> Self {
        Self { text, base, wide: false, is_version: false, is_immediate: false }
    }

    /// Where the byte `at` of the run is in the sample.
    pub const fn offset(&self, at: usize) -> usize {
        self.base + if self.wide { 2 * at } else { at }
    }

    pub fn encoding(&self, start: usize, end: usize) -> Encoding {
        if self.wide {
            Encoding::Utf16Le
        } else if self.text.get(start..end).is_some_and(<[u8]>::is_ascii) {
            Encoding::Ascii
        } else {
            Encoding::Utf8
        }
    }
}

/// Bytes that are looked at together: what is printable or not in all of them is told by vectors.
const BLOCK: usize = 16;

/// Whether all are printable ASCII.
fn all_printable(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |all, &byte| all & matches!(byte, b' '..=b'~'))
}

/// Whether none can be in a run.
fn none_in_run(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |none, &byte| none & ((byte < b' ') & (byte != b'\t') | (byte == 0x7f)))
}

/// Calls `visit` for each run, once, in the order of their ends.
pub fn each_run(data: &[u8], mut visit: impl FnMut(Run)) {
    let mut wide = Vec::new();
    let mut at = 0;
    while at < data.len() {
        if is_too_short(data, at) {
            at += MIN_RUN;
            while data.get(at..).and_then(<[u8]>::first_chunk).is_some_and(none_in_run) {
                at += BLOCK;
            }
            continue;
        }
        let end = narrow_end(data, at);
        if end == at {
            at += 1;
            continue;
        }
        if end - at >= MIN_RUN {
            let is_immediate = is_immediate(data, at, end);
            visit(Run { is_immediate, ..Run::narrow(data.get(at..end).unwrap_or_default(), at) });
        }
        let start = end - 1;
        let pairs = wide_length(data, start);
        if pairs >= MIN_RUN {
            wide.clear();
            wide.extend(data.iter().skip(start).step_by(2).take(pairs));
            let is_version = is_behind_version(data.get(..start).unwrap_or_default());
            visit(Run { text: &wide, base: start, wide: true, is_version, is_immediate: false });
            at = start + 2 * pairs;
        } else {
            at = end;
        }
    }
}

/// Whether no run that is long enough begins in the `MIN_RUN` bytes from `at` on: each would hold the last of these, so that
/// one look tells of most places in a program's code.
fn is_too_short(data: &[u8], at: usize) -> bool {
    let last = at + MIN_RUN - 1;
    match byte(data, last) {
        // The second byte of a pair, the first or the second of a run: four bytes hold no more, and another pair follows.
        0 => byte(data, last + 2) != 0 || !is_printable(byte(data, last + 1)),
        // What begins or ends a letter of UTF-8 may be one.
        high @ 0x80.. => match high {
            0xc2..=0xf4 => !matches!(byte(data, last + 1), 0x80..=0xbf),
            ..=0xbf => byte(data, last - 1) < 0x80,
            _ => true,
        },
        plain => class(plain) == OTHER,
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(class(byte), PRINTABLE | WORD)
}

/// Most characters of a run that is an instruction's: eight of its own, and what the next ones begin with.
const MAX_IMMEDIATE: usize = 12;

/// Whether a run is what `mov` loads into a register of x86-64 as a number: eight characters of a text that is put
/// together of several, and the next instruction (`/dev/nul`, `H`).
fn is_immediate(data: &[u8], start: usize, end: usize) -> bool {
    let opcode = slice(data, start.saturating_sub(2), start);
    (8..=MAX_IMMEDIATE).contains(&(end - start)) && matches!(opcode, [0x48 | 0x49, 0xb8..=0xbf])
}

/// Whether the name before, in UTF-16 and up to the NULs behind it, ends in `Version`.
fn is_behind_version(before: &[u8]) -> bool {
    const WORD: &[u8] = b"version";
    // The last letter's own second byte is one of the NULs; behind it come another and what aligns the value.
    let nulls = before.iter().rev().take(6).take_while(|&&byte| byte == 0).count();
    let name = slice(before, 0, before.len() - nulls);
    let letters = name.iter().rev().step_by(2).take(WORD.len());
    nulls >= 3 && name.len() > 2 * WORD.len() && letters.map(u8::to_ascii_lowercase).eq(WORD.iter().rev().copied())
}

fn narrow_end(data: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut plain = BLOCK;
    loop {
        // A run that is longer than most is likely to be text.
        if plain >= BLOCK {
            plain = 0;
            while data.get(at..).and_then(<[u8]>::first_chunk).is_some_and(all_printable) {
                at += BLOCK;
            }
        }
        let Some(&byte) = data.get(at) else { break };
        match class(byte) {
            OTHER => break,
            HIGH => match letter_length(data, at) {
                0 => break,
                length => at += length,
            },
            _ => {
                at += 1;
                plain += 1;
            }
        }
    }
    at
}

/// Bytes of the letter or digit of UTF-8 at `at`; 0 if there is none. Other characters end a run as quotes do.
fn letter_length(data: &[u8], at: usize) -> usize {
    // A first byte with one that goes on behind it; two of 256 bytes fit by chance, and most are told apart here.
    let (first, second) = (byte(data, at), byte(data, at + 1));
    if !matches!(first, 0xc2..=0xf4) || !matches!(second, 0x80..=0xbf) {
        return 0;
    }
    let bytes = data.get(at..data.len().min(at + 4)).unwrap_or_default();
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            bytes.get(..error.valid_up_to()).and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default()
        }
    };
    valid.chars().next().filter(|letter| letter.is_alphanumeric()).map_or(0, char::len_utf8)
}

/// How many pairs of a printable byte and a NUL there are in a row.
fn wide_length(data: &[u8], start: usize) -> usize {
    let pairs = data.get(start..).unwrap_or_default().as_chunks::<2>().0;
    pairs.iter().take_while(|pair| pair[1] == 0 && is_printable(pair[0])).count()
}

/// The byte at `at`; NUL, which no run holds, behind the end.
pub fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The byte before `at`; NUL before the start.
pub fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |at| byte(text, at))
}

/// The end of the word that begins at `at`.
pub fn word_end(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let others = !words(u64::from_le_bytes(*bytes)) & ALL;
        if others != 0 {
            return at + (others.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    span_end(text, at, usize::MAX, is_word)
}

/// The highest bit of each of eight bytes, ...
const ALL: u64 = 0x8080_8080_8080_8080;
/// ... and the lowest.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Those of eight bytes below 128 that are `first` or above, by their highest bits, which no sum goes beyond.
const fn from(bytes: u64, first: u8) -> u64 {
    bytes + EACH * (0x80 - first as u64)
}

/// Those of the eight bytes that are of words, by their highest bits: `is_word` without a branch for each.
const fn words(bytes: u64) -> u64 {
    let low = bytes & !ALL;
    let small = low | (EACH * 0x20);
    let letters = from(small, b'a') & !from(small, b'z' + 1);
    let digits = from(low, b'0') & !from(low, b'9' + 1);
    bytes | letters | digits
}

/// The end of the bytes from `at` on, at most `most`, that are all `wanted`.
pub fn span_end(text: &[u8], at: usize, most: usize, wanted: impl Fn(u8) -> bool) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take(most).take_while(|&&byte| wanted(byte)).count()
}

pub fn slice(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

/// Whether `text` goes on with `prefix` at `at`, of whatever case.
pub fn goes_on(text: &[u8], at: usize, prefix: &[u8]) -> bool {
    // Most texts differ in the first letter.
    prefix.first().is_none_or(|first| first.eq_ignore_ascii_case(&byte(text, at)))
        && at
            .checked_add(prefix.len())
            .and_then(|end| text.get(at..end))
            .is_some_and(|part| part.eq_ignore_ascii_case(prefix))
}

/// A part of a run: UTF-8, unless a cut went through a letter.
pub fn string(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(data: &[u8]) -> Vec<(usize, String, bool)> {
        let mut found = Vec::new();
        each_run(data, |run| found.push((run.base, string(run.text), run.wide)));
        found
    }

    #[test]
    fn both_encodings_are_found_where_they_begin() {
        let mut data = b"\x01abcd\x02".to_vec();
        data.extend("wide".encode_utf16().flat_map(u16::to_le_bytes));
        data.extend(b"\xff\xffabc\0tail");
        let expected = [(1, "abcd", false), (6, "wide", true), (20, "tail", false)];
        assert_eq!(runs(&data), expected.map(|(at, text, wide)| (at, text.to_owned(), wide)));
    }

    #[test]
    fn a_narrow_run_may_touch_a_wide_one() {
        let found = runs(b"narrow\0i\0d\0e\0x");
        assert_eq!(found[0], (0, "narrow".to_owned(), false));
        assert_eq!(found[1], (5, "wide".to_owned(), true));
    }

    /// All runs, looked for from every place, one character at a time.
    fn runs_from_everywhere(data: &[u8]) -> Vec<(usize, usize, bool)> {
        let length_at = |at: usize| match byte(data, at) {
            high @ 0x80.. => letter_length(data, at) * usize::from(high >= 0xc0),
            plain => usize::from(matches!(plain, b' '..=b'~' | b'\t')),
        };
        let (mut found, mut at) = (Vec::new(), 0);
        while at < data.len() {
            let mut end = at;
            while end < data.len() && length_at(end) > 0 {
                end += length_at(end);
            }
            if end - at >= MIN_RUN {
                found.push((at, end - at, false));
            }
            let start = end.max(1) - 1;
            let is_pair = |pair: &&[u8]| matches!(pair, [b' '..=b'~' | b'\t', 0]);
            let pairs = if end > at { data[start..].chunks(2).take_while(is_pair).count() } else { 0 };
            if pairs >= MIN_RUN {
                found.push((start, pairs, true));
            }
            at = if pairs >= MIN_RUN { start + 2 * pairs } else { end.max(at + 1) };
        }
        found
    }

    proptest::proptest! {
        #[test]
        fn no_run_is_passed_over(parts in proptest::collection::vec(0..17_usize, 0..64)) {
            const PARTS: [&[u8]; 17] = [
                b"\0", b"a", b".", b"b\0", b"\x01", b"\xc3\xbc", b"\xc3", b"\xbc", b"\xe4\xb8\xad", b"\xf5", b"ab",
                b"\0\0", b"\t", b"\x7f", &[0; 12], &[1; 17], &[b'a'; 17],
            ];
            let data = parts.iter().map(|&part| PARTS[part]).collect::<Vec<_>>().concat();
            let mut found = Vec::new();
            each_run(&data, |run| found.push((run.base, run.text.len(), run.wide)));
            proptest::prop_assert_eq!(found, runs_from_everywhere(&data));
        }
    }

    #[test]
    fn words_end_where_their_bytes_do() {
        for byte in 0..=u8::MAX {
            for at in 0..10 {
                let mut text = [b'a'; 17];
                text[at] = byte;
                assert_eq!(word_end(&text, 0), if is_word(byte) { 17 } else { at }, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn what_an_instruction_holds_is_a_part_of_a_text() {
        let flags = |data: &[u8]| {
            let mut flags = Vec::new();
            each_run(data, |run| flags.push(run.is_immediate));
            flags
        };
        assert_eq!(flags(b"\0\x48\xba/dev/nulH\x89\x49\xb8/etc/loc\0"), [true, true]);
        assert_eq!(flags(b"\x48\xbahttp://evil.net/a/b\0"), [false]);
        assert_eq!(flags(b"\x48\xc7/dev/null\0"), [false]);
    }

    #[test]
    fn a_value_behind_the_name_of_a_version_is_one() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for (name, expected) in [("\0FileVersion\0\0", true), ("\0ProductVersion\0", true), ("\0Server\0\0", false)] {
            let mut told = None;
            each_run(&wide(&format!("{name}1.1.0.14\0")), |run| {
                if run.text == b"1.1.0.14" {
                    told = Some(run.is_version);
                }
            });
            assert_eq!(told, Some(expected), "{name:?}");
        }
    }

    #[test]
    fn letters_beyond_ascii_belong_to_a_run_and_quotes_end_it() {
        assert_eq!(runs("“münchen.de”".as_bytes()), [(3, "münchen.de".to_owned(), false)]);
        assert_eq!(runs(b"\xc3\x28abcd\xc3"), [(1, "(abcd".to_owned(), false)]);
    }
}
