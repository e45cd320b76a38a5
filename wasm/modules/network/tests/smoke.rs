//! See `harness::smoke`.

use network::Network;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<Network>(4_000);
}
