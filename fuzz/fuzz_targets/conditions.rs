#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| azbatch_fuzz::conditions(data));
