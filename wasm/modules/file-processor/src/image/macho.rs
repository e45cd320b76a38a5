//! Mach-O images: sections, slots and stubs by the table of indirect symbols, starts of functions.

use super::{Image, MAX_NAME, MAX_NAMES, Named, Region};
use crate::limits::{MAX_LOAD_COMMANDS, MAX_SECTIONS};
use crate::macho::commands::{name_in, thread_entry};
use crate::macho::{Header, drop_overlapping, is_fat, slices};
use crate::reader::{Reader, text};

const REQUIRED: u32 = 0x8000_0000;
const SEGMENT: u32 = 0x1;
const SYMTAB: u32 = 0x2;
const UNIX_THREAD: u32 = 0x5;
const DYSYMTAB: u32 = 0xb;
const SEGMENT_64: u32 = 0x19;
const FUNCTION_STARTS: u32 = 0x26;
const MAIN: u32 = 0x28;
/// Flags of a section that holds instructions.
const INSTRUCTIONS: u32 = 0x8000_0400;
const NON_LAZY_POINTERS: u32 = 6;
const LAZY_POINTERS: u32 = 7;
const STUBS: u32 = 8;
const INITIALISERS: u32 = 9;
const ZERO_FILL: [u32; 3] = [1, 12, 18];

pub fn images(data: &[u8]) -> Vec<Image> {
    if !is_fat(data) {
        return image(data, 0).into_iter().collect();
    }
    let mut slices = slices(data);
    drop_overlapping(&mut slices);
    slices.iter().filter_map(|slice| image(slice.data, slice.offset)).collect()
}

fn image(data: &[u8], slice: u64) -> Option<Image> {
    let header = Header::parse(data)?;
    let mut loader = Loader { header: &header, slice, ..Loader::new(&header) };
    loader.read_commands();
    Some(loader.finish())
}

/// A section whose entries stand for symbols.
struct Indirect {
    address: u64,
    entry: u64,
    count: u64,
    first: u64,
    is_code: bool,
}

struct Loader<'a> {
    header: &'a Header<'a>,
    slice: u64,
    image: Image,
    indirect: Vec<Indirect>,
    initialisers: Vec<(u64, u64)>,
    /// Offsets of symbols, their count, and offset of strings.
    symbols: Option<(u64, u64, u64)>,
    /// Offset and count of the table of indirect symbols.
    table: Option<(u64, u64)>,
    starts: Option<(u64, u64)>,
    main: Option<u64>,
    text: u64,
}

impl<'a> Loader<'a> {
    fn new(header: &'a Header<'a>) -> Self {
        let image = Image {
            kind: "macho",
            architecture: header.arch(),
            bits: if header.wide { 64 } else { 32 },
            ..Image::default()
        };
        Self {
            header,
            slice: 0,
            image,
            indirect: Vec::new(),
            initialisers: Vec::new(),
            symbols: None,
            table: None,
            starts: None,
            main: None,
            text: 0,
        }
    }

    fn read_commands(&mut self) {
        let mut at = self.header.size();
        for _ in 0..self.header.commands.min(MAX_LOAD_COMMANDS) {
            let (Some(kind), Some(size)) = (self.header.reader.u32(at), self.header.reader.u32(at + 4)) else { return };
            if size < 8 {
                return;
            }
            let command = Reader::new(self.header.reader.upto(at, u64::from(size)), self.header.big_endian);
            self.read(kind & !REQUIRED, command);
            at += u64::from(size);
        }
    }

    fn read(&mut self, kind: u32, command: Reader) {
        let field = |at| command.u32(at).map_or(0, u64::from);
        match kind {
            SEGMENT => self.read_segment(command, false),
            SEGMENT_64 => self.read_segment(command, true),
            SYMTAB => self.symbols = Some((field(8), field(12), field(16))),
            DYSYMTAB => self.table = Some((field(56), field(60))),
            FUNCTION_STARTS => self.starts = Some((field(8), field(12))),
            MAIN => self.main = command.u64(8),
            UNIX_THREAD => {
                let entry = thread_entry(command, self.header).unwrap_or(0);
                self.image.start("entry", entry);
            }
            _ => {}
        }
    }

    fn read_segment(&mut self, command: Reader, wide: bool) {
        let word = if wide { 8 } else { 4 };
        let behind = 24 + 4 * word;
        if name_in(command, 8) == "__TEXT" {
            self.text = command.word(24, wide).unwrap_or(0);
            self.image.base = self.text;
        }
        let protection = command.u32(behind + 4).unwrap_or(0);
        let (start, size) = (behind + 16, if wide { 80 } else { 68 });
        for index in 0..u64::from(command.u32(behind + 8).unwrap_or(0)) {
            let Some(section) = command.slice(start + size * index, size) else { return };
            if self.image.regions.len() >= MAX_SECTIONS {
                return;
            }
            self.read_section(Reader::new(section, self.header.big_endian), wide, protection);
        }
    }

    fn read_section(&mut self, section: Reader, wide: bool, protection: u32) {
        let word = if wide { 8 } else { 4 };
        let address = section.word(32, wide).unwrap_or(0);
        let size = section.word(32 + word, wide).unwrap_or(0);
        let behind = 32 + 2 * word;
        let field = |at| section.u32(at).unwrap_or(0);
        let flags = field(behind + 16);
        let kind = flags & 0xff;
        self.image.regions.push(Region {
            name: format!("{},{}", name_in(section, 16), name_in(section, 0)),
            address,
            offset: self.slice + u64::from(field(behind)),
            size: if ZERO_FILL.contains(&kind) { 0 } else { size },
            memory: size,
            executable: flags & INSTRUCTIONS != 0,
            writable: protection & 2 != 0,
        });
        let entry = match kind {
            NON_LAZY_POINTERS | LAZY_POINTERS => word,
            STUBS => u64::from(field(behind + 24)),
            INITIALISERS => {
                self.initialisers.push((u64::from(field(behind)), size));
                return;
            }
            _ => return,
        };
        let count = size.checked_div(entry).unwrap_or(0).min(MAX_NAMES as u64);
        let first = u64::from(field(behind + 20));
        self.indirect.push(Indirect { address, entry, count, first, is_code: kind == STUBS });
    }

    fn finish(mut self) -> Image {
        if let Some(main) = self.main {
            self.image.start("entry", self.text.wrapping_add(main));
        }
        for (offset, size) in std::mem::take(&mut self.initialisers) {
            let word = if self.header.wide { 8 } else { 4 };
            for index in 0..(size / word).min(4_096) {
                let address = self.header.reader.word(offset + word * index, self.header.wide).unwrap_or(0);
                self.image.start("initialiser", address);
            }
        }
        self.read_indirect();
        self.read_symbols();
        self.read_starts();
        self.image
    }

    fn name(&self, index: u64) -> Option<String> {
        let (symbols, count, strings) = self.symbols?;
        let width = if self.header.wide { 16 } else { 12 };
        let reader = self.header.reader;
        let name = u64::from(reader.u32(symbols.checked_add(width * index).filter(|_| index < count)?)?);
        let name = text(reader.c_string(strings + name, MAX_NAME)?, 512);
        (!name.is_empty()).then_some(name)
    }

    fn read_indirect(&mut self) {
        let Some((table, _)) = self.table else { return };
        for found in std::mem::take(&mut self.indirect) {
            for index in 0..found.count {
                let symbol = self.header.reader.u32(table + 4 * (found.first + index));
                let Some(name) = symbol.and_then(|symbol| self.name(u64::from(symbol))) else { continue };
                let address = found.address.wrapping_add(found.entry * index);
                let named = Named { address, name, library: String::new() };
                let list = if found.is_code { &mut self.image.functions } else { &mut self.image.slots };
                if list.len() < MAX_NAMES {
                    list.push(named);
                }
            }
        }
    }

    /// Those defined in a section that holds code.
    fn read_symbols(&mut self) {
        const STAB: u8 = 0xe0;
        const KIND: u8 = 0x0e;
        let Some((symbols, count, _)) = self.symbols else { return };
        let width = if self.header.wide { 16 } else { 12 };
        let reader = self.header.reader;
        for index in 0..count.min(crate::limits::MAX_SYMBOLS as u64) {
            let at = symbols + width * index;
            let (Some(kind), Some(section)) = (reader.u8(at + 4), reader.u8(at + 5)) else { return };
            let holds_code = usize::from(section).checked_sub(1).and_then(|index| self.image.regions.get(index));
            if kind & STAB != 0 || kind & KIND != KIND || !holds_code.is_some_and(|region| region.executable) {
                continue;
            }
            if self.image.functions.len() >= MAX_NAMES {
                return;
            }
            let address = reader.word(at + 8, self.header.wide).unwrap_or(0);
            let name = self.name(index).unwrap_or_default();
            self.image.functions.push(Named { address, name, library: String::new() });
        }
    }

    /// Distances from each function to the next, the first from the text's start, as LEB128.
    fn read_starts(&mut self) {
        let Some((offset, size)) = self.starts else { return };
        let bytes = self.header.reader.upto(offset, size.min(1 << 20));
        let (mut address, mut value, mut shift) = (self.text, 0u64, 0u32);
        for &byte in bytes {
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                if value == 0 || self.image.functions.len() >= MAX_NAMES {
                    return;
                }
                address = address.wrapping_add(value);
                self.image.functions.push(Named { address, ..Named::default() });
                (value, shift) = (0, 0);
            }
        }
    }
}
