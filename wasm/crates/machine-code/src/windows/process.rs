//! The memory of a process of Windows: thread and process environment blocks, the loader's lists, libraries that are
//! nothing but an export table. Layouts are those of Windows 10, as its debug symbols tell them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::exports::Database;
use super::usual::USUAL;
use crate::emulator::Cpu;

/// Where a function of a library stands in it: behind all of its tables.
const CODE: u64 = 0x10_0000;
/// Bytes from one function to the next.
const FUNCTION: u64 = 16;
/// Bytes from one library to the next.
const LIBRARY: u64 = 0x20_0000;
/// The base of libraries that nobody knows.
pub const UNKNOWN: u64 = 0x6e00_0000;
/// The place of the first library that the process does not have yet.
const LATER: u64 = 64;

#[derive(Clone, Copy)]
struct Layout {
    pointer: u64,
    libraries: u64,
    blocks: u64,
    /// In the thread's block: itself, the process's block.
    own: u64,
    process: u64,
    /// In the process's block: image base, loader's data, parameters, heap, global flags.
    base: u64,
    loader: u64,
    heap: u64,
    /// In an entry: base, entry point, size, full name, base name.
    library_base: u64,
    full_name: u64,
    base_name: u64,
    /// In the loader's data: the first of three lists.
    lists: u64,
}

const NARROW: Layout = Layout {
    pointer: 4,
    libraries: 0x7400_0000,
    blocks: 0x7ffd_0000,
    own: 0x18,
    process: 0x30,
    base: 0x8,
    loader: 0xc,
    heap: 0x18,
    library_base: 0x18,
    full_name: 0x24,
    base_name: 0x2c,
    lists: 0xc,
};
const WIDE: Layout = Layout {
    pointer: 8,
    libraries: 0x7ff8_0000_0000,
    blocks: 0x7ffd_0000,
    own: 0x30,
    process: 0x60,
    base: 0x10,
    loader: 0x18,
    heap: 0x30,
    library_base: 0x30,
    full_name: 0x48,
    base_name: 0x58,
    lists: 0x10,
};

/// Where a library's headers and its export directory stand.
const HEADERS: usize = 0x80;
const DIRECTORY: u32 = 0x400;

const fn directories(wide: bool) -> usize {
    HEADERS + 24 + if wide { 112 } else { 96 }
}

const PROCESS: u64 = 0x1000;
const LOADER: u64 = 0x2000;
const ENTRIES: u64 = 0x3000;
const ENTRY: u64 = 0x200;
const SIZE: u64 = 0x1_0000;

pub struct Process {
    layout: Layout,
}

impl Process {
    /// Puts the process into the emulator's memory. `also` are names that the tables have beside the usual ones.
    pub fn set_up(cpu: &mut Cpu, also: &BTreeSet<&'static str>) -> Self {
        let process = Self { layout: if cpu.bits == 64 { WIDE } else { NARROW } };
        let blocks = process.layout.blocks;
        cpu.memory.map(blocks, SIZE, Rc::new(process.blocks()));
        // The program that the code would be in: headers, and nothing exported.
        let mut program = process.library(0, "", also);
        program.truncate(DIRECTORY as usize);
        program[directories(process.layout.pointer == 8)..][..8].fill(0);
        cpu.memory.map(process.program(), LIBRARY, Rc::new(program));
        (cpu.fs, cpu.gs) = if cpu.bits == 64 { (0, blocks) } else { (blocks, 0) };
        for (place, name) in LOADED.iter().enumerate() {
            let base = process.base(place as u64);
            cpu.memory.map(base, LIBRARY, Rc::new(process.library(place as u64, name, also)));
        }
        process
    }

    /// Where the process's environment block is.
    #[must_use]
    pub const fn block(bits: u32) -> u64 {
        (if bits == 64 { WIDE.blocks } else { NARROW.blocks }) + PROCESS
    }

    const fn program(&self) -> u64 {
        self.layout.libraries - LIBRARY
    }

    const fn base(&self, place: u64) -> u64 {
        self.layout.libraries + LIBRARY * place
    }

    /// A loaded library's base, by its place in the database.
    #[must_use]
    pub fn base_of(&self, library: usize) -> u64 {
        let name = Database::get().libraries.get(library).map_or("", |library| library.name);
        let place =
            LOADED.iter().position(|loaded| *loaded == name).map_or(LATER + library as u64, |place| place as u64);
        self.base(place)
    }

    /// Of a library by its base: its place in the database.
    #[must_use]
    pub fn library_at(&self, base: u64) -> Option<usize> {
        let database = Database::get();
        let at_kernelbase = base == self.base(KERNELBASE);
        let found = (0..database.libraries.len()).find(|&library| self.base_of(library) == base);
        found.or_else(|| database.library("kernel32").filter(|_| at_kernelbase))
    }

    /// Where emulated code calls a function.
    #[must_use]
    pub fn address_of(&self, library: usize, function: usize) -> u64 {
        self.base_of(library) + CODE + FUNCTION * function as u64
    }

    /// The function that stands at an address.
    #[must_use]
    pub fn function_at(&self, address: u64) -> Option<(usize, usize)> {
        let place = address.checked_sub(self.layout.libraries)? / LIBRARY;
        let inside = (address - self.layout.libraries) % LIBRARY;
        let function = usize::try_from(inside.checked_sub(CODE)? / FUNCTION).ok()?;
        let library = self.library_at(self.base(place))?;
        (inside.is_multiple_of(FUNCTION) && function < Database::get().libraries[library].functions.len())
            .then_some((library, function))
    }

    /// Thread, process, loader's data, and the entries of the three lists.
    fn blocks(&self) -> Vec<u8> {
        let Layout { pointer, blocks, own, process, base, loader, heap, lists, .. } = self.layout;
        let mut block = Block { bytes: vec![0; SIZE as usize], pointer };
        // No handlers of exceptions; a stack.
        block.set(0, if pointer == 4 { 0xffff_ffff } else { 0 });
        block.set(own, blocks);
        block.set(process, blocks + PROCESS);
        block.set(PROCESS + base, self.program());
        block.set(PROCESS + loader, blocks + LOADER);
        block.set(PROCESS + heap, 0x25_0000);
        let version = PROCESS + if pointer == 4 { 0xa4 } else { 0x118 };
        block.put(version, &[10, 0, 0, 0, 0, 0, 0, 0]);
        block.set(LOADER, 1 << 32 | 0x58);
        // The program itself is first, but for the order of initialisation, which it has no place in.
        let all: Vec<u64> = (0..=LOADED.len() as u64).map(|index| ENTRIES + ENTRY * index).collect();
        let initialised = all[1..].to_vec();
        // The base library is loaded after the one that uses it, and initialised before it.
        let mut loaded = all.clone();
        loaded.swap(2, 3);
        for (list, order) in [loaded.clone(), loaded, initialised].iter().enumerate() {
            let place = 2 * pointer * list as u64;
            block.link(blocks, LOADER + lists + place, order, place);
        }
        block.entry(&self.layout, all[0], self.program(), "sample.exe");
        for (index, name) in (0..).zip(LOADED) {
            block.entry(&self.layout, all[index + 1], self.base(index as u64), shown(name));
        }
        block.bytes
    }

    /// Headers and an export directory.
    fn library(&self, place: u64, name: &str, also: &BTreeSet<&'static str>) -> Vec<u8> {
        let wide = self.layout.pointer == 8;
        let functions = self.functions(place, name, also);
        let count = u32::try_from(functions.len()).unwrap_or(0);
        let (addresses, names) = (DIRECTORY + 0x40, DIRECTORY + 0x40 + 4 * count);
        let ordinals = names + 4 * count;
        let texts = ordinals + 2 * count;
        let mut image = vec![0; texts as usize];
        put(&mut image, 0, b"MZ");
        put(&mut image, 0x3c, &(HEADERS as u32).to_le_bytes());
        put(&mut image, HEADERS, b"PE\0\0");
        put(&mut image, HEADERS + 4, &if wide { 0x8664u16 } else { 0x14c }.to_le_bytes());
        put(&mut image, HEADERS + 20, &if wide { 240u16 } else { 224 }.to_le_bytes());
        put(&mut image, HEADERS + 24, &if wide { 0x20bu16 } else { 0x10b }.to_le_bytes());
        let directories = directories(wide);
        put(&mut image, directories, &DIRECTORY.to_le_bytes());
        put(&mut image, directories + 4, &0x8000u32.to_le_bytes());
        let mut field =
            |index: usize, value: u32| put(&mut image, DIRECTORY as usize + 4 * index, &value.to_le_bytes());
        field(4, 1);
        field(5, count);
        field(6, count);
        field(7, addresses);
        field(8, names);
        field(9, ordinals);
        let name_at = u32::try_from(image.len()).unwrap_or(0);
        put(&mut image, DIRECTORY as usize + 12, &name_at.to_le_bytes());
        image.extend(shown(name).bytes().chain([0]));
        for (index, (function, rva)) in functions.iter().enumerate() {
            let text = u32::try_from(image.len()).unwrap_or(0);
            put(&mut image, addresses as usize + 4 * index, &rva.to_le_bytes());
            put(&mut image, names as usize + 4 * index, &text.to_le_bytes());
            put(&mut image, ordinals as usize + 2 * index, &u16::try_from(index).unwrap_or(0).to_le_bytes());
            image.extend(function.bytes().chain([0]));
        }
        image
    }

    /// Names in their order, with the distance from the library's base.
    fn functions(&self, place: u64, name: &str, also: &BTreeSet<&'static str>) -> BTreeMap<&'static str, u32> {
        let database = Database::get();
        let Some(library) = database.library(name) else { return BTreeMap::new() };
        let listed = database.libraries[library].name;
        let usual = USUAL.iter().find(|(usual, _)| *usual == listed).map_or(&[][..], |(_, names)| names);
        let exported = &database.libraries[library].functions;
        let indexed = |name: &&'static str| {
            let index = database.function(library, name)?;
            let rva = self.address_of(library, index).wrapping_sub(self.base(place));
            Some((exported[index].name, u32::try_from(rva).ok()?))
        };
        usual.iter().chain(also).filter_map(indexed).collect()
    }
}

/// Libraries of the process in the order in which they were initialised.
const LOADED: [&str; 13] = [
    "ntdll.dll",
    "kernelbase.dll",
    "kernel32.dll",
    "user32.dll",
    "advapi32.dll",
    "ws2_32.dll",
    "wininet.dll",
    "urlmon.dll",
    "winhttp.dll",
    "shell32.dll",
    "dnsapi.dll",
    "psapi.dll",
    "msvcrt.dll",
];
const KERNELBASE: u64 = 1;

/// As the loader's lists have it.
fn shown(name: &str) -> &str {
    match name {
        "kernel32.dll" => "KERNEL32.DLL",
        "kernelbase.dll" => "KERNELBASE.dll",
        "user32.dll" => "USER32.dll",
        "advapi32.dll" => "ADVAPI32.dll",
        "ws2_32.dll" => "WS2_32.dll",
        _ => name,
    }
}

struct Block {
    bytes: Vec<u8>,
    pointer: u64,
}

impl Block {
    fn put(&mut self, at: u64, bytes: &[u8]) {
        put(&mut self.bytes, usize::try_from(at).unwrap_or(usize::MAX), bytes);
    }

    fn set(&mut self, at: u64, value: u64) {
        let width = self.pointer as usize;
        self.put(at, &value.to_le_bytes()[..width]);
    }

    /// A ring of entries, forwards and backwards, whose links stand `place` bytes into each.
    fn link(&mut self, base: u64, head: u64, entries: &[u64], place: u64) {
        let ring: Vec<u64> = std::iter::once(head).chain(entries.iter().map(|entry| entry + place)).collect();
        for (index, &at) in ring.iter().enumerate() {
            let next = ring[(index + 1) % ring.len()];
            let before = ring[(index + ring.len() - 1) % ring.len()];
            self.set(at, base + next);
            self.set(at + self.pointer, base + before);
        }
    }

    fn entry(&mut self, layout: &Layout, at: u64, library: u64, name: &str) {
        let full = format!("C:\\Windows\\System32\\{name}");
        self.set(at + layout.library_base, library);
        self.set(at + layout.library_base + 2 * self.pointer, LIBRARY);
        self.text(layout.blocks, at + layout.full_name, at + 0xa0, &full);
        self.text(layout.blocks, at + layout.base_name, at + 0x150, name);
    }

    /// A counted UTF-16 text.
    fn text(&mut self, base: u64, at: u64, place: u64, text: &str) {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u16::try_from(wide.len()).unwrap_or(0);
        self.put(at, &length.to_le_bytes());
        self.put(at + 2, &(length + 2).to_le_bytes());
        self.set(at + self.pointer, base + place);
        self.put(place, &wide);
    }
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = at.checked_add(bytes.len()).and_then(|end| image.get_mut(at..end)) {
        target.copy_from_slice(bytes);
    }
}
