//! See `harness::smoke`.

use pattern_matcher::PatternMatcher;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<PatternMatcher>(600);
}
