//! Fields of a request: credentials, correlation id, trace context, baggage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| integridai_fuzz::fields(bytes));
