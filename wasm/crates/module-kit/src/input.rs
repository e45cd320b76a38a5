//! The sample, from stdin.

use crate::bindings::wasi::cli::stdin::get_stdin;
use crate::bindings::wasi::io::streams::StreamError;
use crate::contract::SampleInfo;

/// Bytes asked for at a time: 1 MiB was as fast as larger blocks, and each block is a copy in the guest's memory.
const BLOCK: u64 = 1 << 20;

/// The most that is reserved on the caller's word. What comes beyond it is read all the same.
const MAX_RESERVED: u64 = 1 << 30;

/// All of stdin. The size announced only reserves memory: what counts is what is there.
pub fn read_sample(info: &SampleInfo) -> Vec<u8> {
    let reserved = info.size.min(MAX_RESERVED);
    let mut sample = Vec::with_capacity(usize::try_from(reserved).unwrap_or(0));
    let stdin = get_stdin();
    loop {
        match stdin.blocking_read(BLOCK) {
            Ok(block) => sample.extend_from_slice(&block),
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => return sample,
        }
    }
}
