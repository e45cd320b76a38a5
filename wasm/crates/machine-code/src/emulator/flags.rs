//! The flags, and how results set them. What processors leave undefined is as QEMU has it.

/// One bit each, at their places in the register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    pub carry: bool,
    pub parity: bool,
    pub adjust: bool,
    pub zero: bool,
    pub sign: bool,
    pub direction: bool,
    pub overflow: bool,
}

impl Flags {
    #[must_use]
    pub fn word(self) -> u64 {
        let bit = |flag: bool, place: u32| u64::from(flag) << place;
        // Bit 1 is always set; interrupts are on.
        2 | 0x200
            | bit(self.carry, 0)
            | bit(self.parity, 2)
            | bit(self.adjust, 4)
            | bit(self.zero, 6)
            | bit(self.sign, 7)
            | bit(self.direction, 10)
            | bit(self.overflow, 11)
    }

    #[must_use]
    pub fn of(word: u64) -> Self {
        let bit = |place: u32| word >> place & 1 != 0;
        Self {
            carry: bit(0),
            parity: bit(2),
            adjust: bit(4),
            zero: bit(6),
            sign: bit(7),
            direction: bit(10),
            overflow: bit(11),
        }
    }

    /// Sign, zero and parity of a result of `size` bytes.
    pub fn result(&mut self, result: u64, size: usize) {
        self.zero = result & mask(size) == 0;
        self.sign = result & sign_bit(size) != 0;
        self.parity = (result & 0xff).count_ones().is_multiple_of(2);
    }

    pub fn logic(&mut self, result: u64, size: usize) {
        self.result(result, size);
        (self.carry, self.overflow, self.adjust) = (false, false, false);
    }

    pub fn add(&mut self, a: u64, b: u64, carry: bool, size: usize) -> u64 {
        let (a, b) = (a & mask(size), b & mask(size));
        let sum = u128::from(a) + u128::from(b) + u128::from(carry);
        let result = sum as u64 & mask(size);
        self.carry = sum > u128::from(mask(size));
        self.adjust = (a ^ b ^ result) & 0x10 != 0;
        self.overflow = (a ^ result) & (b ^ result) & sign_bit(size) != 0;
        self.result(result, size);
        result
    }

    pub fn sub(&mut self, a: u64, b: u64, borrow: bool, size: usize) -> u64 {
        let (a, b) = (a & mask(size), b & mask(size));
        let result = a.wrapping_sub(b).wrapping_sub(u64::from(borrow)) & mask(size);
        self.carry = u128::from(a) < u128::from(b) + u128::from(borrow);
        self.adjust = (a ^ b ^ result) & 0x10 != 0;
        self.overflow = (a ^ b) & (a ^ result) & sign_bit(size) != 0;
        self.result(result, size);
        result
    }
}

/// All bits of a number of `size` bytes.
#[must_use]
pub const fn mask(size: usize) -> u64 {
    if size >= 8 { u64::MAX } else { (1 << (8 * size)) - 1 }
}

#[must_use]
pub const fn sign_bit(size: usize) -> u64 {
    1 << (8 * if size >= 8 { 8 } else { size } - 1)
}

/// A number of `size` bytes with its sign, in 64 bits.
#[must_use]
pub const fn signed(value: u64, size: usize) -> i64 {
    let shift = 64 - 8 * if size >= 8 { 8 } else { size };
    ((value << shift) as i64) >> shift
}
