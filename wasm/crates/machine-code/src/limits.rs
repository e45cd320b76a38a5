//! How much of a program is read and run. Each limit is above what a look at it needs, and keeps a crafted program
//! from using the sandbox's time and the report's space.

/// Instructions that are decoded: some 16 MB of code, half a second.
pub const MAX_INSTRUCTIONS: u64 = 4_000_000;
/// Functions that are walked.
pub const MAX_FUNCTIONS: usize = 65_536;
/// Functions that are reported.
pub const MAX_FUNCTIONS_REPORTED: usize = 1_000;
/// Imported functions that one function is reported to call.
pub const MAX_CALLS_OF_FUNCTION: usize = 24;
/// Imported functions that are reported.
pub const MAX_APIS: usize = 1_000;
/// Calls and references that are remembered.
pub const MAX_REFERENCES: usize = 1_000_000;
/// Strings that code refers to that are reported.
pub const MAX_STRINGS: usize = 1_000;
/// Characters of one.
pub const MAX_STRING: usize = 256;
/// Shortest string that is told of.
pub const MIN_STRING: usize = 5;
/// Bytes that names of imported functions take in the facts of functions.
pub const MAX_CALL_TEXT: usize = 1 << 20;
/// Entries of all tables of jumps.
pub const MAX_JUMPS: usize = 1_000_000;
/// Entries of a table of jumps.
pub const MAX_JUMP_TABLE: u64 = 512;
/// Lines that one call lists.
pub const MAX_LINES: usize = 2_000;
/// Lines of the entry point's code that are reported.
pub const ENTRY_LINES: usize = 40;
/// Numbers in code that are looked up as hashes.
pub const MAX_NUMBERS: usize = 65_536;
/// Instructions that are emulated where a sample is code as a whole, all tries together.
pub const MAX_STEPS: u64 = 3_000_000;
/// Instructions that are emulated in a program's functions, all together.
pub const MAX_FUNCTION_STEPS: u64 = 400_000;
/// Instructions that are emulated of one function.
pub const STEPS_OF_FUNCTION: u64 = 20_000;
/// Functions that are emulated.
pub const MAX_EMULATED: usize = 2_000;
/// How often one's memory is looked through.
pub const LOOKS_AT_FUNCTION: u32 = 16;
/// What a call of the system costs in instructions: it is looked up by names.
pub const STEPS_OF_CALL: u64 = 100;
/// Pages of 4 KiB that an emulated program may have: 32 MiB.
pub const MAX_PAGES: usize = 8_192;
/// Calls of the system that are recorded.
pub const MAX_CALLS: usize = 500;
/// Bytes of an argument's text that are recorded.
pub const MAX_ARGUMENT: usize = 256;
/// Arguments of a call that are recorded.
pub const MAX_ARGUMENTS: usize = 12;
/// Files that code makes in memory: each is listed as a child.
pub const MAX_CHILDREN: usize = 32;
/// Bytes of one.
pub const MAX_CHILD: usize = 4 << 20;
/// Bytes of a sample of no known format that is tried as code.
pub const MAX_RAW: usize = 1 << 20;
/// Places of such a sample that are tried.
pub const MAX_TRIES: usize = 8;
/// Fuel that one function of a WebAssembly sample may use: about an instruction each.
pub const WASM_FUEL: u64 = 5_000_000;
/// The same for all together.
pub const MAX_WASM_FUEL: u64 = 20_000_000;
/// Pages of 64 KiB that a WebAssembly sample may have.
pub const MAX_WASM_PAGES: usize = 512;
/// Functions of a WebAssembly sample that are run.
pub const MAX_WASM_RUNS: usize = 64;
/// Imports and exports that are reported, each.
pub const MAX_WASM_NAMES: usize = 500;
