//! Microsoft cabinets ([MS-CAB]): files in folders, each folder one stream of blocks.

use module_kit::Findings;

use crate::children::Children;
use crate::facts::{Container, Entry};
use crate::limits::{MAX_ENTRIES_REPORTED, MAX_INFLATED_PARTS};
use crate::reader::{Reader, text};

use super::zip::dos_time;

/// A block unpacks to at most 32 KiB.
const BLOCK: usize = 32 << 10;
/// What unpacking a block costs however short it is, in bytes.
const BLOCK_COST: u64 = 4 << 10;
const METHODS: [&str; 4] = ["none", "mszip", "quantum", "lzx"];

struct Folder {
    /// Where its first block is.
    start: u64,
    blocks: u16,
    method: u16,
}

struct File {
    name: String,
    size: u64,
    /// Where it begins in its folder's stream.
    start: u64,
    folder: u16,
    modified: u32,
}

pub fn parse(data: &[u8], findings: &mut Findings, children: &mut Children) -> Container {
    let mut container = Container { kind: "cab", ..Container::default() };
    let Some((folders, files)) = directory(data) else {
        findings.malformed("cab-header", "The cabinet's header is cut off.");
        return container;
    };
    let announced = Reader::little(data).u16(28).unwrap_or(0);
    if files.len() < usize::from(announced) {
        findings.malformed("cab-directory", format!("{announced} files are announced, {} can be read.", files.len()));
    }
    container.count = files.len() as u64;
    let methods: Vec<_> = folders.iter().map(|folder| METHODS[usize::from(folder.method & 3)]).collect();
    if let Some(first) = methods.first() {
        container.properties.insert("compression".to_owned(), (*first).to_owned());
    }
    for (index, folder) in folders.iter().enumerate() {
        let members: Vec<_> = files.iter().filter(|file| usize::from(file.folder) == index).collect();
        unpack(data, folder, &members, findings, children);
    }
    super::judge_names(files.iter().map(|file| file.name.as_str()), findings);
    container.entries = files
        .iter()
        .take(MAX_ENTRIES_REPORTED)
        .map(|file| Entry {
            name: file.name.clone(),
            size: file.size,
            modified: dos_time(file.modified),
            ..Entry::default()
        })
        .collect();
    container
}

fn directory(data: &[u8]) -> Option<(Vec<Folder>, Vec<File>)> {
    let reader = Reader::little(data);
    let first_file = u64::from(reader.u32(16)?);
    let (folders, files, flags) = (reader.u16(26)?, reader.u16(28)?, reader.u16(30)?);
    let mut at = 36;
    let mut reserved = 0;
    if flags & 4 != 0 {
        reserved = u64::from(reader.u8(38)?);
        at += 4 + u64::from(reader.u16(36)?);
    }
    // Names of the cabinets before and after: two texts each.
    for _ in 0..2 * ((flags & 1) + (flags >> 1 & 1)) {
        at += reader.c_string(at, 256)?.len() as u64 + 1;
    }
    let folder = |index: u16| {
        let at = at + (8 + reserved) * u64::from(index);
        Some(Folder { start: reader.u32(at)?.into(), blocks: reader.u16(at + 4)?, method: reader.u16(at + 6)? })
    };
    let folders = (0..folders).map_while(folder).collect();
    Some((folders, (0..files).scan(first_file, |at, _| file(reader, at)).collect()))
}

fn file(reader: Reader, at: &mut u64) -> Option<File> {
    let name = reader.c_string(*at + 16, 256)?;
    let file = File {
        name: text(name, 256),
        size: reader.u32(*at)?.into(),
        start: reader.u32(*at + 4)?.into(),
        folder: reader.u16(*at + 8)?,
        modified: u32::from(reader.u16(*at + 10)?) << 16 | u32::from(reader.u16(*at + 12)?),
    };
    *at += 16 + name.len() as u64 + 1;
    Some(file)
}

fn unpack(data: &[u8], folder: &Folder, files: &[&File], findings: &mut Findings, children: &mut Children) {
    // Folders may share their blocks.
    if files.is_empty() || !children.spend(BLOCK_COST * u64::from(folder.blocks)) {
        return;
    }
    let end = files.iter().map(|file| file.start.saturating_add(file.size)).max().unwrap_or(0);
    let limit = usize::try_from(end).unwrap_or(usize::MAX).min(MAX_INFLATED_PARTS);
    let Some(stream) = stream(data, folder, limit) else {
        let method = METHODS[usize::from(folder.method & 3)];
        super::unread(module_kit::Severity::Info, format!("Files are packed with {method}."), findings);
        return;
    };
    children.spend(stream.len() as u64);
    if (stream.len() as u64) < end {
        findings.malformed("cab-data", "A folder's data end before its files do.");
    }
    let stream = Reader::little(&stream);
    for file in files {
        let content = stream.upto(file.start, file.size);
        if content.len() as u64 == file.size {
            children.add_packed(&file.name, "cab-file", 0, |limit| Some(content[..content.len().min(limit)].to_vec()));
        }
    }
}

/// The folder's blocks, unpacked; none for a method that is not read.
fn stream(data: &[u8], folder: &Folder, limit: usize) -> Option<Vec<u8>> {
    let reader = Reader::little(data);
    let reserved = if reader.u16(30)? & 4 == 0 { 0 } else { u64::from(reader.u8(39)?) };
    let method = folder.method & 15;
    if method > 1 {
        return None;
    }
    let mut output = Vec::new();
    let mut at = folder.start;
    for _ in 0..folder.blocks {
        let Some(size) = reader.u16(at + 4).filter(|_| output.len() < limit) else { break };
        let block = reader.upto(at + 8 + reserved, size.into());
        at += 8 + reserved + u64::from(size);
        if method == 0 {
            output.extend_from_slice(block);
        } else if !mszip(block, &mut output) {
            break;
        }
    }
    Some(output)
}

/// `CK` and deflate data, which may reach back into the block before.
fn mszip(block: &[u8], output: &mut Vec<u8>) -> bool {
    let Some(packed) = block.strip_prefix(b"CK") else { return false };
    let history = &output[output.len().saturating_sub(BLOCK)..];
    match inflate_with(packed, history) {
        Some(unpacked) => {
            output.extend_from_slice(&unpacked);
            true
        }
        None => false,
    }
}

fn inflate_with(packed: &[u8], history: &[u8]) -> Option<Vec<u8>> {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

    let mut buffer = vec![0; history.len() + BLOCK];
    buffer[..history.len()].copy_from_slice(history);
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut inflater = Box::<DecompressorOxide>::default();
    let (status, _, written) = decompress(&mut inflater, packed, &mut buffer, history.len(), flags);
    if status != TINFLStatus::Done {
        return None;
    }
    buffer.truncate(history.len() + written);
    Some(buffer.split_off(history.len()))
}
