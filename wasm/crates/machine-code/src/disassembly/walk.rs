//! Recursive descent: from each known start along all branches, functions one by one. What was read is marked byte by
//! byte, so that each byte is read once however branches overlap.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::notes::Notes;
use crate::limits::{MAX_FUNCTIONS, MAX_INSTRUCTIONS, MAX_JUMPS, MAX_REFERENCES};
use crate::view::View;

const START: u8 = 1;
const INSIDE: u8 = 2;
const LEADER: u8 = 4;
const FUNCTION: u8 = 8;

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
    pub invalid: u32,
    pub is_cut: bool,
}

pub struct Walk<'v, 'd> {
    view: &'v View<'d>,
    decoders: Vec<Option<Decoder<'d>>>,
    /// One for each byte of the file.
    flags: Vec<u8>,
    slots: HashMap<u64, u32>,
    /// Where the slots are: most addresses are outside.
    slot_range: RangeInclusive<u64>,
    pending: Vec<u64>,
    blocks: Vec<u64>,
    /// What registers hold of slots, by their number.
    held: [Option<u32>; 16],
    /// The last address that was loaded, and the last instruction that changed data: for tables and loops.
    loaded: u64,
    changed: u64,
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
            pending: Vec::new(),
            blocks: Vec::new(),
            held: [None; 16],
            loaded: 0,
            changed: 0,
            walked: Walked {
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
        self.read_gaps();
        self.walked
    }

    fn drain(&mut self) {
        while let Some(address) = self.pending.pop() {
            self.read_function(address);
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

    /// Puts a function on the list, once.
    fn function(&mut self, address: u64) {
        if !self.view.is_code(address) {
            return;
        }
        let Some(flag) = self.flag(address) else { return };
        if *flag & FUNCTION == 0 {
            *flag |= FUNCTION;
            self.pending.push(address);
        }
    }

    fn read_function(&mut self, address: u64) {
        if self.walked.functions.len() >= MAX_FUNCTIONS {
            self.walked.is_cut = true;
            return;
        }
        self.current = Found { address, ..Found::default() };
        self.held = [None; 16];
        (self.loaded, self.changed) = (0, 0);
        self.blocks.push(address);
        while let Some(start) = self.blocks.pop() {
            self.read_block(start);
        }
        self.walked.functions.push(std::mem::take(&mut self.current));
    }

    /// The next block of this function, or the middle of one that was read.
    fn branch(&mut self, target: u64) {
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
            self.blocks.push(target);
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
            FlowControl::Call => {
                if is_near(instruction) {
                    let target = instruction.near_branch_target();
                    self.call(instruction.ip(), Callee::Address(target));
                    self.function(target);
                }
                true
            }
            FlowControl::IndirectCall => {
                self.read_indirect_call(instruction);
                true
            }
            FlowControl::ConditionalBranch => {
                let target = instruction.near_branch_target();
                self.judge_loop(instruction.ip(), target);
                self.branch(target);
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
            self.branch(target);
        }
    }

    fn slot_at(&self, address: u64) -> Option<u32> {
        if self.slot_range.contains(&address) { self.slots.get(&address).copied() } else { None }
    }

    fn slot_of(&self, instruction: &Instruction) -> Option<u32> {
        self.slot_at(super::flow::address_of(instruction)?)
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
        let mut targets = super::flow::jump_table(self.view, instruction, self.loaded);
        self.jumps = self.jumps.saturating_sub(targets.len() + 1);
        targets.reverse();
        for target in targets {
            self.branch(target);
        }
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
        let referred = address.or_else(|| super::flow::number_of(instruction));
        let Some(referred) = referred else { return };
        if instruction.mnemonic() == Mnemonic::Lea {
            self.loaded = referred;
        }
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

/// Of a general register: 0 for `al`, `ax`, `eax` and `rax`.
fn number(register: Register) -> usize {
    register.full_register().number() & 15
}
