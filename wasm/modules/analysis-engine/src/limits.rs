//! Limits, each with its reason. The reports come from modules that have read hostile bytes.

/// Findings that are counted: four times what one module may list.
pub const MAX_FINDINGS: usize = 4_096;
/// Things that rules can ask for: imports are the most of it, and a linker makes no more than some thousands.
pub const MAX_ATOMS: usize = 50_000;
/// Characters of one of them; names of symbols can be longer, and no rule asks for such.
pub const MAX_ATOM: usize = 160;
/// Contributions that are listed. More than that say nothing to a person; all are counted.
pub const MAX_LISTED: usize = 64;
/// Techniques, and findings named with each.
pub const MAX_TECHNIQUES: usize = 128;
pub const MAX_OF_TECHNIQUE: usize = 16;
/// Pieces of support that a finding quotes.
pub const MAX_SUPPORT: usize = 12;
