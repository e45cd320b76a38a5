//! Load commands: segments, libraries, symbols, signature.

use super::{Header, code_signature};
use crate::budget::Budget;
use crate::facts::{Executable, Export, Import, Overlay, Section, Segment, Signature};
use crate::formats::identify_id;
use crate::limits::{MAX_LOAD_COMMANDS, MAX_NAME, MAX_SECTIONS, MAX_SYMBOLS};
use crate::options::Analyze;
use crate::reader::{Reader, text};
use module_kit::Findings;
use module_kit::hex;

const REQUIRED: u32 = 0x8000_0000;
const SEGMENT: u32 = 0x1;
const SYMTAB: u32 = 0x2;
const UNIX_THREAD: u32 = 0x5;
const LOAD_DYLIB: u32 = 0xc;
const ID_DYLIB: u32 = 0xd;
const LOAD_DYLINKER: u32 = 0xe;
const LOAD_WEAK_DYLIB: u32 = 0x18;
const SEGMENT_64: u32 = 0x19;
const UUID: u32 = 0x1b;
const RPATH: u32 = 0x1c;
const CODE_SIGNATURE: u32 = 0x1d;
const REEXPORT_DYLIB: u32 = 0x1f;
const LAZY_LOAD_DYLIB: u32 = 0x20;
const ENCRYPTION_INFO: u32 = 0x21;
const LOAD_UPWARD_DYLIB: u32 = 0x23;
const VERSION_MIN_MACOS: u32 = 0x24;
const MAIN: u32 = 0x28;
const ENCRYPTION_INFO_64: u32 = 0x2c;
const BUILD_VERSION: u32 = 0x32;

/// Bytes of a signature in which certificates are looked for: they are some KiB, the hashes before them may be MiB.
const MAX_SIGNATURE: u64 = 8 << 20;

/// Section types whose bytes are not in the file.
const ZERO_FILL: [u32; 3] = [0x1, 0xc, 0x12];

#[derive(Default)]
pub struct Commands {
    pub executable: Executable,
    pub encrypted: bool,
    symbols: Option<(u64, u64, u64)>,
    /// Main's offset in the file, until the segments are known.
    main: Option<u64>,
}

pub fn read(header: &Header, options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Commands {
    let mut commands = Commands::default();
    let mut at = header.size();
    let end = header.size() + u64::from(header.commands_size);
    for _ in 0..header.commands.min(MAX_LOAD_COMMANDS) {
        let (Some(kind), Some(size)) = (header.reader.u32(at), header.reader.u32(at + 4)) else {
            findings.malformed("load-commands", "The load commands are cut off by the end of the file.");
            break;
        };
        if size < 8 || at + u64::from(size) > end {
            findings.malformed("load-commands", "A load command's size is impossible.");
            break;
        }
        let command = Reader::new(header.reader.upto(at, u64::from(size)), header.big_endian);
        commands.read(header, kind, command, options, budget);
        at += u64::from(size);
    }
    if header.commands > MAX_LOAD_COMMANDS {
        findings.malformed("load-commands", format!("{} load commands are announced.", header.commands));
    }
    commands.resolve_entry_point();
    commands.read_symbols(header, findings);
    commands.find_overlay(header, budget);
    commands
}

impl Commands {
    fn read(&mut self, header: &Header, kind: u32, command: Reader, options: &Analyze, budget: &mut Budget) {
        let executable = &mut self.executable;
        match kind & !REQUIRED {
            SEGMENT => read_segment(executable, header, command, false, options, budget),
            SEGMENT_64 => read_segment(executable, header, command, true, options, budget),
            LOAD_DYLIB | LOAD_WEAK_DYLIB | REEXPORT_DYLIB | LAZY_LOAD_DYLIB | LOAD_UPWARD_DYLIB => {
                executable.libraries.push(string_in(command));
            }
            ID_DYLIB => executable.export_name = string_in(command),
            LOAD_DYLINKER => executable.interpreter = string_in(command),
            RPATH => executable.rpath.push(string_in(command)),
            UUID => executable.build_id = command.slice(8, 16).map(hex).unwrap_or_default(),
            MAIN => self.main = command.u64(8),
            UNIX_THREAD => executable.entry_point = thread_entry(command, header).unwrap_or(0),
            SYMTAB => {
                let field = |at| command.u32(at).map_or(0, u64::from);
                self.symbols = Some((field(8), field(12), field(16)));
            }
            CODE_SIGNATURE if executable.signature.is_none() => {
                executable.signature = signature(header, command, options, budget);
            }
            ENCRYPTION_INFO | ENCRYPTION_INFO_64 => self.encrypted |= command.u32(16).is_some_and(|id| id != 0),
            BUILD_VERSION => executable.subsystem = platform(command.u32(8)),
            VERSION_MIN_MACOS => executable.subsystem = platform(Some(1)),
            _ => {}
        }
    }

    /// Main is given as an offset into the file, which is that into the text segment.
    fn resolve_entry_point(&mut self) {
        let text = self.executable.segments.iter().find(|segment| segment.kind == "__TEXT");
        let base = text.map_or(0, |segment| segment.address);
        self.executable.image_base = base;
        if let Some(main) = self.main {
            self.executable.entry_point = base.wrapping_add(main);
        }
    }

    fn read_symbols(&mut self, header: &Header, findings: &mut Findings) {
        let Some((offset, count, strings)) = self.symbols else { return };
        if count > MAX_SYMBOLS as u64 {
            findings.malformed("symbol-table", format!("{count} symbols are announced."));
        }
        let width = if header.wide { 16 } else { 12 };
        // Crafted entries may all point at one long name: what is read of names is bounded by the file.
        let mut letters_left = header.reader.len().saturating_mul(2);
        for index in 0..count.min(MAX_SYMBOLS as u64) {
            let Some(symbol) = Symbol::read(header, offset + width * index) else {
                findings.malformed("symbol-table", "The symbol table has no end within the file.");
                break;
            };
            if !symbol.is_external() {
                continue;
            }
            let bytes = header.reader.c_string(strings + u64::from(symbol.name), MAX_NAME as u64).unwrap_or_default();
            letters_left = letters_left.saturating_sub(bytes.len() as u64 + 1);
            if letters_left == 0 {
                findings.malformed("symbol-names", "Many symbols share long names.");
                break;
            }
            self.add_symbol(&symbol, text(bytes, MAX_NAME));
        }
        self.executable.import_count = self.executable.imports.len() as u64;
        self.executable.export_count = self.executable.exports.len() as u64;
    }

    fn add_symbol(&mut self, symbol: &Symbol, name: String) {
        let executable = &mut self.executable;
        if symbol.is_undefined() {
            let library = usize::from(symbol.description >> 8).checked_sub(1);
            let library = library.and_then(|index| executable.libraries.get(index)).cloned().unwrap_or_default();
            executable.imports.push(Import { library, name: Some(name), ..Import::default() });
        } else {
            executable.exports.push(Export { name: Some(name), address: symbol.value, ..Export::default() });
        }
    }

    /// Everything of an image lies in its segments; the last one, `__LINKEDIT`, ends with the file.
    fn find_overlay(&mut self, header: &Header, budget: &mut Budget) {
        let length = header.reader.len();
        let of_segments = self.executable.segments.iter().map(|segment| segment.offset.saturating_add(segment.size));
        let of_sections = self.executable.sections.iter().map(|section| section.offset.saturating_add(section.size));
        let symbols = self.symbols.map_or(0, |(_, _, strings)| strings);
        let commands = header.size() + u64::from(header.commands_size);
        let ends = of_segments.chain(of_sections).chain([symbols, commands]).filter(|&end| end <= length);
        let start = ends.max().unwrap_or(length);
        let is_image = matches!(header.kind(), "executable" | "dylib" | "bundle");
        let bytes = header.reader.upto(start, length);
        if is_image && !bytes.is_empty() {
            self.executable.overlay = Some(Overlay {
                offset: start,
                size: bytes.len() as u64,
                entropy: budget.entropy(bytes),
                format: identify_id(bytes),
            });
        }
    }
}

fn read_segment(
    executable: &mut Executable,
    header: &Header,
    command: Reader,
    wide: bool,
    options: &Analyze,
    budget: &mut Budget,
) {
    let word = if wide { 8 } else { 4 };
    let field = |index: u64| command.word(24 + word * index, wide).unwrap_or(0);
    let behind = 24 + 4 * word;
    executable.segments.push(Segment {
        kind: name_in(command, 8),
        address: field(0),
        virtual_size: field(1),
        offset: field(2),
        size: field(3),
        permissions: permissions(command.u32(behind + 4).unwrap_or(0)),
    });
    let protection = command.u32(behind + 4).unwrap_or(0);
    let count = u64::from(command.u32(behind + 8).unwrap_or(0));
    let (start, size) = (behind + 16, if wide { 80 } else { 68 });
    for index in 0..count {
        let at = start + size * index;
        if executable.sections.len() >= MAX_SECTIONS || command.slice(at, size).is_none() {
            break;
        }
        let section = Reader::new(command.upto(at, size), header.big_endian);
        executable.sections.push(read_section(header, section, wide, protection, options, budget));
    }
}

fn read_section(
    header: &Header,
    section: Reader,
    wide: bool,
    protection: u32,
    options: &Analyze,
    budget: &mut Budget,
) -> Section {
    let word = if wide { 8 } else { 4 };
    let address = section.word(32, wide).unwrap_or(0);
    let size = section.word(32 + word, wide).unwrap_or(0);
    let behind = 32 + 2 * word;
    let offset = section.u32(behind).map_or(0, u64::from);
    let flags = section.u32(behind + 16).unwrap_or(0);
    let has_bytes = !ZERO_FILL.contains(&(flags & 0xff));
    let bytes = if has_bytes { header.reader.upto(offset, size) } else { &[] };
    let outside = has_bytes && header.reader.slice(offset, size).is_none();
    Section {
        name: format!("{},{}", name_in(section, 16), name_in(section, 0)),
        address,
        virtual_size: size,
        offset,
        size: if has_bytes { size } else { 0 },
        entropy: budget.entropy(bytes),
        permissions: permissions(protection),
        flags: u64::from(flags),
        md5: if options.quick { String::new() } else { budget.md5(bytes) },
        anomalies: if outside { vec!["data-outside-of-file"] } else { Vec::new() },
    }
}

fn permissions(protection: u32) -> String {
    let letter = |flag: u32, letter: char| if protection & flag != 0 { letter } else { '-' };
    [letter(1, 'r'), letter(2, 'w'), letter(4, 'x')].iter().collect()
}

/// A name of 16 bytes.
pub fn name_in(reader: Reader, at: u64) -> String {
    text(reader.c_string(at, 16).unwrap_or_default(), 16)
}

/// A command's string, whose offset from its start is its third word.
fn string_in(command: Reader) -> String {
    let bytes = command.u32(8).and_then(|offset| command.c_string(u64::from(offset), 1_024));
    text(bytes.unwrap_or_default(), 1_024)
}

/// The program counter in the registers of an old-style start.
pub fn thread_entry(command: Reader, header: &Header) -> Option<u64> {
    match header.arch().as_str() {
        "x86" => command.u32(16 + 4 * 10).map(u64::from),
        "x86-64" => command.u64(16 + 8 * 16),
        "arm" => command.u32(16 + 4 * 15).map(u64::from),
        "arm64" => command.u64(16 + 8 * 32),
        "powerpc" => command.u32(16).map(u64::from),
        _ => None,
    }
}

fn signature(header: &Header, command: Reader, options: &Analyze, budget: &mut Budget) -> Option<Signature> {
    let (offset, size) = (u64::from(command.u32(8)?), u64::from(command.u32(12)?));
    let blob = header.reader.upto(offset, size.min(MAX_SIGNATURE));
    Some(code_signature::read(header, offset, size, blob, options, budget))
}

fn platform(id: Option<u32>) -> String {
    let name = match id {
        Some(1) => "macos",
        Some(2) => "ios",
        Some(3) => "tvos",
        Some(4) => "watchos",
        Some(5) => "bridgeos",
        Some(6) => "mac-catalyst",
        Some(7) => "ios-simulator",
        Some(10) => "driverkit",
        Some(11) => "visionos",
        _ => "unknown",
    };
    name.to_owned()
}

struct Symbol {
    name: u32,
    kind: u8,
    description: u16,
    value: u64,
}

impl Symbol {
    fn read(header: &Header, at: u64) -> Option<Self> {
        let reader = header.reader;
        Some(Self {
            name: reader.u32(at)?,
            kind: reader.u8(at + 4)?,
            description: reader.u16(at + 6)?,
            value: reader.word(at + 8, header.wide)?,
        })
    }

    /// External, and neither a debugger's entry nor private.
    const fn is_external(&self) -> bool {
        self.kind & 0xe0 == 0 && self.kind & 1 != 0 && self.kind & 0x10 == 0
    }

    const fn is_undefined(&self) -> bool {
        self.kind & 0x0e == 0
    }
}
