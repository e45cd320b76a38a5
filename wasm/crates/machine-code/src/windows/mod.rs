//! Windows as far as shellcode looks at it: a process with its environment block, libraries with their export tables,
//! and functions that are traced rather than done.

mod api;
pub mod arguments;
mod exports;
mod process;
mod usual;

pub use api::{Answer, Windows, Written};
pub use exports::{Database, Library};
pub use process::Process;
