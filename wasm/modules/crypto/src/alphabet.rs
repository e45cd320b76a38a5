//! Alphabets of base64: 64 different characters in a row that text can have.

use module_kit::{Finding, Findings, Severity};
use serde::Serialize;

use crate::limits::MAX_ALPHABETS;

const LENGTH: usize = 64;
/// A run of 64 bytes has a multiple of this inside with 32 more bytes of it behind: most places are left at once.
const STEP: usize = 32;
/// What letters and digits alone leave of an alphabet: the two others are what base64 variants differ in.
const LETTERS_AND_DIGITS: usize = 62;

const UPPER_LOWER_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS_UPPER_LOWER: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Debug, Serialize)]
pub struct Alphabet {
    /// Bytes from the start of the sample.
    pub offset: u64,
    pub alphabet: String,
    /// Whether each character has a zero byte behind it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wide: bool,
    /// Empty if it is none of the known ones.
    pub name: &'static str,
}

pub fn find(data: &[u8]) -> Vec<Alphabet> {
    let mut found: Vec<Alphabet> = Vec::new();
    let mut free_from = 0;
    for at in (0..data.len()).step_by(STEP) {
        if found.len() == MAX_ALPHABETS || at < free_from || !is_different(data.get(at..at + STEP).unwrap_or_default())
        {
            continue;
        }
        let first = at.saturating_sub(STEP - 1).max(free_from);
        let letters = |start: usize| data.get(start..start + LENGTH);
        if let Some(alphabet) = (first..=at).find_map(|start| alphabet_of(letters(start)?, start, false)) {
            free_from = alphabet.offset as usize + LENGTH;
            found.push(alphabet);
        }
    }
    find_wide(data, &mut found);
    found.sort_by_key(|alphabet| alphabet.offset);
    found
}

/// Those with a zero byte behind each character.
fn find_wide(data: &[u8], found: &mut Vec<Alphabet>) {
    let mut free_from = 0;
    for at in (0..data.len()).step_by(2 * STEP) {
        let is_inside = |at: &usize| wide::<STEP>(data, *at).is_some_and(|letters| is_different(&letters));
        let Some(inside) = [at, at + 1].into_iter().find(is_inside) else { continue };
        let starts = (0..STEP).rev().filter_map(|back| inside.checked_sub(2 * back)).filter(|&at| at >= free_from);
        let mut alphabets = starts.filter_map(|start| alphabet_of(&wide::<LENGTH>(data, start)?, start, true));
        if found.len() < MAX_ALPHABETS
            && let Some(alphabet) = alphabets.next()
        {
            free_from = alphabet.offset as usize + 2 * LENGTH;
            found.push(alphabet);
        }
    }
}

/// `N` wide characters that begin at `at`.
fn wide<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    let (pairs, _) = data.get(at..at + 2 * N)?.as_chunks::<2>();
    let mut letters = [0; N];
    for (letter, &[low, high]) in letters.iter_mut().zip(pairs) {
        if high != 0 || !is_character(low) {
            return None;
        }
        *letter = low;
    }
    Some(letters)
}

fn is_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'\'')
}

/// Whether these are characters, none of them twice.
fn is_different(bytes: &[u8]) -> bool {
    let mut seen = 0_u128;
    bytes.len() >= STEP
        && bytes.iter().all(|&byte| {
            let bit = 1_u128 << (byte & 127);
            let fresh = is_character(byte) && seen & bit == 0;
            seen |= bit;
            fresh
        })
}

fn alphabet_of(bytes: &[u8], start: usize, wide: bool) -> Option<Alphabet> {
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    if letters < LETTERS_AND_DIGITS || !is_different(bytes) {
        return None;
    }
    let alphabet: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    // All printable characters in the order of ASCII are a font's or a keyboard's table, no alphabet of base64.
    if bytes.is_sorted() && alphabet != "./".to_owned() + DIGITS_UPPER_LOWER {
        return None;
    }
    let name = match name(&alphabet) {
        "" if is_in_order(&alphabet) => "letters and digits in order",
        name => name,
    };
    Some(Alphabet { offset: start as u64, alphabet, wide, name })
}

/// RFC 4648, 4 and 5; crypt(3); OpenBSD's bcrypt; xxencode; BinHex 4.
fn name(alphabet: &str) -> &'static str {
    let (head, tail) = (alphabet.get(..2).unwrap_or(""), alphabet.get(62..).unwrap_or(""));
    match () {
        () if alphabet.strip_suffix(tail) == Some(UPPER_LOWER_DIGITS) => match tail {
            "+/" => "base64",
            "-_" => "base64url",
            "+," => "base64 of IMAP",
            "./" => "base64 of password hashes",
            _ => "",
        },
        () if alphabet.strip_prefix(head) == Some(DIGITS_UPPER_LOWER) => match head {
            "./" => "crypt",
            "+-" => "xxencode",
            _ => "",
        },
        () if alphabet.strip_prefix("./") == Some(UPPER_LOWER_DIGITS) => "bcrypt",
        () if alphabet == "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/" => {
            "base64 in the order of digits"
        }
        () => "",
    }
}

/// Whether letters and digits come in whole runs: a list of the characters that a name may have, or base64 of a kind
/// that is known to somebody. Who wants to hide text shuffles or rotates.
fn is_in_order(alphabet: &str) -> bool {
    let letters: String = alphabet.chars().filter(char::is_ascii_alphanumeric).collect();
    let runs = ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"];
    letters.len() == LETTERS_AND_DIGITS && runs.iter().all(|run| letters.contains(run))
}

/// An alphabet of one's own hides text from those who decode base64; few honest programs have one.
pub fn judge(alphabets: &[Alphabet], findings: &mut Findings) {
    for alphabet in alphabets {
        let finding = if alphabet.name.is_empty() {
            Finding::new(
                "custom-base64-alphabet",
                Severity::Medium,
                70,
                "An alphabet of base64 that is none of the known ones",
            )
            .techniques(&["T1132.002"])
        } else {
            Finding::new("base64-alphabet", Severity::Info, 95, "An alphabet of base64").detail(alphabet.name)
        };
        let length = if alphabet.wide { 2 * LENGTH } else { LENGTH };
        findings.add(finding.at(alphabet.offset, length as u64).quote_at(alphabet.offset, &alphabet.alphabet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(u64, &'static str)> {
        find(text.as_bytes()).iter().map(|found| (found.offset, found.name)).collect()
    }

    #[test]
    fn known_alphabets_are_found_at_any_offset() {
        for offset in 0..70 {
            let text = " ".repeat(offset) + UPPER_LOWER_DIGITS + "+/" + "  ";
            assert_eq!(names(&text), [(offset as u64, "base64")]);
        }
        assert_eq!(names(&format!("{UPPER_LOWER_DIGITS}-_")), [(0, "base64url")]);
        assert_eq!(names(&format!("./{DIGITS_UPPER_LOWER}")), [(0, "crypt")]);
        assert_eq!(names(&format!("./{UPPER_LOWER_DIGITS}")), [(0, "bcrypt")]);
    }

    #[test]
    fn alphabets_of_wide_characters_are_found_at_any_offset() {
        let rotated = format!("{}ABC+/", &UPPER_LOWER_DIGITS[3..]);
        for (text, name) in [(format!("{UPPER_LOWER_DIGITS}+/"), "base64"), (rotated, "")] {
            for offset in 0..140 {
                let mut data = vec![0; offset];
                data.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
                data.extend([0; 9]);
                let found = find(&data);
                assert_eq!(found.len(), 1, "{offset}");
                let told = (found[0].offset, found[0].name, found[0].wide, found[0].alphabet.as_str());
                assert_eq!(told, (offset as u64, name, true, text.as_str()));
            }
        }
        let narrow = find(format!("{UPPER_LOWER_DIGITS}+/").as_bytes());
        assert!(!narrow[0].wide);
    }

    #[test]
    fn a_rotated_alphabet_has_no_name() {
        let rotated = format!("{}ABC+/", &UPPER_LOWER_DIGITS[3..]);
        assert_eq!(names(&rotated), [(0, "")]);
    }

    #[test]
    fn a_list_of_characters_in_order_is_not_called_custom() {
        for text in [format!("{DIGITS_UPPER_LOWER}./"), format!("{UPPER_LOWER_DIGITS}+.")] {
            assert_eq!(names(&text), [(0, "letters and digits in order")]);
        }
    }

    #[test]
    fn ascii_in_order_is_no_alphabet() {
        let ascii: String = (b'!'..=b'~').map(char::from).collect();
        assert_eq!(names(&ascii), []);
    }
}
