//! What is left of a call that never comes to its answer: out of memory or of time, the engine of a script makes the guest
//! trap, and all that it knew would be lost.
//!
//! So a module keeps what it finds out here while it works, in its own words. After a trap the host reads that, and
//! nothing of the guest runs any more; a new instance is given it with the same call ([`crate::Stopped`]), and answers.

#![cfg_attr(not(any(target_arch = "wasm32", test)), allow(dead_code, reason = "only a guest is read by the host"))]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes that are kept of one call. The host knows it, too: `_MAX_REST` in `athena_lab/wasm/core_guest.py`.
const MOST: usize = 16 << 20;

/// At a place of its own, and never given back: whoever is interrupted may be the allocator.
#[repr(C)]
pub struct Rest<const SIZE: usize = MOST> {
    /// How many of the bytes are written.
    length: AtomicU32,
    bytes: UnsafeCell<[u8; SIZE]>,
}

// SAFETY: a guest has one thread, and on the host each test has its own.
#[allow(unsafe_code, reason = "a static that is written to")]
unsafe impl<const SIZE: usize> Sync for Rest<SIZE> {}

impl<const SIZE: usize> Rest<SIZE> {
    const fn new() -> Self {
        Self { length: AtomicU32::new(0), bytes: UnsafeCell::new([0; SIZE]) }
    }

    /// Adds all of it, or nothing where there is no room. A call may end between any two instructions: the bytes are there
    /// before the length says so.
    #[allow(unsafe_code, reason = "a static that is written to")]
    fn add(&self, more: &[u8]) -> bool {
        let start = self.length.load(Ordering::Relaxed) as usize;
        let Some(end) = start.checked_add(more.len()).filter(|&end| end <= SIZE) else { return false };
        let Ok(length) = u32::try_from(end) else { return false };
        // SAFETY: there is room for them, and nobody else is there.
        unsafe { self.bytes.get().cast::<u8>().add(start).copy_from_nonoverlapping(more.as_ptr(), more.len()) };
        self.length.store(length, Ordering::Release);
        true
    }
}

#[cfg(target_arch = "wasm32")]
static REST: Rest = Rest::new();

/// Keeps more for the host to find. False where there is no room for all of it; on the host nobody would read it.
#[must_use]
pub fn keep(more: &[u8]) -> bool {
    #[cfg(target_arch = "wasm32")]
    let kept = REST.add(more);
    #[cfg(not(target_arch = "wasm32"))]
    let kept = more.is_empty();
    kept
}

/// Where the host finds it.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn place() -> *const Rest {
    &raw const REST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_left_out_whole() {
        let mut rest = Rest::<8>::new();
        assert!(rest.add(b"abc"));
        assert!(!rest.add(b"defghi"));
        assert!(rest.add(b"defgh"));
        assert!(!rest.add(b"i"));
        assert_eq!((*rest.length.get_mut(), &*rest.bytes.get_mut()), (8, b"abcdefgh"));
    }
}
