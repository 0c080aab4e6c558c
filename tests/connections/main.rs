//! Connections to the real program: very many of them, and those over TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../support/frames.rs"]
#[expect(dead_code, reason = "what other tests do with frames")]
mod frames;
mod hub;
mod many;
#[path = "../it/pki.rs"]
#[expect(dead_code, reason = "what other tests do with credentials")]
mod pki;
mod tls;
