//! See `harness::golden`.

use sandbox::Sandbox;
use serde_json::json;

#[test]
fn outputs_are_the_golden_ones() {
    harness::golden::check::<Sandbox>(env!("CARGO_MANIFEST_DIR"), &json!({}), 25);
}
