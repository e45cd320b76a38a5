//! The processor: registers, and one step after the other.

use std::rc::Rc;

use iced_x86::{Decoder, DecoderOptions, Instruction};

use super::flags::Flags;
use super::memory::{Fault, Memory};
use crate::view::View;

/// Instructions that are kept decoded, by the low bits of their addresses.
const KEPT: u64 = 4_096;

/// Why emulation does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Memory that is not there, at this address.
    Fault(u64),
    /// No instruction.
    Invalid,
    /// An instruction that is not emulated.
    Unsupported,
    /// A division by zero, or one whose result is too large.
    Division,
    /// An instruction that only the system may use, or an interrupt.
    Trap(u8),
    Steps,
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Next,
    /// A call of the system: by `int 80h`, `syscall`, `sysenter` or `int 2eh`.
    System(u8),
    Stop(Stop),
}

/// Why an instruction was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    Fault(u64),
    Unsupported,
    Division,
    Trap(u8),
    System(u8),
}

impl From<Fault> for Halt {
    fn from(Fault(address): Fault) -> Self {
        Self::Fault(address)
    }
}

pub struct Cpu<'v, 'd> {
    pub bits: u32,
    pub registers: [u64; 16],
    pub ip: u64,
    pub flags: Flags,
    pub vectors: [u128; 16],
    /// Bases of the segments.
    pub fs: u64,
    pub gs: u64,
    pub memory: Memory<'v, 'd>,
    pub steps: u64,
    /// Instructions that were run after they were written.
    pub fresh: u64,
    /// Where code began to run that was written before; the first few.
    pub fresh_starts: Vec<u64>,
    /// Address of the last instruction of the floating-point unit.
    pub(super) float_ip: u64,
    was_fresh: bool,
    kept: Vec<(u64, bool, Instruction)>,
}

impl<'v, 'd> Cpu<'v, 'd> {
    #[must_use]
    pub fn new(view: &'v View<'d>, bits: u32) -> Self {
        Self {
            bits,
            registers: [0; 16],
            ip: 0,
            flags: Flags::default(),
            vectors: [0; 16],
            fs: 0,
            gs: 0,
            memory: Memory::new(view),
            steps: 0,
            fresh: 0,
            fresh_starts: Vec::new(),
            float_ip: 0,
            was_fresh: false,
            kept: Vec::new(),
        }
    }

    /// A stack of its own, with room above its top.
    pub fn map_stack(&mut self, start: u64, size: u64) {
        self.memory.map(start, size, Rc::new(Vec::new()));
        self.registers[super::SP] = start + size / 4 * 3;
    }

    /// Forgets what was decoded of bytes that were written.
    pub(super) fn forget(&mut self, address: u64, size: u64) {
        for distance in 0..size + 14 {
            let ip = address.wrapping_add(size).wrapping_sub(1).wrapping_sub(distance);
            if let Some(kept) = self.kept.get_mut((ip % KEPT) as usize)
                && kept.0 == ip
            {
                kept.0 = u64::MAX;
            }
        }
    }

    /// Writes bytes from outside of the program, as far as there is memory for them.
    pub fn overwrite(&mut self, address: u64, content: &[u8]) {
        for (distance, &byte) in (0..).zip(content) {
            if self.memory.write(address.wrapping_add(distance), 1, u128::from(byte)).is_err() {
                return;
            }
        }
        self.kept.clear();
    }

    /// All that was written, decoded and counted is forgotten.
    pub fn reset(&mut self) {
        self.memory.reset();
        self.kept.clear();
        self.registers = [0; 16];
        self.vectors = [0; 16];
        self.flags = Flags::default();
        self.was_fresh = false;
    }

    fn decode(&mut self) -> Result<Instruction, Stop> {
        if self.kept.is_empty() {
            self.kept = vec![(u64::MAX, false, Instruction::default()); KEPT as usize];
        }
        let place = (self.ip % KEPT) as usize;
        if self.kept[place].0 != self.ip {
            let (bytes, length, is_fresh) = self.memory.fetch(self.ip).map_err(|Fault(at)| Stop::Fault(at))?;
            let mut decoder = Decoder::with_ip(self.bits, &bytes[..length], self.ip, DecoderOptions::NONE);
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return Err(Stop::Invalid);
            }
            self.kept[place] = (self.ip, is_fresh, instruction);
        }
        self.note_fresh(self.kept[place].1);
        Ok(self.kept[place].2)
    }

    fn note_fresh(&mut self, is_fresh: bool) {
        const MOST: usize = 16;
        if is_fresh {
            self.fresh += 1;
            if !self.was_fresh && self.fresh_starts.len() < MOST && !self.fresh_starts.contains(&self.ip) {
                self.fresh_starts.push(self.ip);
            }
        }
        self.was_fresh = is_fresh;
    }

    /// The instruction that comes next.
    pub fn peek(&mut self) -> Option<Instruction> {
        self.decode().ok()
    }

    /// One instruction, or one turn of one that repeats.
    pub fn step(&mut self) -> Step {
        let instruction = match self.decode() {
            Ok(instruction) => instruction,
            Err(stop) => return Step::Stop(stop),
        };
        self.steps += 1;
        let at = self.ip;
        self.ip = self.within(instruction.next_ip());
        match self.execute(&instruction) {
            Ok(()) => Step::Next,
            Err(Halt::System(kind)) => Step::System(kind),
            Err(halt) => {
                self.ip = at;
                Step::Stop(match halt {
                    Halt::Fault(address) => Stop::Fault(address),
                    Halt::Division => Stop::Division,
                    Halt::Trap(kind) => Stop::Trap(kind),
                    Halt::Unsupported | Halt::System(_) => Stop::Unsupported,
                })
            }
        }
    }
}
