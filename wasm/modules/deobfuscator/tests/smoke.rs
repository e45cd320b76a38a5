//! See `harness::smoke`.

use deobfuscator::Deobfuscator;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<Deobfuscator>(300);
}
