//! The headers of 7z: what the archive's streams are and what is in them.

use crate::limits::MAX_ENTRIES;
use crate::reader::text_utf16;

/// Folders and coders: real archives have below 1,000 and below 5.
const MAX_FOLDERS: u64 = 65_536;
const MAX_CODERS: u64 = 16;
pub const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];

#[derive(Default)]
pub struct Coder {
    pub id: Vec<u8>,
    pub inputs: u64,
    pub properties: Vec<u8>,
}

#[derive(Default)]
pub struct Folder {
    pub coders: Vec<Coder>,
    /// An input and the output that it reads.
    pub bonds: Vec<(u64, u64)>,
    pub packed_streams: u64,
    pub sizes: Vec<u64>,
    pub has_checksum: bool,
    /// Sizes of the files in it.
    pub files: Vec<u64>,
}

#[derive(Default)]
pub struct Streams {
    pub start: u64,
    pub packed: Vec<u64>,
    pub folders: Vec<Folder>,
}

pub struct File {
    pub name: String,
    pub has_stream: bool,
    pub is_folder: bool,
}

impl Folder {
    /// Of the output that nothing reads.
    pub fn size(&self) -> Option<u64> {
        let last = (0..self.sizes.len()).rfind(|&index| !self.bonds.iter().any(|bond| bond.1 == index as u64))?;
        self.sizes.get(last).copied()
    }

    pub fn is_encrypted(&self) -> bool {
        self.coders.iter().any(|coder| coder.id == AES)
    }
}

/// The fields of a header, one after the other.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub const fn new(rest: &'a [u8]) -> Self {
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

    pub fn header(&mut self) -> Option<(Streams, Vec<File>)> {
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

    pub fn streams(&mut self) -> Option<Streams> {
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
