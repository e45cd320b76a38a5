//! What a walk gives: functions, what they call, and what each byte was read as.

use super::START;
use crate::disassembly::notes::Notes;

/// A function as far as it was read.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub address: u64,
    pub size: u64,
    pub blocks: u32,
    /// It only jumps to what the loader puts into this slot.
    pub thunk: Option<u32>,
    /// Bytes of arguments that it takes from the stack.
    pub pops: u16,
    /// Text is written to the stack, number by number.
    pub stack_stores: u32,
    /// A short loop changes bytes in place.
    pub decodes: bool,
}

/// What code calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee {
    Address(u64),
    Slot(u32),
}

#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub site: u64,
    pub function: u32,
    pub callee: Callee,
}

/// All that was read.
pub struct Walked {
    pub functions: Vec<Found>,
    pub calls: Vec<Call>,
    pub notes: Notes,
    pub instructions: u64,
    pub bytes: u64,
    pub overlaps: u32,
    /// What each byte of the file was read as.
    pub(super) flags: Vec<u8>,
    pub invalid: u32,
    pub is_cut: bool,
}

impl Walked {
    /// Whether an instruction begins at a place in the file.
    #[must_use]
    pub fn begins_at(&self, offset: u64) -> bool {
        let flags = usize::try_from(offset).ok().and_then(|at| self.flags.get(at));
        flags.is_some_and(|flags| flags & START != 0)
    }
}
