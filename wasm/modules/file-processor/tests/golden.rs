//! See `harness::golden`.

use file_processor::FileProcessor;
use serde_json::json;

#[test]
fn outputs_are_the_golden_ones() {
    // Strings enough to see that they are found.
    harness::golden::check::<FileProcessor>(env!("CARGO_MANIFEST_DIR"), &json!({"max_strings": 20}), 56);
}
