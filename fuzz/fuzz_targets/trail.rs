//! Drives `devhub::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| devhub::hostile::run("trail", bytes));
