//! Instructions on strings, one turn at a time: a repeated one comes again until its count is used up.

use iced_x86::{Instruction, Mnemonic as M, Register};

use super::cpu::{Cpu, Halt};
use super::{AX, CX, DI, SI};

impl Cpu<'_, '_> {
    pub(super) fn execute_string(&mut self, i: &Instruction) -> Result<(), Halt> {
        if !i.is_string_instruction() {
            return self.execute_vector(i);
        }
        let repeats = i.has_rep_prefix() || i.has_repne_prefix();
        let wide = self.address_size(i);
        if repeats && self.registers[CX] & super::flags::mask(wide) == 0 {
            return Ok(());
        }
        let size = i.memory_size().size();
        let compares = self.do_one(i, size, wide)?;
        if !repeats {
            return Ok(());
        }
        let left = self.registers[CX].wrapping_sub(1);
        self.set_number(CX, wide, left);
        let wanted = !i.has_repne_prefix();
        if left & super::flags::mask(wide) != 0 && (!compares || self.flags.zero == wanted) {
            self.ip = i.ip();
        }
        Ok(())
    }

    /// True for those that compare, whose repetition depends on the outcome.
    fn do_one(&mut self, i: &Instruction, size: usize, wide: usize) -> Result<bool, Halt> {
        let source = self.registers[SI] & super::flags::mask(wide);
        let source_address = match i.memory_segment() {
            Register::FS => self.within(source.wrapping_add(self.fs)),
            Register::GS => self.within(source.wrapping_add(self.gs)),
            _ => source,
        };
        let target = self.registers[DI] & super::flags::mask(wide);
        let all = self.registers[AX] & super::flags::mask(size);
        match i.mnemonic() {
            M::Movsb | M::Movsw | M::Movsd | M::Movsq => {
                let value = self.memory.read(source_address, size)?;
                self.store(target, size, value)?;
                self.advance(SI, size, wide);
                self.advance(DI, size, wide);
                Ok(false)
            }
            M::Stosb | M::Stosw | M::Stosd | M::Stosq => {
                self.store(target, size, u128::from(all))?;
                self.advance(DI, size, wide);
                Ok(false)
            }
            M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq => {
                let value = self.memory.read(source_address, size)? as u64;
                self.set_number(AX, size, value);
                self.advance(SI, size, wide);
                Ok(false)
            }
            M::Scasb | M::Scasw | M::Scasd | M::Scasq => {
                let value = self.memory.read(target, size)? as u64;
                self.flags.sub(all, value, false, size);
                self.advance(DI, size, wide);
                Ok(true)
            }
            M::Cmpsb | M::Cmpsw | M::Cmpsd | M::Cmpsq => {
                let (a, b) = (self.memory.read(source_address, size)? as u64, self.memory.read(target, size)? as u64);
                self.flags.sub(a, b, false, size);
                self.advance(SI, size, wide);
                self.advance(DI, size, wide);
                Ok(true)
            }
            _ => Err(Halt::Trap(13)),
        }
    }

    fn advance(&mut self, number: usize, size: usize, wide: usize) {
        let step = size as u64;
        let moved = if self.flags.direction {
            self.registers[number].wrapping_sub(step)
        } else {
            self.registers[number].wrapping_add(step)
        };
        self.set_number(number, wide, moved);
    }

    /// Bytes of an address, by the registers that the instruction has for them.
    fn address_size(&self, i: &Instruction) -> usize {
        use iced_x86::OpKind::{MemoryESDI, MemoryESEDI, MemorySegESI, MemorySegSI};
        let kinds = [i.op0_kind(), i.op1_kind()];
        if kinds.iter().any(|kind| matches!(kind, MemoryESEDI | MemorySegESI)) {
            4
        } else if kinds.iter().any(|kind| matches!(kind, MemoryESDI | MemorySegSI)) {
            2
        } else {
            8
        }
    }
}
