//! What a script may use of the host, with the reason of each number.

/// Calls of one run: a loop that polls must end, and a dropper needs some hundreds.
pub const MAX_CALLS: u64 = 20_000;
/// Calls that are not written down: items of dictionaries and states of requests.
pub const MAX_QUIET_CALLS: u64 = 1_000_000;
/// Items of a dictionary that cost as much as a call.
pub const ITEMS_OF_A_CALL: u64 = 32;
/// Calls that are listed: more nobody reads.
pub const MAX_LISTED: usize = 2_000;
/// Calls that are listed beyond, if they start, fetch or stay by a technique: a flood of others hides none of these.
pub const MAX_TELLING_LISTED: usize = 200;
/// Characters of all listed calls, so that the answer stays far below the host's 16 MiB.
pub const MAX_TRACE_TEXT: usize = 2 << 20;
pub const MAX_ARGUMENTS: usize = 12;
/// Characters of an argument, a result or a target.
pub const MAX_TEXT: usize = 512;
/// Targets of each kind that are listed.
pub const MAX_TOUCHED: usize = 300;
/// Targets of each kind beyond, to which more was done than to look at them.
pub const MAX_TELLING: usize = 100;
/// Objects that a script may have of the host: each is small.
pub const MAX_OBJECTS: usize = 50_000;
/// Bytes on the disk that only exists here, of a file and of all: what droppers write is smaller.
pub const MAX_FILE: usize = 16 << 20;
pub const MAX_DISK: usize = 32 << 20;
pub const MAX_FILES: usize = 4_096;
/// Texts that were run as code: each is a child; and bytes of all of them.
pub const MAX_CODE: usize = 256;
pub const MAX_CODE_BYTES: usize = 16 << 20;
/// Bytes of such texts, and of files, that are kept for a run that is stopped; the module keeps 16 MiB in all.
pub const MAX_KEPT_CONTENT: usize = 4 << 20;
/// Bytes that are kept of contents that have no room there.
pub const MAX_KEPT_LOST: usize = 256 << 10;
/// Bytes at the beginning of a file that are kept where the file is not: it may be a program.
pub const KEPT_START: usize = 64;
/// Bytes that one conversion of a text or of a stream may make.
pub const MAX_BYTES: usize = 16 << 20;
/// Items of a collection or a dictionary.
pub const MAX_ITEMS: usize = 65_536;
/// Values of the registry.
pub const MAX_REGISTRY: usize = 4_096;
