//! What machine code says and does. Everything here is a pure function of bytes, and of work that is counted.

pub mod analysis;
pub mod disassembly;
pub mod emulation;
pub mod emulator;
pub mod facts;
pub mod functions;
pub mod guest;
pub mod hashes;
mod judge;
pub mod limits;
pub mod linux;
pub mod session;
pub mod shellcode;
pub mod view;
pub mod windows;
