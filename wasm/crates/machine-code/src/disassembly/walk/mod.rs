//! Recursive descent: from each known start along all branches, functions one by one. What was read is marked byte by
//! byte, so that each byte is read once however branches overlap.

mod found;
mod instructions;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use iced_x86::{Decoder, DecoderOptions, Instruction};

pub use found::{Call, Callee, Found, Walked};

use super::notes::Notes;
use super::tables::{Bound, Entry, Tracker};
use super::{prologue, returns};
use crate::limits::{MAX_FUNCTIONS, MAX_INSTRUCTIONS, MAX_JUMPS};
use crate::view::View;

const START: u8 = 1;
const INSIDE: u8 = 2;
const LEADER: u8 = 4;
const FUNCTION: u8 = 8;
/// Of a function that does not come back.
const LAST: u8 = 16;

pub struct Walk<'v, 'd> {
    view: &'v View<'d>,
    decoders: Vec<Option<Decoder<'d>>>,
    /// One for each byte of the file.
    flags: Vec<u8>,
    slots: HashMap<u64, u32>,
    /// Where the slots are: most addresses are outside.
    slot_range: RangeInclusive<u64>,
    /// Slots of functions that do not come back.
    last_slots: HashSet<u64>,
    /// What follows calls of them.
    behind: Vec<u64>,
    pending: Vec<u64>,
    /// Where they begin, and what was let through to there.
    blocks: Vec<(u64, Option<Bound>)>,
    /// What registers hold of slots, by their number.
    held: [Option<u32>; 16],
    /// The last instruction that changed data: for loops.
    changed: u64,
    tracker: Tracker,
    /// Jumps of this function by tables that a block that is still to be read may load.
    waiting: Vec<Entry>,
    /// Where tables of jumps begin.
    tables: BTreeSet<u64>,
    walked: Walked,
    current: Found,
    /// Entries of tables that may still be read.
    jumps: usize,
}

impl<'v, 'd> Walk<'v, 'd> {
    #[must_use]
    pub fn new(view: &'v View<'d>) -> Self {
        let decoder = |region: &file_processor::image::Region| {
            region
                .executable
                .then(|| Decoder::with_ip(view.bits(), view.content(region), region.address, DecoderOptions::NONE))
        };
        let addresses = view.image.slots.iter().map(|slot| slot.address);
        let slot_range = addresses.clone().min().unwrap_or(1)..=addresses.max().unwrap_or(0);
        let slots = (0..).zip(&view.image.slots).map(|(index, slot)| (slot.address, index)).collect();
        Self {
            view,
            decoders: view.image.regions.iter().map(decoder).collect(),
            flags: vec![0; view.data().len()],
            slots,
            slot_range,
            last_slots: returns::never(&view.image.slots),
            behind: Vec::new(),
            pending: Vec::new(),
            blocks: Vec::new(),
            held: [None; 16],
            changed: 0,
            tracker: Tracker::default(),
            waiting: Vec::new(),
            tables: BTreeSet::new(),
            walked: Walked {
                flags: Vec::new(),
                functions: Vec::new(),
                calls: Vec::new(),
                notes: Notes::default(),
                instructions: 0,
                bytes: 0,
                overlaps: 0,
                invalid: 0,
                is_cut: false,
            },
            current: Found::default(),
            jumps: MAX_JUMPS,
        }
    }

    /// Reads all that can be reached from the image's own starts and from `more`, then what looks like functions.
    #[must_use]
    pub fn run(mut self, more: &[u64]) -> Walked {
        let starts = self.view.image.starts.iter().map(|start| start.address);
        let named = self.view.image.functions.iter().map(|function| function.address);
        let mut all: Vec<u64> = more.iter().copied().chain(starts).chain(named).collect();
        // The first is read first.
        all.reverse();
        for address in all {
            self.function(address);
        }
        self.drain();
        self.read_behind();
        self.read_gaps();
        self.walked.flags = self.flags;
        self.walked
    }

    fn drain(&mut self) {
        while let Some(address) = self.pending.pop() {
            self.read_function(address);
        }
    }

    /// Behind a call that does not come back another function begins, unless a branch leads there.
    fn read_behind(&mut self) {
        while let Some(address) = self.behind.pop() {
            let first = returns::padded(self.view, address);
            if self.flag(first).is_some_and(|flag| *flag == 0) {
                self.function(first);
                self.drain();
            }
        }
    }

    /// What no branch leads to, where a compiler's function seems to begin.
    fn read_gaps(&mut self) {
        for index in 0..self.view.image.regions.len() {
            let region = &self.view.image.regions[index];
            if !region.executable {
                continue;
            }
            let (base, offset, content) = (region.address, region.offset, self.view.content(region));
            let first = usize::try_from(offset).unwrap_or(usize::MAX);
            let mut at = 0;
            while let Some(found) = prologue::next(content, at, self.view.bits()) {
                at = found + 1;
                if self.flags.get(first.saturating_add(found)) == Some(&0) {
                    self.function(base + found as u64);
                    self.drain();
                }
            }
        }
    }

    fn flag(&mut self, address: u64) -> Option<&mut u8> {
        let offset = self.view.offset(address)?;
        self.flags.get_mut(usize::try_from(offset).ok()?)
    }

    /// Puts a function on the list, once. False if it does not come back.
    fn function(&mut self, address: u64) -> bool {
        if !self.view.is_code(address) {
            return true;
        }
        let Some(&mut flags) = self.flag(address) else { return true };
        if flags & FUNCTION != 0 {
            return flags & LAST == 0;
        }
        let is_last = flags & LAST != 0 || self.is_last_thunk(address);
        if let Some(flag) = self.flag(address) {
            *flag |= FUNCTION | if is_last { LAST } else { 0 };
        }
        self.pending.push(address);
        !is_last
    }

    fn is_last_thunk(&self, address: u64) -> bool {
        let slot = (!self.last_slots.is_empty()).then(|| returns::thunk(self.view, address)).flatten();
        slot.is_some_and(|slot| self.last_slots.contains(&slot))
    }

    fn read_function(&mut self, address: u64) {
        if self.walked.functions.len() >= MAX_FUNCTIONS {
            self.walked.is_cut = true;
            return;
        }
        self.current = Found { address, ..Found::default() };
        self.held = [None; 16];
        self.changed = 0;
        self.tracker = Tracker::default();
        self.blocks.push((address, None));
        while let Some((start, bound)) = self.blocks.pop() {
            self.tracker.enter(bound);
            self.read_block(start);
            if self.blocks.is_empty() {
                let waiting = std::mem::take(&mut self.waiting);
                for entry in waiting {
                    self.reads_table(&entry);
                }
            }
        }
        self.walked.functions.push(std::mem::take(&mut self.current));
    }

    /// The next block of this function, or the middle of one that was read.
    fn branch(&mut self, target: u64, bound: Option<Bound>) {
        if !self.view.is_code(target) {
            return;
        }
        let Some(flag) = self.flag(target) else { return };
        if *flag & LEADER != 0 {
            return;
        }
        let was_read = *flag & START != 0;
        *flag |= LEADER;
        self.current.blocks += u32::from(was_read);
        if !was_read {
            self.blocks.push((target, bound));
        }
    }

    fn read_block(&mut self, start: u64) {
        let Some(index) = self.view.index(start) else { return };
        let Some(mut decoder) = self.decoders.get_mut(index).and_then(Option::take) else { return };
        let region = &self.view.image.regions[index];
        let inside = usize::try_from(start - region.address).unwrap_or(usize::MAX);
        if decoder.set_position(inside).is_ok() {
            decoder.set_ip(start);
            let first = usize::try_from(region.offset).unwrap_or(usize::MAX).saturating_add(inside);
            self.read_line(&mut decoder, first);
        }
        self.decoders[index] = Some(decoder);
    }

    /// Instruction by instruction, to where the code cannot go on.
    fn read_line(&mut self, decoder: &mut Decoder<'d>, mut at: usize) {
        let mut instruction = Instruction::default();
        let mut is_first = true;
        while decoder.can_decode() {
            let Some(flag) = self.flags.get_mut(at) else { return };
            if *flag & START != 0 {
                return;
            }
            if *flag & INSIDE != 0 {
                self.walked.overlaps += 1;
            }
            if self.walked.instructions >= MAX_INSTRUCTIONS {
                self.walked.is_cut = true;
                return;
            }
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                self.walked.invalid += 1;
                return;
            }
            *flag |= START;
            self.current.blocks += u32::from(is_first);
            is_first = false;
            let length = instruction.len();
            for inside in self.flags.iter_mut().skip(at + 1).take(length - 1) {
                *inside |= INSIDE;
            }
            at += length;
            self.walked.instructions += 1;
            self.walked.bytes += length as u64;
            self.current.size += length as u64;
            if !self.read(&instruction) {
                return;
            }
            if self.flags.get(at).is_some_and(|flag| flag & FUNCTION != 0) {
                return;
            }
        }
    }
}
