//! PE images: Windows executables, libraries and drivers, with or without .NET.

mod authenticode;
mod authentihash;
mod debug;
mod dotnet;
mod exports;
pub mod headers;

mod imports;
mod judge;
mod judge_dotnet;
mod judge_signature;
mod ordinals;
mod payloads;
mod resources;
mod rich;
mod slots;

use std::collections::BTreeMap;

pub use debug::common_names;
pub use debug::tls_callbacks as tls_list;
pub use payloads::payloads;
pub use slots::import_slots;

use headers::{
    DIRECTORY_CLI, Headers, SECTION_EXECUTE, SECTION_READ, SECTION_WRITE, SectionHeader, dll_characteristics,
};
use module_kit::Findings;

use crate::budget::Budget;
use crate::build;
use crate::facts::{Executable, Export, Overlay, Section, Signature};
use crate::formats::identify_id;
use crate::limits::MAX_SECTIONS;
use crate::options::Analyze;
use crate::reader::Reader;

/// Everything that the headers say; None if it is no PE image or ends within the fixed part of its headers.
pub fn parse(data: &[u8], options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Option<Executable> {
    let headers = Headers::parse(data)?;
    let (arch, _) = headers.arch();
    let imports = imports::parse(&headers, findings);
    let exports = exports::parse(&headers, findings);
    let mut executable = Executable {
        kind: "pe",
        arch,
        bits: if headers.wide { 64 } else { 32 },
        endian: "little",
        kind_of_image: headers.image_type().to_owned(),
        entry_point: entry_point(&headers),
        image_base: headers.image_base,
        subsystem: headers.subsystem_name(),
        compile_time: Some(headers.timestamp),
        sections: sections(&headers, options, budget, findings),
        import_count: imports.symbols.len() as u64,
        export_count: exports.symbols.len() as u64,
        libraries: imports.libraries,
        imports: imports.symbols,
        imphash: imports.imphash,
        exports: exports.symbols,
        export_name: exports.library,
        checksum: Some(headers.checksum),
        dll_characteristics: dll_characteristics(headers.dll_characteristics),
        mitigations: mitigations(&headers),
        ..Executable::default()
    };
    if !options.headers_only {
        read_contents(&headers, &mut executable, options, budget, findings);
        judge::judge(&headers, &executable, options, findings);
    }
    executable.cut(1);
    Some(executable)
}

/// What the image exports.
pub fn export_list(headers: &Headers, findings: &mut Findings) -> Vec<Export> {
    exports::parse(headers, findings).symbols
}

/// What the headers only point to.
fn read_contents(
    headers: &Headers,
    executable: &mut Executable,
    options: &Analyze,
    budget: &mut Budget,
    findings: &mut Findings,
) {
    let data = headers.reader.data();
    let resources = resources::parse(headers, budget, findings);
    executable.resource_count = resources.len() as u64;
    executable.version_info = resources::version_info(headers, &resources);
    executable.resources = resources;
    executable.signature = authenticode::signature(headers, options, findings);
    executable.overlay = overlay(headers, executable.signature.as_ref(), budget);
    executable.rich = rich::parse(data, headers.coff - 4);
    executable.debug = debug::debug_entries(headers, findings);
    executable.tls_callbacks = debug::tls_callbacks(headers, findings);
    executable.checksum_computed = Some(checksum(data, headers.optional + 64));
    executable.dotnet = dotnet::parse(headers, options, budget, findings);
    if !options.quick {
        executable.authentihash = Some(authentihash::of(headers));
        executable.build = build::read(data, executable, findings);
    }
}

fn entry_point(headers: &Headers) -> u64 {
    if headers.entry_point == 0 { 0 } else { headers.image_base.wrapping_add(u64::from(headers.entry_point)) }
}

fn sections(headers: &Headers, options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Vec<Section> {
    if headers.sections.len() < usize::from(headers.sections_announced).min(MAX_SECTIONS) {
        findings.malformed("section-table", "The section table is cut off by the end of the file.");
    }
    headers.sections.iter().map(|section| section_facts(headers, section, options, budget)).collect()
}

fn section_facts(headers: &Headers, section: &SectionHeader, options: &Analyze, budget: &mut Budget) -> Section {
    let bytes = raw_data(headers, section);
    Section {
        name: section.name.clone(),
        address: headers.image_base.wrapping_add(u64::from(section.address)),
        virtual_size: u64::from(section.virtual_size),
        offset: u64::from(section.raw_offset),
        size: u64::from(section.raw_size),
        entropy: budget.entropy(bytes),
        permissions: permissions(section.flags),
        flags: u64::from(section.flags),
        md5: if options.quick { String::new() } else { budget.md5(bytes) },
        anomalies: judge::section_anomalies(headers, section),
    }
}

fn raw_data<'a>(headers: &Headers<'a>, section: &SectionHeader) -> &'a [u8] {
    headers.reader.upto(Headers::mapped_offset(section), u64::from(section.raw_size))
}

fn permissions(flags: u32) -> String {
    let letter = |flag: u32, letter: char| if flags & flag != 0 { letter } else { '-' };
    [letter(SECTION_READ, 'r'), letter(SECTION_WRITE, 'w'), letter(SECTION_EXECUTE, 'x')].iter().collect()
}

/// What lies behind everything that a header accounts for: sections, COFF symbols, certificate table.
fn overlay(headers: &Headers, signature: Option<&Signature>, budget: &mut Budget) -> Option<Overlay> {
    let length = headers.reader.len();
    let raw_end = |section: &SectionHeader| u64::from(section.raw_offset) + u64::from(section.raw_size);
    let sections = headers.sections.iter().map(raw_end).filter(|&end| end <= length);
    let fixed = [headers.optional + u64::from(headers.optional_size), headers.symbols_end()];
    let end_of_image = sections.chain(fixed.into_iter().filter(|&end| end <= length)).max().unwrap_or(0);
    let (start, end) = match signature {
        // A signature stands at the next multiple of eight bytes; what is before it, but for that padding, is overlay.
        Some(signature) if signature.offset >= end_of_image + 8 => (end_of_image, signature.offset),
        Some(signature) if signature.offset >= end_of_image => (signature.offset + signature.size, length),
        _ => (end_of_image, length),
    };
    let bytes = headers.reader.upto(start, end.saturating_sub(start));
    // Of a file that is cut off within its headers nothing is known to be behind the image.
    (start > 0 && !bytes.is_empty()).then(|| Overlay {
        offset: start,
        size: bytes.len() as u64,
        entropy: budget.entropy(bytes),
        format: identify_id(bytes),
    })
}

/// The optional header's checksum: 16-bit words added with carry, without the field itself, plus the file's length.
fn checksum(data: &[u8], field: u64) -> u32 {
    let (pairs, rest) = data.as_chunks::<2>();
    let words: u64 = pairs.iter().map(|&pair| u64::from(u16::from_le_bytes(pair))).sum();
    let reader = Reader::little(data);
    let own = |at| reader.u16(at).map_or(0, u64::from);
    // The field is on an even offset in every file that the loader takes; of others the sum means nothing.
    let mut sum = words + rest.first().map_or(0, |&byte| u64::from(byte)) - own(field) - own(field + 2);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u32::try_from(sum + data.len() as u64).unwrap_or(u32::MAX)
}

fn mitigations(headers: &Headers) -> BTreeMap<&'static str, bool> {
    let has = |flag: u16| headers.dll_characteristics & flag != 0;
    let mut mitigations = BTreeMap::from([("aslr", has(0x0040)), ("nx", has(0x0100)), ("cfg", has(0x4000))]);
    if headers.wide {
        mitigations.insert("high-entropy-aslr", has(0x0020));
    }
    if headers.directory(DIRECTORY_CLI).is_none() && !headers.wide {
        mitigations.insert("seh", !has(0x0400));
    }
    mitigations
}
