//! DOS, COFF and optional header, data directories and section table (Microsoft PE/COFF specification).

use crate::limits::MAX_SECTIONS;
use crate::reader::{Reader, text};

pub const DIRECTORY_EXPORT: usize = 0;
pub const DIRECTORY_IMPORT: usize = 1;
pub const DIRECTORY_RESOURCE: usize = 2;
pub const DIRECTORY_SECURITY: usize = 4;
pub const DIRECTORY_DEBUG: usize = 6;
pub const DIRECTORY_TLS: usize = 9;
pub const DIRECTORY_DELAY_IMPORT: usize = 13;
pub const DIRECTORY_CLI: usize = 14;

pub const FILE_EXECUTABLE: u16 = 0x0002;
pub const FILE_DLL: u16 = 0x2000;
pub const FILE_SYSTEM: u16 = 0x1000;

pub const SECTION_EXECUTE: u32 = 0x2000_0000;
pub const SECTION_READ: u32 = 0x4000_0000;
pub const SECTION_WRITE: u32 = 0x8000_0000;
pub const SECTION_CODE: u32 = 0x0000_0020;

#[derive(Clone, Copy, Default)]
pub struct Directory {
    /// An RVA; of the security directory a file offset.
    pub address: u32,
    pub size: u32,
}

pub struct SectionHeader {
    pub name: String,
    pub virtual_size: u32,
    pub address: u32,
    pub raw_size: u32,
    pub raw_offset: u32,
    pub flags: u32,
}

pub struct Headers<'a> {
    pub reader: Reader<'a>,
    pub coff: u64,
    pub machine: u16,
    pub sections_announced: u16,
    pub timestamp: u32,
    pub symbols_offset: u32,
    pub symbols_count: u32,
    pub characteristics: u16,
    pub optional: u64,
    pub optional_size: u16,
    pub wide: bool,
    pub entry_point: u32,
    pub image_base: u64,
    pub section_alignment: u32,
    pub file_alignment: u32,
    pub size_of_image: u32,
    pub checksum: u32,
    pub subsystem: u16,
    pub dll_characteristics: u16,
    pub directories: Vec<Directory>,
    pub sections: Vec<SectionHeader>,
}

impl<'a> Headers<'a> {
    /// None if there is no PE signature or the file ends within the fixed part of the headers.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let reader = Reader::little(data);
        if reader.slice(0, 2)? != b"MZ" {
            return None;
        }
        let signature = u64::from(reader.u32(0x3c)?);
        if reader.slice(signature, 4)? != b"PE\0\0" {
            return None;
        }
        let coff = signature + 4;
        let optional = coff + 20;
        let optional_size = reader.u16(coff + 16)?;
        // ROM images (0x107) have no directories; an unknown magic is read as 32 bits, as Windows' tools do.
        let wide = reader.u16(optional)? == 0x20b;
        let mut headers = Self {
            reader,
            coff,
            machine: reader.u16(coff)?,
            sections_announced: reader.u16(coff + 2)?,
            timestamp: reader.u32(coff + 4)?,
            symbols_offset: reader.u32(coff + 8)?,
            symbols_count: reader.u32(coff + 12)?,
            characteristics: reader.u16(coff + 18)?,
            optional,
            optional_size,
            wide,
            entry_point: reader.u32(optional + 16)?,
            image_base: if wide { reader.u64(optional + 24)? } else { u64::from(reader.u32(optional + 28)?) },
            section_alignment: reader.u32(optional + 32)?,
            file_alignment: reader.u32(optional + 36)?,
            size_of_image: reader.u32(optional + 56)?,
            checksum: reader.u32(optional + 64)?,
            subsystem: reader.u16(optional + 68)?,
            dll_characteristics: reader.u16(optional + 70)?,
            directories: Vec::new(),
            sections: Vec::new(),
        };
        headers.directories = headers.read_directories();
        headers.sections = headers.read_sections();
        Some(headers)
    }

    /// Offset of a directory's entry.
    pub const fn directory_offset(&self, index: usize) -> u64 {
        self.optional + if self.wide { 112 } else { 96 } + 8 * index as u64
    }

    fn read_directories(&self) -> Vec<Directory> {
        let count = self.reader.u32(self.directory_offset(0) - 4).unwrap_or(0).min(16);
        let entry = |index: u32| {
            let at = self.directory_offset(index as usize);
            Some(Directory { address: self.reader.u32(at)?, size: self.reader.u32(at + 4)? })
        };
        (0..count).map_while(entry).collect()
    }

    fn read_sections(&self) -> Vec<SectionHeader> {
        let table = self.optional + u64::from(self.optional_size);
        let count = usize::from(self.sections_announced).min(MAX_SECTIONS);
        (0..count).map_while(|index| self.read_section(table + 40 * index as u64)).collect()
    }

    fn read_section(&self, at: u64) -> Option<SectionHeader> {
        let header = Reader::little(self.reader.slice(at, 40)?);
        Some(SectionHeader {
            name: self.section_name(header.slice(0, 8)?),
            virtual_size: header.u32(8)?,
            address: header.u32(12)?,
            raw_size: header.u32(16)?,
            raw_offset: header.u32(20)?,
            flags: header.u32(36)?,
        })
    }

    /// A name as it stands; `/123` refers to the COFF string table (MinGW's names of debug sections).
    fn section_name(&self, raw: &[u8]) -> String {
        let end = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
        let short = text(&raw[..end], 8);
        let offset = short.strip_prefix('/').and_then(|digits| digits.parse::<u64>().ok());
        let long = offset.and_then(|offset| self.reader.c_string(self.string_table()? + offset, 256));
        long.filter(|long| !long.is_empty()).map_or(short, |long| text(long, 256))
    }

    /// Offset of the COFF string table, which follows the symbols.
    fn string_table(&self) -> Option<u64> {
        (self.symbols_offset != 0).then(|| u64::from(self.symbols_offset) + 18 * u64::from(self.symbols_count))
    }

    /// End of the COFF symbols and their strings; 0 without.
    pub fn symbols_end(&self) -> u64 {
        let strings = self.string_table();
        let size = |at| self.reader.u32(at).map_or(0, u64::from);
        strings.filter(|&at| at <= self.reader.len()).map_or(0, |at| at + size(at))
    }

    pub fn directory(&self, index: usize) -> Option<Directory> {
        self.directories.get(index).copied().filter(|directory| directory.address != 0)
    }

    /// Where the loader maps a section from: it rounds offsets down to sectors of 512 bytes.
    pub fn mapped_offset(section: &SectionHeader) -> u64 {
        u64::from(section.raw_offset & !0x1ff)
    }

    pub fn section_of(&self, rva: u32) -> Option<&SectionHeader> {
        self.sections.iter().find(|section| {
            let size = section.virtual_size.max(section.raw_size);
            rva.checked_sub(section.address).is_some_and(|inside| inside < size)
        })
    }

    /// File offset of an RVA; None if it lies in no section and not in the headers, or has no bytes in the file.
    pub fn offset(&self, rva: u32) -> Option<u64> {
        match self.section_of(rva) {
            Some(section) => {
                let inside = rva - section.address;
                (inside < section.raw_size).then(|| Self::mapped_offset(section) + u64::from(inside))
            }
            None => Some(u64::from(rva)),
        }
        .filter(|&offset| offset < self.reader.len())
    }

    /// A text of at most `max` bytes at an RVA.
    pub fn string_at(&self, rva: u32, max: u64) -> Option<&'a [u8]> {
        self.reader.c_string(self.offset(rva)?, max)
    }

    /// An RVA from a virtual address.
    pub fn rva(&self, address: u64) -> Option<u32> {
        u32::try_from(address.checked_sub(self.image_base)?).ok()
    }

    pub const fn is_dll(&self) -> bool {
        self.characteristics & FILE_DLL != 0
    }

    /// `driver` by its subsystem or flag, `dll`, or `executable`.
    pub const fn image_type(&self) -> &'static str {
        if self.subsystem == 1 && !self.is_dll() || self.characteristics & FILE_SYSTEM != 0 {
            "driver"
        } else if self.is_dll() {
            "dll"
        } else if self.characteristics & FILE_EXECUTABLE != 0 {
            "executable"
        } else {
            "object"
        }
    }

    pub fn arch(&self) -> (String, bool) {
        let name = match self.machine {
            0x014c => "x86",
            0x8664 => "x86-64",
            0x01c0 | 0x01c2 | 0x01c4 => "arm",
            0xaa64 => "arm64",
            0xa641 => "arm64ec",
            0xa64e => "arm64x",
            0x0200 => "ia64",
            0x5032 => "riscv32",
            0x5064 => "riscv64",
            0x6232 => "loongarch32",
            0x6264 => "loongarch64",
            0x0ebc => "efi-bytecode",
            0x0166 | 0x0266 | 0x0366 | 0x0466 => "mips",
            0x01f0 | 0x01f1 => "powerpc",
            0x01a2..=0x01a8 => "sh",
            other => return (format!("unknown (0x{other:04x})"), false),
        };
        (name.to_owned(), true)
    }

    pub fn subsystem_name(&self) -> String {
        let name = match self.subsystem {
            0 => "unknown",
            1 => "native",
            2 => "windows-gui",
            3 => "console",
            5 => "os2-console",
            7 => "posix-console",
            8 => "native-win9x",
            9 => "windows-ce",
            10 => "efi-application",
            11 => "efi-boot-service-driver",
            12 => "efi-runtime-driver",
            13 => "efi-rom",
            14 => "xbox",
            16 => "windows-boot-application",
            other => return format!("unknown ({other})"),
        };
        name.to_owned()
    }

    /// For people: `PE32+ executable (console) x86-64`.
    pub fn name(&self) -> String {
        let kind = if self.wide { "PE32+" } else { "PE32" };
        let dotnet = if self.directory(DIRECTORY_CLI).is_some() { ", .NET" } else { "" };
        let image = match self.image_type() {
            "dll" => "DLL",
            other => other,
        };
        format!("{kind} {image} ({}) {}{dotnet}", self.subsystem_name(), self.arch().0)
    }
}

/// Names of the set flags of `DllCharacteristics`.
pub fn dll_characteristics(flags: u16) -> Vec<&'static str> {
    const NAMES: [(u16, &str); 11] = [
        (0x0020, "HIGH_ENTROPY_VA"),
        (0x0040, "DYNAMIC_BASE"),
        (0x0080, "FORCE_INTEGRITY"),
        (0x0100, "NX_COMPAT"),
        (0x0200, "NO_ISOLATION"),
        (0x0400, "NO_SEH"),
        (0x0800, "NO_BIND"),
        (0x1000, "APPCONTAINER"),
        (0x2000, "WDM_DRIVER"),
        (0x4000, "GUARD_CF"),
        (0x8000, "TERMINAL_SERVER_AWARE"),
    ];
    NAMES.iter().filter(|(flag, _)| flags & flag != 0).map(|&(_, name)| name).collect()
}
