//! See `harness::smoke`.

use analysis_engine::AnalysisEngine;

#[test]
fn changed_samples_and_made_up_calls_are_answered() {
    harness::smoke::run::<AnalysisEngine>(200);
}
