//! OLE compound files ([MS-CFB], versions 3 and 4): sectors, their chains, and the tree of storages and streams.

use crate::limits::{MAX_ENTRIES, MAX_INFLATED};
use crate::reader::{Reader, text_utf16};

pub const MAGIC: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const END_OF_CHAIN: u32 = 0xffff_fffe;
const LAST_SECTOR: u32 = 0xffff_fffa;
/// Bytes of the stream that holds the small streams, and of its table: each small one is below 4 KiB.
const MAX_MINI: usize = 64 << 20;
/// Storages within storages: honest files have below ten.
const MAX_DEPTH: usize = 64;
const STORAGE: u8 = 1;
const STREAM: u8 = 2;
const ROOT: u8 = 5;

#[derive(Default)]
pub struct DirectoryEntry {
    pub name: String,
    kind: u8,
    start: u32,
    pub size: u64,
    pub class: [u8; 16],
    /// In units of 100 ns since 1601.
    pub modified: u64,
    /// Position of the storage that it is in; none for the root, and for what the tree does not lead to.
    pub parent: Option<usize>,
    /// Of a storage: what is directly in it.
    pub contents: Vec<usize>,
    /// Positions within the table: left and right of it in its own storage, and the first of its contents.
    siblings: [u32; 2],
    child: u32,
    slot: u32,
}

impl DirectoryEntry {
    pub const fn is_storage(&self) -> bool {
        matches!(self.kind, STORAGE | ROOT)
    }

    pub const fn is_stream(&self) -> bool {
        self.kind == STREAM
    }

    pub const fn is_root(&self) -> bool {
        self.kind == ROOT
    }
}

/// The file's sectors, its allocation table and its directory.
pub struct Directory<'a> {
    reader: Reader<'a>,
    sector_size: u64,
    mini_sector_size: u64,
    mini_cutoff: u64,
    is_wide: bool,
    allocation: Vec<u32>,
    mini_allocation: Vec<u32>,
    mini_stream: Vec<u8>,
    pub entries: Vec<DirectoryEntry>,
    pub root_class: [u8; 16],
    /// A chain of sectors ran in a circle or out of the file.
    pub is_broken: bool,
}

impl<'a> Directory<'a> {
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let reader = Reader::little(data);
        if !data.starts_with(MAGIC) {
            return None;
        }
        let shift = u32::from(reader.u16(30)?);
        let mini_shift = u32::from(reader.u16(32)?);
        if !matches!(shift, 9 | 12) || mini_shift > 9 {
            return None;
        }
        let mut directory = Self {
            reader,
            sector_size: 1 << shift,
            mini_sector_size: 1 << mini_shift,
            mini_cutoff: u64::from(reader.u32(56)?),
            is_wide: reader.u16(26)? >= 4,
            allocation: Vec::new(),
            mini_allocation: Vec::new(),
            mini_stream: Vec::new(),
            entries: Vec::new(),
            root_class: [0; 16],
            is_broken: false,
        };
        directory.read_allocation()?;
        let listing = directory.chain(reader.u32(48)?, 128 * MAX_ENTRIES);
        directory.read_entries(&listing);
        directory.read_tree();
        let mini_table = directory.chain(reader.u32(60)?, MAX_MINI);
        directory.mini_allocation = words(&mini_table);
        if let Some((start, size)) = directory.entries.first().map(|root| (root.start, root.size)) {
            let limit = usize::try_from(size).unwrap_or(0).min(MAX_MINI);
            directory.mini_stream = directory.chain(start, limit);
        }
        Some(directory)
    }

    fn sector(&self, index: u32) -> &'a [u8] {
        // The header takes the place of one sector before the first.
        self.reader.upto((u64::from(index) + 1) * self.sector_size, self.sector_size)
    }

    /// The allocation table's own sectors: 109 are named in the header, the others in a chain of sectors.
    fn read_allocation(&mut self) -> Option<()> {
        let mut places: Vec<u32> = (0..109).map_while(|index| self.reader.u32(76 + 4 * index)).collect();
        let mut next = self.reader.u32(68)?;
        let most = self.reader.len() / self.sector_size + 1;
        for _ in 0..most {
            if next >= LAST_SECTOR {
                break;
            }
            let mut listed = words(self.sector(next));
            next = listed.pop().unwrap_or(END_OF_CHAIN);
            places.extend(listed);
        }
        places.retain(|&place| place < LAST_SECTOR);
        places.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        self.allocation = places.iter().flat_map(|&place| words(self.sector(place))).collect();
        Some(())
    }

    /// The bytes of a chain of sectors, at most `limit` of them. A chain has at most as many sectors as the file.
    fn chain(&mut self, start: u32, limit: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut next = start;
        let mut steps = self.reader.len() / self.sector_size + 1;
        while next < LAST_SECTOR && bytes.len() < limit {
            let sector = self.sector(next);
            if sector.is_empty() || steps == 0 {
                self.is_broken = true;
                break;
            }
            bytes.extend_from_slice(sector);
            steps -= 1;
            next = self.allocation.get(next as usize).copied().unwrap_or(END_OF_CHAIN);
        }
        bytes.truncate(limit);
        bytes
    }

    fn mini_chain(&self, start: u32, limit: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mini = Reader::little(&self.mini_stream);
        let mut next = start;
        let mut steps = mini.len() / self.mini_sector_size + 1;
        while next < LAST_SECTOR && bytes.len() < limit && steps > 0 {
            bytes.extend_from_slice(mini.upto(u64::from(next) * self.mini_sector_size, self.mini_sector_size));
            steps -= 1;
            next = self.mini_allocation.get(next as usize).copied().unwrap_or(END_OF_CHAIN);
        }
        bytes.truncate(limit);
        bytes
    }

    fn read_entries(&mut self, listing: &[u8]) {
        for (slot, raw) in listing.chunks_exact(128).take(MAX_ENTRIES).enumerate() {
            let entry = Reader::little(raw);
            let kind = raw[66];
            if kind == 0 {
                continue;
            }
            let mut class = [0; 16];
            class.copy_from_slice(&raw[80..96]);
            if kind == ROOT {
                self.root_class = class;
            }
            let link = |offset| entry.u32(offset).unwrap_or(u32::MAX);
            // Version 3 files have 32 bits, and sometimes garbage above them.
            let high = if self.is_wide { entry.u32(124).unwrap_or(0) } else { 0 };
            self.entries.push(DirectoryEntry {
                name: text_utf16(&raw[..64], 32),
                kind,
                start: link(116),
                size: u64::from(entry.u32(120).unwrap_or(0)) | u64::from(high) << 32,
                class,
                modified: entry.u64(108).unwrap_or(0),
                parent: None,
                contents: Vec::new(),
                siblings: [link(68), link(72)],
                child: link(76),
                slot: u32::try_from(slot).unwrap_or(u32::MAX),
            });
        }
    }

    /// Who is in which storage. Each entry is visited once, however the links are crossed.
    fn read_tree(&mut self) {
        let Some(root) = self.entries.iter().position(DirectoryEntry::is_root) else { return };
        let mut open = vec![(self.entries[root].child, root)];
        let mut seen = vec![false; self.entries.len()];
        seen[root] = true;
        while let Some((slot, parent)) = open.pop() {
            let Ok(index) = self.entries.binary_search_by_key(&slot, |entry| entry.slot) else { continue };
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            let entry = &mut self.entries[index];
            entry.parent = Some(parent);
            open.extend(entry.siblings.map(|sibling| (sibling, parent)));
            if entry.is_storage() {
                open.push((entry.child, index));
            }
            self.entries[parent].contents.push(index);
        }
    }

    /// Where an entry is, without the root's name: `Macros/VBA/dir`.
    pub fn path(&self, index: usize) -> String {
        let mut names = Vec::new();
        let mut at = Some(index);
        while let Some(entry) = at.and_then(|at| self.entries.get(at)).filter(|_| names.len() < MAX_DEPTH) {
            if !entry.is_root() {
                names.push(entry.name.as_str());
            }
            at = entry.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// An entry of a storage by its name, in whatever case.
    pub fn find_in(&self, storage: usize, name: &str) -> Option<usize> {
        let contents = &self.entries.get(storage)?.contents;
        let lower = name.to_lowercase();
        contents.iter().copied().find(|&index| self.entries[index].name.to_lowercase() == lower)
    }

    pub fn root(&self) -> Option<usize> {
        self.entries.iter().position(DirectoryEntry::is_root)
    }

    /// A stream's content, at most `MAX_INFLATED` bytes of it.
    pub fn stream(&mut self, index: usize) -> Vec<u8> {
        self.stream_upto(index, MAX_INFLATED)
    }

    /// A stream's content, at most `most` bytes of it.
    pub fn stream_upto(&mut self, index: usize, most: usize) -> Vec<u8> {
        let Some((start, size)) =
            self.entries.get(index).filter(|entry| entry.is_stream()).map(|it| (it.start, it.size))
        else {
            return Vec::new();
        };
        let limit = usize::try_from(size).unwrap_or(usize::MAX).min(most);
        if size < self.mini_cutoff { self.mini_chain(start, limit) } else { self.chain(start, limit) }
    }
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect()
}
