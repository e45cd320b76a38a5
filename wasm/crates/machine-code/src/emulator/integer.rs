//! Instructions on whole numbers: moves and what is computed of them.

use iced_x86::{ConditionCode, Instruction, Mnemonic as M};

use super::cpu::{Cpu, Halt};
use super::flags::{Flags, mask, sign_bit, signed};
use super::{AX, BP, CX, DX, SP};

impl Cpu<'_, '_> {
    pub(super) fn execute(&mut self, i: &Instruction) -> Result<(), Halt> {
        match i.mnemonic() {
            M::Mov | M::Movzx | M::Movnti => {
                let value = self.get(i, 1)?;
                self.set(i, 0, value)
            }
            M::Movsx | M::Movsxd => {
                let value = signed(self.get(i, 1)?, Self::size(i, 1)).cast_unsigned();
                self.set(i, 0, value)
            }
            M::Lea => {
                let value = self.offset_of(i);
                self.set(i, 0, value)
            }
            M::Push => {
                let value = self.get(i, 0)?;
                self.push_sized(value, self.stack_size(i))
            }
            M::Pop => {
                let value = self.pop_sized(self.stack_size(i))?;
                self.set(i, 0, value)
            }
            M::Xchg => {
                let (a, b) = (self.get(i, 0)?, self.get(i, 1)?);
                self.set(i, 0, b)?;
                self.set(i, 1, a)
            }
            M::Add => self.binary(i, |flags, a, b, size| flags.add(a, b, false, size)),
            M::Adc => self.binary(i, |flags, a, b, size| flags.add(a, b, flags.carry, size)),
            M::Sub => self.binary(i, |flags, a, b, size| flags.sub(a, b, false, size)),
            M::Sbb => self.binary(i, |flags, a, b, size| flags.sub(a, b, flags.carry, size)),
            M::And => self.binary(i, |flags, a, b, size| logic(flags, a & b, size)),
            M::Or => self.binary(i, |flags, a, b, size| logic(flags, a | b, size)),
            M::Xor => self.binary(i, |flags, a, b, size| logic(flags, a ^ b, size)),
            M::Cmp => {
                let (a, b, size) = (self.get(i, 0)?, self.get(i, 1)?, Self::size(i, 0));
                self.flags.sub(a, b, false, size);
                Ok(())
            }
            M::Test => {
                let (a, b, size) = (self.get(i, 0)?, self.get(i, 1)?, Self::size(i, 0));
                self.flags.logic(a & b, size);
                Ok(())
            }
            M::Inc => self.count(i, Flags::add),
            M::Dec => self.count(i, Flags::sub),
            M::Neg => {
                let (a, size) = (self.get(i, 0)?, Self::size(i, 0));
                let mut flags = self.flags;
                let result = flags.sub(0, a, false, size);
                self.set(i, 0, result)?;
                self.flags = flags;
                Ok(())
            }
            M::Not => {
                let value = !self.get(i, 0)?;
                self.set(i, 0, value)
            }
            M::Cmpxchg => self.compare_exchange(i),
            M::Xadd => {
                let (a, b, size) = (self.get(i, 0)?, self.get(i, 1)?, Self::size(i, 0));
                let mut flags = self.flags;
                let sum = flags.add(a, b, false, size);
                self.set(i, 1, a)?;
                self.set(i, 0, sum)?;
                self.flags = flags;
                Ok(())
            }
            M::Cbw | M::Cwde | M::Cdqe | M::Cwd | M::Cdq | M::Cqo => {
                self.extend(i.mnemonic());
                Ok(())
            }
            M::Bswap => self.swap_bytes(i),
            M::Leave => {
                self.registers[SP] = self.registers[BP];
                let frame = self.pop()?;
                self.registers[BP] = frame;
                Ok(())
            }
            M::Xlatb => {
                let table = self.registers[super::BX].wrapping_add(self.registers[AX] & 0xff);
                let value = u64::from(self.memory.byte(self.within(table))?);
                self.set_number(AX, 1, value);
                Ok(())
            }
            _ => self.execute_more(i),
        }
    }

    fn execute_more(&mut self, i: &Instruction) -> Result<(), Halt> {
        match i.mnemonic() {
            M::Pushfq => self.push(self.flags.word()),
            M::Pushfd => self.push_sized(self.flags.word(), 4),
            M::Popfq => {
                self.flags = Flags::of(self.pop()?);
                Ok(())
            }
            M::Popfd => {
                self.flags = Flags::of(self.pop_sized(4)?);
                Ok(())
            }
            M::Pushad => self.push_all(),
            M::Popad => self.pop_all(),
            M::Lahf => {
                let flags = self.flags.word() & 0xff;
                self.registers[AX] = self.registers[AX] & !0xff00 | flags << 8;
                Ok(())
            }
            M::Sahf => {
                let (overflow, direction) = (self.flags.overflow, self.flags.direction);
                self.flags = Flags { overflow, direction, ..Flags::of(self.registers[AX] >> 8) };
                Ok(())
            }
            M::Clc => self.change(|flags| flags.carry = false),
            M::Stc => self.change(|flags| flags.carry = true),
            M::Cmc => self.change(|flags| flags.carry = !flags.carry),
            M::Cld => self.change(|flags| flags.direction = false),
            M::Std => self.change(|flags| flags.direction = true),
            M::Salc => {
                let value = if self.flags.carry { 0xff } else { 0 };
                self.set_number(AX, 1, value);
                Ok(())
            }
            M::Nop
            | M::Endbr64
            | M::Endbr32
            | M::Pause
            | M::Mfence
            | M::Lfence
            | M::Sfence
            | M::Prefetchnta
            | M::Fnop
            | M::Wait
            | M::Prefetcht0
            | M::Emms
            | M::Cli
            | M::Sti => Ok(()),
            M::Cpuid => {
                self.identify();
                Ok(())
            }
            M::Rdtsc => {
                // A clock that only counts what was run.
                let time = 0x1_0000_0000 + 16 * self.steps;
                self.registers[AX] = time & 0xffff_ffff;
                self.registers[DX] = time >> 32;
                Ok(())
            }
            mnemonic if is_move_if(mnemonic) => {
                let (value, old) = (self.get(i, 1)?, self.get(i, 0)?);
                let holds = self.holds(i.condition_code());
                self.set(i, 0, if holds { value } else { old })
            }
            mnemonic if is_set_if(mnemonic) => {
                let holds = self.holds(i.condition_code());
                self.set(i, 0, u64::from(holds))
            }
            _ => self.execute_arithmetic(i),
        }
    }

    fn stack_size(&self, i: &Instruction) -> usize {
        match i.stack_pointer_increment().unsigned_abs() {
            2 => 2,
            4 => 4,
            _ => 8,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Flags)) -> Result<(), Halt> {
        change(&mut self.flags);
        Ok(())
    }

    /// Flags change only with the result: a fault leaves both as they were.
    fn binary(&mut self, i: &Instruction, compute: impl Fn(&mut Flags, u64, u64, usize) -> u64) -> Result<(), Halt> {
        let (a, b, size) = (self.get(i, 0)?, self.get(i, 1)?, Self::size(i, 0));
        let mut flags = self.flags;
        let result = compute(&mut flags, a, b, size);
        self.set(i, 0, result)?;
        self.flags = flags;
        Ok(())
    }

    fn count(
        &mut self,
        i: &Instruction,
        compute: impl Fn(&mut Flags, u64, u64, bool, usize) -> u64,
    ) -> Result<(), Halt> {
        let carry = self.flags.carry;
        self.binary(i, |flags, a, _, size| compute(flags, a, 1, false, size)).map(|()| self.flags.carry = carry)
    }

    fn compare_exchange(&mut self, i: &Instruction) -> Result<(), Halt> {
        let (target, source, size) = (self.get(i, 0)?, self.get(i, 1)?, Self::size(i, 0));
        let expected = self.registers[AX] & mask(size);
        let mut flags = self.flags;
        flags.sub(expected, target, false, size);
        if flags.zero {
            self.set(i, 0, source)?;
        } else {
            // The target is written in either case.
            self.set(i, 0, target)?;
            self.set_number(AX, size, target);
        }
        self.flags = flags;
        Ok(())
    }

    fn extend(&mut self, mnemonic: M) {
        let low = self.registers[AX];
        let sign = |size: usize| if low & sign_bit(size) != 0 { u64::MAX } else { 0 };
        match mnemonic {
            M::Cbw => self.set_number(AX, 2, signed(low, 1).cast_unsigned()),
            M::Cwde => self.set_number(AX, 4, signed(low, 2).cast_unsigned()),
            M::Cdqe => self.set_number(AX, 8, signed(low, 4).cast_unsigned()),
            M::Cwd => self.set_number(DX, 2, sign(2)),
            M::Cdq => self.set_number(DX, 4, sign(4)),
            _ => self.set_number(DX, 8, sign(8)),
        }
    }

    fn swap_bytes(&mut self, i: &Instruction) -> Result<(), Halt> {
        let (value, size) = (self.get(i, 0)?, Self::size(i, 0));
        let swapped = match size {
            8 => value.swap_bytes(),
            4 => u64::from((value as u32).swap_bytes()),
            _ => return Err(Halt::Unsupported),
        };
        self.set(i, 0, swapped)
    }

    fn push_all(&mut self) -> Result<(), Halt> {
        let before = self.registers;
        for &value in &before[..8] {
            self.push_sized(value, 4)?;
        }
        Ok(())
    }

    fn pop_all(&mut self) -> Result<(), Halt> {
        for number in (0..8).rev() {
            let value = self.pop_sized(4)?;
            if number != SP {
                self.registers[number] = value;
            }
        }
        Ok(())
    }

    /// An ordinary processor, not a virtual one.
    fn identify(&mut self) {
        let words: [u64; 4] = match self.registers[AX] & 0xffff_ffff {
            0 => [0x16, 0x756e_6547, 0x6c65_746e, 0x4965_6e69],
            1 => [0x000a_0652, 0x0010_0800, 0x7ffa_fbbf & !(1 << 31), 0xbfeb_fbff],
            0x8000_0000 => [0x8000_0008, 0, 0, 0],
            _ => [0; 4],
        };
        for (number, word) in [AX, super::BX, CX, DX].into_iter().zip(words) {
            self.registers[number] = word;
        }
    }

    pub(super) fn holds(&self, condition: ConditionCode) -> bool {
        let Flags { carry, parity, zero, sign, overflow, .. } = self.flags;
        match condition {
            ConditionCode::o => overflow,
            ConditionCode::no => !overflow,
            ConditionCode::b => carry,
            ConditionCode::ae => !carry,
            ConditionCode::e => zero,
            ConditionCode::ne => !zero,
            ConditionCode::be => carry || zero,
            ConditionCode::a => !carry && !zero,
            ConditionCode::s => sign,
            ConditionCode::ns => !sign,
            ConditionCode::p => parity,
            ConditionCode::np => !parity,
            ConditionCode::l => sign != overflow,
            ConditionCode::ge => sign == overflow,
            ConditionCode::le => zero || sign != overflow,
            ConditionCode::g => !zero && sign == overflow,
            _ => false,
        }
    }
}

fn logic(flags: &mut Flags, result: u64, size: usize) -> u64 {
    flags.logic(result, size);
    result
}

fn is_move_if(mnemonic: M) -> bool {
    matches!(
        mnemonic,
        M::Cmova
            | M::Cmovae
            | M::Cmovb
            | M::Cmovbe
            | M::Cmove
            | M::Cmovg
            | M::Cmovge
            | M::Cmovl
            | M::Cmovle
            | M::Cmovne
            | M::Cmovno
            | M::Cmovnp
            | M::Cmovns
            | M::Cmovo
            | M::Cmovp
            | M::Cmovs
    )
}

fn is_set_if(mnemonic: M) -> bool {
    matches!(
        mnemonic,
        M::Seta
            | M::Setae
            | M::Setb
            | M::Setbe
            | M::Sete
            | M::Setg
            | M::Setge
            | M::Setl
            | M::Setle
            | M::Setne
            | M::Setno
            | M::Setnp
            | M::Setns
            | M::Seto
            | M::Setp
            | M::Sets
    )
}
