//! How much is looked at and reported. Each limit is above what honest files have, and keeps a crafted one from using
//! the sandbox's time and the report's space.

/// Places of one table or one set of words that are reported; the others are counted.
pub const MAX_PLACES: usize = 8;
/// Bytes within which the words of a set must be: unrolled rounds have some 10 - 20 bytes from one to the next.
pub const NEAR: u64 = 512;
/// Names of functions of cryptography that are reported: there are fewer in the list.
pub const MAX_KEYS: usize = 256;
/// Keys and certificates that are looked into. Stores of root certificates have about 150.
pub const MAX_DER_CANDIDATES: usize = 65_536;
/// Bytes of one DER object: certificates with many names have some 100 KiB.
pub const MAX_DER: usize = 1 << 20;
/// Bytes of one PEM block.
pub const MAX_PEM: usize = 1 << 20;
/// Bytes of all PEM blocks together that are decoded.
pub const MAX_PEM_TOTAL: usize = 16 << 20;
/// Regions of high entropy that are reported, the largest.
pub const MAX_REGIONS: usize = 64;
/// Guesses of XOR keys that are reported.
pub const MAX_XOR: usize = 64;
/// Alphabets that are reported.
pub const MAX_ALPHABETS: usize = 64;
/// Bytes that a function of `execute` takes and gives: in base64 twice that is far below the host's 16 MiB.
pub const MAX_DATA: usize = 4 << 20;
/// Characters of a key, nonce or text in the arguments.
pub const MAX_ARGUMENT: usize = 64 << 10;
/// Rounds of PBKDF2, those of all blocks that it derives together: OWASP asks for 600,000 with SHA-256 (2023), which a
/// key and a nonce need three times at most. They take some seconds. Fuzzers have no time for what is only slow.
pub const MAX_ROUNDS: u32 = if cfg!(fuzzing) { 4_000 } else { 4_000_000 };
/// Bytes that PBKDF2 derives.
pub const MAX_DERIVED: usize = 1_024;
