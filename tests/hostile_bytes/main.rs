//! Bytes that no client of good will sends, to the real server in a process of its own.
//!
//! | module | what it proves |
//! |---|---|
//! | `floods` | more frames than anybody needs: others are answered, and the process does not grow |
//! | `breaches` | whoever breaks the protocol is cut off |
//! | `lies` | messages that are not what they say are refused, each by itself |
//! | `spelling` | characters that split lines or read as others: in no text of any call, in no log |
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod breaches;
#[path = "../support/raw.rs"]
mod codec;
mod floods;
mod frames;
mod lies;
mod raw;
mod spelling;
mod target;

#[path = "../peers/http.rs"]
mod http1;
