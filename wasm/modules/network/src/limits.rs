//! How much is looked at and kept. Each limit is above what honest samples have, and keeps a crafted one from using the
//! sandbox's time and the report's space.

/// Characters of an address: browsers take some 2,000, and a longer one carries data.
pub const MAX_URL: usize = 4_096;
/// Characters of a name in the domain name system (RFC 1035).
pub const MAX_DOMAIN: usize = 253;
/// Characters between two dots (RFC 1035).
pub const MAX_LABEL: usize = 63;
/// Characters before the `@` of a mail address (RFC 5321).
pub const MAX_LOCAL_PART: usize = 64;
/// Characters of a path: Windows' own limit is 260 without a prefix, of long names some thousands.
pub const MAX_PATH: usize = 1_024;
/// Characters of a user agent: real ones have below 300.
pub const MAX_USER_AGENT: usize = 512;
/// Characters of a mutex's name (Windows: MAX_PATH).
pub const MAX_MUTEX: usize = 260;
/// Different indicators that are kept; occurrences of more are counted only.
pub const MAX_KEPT: usize = 100_000;
/// Bytes that the kept ones' texts take together.
pub const MAX_KEPT_TEXT: usize = 16 << 20;
/// Bytes that indicators take in an answer's JSON: the host takes answers of up to 16 MiB.
pub const MAX_REPORTED_TEXT: usize = 6 << 20;
/// Bytes of a text to defang or refang: a long report.
pub const MAX_FANGED_TEXT: usize = 1 << 20;
