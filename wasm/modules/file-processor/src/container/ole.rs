//! OLE compound files ([MS-CFB]): the directory of streams, macros and embedded objects.

use module_kit::{Finding, Findings, Severity};

use crate::facts::{Container, Entry};
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_REPORTED, MAX_INFLATED, MAX_INFLATED_PARTS};
use crate::reader::{Reader, text_utf16};

pub const MAGIC: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const END_OF_CHAIN: u32 = 0xffff_fffe;
const LAST_SECTOR: u32 = 0xffff_fffa;
/// Bytes of the stream that holds the small streams, and of its table: each small one is below 4 KiB.
const MAX_MINI: usize = 64 << 20;
/// Bytes of the source text of all macros: large projects have some hundred KiB.
const MAX_SOURCES: usize = 8 << 20;
/// Seconds between 1601, where Windows' time begins, and 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600;

pub struct DirectoryEntry {
    pub name: String,
    /// 1 a storage, 2 a stream, 5 the root.
    pub kind: u8,
    pub start: u32,
    pub size: u64,
    modified: u64,
}

/// The file's sectors, its allocation table and its directory.
pub struct Directory<'a> {
    reader: Reader<'a>,
    sector_size: u64,
    mini_sector_size: u64,
    mini_cutoff: u64,
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
        for raw in listing.chunks_exact(128).take(MAX_ENTRIES) {
            let entry = Reader::little(raw);
            let kind = raw[66];
            if kind == 0 {
                continue;
            }
            if kind == 5 {
                self.root_class.copy_from_slice(&raw[80..96]);
            }
            self.entries.push(DirectoryEntry {
                name: text_utf16(&raw[..64], 32),
                kind,
                start: entry.u32(116).unwrap_or(END_OF_CHAIN),
                // Version 3 files have 32 bits, and sometimes garbage above them.
                size: u64::from(entry.u32(120).unwrap_or(0)),
                modified: entry.u64(108).unwrap_or(0),
            });
        }
    }

    /// A stream's content, at most `MAX_INFLATED` bytes of it.
    pub fn stream(&mut self, entry_start: u32, entry_size: u64) -> Vec<u8> {
        self.stream_to(entry_start, entry_size, MAX_INFLATED)
    }

    /// A stream's content, at most `limit` bytes of it.
    pub fn stream_to(&mut self, entry_start: u32, entry_size: u64, limit: usize) -> Vec<u8> {
        let limit = usize::try_from(entry_size).unwrap_or(usize::MAX).min(limit);
        if entry_size < self.mini_cutoff { self.mini_chain(entry_start, limit) } else { self.chain(entry_start, limit) }
    }
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect()
}

pub fn parse(id: &str, data: &[u8], findings: &mut Findings) -> Option<Container> {
    let Some(mut directory) = Directory::parse(data) else {
        findings.malformed("ole-header", "The compound file's header is cut off or impossible.");
        return None;
    };
    if directory.entries.is_empty() {
        findings.malformed("ole-directory", "The compound file has no directory.");
    }
    judge(id, &mut directory, findings);
    if directory.is_broken {
        findings.malformed("ole-chain", "A chain of sectors runs in a circle or out of the file.");
    }
    let entries = directory.entries.iter().filter(|entry| entry.kind != 5);
    let count = entries.clone().count() as u64;
    let entries = entries.take(MAX_ENTRIES_REPORTED).map(entry_facts).collect();
    Some(Container { kind: "ole", count, entries, ..Container::default() })
}

fn entry_facts(entry: &DirectoryEntry) -> Entry {
    let seconds = i64::try_from(entry.modified / 10_000_000).unwrap_or(0) - WINDOWS_EPOCH;
    Entry {
        name: printable(&entry.name),
        size: entry.size,
        kind: if entry.kind == 1 { "storage" } else { "stream" },
        modified: (entry.modified != 0).then_some(seconds),
        ..Entry::default()
    }
}

/// Stream names begin with control characters by convention: `\x05SummaryInformation`.
fn printable(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '.' } else { letter }).collect()
}

fn judge(id: &str, directory: &mut Directory, findings: &mut Findings) {
    let names: Vec<String> = directory.entries.iter().map(|entry| entry.name.clone()).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("VBA") || has("_VBA_PROJECT_CUR") || has("_VBA_PROJECT") {
        super::office::judge_macros(&macro_sources(directory, findings), findings);
    }
    if has("EncryptedPackage") {
        findings.add(
            Finding::new("encrypted-document", Severity::Low, 90, "The document is encrypted")
                .detail("Scanners on the way could not look inside.")
                .techniques(&["T1027.013"]),
        );
    }
    let objects = names.iter().filter(|name| matches!(name.as_str(), "\u{1}Ole10Native" | "Package"));
    let objects: Vec<String> = objects.map(|name| printable(name)).collect();
    if !objects.is_empty() {
        findings.add(
            Finding::new("embedded-object", Severity::Medium, 75, "The document carries an embedded file")
                .quotes(objects)
                .techniques(&["T1027.009", "T1204.002"]),
        );
    }
    if has("Equation Native") {
        findings.add(
            Finding::new("equation-object", Severity::High, 75, "The document carries an Equation Editor object")
                .detail("The editor was removed from Office for its flaws (CVE-2017-11882); such objects are rare otherwise.")
                .techniques(&["T1203"]),
        );
    }
    if id == "msi" && names.len() > 1 {
        findings.add(
            Finding::new(
                "installer-package",
                Severity::Info,
                90,
                "A Windows Installer package can run code when installed",
            )
            .techniques(&["T1218.007"]),
        );
    }
    if matches!(id, "xls") && has_excel4_macros(directory) {
        findings.add(
            Finding::new("excel4-macros", Severity::Medium, 75, "The workbook has Excel 4.0 macro sheets")
                .techniques(&["T1059", "T1564.007"]),
        );
    }
}

/// Decompressed source text of the VBA modules: streams that hold a compressed container after their p-code.
fn macro_sources(directory: &mut Directory, findings: &mut Findings) -> String {
    let streams: Vec<(u32, u64)> =
        directory.entries.iter().filter(|entry| entry.kind == 2).map(|entry| (entry.start, entry.size)).collect();
    let mut sources = String::new();
    let mut left = MAX_INFLATED_PARTS;
    for (start, size) in streams {
        let content = directory.stream(start, size);
        let source = super::office::vba_source(&content).unwrap_or_default();
        left = left.saturating_sub(content.len() + source.len());
        if left == 0 || sources.len() + source.len() > MAX_SOURCES {
            super::unread(Severity::Medium, "The macros are longer than those of documents are.", findings);
            break;
        }
        if !source.is_empty() {
            sources.push_str(&source);
            sources.push('\n');
        }
    }
    sources
}

/// A BOUNDSHEET record of the type macro sheet, in the globals at the start of the workbook ([MS-XLS] 2.4.28).
fn has_excel4_macros(directory: &mut Directory) -> bool {
    let workbook = directory.entries.iter().find(|entry| matches!(entry.name.as_str(), "Workbook" | "Book"));
    let Some((start, size)) = workbook.map(|entry| (entry.start, entry.size)) else { return false };
    let content = directory.stream(start, size);
    let reader = Reader::little(&content);
    let mut at = 0;
    while let (Some(record), Some(length)) = (reader.u16(at), reader.u16(at + 2)) {
        if record == 0x85 && reader.u8(at + 9) == Some(1) {
            return true;
        }
        if record == 0x0a {
            return false;
        }
        at += 4 + u64::from(length);
    }
    false
}
