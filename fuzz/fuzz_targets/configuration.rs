//! The text of a `kindred.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = kindred::cli::config::parse(text);
});
