//! JavaScript and JScript, run by boa. Everything that writes the trace is native: no script can reach, change or forge it.

mod bridge;
mod code;
mod com;
mod conditional;
mod depth;
mod engine;
mod globals;
mod guards;
mod modules;
mod patterns;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "getrandom's way to take a source of randomness from whoever links it")]
mod random;
mod rewriting;
mod scan;
mod stalls;
mod timers;

pub use engine::run;
