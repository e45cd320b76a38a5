//! Functions of a program, emulated for what they make: texts put together on the stack, and data that they decode.
//! Nothing is known of their arguments and callers, so a function is run for some thousand steps, calls that are not
//! decoders are passed over, and what it wrote is looked at.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use iced_x86::{FlowControl, OpKind};

use crate::disassembly::{Callee, Found, Walked, is_text};
use crate::emulator::{AX, Cpu, SP, Step};
use crate::facts::CodeString;
use crate::limits::{
    LOOKS_AT_FUNCTION, MAX_EMULATED, MAX_FUNCTION_STEPS, MAX_STRING, MAX_STRINGS, MIN_STRING, STEPS_OF_FUNCTION,
};
use crate::view::View;

const STACK: u64 = 0x0200_0000;
const STACK_SIZE: u64 = 0x4_0000;
const END: u64 = 0x0bad_0000;
/// Numbers of text that must be written to the stack, for a function to be worth a run.
const STORES: u32 = 3;

/// Texts that functions make, each once, with the function's address.
#[must_use]
pub fn made_strings(view: &View, walked: &Walked) -> Vec<CodeString> {
    let functions: HashMap<u64, &Found> = walked.functions.iter().map(|found| (found.address, found)).collect();
    let mut maker = Maker { view, functions, seen: HashSet::new(), strings: Vec::new() };
    let mut left = MAX_FUNCTION_STEPS;
    let mut cpu = Cpu::new(view, view.bits());
    cpu.memory.lenient = true;
    for address in worth_it(walked).into_iter().take(MAX_EMULATED) {
        if left == 0 || maker.strings.len() >= MAX_STRINGS {
            break;
        }
        left -= maker.run(&mut cpu, address, left.min(STEPS_OF_FUNCTION)).min(left);
    }
    maker.strings
}

/// Functions that write text to the stack, and those that call a decoder, in the order of their addresses.
fn worth_it(walked: &Walked) -> Vec<u64> {
    let decoders: HashSet<u64> = walked
        .functions
        .iter()
        .filter(|found| found.decodes && found.size < 1_024)
        .map(|found| found.address)
        .collect();
    let mut chosen: HashSet<u64> =
        walked.functions.iter().filter(|found| found.stack_stores >= STORES).map(|found| found.address).collect();
    for call in &walked.calls {
        if let Callee::Address(target) = call.callee
            && decoders.contains(&target)
            && let Some(caller) = walked.functions.get(call.function as usize)
            && caller.stack_stores > 0
        {
            chosen.insert(caller.address);
        }
    }
    let mut chosen: Vec<u64> = chosen.into_iter().collect();
    chosen.sort_unstable();
    chosen
}

struct Maker<'v, 'd> {
    view: &'v View<'d>,
    functions: HashMap<u64, &'v Found>,
    seen: HashSet<String>,
    strings: Vec<CodeString>,
}

impl Maker<'_, '_> {
    /// Steps that were taken.
    fn run(&mut self, cpu: &mut Cpu, address: u64, steps: u64) -> u64 {
        cpu.reset();
        if !cpu.memory.exists(STACK) {
            cpu.memory.map(STACK, STACK_SIZE, Rc::new(Vec::new()));
        }
        cpu.registers[SP] = STACK + STACK_SIZE / 2;
        cpu.ip = address;
        let _ = cpu.push(END);
        cpu.memory.forget_written();
        let started = cpu.steps;
        let mut looks = LOOKS_AT_FUNCTION;
        while cpu.steps - started < steps && cpu.ip != END {
            if let Some(pops) = self.passed_over(cpu) {
                if looks > 0 {
                    looks -= 1;
                    self.collect(cpu, address);
                }
                pass_over(cpu, pops);
                continue;
            }
            if cpu.step() != Step::Next {
                break;
            }
        }
        self.collect(cpu, address);
        cpu.steps - started
    }

    /// For a call of anything but a decoder: the bytes that it takes from the stack.
    fn passed_over(&self, cpu: &mut Cpu) -> Option<u16> {
        let instruction = cpu.peek()?;
        match instruction.flow_control() {
            FlowControl::IndirectCall => Some(0),
            FlowControl::Call if matches!(instruction.op0_kind(), OpKind::NearBranch32 | OpKind::NearBranch64) => {
                let callee = self.functions.get(&instruction.near_branch_target());
                match callee {
                    Some(found) if found.decodes && found.size < 1_024 => None,
                    Some(found) => Some(found.pops),
                    None => Some(0),
                }
            }
            _ => None,
        }
    }

    /// Texts on the stack, and in data where the program had others.
    fn collect(&mut self, cpu: &Cpu, address: u64) {
        for (start, end) in cpu.memory.written(0) {
            let bytes = cpu.memory.peek(start, end.min(start + 0x1_0000));
            let is_stack = (STACK..STACK + STACK_SIZE).contains(&start);
            let before = self.view.bytes(start);
            if !is_stack && before.starts_with(&bytes) {
                continue;
            }
            for text in crate::emulation::all_texts(&bytes) {
                if self.strings.len() < MAX_STRINGS && is_plausible(&text) && self.seen.insert(text.clone()) {
                    self.strings.push(CodeString { address, text });
                }
            }
        }
    }
}

/// The call is done, and answered zero.
fn pass_over(cpu: &mut Cpu, pops: u16) {
    if let Some(instruction) = cpu.peek() {
        cpu.ip = instruction.next_ip();
        cpu.steps += 1;
        cpu.registers[AX] = 0;
        cpu.registers[SP] = cpu.registers[SP].wrapping_add(u64::from(pops));
    }
}

/// A text and no numbers that look like one: letters mostly, and not all the same.
fn is_plausible(text: &str) -> bool {
    let length = text.len();
    let letters = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b" ./\\:_-%".contains(byte)).count();
    let first = text.bytes().next();
    (MIN_STRING..=MAX_STRING).contains(&length)
        && letters * 10 >= length * 8
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().any(|byte| Some(byte) != first)
        && text.bytes().all(is_text)
}
