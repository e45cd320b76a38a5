//! Where instructions begin, beside objdump, which reads all code from its beginning to its end.

#[allow(dead_code, reason = "samples of other tests")]
mod common;

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use file_processor::image::{Named, images};
use machine_code::disassembly::{Walk, Walked, report};
use machine_code::view::View;

const PROGRAMS: [&str; 4] = ["/bin/ls", "/bin/bash", "/usr/bin/objdump", "/lib/x86_64-linux-gnu/libc.so.6"];

fn by_objdump(path: &str) -> HashSet<u64> {
    let listed = Command::new("objdump").args(["-d", "--no-show-raw-insn", path]).output().expect("objdump runs");
    let text = String::from_utf8_lossy(&listed.stdout);
    let addresses = text.lines().filter_map(|line| line.trim_start().split_once(":\t"));
    addresses.filter_map(|(address, _)| u64::from_str_radix(address, 16).ok()).collect()
}

/// Addresses of instructions that were read.
fn ours(view: &View, walked: &Walked) -> Vec<u64> {
    let offsets = 0..view.data().len() as u64;
    offsets.filter(|&offset| walked.begins_at(offset)).filter_map(|offset| view.address(offset)).collect()
}

#[test]
fn instructions_begin_where_they_do_in_objdump() {
    let programs: Vec<&str> = PROGRAMS.into_iter().filter(|path| Path::new(path).is_file()).collect();
    assert!(!programs.is_empty(), "none of {PROGRAMS:?} is here");
    for path in programs {
        let data = std::fs::read(path).expect("the file is read");
        let image = images(&data).into_iter().next().expect("an image");
        let view = View::new(&data, image);
        let walked = Walk::new(&view).run(&[]);
        let (ours, theirs) = (ours(&view, &walked), by_objdump(path));
        let both = ours.iter().filter(|address| theirs.contains(address)).count();
        println!("{path}: {both} of {} begin there, of {}; {} overlap", ours.len(), theirs.len(), walked.overlaps);
        // Jumps behind the prefix `lock` are honest, and begin where objdump has no instruction.
        assert!(both * 10_000 >= ours.len() * 9_995, "{path}: {both} of {}", ours.len());
        assert!(both * 100 >= theirs.len() * 75, "{path}: {both} of {}", theirs.len());
        let marks = report(&view, &walked).marks.into_iter().filter(|mark| mark.kind != "overlapping-code");
        let strange: Vec<_> = marks.filter(|mark| !theirs.contains(&mark.address)).collect();
        assert!(strange.is_empty(), "{path}: {strange:?}");
    }
}

/// What a function is said to call is called between its beginning and its end, and not in the one behind it.
#[test]
fn a_call_that_does_not_come_back_ends_its_function() {
    // `call abort; call [other]; ret`, then `abort: jmp [slot]`.
    let code = common::bytes("e807000000ff1504000000c3ff2504000000");
    let size = code.len() as u64;
    let mut view = View::raw(&code, 64, 0x1000);
    let slot = |address, name: &str| Named { address, name: name.to_owned(), library: String::new() };
    view.image.slots = vec![slot(0x1000 + size + 4, "abort"), slot(0x1000 + 0xf, "other")];
    let walked = Walk::new(&view).run(&[0x1000]);
    let own = walked.calls.iter().filter(|call| call.function == 0);
    assert_eq!(own.map(|call| call.site).collect::<Vec<_>>(), [0x1000]);
}
