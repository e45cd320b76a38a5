//! How compilers begin functions.

const BOTH: [&[u8]; 3] = [b"\xf3\x0f\x1e\xfa", b"\xf3\x0f\x1e\xfb", b"\x55\x48\x89\xe5"];
const NARROW: [&[u8]; 8] = [
    b"\x55\x8b\xec",
    b"\x8b\xff\x55\x8b\xec",
    b"\x55\x89\xe5",
    b"\x53\x83\xec",
    b"\x56\x83\xec",
    b"\x57\x56\x53\x83\xec",
    b"\x55\x57\x56\x53",
    b"\x56\x53\x83\xec",
];
const WIDE: [&[u8]; 16] = [
    b"\x48\x83\xec",
    b"\x48\x81\xec",
    b"\x48\x89\x5c\x24",
    b"\x48\x89\x4c\x24",
    b"\x48\x89\x54\x24",
    b"\x48\x8b\xc4",
    b"\x4c\x8b\xdc",
    b"\x40\x53\x48",
    b"\x40\x55\x48",
    b"\x40\x56\x48",
    b"\x40\x57\x48",
    b"\x41\x57\x41\x56",
    b"\x41\x56\x41\x55",
    b"\x41\x55\x41\x54",
    b"\x53\x48\x83\xec",
    b"\x55\x53\x48\x83",
];

/// Whether the bytes begin as a function does.
pub fn is_one(bytes: &[u8], bits: u32) -> bool {
    let own: &[&[u8]] = if bits == 64 { &WIDE } else { &NARROW };
    BOTH.iter().chain(own).any(|prologue| bytes.starts_with(prologue))
}

/// The next one from `at` on that stands where a function may: at an address of a multiple of 16, or behind the end of
/// another or padding.
pub fn next(content: &[u8], at: usize, bits: u32) -> Option<usize> {
    let may_begin = |at: usize| {
        at.is_multiple_of(16) || at.checked_sub(1).is_some_and(|before| matches!(content[before], 0xcc | 0x90 | 0xc3))
    };
    let is_first_byte = |byte: u8| matches!(byte, 0x40 | 0x41 | 0x48 | 0x4c | 0x53 | 0x55..=0x57 | 0x8b | 0xf3);
    (at..content.len()).find(|&at| is_first_byte(content[at]) && may_begin(at) && is_one(&content[at..], bits))
}
