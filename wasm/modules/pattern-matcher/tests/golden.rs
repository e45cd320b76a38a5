//! See `harness::golden`.

use pattern_matcher::PatternMatcher;
use serde_json::json;

#[test]
fn outputs_are_the_golden_ones() {
    harness::golden::check::<PatternMatcher>(env!("CARGO_MANIFEST_DIR"), &json!({}), 4);
}
