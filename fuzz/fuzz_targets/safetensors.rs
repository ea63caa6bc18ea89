//! Any bytes as a file of weights: read or refused, never a panic, and never a tensor outside the file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = kindred::nn::weights::fuzz_header(bytes);
});
