//! References: what stands in the chain in place of a text that may have to be forgotten.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

/// A value of SHA-256.
pub type Digest = [u8; 32];

/// Tells salts from whatever else may once be made with the same key.
const SALT: &[u8] = b"devhub audit salt 1\0";

/// Tells references from other hashes.
const REFERENCE: &[u8] = b"devhub audit text 1\0";

/// The key that salts are made with. Like a secret, it has no `Debug`.
#[derive(Clone)]
pub struct Salts(pub(super) [u8; 32]);

impl Salts {
    /// The salt of a text: always the same, so that every export has the same chain; told to nobody who does not have the
    /// text as well.
    pub fn salt(&self, text: &str) -> Digest {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.chain_update(SALT).chain_update(text).finalize().into_bytes().into()
    }
}

/// What stands in an entry in place of a text.
pub fn reference(salt: &Digest, text: &str) -> Digest {
    Sha256::new().chain_update(REFERENCE).chain_update(salt).chain_update(text).finalize().into()
}
