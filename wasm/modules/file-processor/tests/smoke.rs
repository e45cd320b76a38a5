//! See `harness::smoke`.

use file_processor::FileProcessor;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<FileProcessor>(4_000);
}
