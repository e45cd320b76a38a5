//! The sample: from stdin, or where the host has put it.

use std::borrow::Cow;

use crate::bindings::wasi::cli::stdin::get_stdin;
use crate::contract::SampleInfo;

/// Bytes asked for at a time: 1 MiB was as fast as larger blocks, and each block is a copy in the guest's memory.
const BLOCK: u64 = 1 << 20;

/// The most that is reserved on the caller's word. What comes beyond it is read all the same.
const MAX_RESERVED: u64 = 1 << 30;

/// Where the sample is: a component reads it, the front end of a core module is given it.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    Stdin,
    Memory(&'a [u8]),
}

impl<'a> Input<'a> {
    pub fn read(self, info: &SampleInfo) -> Cow<'a, [u8]> {
        match self {
            Self::Stdin => Cow::Owned(read_stdin(info.size)),
            Self::Memory(sample) => Cow::Borrowed(sample),
        }
    }
}

/// All of stdin. The size announced only reserves memory: what counts is what is there.
fn read_stdin(announced: u64) -> Vec<u8> {
    let stdin = get_stdin();
    // Its end and an error are the same: there is no more.
    let read = |size: u64| stdin.blocking_read(size).ok();
    // Mostly the first block is the whole sample, and it need not be copied.
    let Some(mut sample) = read(announced.clamp(1, BLOCK)) else { return Vec::new() };
    let reserved = usize::try_from(announced.min(MAX_RESERVED)).unwrap_or(0);
    sample.reserve(reserved.saturating_sub(sample.len()));
    while let Some(block) = read(BLOCK) {
        sample.extend_from_slice(&block);
    }
    sample
}
