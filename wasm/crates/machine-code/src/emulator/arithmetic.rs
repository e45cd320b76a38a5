//! Shifts, rotations, multiplication, division, and instructions on single bits.

use iced_x86::{Instruction, Mnemonic as M, OpKind};

use super::cpu::{Cpu, Halt};
use super::flags::{mask, sign_bit, signed};
use super::{AX, DX};

impl Cpu<'_, '_> {
    pub(super) fn execute_arithmetic(&mut self, i: &Instruction) -> Result<(), Halt> {
        match i.mnemonic() {
            M::Shl | M::Sal | M::Shr | M::Sar => self.shift(i),
            M::Rol | M::Ror => self.rotate(i),
            M::Rcl | M::Rcr => self.rotate_through_carry(i),
            M::Shld | M::Shrd => self.shift_double(i),
            M::Mul => self.multiply(i),
            M::Imul => self.multiply_signed(i),
            M::Div => self.divide(i),
            M::Idiv => self.divide_signed(i),
            M::Bt | M::Bts | M::Btr | M::Btc => self.test_bit(i),
            M::Bsf | M::Bsr | M::Tzcnt | M::Lzcnt | M::Popcnt => self.scan_bits(i),
            _ => self.execute_control(i),
        }
    }

    /// The count of a shift: five bits of it, of 64-bit numbers six.
    fn shift_count(&mut self, i: &Instruction, operand: u32, size: usize) -> Result<u32, Halt> {
        let count = self.get(i, operand)?;
        Ok((count & if size == 8 { 63 } else { 31 }) as u32)
    }

    fn shift(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let count = self.shift_count(i, 1, size)?;
        let value = self.get(i, 0)? & mask(size);
        if count == 0 {
            return self.set(i, 0, value);
        }
        // One bit short of the whole: the bit that goes out last is at an end of it.
        let wide = u128::from(value);
        let (before, result) = match i.mnemonic() {
            M::Shr => (wide >> (count - 1), wide >> count),
            M::Sar => {
                let value = i128::from(signed(value, size));
                ((value >> (count - 1)).cast_unsigned(), (value >> count).cast_unsigned())
            }
            _ => (wide << (count - 1), wide << count),
        };
        let (before, result) = (before as u64, result as u64 & mask(size));
        let mut flags = self.flags;
        flags.result(result, size);
        flags.adjust = false;
        let is_left = !matches!(i.mnemonic(), M::Shr | M::Sar);
        flags.carry = before & if is_left { sign_bit(size) } else { 1 } != 0;
        flags.overflow = (before ^ result) & sign_bit(size) != 0;
        self.set(i, 0, result)?;
        self.flags = flags;
        Ok(())
    }

    fn rotate(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let count = self.shift_count(i, 1, size)?;
        let value = self.get(i, 0)? & mask(size);
        let bits = 8 * size as u32;
        let turn = count % bits;
        let left = if i.mnemonic() == M::Rol { turn } else { (bits - turn) % bits };
        let result = if left == 0 { value } else { (value << left | value >> (bits - left)) & mask(size) };
        self.set(i, 0, result)?;
        if count != 0 {
            let top = result & sign_bit(size) != 0;
            if i.mnemonic() == M::Rol {
                self.flags.carry = result & 1 != 0;
                self.flags.overflow = top != self.flags.carry;
            } else {
                self.flags.carry = top;
                self.flags.overflow = top != (result & sign_bit(size) >> 1 != 0);
            }
        }
        Ok(())
    }

    /// The carry is one more bit of the number.
    fn rotate_through_carry(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let bits = 8 * size as u32 + 1;
        let count = self.shift_count(i, 1, size)? % bits;
        let value = self.get(i, 0)? & mask(size);
        let all = u128::from(value) | u128::from(self.flags.carry) << (bits - 1);
        let left = if i.mnemonic() == M::Rcl { count } else { (bits - count) % bits };
        let turned = if left == 0 { all } else { (all << left | all >> (bits - left)) & ((1 << bits) - 1) };
        let result = turned as u64 & mask(size);
        self.set(i, 0, result)?;
        if count != 0 {
            self.flags.carry = turned >> (bits - 1) & 1 != 0;
            self.flags.overflow = (value ^ result) & sign_bit(size) != 0;
        }
        Ok(())
    }

    fn shift_double(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let bits = 8 * size as u32;
        let count = self.shift_count(i, 2, size)?;
        let (value, more) = (self.get(i, 0)? & mask(size), self.get(i, 1)? & mask(size));
        if count == 0 {
            return self.set(i, 0, value);
        }
        // Of 16 bits a larger count is undefined.
        if count > bits {
            return Err(Halt::Unsupported);
        }
        let is_left = i.mnemonic() == M::Shld;
        let wide = if is_left {
            u128::from(value) << bits | u128::from(more)
        } else {
            u128::from(more) << bits | u128::from(value)
        };
        let shifted = |count: u32| {
            let wide = if is_left { wide << count >> bits } else { wide >> count };
            wide as u64 & mask(size)
        };
        let (before, result) = (shifted(count - 1), shifted(count));
        let carry = wide >> (if is_left { 2 * bits - count } else { count - 1 }) & 1 != 0;
        self.set(i, 0, result)?;
        self.flags.result(result, size);
        self.flags.adjust = false;
        self.flags.carry = carry;
        self.flags.overflow = (before ^ result) & sign_bit(size) != 0;
        Ok(())
    }

    /// `al`, or a register and its other half in `dx`.
    fn set_product(&mut self, low: u64, high: u64, size: usize) {
        if size == 1 {
            self.set_number(AX, 2, low & 0xff | high << 8);
        } else {
            self.set_number(AX, size, low);
            self.set_number(DX, size, high);
        }
    }

    fn multiply(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let product = u128::from(self.registers[AX] & mask(size)) * u128::from(self.get(i, 0)? & mask(size));
        let (low, high) = (product as u64 & mask(size), (product >> (8 * size)) as u64 & mask(size));
        self.set_product(low, high, size);
        self.judge_product(low, high != 0, size);
        Ok(())
    }

    fn judge_product(&mut self, low: u64, is_cut: bool, size: usize) {
        self.flags.result(low, size);
        self.flags.adjust = false;
        (self.flags.carry, self.flags.overflow) = (is_cut, is_cut);
    }

    fn multiply_signed(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let number = |value: u64| i128::from(signed(value, size));
        let product = match i.op_count() {
            1 => number(self.registers[AX]) * number(self.get(i, 0)?),
            2 => number(self.get(i, 0)?) * number(self.get(i, 1)?),
            _ => number(self.get(i, 1)?) * number(self.get(i, 2)?),
        };
        let bits = product.cast_unsigned();
        let (low, high) = (bits as u64 & mask(size), (bits >> (8 * size)) as u64 & mask(size));
        if i.op_count() == 1 {
            self.set_product(low, high, size);
        } else {
            self.set(i, 0, low)?;
        }
        self.judge_product(low, number(low) != product, size);
        Ok(())
    }

    fn divide(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let divisor = u128::from(self.get(i, 0)? & mask(size));
        let number = self.dividend(size);
        let (Some(quotient), Some(rest)) = (number.checked_div(divisor), number.checked_rem(divisor)) else {
            return Err(Halt::Division);
        };
        if quotient > u128::from(mask(size)) {
            return Err(Halt::Division);
        }
        self.set_product(quotient as u64, rest as u64, size);
        Ok(())
    }

    fn divide_signed(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let divisor = i128::from(signed(self.get(i, 0)?, size));
        let shift = 128 - 16 * size as u32;
        let number = (self.dividend(size) << shift).cast_signed() >> shift;
        let (Some(quotient), Some(rest)) = (number.checked_div(divisor), number.checked_rem(divisor)) else {
            return Err(Halt::Division);
        };
        if i128::from(signed(quotient as u64, size)) != quotient {
            return Err(Halt::Division);
        }
        self.set_product(quotient as u64 & mask(size), rest as u64 & mask(size), size);
        Ok(())
    }

    fn dividend(&self, size: usize) -> u128 {
        if size == 1 {
            return u128::from(self.registers[AX] & 0xffff);
        }
        u128::from(self.registers[DX] & mask(size)) << (8 * size) | u128::from(self.registers[AX] & mask(size))
    }

    /// Of memory, a register's number may mean a bit far away.
    fn test_bit(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let bits = 8 * size as u64;
        let index = self.get(i, 1)?;
        let is_far = i.op0_kind() == OpKind::Memory && i.op1_kind() == OpKind::Register;
        let place = if is_far {
            let distance = signed(index, size).div_euclid(bits as i64) * size as i64;
            Some(self.within(self.address(i).wrapping_add_signed(distance)))
        } else {
            None
        };
        let value = match place {
            Some(address) => self.memory.read(address, size)? as u64,
            None => self.get(i, 0)?,
        };
        let bit = 1u64 << (index % bits);
        let changed = match i.mnemonic() {
            M::Bts => value | bit,
            M::Btr => value & !bit,
            M::Btc => value ^ bit,
            _ => value,
        };
        if i.mnemonic() != M::Bt {
            match place {
                Some(address) => self.store(address, size, u128::from(changed))?,
                None => self.set(i, 0, changed)?,
            }
        }
        self.flags.carry = value & bit != 0;
        Ok(())
    }

    fn scan_bits(&mut self, i: &Instruction) -> Result<(), Halt> {
        let size = Self::size(i, 0);
        let value = self.get(i, 1)? & mask(size);
        let bits = 8 * size as u32;
        let count = match i.mnemonic() {
            M::Bsf | M::Bsr if value == 0 => {
                // The target stays as it was.
                self.flags.logic(0, size);
                let old = self.get(i, 0)?;
                return self.set(i, 0, old);
            }
            M::Bsf | M::Tzcnt => value.trailing_zeros().min(bits),
            M::Bsr => 63 - value.leading_zeros(),
            M::Lzcnt => value.leading_zeros() - (64 - bits),
            _ => value.count_ones(),
        };
        self.set(i, 0, u64::from(count))?;
        match i.mnemonic() {
            M::Popcnt => self.flags.logic(value, size),
            M::Tzcnt | M::Lzcnt => {
                self.flags.logic(u64::from(count), size);
                self.flags.carry = value == 0;
            }
            _ => self.flags.logic(value, size),
        }
        if i.mnemonic() == M::Popcnt {
            (self.flags.sign, self.flags.parity) = (false, false);
        }
        Ok(())
    }
}
