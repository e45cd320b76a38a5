//! Samples of no known format that may be code as a whole: tried in both widths, from their start and from where code
//! seems to look for its own address. A try counts when it did what bytes by chance do not: called the system by what
//! it found in the process's blocks, or decoded itself.

use crate::disassembly::Walk;
use crate::emulation::{Begin, Outcome, Runner};
use crate::facts::HashedApi;
use crate::hashes;
use crate::limits::{MAX_STEPS, MAX_TRIES};
use crate::view::View;

/// Where the code is put in memory.
pub const BASE: u64 = 0x40_0000;
/// Instructions after which a try must have shown something.
const PATIENCE: u64 = 200_000;
/// Instructions that must have been run after they were written, to say that the code decodes itself.
pub const FRESH: u64 = 12;
/// Bytes from the start on that are looked through for hashes.
const NEAR: usize = 0x1_0000;
/// Calls of Linux' kernel that chance does not make.
const KERNEL_CALLS: usize = 2;

/// A try that counts, and how the sample was looked at for it.
pub struct Shellcode {
    pub bits: u8,
    pub start: u64,
    pub outcome: Outcome,
    pub hashed: Vec<HashedApi>,
}

/// The first try that counts; the work is bounded for all of them.
#[must_use]
pub fn find(data: &[u8], wanted: Option<u8>) -> Option<Shellcode> {
    let mut left = MAX_STEPS;
    let mut tries = 0;
    for start in starts(data) {
        for bits in [32, 64] {
            if wanted.is_some_and(|wanted| wanted != bits) || tries >= 2 * MAX_TRIES || left == 0 {
                continue;
            }
            tries += 1;
            let (found, steps) = attempt(data, start, bits, left);
            left = left.saturating_sub(steps);
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

fn attempt(data: &[u8], start: usize, bits: u8, steps: u64) -> (Option<Shellcode>, u64) {
    let view = View::raw(data, bits, BASE);
    // Numbers behind a decoder are not to be read before it has run; others are near the start.
    let near = View::raw(&data[..data.len().min(start + NEAR)], bits, BASE);
    let walked = Walk::new(&near).run(&[BASE + start as u64]);
    let hashed = hashes::look_up(&walked.notes.numbers, 1);
    let begin = Begin {
        address: BASE + start as u64,
        bits: u32::from(bits),
        steps,
        names: hashes::names(&hashed),
        registers: Vec::new(),
    };
    let mut runner = Runner::new(&view, &begin);
    let mut end = runner.run(steps.min(PATIENCE));
    if end == "steps" && (runner.has_called() || runner.cpu.fresh >= FRESH || runner.has_seen_process()) {
        end = runner.run(steps.saturating_sub(PATIENCE));
    }
    let used = runner.cpu.steps;
    let outcome = runner.finish(&begin, end);
    let is_meant = outcome.windows > 0
        || outcome.linux >= KERNEL_CALLS
        || outcome.run.calls.iter().any(|call| call.name.starts_with("exec") && call.arguments[0].starts_with("\"/"))
        || outcome.fresh >= FRESH && outcome.run.decoded >= FRESH;
    let found = is_meant.then_some(Shellcode { bits, start: start as u64, outcome, hashed });
    (found, used)
}

/// The start, and where code asks for its own address or for the process's blocks.
fn starts(data: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut add = |start: usize| {
        if starts.len() < MAX_TRIES && !starts.contains(&start) {
            starts.push(start);
        }
    };
    for (at, window) in data.windows(8).enumerate() {
        match *window {
            // `cld; call`, with which many begin.
            [0xfc, 0xe8, _, 0, 0, 0, ..] | [0xfc, 0x48, 0x83, 0xe4, 0xf0, 0xe8, ..] => add(at),
            // A call of what is next, whose address is then popped.
            [0xe8, 0, 0, 0, 0, 0x58..=0x5f, ..] => add(at),
            // `fnstenv [esp-0Ch]`, behind some instruction of the floating-point unit and what loads the key.
            [0xd9, 0x74, 0x24, 0xf4, ..] => {
                for before in [2, 7, 5, 12, 10] {
                    add(at.saturating_sub(before));
                }
            }
            // The process's block by `fs` or `gs`.
            [0x64, 0xa1, 0x30, 0, 0, 0, ..] | [0x65, 0x48, 0x8b, 0x04, 0x25, 0x60, 0, 0] => add(at),
            _ => {}
        }
    }
    starts
}
