//! Tables of jumps: where they are, and how many entries the code before the jump lets through.

use std::collections::BTreeSet;

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::flow::number;
use crate::limits::MAX_JUMP_TABLE;
use crate::view::View;

/// How many values an index may have behind a compare or a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    place: Place,
    values: u64,
}

/// Where a value is that was compared: a register, or memory by base and displacement, from which an index is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Register(Register),
    Memory(Register, u64),
}

impl Bound {
    /// With the limit.
    const fn and_itself(self) -> Self {
        Self { values: self.values + 1, ..self }
    }
}

/// How an entry of 32 bits is loaded: by a register that has the table's address, or none, and an index.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    base: Register,
    displacement: u64,
    values: Option<u64>,
}

/// Its entries are targets, or their distances from a base.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    address: u64,
    base: u64,
    values: Option<u64>,
}

impl Table {
    /// Where its entries lead, as far as they are addresses of code and no other table begins.
    pub fn targets<'a>(&self, view: &'a View, starts: &'a BTreeSet<u64>) -> impl Iterator<Item = u64> + 'a {
        let Self { address, base, values } = *self;
        let next = starts.range(address.saturating_add(1)..).next().copied().unwrap_or(u64::MAX);
        let room = (next - address) / 4;
        let count = values.unwrap_or(MAX_JUMP_TABLE).min(room).min(MAX_JUMP_TABLE);
        let is_wide = view.bits() == 64;
        let target = move |entry: u32| match is_wide {
            true => base.wrapping_add_signed(i64::from(entry.cast_signed())),
            false => u64::from(entry),
        };
        let entry = move |index: u64| view.u32(address.wrapping_add(4 * index)).map(target);
        (0..count).map_while(entry).take_while(|&target| view.is_code(target))
    }

    /// Whether it is known how many entries it has.
    pub const fn is_bounded(&self) -> bool {
        self.values.is_some()
    }

    pub const fn address(&self) -> u64 {
        self.address
    }
}

/// What the instructions before a jump say of its table.
#[derive(Debug, Default)]
pub struct Tracker {
    /// Addresses that registers were given, by their number.
    bases: [u64; 16],
    compared: Option<Bound>,
    bound: Option<Bound>,
    /// The entry that was loaded last, and to where.
    loaded: Option<(Entry, Register)>,
}

impl Tracker {
    /// At the start of a block that is reached with what a compare let through.
    pub const fn enter(&mut self, bound: Option<Bound>) {
        self.bound = bound;
        self.compared = None;
        self.loaded = None;
    }

    pub fn plain(&mut self, instruction: &Instruction) {
        match instruction.mnemonic() {
            Mnemonic::Cmp => self.compared = limit(instruction),
            Mnemonic::And => {
                self.forget(instruction);
                let mask = limit(instruction).filter(|mask| matches!(mask.place, Place::Register(_)));
                self.bound = mask.map(Bound::and_itself).or(self.bound);
            }
            Mnemonic::Mov | Mnemonic::Movsxd | Mnemonic::Movzx if self.copies(instruction) => {}
            mnemonic => {
                if mnemonic == Mnemonic::Lea {
                    self.lea(instruction);
                }
                self.forget(instruction);
            }
        }
    }

    /// What is let through to the target of a conditional jump; behind it goes on what it does not take.
    pub fn branch(&mut self, mnemonic: Mnemonic) -> Option<Bound> {
        let bound = self.compared?;
        match mnemonic {
            Mnemonic::Ja => self.bound = Some(bound.and_itself()),
            Mnemonic::Jae => self.bound = Some(bound),
            Mnemonic::Jbe => return Some(bound.and_itself()),
            Mnemonic::Jb => return Some(bound),
            _ => {}
        }
        None
    }

    /// The entry of a table that an indirect jump goes by.
    pub fn entry(&self, view: &View, jump: &Instruction) -> Option<Entry> {
        if view.bits() == 64 {
            let (entry, register) = self.loaded.filter(|_| jump.op0_kind() == OpKind::Register)?;
            let target = jump.op0_register().full_register();
            return (target == register || target == entry.base).then_some(entry);
        }
        let has_index = jump.memory_index() != Register::None && jump.op0_kind() == OpKind::Memory;
        let values = self.values_of(jump.memory_index());
        let entry = Entry { base: Register::None, displacement: jump.memory_displacement64(), values };
        (has_index && jump.memory_index_scale() == 4).then_some(entry)
    }

    /// None as long as its register was not seen to be given an address.
    pub fn table(&self, entry: &Entry) -> Option<Table> {
        let Entry { base, displacement, values } = *entry;
        let base = if base == Register::None { 0 } else { Some(self.bases[number(base)]).filter(|&base| base != 0)? };
        Some(Table { address: base.wrapping_add(displacement), base, values })
    }

    fn values_of(&self, index: Register) -> Option<u64> {
        let is_index = |it: &Bound| it.place == Place::Register(index.full_register());
        self.bound.filter(is_index).map(|bound| bound.values)
    }

    fn lea(&mut self, instruction: &Instruction) {
        if let Some(address) = super::flow::address_of(instruction) {
            self.bases[number(instruction.op0_register())] = address;
        }
    }

    /// Whether a bound went where its register is copied to. An entry is loaded by base and index.
    fn copies(&mut self, instruction: &Instruction) -> bool {
        let to = instruction.op0_register().full_register();
        if instruction.op1_kind() == OpKind::Register {
            let from = instruction.op1_register().full_register();
            return self.follow(Place::Register(from), to);
        }
        if self.follow(in_memory(instruction, 1), to) {
            return true;
        }
        if instruction.memory_index_scale() == 4 && instruction.memory_base() != Register::None {
            let values = self.values_of(instruction.memory_index());
            let base = instruction.memory_base().full_register();
            self.loaded = Some((Entry { base, displacement: instruction.memory_displacement64(), values }, to));
        }
        false
    }

    /// Whether what is loaded from a place is bounded, as it is.
    fn follow(&mut self, from: Place, to: Register) -> bool {
        let bound = self.bound.as_mut().filter(|bound| bound.place == from);
        bound.is_some_and(|bound| {
            bound.place = Place::Register(to);
            true
        })
    }

    /// A register that has another value now is not bounded, nor has it an address.
    fn forget(&mut self, instruction: &Instruction) {
        if instruction.op0_kind() != OpKind::Register {
            return;
        }
        let register = instruction.op0_register().full_register();
        self.bound = self.bound.filter(|bound| bound.place != Place::Register(register));
    }
}

/// Memory that an operand names without an index.
fn in_memory(instruction: &Instruction, operand: u32) -> Place {
    let is_plain = instruction.op_kind(operand) == OpKind::Memory && instruction.memory_index() == Register::None;
    let base = if is_plain { instruction.memory_base() } else { Register::None };
    Place::Memory(base, if is_plain { instruction.memory_displacement64() } else { u64::MAX })
}

/// The number that a value is compared with or masked by.
fn limit(instruction: &Instruction) -> Option<Bound> {
    let place = match instruction.op0_kind() {
        OpKind::Register => Place::Register(instruction.op0_register().full_register()),
        _ => in_memory(instruction, 0),
    };
    let values = instruction.try_immediate(1).ok()?;
    (values < MAX_JUMP_TABLE).then_some(Bound { place, values })
}
