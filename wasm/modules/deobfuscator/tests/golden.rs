//! See `harness::golden`.

use deobfuscator::Deobfuscator;
use serde_json::json;

#[test]
fn outputs_are_the_golden_ones() {
    harness::golden::check::<Deobfuscator>(env!("CARGO_MANIFEST_DIR"), &json!({}), 12);
}
