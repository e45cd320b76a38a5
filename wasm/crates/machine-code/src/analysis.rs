//! Everything that is said of a sample's machine code.

use file_processor::image::{Image, images};
use module_kit::Findings;

use crate::disassembly::{Walk, Walked, report};
use crate::emulation::{Made, Outcome};
use crate::facts::{Guest, Machine, SystemCall};
use crate::limits::{MAX_CHILD, MAX_CHILDREN, MAX_RAW};
use crate::shellcode::{self, BASE, Shellcode};
use crate::view::View;
use crate::{functions, guest, hashes, judge};

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// The sample is code in this width, whatever it looks like.
    pub raw: Option<u8>,
    /// Run nothing.
    pub quick: bool,
}

#[derive(Default)]
pub struct Analysis {
    pub machine: Option<Machine>,
    pub guest: Option<Guest>,
    pub calls: Vec<SystemCall>,
    pub made: Vec<Made>,
    pub findings: Findings,
    pub steps: u64,
    /// Why the run ended; empty if nothing was run as a whole.
    pub end: String,
}

/// The image whose code is read: of a fat file's slices, that of 64 bits.
#[must_use]
pub fn code_image(data: &[u8]) -> Option<Image> {
    let readable = |image: &Image| matches!(image.architecture.as_str(), "x86" | "x86-64");
    images(data).into_iter().filter(readable).max_by_key(|image| image.bits)
}

#[must_use]
pub fn analyze(data: &[u8], wanted: Wanted) -> Analysis {
    if let Some(bits) = wanted.raw {
        return raw(data, bits, wanted);
    }
    if guest::is_module(data) {
        return of_guest(data, wanted);
    }
    if let Some(image) = code_image(data) {
        return of_image(data, image, wanted);
    }
    let is_unknown = file_processor::format_id(data) == "data" && data.len() <= MAX_RAW;
    if is_unknown
        && !wanted.quick
        && let Some(found) = shellcode::find(data, None)
    {
        return of_shellcode(data, found);
    }
    Analysis::default()
}

fn of_guest(data: &[u8], wanted: Wanted) -> Analysis {
    let mut analysis = Analysis::default();
    let mut ran = guest::run(data, !wanted.quick);
    judge::guest(&ran, &mut analysis.findings);
    analysis.calls = std::mem::take(&mut ran.calls);
    analysis.steps = ran.runs.iter().map(|run| run.fuel).sum();
    let told = ran.runs.iter().find(|run| run.end == "fuel").or_else(|| ran.runs.last());
    analysis.end = told.map_or_else(String::new, |run| run.end.clone());
    analysis.guest = Some(ran);
    analysis
}

fn of_image(data: &[u8], image: Image, wanted: Wanted) -> Analysis {
    let mut analysis = Analysis::default();
    // Methods of .NET are no machine code: only what starts them is.
    let view = View::new(data, image);
    let walked = Walk::new(&view).run(&[]);
    let mut machine = report(&view, &walked);
    if !view.image.managed {
        machine.hashed_apis = hashes::look_up(&walked.notes.numbers, hashes::ENOUGH);
        if !wanted.quick {
            machine.stack_strings = functions::made_strings(&view, &walked);
        }
    }
    judge::image(&view, &walked, &machine, &mut analysis.findings);
    analysis.machine = Some(machine);
    analysis
}

/// By the caller's word.
fn raw(data: &[u8], bits: u8, wanted: Wanted) -> Analysis {
    let found = if wanted.quick { None } else { shellcode::find(data, Some(bits)) };
    if let Some(found) = found {
        return of_shellcode(data, found);
    }
    let view = View::raw(data, bits, BASE);
    let walked = Walk::new(&view).run(&[BASE]);
    let machine = report(&view, &walked);
    let mut analysis = Analysis::default();
    judge::image(&view, &walked, &machine, &mut analysis.findings);
    analysis.machine = Some(machine);
    analysis
}

fn of_shellcode(data: &[u8], found: Shellcode) -> Analysis {
    let mut analysis = Analysis::default();
    let view = View::raw(data, found.bits, BASE);
    let start = BASE + found.start;
    let walked: Walked = Walk::new(&view).run(&[start]);
    let mut machine = report(&view, &walked);
    machine.entry_points = vec![crate::facts::EntryPoint { kind: "code", address: start, offset: Some(found.start) }];
    machine.hashed_apis = found.hashed;
    let Outcome { mut run, made, peb, windows, linux, fresh } = found.outcome;
    machine.stack_strings = std::mem::take(&mut run.strings);
    let fresh = fresh >= shellcode::FRESH;
    let seen = judge::Seen { peb, windows, linux, fresh, start: found.start, size: data.len() as u64 };
    judge::shellcode(&run, &seen, &mut analysis.findings);
    analysis.calls = std::mem::take(&mut run.calls);
    analysis.steps = run.steps;
    analysis.end.clone_from(&run.end);
    machine.runs = vec![run];
    analysis.machine = Some(machine);
    analysis.made = made;
    analysis.made.truncate(MAX_CHILDREN);
    for made in &mut analysis.made {
        made.content.truncate(MAX_CHILD);
    }
    analysis
}
