//! Jumps, calls, loops, and the system.

use iced_x86::{Code, FlowControl, Instruction, Mnemonic as M, OpKind};

use super::cpu::{Cpu, Halt};
use super::{CX, SP};

/// `syscall` and `sysenter` as kinds of system calls; interrupts are told by their number.
pub const SYSCALL: u8 = 0;
pub const SYSENTER: u8 = 1;

impl Cpu<'_, '_> {
    pub(super) fn execute_control(&mut self, i: &Instruction) -> Result<(), Halt> {
        match i.mnemonic() {
            M::Syscall => return Err(Halt::System(SYSCALL)),
            M::Sysenter => return Err(Halt::System(SYSENTER)),
            M::Int => {
                return Err(match i.immediate8() {
                    number @ (0x80 | 0x2e) => Halt::System(number),
                    number => Halt::Trap(number),
                });
            }
            M::Int3 => return Err(Halt::Trap(3)),
            M::Int1 => return Err(Halt::Trap(1)),
            M::Hlt | M::In | M::Out => return Err(Halt::Trap(13)),
            M::Ud2 => return Err(Halt::Trap(6)),
            M::Loop | M::Loope | M::Loopne => return self.turn(i),
            M::Jcxz | M::Jecxz | M::Jrcxz => return self.jump_without_count(i),
            _ => {}
        }
        match i.flow_control() {
            FlowControl::ConditionalBranch => {
                if self.holds(i.condition_code()) {
                    self.ip = self.within(i.near_branch_target());
                }
                Ok(())
            }
            FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => {
                self.ip = self.target(i)?;
                Ok(())
            }
            FlowControl::Call | FlowControl::IndirectCall => {
                let target = self.target(i)?;
                self.push(self.ip)?;
                self.ip = target;
                Ok(())
            }
            FlowControl::Return => self.leave(i),
            _ => self.execute_string(i),
        }
    }

    fn target(&mut self, i: &Instruction) -> Result<u64, Halt> {
        // Far branches leave the program's segment.
        if matches!(i.op0_kind(), OpKind::FarBranch16 | OpKind::FarBranch32) {
            return Err(Halt::Unsupported);
        }
        let target = self.get(i, 0)?;
        Ok(self.within(target))
    }

    fn leave(&mut self, i: &Instruction) -> Result<(), Halt> {
        if i.mnemonic() != M::Ret {
            return Err(Halt::Unsupported);
        }
        let target = self.pop()?;
        self.ip = self.within(target);
        if i.op0_kind() == OpKind::Immediate16 {
            let popped = u64::from(i.immediate16());
            self.registers[SP] = self.within(self.registers[SP].wrapping_add(popped));
        }
        Ok(())
    }

    /// Bytes of the counter: an address prefix changes them, which the instruction's code tells.
    fn counter(i: &Instruction) -> usize {
        match i.code() {
            Code::Jcxz_rel8_16
            | Code::Jcxz_rel8_32
            | Code::Loop_rel8_16_CX
            | Code::Loop_rel8_32_CX
            | Code::Loope_rel8_16_CX
            | Code::Loope_rel8_32_CX
            | Code::Loopne_rel8_16_CX
            | Code::Loopne_rel8_32_CX => 2,
            Code::Jrcxz_rel8_16
            | Code::Jrcxz_rel8_64
            | Code::Loop_rel8_16_RCX
            | Code::Loop_rel8_64_RCX
            | Code::Loope_rel8_16_RCX
            | Code::Loope_rel8_64_RCX
            | Code::Loopne_rel8_16_RCX
            | Code::Loopne_rel8_64_RCX => 8,
            _ => 4,
        }
    }

    fn turn(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::counter(i);
        let left = self.registers[CX].wrapping_sub(1);
        self.set_number(CX, size, left);
        let goes_on = left & super::flags::mask(size) != 0
            && match i.mnemonic() {
                M::Loope => self.flags.zero,
                M::Loopne => !self.flags.zero,
                _ => true,
            };
        if goes_on {
            self.ip = self.within(i.near_branch_target());
        }
        Ok(())
    }

    fn jump_without_count(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::counter(i);
        if self.registers[CX] & super::flags::mask(size) == 0 {
            self.ip = self.within(i.near_branch_target());
        }
        Ok(())
    }
}
