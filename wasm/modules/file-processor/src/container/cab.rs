//! Microsoft cabinets ([MS-CAB]): files in folders, each folder one stream of blocks.

use lzxd::{Lzxd, WindowSize};
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
/// The longest block that packers of LZX write.
const MAX_LZX: u64 = (32 + 6) << 10;
/// What a byte packed with LZX costs: a block may be all tables, each of which takes long and unpacks to one byte.
const LZX_COST: u64 = 16;
/// What a byte of a damaged LZX block costs: two bits may have been copied to 257 bytes.
const DAMAGE_COST: u64 = 1_024;
struct Folder {
    /// Where its first block is.
    start: u64,
    blocks: u16,
    method: u16,
}

impl Folder {
    /// The low four bits: how it is packed.
    const fn kind(&self) -> u16 {
        self.method & 15
    }

    /// How it is packed, for people.
    fn packing(&self) -> String {
        match self.kind() {
            0 => "none".to_owned(),
            1 => "mszip".to_owned(),
            2 => "quantum".to_owned(),
            3 => "lzx".to_owned(),
            other => format!("method {other}"),
        }
    }
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
    if let Some(first) = folders.first() {
        container.properties.insert("compression".to_owned(), first.packing());
    }
    let members = by_folder(&files, folders.len());
    // Folders may share their blocks: in sum no more is unpacked than there is.
    let mut unread = data.len();
    for (folder, members) in folders.iter().zip(&members) {
        unpack(data, folder, members, &mut unread, findings, children);
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

/// Both may be 65,535: they are gone through once.
fn by_folder(files: &[File], folders: usize) -> Vec<Vec<&File>> {
    let mut members = vec![Vec::new(); folders];
    for file in files {
        // Others go on from the cabinet before, or into the next one.
        if let Some(members) = members.get_mut(usize::from(file.folder)) {
            members.push(file);
        }
    }
    members
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

fn unpack(
    data: &[u8],
    folder: &Folder,
    files: &[&File],
    unread: &mut usize,
    findings: &mut Findings,
    children: &mut Children,
) {
    if files.is_empty() || !children.spend(BLOCK_COST * u64::from(folder.blocks)) {
        return;
    }
    let end = files.iter().map(|file| file.start.saturating_add(file.size)).max().unwrap_or(0);
    let limit = usize::try_from(end).unwrap_or(usize::MAX).min(MAX_INFLATED_PARTS);
    let Some(method) = Method::of(folder, children) else {
        super::unread(module_kit::Severity::Info, format!("Files are packed with {}.", method_name(folder)), findings);
        return;
    };
    let mut packed = Blocks { data, at: folder.start, left: folder.blocks, unread };
    let stream = stream(&mut packed, method, limit, children);
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

/// For people: an LZX window of another size than the format has makes what is packed unreadable.
fn method_name(folder: &Folder) -> String {
    match folder.kind() {
        3 => format!("{} and a window of 2^{} bytes", folder.packing(), folder.method >> 8 & 31),
        _ => folder.packing(),
    }
}

/// How a folder is packed, and what is known from one of its blocks to the next.
enum Method {
    Stored,
    MsZip,
    Lzx(Box<Lzxd>),
}

impl Method {
    /// None for what is not read.
    fn of(folder: &Folder, children: &mut Children) -> Option<Self> {
        match folder.kind() {
            0 => Some(Self::Stored),
            1 => Some(Self::MsZip),
            3 => {
                let window = window(folder.method >> 8 & 31)?;
                children.spend(window as u64);
                Some(Self::Lzx(Box::new(Lzxd::new(window))))
            }
            _ => None,
        }
    }

    /// Unpacks a block to `size` bytes; false if it cannot, or must not.
    fn unpack(&mut self, block: &[u8], size: usize, output: &mut Vec<u8>, children: &mut Children) -> bool {
        match self {
            Self::Stored => output.extend_from_slice(block),
            Self::MsZip => return mszip(block, output),
            Self::Lzx(decoder) => return lzx(decoder, block, size, output, children),
        }
        true
    }
}

/// The sizes that cabinets have; lzxd would make windows of 32 MiB.
const fn window(bits: u16) -> Option<WindowSize> {
    Some(match bits {
        15 => WindowSize::KB32,
        16 => WindowSize::KB64,
        17 => WindowSize::KB128,
        18 => WindowSize::KB256,
        19 => WindowSize::KB512,
        20 => WindowSize::MB1,
        21 => WindowSize::MB2,
        _ => return None,
    })
}

/// The blocks of a folder, each with the size that it unpacks to.
struct Blocks<'a> {
    data: &'a [u8],
    at: u64,
    left: u16,
    /// Bytes that may be unpacked in all folders together.
    unread: &'a mut usize,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        let reader = Reader::little(self.data);
        self.left = self.left.checked_sub(1)?;
        let reserved = if reader.u16(30)? & 4 == 0 { 0 } else { u64::from(reader.u8(39)?) };
        let (packed, unpacked) = (reader.u16(self.at + 4)?, reader.u16(self.at + 6)?);
        let block = reader.upto(self.at + 8 + reserved, packed.into());
        self.at += 8 + reserved + u64::from(packed);
        *self.unread = self.unread.checked_sub(block.len())?;
        Some((block, unpacked.into()))
    }
}

/// The folder's blocks, unpacked, up to the first one that is damaged.
fn stream(blocks: &mut Blocks, mut method: Method, limit: usize, children: &mut Children) -> Vec<u8> {
    let mut output = Vec::new();
    while output.len() < limit
        && let Some((block, size)) = blocks.next()
        && method.unpack(block, size, &mut output, children)
    {}
    output
}

fn lzx(decoder: &mut Lzxd, block: &[u8], size: usize, output: &mut Vec<u8>, children: &mut Children) -> bool {
    let packed = block.len() as u64;
    if size > BLOCK || packed > MAX_LZX || !children.spend(LZX_COST * packed) {
        return false;
    }
    match decoder.decompress_next(block, size) {
        Ok(unpacked) => {
            output.extend_from_slice(unpacked);
            // All blocks but the last one are whole.
            size == BLOCK
        }
        Err(_) => {
            children.spend(DAMAGE_COST * packed);
            false
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_by_the_bits_that_unpacking_goes_by() {
        let packing = |method| Folder { start: 0, blocks: 0, method }.packing();
        let names = [(0, "none"), (1, "mszip"), (0x0502, "quantum"), (0x0f03, "lzx"), (4, "method 4"), (5, "method 5")];
        for (method, name) in names {
            assert_eq!(packing(method), name, "{method}");
        }
        assert_eq!(packing(0x10), "none");
        assert_eq!(method_name(&Folder { start: 0, blocks: 0, method: 0x1903 }), "lzx and a window of 2^25 bytes");
    }

    #[test]
    fn files_are_in_their_folders_in_their_order() {
        let file = |name: &str, folder| File { name: name.to_owned(), size: 0, start: 0, folder, modified: 0 };
        let files = [file("a", 1), file("b", 0), file("c", 1), file("d", 0xfffd)];
        let members = by_folder(&files, 3);
        let names = |folder: &Vec<&File>| folder.iter().map(|file| file.name.clone()).collect::<String>();
        assert_eq!(members.iter().map(names).collect::<Vec<_>>(), ["b", "ac", ""]);
    }
}
