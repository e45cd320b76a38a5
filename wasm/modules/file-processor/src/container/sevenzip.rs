//! 7z: the headers stand at the end, most often packed themselves. Folders are streams that hold files in a row.

use module_kit::Findings;

use super::encrypted;
use crate::children::Children;
use crate::codec;
use crate::facts::{Container, Entry};
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED, MAX_INFLATED_PARTS};
use crate::reader::{Reader, text_utf16};

/// Bytes that a packed header may unpack to.
const MAX_HEADER: usize = 16 << 20;
/// Folders and coders: real archives have below 1,000 and below 5.
const MAX_FOLDERS: u64 = 65_536;
const MAX_CODERS: u64 = 16;
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];

#[derive(Default)]
struct Coder {
    id: Vec<u8>,
    inputs: u64,
    properties: Vec<u8>,
}

#[derive(Default)]
struct Folder {
    coders: Vec<Coder>,
    /// An input and the output that it reads.
    bonds: Vec<(u64, u64)>,
    packed_streams: u64,
    sizes: Vec<u64>,
    has_checksum: bool,
    /// Sizes of the files in it.
    files: Vec<u64>,
}

#[derive(Default)]
struct Streams {
    start: u64,
    packed: Vec<u64>,
    folders: Vec<Folder>,
}

struct File {
    name: String,
    has_stream: bool,
    is_folder: bool,
}

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

/// The fields of a header, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    /// The ones at the top of the first byte say how many follow.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut value = 0;
        for (index, &byte) in self.bytes(more.into())?.iter().enumerate() {
            value |= u64::from(byte) << (8 * index);
        }
        let high = u64::from(first) & ((1 << (7 - more.min(7))) - 1);
        Some(if more >= 8 { value } else { value | high << (8 * more) })
    }

    /// A number of things, each of which takes a bit at least.
    fn count(&mut self, most: u64) -> Option<u64> {
        self.number().filter(|&count| count <= most)
    }

    fn bits(&mut self, count: u64) -> Option<Vec<bool>> {
        let bytes = self.bytes(count.div_ceil(8))?;
        Some((0..count as usize).map(|index| bytes[index / 8] >> (7 - index % 8) & 1 == 1).collect())
    }

    /// Which of the things have a checksum.
    fn digests(&mut self, count: u64) -> Option<Vec<bool>> {
        let known = if self.byte()? == 0 { self.bits(count)? } else { vec![true; count as usize] };
        self.bytes(4 * known.iter().filter(|&&known| known).count() as u64)?;
        Some(known)
    }

    fn header(&mut self) -> Option<(Streams, Vec<File>)> {
        let mut streams = Streams::default();
        loop {
            match self.byte()? {
                0x00 => return Some((streams, Vec::new())),
                0x02 => self.properties()?,
                0x03 => drop(self.streams()?),
                0x04 => streams = self.streams()?,
                0x05 => return Some((streams, self.files()?)),
                _ => return None,
            }
        }
    }

    fn properties(&mut self) -> Option<()> {
        while self.byte()? != 0 {
            let size = self.number()?;
            self.bytes(size)?;
        }
        Some(())
    }

    fn streams(&mut self) -> Option<Streams> {
        let mut streams = Streams::default();
        loop {
            match self.byte()? {
                0x00 => return Some(streams),
                0x06 => self.packed(&mut streams)?,
                0x07 => self.folders(&mut streams)?,
                0x08 => self.substreams(&mut streams)?,
                _ => return None,
            }
        }
    }

    fn packed(&mut self, streams: &mut Streams) -> Option<()> {
        streams.start = self.number()?;
        let count = self.count(MAX_FOLDERS)?;
        loop {
            match self.byte()? {
                0x00 => return Some(()),
                0x09 => streams.packed = (0..count).map(|_| self.number()).collect::<Option<_>>()?,
                0x0a => drop(self.digests(count)?),
                _ => return None,
            }
        }
    }

    fn folders(&mut self, streams: &mut Streams) -> Option<()> {
        (self.byte()? == 0x0b).then_some(())?;
        let count = self.count(MAX_FOLDERS)?;
        // Folders may be kept elsewhere, which nobody does.
        (self.byte()? == 0).then_some(())?;
        streams.folders = (0..count).map(|_| self.folder()).collect::<Option<_>>()?;
        loop {
            match self.byte()? {
                0x00 => break,
                0x0c => {
                    for folder in &mut streams.folders {
                        folder.sizes = folder.coders.iter().map(|_| self.number()).collect::<Option<_>>()?;
                    }
                }
                0x0a => {
                    let known = self.digests(count)?;
                    streams.folders.iter_mut().zip(known).for_each(|(folder, known)| folder.has_checksum = known);
                }
                _ => return None,
            }
        }
        for folder in &mut streams.folders {
            folder.files = vec![folder.size()?];
        }
        Some(())
    }

    fn folder(&mut self) -> Option<Folder> {
        let mut folder = Folder::default();
        for _ in 0..self.count(MAX_CODERS)? {
            let flags = self.byte()?;
            let id = self.bytes(u64::from(flags & 15))?.to_vec();
            let (inputs, outputs) = if flags & 0x10 == 0 { (1, 1) } else { (self.number()?, self.number()?) };
            // All known coders have one output.
            (outputs == 1 && inputs <= MAX_CODERS).then_some(())?;
            let size = if flags & 0x20 == 0 { 0 } else { self.number()? };
            folder.coders.push(Coder { id, inputs, properties: self.bytes(size)?.to_vec() });
        }
        let bonds = (folder.coders.len() as u64).checked_sub(1)?;
        folder.bonds = (0..bonds).map(|_| Some((self.number()?, self.number()?))).collect::<Option<_>>()?;
        let inputs: u64 = folder.coders.iter().map(|coder| coder.inputs).sum();
        folder.packed_streams = inputs.checked_sub(bonds)?;
        if folder.packed_streams > 1 {
            for _ in 0..folder.packed_streams {
                self.number()?;
            }
        }
        Some(folder)
    }

    fn substreams(&mut self, streams: &mut Streams) -> Option<()> {
        let mut kind = self.byte()?;
        let mut counts = vec![1; streams.folders.len()];
        if kind == 0x0d {
            for count in &mut counts {
                *count = self.count(MAX_ENTRIES as u64)?;
            }
            kind = self.byte()?;
        }
        (counts.iter().sum::<u64>() <= MAX_ENTRIES as u64).then_some(())?;
        for (folder, &count) in streams.folders.iter_mut().zip(&counts) {
            let total = folder.size()?;
            folder.files.clear();
            // The last one's size is what the others leave.
            for _ in 1..count {
                folder.files.push(if kind == 0x09 { self.number()? } else { 0 });
            }
            let sum = folder.files.iter().try_fold(0_u64, |sum, size| sum.checked_add(*size))?;
            if count > 0 {
                folder.files.push(total.saturating_sub(sum));
            }
        }
        if kind == 0x09 {
            kind = self.byte()?;
        }
        loop {
            match kind {
                0x00 => return Some(()),
                0x0a => {
                    let unknown = streams.folders.iter().zip(&counts);
                    let unknown =
                        unknown.map(|(folder, &count)| if count == 1 && folder.has_checksum { 0 } else { count });
                    self.digests(unknown.sum())?;
                }
                _ => return None,
            }
            kind = self.byte()?;
        }
    }

    fn files(&mut self) -> Option<Vec<File>> {
        let count = self.count(MAX_ENTRIES as u64)?;
        let (mut names, mut empty, mut empty_files) = (Vec::new(), vec![false; count as usize], Vec::new());
        loop {
            let kind = self.byte()?;
            if kind == 0 {
                break;
            }
            let size = self.number()?;
            let mut field = Fields::new(self.bytes(size)?);
            match kind {
                0x0e => empty = field.bits(count)?,
                0x0f => empty_files = field.bits(empty.iter().filter(|&&empty| empty).count() as u64)?,
                0x11 if field.byte()? == 0 => names = split_names(field.rest, count as usize),
                _ => {}
            }
        }
        let mut empty_files = empty_files.into_iter();
        let files = (0..count as usize).map(|index| {
            let is_empty = empty.get(index).copied().unwrap_or(false);
            let is_folder = is_empty && !empty_files.next().unwrap_or(false);
            File { name: names.get(index).cloned().unwrap_or_default(), has_stream: !is_empty, is_folder }
        });
        Some(files.collect())
    }
}

fn split_names(mut bytes: &[u8], most: usize) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < most && !bytes.is_empty() {
        let units = bytes.as_chunks::<2>().0;
        let end = units.iter().position(|unit| *unit == [0, 0]).unwrap_or(units.len());
        names.push(text_utf16(&bytes[..2 * end], 1_024));
        bytes = bytes.get(2 * end + 2..).unwrap_or_default();
    }
    names
}

impl Folder {
    /// Of the output that nothing reads.
    fn size(&self) -> Option<u64> {
        let last = (0..self.sizes.len()).rfind(|&index| !self.bonds.iter().any(|bond| bond.1 == index as u64))?;
        self.sizes.get(last).copied()
    }

    fn is_encrypted(&self) -> bool {
        self.coders.iter().any(|coder| coder.id == AES)
    }
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
    let Some(bytes) = unpack(folder, packed, MAX_INFLATED_PARTS) else {
        super::unread(module_kit::Severity::Info, "Files are packed with a method that is not read.", findings);
        return;
    };
    if (bytes.len() as u64) < folder.size().unwrap_or(0).min(MAX_INFLATED_PARTS as u64) {
        findings.malformed("7z-data", "A folder's data end before its files do.");
    }
    let reader = Reader::little(&bytes);
    let (mut at, mut cost) = (0_u64, packed.len() as u64);
    for (size, file) in members {
        let content = reader.upto(at, **size);
        at = at.saturating_add(**size);
        if content.len() as u64 == **size {
            children.add_packed(&file.name, "7z-file", std::mem::take(&mut cost), |limit| {
                Some(content[..content.len().min(limit)].to_vec())
            });
        }
    }
    if at > MAX_INFLATED_PARTS as u64 && bytes.len() >= MAX_INFLATED_PARTS {
        children.too_long(bytes.len() as u64, packed.len() as u64);
    }
}
