//! ELF images of both classes and byte orders (System V ABI, and its processor supplements).

pub mod dynamic;
pub mod header;
mod judge;
mod telfhash;

use std::collections::BTreeMap;

use dynamic::Dynamic;
use header::{Header, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_NOTE, SHT_NOBITS, SHT_NOTE};
use module_kit::Findings;

use crate::budget::Budget;
use crate::build;
use crate::facts::{Executable, Overlay, Section, Segment};
use crate::formats::identify_id;
use crate::options::Analyze;
use crate::reader::text;
use module_kit::hex;

/// What is told without sections and symbols.
pub struct Description {
    /// For people: `ELF 64-bit position-independent executable x86-64`.
    pub name: String,
    /// As `file` gives it, so that tools which know its types agree.
    pub mime: &'static str,
}

pub fn describe(data: &[u8]) -> Option<Description> {
    let header = Header::parse(data)?;
    let segments = header.segments(&mut Findings::default());
    let is_pie = dynamic::is_program(&header, &segments);
    let (kind, mime) = match header.kind() {
        "shared-object" if is_pie => ("position-independent executable", "application/x-pie-executable"),
        "shared-object" => ("shared object", "application/x-sharedlib"),
        "executable" => ("executable", "application/x-executable"),
        "object" => ("object", "application/x-object"),
        "core" => ("core", "application/x-coredump"),
        _ => ("image of unknown type", "application/x-elf"),
    };
    let order = if header.big_endian { ", big-endian" } else { "" };
    Some(Description { name: format!("ELF {}-bit {kind} {}{order}", header.bits(), header.arch()), mime })
}

/// None if it is no ELF image or ends within its header.
pub fn parse(data: &[u8], options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Option<Executable> {
    let header = Header::parse(data)?;
    let segments = header.segments(findings);
    let sections = header.sections(findings);
    let dynamic = Dynamic::parse(&header, &segments, &sections, findings);
    let interpreter = segments.iter().find(|segment| segment.kind == PT_INTERP);
    let interpreter =
        interpreter.and_then(|segment| header.reader.c_string(segment.offset, segment.file_size.min(4_096)));
    let mut executable = Executable {
        kind: "elf",
        arch: header.arch(),
        bits: header.bits(),
        endian: if header.big_endian { "big" } else { "little" },
        kind_of_image: if dynamic::is_program(&header, &segments) { "executable" } else { header.kind() }.to_owned(),
        entry_point: header.entry,
        image_base: segments
            .iter()
            .filter(|segment| segment.kind == 1)
            .map(|segment| segment.address)
            .min()
            .unwrap_or(0),
        subsystem: header.abi(),
        sections: sections.iter().map(|section| section_facts(&header, section, options, budget)).collect(),
        segments: segments.iter().map(segment_facts).collect(),
        interpreter: text(interpreter.unwrap_or_default(), 4_096),
        telfhash: if options.quick { String::new() } else { telfhash::telfhash(&header, &sections) },
        build_id: build_id(&header, &segments, &sections),
        overlay: overlay(&header, &segments, &sections, budget),
        mitigations: mitigations(&header, &segments, &dynamic),
        import_count: dynamic.imports.len() as u64,
        export_count: dynamic.exports.len() as u64,
        imports: dynamic.imports,
        exports: dynamic.exports,
        libraries: dynamic.needed,
        export_name: dynamic.soname,
        rpath: dynamic.rpath,
        ..Executable::default()
    };
    if !options.quick {
        executable.build = build::read(data, &executable, findings);
    }
    judge::judge(&header, &executable, findings);
    executable.cut(1);
    Some(executable)
}

fn section_facts(header: &Header, section: &header::SectionHeader, options: &Analyze, budget: &mut Budget) -> Section {
    let has_bytes = section.kind != SHT_NOBITS;
    let bytes = if has_bytes { header.reader.upto(section.offset, section.size) } else { &[] };
    let outside = has_bytes && section.offset.checked_add(section.size).is_none_or(|end| end > header.reader.len());
    let writable_code = section.flags & 5 == 5;
    let anomalies = [(outside, "data-outside-of-file"), (writable_code, "writable-and-executable")];
    Section {
        name: section.name.clone(),
        address: section.address,
        virtual_size: section.size,
        offset: section.offset,
        size: if has_bytes { section.size } else { 0 },
        entropy: budget.entropy(bytes),
        permissions: section_permissions(section.flags),
        flags: section.flags,
        md5: if options.quick { String::new() } else { budget.md5(bytes) },
        anomalies: anomalies.iter().filter(|(found, _)| *found).map(|&(_, name)| name).collect(),
    }
}

/// An allocated section can be read; the others are not in memory.
fn section_permissions(flags: u64) -> String {
    let letter = |flag: u64, letter: char| if flags & flag != 0 { letter } else { '-' };
    [letter(2, 'r'), letter(1, 'w'), letter(4, 'x')].iter().collect()
}

fn segment_facts(segment: &header::SegmentHeader) -> Segment {
    let letter = |flag: u32, letter: char| if segment.flags & flag != 0 { letter } else { '-' };
    Segment {
        kind: segment.kind_name(),
        address: segment.address,
        virtual_size: segment.memory_size,
        offset: segment.offset,
        size: segment.file_size,
        permissions: [letter(4, 'r'), letter(2, 'w'), letter(1, 'x')].iter().collect(),
    }
}

/// The GNU build id, from the notes of segments or sections.
fn build_id(header: &Header, segments: &[header::SegmentHeader], sections: &[header::SectionHeader]) -> String {
    let in_segments =
        segments.iter().filter(|segment| segment.kind == PT_NOTE).map(|segment| (segment.offset, segment.file_size));
    let in_sections =
        sections.iter().filter(|section| section.kind == SHT_NOTE).map(|section| (section.offset, section.size));
    let mut notes = in_segments.chain(in_sections);
    notes.find_map(|(offset, size)| build_id_in(header, offset, size.min(4_096))).unwrap_or_default()
}

fn build_id_in(header: &Header, offset: u64, size: u64) -> Option<String> {
    let notes = crate::reader::Reader::new(header.reader.upto(offset, size), header.big_endian);
    let mut at = 0;
    loop {
        let (name, length, kind) = (notes.u32(at)?, notes.u32(at + 4)?, notes.u32(at + 8)?);
        let value_at = at + 12 + u64::from(name).next_multiple_of(4);
        if kind == 3 && notes.slice(at + 12, 4)? == b"GNU\0" {
            return notes.slice(value_at, u64::from(length.min(64))).map(hex);
        }
        at = value_at + u64::from(length).next_multiple_of(4);
    }
}

/// What lies behind segments, sections and the section table.
fn overlay(
    header: &Header,
    segments: &[header::SegmentHeader],
    sections: &[header::SectionHeader],
    budget: &mut Budget,
) -> Option<Overlay> {
    let of_segments = segments.iter().map(|segment| segment.offset.saturating_add(segment.file_size));
    let with_bytes = sections.iter().filter(|section| section.kind != SHT_NOBITS);
    let of_sections = with_bytes.map(|section| section.offset.saturating_add(section.size));
    let tables = [header.segments_end(), header.sections_end()];
    let ends = of_segments.chain(of_sections).chain(tables).filter(|&end| end <= header.reader.len());
    let start = ends.max().unwrap_or(0);
    let bytes = header.reader.upto(start, header.reader.len());
    (!bytes.is_empty()).then(|| Overlay {
        offset: start,
        size: bytes.len() as u64,
        entropy: budget.entropy(bytes),
        format: identify_id(bytes),
    })
}

fn mitigations(header: &Header, segments: &[header::SegmentHeader], dynamic: &Dynamic) -> BTreeMap<&'static str, bool> {
    if header.kind() == "object" || header.kind() == "core" {
        return BTreeMap::new();
    }
    let stack = segments.iter().find(|segment| segment.kind == PT_GNU_STACK);
    let relro = segments.iter().any(|segment| segment.kind == PT_GNU_RELRO);
    let imports =
        |wanted: fn(&str) -> bool| dynamic.imports.iter().any(|symbol| symbol.name.as_deref().is_some_and(wanted));
    BTreeMap::from([
        ("nx", stack.is_some_and(|segment| segment.flags & 1 == 0)),
        ("pie", header.is_position_independent()),
        ("relro", relro),
        ("bind-now", dynamic.bind_now),
        ("canary", imports(|name| name == "__stack_chk_fail" || name == "__stack_chk_guard")),
        ("fortify", imports(|name| name.starts_with("__") && name.ends_with("_chk"))),
    ])
}
