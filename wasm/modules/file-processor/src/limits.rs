//! How much of a file is looked at. Each limit is above what honest files have, and keeps a crafted one from using
//! the sandbox's time and the report's space.

/// Windows loads at most 96 sections; linkers of ELF objects write tens of thousands (one a function).
pub const MAX_SECTIONS: usize = 4_096;
/// Sections that are reported.
pub const MAX_SECTIONS_REPORTED: usize = 512;
/// Program headers and segments: real files have below 30.
pub const MAX_SEGMENTS: usize = 512;
/// Libraries that an image imports from: browsers have about 150.
pub const MAX_LIBRARIES: usize = 1_024;
/// Imports that are counted and hashed: the largest real tables have about 20,000.
pub const MAX_IMPORTS: usize = 65_536;
/// Imports and exports that are reported, each.
pub const MAX_SYMBOLS_REPORTED: usize = 4_096;
/// Bytes that their names take in JSON, of each list: names of 128 bytes on average.
pub const MAX_SYMBOL_TEXT: usize = 512 << 10;
/// Exports that are counted: Windows' own numbers have 16 bits.
pub const MAX_EXPORTS: usize = 65_536;
/// Symbols of ELF and Mach-O that are walked: large libraries have some 100,000.
pub const MAX_SYMBOLS: usize = 1_000_000;
/// Characters of a symbol's name: C++ names of several thousand exist.
pub const MAX_NAME: usize = 4_096;
/// Resource directory entries that are walked.
pub const MAX_RESOURCES: usize = 16_384;
/// Resources that are reported.
pub const MAX_RESOURCES_REPORTED: usize = 512;
/// Bytes of a resource that are measured: enough to tell packed data.
pub const MAX_RESOURCE_MEASURED: u64 = 4 << 20;
/// Load commands of a Mach-O: real files have below 100.
pub const MAX_LOAD_COMMANDS: u32 = 4_096;
/// Slices of a fat Mach-O; more means that it is a Java class file, whose magic is the same.
pub const MAX_SLICES: u32 = 16;
/// Entries of an archive that are walked.
pub const MAX_ENTRIES: usize = 100_000;
/// Entries of an archive that are reported.
pub const MAX_ENTRIES_REPORTED: usize = 1_000;
/// Bytes that their names take in JSON.
pub const MAX_ENTRY_TEXT: usize = 1 << 20;
/// Bytes that strings take in JSON: the host takes answers of up to 16 MiB.
pub const MAX_STRING_TEXT: usize = 4 << 20;
/// Characters of strings that are searched for a literal.
pub const MAX_SEARCHED: usize = 256 << 20;
/// The same for an expression: in the worst case each takes a step for every part of it, a second in all.
pub const MAX_SEARCHED_BY_EXPRESSION: usize = 1 << 20;
/// Bytes that an expression takes, compiled.
pub const MAX_EXPRESSION: usize = 16 << 10;
/// Characters of a pattern.
pub const MAX_PATTERN: usize = 1_024;
/// Matches that are shown.
pub const MAX_MATCHES: usize = 1_000;
/// Bytes that `read` shows.
pub const MAX_READ: usize = 4_096;
/// Files in the sample that are listed, those in others among them: package archives have some thousand.
pub const MAX_CHILDREN: usize = 4_096;
/// Levels of files in files: a package of a compressed archive with an installer in it has five.
pub const MAX_DEPTH: usize = 10;
/// Bytes of one file in the sample: one more is unpacked to see whether there is more.
pub const MAX_CHILD: usize = (64 << 20) - 1;
/// Bytes that are unpacked in sum: they take about two seconds.
pub const MAX_UNPACKED: u64 = 256 << 20;
/// Characters of a child's name.
pub const MAX_CHILD_NAME: usize = 1_024;
/// Bytes that their names take in JSON.
pub const MAX_CHILD_TEXT: usize = 1 << 20;
/// Unpacked to packed: honest archives stay below about 200; a bomb is far above.
pub const BOMB_RATIO: u64 = 500;
/// The same for what was not unpacked to its end, and so is more than it seems.
pub const CUT_RATIO: u64 = 200;
/// The same for all levels together, where the walk ended before the end.
pub const NESTED_BOMB_RATIO: u64 = 100;
/// Bytes that one compressed stream may inflate to.
pub const MAX_INFLATED: usize = 4 << 20;
/// Bytes that the parts of one document may inflate to, all together.
pub const MAX_INFLATED_PARTS: usize = 64 << 20;
/// Compressed streams of a PDF that are inflated.
pub const MAX_PDF_STREAMS: usize = 1_024;
