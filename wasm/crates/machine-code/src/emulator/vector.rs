//! Moves and simple arithmetic of vectors of 128 bits, and what is needed of the floating-point unit: where its last
//! instruction was, which code asks for to learn its own address.

use iced_x86::{CpuidFeature, Instruction, Mnemonic as M, OpKind, Register};

use super::cpu::{Cpu, Halt};

impl Cpu<'_, '_> {
    pub(super) fn execute_vector(&mut self, i: &Instruction) -> Result<(), Halt> {
        match i.mnemonic() {
            M::Movaps | M::Movups | M::Movapd | M::Movupd | M::Movdqa | M::Movdqu | M::Lddqu => self.move_vector(i, 16),
            M::Movd => self.move_vector(i, 4),
            M::Movq => self.move_vector(i, 8),
            M::Movlps | M::Movlpd if i.op0_kind() == OpKind::Memory => self.move_vector(i, 8),
            M::Xorps | M::Xorpd | M::Pxor => self.combine(i, |a, b| a ^ b),
            M::Orps | M::Orpd | M::Por => self.combine(i, |a, b| a | b),
            M::Andps | M::Andpd | M::Pand => self.combine(i, |a, b| a & b),
            M::Andnps | M::Andnpd | M::Pandn => self.combine(i, |a, b| !a & b),
            M::Paddb => self.combine(i, |a, b| lanes(a, b, 1, u64::wrapping_add)),
            M::Paddw => self.combine(i, |a, b| lanes(a, b, 2, u64::wrapping_add)),
            M::Paddd => self.combine(i, |a, b| lanes(a, b, 4, u64::wrapping_add)),
            M::Paddq => self.combine(i, |a, b| lanes(a, b, 8, u64::wrapping_add)),
            M::Psubb => self.combine(i, |a, b| lanes(a, b, 1, u64::wrapping_sub)),
            M::Psubw => self.combine(i, |a, b| lanes(a, b, 2, u64::wrapping_sub)),
            M::Psubd => self.combine(i, |a, b| lanes(a, b, 4, u64::wrapping_sub)),
            M::Psubq => self.combine(i, |a, b| lanes(a, b, 8, u64::wrapping_sub)),
            M::Punpcklbw => self.combine(i, |a, b| interleave(a, b, 1)),
            M::Punpcklwd => self.combine(i, |a, b| interleave(a, b, 2)),
            M::Punpckldq => self.combine(i, |a, b| interleave(a, b, 4)),
            M::Punpcklqdq => self.combine(i, |a, b| interleave(a, b, 8)),
            M::Pshufd => self.shuffle(i),
            _ => self.execute_float(i),
        }
    }

    fn vector(register: Register) -> Option<usize> {
        (register.is_xmm() && register.number() < 16).then(|| register.number())
    }

    fn get_wide(&mut self, i: &Instruction, operand: u32, size: usize) -> Result<u128, Halt> {
        match i.op_kind(operand) {
            OpKind::Register => {
                let register = i.op_register(operand);
                match Self::vector(register) {
                    Some(number) => Ok(self.vectors[number]),
                    None if register.is_gpr() => Ok(u128::from(self.register(register))),
                    None => Err(Halt::Unsupported),
                }
            }
            OpKind::Memory => {
                let address = self.address(i);
                Ok(self.memory.read(address, size)?)
            }
            _ => Err(Halt::Unsupported),
        }
    }

    /// What is moved into a vector fills it with zeros.
    fn move_vector(&mut self, i: &Instruction, size: usize) -> Result<(), Halt> {
        let mut value = self.get_wide(i, 1, size)?;
        if size < 16 {
            value &= (1 << (8 * size)) - 1;
        }
        match i.op0_kind() {
            OpKind::Register => {
                let register = i.op0_register();
                match Self::vector(register) {
                    Some(number) => self.vectors[number] = value,
                    None if register.is_gpr() => self.set_register(register, value as u64),
                    None => return Err(Halt::Unsupported),
                }
                Ok(())
            }
            OpKind::Memory => {
                let address = self.address(i);
                self.store(address, size, value)
            }
            _ => Err(Halt::Unsupported),
        }
    }

    fn combine(&mut self, i: &Instruction, compute: impl Fn(u128, u128) -> u128) -> Result<(), Halt> {
        let other = self.get_wide(i, 1, 16)?;
        let number = Self::vector(i.op0_register()).ok_or(Halt::Unsupported)?;
        self.vectors[number] = compute(self.vectors[number], other);
        Ok(())
    }

    fn shuffle(&mut self, i: &Instruction) -> Result<(), Halt> {
        let source = self.get_wide(i, 1, 16)?;
        let number = Self::vector(i.op0_register()).ok_or(Halt::Unsupported)?;
        let order = i.immediate8();
        let lane = |place: u32| source >> (32 * u32::from(order >> (2 * place) & 3)) & 0xffff_ffff;
        self.vectors[number] = (0..4).fold(0, |all, place| all | lane(place) << (32 * place));
        Ok(())
    }

    fn execute_float(&mut self, i: &Instruction) -> Result<(), Halt> {
        match i.mnemonic() {
            M::Fnstenv | M::Fnsave => {
                // Control, status and tag words, then the instruction's address.
                let address = self.address(i);
                let words = [0xffff_027f, 0xffff_0000, 0xffff_ffff, self.float_ip];
                for (index, word) in (0u64..).zip(words) {
                    self.store(self.within(address.wrapping_add(4 * index)), 4, u128::from(word & 0xffff_ffff))?;
                }
                Ok(())
            }
            M::Fninit | M::Fnclex | M::Fldcw => Ok(()),
            M::Fnstcw => self.set(i, 0, 0x027f),
            M::Fnstsw => self.set(i, 0, 0),
            // Values are not computed; what would bring them to memory cannot be told.
            _ if i.op0_kind() == OpKind::Memory && is_store(i.mnemonic()) => Err(Halt::Unsupported),
            _ if !is_float(i) => Err(Halt::Unsupported),
            _ => {
                self.float_ip = i.ip();
                Ok(())
            }
        }
    }
}

/// An instruction of the floating-point unit.
fn is_float(i: &Instruction) -> bool {
    const UNITS: [CpuidFeature; 3] = [CpuidFeature::FPU, CpuidFeature::FPU287, CpuidFeature::FPU387];
    i.cpuid_features().iter().any(|feature| UNITS.contains(feature))
}

fn is_store(mnemonic: M) -> bool {
    matches!(mnemonic, M::Fst | M::Fstp | M::Fist | M::Fistp | M::Fisttp | M::Fbstp)
}

/// Lane by lane, each of `size` bytes.
fn lanes(a: u128, b: u128, size: u32, compute: fn(u64, u64) -> u64) -> u128 {
    let mask = super::flags::mask(size as usize);
    let lane = |value: u128, place: u32| (value >> (8 * size * place)) as u64 & mask;
    (0..16 / size)
        .fold(0, |all, place| all | u128::from(compute(lane(a, place), lane(b, place)) & mask) << (8 * size * place))
}

/// The lower halves, lanes in turn.
fn interleave(a: u128, b: u128, size: u32) -> u128 {
    let mask = u128::from(super::flags::mask(size as usize));
    (0..8 / size).fold(0, |all, place| {
        let lane = |value: u128| value >> (8 * size * place) & mask;
        all | lane(a) << (16 * size * place) | lane(b) << (16 * size * place + 8 * size)
    })
}
