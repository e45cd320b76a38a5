//! Mach-O images, thin and fat (Apple's `mach-o/loader.h`, `fat.h` and `nlist.h`).

mod code_signature;
pub mod commands;
mod judge;

use module_kit::Findings;

use crate::budget::Budget;
use crate::build;
use crate::facts::Executable;
use crate::limits::MAX_SLICES;
use crate::options::Analyze;
use crate::reader::Reader;

const FAT: u32 = 0xcafe_babe;
const FAT_64: u32 = 0xcafe_babf;

/// The thin header.
pub struct Header<'a> {
    pub reader: Reader<'a>,
    pub wide: bool,
    pub big_endian: bool,
    cpu: u32,
    cpu_subtype: u32,
    file_type: u32,
    pub commands: u32,
    pub commands_size: u32,
    pub flags: u32,
}

impl<'a> Header<'a> {
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (wide, big_endian) = match data.get(..4)? {
            [0xfe, 0xed, 0xfa, 0xce] => (false, true),
            [0xfe, 0xed, 0xfa, 0xcf] => (true, true),
            [0xce, 0xfa, 0xed, 0xfe] => (false, false),
            [0xcf, 0xfa, 0xed, 0xfe] => (true, false),
            _ => return None,
        };
        let reader = Reader::new(data, big_endian);
        Some(Self {
            reader,
            wide,
            big_endian,
            cpu: reader.u32(4)?,
            cpu_subtype: reader.u32(8)?,
            file_type: reader.u32(12)?,
            commands: reader.u32(16)?,
            commands_size: reader.u32(20)?,
            flags: reader.u32(24)?,
        })
    }

    pub const fn size(&self) -> u64 {
        if self.wide { 32 } else { 28 }
    }

    pub fn arch(&self) -> String {
        let name = match (self.cpu, self.cpu_subtype & 0x00ff_ffff) {
            (7, _) => "x86",
            (0x0100_0007, _) => "x86-64",
            (12, _) => "arm",
            (0x0100_000c, 2) => "arm64e",
            (0x0100_000c, _) => "arm64",
            (0x0200_000c, _) => "arm64-32",
            (18, _) => "powerpc",
            (0x0100_0012, _) => "powerpc64",
            (6, _) => "m68k",
            (other, _) => return format!("unknown (0x{other:08x})"),
        };
        name.to_owned()
    }

    pub const fn kind(&self) -> &'static str {
        match self.file_type {
            1 => "object",
            2 => "executable",
            4 => "core",
            5 => "preload",
            6 => "dylib",
            7 => "dylinker",
            8 => "bundle",
            9 => "dylib-stub",
            10 => "debug-symbols",
            11 => "kernel-extension",
            12 => "file-set",
            _ => "unknown",
        }
    }

    fn name(&self) -> String {
        format!("Mach-O {}-bit {} {}", if self.wide { 64 } else { 32 }, self.kind(), self.arch())
    }
}

pub fn is_thin(data: &[u8]) -> bool {
    Header::parse(data).is_some()
}

/// A Java class has the same magic; where a fat file counts its slices, a class has its version, at least 45.
pub fn is_fat(data: &[u8]) -> bool {
    let reader = Reader::big(data);
    matches!(reader.u32(0), Some(FAT | FAT_64)) && reader.u32(4).is_some_and(|count| count <= MAX_SLICES)
}

pub fn name(data: &[u8]) -> Option<String> {
    Header::parse(data).map(|header| header.name())
}

pub fn fat_name(data: &[u8]) -> Option<String> {
    let slices = slices(data);
    let arches = slices.iter().filter_map(|slice| Header::parse(slice.data)).map(|header| header.arch());
    let arches: Vec<String> = arches.collect();
    Some(format!("Mach-O universal image ({})", arches.join(", ")))
}

pub struct Slice<'a> {
    pub offset: u64,
    pub data: &'a [u8],
    /// The slice's announced range does not lie in the file.
    pub is_cut: bool,
}

pub fn slices(data: &[u8]) -> Vec<Slice<'_>> {
    let reader = Reader::big(data);
    let wide = reader.u32(0) == Some(FAT_64);
    let count = reader.u32(4).unwrap_or(0).min(MAX_SLICES);
    let slice = |index: u32| {
        let at = 8 + u64::from(index) * if wide { 32 } else { 20 };
        let (offset, size) = if wide {
            (reader.u64(at + 8)?, reader.u64(at + 16)?)
        } else {
            (u64::from(reader.u32(at + 8)?), u64::from(reader.u32(at + 12)?))
        };
        Some(Slice { offset, data: reader.upto(offset, size), is_cut: reader.slice(offset, size).is_none() })
    };
    (0..count).map_while(slice).collect()
}

/// Slices that share bytes would multiply the work. True if there were any.
pub fn drop_overlapping(slices: &mut Vec<Slice>) -> bool {
    let count = slices.len();
    let mut seen: Vec<(u64, u64)> = Vec::new();
    slices.retain(|slice| {
        let (start, end) = (slice.offset, slice.offset.saturating_add(slice.data.len() as u64));
        let is_apart = seen.iter().all(|&(other_start, other_end)| end <= other_start || other_end <= start);
        seen.push((start, end));
        is_apart
    });
    slices.len() < count
}

/// One executable a slice; one without slices for a thin image.
pub fn parse(data: &[u8], options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Vec<Executable> {
    if !is_fat(data) {
        return parse_thin(data, 0, 1, options, budget, findings).into_iter().collect();
    }
    let mut slices = slices(data);
    if drop_overlapping(&mut slices) {
        findings.malformed("fat-slices", "Slices share bytes of the file; only the first of them is read.");
    }
    if slices.is_empty() || slices.iter().any(|slice| slice.is_cut) {
        findings.malformed("fat-header", "A slice lies outside of the file, or there is none.");
    }
    let images = slices.len();
    slices.iter().filter_map(|slice| parse_thin(slice.data, slice.offset, images, options, budget, findings)).collect()
}

fn parse_thin(
    data: &[u8],
    slice_offset: u64,
    images: usize,
    options: &Analyze,
    budget: &mut Budget,
    findings: &mut Findings,
) -> Option<Executable> {
    let header = Header::parse(data)?;
    let commands = commands::read(&header, options, budget, findings);
    let mut executable = Executable {
        kind: "macho",
        arch: header.arch(),
        bits: if header.wide { 64 } else { 32 },
        endian: if header.big_endian { "big" } else { "little" },
        kind_of_image: header.kind().to_owned(),
        slice_offset,
        ..commands.executable
    };
    executable.mitigations.insert("pie", header.flags & 0x0020_0000 != 0 || header.kind() != "executable");
    executable.mitigations.insert("nx-heap", header.flags & 0x0100_0000 != 0);
    executable.mitigations.insert("stack-exec", header.flags & 0x0002_0000 != 0);
    if !options.quick {
        executable.build = build::read(data, &executable, findings);
    }
    judge::judge(&header, &executable, commands.encrypted, findings);
    executable.cut(images);
    Some(executable)
}
