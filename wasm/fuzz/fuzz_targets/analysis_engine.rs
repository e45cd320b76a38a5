#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::probe::run_with_args::<analysis_engine::AnalysisEngine>(input));
