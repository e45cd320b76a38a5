//! What the dynamic linker reads: needed libraries, run paths, imported and exported symbols.

use std::collections::HashMap;

use super::header::{Header, PT_DYNAMIC, PT_INTERP, PT_LOAD, SHT_DYNSYM, SHT_SYMTAB, SectionHeader, SegmentHeader};
use crate::facts::{Export, Import};
use crate::limits::{MAX_LIBRARIES, MAX_NAME, MAX_SYMBOLS};
use crate::reader::text;
use module_kit::Findings;

const DT_NEEDED: u64 = 1;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_BIND_NOW: u64 = 24;
const DT_RUNPATH: u64 = 29;
const DT_FLAGS: u64 = 30;
const DF_1_PIE: u64 = 0x0800_0000;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
/// Real images have below 100 entries.
const MAX_ENTRIES: u64 = 4_096;

#[derive(Default)]
pub struct Dynamic {
    pub needed: Vec<String>,
    pub soname: String,
    pub rpath: Vec<String>,
    pub bind_now: bool,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
}

/// A table of symbols with its strings.
pub struct SymbolTable {
    pub offset: u64,
    pub count: u64,
    pub strings: u64,
}

impl Dynamic {
    pub fn parse(
        header: &Header,
        segments: &[SegmentHeader],
        sections: &[SectionHeader],
        findings: &mut Findings,
    ) -> Self {
        let mut dynamic = Self::default();
        let entries = entries(header, segments, sections);
        let value = |tag: u64| entries.iter().find(|(found, _)| *found == tag).map(|&(_, value)| value);
        let place = |tag: u64| value(tag).and_then(|address| file_offset(segments, address));
        let strings = place(DT_STRTAB);
        let string = |index: u64| {
            let bytes = strings.and_then(|table| header.reader.c_string(table.checked_add(index)?, MAX_NAME as u64));
            text(bytes.unwrap_or_default(), MAX_NAME)
        };
        for &(tag, value) in &entries {
            match tag {
                DT_NEEDED if dynamic.needed.len() < MAX_LIBRARIES => dynamic.needed.push(string(value)),
                DT_NEEDED => findings.malformed("libraries", format!("More than {MAX_LIBRARIES} are needed.")),
                DT_SONAME => dynamic.soname = string(value),
                DT_RPATH | DT_RUNPATH => {
                    let left = MAX_LIBRARIES.saturating_sub(dynamic.rpath.len());
                    dynamic.rpath.extend(string(value).split(':').take(left).map(str::to_owned));
                }
                DT_BIND_NOW => dynamic.bind_now = true,
                DT_FLAGS => dynamic.bind_now |= value & 8 != 0,
                DT_FLAGS_1 => dynamic.bind_now |= value & 1 != 0,
                _ => {}
            }
        }
        let table = section_symbols(sections, SHT_DYNSYM).or_else(|| {
            let hash = place(DT_HASH).and_then(|at| header.reader.u32(at + 4).map(u64::from));
            let count = hash.or_else(|| gnu_hash_count(header, place(DT_GNU_HASH)?))?;
            Some(SymbolTable { offset: place(DT_SYMTAB)?, count, strings: strings? })
        });
        // Objects and statically linked programs have ordinary symbols only.
        let table = table.or_else(|| section_symbols(sections, SHT_SYMTAB).filter(|_| header.kind() == "object"));
        if let Some(table) = table {
            dynamic.read_symbols(header, &table, findings);
        }
        dynamic
    }

    fn read_symbols(&mut self, header: &Header, table: &SymbolTable, findings: &mut Findings) {
        if table.count > MAX_SYMBOLS as u64 {
            findings.malformed("symbol-table", format!("{} symbols are announced.", table.count));
        }
        // Crafted entries may all point at one long name: what is read of names is bounded by the file.
        let mut letters_left = header.reader.len().saturating_mul(2);
        for index in 1..table.count.min(MAX_SYMBOLS as u64) {
            let Some(symbol) = Symbol::read(header, table.offset, index) else {
                findings.malformed("symbol-table", "The symbol table has no end within the file.");
                return;
            };
            if symbol.name == 0 || !symbol.is_global() {
                continue;
            }
            let bytes = table
                .strings
                .checked_add(u64::from(symbol.name))
                .and_then(|at| header.reader.c_string(at, MAX_NAME as u64));
            let bytes = bytes.unwrap_or_default();
            letters_left = letters_left.saturating_sub(bytes.len() as u64 + 1);
            if letters_left == 0 {
                findings.malformed("symbol-names", "Many symbols share long names.");
                return;
            }
            self.add_symbol(&symbol, text(bytes, MAX_NAME));
        }
    }

    fn add_symbol(&mut self, symbol: &Symbol, name: String) {
        if name.is_empty() {
        } else if symbol.section == 0 {
            self.imports.push(Import { name: Some(name), ..Import::default() });
        } else {
            self.exports.push(Export { name: Some(name), address: symbol.value, ..Export::default() });
        }
    }
}

pub struct Symbol {
    pub name: u32,
    pub info: u8,
    other: u8,
    pub section: u16,
    pub value: u64,
}

impl Symbol {
    pub fn read(header: &Header, table: u64, index: u64) -> Option<Self> {
        let reader = header.reader;
        if header.wide {
            let at = table.checked_add(24 * index)?;
            Some(Self {
                name: reader.u32(at)?,
                info: reader.u8(at + 4)?,
                other: reader.u8(at + 5)?,
                section: reader.u16(at + 6)?,
                value: reader.u64(at + 8)?,
            })
        } else {
            let at = table.checked_add(16 * index)?;
            Some(Self {
                name: reader.u32(at)?,
                value: u64::from(reader.u32(at + 4)?),
                info: reader.u8(at + 12)?,
                other: reader.u8(at + 13)?,
                section: reader.u16(at + 14)?,
            })
        }
    }

    /// 0 for the default, that others see it.
    pub const fn visibility(&self) -> u8 {
        self.other & 3
    }

    /// Global, weak, or unique.
    const fn is_global(&self) -> bool {
        matches!(self.info >> 4, 1 | 2 | 10)
    }
}

/// Whether a shared object, by its header, is a position-independent program: it says so itself (linkers since 2018
/// do), or it asks for a loader and has no name that others could load it by. libc asks for a loader too.
pub fn is_program(header: &Header, segments: &[SegmentHeader]) -> bool {
    let entries = entries(header, segments, &[]);
    let says_so = entries.iter().any(|&(tag, value)| tag == DT_FLAGS_1 && value & DF_1_PIE != 0);
    let has_name = entries.iter().any(|&(tag, _)| tag == DT_SONAME);
    let has_loader = segments.iter().any(|segment| segment.kind == PT_INTERP);
    header.is_position_independent() && (says_so || has_loader && !has_name)
}

/// Tags and values, from the segment, else from the section.
pub fn entries(header: &Header, segments: &[SegmentHeader], sections: &[SectionHeader]) -> Vec<(u64, u64)> {
    let segment = segments.iter().find(|segment| segment.kind == PT_DYNAMIC);
    let section = sections.iter().find(|section| section.kind == 6);
    let place = segment
        .map(|segment| (segment.offset, segment.file_size))
        .or_else(|| section.map(|section| (section.offset, section.size)));
    let Some((offset, size)) = place else { return Vec::new() };
    let width = if header.wide { 8 } else { 4 };
    let entry = |index: u64| {
        let at = offset.checked_add(2 * width * index)?;
        Some((header.reader.word(at, header.wide)?, header.reader.word(at + width, header.wide)?))
    };
    let count = (size / (2 * width)).min(MAX_ENTRIES);
    (0..count).map_while(entry).take_while(|&(tag, _)| tag != 0).collect()
}

pub fn section_symbols(sections: &[SectionHeader], kind: u32) -> Option<SymbolTable> {
    let symbols = sections.iter().find(|section| section.kind == kind)?;
    // Links count the first, empty section, which is not in the list.
    let strings = sections.get((symbols.link as usize).checked_sub(1)?)?;
    let count = symbols.size.checked_div(symbols.entry_size)?;
    Some(SymbolTable { offset: symbols.offset, count, strings: strings.offset })
}

/// File offset of a virtual address.
pub fn file_offset(segments: &[SegmentHeader], address: u64) -> Option<u64> {
    let loaded = segments.iter().filter(|segment| segment.kind == PT_LOAD);
    let mut containing = loaded.filter_map(|segment| {
        let inside = address.checked_sub(segment.address)?;
        (inside < segment.file_size).then(|| segment.offset.checked_add(inside))?
    });
    containing.next()
}

/// The GNU hash table does not say how many symbols there are: it is one more than the last one of the last chain.
fn gnu_hash_count(header: &Header, at: u64) -> Option<u64> {
    let reader = header.reader;
    let field = |index: u64| reader.u32(at + 4 * index).map(u64::from);
    let (buckets, first, bloom) = (field(0)?, field(1)?, field(2)?);
    let buckets_at = at.checked_add(16 + bloom * if header.wide { 8 } else { 4 })?;
    let chains_at = buckets_at.checked_add(4 * buckets)?;
    let bucket = |index: u64| reader.u32(buckets_at + 4 * index).map(u64::from);
    let last = (0..buckets.min(MAX_SYMBOLS as u64)).map_while(bucket).max()?;
    if last < first {
        return Some(first);
    }
    let ends = |index: &u64| reader.u32(chains_at + 4 * (index - first)).is_none_or(|hash| hash & 1 != 0);
    (last..last + MAX_SYMBOLS as u64).find(ends).map(|index| index + 1)
}

/// How often each name is exported; used to tell a library that stands in for others.
pub fn exported_names(exports: &[Export]) -> HashMap<&str, usize> {
    let mut names = HashMap::new();
    for name in exports.iter().filter_map(|export| export.name.as_deref()) {
        *names.entry(name).or_insert(0) += 1;
    }
    names
}
