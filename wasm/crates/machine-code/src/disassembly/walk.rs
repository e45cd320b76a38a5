//! Recursive descent: from each known start along all branches, functions one by one. What was read is marked byte by
//! byte, so that each byte is read once however branches overlap.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};

use super::flow::number;
use super::notes::Notes;
use super::returns;
use super::tables::{Bound, Entry, Table, Tracker};
use crate::limits::{MAX_FUNCTIONS, MAX_INSTRUCTIONS, MAX_JUMPS, MAX_REFERENCES};
use crate::view::View;

const START: u8 = 1;
const INSIDE: u8 = 2;
const LEADER: u8 = 4;
const FUNCTION: u8 = 8;
/// Of a function that does not come back.
const LAST: u8 = 16;

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
    flags: Vec<u8>,
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
            while let Some(found) = super::prologue::next(content, at, self.view.bits()) {
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

    /// False where the code does not go on.
    fn read(&mut self, instruction: &Instruction) -> bool {
        match instruction.flow_control() {
            FlowControl::Next => {
                self.read_plain(instruction);
                true
            }
            FlowControl::Call | FlowControl::IndirectCall => {
                let comes_back = self.read_call(instruction);
                if !comes_back && self.behind.len() < MAX_FUNCTIONS {
                    self.behind.push(instruction.next_ip());
                }
                comes_back
            }
            FlowControl::ConditionalBranch => {
                let target = instruction.near_branch_target();
                self.judge_loop(instruction.ip(), target);
                let bound = self.tracker.branch(instruction.mnemonic());
                self.branch(target, bound);
                self.current.blocks += 1;
                self.mark_leader(instruction.next_ip());
                true
            }
            FlowControl::UnconditionalBranch => {
                self.read_jump(instruction);
                false
            }
            FlowControl::IndirectBranch => {
                self.read_indirect_jump(instruction);
                false
            }
            FlowControl::Return => {
                if matches!(instruction.op0_kind(), OpKind::Immediate16) {
                    self.current.pops = instruction.immediate16();
                }
                false
            }
            FlowControl::Interrupt => {
                self.walked.notes.interrupt(instruction);
                // A breakpoint is padding behind a call that does not return; `int 29h` ends the program.
                match instruction.mnemonic() {
                    Mnemonic::Int3 | Mnemonic::Ud2 => false,
                    Mnemonic::Int => instruction.immediate8() != 0x29,
                    _ => true,
                }
            }
            FlowControl::Exception => false,
            FlowControl::XbeginXabortXend => true,
        }
    }

    fn mark_leader(&mut self, address: u64) {
        if let Some(flag) = self.flag(address) {
            *flag |= LEADER;
        }
    }

    fn call(&mut self, site: u64, callee: Callee) {
        if self.walked.calls.len() < MAX_REFERENCES {
            let function = u32::try_from(self.walked.functions.len()).unwrap_or(u32::MAX);
            self.walked.calls.push(Call { site, function, callee });
        }
    }

    fn read_jump(&mut self, instruction: &Instruction) {
        if !is_near(instruction) {
            return;
        }
        let target = instruction.near_branch_target();
        self.judge_loop(instruction.ip(), target);
        let is_function = self.flag(target).is_some_and(|flag| *flag & FUNCTION != 0);
        if is_function && target != self.current.address {
            self.call(instruction.ip(), Callee::Address(target));
        } else {
            self.branch(target, None);
        }
    }

    fn slot_at(&self, address: u64) -> Option<u32> {
        if self.slot_range.contains(&address) { self.slots.get(&address).copied() } else { None }
    }

    fn slot_of(&self, instruction: &Instruction) -> Option<u32> {
        self.slot_at(super::flow::address_of(instruction)?)
    }

    /// False where the function that is called does not come back.
    fn read_call(&mut self, instruction: &Instruction) -> bool {
        if is_near(instruction) {
            let target = instruction.near_branch_target();
            self.call(instruction.ip(), Callee::Address(target));
            return self.function(target);
        }
        self.read_indirect_call(instruction);
        !super::flow::address_of(instruction).is_some_and(|slot| self.last_slots.contains(&slot))
    }

    fn read_indirect_call(&mut self, instruction: &Instruction) {
        let slot = match instruction.op0_kind() {
            OpKind::Register => self.held[number(instruction.op0_register())],
            OpKind::Memory => self.slot_of(instruction),
            _ => None,
        };
        if let Some(slot) = slot {
            self.call(instruction.ip(), Callee::Slot(slot));
        }
    }

    fn read_indirect_jump(&mut self, instruction: &Instruction) {
        if let Some(slot) = self.slot_of(instruction) {
            if self.current.blocks <= 1 && self.current.size <= 16 {
                self.current.thunk = Some(slot);
            }
            self.call(instruction.ip(), Callee::Slot(slot));
            return;
        }
        if self.jumps == 0 {
            return;
        }
        if let Some(entry) = self.tracker.entry(self.view, instruction)
            && !self.reads_table(&entry)
        {
            self.waiting.push(entry);
        }
    }

    /// Whether it is known where the table is.
    fn reads_table(&mut self, entry: &Entry) -> bool {
        let table = self.tracker.table(entry);
        for target in table.map_or_else(Vec::new, |table| self.targets(&table)) {
            self.branch(target, None);
        }
        table.is_some()
    }

    /// The last one first. A table whose size nothing says ends where a target is inside of an instruction or a function
    /// begins.
    fn targets(&mut self, table: &Table) -> Vec<u64> {
        self.tables.insert(table.address());
        let all = table.targets(self.view, &self.tables).take(self.jumps);
        let is_one = |&target: &u64| {
            let flags = self.view.offset(target).and_then(|at| self.flags.get(usize::try_from(at).ok()?));
            flags.is_some_and(|flags| flags & FUNCTION == 0 && flags & (START | INSIDE) != INSIDE)
        };
        let mut targets: Vec<u64> = if table.is_bounded() { all.collect() } else { all.take_while(is_one).collect() };
        self.jumps = self.jumps.saturating_sub(targets.len() + 1);
        targets.reverse();
        targets
    }

    fn read_plain(&mut self, instruction: &Instruction) {
        let address = super::flow::address_of(instruction);
        if instruction.op0_kind() == OpKind::Register {
            let register = instruction.op0_register();
            if register.is_gpr() {
                let is_load = instruction.mnemonic() == Mnemonic::Mov && instruction.op1_kind() == OpKind::Memory;
                self.held[number(register)] = address.filter(|_| is_load).and_then(|address| self.slot_at(address));
            }
        }
        if super::flow::changes_data(instruction) {
            self.changed = instruction.ip();
        }
        if super::flow::stores_text_on_stack(instruction) {
            self.current.stack_stores += 1;
        }
        self.walked.notes.plain(instruction, self.view.bits());
        self.tracker.plain(instruction);
        let referred = address.or_else(|| super::flow::number_of(instruction));
        let Some(referred) = referred else { return };
        self.refer(instruction, referred, address.is_none());
    }

    /// An address of code may be a function's; one of data, a string's.
    fn refer(&mut self, instruction: &Instruction, address: u64, is_number: bool) {
        let Some(region) = self.view.region(address) else {
            if is_number {
                self.walked.notes.number(instruction.ip(), address);
            }
            return;
        };
        let may_be_called = region.executable && (is_number || instruction.mnemonic() == Mnemonic::Lea);
        if may_be_called && super::prologue::is_one(self.view.bytes(address), self.view.bits()) {
            self.function(address);
            return;
        }
        self.walked.notes.data(instruction.ip(), address);
    }

    /// A jump back over a few instructions, one of which changes data.
    fn judge_loop(&mut self, from: u64, to: u64) {
        const LONGEST: u64 = 160;
        if to <= from && from - to <= LONGEST && (to..from).contains(&self.changed) {
            self.current.decodes = true;
        }
    }
}

/// Far branches have no target in the program.
fn is_near(instruction: &Instruction) -> bool {
    matches!(instruction.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64)
}
