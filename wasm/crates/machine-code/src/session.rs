//! Emulation on request: from an address, for some steps, with registers of the caller's choice.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::emulation::{Begin, Made, Runner};
use crate::facts::Run;
use crate::view::View;

/// What is to be run.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub address: u64,
    pub bits: u32,
    pub steps: u64,
    pub registers: Vec<(usize, u64)>,
    pub flags: Option<u64>,
}

/// The processor afterwards.
#[derive(Debug, Serialize)]
pub struct State {
    pub run: Run,
    pub address: u64,
    /// By name, `rax` in both widths.
    pub registers: BTreeMap<&'static str, u64>,
    pub flags: u64,
    /// Hexadecimal, the lowest first.
    pub vectors: Vec<String>,
}

pub const NAMES: [&str; 16] =
    ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

#[must_use]
pub fn run(view: &View, asked: &Asked) -> (State, Vec<Made>) {
    let begin = Begin {
        address: asked.address,
        bits: asked.bits,
        steps: asked.steps,
        registers: asked.registers.clone(),
        ..Begin::default()
    };
    let mut runner = Runner::new(view, &begin);
    if let Some(flags) = asked.flags {
        runner.cpu.flags = crate::emulator::Flags::of(flags);
    }
    let end = runner.run(asked.steps);
    let cpu = &runner.cpu;
    let registers = NAMES.iter().copied().zip(cpu.registers).collect();
    let vectors = cpu.vectors.iter().map(|vector| module_kit::hex(&vector.to_le_bytes())).collect();
    let (address, flags) = (cpu.ip, cpu.flags.word());
    let outcome = runner.finish(&begin, end);
    (State { run: outcome.run, address, registers, flags, vectors }, outcome.made)
}
