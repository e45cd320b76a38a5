//! Debug directory and TLS callbacks; common names in any bytes.

use super::headers::{DIRECTORY_DEBUG, DIRECTORY_TLS, Headers};
use crate::facts::DebugInfo;
use crate::reader::{Reader, text};
use memchr::memmem::find;
use module_kit::Findings;

/// Real files have below 10.
const MAX_DEBUG_ENTRIES: u64 = 64;
const MAX_TLS_CALLBACKS: u64 = 64;
const MAX_SUBJECTS: usize = 32;

const KINDS: [&str; 21] = [
    "unknown",
    "coff",
    "codeview",
    "fpo",
    "misc",
    "exception",
    "fixup",
    "omap-to-src",
    "omap-from-src",
    "borland",
    "reserved",
    "clsid",
    "vc-feature",
    "pogo",
    "iltcg",
    "mpx",
    "repro",
    "embedded-portable-pdb",
    "spgo",
    "pdb-checksum",
    "ex-dll-characteristics",
];

pub fn debug_entries(headers: &Headers, findings: &mut Findings) -> Vec<DebugInfo> {
    let Some(directory) = headers.directory(DIRECTORY_DEBUG) else { return Vec::new() };
    let Some(start) = headers.offset(directory.address) else {
        findings.malformed("debug-directory", "The debug directory lies outside of the file.");
        return Vec::new();
    };
    let count = u64::from(directory.size / 28).min(MAX_DEBUG_ENTRIES);
    (0..count).map_while(|index| debug_entry(headers, start + 28 * index)).collect()
}

fn debug_entry(headers: &Headers, at: u64) -> Option<DebugInfo> {
    let reader = headers.reader;
    let (timestamp, kind) = (reader.u32(at + 4)?, reader.u32(at + 12)?);
    let (size, offset) = (reader.u32(at + 16)?, reader.u32(at + 24)?);
    let name = KINDS.get(kind as usize).map_or_else(|| format!("type-{kind}"), |name| (*name).to_owned());
    let entry = DebugInfo { kind: name, timestamp: Some(timestamp), ..DebugInfo::default() };
    let data = reader.upto(u64::from(offset), u64::from(size));
    Some(if kind == 2 { codeview(entry, data) } else { entry })
}

/// `RSDS` (GUID, age, path) or the older `NB10` (offset, signature, age, path).
fn codeview(mut entry: DebugInfo, data: &[u8]) -> DebugInfo {
    let reader = Reader::little(data);
    let path_at = match data.get(..4) {
        Some(b"RSDS") => {
            entry.guid = reader.slice(4, 16).map(guid);
            entry.age = reader.u32(20);
            24
        }
        Some(b"NB10") => {
            entry.age = reader.u32(12);
            16
        }
        _ => return entry,
    };
    entry.pdb_path = reader.c_string(path_at, 1_024).map(|path| text(path, 1_024));
    entry
}

/// A GUID in its usual form; its first three parts are little-endian.
pub fn guid(bytes: &[u8]) -> String {
    let reader = Reader::little(bytes);
    let (Some(first), Some(second), Some(third)) = (reader.u32(0), reader.u16(4), reader.u16(6)) else {
        return String::new();
    };
    let rest = module_kit::hex(reader.upto(8, 8));
    let (fourth, fifth) = rest.split_at(rest.len().min(4));
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth}-{fifth}")
}

/// Virtual addresses of the functions that run before the entry point.
pub fn tls_callbacks(headers: &Headers, findings: &mut Findings) -> Vec<u64> {
    let Some(directory) = headers.directory(DIRECTORY_TLS) else { return Vec::new() };
    let table = headers.offset(directory.address).and_then(|at| {
        let field = if headers.wide { 24 } else { 12 };
        headers.reader.word(at + field, headers.wide)
    });
    match table {
        None => {
            findings.malformed("tls-directory", "The TLS directory lies outside of the file.");
            Vec::new()
        }
        Some(0) => Vec::new(),
        Some(table) => callbacks_at(headers, table),
    }
}

fn callbacks_at(headers: &Headers, table: u64) -> Vec<u64> {
    let width = if headers.wide { 8 } else { 4 };
    let Some(start) = headers.rva(table).and_then(|rva| headers.offset(rva)) else { return Vec::new() };
    let callback =
        |index: u64| headers.reader.word(start + width * index, headers.wide).filter(|&address| address != 0);
    (0..MAX_TLS_CALLBACKS).map_while(callback).collect()
}

/// Values of all attributes with the object identifier 2.5.4.3 (common name), in the order found, each once.
pub fn common_names(der: &[u8]) -> Vec<String> {
    const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
    let mut names: Vec<String> = Vec::new();
    let mut rest = der;
    while let Some(found) = find(rest, COMMON_NAME) {
        rest = &rest[found + COMMON_NAME.len()..];
        if let Some(name) = der_string(rest).filter(|name| !name.is_empty() && !names.contains(name)) {
            names.push(name);
        }
        if names.len() >= MAX_SUBJECTS {
            break;
        }
    }
    names
}

/// A DER string of a short length; BMPString (0x1e) is big-endian UTF-16.
fn der_string(der: &[u8]) -> Option<String> {
    let (&tag, &length) = (der.first()?, der.get(1)?);
    let value = der.get(2..2 + usize::from(length)).filter(|_| length < 0x80)?;
    match tag {
        0x0c | 0x13 | 0x14 | 0x16 => Some(text(value, 128)),
        0x1e => {
            let units = value.as_chunks::<2>().0.iter().map(|&unit| u16::from_be_bytes(unit));
            Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => None,
    }
}
