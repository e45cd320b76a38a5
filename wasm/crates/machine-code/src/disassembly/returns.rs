//! Functions that do not come back: what follows a call of one is not reached by it.

use std::collections::HashSet;

use file_processor::image::Named;
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind};

use super::flow::address_of;
use crate::view::View;

const NAMES: [&str; 27] = [
    "abort",
    "exit",
    "_exit",
    "_Exit",
    "quick_exit",
    "__assert_fail",
    "__assert_perror_fail",
    "__assert",
    "_assert",
    "_wassert",
    "__stack_chk_fail",
    "__chk_fail",
    "__fortify_fail",
    "longjmp",
    "siglongjmp",
    "__longjmp_chk",
    "pthread_exit",
    "err",
    "errx",
    "__cxa_throw",
    "__cxa_rethrow",
    "_Unwind_Resume",
    "_ZSt9terminatev",
    "__libc_start_main",
    "ExitProcess",
    "ExitThread",
    "_CxxThrowException",
];

/// Slots of those among imports: what a program calls its own functions says nothing.
pub fn never(slots: &[Named]) -> HashSet<u64> {
    let is_one = |named: &&Named| NAMES.contains(&named.name.split('@').next().unwrap_or_default());
    slots.iter().filter(is_one).map(|named| named.address).collect()
}

/// The slot that the code at an address does nothing but jump to.
pub fn thunk(view: &View, address: u64) -> Option<u64> {
    let mut decoder = Decoder::with_ip(view.bits(), view.bytes(address), address, DecoderOptions::NONE);
    let first = decoder.decode();
    let is_mark = matches!(first.mnemonic(), Mnemonic::Endbr64 | Mnemonic::Endbr32);
    let jump = if is_mark { decoder.decode() } else { first };
    (jump.mnemonic() == Mnemonic::Jmp && jump.op0_kind() == OpKind::Memory).then(|| address_of(&jump))?
}

/// Bytes of filling: compilers begin functions at multiples of 16 or 32.
const MAX_FILLING: u64 = 64;

/// Where code goes on behind what compilers fill the room between functions with.
pub fn padded(view: &View, address: u64) -> u64 {
    let mut decoder = Decoder::with_ip(view.bits(), view.bytes(address), address, DecoderOptions::NONE);
    let mut first = address;
    while first - address < MAX_FILLING
        && decoder.can_decode()
        && matches!(decoder.decode().mnemonic(), Mnemonic::Nop | Mnemonic::Int3)
    {
        first = decoder.ip();
    }
    first
}
