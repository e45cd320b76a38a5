//! See `harness::smoke`.

use sandbox::Sandbox;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<Sandbox>(400);
}
