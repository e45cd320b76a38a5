//! Operands of instructions: registers, memory, numbers.

use iced_x86::{Instruction, OpKind, Register};

use super::cpu::{Cpu, Halt};
use super::flags::mask;

impl Cpu<'_, '_> {
    pub(super) fn register(&self, register: Register) -> u64 {
        match register {
            Register::AH | Register::CH | Register::DH | Register::BH => self.registers[high(register)] >> 8 & 0xff,
            Register::RIP | Register::EIP => self.ip,
            _ if register.is_gpr() => self.registers[register.full_register().number() & 15] & mask(register.size()),
            // Segment registers as Windows has them; nothing depends on their value.
            Register::CS => 0x33,
            Register::SS | Register::DS | Register::ES | Register::GS => 0x2b,
            Register::FS => 0x53,
            _ => 0,
        }
    }

    pub(super) fn set_register(&mut self, register: Register, value: u64) {
        if let Register::AH | Register::CH | Register::DH | Register::BH = register {
            let full = &mut self.registers[high(register)];
            *full = *full & !0xff00 | (value & 0xff) << 8;
        } else if register.is_gpr() {
            self.set_number(register.full_register().number() & 15, register.size(), value);
        }
    }

    /// 32 bits clear the upper half, fewer leave the rest alone.
    pub(super) fn set_number(&mut self, number: usize, size: usize, value: u64) {
        let full = &mut self.registers[number];
        *full = if size >= 4 { value & mask(size) } else { *full & !mask(size) | value & mask(size) };
    }

    /// Of the memory operand.
    pub(super) fn address(&self, instruction: &Instruction) -> u64 {
        let base = self.offset_of(instruction);
        let segment = match instruction.memory_segment() {
            Register::FS => self.fs,
            Register::GS => self.gs,
            _ => 0,
        };
        self.within(base.wrapping_add(segment))
    }

    /// The same without its segment: what `lea` gives.
    pub(super) fn offset_of(&self, instruction: &Instruction) -> u64 {
        let (base, index) = (instruction.memory_base(), instruction.memory_index());
        let mut address = instruction.memory_displacement64();
        if base != Register::None && !instruction.is_ip_rel_memory_operand() {
            address = address.wrapping_add(self.register(base));
        }
        if index != Register::None {
            let scaled = self.register(index).wrapping_mul(u64::from(instruction.memory_index_scale()));
            address = address.wrapping_add(scaled);
        }
        let width = if base != Register::None { base } else { index };
        match width.size() {
            2 => address & 0xffff,
            4 => address & 0xffff_ffff,
            _ => self.within(address),
        }
    }

    pub(super) fn within(&self, address: u64) -> u64 {
        if self.bits == 64 { address } else { address & 0xffff_ffff }
    }

    pub(super) fn size(instruction: &Instruction, operand: u32) -> usize {
        match instruction.op_kind(operand) {
            OpKind::Register => instruction.op_register(operand).size(),
            OpKind::Memory => instruction.memory_size().size(),
            _ if operand > 0 => Self::size(instruction, 0),
            _ => 8,
        }
    }

    pub(super) fn get(&mut self, instruction: &Instruction, operand: u32) -> Result<u64, Halt> {
        match instruction.op_kind(operand) {
            OpKind::Register => Ok(self.register(instruction.op_register(operand))),
            OpKind::Memory => {
                let address = self.address(instruction);
                let size = instruction.memory_size().size().min(8);
                Ok(self.memory.read(address, size)? as u64)
            }
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => Ok(instruction.near_branch_target()),
            _ => instruction.try_immediate(operand).map_err(|_| Halt::Unsupported),
        }
    }

    pub(super) fn set(&mut self, instruction: &Instruction, operand: u32, value: u64) -> Result<(), Halt> {
        match instruction.op_kind(operand) {
            OpKind::Register => {
                self.set_register(instruction.op_register(operand), value);
                Ok(())
            }
            OpKind::Memory => {
                let address = self.address(instruction);
                self.store(address, instruction.memory_size().size().min(8), u128::from(value))
            }
            _ => Err(Halt::Unsupported),
        }
    }

    /// Writes memory; what was decoded there is forgotten.
    pub(super) fn store(&mut self, address: u64, size: usize, value: u128) -> Result<(), Halt> {
        if self.memory.write(address, size, value)? {
            self.forget(address, size as u64);
        }
        Ok(())
    }

    fn word(&self) -> usize {
        if self.bits == 64 { 8 } else { 4 }
    }

    pub fn push(&mut self, value: u64) -> Result<(), Halt> {
        self.push_sized(value, self.word())
    }

    pub(super) fn push_sized(&mut self, value: u64, size: usize) -> Result<(), Halt> {
        let stack = self.within(self.registers[super::SP].wrapping_sub(size as u64));
        self.store(stack, size, u128::from(value))?;
        self.registers[super::SP] = stack;
        Ok(())
    }

    pub fn pop(&mut self) -> Result<u64, Halt> {
        self.pop_sized(self.word())
    }

    pub(super) fn pop_sized(&mut self, size: usize) -> Result<u64, Halt> {
        let stack = self.registers[super::SP];
        let value = self.memory.read(stack, size)? as u64;
        self.registers[super::SP] = self.within(stack.wrapping_add(size as u64));
        Ok(value)
    }
}

fn high(register: Register) -> usize {
    match register {
        Register::AH => super::AX,
        Register::CH => super::CX,
        Register::DH => super::DX,
        _ => super::BX,
    }
}
