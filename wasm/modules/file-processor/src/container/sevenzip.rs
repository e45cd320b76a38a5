//! 7z: the headers stand at the end, most often packed themselves. Folders are streams that hold files in a row.

use module_kit::Findings;

use super::encrypted;
use super::sevenzip_fields::{AES, Coder, Fields, File, Folder, Streams};
use crate::children::Children;
use crate::codec;
use crate::facts::{Container, Entry};
use crate::limits::{MAX_ENTRIES_REPORTED, MAX_INFLATED_PARTS};
use crate::reader::Reader;

/// Bytes that a packed header may unpack to.
const MAX_HEADER: usize = 16 << 20;
/// What a decoder needs to begin with, in bytes.
const FOLDER_COST: u64 = 64 << 10;

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let mut container = Container { kind: "7z", ..Container::default() };
    match header(data) {
        Ok(Some((streams, files))) => list(data, &streams, &files, &mut container, findings, children),
        Ok(None) => findings.malformed("7z-header", "The archive's header is damaged or cut off."),
        Err(Encrypted) => {
            container.properties.insert("header".to_owned(), "encrypted".to_owned());
            encrypted(&[], 0, findings);
        }
    }
    container
}

struct Encrypted;

fn header(data: &[u8]) -> Result<Option<(Streams, Vec<File>)>, Encrypted> {
    let reader = Reader::little(data);
    let place = || Some((reader.u64(12)?.checked_add(32)?, reader.u64(20)?));
    let Some(mut bytes) = place().and_then(|(at, size)| reader.slice(at, size)).map(<[u8]>::to_vec) else {
        return Ok(None);
    };
    // A packed header may be packed again; nobody does it more than once.
    for _ in 0..4 {
        match bytes.first() {
            Some(0x01) => return Ok(Fields::new(&bytes[1..]).header()),
            Some(0x17) => {}
            _ => return Ok(None),
        }
        let Some(streams) = Fields::new(&bytes[1..]).streams() else { return Ok(None) };
        let Some(folder) = streams.folders.first() else { return Ok(None) };
        if folder.coders.iter().any(|coder| coder.id == AES) {
            return Err(Encrypted);
        }
        let packed = reader.upto(32 + streams.start, streams.packed.first().copied().unwrap_or(0));
        let Some(unpacked) = unpack(folder, packed, MAX_HEADER) else { return Ok(None) };
        bytes = unpacked;
    }
    Ok(None)
}

/// A chain of coders with one input each; none for others.
fn unpack(folder: &Folder, packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    if folder.coders.iter().any(|coder| coder.inputs != 1) {
        return None;
    }
    let mut next = (0..folder.coders.len() as u64).find(|index| !folder.bonds.iter().any(|bond| bond.0 == *index))?;
    let mut bytes = packed.to_vec();
    // As many steps as coders, so that bonds in a circle end.
    for _ in 0..folder.coders.len() {
        let coder = folder.coders.get(usize::try_from(next).ok()?)?;
        let size = folder.sizes.get(usize::try_from(next).ok()?).copied()?;
        bytes = decode(coder, &bytes, usize::try_from(size).unwrap_or(usize::MAX).min(limit), size)?;
        let Some(bond) = folder.bonds.iter().find(|bond| bond.1 == next) else { return Some(bytes) };
        next = bond.0;
    }
    None
}

fn decode(coder: &Coder, packed: &[u8], limit: usize, size: u64) -> Option<Vec<u8>> {
    let property = coder.properties.first().copied().unwrap_or(0);
    let id = match coder.id[..] {
        [0] => return Some(packed[..packed.len().min(limit)].to_vec()),
        [3, 1, 1] => {
            let dictionary = Reader::little(&coder.properties).u32(1)?;
            return Some(codec::lzma1(property, dictionary, size, packed, limit));
        }
        [0x21] => return Some(codec::lzma2(property, packed, limit)),
        [4, 1, 8] => return Some(codec::inflate(packed, limit)),
        [4, 2, 2] => return Some(codec::bzip2(packed, limit)),
        [4, 0xf7, 0x11, 1] => return Some(codec::zstd(packed, limit)),
        [3] => 3,
        [3, 3, 1, 3] | [4] => 4,
        [3, 3, 2, 5] | [5] => 5,
        [3, 3, 5, 1] | [7] => 7,
        [3, 3, 7, 1] | [8] => 8,
        [3, 3, 8, 5] | [9] => 9,
        [0xa] => 10,
        _ => return None,
    };
    codec::filter(id, property, packed, limit)
}

fn list(
    data: &[u8],
    streams: &Streams,
    files: &[File],
    container: &mut Container,
    findings: &mut Findings,
    children: &mut Children,
) {
    let reader = Reader::little(data);
    let mut with_streams = files.iter().filter(|file| file.has_stream);
    let mut packed = streams.packed.iter();
    let mut at = 32_u64.saturating_add(streams.start);
    let mut hidden = Vec::new();
    for folder in &streams.folders {
        let size = packed.by_ref().take(usize::try_from(folder.packed_streams).unwrap_or(0));
        let size = size.fold(0_u64, |sum, size| sum.saturating_add(*size));
        let members: Vec<_> = folder.files.iter().zip(with_streams.by_ref()).collect();
        let bytes = reader.upto(at, size);
        at = at.saturating_add(size);
        if folder.is_encrypted() {
            hidden.extend(members.iter().map(|(_, file)| file.name.as_str()));
        } else if children.are_wanted() {
            unpack_folder(folder, bytes, &members, findings, children);
        }
        container.entries.extend(members.iter().take(MAX_ENTRIES_REPORTED).map(|(size, file)| Entry {
            name: file.name.clone(),
            size: **size,
            encrypted: folder.is_encrypted(),
            ..Entry::default()
        }));
        container.entries.truncate(MAX_ENTRIES_REPORTED);
    }
    let folders = files.iter().filter(|file| file.is_folder);
    container.entries.extend(folders.map(|file| Entry { name: file.name.clone(), kind: "folder", ..Entry::default() }));
    container.count = files.len() as u64;
    super::judge_names(files.iter().map(|file| file.name.as_str()), findings);
    encrypted(&hidden, files.len(), findings);
}

fn unpack_folder(
    folder: &Folder,
    packed: &[u8],
    members: &[(&u64, &File)],
    findings: &mut Findings,
    children: &mut Children,
) {
    // All of it is needed for any of it.
    if !children.spend(packed.len() as u64 + FOLDER_COST) {
        return;
    }
    let Some(bytes) = unpack(folder, packed, MAX_INFLATED_PARTS) else {
        super::unread(module_kit::Severity::Info, "Files are packed with a method that is not read.", findings);
        return;
    };
    if (bytes.len() as u64) < folder.size().unwrap_or(0).min(MAX_INFLATED_PARTS as u64) {
        findings.malformed("7z-data", "A folder's data end before its files do.");
    }
    children.spend(bytes.len() as u64);
    let reader = Reader::little(&bytes);
    let mut at = 0_u64;
    for (size, file) in members {
        let content = reader.upto(at, **size);
        at = at.saturating_add(**size);
        if content.len() as u64 == **size {
            children.add_packed(&file.name, "7z-file", 0, |limit| Some(content[..content.len().min(limit)].to_vec()));
        }
    }
    if at > MAX_INFLATED_PARTS as u64 && bytes.len() >= MAX_INFLATED_PARTS {
        children.too_long(bytes.len() as u64, packed.len() as u64);
    }
}
