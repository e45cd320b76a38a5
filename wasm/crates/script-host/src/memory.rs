//! The memory of the sandbox, which is the guest's own to look after: who runs out of it has no answer to give.

/// Bytes beyond which a run is ended: the rest is for what is still going on, and for the answer.
#[cfg(target_arch = "wasm32")]
const MOST: usize = 448 << 20;

/// Whether there is too little left to go on. Memory that a guest has asked for is never given back.
#[must_use]
pub fn is_short() -> bool {
    #[cfg(target_arch = "wasm32")]
    let is_short = core::arch::wasm32::memory_size::<0>() >= MOST >> 16;
    #[cfg(not(target_arch = "wasm32"))]
    let is_short = false;
    is_short
}
