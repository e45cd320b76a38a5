//! Running code: a sample that is code as a whole, or single functions of a program.

use std::collections::BTreeSet;

use crate::disassembly::is_text;
use crate::emulator::{Cpu, SP, Step, Stop};
use crate::facts::{CodeString, Run, SystemCall};
use crate::limits::{MAX_CHILD, MAX_CHILDREN, MAX_STRING, MIN_STRING};
use crate::linux::Linux;
use crate::view::View;
use crate::windows::{Answer, Process, Windows};

/// Where the code of a run that ends with a return goes.
const END: u64 = 0x0bad_0000;
const STACK: u64 = 0x0800_0000;
const STACK_SIZE: u64 = 0x10_0000;
/// Texts that are told of a run.
const MOST_STRINGS: usize = 200;

/// Bytes that code made, and what of.
pub struct Made {
    pub name: String,
    pub kind: &'static str,
    pub content: Vec<u8>,
}

/// What came of a run.
pub struct Outcome {
    pub run: Run,
    pub made: Vec<Made>,
    /// It looked at the process's environment block.
    pub peb: bool,
    /// It made calls of Windows or of Linux' kernel.
    pub windows: usize,
    pub linux: usize,
    /// Instructions that were run after they were written.
    pub fresh: u64,
}

/// How a run begins.
#[derive(Clone, Default)]
pub struct Begin {
    pub address: u64,
    pub bits: u32,
    pub steps: u64,
    /// Names that the libraries' tables have beside the usual ones.
    pub names: BTreeSet<&'static str>,
    /// Values of registers, by number.
    pub registers: Vec<(usize, u64)>,
}

pub struct Runner<'v, 'd> {
    view: &'v View<'d>,
    pub cpu: Cpu<'v, 'd>,
    windows: Windows,
    linux: Linux,
    threads_done: usize,
}

impl<'v, 'd> Runner<'v, 'd> {
    #[must_use]
    pub fn new(view: &'v View<'d>, begin: &Begin) -> Self {
        let mut cpu = Cpu::new(view, begin.bits);
        cpu.map_stack(STACK, STACK_SIZE);
        let process = Process::set_up(&mut cpu, &begin.names);
        for &(number, value) in &begin.registers {
            cpu.registers[number & 15] = value;
        }
        cpu.ip = begin.address;
        // A caller that the code may return to.
        let _ = cpu.push(END);
        cpu.memory.forget_written();
        Self { view, cpu, windows: Windows::new(process), linux: Linux::default(), threads_done: 0 }
    }

    /// Runs to the end, or until the steps are used up.
    pub fn run(&mut self, steps: u64) -> String {
        let most = self.cpu.steps + steps;
        while self.cpu.steps < most {
            if let Some(end) = self.step() {
                match self.next_thread() {
                    true => continue,
                    false => return end,
                }
            }
        }
        "steps".to_owned()
    }

    /// None: it goes on.
    fn step(&mut self) -> Option<String> {
        if self.cpu.ip == END {
            return Some("returned".to_owned());
        }
        if self.cpu.ip >= 0x6f00_0000 && self.windows.is_function(self.cpu.ip) {
            self.cpu.steps += 1;
            return (self.windows.call(&mut self.cpu) == Answer::Ended).then(|| "exited".to_owned());
        }
        match self.cpu.step() {
            Step::Next => None,
            Step::System(0x80 | 0 | 1) => (!self.linux.call(&mut self.cpu)).then(|| "system".to_owned()),
            Step::System(_) => Some("system".to_owned()),
            Step::Stop(stop) => Some(said(stop)),
        }
    }

    /// Threads that the code started run behind each other.
    fn next_thread(&mut self) -> bool {
        let Some(&(address, argument)) = self.windows.threads.get(self.threads_done) else { return false };
        self.threads_done += 1;
        self.cpu.registers[SP] = STACK + STACK_SIZE / 2;
        self.cpu.registers[crate::emulator::CX] = argument;
        self.cpu.ip = address;
        if self.cpu.bits == 32 {
            let _ = self.cpu.push(argument);
        }
        let _ = self.cpu.push(END);
        self.cpu.memory.exists(address)
    }

    /// Whether it called the system.
    #[must_use]
    pub fn has_called(&self) -> bool {
        !self.windows.calls.is_empty() || !self.linux.calls.is_empty()
    }

    /// Whether it looked at the process's environment block.
    #[must_use]
    pub fn has_seen_process(&self) -> bool {
        self.cpu.memory.was_used(Process::block(self.cpu.bits))
    }

    #[must_use]
    pub fn finish(mut self, begin: &Begin, end: String) -> Outcome {
        let peb = self.has_seen_process();
        let mut made = self.decoded();
        let decoded = made.iter().map(|made| made.content.len() as u64).sum();
        made.extend(std::mem::take(&mut self.windows.written).into_iter().map(|written| Made {
            name: written.name,
            kind: written.kind,
            content: written.content,
        }));
        let strings = self.strings();
        let (windows, linux) = (self.windows.calls.len(), self.linux.calls.len());
        let mut calls: Vec<SystemCall> = self.windows.calls;
        calls.extend(self.linux.calls);
        let run = Run {
            offset: self.view.offset(begin.address).unwrap_or(0),
            bits: if begin.bits == 64 { 64 } else { 32 },
            steps: self.cpu.steps,
            end,
            calls,
            strings,
            decoded,
        };
        Outcome { run, made, peb, windows, linux, fresh: self.cpu.fresh }
    }

    /// Runs of written bytes that were code.
    fn decoded(&self) -> Vec<Made> {
        const GAP: u64 = 16;
        const SHORTEST: u64 = 16;
        let starts = &self.cpu.fresh_starts;
        let mut runs = self.cpu.memory.written(GAP);
        runs.retain(|&(start, end)| end - start >= SHORTEST && starts.iter().any(|at| (start..end).contains(at)));
        runs.truncate(MAX_CHILDREN);
        let made = runs.into_iter().enumerate().map(|(index, (start, end))| Made {
            name: format!("decoded-{}", index + 1),
            kind: "decoded",
            content: self.cpu.memory.peek(start, end.min(start + MAX_CHILD as u64)),
        });
        made.collect()
    }

    /// Texts among what was written.
    #[must_use]
    pub fn strings(&self) -> Vec<CodeString> {
        let mut strings = Vec::new();
        for (start, end) in self.cpu.memory.written(0) {
            let end = end.min(start + MAX_CHILD as u64);
            let bytes = self.cpu.memory.peek(start, end);
            texts(&bytes, |at, text| {
                if strings.len() < MOST_STRINGS {
                    strings.push(CodeString { address: start + at as u64, text });
                }
            });
        }
        strings
    }
}

/// ASCII and UTF-16 texts in bytes.
#[must_use]
pub fn all_texts(bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    texts(bytes, |_, text| all.push(text));
    all
}

fn texts(bytes: &[u8], mut found: impl FnMut(usize, String)) {
    let mut at = 0;
    while at < bytes.len() {
        let narrow = bytes[at..].iter().take_while(|&&byte| is_text(byte)).count();
        let (units, _) = bytes[at..].as_chunks::<2>();
        let wide = units.iter().take_while(|unit| unit[1] == 0 && is_text(unit[0])).count();
        if narrow >= MIN_STRING {
            found(at, String::from_utf8_lossy(&bytes[at..at + narrow.min(MAX_STRING)]).into_owned());
            at += narrow;
        } else if wide >= MIN_STRING {
            found(at, units[..wide.min(MAX_STRING)].iter().map(|unit| char::from(unit[0])).collect());
            at += 2 * wide;
        } else {
            at += narrow.max(1);
        }
    }
}

fn said(stop: Stop) -> String {
    match stop {
        Stop::Fault(address) => format!("no memory at 0x{address:x}"),
        Stop::Invalid => "no instruction".to_owned(),
        Stop::Unsupported => "an instruction that is not emulated".to_owned(),
        Stop::Division => "a division by zero".to_owned(),
        Stop::Trap(3) => "a breakpoint".to_owned(),
        Stop::Trap(_) => "a trap".to_owned(),
        Stop::Steps => "steps".to_owned(),
    }
}
