//! Keys of XOR, guessed from text that is known to be in what was hidden.
//!
//! Bytes that are as far from each other as the key is long have the same key byte, so that their XOR is that of the
//! plain text, whatever the key is. The differences of known texts are looked up as `scan` looks up anchors. A text of
//! 38 bytes has so many of them that only each 16th place needs a look, for all lengths of keys at once.

use std::collections::BTreeMap;

use module_kit::{Finding, Findings, Severity};
use serde::Serialize;

use crate::limits::{MAX_PLACES, MAX_XOR};
use module_kit::hex;

/// Every program of Windows has the first; the others are in what programs carry hidden.
const LONG: &[&[u8]] = &[
    b"This program cannot be run in DOS mode",
    b"This program must be run under Win32",
    b"SOFTWARE\\Microsoft\\Windows\\CurrentVersion",
    b"Software\\Microsoft\\Windows\\CurrentVersion",
];
const SHORT: &[&[u8]] = &[
    b"GetProcAddress",
    b"LoadLibraryA",
    b"VirtualAlloc",
    b"CreateProcess",
    b"<?xml version=",
    b"Mozilla/5.0 (",
    b"http://www.",
    b"cmd.exe /c ",
];
/// How addresses begin, if a host follows. They are so short that only keys of one byte leave enough to be compared.
const SCHEMES: &[&[u8]] = &[b"http://", b"https://"];
const LONG_STEP: usize = 16;
const SHORT_STEP: usize = 4;
const SCHEME_STEP: usize = 3;
const LONG_KEYS: usize = 16;
const SHORT_KEYS: usize = 4;
/// Bytes beyond the key that must fit. 6 fit by chance once in 2^48 places, times the texts and lengths.
const LEAST_CHECKED: usize = 6;
const HASH_BITS: u32 = 14;
const BITMAP_WORDS: usize = 1 << (HASH_BITS - 6);
/// Where a program's DOS text may be behind its beginning: linkers write it at 0x4e, or after their own header.
const DOS_TEXT: std::ops::RangeInclusive<usize> = 0x40..=0x200;
/// Keys by frequency: lengths, and bytes that are looked at.
const FREQUENCY_KEYS: usize = 32;
const FREQUENCY_BYTES: usize = 8_192;
/// Characters that are shown before a known text, and behind it.
const SHOWN_BEFORE: usize = 64;
const SHOWN_BEHIND: usize = 192;
/// Bytes of a program's header that are pointed at: MS-DOS's has as many, as ELF's of 64 bits.
const HEADER: u64 = 0x40;

#[derive(Debug, Serialize)]
pub struct Guess {
    /// Hexadecimal; its first byte belongs to `offset`.
    pub key: String,
    /// Bytes from the start of the sample to the program, or to what `plain` shows.
    pub offset: u64,
    pub method: Method,
    /// The known text and what is around it, when the key is taken away.
    pub plain: String,
    /// Where a Windows program begins, if its headers fit under the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<u64>,
    pub confidence: u8,
    /// Where further known texts are under the same key, the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    KnownText,
    Frequency,
}

/// One difference of a text: where in it, and for which length of key.
struct Difference {
    value: u32,
    text: &'static [u8],
    at: usize,
}

/// The differences of some texts for one length of key.
struct Differences {
    length: usize,
    sorted: Vec<Difference>,
    bitmap: Box<[u64; BITMAP_WORDS]>,
}

fn hash(value: u32) -> usize {
    (value.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

/// Four bytes at the beginning of `window`, each XORed with one of the last four.
fn difference(window: &[u8]) -> u32 {
    let word = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes));
    word(window.first_chunk()) ^ word(window.last_chunk())
}

impl Differences {
    fn of(texts: impl Iterator<Item = &'static [u8]>, length: usize, step: usize) -> Self {
        let (mut sorted, mut bitmap) = (Vec::new(), Box::new([0_u64; BITMAP_WORDS]));
        for text in texts {
            for (at, window) in text.windows(length + 4).enumerate().take(step) {
                let value = difference(window);
                let bit = hash(value);
                if let Some(word) = bitmap.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
                sorted.push(Difference { value, text, at });
            }
        }
        sorted.sort_by_key(|difference| difference.value);
        Self { length, sorted, bitmap }
    }

    fn look(&self, data: &[u8], step: usize, mut found: impl FnMut(usize, &'static [u8])) {
        for (index, window) in data.windows(self.length + 4).step_by(step).enumerate() {
            let value = difference(window);
            let bit = hash(value);
            if self.bitmap.get(bit / 64).is_none_or(|word| word >> (bit % 64) & 1 == 0) {
                continue;
            }
            let first = self.sorted.partition_point(|known| known.value < value);
            for known in self.sorted.iter().skip(first).take_while(|known| known.value == value) {
                if let Some(start) = (index * step).checked_sub(known.at) {
                    found(start, known.text);
                }
            }
        }
    }
}

/// Guesses, the surest first, and how many more there were.
pub fn guess(data: &[u8]) -> (Vec<Guess>, u64) {
    let mut guesses = Guesses::default();
    guesses.by_frequency(data);
    for length in 1..=LONG_KEYS {
        guesses.look(data, LONG.iter(), LONG_STEP, length);
    }
    guesses.look(data, SHORT.iter().chain(SCHEMES), SCHEME_STEP, 1);
    for length in 2..=SHORT_KEYS {
        guesses.look(data, SHORT.iter(), SHORT_STEP, length);
    }
    guesses.found.sort_by_key(|guess| (std::cmp::Reverse(guess.confidence), guess.offset));
    (guesses.found, guesses.left_out)
}

#[derive(Default)]
struct Guesses {
    found: Vec<Guess>,
    /// The guess of each key and program, with the key as it belongs to the sample's first byte: it is found again in
    /// all its rotations, and a short one as its own repetition.
    known: BTreeMap<(Vec<u8>, Option<u64>), usize>,
    left_out: u64,
}

impl Guesses {
    fn look(&mut self, data: &[u8], texts: impl Iterator<Item = &'static &'static [u8]>, step: usize, length: usize) {
        let differences = Differences::of(texts.copied(), length, step);
        differences.look(data, step, |start, text| self.check(data, start, text, length));
    }

    /// Compares the whole text at `start` under the key that its first bytes give.
    fn check(&mut self, data: &[u8], start: usize, text: &'static [u8], length: usize) {
        let Some(hidden) = data.get(start..start + text.len()) else { return };
        let key: Vec<u8> = hidden.iter().zip(text).take(length).map(|(byte, plain)| byte ^ plain).collect();
        let fits = hidden.iter().zip(text).zip(key.iter().cycle()).all(|((byte, plain), key)| byte ^ plain == *key);
        // A key with zeros leaves text readable; 0x20 turns the case of letters, which nobody hides.
        if !fits || text.len() < length + LEAST_CHECKED || key.contains(&0) || key == [0x20] {
            return;
        }
        let key = shortest(key);
        if SCHEMES.contains(&text) && !names_host(data, start + text.len(), start, &key) {
            return;
        }
        let program = program_before(data, start, &key);
        if !self.is_known(moved(&key, start, 0), program, start) {
            self.add(known_text(data, start, text, &key, program));
        }
    }

    /// Whether there is a guess of this key already; it is told of the place.
    fn is_known(&mut self, key: Vec<u8>, program: Option<u64>, start: usize) -> bool {
        let first = self.known.range((key.clone(), program)..).next();
        let same = first.filter(|((known, at), _)| *known == key && (program.is_none() || *at == program));
        let Some((_, &index)) = same else {
            self.known.insert((key, program), self.found.len());
            return false;
        };
        let guess = self.found.get_mut(index).filter(|guess| program.is_none() && guess.others.len() < MAX_PLACES);
        if let Some(guess) = guess
            && !guess.shows(start)
        {
            guess.others.push(start as u64);
        }
        true
    }

    fn add(&mut self, guess: Guess) {
        if self.found.len() < MAX_XOR { self.found.push(guess) } else { self.left_out += 1 }
    }

    /// The whole file under one key: headers of programs are mostly zeros, so that the most frequent byte of each place
    /// in the key is the key. It counts only if the headers are right.
    fn by_frequency(&mut self, data: &[u8]) {
        let beginning = data.get(..FREQUENCY_BYTES).unwrap_or(data);
        for length in 1..=FREQUENCY_KEYS {
            // What the first byte gives already rules out nearly all lengths.
            let first = most_frequent(beginning, 0, length);
            if first == 0 || !data.first().is_some_and(|&byte| matches!(byte ^ first, b'M' | 0x7f)) {
                continue;
            }
            let key: Vec<u8> = (0..length).map(|phase| most_frequent(beginning, phase, length)).collect();
            if key.contains(&0) {
                continue;
            }
            let plain = if is_program(data, 0, 0, &key) {
                "a Windows program"
            } else if is_elf(beginning, &key) {
                "an ELF program"
            } else {
                continue;
            };
            let program = plain.contains("Windows").then_some(0);
            let key = shortest(key);
            self.known.insert((key.clone(), program), self.found.len());
            let (key, plain, others) = (hex(&key), plain.to_owned(), Vec::new());
            self.add(Guess { key, offset: 0, method: Method::Frequency, plain, program, confidence: 97, others });
            return;
        }
    }
}

impl Guess {
    /// Whether the byte at `at` is one of those that are shown.
    fn shows(&self, at: usize) -> bool {
        let shown = self.offset..self.offset + self.plain.len() as u64;
        self.program.is_none() && shown.contains(&(at as u64))
    }
}

/// The guess of a text at `start`, to which the key's first byte belongs.
fn known_text(data: &[u8], start: usize, text: &[u8], key: &[u8], program: Option<u64>) -> Guess {
    let (first, plain) = around(data, start, text.len(), key);
    let offset = program.unwrap_or(first as u64);
    let confidence = if program.is_some() { 99 } else { (70 + (text.len() - key.len()) * 2).min(95) as u8 };
    let key = hex(&moved(key, start, offset as usize));
    Guess { key, offset, method: Method::KnownText, plain, program, confidence, others: Vec::new() }
}

/// Where the printable characters begin that are around a text at `start`, and what they are.
fn around(data: &[u8], start: usize, length: usize, key: &[u8]) -> (usize, String) {
    // Zeros are what fills files: under a key, they are its own characters.
    let is_zero = |&at: &usize| data.get(at) == Some(&0);
    let is_shown = |&at: &usize| {
        let letter = plain(data, at, start, key).map(|[byte]: [u8; 1]| byte);
        let is_filling = is_zero(&at) && is_zero(&(at + 1));
        letter.is_some_and(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')) && !is_filling
    };
    let before = (0..start).rev().take(SHOWN_BEFORE).take_while(is_shown).count();
    let first = (start - before..start).find(|at| !is_zero(at)).unwrap_or(start);
    let behind = start + length;
    let shown = (behind..data.len()).take(SHOWN_BEHIND).take_while(is_shown).count();
    let end = (behind..behind + shown).rev().find(|at| !is_zero(at)).map_or(behind, |last| last + 1);
    let letters = (first..end).filter_map(|at| plain(data, at, start, key)).map(|[byte]: [u8; 1]| char::from(byte));
    (first, letters.collect())
}

/// Whether a name with a dot, or an address, is at `at` when the key is taken away.
fn names_host(data: &[u8], at: usize, origin: usize, key: &[u8]) -> bool {
    let letters = (at..).map_while(|at| plain(data, at, origin, key)).map(|[byte]: [u8; 1]| byte);
    let host: Vec<u8> =
        letters.take(253).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')).collect();
    let labels = host.split(|&byte| byte == b'.');
    let is_label = |label: &[u8]| label.first().is_some_and(u8::is_ascii_alphanumeric);
    labels.clone().count() > 1 && host.len() >= 4 && labels.take(2).all(is_label)
}

/// The key whose first byte belongs to `from`, as it belongs to `to`.
fn moved(key: &[u8], from: usize, to: usize) -> Vec<u8> {
    let by = (to as i64 - from as i64).rem_euclid(key.len().max(1) as i64);
    key.iter().cycle().skip(by as usize).take(key.len()).copied().collect()
}

fn most_frequent(data: &[u8], phase: usize, length: usize) -> u8 {
    let mut counts = [0_u32; 256];
    for &byte in data.iter().skip(phase).step_by(length) {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    (0..=255).max_by_key(|&byte: &u8| (counts.get(usize::from(byte)), std::cmp::Reverse(byte))).unwrap_or(0)
}

/// The key without its repetitions.
fn shortest(key: Vec<u8>) -> Vec<u8> {
    let period = (1..key.len()).find(|&period| {
        key.len().is_multiple_of(period) && key.iter().zip(key.iter().skip(period)).all(|(a, b)| a == b)
    });
    match period {
        Some(period) => key.into_iter().take(period).collect(),
        None => key,
    }
}

/// `N` bytes at `at` without the key, whose first byte belongs to `origin`.
fn plain<const N: usize>(data: &[u8], at: usize, origin: usize, key: &[u8]) -> Option<[u8; N]> {
    let hidden: &[u8; N] = data.get(at..)?.first_chunk()?;
    let mut result = *hidden;
    for (index, byte) in result.iter_mut().enumerate() {
        let phase = (at as i64 + index as i64 - origin as i64).rem_euclid(key.len().max(1) as i64);
        *byte ^= key.get(usize::try_from(phase).ok()?)?;
    }
    Some(result)
}

fn program_before(data: &[u8], text: usize, key: &[u8]) -> Option<u64> {
    DOS_TEXT
        .filter_map(|back| text.checked_sub(back))
        .find(|&start| is_program(data, start, text, key))
        .map(|start| start as u64)
}

/// `MZ`, and `PE\0\0` where the header says (Microsoft's PE format). The headers before it fit into 4 KiB.
fn is_program(data: &[u8], start: usize, origin: usize, key: &[u8]) -> bool {
    if plain(data, start, origin, key) != Some(*b"MZ") {
        return false;
    }
    let Some(header) = plain(data, start + 0x3c, origin, key).map(u32::from_le_bytes) else { return false };
    (0x40..=0x1000).contains(&header) && plain(data, start + header as usize, origin, key) == Some(*b"PE\0\0")
}

/// The magic, a class, an order and the only version there is (System V ABI, chapter 4).
fn is_elf(data: &[u8], key: &[u8]) -> bool {
    matches!(plain(data, 0, 0, key), Some([0x7f, b'E', b'L', b'F', 1 | 2, 1 | 2, 1]))
}

pub fn judge(guesses: &[Guess], findings: &mut Findings) {
    for guess in guesses {
        let (id, severity, title) = match (guess.program, guess.method) {
            (Some(_), _) => ("xor-program", Severity::High, "A program hidden with XOR"),
            (None, Method::Frequency) => ("xor-program", Severity::High, "A program hidden with XOR"),
            (None, Method::KnownText) => ("xor-text", Severity::Medium, "Text hidden with XOR"),
        };
        let length = if id == "xor-program" { HEADER } else { guess.plain.len() as u64 };
        findings.add(
            Finding::new(id, severity, guess.confidence, title)
                .detail(format!("Key {} (hexadecimal): {}.", guess.key, guess.plain))
                .at(guess.offset, length)
                .techniques(&["T1027.013"]),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Vec<u8> {
        let mut data = vec![0; 1_024];
        data[..2].copy_from_slice(b"MZ");
        data[0x3c] = 0x80;
        data[0x4e..0x4e + LONG[0].len()].copy_from_slice(LONG[0]);
        data[0x80..0x84].copy_from_slice(b"PE\0\0");
        data
    }

    fn hidden(plain: &[u8], key: &[u8]) -> Vec<u8> {
        plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    #[test]
    fn programs_are_found_under_keys_of_every_length() {
        for length in 1..=LONG_KEYS {
            let key: Vec<u8> = (0..length).map(|index| 0x5a_u8.wrapping_add(index as u8 * 13) | 1).collect();
            let mut data = b"some honest beginning".to_vec();
            data.extend(hidden(&program(), &key));
            let (found, _) = guess(&data);
            let best = found.first().expect("a guess");
            assert_eq!((best.program, best.confidence), (Some(21), 99), "{length}");
            assert_eq!(best.key.len(), length * 2);
        }
    }

    #[test]
    fn a_whole_file_under_a_long_key_is_found_by_frequency() {
        let key: Vec<u8> = (1..=32).collect();
        let (found, _) = guess(&hidden(&program(), &key));
        assert_eq!((found[0].method, found[0].key.as_str()), (Method::Frequency, hex(&key).as_str()));
    }

    #[test]
    fn short_texts_are_found_under_short_keys() {
        let text = b"....GetProcAddress....";
        let (found, _) = guess(&hidden(text, &[0x13, 0x37]));
        let told = (found[0].key.as_str(), found[0].offset, found[0].plain.as_bytes());
        assert_eq!(told, ("1337", 0, &text[..]));
    }

    /// What is behind a guess's offset, under its key.
    fn revealed(data: &[u8], guess: &Guess, length: usize) -> Vec<u8> {
        let digits = guess.key.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        let key: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect();
        hidden(&data[guess.offset as usize..][..length], &key)
    }

    #[test]
    fn the_key_belongs_to_the_offset_that_is_told() {
        let mut data = b"honest".to_vec();
        data.extend(hidden(&program(), b"s3cr3t!"));
        let (found, _) = guess(&data);
        assert_eq!((found.len(), found[0].key.as_str(), found[0].offset), (1, "73336372337421", 6));
        assert_eq!(revealed(&data, &found[0], 2), b"MZ");
        let (whole, _) = guess(&data[6..]);
        assert_eq!((whole.len(), whole[0].key.as_str(), whole[0].offset), (1, "73336372337421", 0));
    }

    #[test]
    fn texts_under_one_key_are_one_guess_with_what_is_around() {
        let text = b"[config]\nuser=Mozilla/5.0 (Windows NT 10.0)\ncmd=cmd.exe /c start\ncall=GetProcAddress\n";
        let mut data = vec![0xee; 101];
        data.extend(hidden(&[&[0; 7][..], text].concat(), b"key!"));
        let (found, left_out) = guess(&data);
        assert_eq!((found.len(), left_out), (1, 0));
        assert!(found[0].plain.contains("user=Mozilla/5.0 (Windows NT 10.0)"), "{}", found[0].plain);
        let shown = found[0].plain.as_bytes();
        assert_eq!(revealed(&data, &found[0], shown.len()), shown);
    }

    #[test]
    fn two_programs_under_one_key_are_two_guesses() {
        let data = hidden(&[program(), program()].concat(), &[0x5a]);
        let (found, _) = guess(&data);
        let mut programs: Vec<Option<u64>> = found.iter().map(|guess| guess.program).collect();
        programs.sort_unstable();
        assert_eq!(programs, [Some(0), Some(1_024)]);
    }

    #[test]
    fn an_address_under_one_byte_is_found_at_every_place() {
        for url in ["http://evil.example.top/gate.php?id=1", "https://a.net/", "http://45.9.148.7:8080/x"] {
            for before in 2..14 {
                let mut data = [&[1, 2, 3][..], &vec![0; before]].concat();
                data.extend(hidden(url.as_bytes(), &[0x33]));
                data.extend([0; 5]);
                let (found, _) = guess(&data);
                assert_eq!(found.len(), 1, "{url} {before}");
                assert_eq!((found[0].key.as_str(), found[0].plain.as_str()), ("33", url));
            }
        }
        for text in ["http://", "http://....", "http://%s/", "http://localhost"] {
            assert!(guess(&hidden(text.as_bytes(), &[0x33])).0.is_empty(), "{text}");
        }
    }

    #[test]
    fn plain_texts_are_no_guess() {
        assert!(guess(&program()).0.is_empty());
        assert!(guess(b"....getpROCaDDRESS LOADlIBRARYa....").0.is_empty());
    }
}
