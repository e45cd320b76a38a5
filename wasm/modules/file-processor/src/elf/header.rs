//! ELF header, program headers and section headers.

use crate::limits::{MAX_SECTIONS, MAX_SEGMENTS};
use crate::reader::{Reader, text};
use module_kit::Findings;

pub const PT_LOAD: u32 = 1;
pub const PT_DYNAMIC: u32 = 2;
pub const PT_INTERP: u32 = 3;
pub const PT_NOTE: u32 = 4;
pub const PT_GNU_STACK: u32 = 0x6474_e551;
pub const PT_GNU_RELRO: u32 = 0x6474_e552;
pub const SHT_SYMTAB: u32 = 2;
pub const SHT_NOTE: u32 = 7;
pub const SHT_NOBITS: u32 = 8;
pub const SHT_DYNSYM: u32 = 11;

pub struct Header<'a> {
    pub reader: Reader<'a>,
    pub wide: bool,
    pub big_endian: bool,
    os_abi: u8,
    file_type: u16,
    machine: u16,
    pub entry: u64,
    segments_offset: u64,
    segments_size: u64,
    segments_count: u64,
    sections_offset: u64,
    sections_size: u64,
    sections_count: u64,
    names_index: u64,
}

pub struct SegmentHeader {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
}

pub struct SectionHeader {
    pub name: String,
    pub kind: u32,
    pub flags: u64,
    pub address: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u32,
    pub entry_size: u64,
}

impl<'a> Header<'a> {
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let ident = data.get(..16)?;
        if !ident.starts_with(b"\x7fELF") {
            return None;
        }
        let (wide, big_endian) = (ident[4] == 2, ident[5] == 2);
        let reader = Reader::new(data, big_endian);
        // Behind the addresses, whose width differs: flags, then seven 16-bit fields from `rest` on.
        let word = if wide { 8 } else { 4 };
        let rest = 24 + 3 * word + 4;
        let mut header = Self {
            reader,
            wide,
            big_endian,
            os_abi: ident[7],
            file_type: reader.u16(16)?,
            machine: reader.u16(18)?,
            entry: reader.word(24, wide)?,
            segments_offset: reader.word(24 + word, wide)?,
            sections_offset: reader.word(24 + 2 * word, wide)?,
            segments_size: u64::from(reader.u16(rest + 2)?),
            segments_count: u64::from(reader.u16(rest + 4)?),
            sections_size: u64::from(reader.u16(rest + 6)?),
            sections_count: u64::from(reader.u16(rest + 8)?),
            names_index: u64::from(reader.u16(rest + 10)?),
        };
        header.read_large_counts();
        Some(header)
    }

    /// Counts that do not fit 16 bits are in the first section header.
    fn read_large_counts(&mut self) {
        let Some(first) = self.raw_section(0).filter(|_| self.sections_offset != 0) else { return };
        if self.sections_count == 0 {
            self.sections_count = first.size;
        }
        if self.names_index == 0xffff {
            self.names_index = u64::from(first.link);
        }
    }

    pub const fn bits(&self) -> u8 {
        if self.wide { 64 } else { 32 }
    }

    pub const fn kind(&self) -> &'static str {
        match self.file_type {
            1 => "object",
            2 => "executable",
            3 => "shared-object",
            4 => "core",
            _ => "unknown",
        }
    }

    pub const fn is_position_independent(&self) -> bool {
        self.file_type == 3
    }

    pub fn arch(&self) -> String {
        let name = match self.machine {
            2 | 18 | 43 => "sparc",
            3 | 6 => "x86",
            4 => "m68k",
            8 | 10 => "mips",
            15 => "parisc",
            20 => "powerpc",
            21 => "powerpc64",
            22 => "s390",
            40 => "arm",
            42 => "sh",
            50 => "ia64",
            62 => "x86-64",
            83 => "avr",
            93 => "arc",
            94 => "xtensa",
            183 => "arm64",
            189 => "microblaze",
            243 if self.wide => "riscv64",
            243 => "riscv32",
            247 => "bpf",
            252 => "csky",
            258 if self.wide => "loongarch64",
            258 => "loongarch32",
            other => return format!("unknown (0x{other:04x})"),
        };
        if self.machine == 22 && self.wide { "s390x".to_owned() } else { name.to_owned() }
    }

    pub fn abi(&self) -> String {
        let name = match self.os_abi {
            0 => "system-v",
            1 => "hp-ux",
            2 => "netbsd",
            3 => "linux",
            6 => "solaris",
            9 => "freebsd",
            12 => "openbsd",
            97 => "arm",
            255 => "standalone",
            other => return format!("unknown ({other})"),
        };
        name.to_owned()
    }

    pub const fn has_section_table(&self) -> bool {
        self.sections_offset != 0 && self.sections_count != 0
    }

    pub fn segments_end(&self) -> u64 {
        self.segments_offset.saturating_add(self.segments_size * self.segments_count)
    }

    pub fn sections_end(&self) -> u64 {
        if self.sections_offset == 0 {
            0
        } else {
            self.sections_offset.saturating_add(self.sections_size.saturating_mul(self.sections_count))
        }
    }

    pub fn segments(&self, findings: &mut Findings) -> Vec<SegmentHeader> {
        let count = self.segments_count.min(MAX_SEGMENTS as u64);
        let segments: Vec<_> = (0..count).map_while(|index| self.segment(index)).collect();
        if (segments.len() as u64) < self.segments_count {
            findings.malformed(
                "program-headers",
                format!("{} are announced, {} can be read.", self.segments_count, segments.len()),
            );
        }
        segments
    }

    fn segment(&self, index: u64) -> Option<SegmentHeader> {
        let at = self.segments_offset.checked_add(self.segments_size * index)?;
        let reader = self.reader;
        let field = |offset_32: u64, offset_64: u64| {
            reader.word(at.checked_add(if self.wide { offset_64 } else { offset_32 })?, self.wide)
        };
        Some(SegmentHeader {
            kind: reader.u32(at)?,
            flags: reader.u32(at.checked_add(if self.wide { 4 } else { 24 })?)?,
            offset: field(4, 8)?,
            address: field(8, 16)?,
            file_size: field(16, 32)?,
            memory_size: field(20, 40)?,
        })
    }

    pub fn sections(&self, findings: &mut Findings) -> Vec<SectionHeader> {
        if self.sections_offset == 0 {
            return Vec::new();
        }
        let count = self.sections_count.min(MAX_SECTIONS as u64);
        let mut sections: Vec<_> = (0..count).map_while(|index| self.raw_section(index)).collect();
        if (sections.len() as u64) < self.sections_count {
            findings.malformed(
                "section-table",
                format!("{} sections are announced, {} can be read.", self.sections_count, sections.len()),
            );
        }
        // It may stand behind those that are read.
        let is_announced = self.names_index < self.sections_count;
        let names = is_announced.then(|| self.raw_section(self.names_index)).flatten().map(|section| section.offset);
        for section in &mut sections {
            let at = names.and_then(|names| names.checked_add(u64::from(section.name_offset())));
            section.name = text(at.and_then(|at| self.reader.c_string(at, 256)).unwrap_or_default(), 256);
        }
        // The first is no section but a place for large counts.
        if sections.first().is_some_and(|section| section.kind == 0) {
            sections.remove(0);
        }
        sections
    }

    fn raw_section(&self, index: u64) -> Option<SectionHeader> {
        let at = self.sections_offset.checked_add(self.sections_size.checked_mul(index)?)?;
        let reader = self.reader;
        // Words: flags, address, offset, size; then link and info in 32 bits, alignment and entry size in words.
        let word = if self.wide { 8 } else { 4 };
        let field = |index: u64| reader.word(at.checked_add(8 + word * index)?, self.wide);
        let behind = at.checked_add(8 + 4 * word)?;
        Some(SectionHeader {
            name: reader.u32(at)?.to_string(),
            kind: reader.u32(at + 4)?,
            flags: field(0)?,
            address: field(1)?,
            offset: field(2)?,
            size: field(3)?,
            link: reader.u32(behind)?,
            entry_size: reader.word(behind + 8 + word, self.wide)?,
        })
    }
}

impl SectionHeader {
    /// Before names are resolved, `name` holds the decimal offset into the table of names.
    fn name_offset(&self) -> u32 {
        self.name.parse().unwrap_or(0)
    }
}

impl SegmentHeader {
    pub fn kind_name(&self) -> String {
        let name = match self.kind {
            0 => "NULL",
            PT_LOAD => "LOAD",
            PT_DYNAMIC => "DYNAMIC",
            PT_INTERP => "INTERP",
            PT_NOTE => "NOTE",
            5 => "SHLIB",
            6 => "PHDR",
            7 => "TLS",
            0x6474_e550 => "GNU_EH_FRAME",
            PT_GNU_STACK => "GNU_STACK",
            PT_GNU_RELRO => "GNU_RELRO",
            0x6474_e553 => "GNU_PROPERTY",
            other => return format!("0x{other:08x}"),
        };
        name.to_owned()
    }
}
