//! The guest's memory: its size, and a trap with a name when there is no more of it.

/// Size of the linear memory in bytes. Linear memory never shrinks, so that this is also its peak. 0 on the host.
pub fn size() -> u64 {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size::<0>() as u64;
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 0;
    pages * 65_536
}

/// The standard allocator, which ends in `athena_out_of_memory` where it would return null.
///
/// A failed allocation and a bug both end in WebAssembly's `unreachable`; the function's name in the trap's backtrace
/// is what tells the host which of the two it was.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "an allocator hands out raw memory, and a name must not be mangled")]
mod allocator {
    use std::alloc::{GlobalAlloc, Layout, System};

    struct NamedTrap;

    #[global_allocator]
    static ALLOCATOR: NamedTrap = NamedTrap;

    // SAFETY: all requests go to the system's allocator unchanged; a null is never returned.
    unsafe impl GlobalAlloc for NamedTrap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's promise is passed on.
            checked(unsafe { System.alloc(layout) })
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's promise is passed on.
            checked(unsafe { System.alloc_zeroed(layout) })
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: the caller's promise is passed on.
            checked(unsafe { System.realloc(block, layout, size) })
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's promise is passed on.
            unsafe { System.dealloc(block, layout) }
        }
    }

    fn checked(block: *mut u8) -> *mut u8 {
        if block.is_null() {
            athena_out_of_memory();
        }
        block
    }

    /// The name is a part of the contract with the host: see the module's documentation.
    #[cold]
    #[inline(never)]
    #[unsafe(no_mangle)]
    extern "C" fn athena_out_of_memory() -> ! {
        std::process::abort()
    }
}
