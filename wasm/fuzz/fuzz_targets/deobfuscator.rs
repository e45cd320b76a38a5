#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::probe::run::<deobfuscator::Deobfuscator>(input));
