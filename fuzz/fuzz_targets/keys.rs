//! JWK Sets and keys in PEM.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    integridai_fuzz::jwks(bytes);
    integridai_fuzz::pem(bytes);
});
