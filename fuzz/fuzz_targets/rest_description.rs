#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| malformed_input::rest_description(input));
