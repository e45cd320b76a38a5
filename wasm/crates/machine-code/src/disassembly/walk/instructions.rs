//! What one instruction says: where the code goes on, what it calls, and which addresses it names.

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind};

use super::{Call, Callee, FUNCTION, INSIDE, LEADER, START, Walk};
use crate::disassembly::flow::{address_of, changes_data, number, number_of, stores_text_on_stack};
use crate::disassembly::prologue;
use crate::disassembly::tables::{Entry, Table};
use crate::limits::{MAX_FUNCTIONS, MAX_REFERENCES};

impl Walk<'_, '_> {
    /// False where the code does not go on.
    pub(super) fn read(&mut self, instruction: &Instruction) -> bool {
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
        self.slot_at(address_of(instruction)?)
    }

    /// False where the function that is called does not come back.
    fn read_call(&mut self, instruction: &Instruction) -> bool {
        if is_near(instruction) {
            let target = instruction.near_branch_target();
            self.call(instruction.ip(), Callee::Address(target));
            return self.function(target);
        }
        self.read_indirect_call(instruction);
        !address_of(instruction).is_some_and(|slot| self.last_slots.contains(&slot))
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
    pub(super) fn reads_table(&mut self, entry: &Entry) -> bool {
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
        let address = address_of(instruction);
        if instruction.op0_kind() == OpKind::Register {
            let register = instruction.op0_register();
            if register.is_gpr() {
                let is_load = instruction.mnemonic() == Mnemonic::Mov && instruction.op1_kind() == OpKind::Memory;
                self.held[number(register)] = address.filter(|_| is_load).and_then(|address| self.slot_at(address));
            }
        }
        if changes_data(instruction) {
            self.changed = instruction.ip();
        }
        if stores_text_on_stack(instruction) {
            self.current.stack_stores += 1;
        }
        self.walked.notes.plain(instruction, self.view.bits());
        self.tracker.plain(instruction);
        let referred = address.or_else(|| number_of(instruction));
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
        if may_be_called && prologue::is_one(self.view.bytes(address), self.view.bits()) {
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
