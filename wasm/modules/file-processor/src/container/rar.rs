//! RAR, versions 1.5 to 5: the headers, and what is stored without packing. Nothing but their maker's own code unpacks
//! the rest.

use module_kit::Findings;

use super::encrypted;
use super::zip::dos_time;
use crate::children::Children;
use crate::facts::{Container, Entry};
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED};
use crate::reader::{Reader, text};

struct File {
    name: String,
    start: u64,
    packed: u64,
    size: u64,
    modified: Option<i64>,
    is_folder: bool,
    is_stored: bool,
    is_encrypted: bool,
}

type ReadBlock = fn(Reader, u64) -> Option<(Block, u64)>;

/// A header, and where the next one is.
enum Block {
    File(File),
    EncryptedHeaders,
    End,
    Other,
}

pub fn parse(id: &str, data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let reader = Reader::little(data);
    let mut container = Container { kind: "rar", ..Container::default() };
    let (mut at, read): (u64, ReadBlock) = if id == "rar5" { (8, version5) } else { (7, version4) };
    let mut files = Vec::new();
    while files.len() < MAX_ENTRIES && at < reader.len() {
        let Some((block, next)) = read(reader, at).filter(|(_, next)| *next > at) else {
            findings.malformed("rar-header", "A header is damaged or cut off.");
            break;
        };
        at = next;
        match block {
            Block::File(file) => files.push(file),
            Block::EncryptedHeaders => {
                container.properties.insert("header".to_owned(), "encrypted".to_owned());
                encrypted(&[], 0, findings);
                break;
            }
            Block::End => break,
            Block::Other => {}
        }
    }
    for file in files.iter().filter(|file| file.is_stored && !file.is_encrypted && !file.is_folder) {
        children.add(&file.name, "rar-file", Some(file.start), reader.upto(file.start, file.packed));
    }
    let hidden: Vec<_> = files.iter().filter(|file| file.is_encrypted).map(|file| file.name.as_str()).collect();
    encrypted(&hidden, files.len(), findings);
    super::judge_names(files.iter().map(|file| file.name.as_str()), findings);
    container.count = files.len() as u64;
    container.entries = files.into_iter().take(MAX_ENTRIES_REPORTED).map(entry).collect();
    container
}

fn entry(file: File) -> Entry {
    Entry {
        name: file.name,
        size: file.size,
        compressed_size: Some(file.packed),
        offset: Some(file.start),
        kind: if file.is_folder { "folder" } else { "file" },
        encrypted: file.is_encrypted,
        modified: file.modified,
        ..Entry::default()
    }
}

fn version4(reader: Reader, at: u64) -> Option<(Block, u64)> {
    let (kind, flags, size) = (reader.u8(at + 2)?, reader.u16(at + 3)?, u64::from(reader.u16(at + 5)?));
    let more = if flags & 0x8000 == 0 { 0 } else { u64::from(reader.u32(at + 7)?) };
    let next = at.checked_add(size)?.checked_add(more)?;
    let block = match kind {
        0x73 if flags & 0x80 != 0 => Block::EncryptedHeaders,
        0x74 => {
            let high = |offset| if flags & 0x100 == 0 { Some(0) } else { reader.u32(at + offset).map(u64::from) };
            let packed = more | high(32)? << 32;
            let name_at = at + if flags & 0x100 == 0 { 32 } else { 40 };
            // The plain name; behind a NUL there may be how Unicode differs from it.
            let name = reader.c_string(name_at, reader.u16(at + 26)?.into())?;
            let file = File {
                name: text(name, 1_024).replace('\\', "/"),
                start: at + size,
                packed,
                size: u64::from(reader.u32(at + 11)?) | high(36)? << 32,
                modified: dos_time(reader.u32(at + 20)?),
                is_folder: flags & 0xe0 == 0xe0,
                is_stored: reader.u8(at + 25)? == 0x30,
                is_encrypted: flags & 4 != 0,
            };
            return Some((Block::File(file), (at + size).checked_add(packed)?));
        }
        0x7b => Block::End,
        _ => Block::Other,
    };
    Some((block, next))
}

/// Seven bits a byte, the lowest first.
fn number(reader: Reader, at: &mut u64) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = reader.u8(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn version5(reader: Reader, at: u64) -> Option<(Block, u64)> {
    let mut field = at + 4;
    let size = number(reader, &mut field)?;
    let end = field.checked_add(size)?;
    let (kind, flags) = (number(reader, &mut field)?, number(reader, &mut field)?);
    // The extra area is the end of the header.
    let extra = if flags & 1 == 0 { 0 } else { number(reader, &mut field).filter(|&extra| extra <= size)? };
    let packed = if flags & 2 == 0 { 0 } else { number(reader, &mut field)? };
    let block = match kind {
        2 => Block::File(file5(reader, field, end, extra, packed)?),
        4 => Block::EncryptedHeaders,
        5 => Block::End,
        _ => Block::Other,
    };
    Some((block, end.checked_add(packed)?))
}

fn file5(reader: Reader, mut field: u64, end: u64, extra: u64, packed: u64) -> Option<File> {
    let flags = number(reader, &mut field)?;
    let (size, _attributes) = (number(reader, &mut field)?, number(reader, &mut field)?);
    let modified = if flags & 2 == 0 { None } else { Some(reader.u32(field)?.into()) };
    field += if flags & 2 == 0 { 0 } else { 4 } + if flags & 4 == 0 { 0 } else { 4 };
    let (method, _system, length) =
        (number(reader, &mut field)?, number(reader, &mut field)?, number(reader, &mut field)?);
    Some(File {
        name: text(reader.slice(field, length.min(4_096))?, 1_024),
        start: end,
        packed,
        size,
        modified,
        is_folder: flags & 1 != 0,
        is_stored: method >> 7 & 7 == 0,
        is_encrypted: has_encryption(reader, end.checked_sub(extra)?, end),
    })
}

/// A record of the type 1 in the extra area: size, type and what belongs to it.
fn has_encryption(reader: Reader, mut at: u64, end: u64) -> bool {
    while at < end {
        let Some(size) = number(reader, &mut at) else { return false };
        let mut field = at;
        if number(reader, &mut field) == Some(1) {
            return true;
        }
        at = at.saturating_add(size.max(1));
    }
    false
}
