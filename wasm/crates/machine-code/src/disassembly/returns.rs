//! Functions that do not come back: what follows a call of one is not reached by it.

use std::collections::HashSet;

use file_processor::image::Named;
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind};

use super::flow::address_of;
use crate::view::View;

const NAMES: [&str; 28] = [
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
    "terminate",
];

/// Addresses of those among named functions or slots.
pub fn never(named: &[Named]) -> HashSet<u64> {
    let is_one = |named: &&Named| NAMES.contains(&named.name.split('@').next().unwrap_or_default());
    named.iter().filter(is_one).map(|named| named.address).collect()
}

/// The slot that the code at an address does nothing but jump to.
pub fn thunk(view: &View, address: u64) -> Option<u64> {
    let mut decoder = Decoder::with_ip(view.bits(), view.bytes(address), address, DecoderOptions::NONE);
    let first = decoder.decode();
    let is_mark = matches!(first.mnemonic(), Mnemonic::Endbr64 | Mnemonic::Endbr32);
    let jump = if is_mark { decoder.decode() } else { first };
    (jump.mnemonic() == Mnemonic::Jmp && jump.op0_kind() == OpKind::Memory).then(|| address_of(&jump))?
}

/// Where code goes on behind what compilers fill the room between functions with.
pub fn padded(view: &View, address: u64) -> u64 {
    let mut decoder = Decoder::with_ip(view.bits(), view.bytes(address), address, DecoderOptions::NONE);
    let mut first = address;
    while decoder.can_decode() && matches!(decoder.decode().mnemonic(), Mnemonic::Nop | Mnemonic::Int3) {
        first = decoder.ip();
    }
    first
}
