//! lz-string (by pieroxy): a dictionary coder over characters, in three alphabets.

use crate::decode::base64::STANDARD;
use crate::limits::MAX_DECODED;

const URI: &[u8; 65] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$";

/// Bits of values of so many bits each, the highest first.
struct Bits<'a> {
    values: &'a [u16],
    width: u32,
    at: usize,
    bit: u32,
}

impl Bits<'_> {
    /// A number of `count` bits, the lowest first.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for place in 0..count {
            let value = u32::from(*self.values.get(self.at)?);
            number |= (value >> (self.width - 1 - self.bit) & 1) << place;
            self.bit += 1;
            if self.bit == self.width {
                self.bit = 0;
                self.at += 1;
            }
        }
        Some(number)
    }
}

pub fn decompress_base64(text: &[u8]) -> Option<Vec<u8>> {
    decompress(&values(text, STANDARD)?, 6)
}

pub fn decompress_uri(text: &[u8]) -> Option<Vec<u8>> {
    decompress(&values(text, URI)?, 6)
}

/// Characters of UTF-16, as text in UTF-8.
pub fn decompress_wide(text: &[u8]) -> Option<Vec<u8>> {
    let units: Vec<u16> = std::str::from_utf8(text).ok()?.encode_utf16().collect();
    decompress(&units, 16)
}

fn values(text: &[u8], alphabet: &[u8]) -> Option<Vec<u16>> {
    let mut values = Vec::with_capacity(text.len());
    for &letter in text.iter().filter(|letter| !letter.is_ascii_whitespace()) {
        match alphabet.iter().position(|&known| known == letter) {
            Some(value) => values.push(u16::try_from(value).ok()?),
            None if letter == b'=' => break,
            None => return None,
        }
    }
    Some(values)
}

/// None for what does not come to its end.
fn decompress(values: &[u16], width: u32) -> Option<Vec<u8>> {
    let mut bits = Bits { values, width, at: 0, bit: 0 };
    // Entries are places in what is made: from, to.
    let mut made: Vec<u16> = Vec::new();
    let mut entries: Vec<(usize, usize)> = vec![(0, 0); 3];
    let first = literal(&mut bits, None)??;
    made.push(first);
    entries.push((0, 1));
    let (mut before, mut code_bits, mut enlarge) = (0, 3, 4_u64);
    loop {
        let mut code = bits.take(code_bits)?;
        if code == 2 {
            return Some(String::from_utf16_lossy(&made).into_bytes());
        }
        let is_new_letter = code < 2;
        if is_new_letter {
            let letter = literal(&mut bits, Some(code))??;
            // A letter has an entry of its own: its place is where it is written now.
            entries.push((made.len(), made.len() + 1));
            code = u32::try_from(entries.len() - 1).ok()?;
            made.push(letter);
            enlarge -= 1;
            if enlarge == 0 {
                enlarge = 1 << code_bits;
                code_bits += 1;
            }
        }
        let index = usize::try_from(code).ok()?;
        let start = made.len();
        let begin = if is_new_letter { start - 1 } else { start };
        if !is_new_letter {
            match entries.get(index) {
                Some(&(from, to)) => {
                    if from >= to {
                        return None;
                    }
                    made.extend_from_within(from..to);
                }
                // The one that is about to be made: what was before, and its first character again.
                None if index == entries.len() => {
                    made.extend_from_within(before..start);
                    made.push(*made.get(before)?);
                }
                None => return None,
            }
        }
        if made.len() * 2 > MAX_DECODED || code_bits > 24 {
            return None;
        }
        // What was before and the first character of this stand side by side.
        entries.push((before, begin + 1));
        before = begin;
        enlarge -= 1;
        if enlarge == 0 {
            enlarge = 1 << code_bits;
            code_bits += 1;
        }
    }
}

/// A character that is written as itself; the inner None for the end.
#[allow(clippy::option_option, reason = "no more bits, and the end, are two things")]
fn literal(bits: &mut Bits, code: Option<u32>) -> Option<Option<u16>> {
    let kind = match code {
        Some(code) => code,
        None => bits.take(2)?,
    };
    let width = match kind {
        0 => 8,
        1 => 16,
        _ => return Some(None),
    };
    Some(u16::try_from(bits.take(width)?).ok())
}
