//! Counted work: what a sample may cost before the answer is given with what was found until then.

use module_kit::memory;

use crate::limits::{MAX_GROWTH, MAX_MEMORY, MAX_STEPS, MAX_TOTAL, MIN_TOTAL};

/// Steps after which the memory is looked at, a power of two: what takes much of it costs more of them.
const STEPS_PER_LOOK: u64 = 64;

/// Which of the limits were met.
#[derive(Debug, Default, Clone, Copy)]
pub struct Met {
    pub steps: bool,
    pub layers: bool,
    pub blobs: bool,
    pub size: bool,
    pub depth: bool,
    pub nesting: bool,
    /// A script that is too large to be read.
    pub script: bool,
}

#[derive(Debug)]
pub struct Budget {
    pub steps: u64,
    pub bytes: usize,
    pub met: Met,
    all_bytes: usize,
}

impl Budget {
    pub fn new(sample: usize) -> Self {
        let bytes = sample.saturating_mul(MAX_GROWTH).clamp(MIN_TOTAL, MAX_TOTAL);
        Self { steps: MAX_STEPS, bytes, met: Met::default(), all_bytes: bytes }
    }

    /// Pays for steps; false once there are none left.
    #[inline]
    pub fn spend(&mut self, steps: usize) -> bool {
        let before = self.steps;
        self.steps = before.saturating_sub(steps as u64);
        if self.steps == 0 || (before ^ self.steps) >= STEPS_PER_LOOK {
            self.look();
        }
        self.steps > 0
    }

    /// Without memory there would be no answer at all.
    #[cold]
    fn look(&mut self) {
        if memory::size() > MAX_MEMORY {
            self.met.size = true;
            self.steps = 0;
        }
        self.met.steps |= self.steps == 0;
    }

    /// Pays for a layer of so many bytes; false if it is too much.
    pub const fn take(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            self.met.size = true;
            return false;
        }
        self.bytes -= bytes;
        true
    }

    pub const fn steps_used(&self) -> u64 {
        MAX_STEPS - self.steps
    }

    pub const fn bytes_used(&self) -> usize {
        self.all_bytes - self.bytes
    }
}
