//! Keys that are found rather than known: XOR with one byte or a repeating key, moved letters. A guess counts only
//! where what it gives is clearly written by somebody.

use crate::decode::cipher;
use crate::limits::{MAX_GUESSED, MAX_KEY};
use crate::score::{self, Kind};

pub struct Guess {
    pub key: Vec<u8>,
    pub plain: Vec<u8>,
    pub confidence: u8,
}

/// Bytes that a key is found from.
const SAMPLE: usize = 8 << 10;
/// Bytes that each byte of a key must have been used for.
const LEAST_PER_KEY_BYTE: usize = 12;
/// Lengths of keys that are tried to their end.
const TRIED: usize = 6;

/// The key under which bytes are text or a program.
pub fn xor(data: &[u8]) -> Option<Guess> {
    if data.len() < 16 || data.len() > MAX_GUESSED {
        return None;
    }
    program(data).or_else(|| {
        let sample = data.get(..data.len().min(SAMPLE))?;
        lengths(sample).into_iter().find_map(|length| accepted(data, key_of_length(sample, length)))
    })
}

/// A program's headers are known well enough to give the key away.
fn program(data: &[u8]) -> Option<Guess> {
    const KNOWN: &[u8] = b"!This program cannot be run in DOS mode.";
    const AT: usize = 0x4d;
    let head = data.get(AT..AT + KNOWN.len())?;
    let stream: Vec<u8> = head.iter().zip(KNOWN).map(|(byte, known)| byte ^ known).collect();
    let length = (1..=MAX_KEY.min(KNOWN.len() / 2))
        .find(|&length| stream.iter().zip(stream.iter().skip(length)).all(|(one, two)| one == two))?;
    // The key begins where the data does.
    let key: Vec<u8> = (0..length).map(|index| stream[(index + length * AT - AT) % length]).collect();
    if key.iter().all(|&byte| byte == 0) {
        return None;
    }
    let plain = cipher::xor(data, &key);
    score::program_header(&plain)?;
    Some(Guess { key, plain, confidence: 97 })
}

/// Lengths of keys, the likeliest first: bytes that the same byte of a key changed are equal as often as in the plain
/// text.
fn lengths(data: &[u8]) -> Vec<usize> {
    let most = (data.len() / LEAST_PER_KEY_BYTE).min(MAX_KEY);
    let share = |length: usize| {
        let equal = data.iter().zip(data.iter().skip(length)).filter(|(one, two)| one == two).count();
        equal * 10_000 / (data.len() - length).max(1)
    };
    let mut shares: Vec<(usize, usize)> = (1..=most).map(|length| (share(length), length)).collect();
    shares.sort_by_key(|&(share, length)| (std::cmp::Reverse(share), length));
    let best = shares.first().map_or(0, |first| first.0);
    // Multiples of a length are as likely as itself: of those nearly as likely, the shortest comes first.
    let mut near: Vec<usize> =
        shares.iter().filter(|(share, _)| share * 10 >= best * 7).map(|&(_, length)| length).collect();
    near.sort_unstable();
    near.truncate(TRIED);
    if !near.contains(&1) {
        near.push(1);
    }
    near
}

fn key_of_length(data: &[u8], length: usize) -> Vec<u8> {
    (0..length).map(|column| best_byte(data.iter().skip(column).step_by(length))).collect()
}

fn best_byte<'a>(column: impl Iterator<Item = &'a u8>) -> u8 {
    let mut histogram = [0_u32; 256];
    column.for_each(|&byte| histogram[usize::from(byte)] += 1);
    (0..=255_u8).max_by_key(|&key| score::likeness(&histogram, key)).unwrap_or(0)
}

fn accepted(data: &[u8], key: Vec<u8>) -> Option<Guess> {
    if key.iter().all(|&byte| byte == 0) {
        return None;
    }
    let plain = cipher::xor(data, &key);
    let verdict = score::verdict(&plain)?;
    let words = score::words(&crate::decode::lossy(plain.get(..plain.len().min(SAMPLE))?));
    let least = if key.len() == 1 { 2 } else { 3 };
    match verdict.kind {
        Kind::Text if words >= least => {}
        Kind::File(_) => {}
        _ => return None,
    }
    // A key that is a shorter one, repeated, is that one.
    let period = (1..=key.len()).find(|&period| key.iter().zip(key.iter().skip(period)).all(|(one, two)| one == two));
    let key = key.get(..period?)?.to_vec();
    Some(Guess { confidence: verdict.confidence.min(92), key, plain })
}

/// Letters that were moved: the number of places, and the text.
pub fn rot(text: &[u8]) -> Option<Guess> {
    if text.len() < 24 || text.len() > MAX_GUESSED {
        return None;
    }
    let sample = std::str::from_utf8(text.get(..text.len().min(SAMPLE))?).ok()?;
    let before = score::words(sample);
    let (words, by) = (1..26_u8)
        .map(|by| (score::words(&String::from_utf8_lossy(&cipher::rot(sample.as_bytes(), by))), by))
        .max_by_key(|&(words, by)| (words, std::cmp::Reverse(by)))?;
    if words < 4 || words < before * 3 + 2 {
        return None;
    }
    Some(Guess { key: vec![by], plain: cipher::rot(text, by), confidence: 85 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"function download(url) { var request = new ActiveXObject('MSXML2.XMLHTTP'); request.open('GET', url, false); \
        request.send(); return request.responseText; } download('http://example.com/file.exe'); // this is the program of the world, \
        and it is written in a language that was made for the documents of a window; return to the system and say hello to the user";

    #[test]
    fn keys_are_found() {
        for key in [&b"\x42"[..], b"\xff", b"key!", b"a longer one", b"0123456789abcdef"] {
            let found = xor(&cipher::xor(PLAIN, key)).expect("a key");
            assert_eq!(found.plain, PLAIN, "{key:?}");
            assert_eq!(found.key, key);
        }
    }

    #[test]
    fn text_and_noise_have_no_key() {
        assert!(xor(PLAIN).is_none());
        let noise: Vec<u8> =
            (0..4_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
        assert!(xor(&noise).is_none());
        assert!(rot(PLAIN).is_none());
    }

    #[test]
    fn moved_letters_are_moved_back() {
        for by in [1, 13, 25] {
            let found = rot(&cipher::rot(PLAIN, 26 - by)).expect("found");
            assert_eq!(found.plain, PLAIN);
        }
    }
}
