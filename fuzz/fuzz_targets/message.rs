//! Any bytes as the body of a message: taken or refused, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = kindred::web::fuzz_message(bytes);
});
