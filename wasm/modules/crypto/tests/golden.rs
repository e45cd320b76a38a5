//! See `harness::golden`.

use crypto::Crypto;
use serde_json::json;

#[test]
fn outputs_are_the_golden_ones() {
    harness::golden::check::<Crypto>(env!("CARGO_MANIFEST_DIR"), &json!({}), 13);
}
