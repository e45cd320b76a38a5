//! Keys that are found rather than known: XOR with one byte or a repeating key, moved letters. A guess counts only
//! where what it gives is clearly written by somebody.

use crate::decode::{self, cipher};
use crate::limits::{MAX_GUESSED, MAX_KEY};
use crate::score::{self, Kind};
use crate::technique::Technique;

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

fn histogram<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> [u32; 256] {
    let mut counts = [0_u32; 256];
    bytes.into_iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    counts
}

fn best_byte<'a>(column: impl Iterator<Item = &'a u8>) -> u8 {
    let histogram = histogram(column);
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

/// Letters or bytes that were moved: which of both, and the text. Moved bytes keep the letters in order as moved letters
/// do, so that both may show the same words: the one that looks more like a text as a whole is the one.
pub fn moved(text: &[u8]) -> Option<(Technique, Guess)> {
    if text.len() < 24 || text.len() > MAX_GUESSED {
        return None;
    }
    let sample = text.get(..text.len().min(SAMPLE))?;
    let before = score::words(std::str::from_utf8(sample).ok()?);
    let by = best_shift(sample);
    let ways = (1..26_u8).map(|by| (Technique::Rot, by)).chain([(Technique::Add, by)]);
    let (technique, by, words) = ways
        .filter_map(|(technique, by)| {
            let plain = moved_back(sample, technique, by);
            let words = score::words(&decode::lossy(&plain));
            reads(&plain).then(|| ((words, score::likeness(&histogram(&plain), 0)), technique, by))
        })
        .max_by_key(|&(likeness, technique, by)| (likeness, std::cmp::Reverse((technique, by))))
        .map(|((words, _), technique, by)| (technique, by, words))?;
    if words < 4 || words < before * 3 + 2 {
        return None;
    }
    Some((technique, Guess { key: vec![by], plain: moved_back(text, technique, by), confidence: 85 }))
}

fn moved_back(text: &[u8], technique: Technique, by: u8) -> Vec<u8> {
    if technique == Technique::Add { cipher::subtract(text, &[by]) } else { cipher::rot(text, by) }
}

/// What all bytes of a text were moved by.
fn best_shift(data: &[u8]) -> u8 {
    let counts = histogram(data);
    let back = |by: u8| -> [u32; 256] { std::array::from_fn(|byte| counts[(byte + usize::from(by)) % 256]) };
    (1..=255_u8).max_by_key(|&by| score::likeness(&back(by), 0)).unwrap_or(1)
}

/// Whether what stands between the letters is what prose and code have there.
fn reads(plain: &[u8]) -> bool {
    let signs = plain.iter().filter(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
    let (mut common, mut all) = (0, 0);
    for sign in signs {
        all += 1;
        common += usize::from(b" \t\r\n.,()\"'/=-:;_".contains(sign));
    }
    score::text(plain).is_some() && common * 2 >= all
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
        assert!(moved(PLAIN).is_none());
    }

    #[test]
    fn moved_letters_are_moved_back() {
        for by in [1, 13, 25] {
            let (technique, found) = moved(&cipher::rot(PLAIN, 26 - by)).expect("found");
            assert_eq!((technique, found.plain.as_slice()), (Technique::Rot, PLAIN));
        }
    }

    #[test]
    fn moved_bytes_are_not_taken_for_moved_letters() {
        let plain = b"CreateObject(\"WScript.Shell\").Run \"cmd.exe /c calc\"";
        for by in [3_u8, 1, 7, 250] {
            let (technique, found) = moved(&cipher::subtract(plain, &[by.wrapping_neg()])).expect("found");
            assert_eq!((technique, found.key, found.plain.as_slice()), (Technique::Add, vec![by], &plain[..]));
        }
    }

    #[test]
    fn a_text_whose_signs_are_broken_is_none() {
        // Letters were moved by three, and everything else by XOR.
        let broken: Vec<u8> = cipher::rot(b"CreateObject~|WScript`Shell|}`Run*|cmd`exe*a*calc|", 23);
        assert!(moved(&broken).is_none());
    }
}
