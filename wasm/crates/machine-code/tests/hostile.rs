//! Whatever the bytes: no panic, and no more work than there is a budget for.

mod common;

use common::{ENCODED_TWICE, STARTS_PROGRAM, STARTS_PROGRAM_WIDE, bytes};
use machine_code::analysis::{Wanted, analyze};
use machine_code::disassembly::{List, lines};
use machine_code::view::View;
use proptest::prelude::*;

fn bear(data: &[u8]) {
    for raw in [None, Some(32), Some(64)] {
        let analysis = analyze(data, Wanted { raw, quick: false });
        assert!(analysis.calls.len() <= 500 && analysis.made.len() <= 32);
        drop(serde_json::to_string(&analysis.machine));
    }
}

/// The smallest ELF: one segment, which begins with the file, and whose code is what is given.
fn elf(code: &[u8]) -> Vec<u8> {
    let mut file = bytes(
        "7f454c4602010100000000000000000002003e0001000000780040000000000040000000000000000000000000000000000000004000380001000000000000000100000007000000000000000000000000004000000000000000400000000000",
    );
    let size = (120 + code.len()) as u64;
    file.extend(size.to_le_bytes());
    file.extend(size.to_le_bytes());
    file.extend(0x1000u64.to_le_bytes());
    file.extend(code);
    file
}

#[test]
fn an_elf_is_read_from_its_entry() {
    let analysis = analyze(&elf(&bytes("31c0c3")), Wanted::default());
    let machine = analysis.machine.unwrap_or_default();
    assert_eq!((machine.function_count, machine.instructions, machine.format), (1, 2, "elf"));
    assert_eq!(machine.entry_code[0].text, "xor eax, eax");
}

#[test]
fn cut_samples_are_borne() {
    for sample in [STARTS_PROGRAM, STARTS_PROGRAM_WIDE, ENCODED_TWICE] {
        let whole = bytes(sample);
        for length in (0..whole.len()).step_by(7) {
            bear(&whole[..length]);
        }
    }
}

#[test]
fn jumps_into_the_middle_of_instructions_are_followed_and_told() {
    // `jmp $-1`, whose second byte begins `inc eax`; then a return.
    let analysis = analyze(&elf(&bytes("ebffc0c3")), Wanted::default());
    let machine = analysis.machine.unwrap_or_default();
    assert!(machine.marks.iter().any(|mark| mark.kind == "overlapping-code"), "{:?}", machine.marks);
}

#[test]
fn tables_of_jumps_that_lead_to_each_other_end() {
    // `jmp [rax*8+...]` in a row, and calls of every byte of the code.
    let mut code = Vec::new();
    for distance in 0..4_000u32 {
        code.push(0xe8);
        code.extend(distance.wrapping_mul(2_654_435_761).to_le_bytes());
    }
    bear(&elf(&code));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_of_any_kind_are_borne(data in prop::collection::vec(any::<u8>(), 0..2_000)) {
        bear(&data);
    }

    #[test]
    fn code_of_any_kind_is_borne(data in prop::collection::vec(any::<u8>(), 0..2_000)) {
        bear(&elf(&data));
    }

    #[test]
    fn changed_samples_are_borne(at in 0usize..400, value: u8, which in 0usize..3, module in any::<bool>()) {
        let mut sample = bytes([STARTS_PROGRAM, STARTS_PROGRAM_WIDE, ENCODED_TWICE][which]);
        let place = at % sample.len();
        sample[place] = value;
        if module {
            sample.splice(0..0, *b"\0asm\x01\0\0\0");
        }
        bear(&sample);
    }

    #[test]
    fn any_place_can_be_listed(data in prop::collection::vec(any::<u8>(), 1..300), address: u64, near in 0u64..300) {
        for bits in [32, 64] {
            let view = View::raw(&data, bits, 0x40_0000);
            for address in [address, 0x40_0000 + near] {
                let listed = lines(&view, &List { address, count: 5_000, bits: None });
                prop_assert!(listed.len() <= 2_000);
                prop_assert!(listed.iter().map(|line| line.bytes.len() / 2).sum::<usize>() <= data.len());
            }
        }
    }
}
