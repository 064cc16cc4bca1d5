//! Tokens.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| integridai_fuzz::token(bytes));
