//! An ELF image: segments, or the sections of an object; slots by their relocations, functions by symbols.

use module_kit::Findings;

use super::{Image, MAX_NAME, MAX_NAMES, Named, Region};
use crate::elf::dynamic::{self, Symbol, SymbolTable, entries, file_offset, section_symbols};
use crate::elf::header::{Header, PT_LOAD, SHT_DYNSYM, SHT_NOBITS, SHT_SYMTAB, SectionHeader, SegmentHeader};
use crate::reader::text;

const DT_PLTRELSZ: u64 = 2;
const DT_SYMTAB: u64 = 6;
const DT_STRTAB: u64 = 5;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_INIT: u64 = 12;
const DT_FINI: u64 = 13;
const DT_REL: u64 = 17;
const DT_RELSZ: u64 = 18;
const DT_PLTREL: u64 = 20;
const DT_JMPREL: u64 = 23;
const DT_INIT_ARRAY: u64 = 25;
const DT_INIT_ARRAYSZ: u64 = 27;
const SHF_ALLOC: u64 = 2;
const SHF_EXEC: u64 = 4;
/// Of both x86 and x86-64.
const GLOB_DAT: u64 = 6;
const JUMP_SLOT: u64 = 7;
const RELATIVE: u64 = 8;
/// Functions that run before main.
const MAX_INITIALISERS: u64 = 4_096;

pub fn image(data: &[u8]) -> Option<Image> {
    let header = Header::parse(data)?;
    let mut ignored = Findings::default();
    let segments = header.segments(&mut ignored);
    let sections = header.sections(&mut ignored);
    let mut image = Image {
        kind: "elf",
        architecture: header.arch(),
        bits: header.bits(),
        regions: regions(&header, &segments, &sections),
        ..Image::default()
    };
    image.base = image.regions.iter().map(|region| region.address).min().unwrap_or(0);
    if header.kind() != "object" {
        image.start("entry", header.entry);
        let loader = Loader { header: &header, segments: &segments, entries: entries(&header, &segments, &sections) };
        loader.read(&mut image);
    }
    read_functions(&header, &sections, &mut image);
    Some(image)
}

/// Sections where there are any, since they tell code from data; else segments.
fn regions(header: &Header, segments: &[SegmentHeader], sections: &[SectionHeader]) -> Vec<Region> {
    let is_object = header.kind() == "object";
    let allocated = sections.iter().filter(|section| section.flags & SHF_ALLOC != 0 && section.size > 0);
    let of_sections: Vec<Region> = allocated.map(|section| of_section(section, is_object)).collect();
    if of_sections.iter().any(|region| region.executable && region.size > 0) {
        return of_sections;
    }
    let loaded = segments.iter().filter(|segment| segment.kind == PT_LOAD);
    loaded
        .map(|segment| Region {
            name: segment.kind_name(),
            address: segment.address,
            offset: segment.offset,
            size: segment.file_size,
            memory: segment.memory_size,
            executable: segment.flags & 1 != 0,
            writable: segment.flags & 2 != 0,
        })
        .collect()
}

/// The sections of an object have no addresses yet: they are told by their offsets.
fn of_section(section: &SectionHeader, is_object: bool) -> Region {
    Region {
        name: section.name.clone(),
        address: if is_object { section.offset } else { section.address },
        offset: section.offset,
        size: if section.kind == SHT_NOBITS { 0 } else { section.size },
        memory: section.size,
        executable: section.flags & SHF_EXEC != 0,
        writable: section.flags & 1 != 0,
    }
}

struct Loader<'a> {
    header: &'a Header<'a>,
    segments: &'a [SegmentHeader],
    entries: Vec<(u64, u64)>,
}

impl Loader<'_> {
    fn value(&self, tag: u64) -> Option<u64> {
        self.entries.iter().find(|(found, _)| *found == tag).map(|&(_, value)| value)
    }

    fn place(&self, tag: u64) -> Option<u64> {
        file_offset(self.segments, self.value(tag)?)
    }

    fn read(&self, image: &mut Image) {
        for (kind, tag) in [("init", DT_INIT), ("fini", DT_FINI)] {
            image.start(kind, self.value(tag).unwrap_or(0));
        }
        self.read_initialisers(image);
        let linked_with_addends = self.value(DT_PLTREL) == Some(DT_RELA);
        self.read_relocations(DT_JMPREL, DT_PLTRELSZ, linked_with_addends, image);
        self.read_relocations(DT_RELA, DT_RELASZ, true, image);
        self.read_relocations(DT_REL, DT_RELSZ, false, image);
    }

    fn word(&self) -> u64 {
        if self.header.wide { 8 } else { 4 }
    }

    fn initialisers(&self) -> Option<(u64, u64)> {
        let size = self.value(DT_INIT_ARRAYSZ)?.min(MAX_INITIALISERS * self.word());
        Some((self.value(DT_INIT_ARRAY)?, size))
    }

    /// In the file they are addresses already, or zeros that a relocation fills.
    fn read_initialisers(&self, image: &mut Image) {
        let Some((_, size)) = self.initialisers() else { return };
        let Some(at) = self.place(DT_INIT_ARRAY) else { return };
        for index in 0..size / self.word() {
            let address =
                at.checked_add(index * self.word()).and_then(|at| self.header.reader.word(at, self.header.wide));
            image.start("initialiser", address.filter(|&address| address != u64::MAX).unwrap_or(0));
        }
    }

    fn read_relocations(&self, table: u64, size: u64, addends: bool, image: &mut Image) {
        let (Some(at), Some(size)) = (self.place(table), self.value(size)) else { return };
        let (wide, reader, word) = (self.header.wide, self.header.reader, self.word());
        let width = word * if addends { 3 } else { 2 };
        for index in 0..(size / width).min(MAX_NAMES as u64 * 4) {
            let Some(at) = at.checked_add(width * index) else { return };
            let (Some(place), Some(info)) = (reader.word(at, wide), reader.word(at.saturating_add(word), wide)) else {
                return;
            };
            let (symbol, kind) = if wide { (info >> 32, info & 0xffff_ffff) } else { (info >> 8, info & 0xff) };
            match kind {
                GLOB_DAT | JUMP_SLOT => self.add_slot(place, symbol, image),
                RELATIVE if addends => {
                    self.add_initialiser(place, reader.word(at.saturating_add(2 * word), wide), image)
                }
                _ => {}
            }
        }
    }

    fn add_slot(&self, address: u64, symbol: u64, image: &mut Image) {
        let (Some(symbols), Some(strings)) = (self.place(DT_SYMTAB), self.place(DT_STRTAB)) else { return };
        let Some(symbol) = Symbol::read(self.header, symbols, symbol) else { return };
        let name = name_of(self.header, strings, &symbol);
        if !name.is_empty() && image.slots.len() < MAX_NAMES {
            image.slots.push(Named { address, name, library: String::new() });
        }
    }

    fn add_initialiser(&self, place: u64, addend: Option<u64>, image: &mut Image) {
        let is_one = self.initialisers().is_some_and(|(start, size)| place.wrapping_sub(start) < size);
        if is_one {
            image.start("initialiser", addend.unwrap_or(0));
        }
    }
}

fn name_of(header: &Header, strings: u64, symbol: &Symbol) -> String {
    let at = strings.checked_add(u64::from(symbol.name));
    text(at.and_then(|at| header.reader.c_string(at, MAX_NAME)).unwrap_or_default(), 512)
}

/// All that symbols call a function; an object's are relative to their section.
fn read_functions(header: &Header, sections: &[SectionHeader], image: &mut Image) {
    const FUNCTION: u8 = 2;
    let table = section_symbols(sections, SHT_SYMTAB).or_else(|| section_symbols(sections, SHT_DYNSYM));
    let Some(SymbolTable { offset, count, strings }) = table else { return };
    let is_object = header.kind() == "object";
    for index in 1..count.min(crate::limits::MAX_SYMBOLS as u64) {
        let Some(symbol) = dynamic::Symbol::read(header, offset, index) else { return };
        if symbol.info & 15 != FUNCTION || symbol.section == 0 || image.functions.len() >= MAX_NAMES {
            continue;
        }
        let section = usize::from(symbol.section).checked_sub(1).and_then(|index| sections.get(index));
        let base = section.filter(|_| is_object).map_or(0, |section| section.offset);
        let address = base.wrapping_add(symbol.value);
        image.functions.push(Named { address, name: name_of(header, strings, &symbol), library: String::new() });
    }
}
