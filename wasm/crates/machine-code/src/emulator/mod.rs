//! A small emulator of x86 in 32 and 64 bits: the integer instructions and moves of vectors that shellcode and decoders
//! are made of. It counts its steps and knows no clock, so that a run is the same each time.

mod arithmetic;
mod control;
mod cpu;
mod flags;
mod integer;
mod memory;
mod operand;
mod strings;
mod vector;

pub use cpu::{Cpu, Step, Stop};
pub use flags::Flags;
pub use memory::{Fault, Memory};

/// General registers by the numbers that instructions have for them.
pub const AX: usize = 0;
pub const CX: usize = 1;
pub const DX: usize = 2;
pub const BX: usize = 3;
pub const SP: usize = 4;
pub const BP: usize = 5;
pub const SI: usize = 6;
pub const DI: usize = 7;
