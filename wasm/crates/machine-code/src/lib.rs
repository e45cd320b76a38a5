//! What machine code says and does. Everything here is a pure function of bytes, and of work that is counted.

pub mod disassembly;
pub mod emulation;
pub mod emulator;
pub mod facts;
pub mod hashes;
pub mod limits;
pub mod linux;
pub mod view;
pub mod windows;
