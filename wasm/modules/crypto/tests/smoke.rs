//! See `harness::smoke`.

use crypto::Crypto;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<Crypto>(600);
}
