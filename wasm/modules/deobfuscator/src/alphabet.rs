//! Alphabets of base64 that are neither of the two known ones and stand in a text with the data that is written in
//! them.

use std::ops::Range;

use crate::decode::base64::{STANDARD, URL};

/// Alphabets of one text that are tried: lists of signs for other ends look the same.
const MAX_ALPHABETS: usize = 4;
/// Characters of data, and of a line that goes on in the next.
const LEAST: usize = 24;
const LEAST_LINE: usize = 40;
const LENGTH: usize = 64;

#[derive(Debug)]
pub struct Alphabet {
    pub letters: [u8; LENGTH],
    /// Where it stands.
    pub place: Range<usize>,
}

/// 64 different characters in quotes, on a line, or behind a sign that gives them to something.
pub fn find(data: &[u8]) -> Vec<Alphabet> {
    let mut found: Vec<Alphabet> = Vec::new();
    let (mut last, mut start) = ([None; 256], 0);
    for (at, &byte) in data.iter().enumerate() {
        let is_part = byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
        let before = last[usize::from(byte)].replace(at);
        start = if is_part { before.map_or(start, |before: usize| start.max(before + 1)) } else { at + 1 };
        if at + 1 < start + LENGTH {
            continue;
        }
        let place = at + 1 - LENGTH..at + 1;
        let Some(&letters) = data.get(place.clone()).and_then(<[u8]>::first_chunk) else { continue };
        let is_new = letters != *STANDARD && letters != *URL && found.iter().all(|known| known.letters != letters);
        if is_new && is_apart(data, &place) {
            found.push(Alphabet { letters, place });
            if found.len() == MAX_ALPHABETS {
                break;
            }
        }
    }
    found
}

/// Whether nothing beside a place goes on as it does. A 65th character is for padding.
fn is_apart(data: &[u8], place: &Range<usize>) -> bool {
    let ends =
        |byte: Option<&u8>, signs: &[u8]| byte.is_none_or(|byte| !byte.is_ascii_graphic() || signs.contains(byte));
    let before = place.start.checked_sub(1).and_then(|before| data.get(before));
    ends(before, b"\"'`=:([{,<>") && ends(data.get(place.end), b"\"'`=;,)]}<>")
}

/// Runs of characters of an alphabet that has others than base64 has: those are found already.
pub fn runs(data: &[u8], alphabet: &Alphabet) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if alphabet.letters.iter().all(|letter| letter.is_ascii_alphanumeric() || b"+/-_".contains(letter)) {
        return found;
    }
    let mut is_letter = [false; 256];
    alphabet.letters.iter().for_each(|&letter| is_letter[usize::from(letter)] = true);
    let is_letter = |at: usize| data.get(at).is_some_and(|&byte| is_letter[usize::from(byte)]);
    let mut at = 0;
    while at < data.len() {
        let (start, mut line) = (at, at);
        while is_letter(at) {
            at += 1;
            let next =
                at + data.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if next > at && at - line >= LEAST_LINE && is_letter(next) {
                (at, line) = (next, next);
            }
        }
        if at - start >= LEAST {
            found.push(start..at);
        }
        at = at.max(start + 1);
    }
    found
}

/// A run without an alphabet that stands on a line of it.
pub fn without(place: Range<usize>, alphabets: &[Alphabet]) -> Range<usize> {
    let mut place = place;
    for Alphabet { place: own, .. } in alphabets {
        if own.start < place.end && place.start < own.end {
            let (before, behind) = (place.start..own.start.max(place.start), own.end.min(place.end)..place.end);
            place = if before.len() > behind.len() { before } else { behind };
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210-_";

    #[test]
    fn alphabets_are_found_wherever_they_stand() {
        for text in [
            format!("{OWN}\ndata"),
            format!("key: {OWN}\r\n"),
            format!("a=\"{OWN}=\";"),
            format!("x('{OWN}')"),
            format!("set a={OWN}"),
        ] {
            let found = find(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].letters.as_slice(), OWN.as_bytes());
        }
        let standard = std::str::from_utf8(STANDARD).expect("ASCII");
        for text in [standard.to_owned(), format!("x{OWN}"), format!("{OWN}x"), OWN.replace('Z', "Y")] {
            assert!(find(text.as_bytes()).is_empty(), "{text}");
        }
    }
}
