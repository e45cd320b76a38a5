//! How much of rules and matches is taken and reported. Each limit is above what honest rule sets have, and keeps a
//! crafted one from using the sandbox's time and the report's space.

/// Bytes of all rule texts of one set, includes read twice counted twice: large public collections have 5 - 10 MiB.
pub const MAX_SOURCE: usize = 16 << 20;
/// Files that are included, those read again counted again: two that include the next one twice double at each step.
pub const MAX_INCLUDES: usize = 10_000;
/// Includes inside each other: compiling recurses.
pub const MAX_INCLUDE_DEPTH: usize = 16;
/// Bytes of a compiled set: in base64 it must fit into the host's 16 MiB.
pub const MAX_SET: usize = 11 << 20;
/// External variables.
pub const MAX_EXTERNALS: usize = 256;
/// Operators before one operand.
pub const MAX_PREFIXES: usize = 1_000;
/// Errors and warnings that are told.
pub const MAX_PROBLEMS: usize = 100;
/// Characters of one of them: it may quote the rule.
pub const MAX_MESSAGE: usize = 500;
/// Rules of a set that are listed.
pub const MAX_LISTED: usize = 5_000;
/// Rules that match and are told in full.
pub const MAX_RULES: usize = 256;
/// Strings of a rule that are told.
pub const MAX_STRINGS: usize = 64;
/// Matches of a string that are told.
pub const MAX_MATCHES: usize = 32;
/// Matches of all strings that are told.
pub const MAX_ALL_MATCHES: usize = 4_096;
/// Matches of a string that are looked for, as boreal and yara do by default.
pub const MAX_FOUND: u32 = 1_000;
/// Bytes of a match that are told.
pub const MAX_DATA: usize = 64;
/// Bytes of a text in a rule's metadata.
pub const MAX_META: usize = 1_024;
/// Pairs of a rule's metadata, and its tags.
pub const MAX_METAS: usize = 64;
/// Bytes of the texts that a set is split into: they travel in one answer of 16 MiB, and JSON may double them.
pub const MAX_PARTS: usize = 7 << 20;
/// Sets of rules by the beginning of their names that are looked up for one rule.
pub const MAX_WILDCARDS: usize = 16;
/// How often `repeat` matches.
pub const MAX_TIMES: u32 = 1_000;
