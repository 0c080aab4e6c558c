//! Secrets that devhub issues: made, written, recognised, hashed and verified. Whose they are is not known here.
//!
//! # What one looks like
//!
//! ```text
//! secret   = "dhs_" body checksum
//! body     = 43 base62        ; drawn evenly from the operating system's random bytes: log2(62^43) > 256 bits
//! checksum = 6 base62         ; CRC-32C of "dhs_" and body, big-endian, filled up with zeros on the left
//! base62   = "0" to "9" / "A" to "Z" / "a" to "z", which stand for 0 to 61 in this order
//! ```
//!
//! Scanners for leaked secrets find one with `\bdhs_[0-9A-Za-z]{49}\b`, and tell it from look-alikes by its checksum.
//! The checksum protects nothing: it tells a typing error, and a test value, from a secret.
//!
//! # What is kept of it
//!
//! HMAC-SHA-256 under a *pepper*: a key of 256 random bits in a file outside the store, see [`read`]. Who takes
//! the store or a backup of it can neither use a secret nor try guesses against it. A slow hash would add nothing: 256 random
//! bits cannot be guessed, and verification must stay cheap, or it is a way to keep a hub busy.
//!
//! There may be several peppers. The newest one signs; the others only verify, until each secret that is still used has
//! been verified once and hashed again (rule B54).

mod code;
mod file;
mod pepper;
mod seal;
mod text;
pub(crate) mod work;

pub use code::{CodeFileError, Codes, add_code};
pub use file::{PepperFileError, add, create, read};
pub use pepper::{PEPPERS_MAX, Pepper, Peppers, Presented};
pub use seal::{SEAL_BYTES, Seals};
pub use text::{LAST_SHOWN, NotASecret, PREFIX, Secret};
