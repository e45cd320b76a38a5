//! The fuzzers' little brother, which runs with the tests: fixed seeds, a bounded number of inputs.

use std::time::{Duration, Instant};

use module_kit::Module;

use crate::golden::all_samples;
use crate::mutate::{Chance, mutated};
use crate::probe;

/// Far above what a sample of some KiB takes, even on a busy machine; a loop takes for ever.
const DEADLINE: Duration = Duration::from_secs(20);

/// Calls the module with changed samples and with arguments made of them.
///
/// # Panics
/// For an answer that breaks the contract, or that comes late.
pub fn run<M: Module>(inputs: usize) {
    let samples = all_samples();
    let functions = M::description().functions.len();
    for seed in 0..inputs {
        let mut chance = Chance::new(seed as u64);
        let mut input = mutated(&mut chance, &samples[seed % samples.len()], &samples);
        match chance.below(2) {
            0 => input.extend(probe::PLAIN),
            _ => {
                input.extend((0..48).map(|_| chance.number().to_le_bytes()[0]));
                input.extend([48, u8::try_from(1 + chance.below(functions)).unwrap_or(1)]);
            }
        }
        let started = Instant::now();
        probe::run::<M>(&input);
        assert!(started.elapsed() < DEADLINE, "seed {seed}: {:?}", started.elapsed());
    }
}
