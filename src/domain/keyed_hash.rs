//! What is kept of a secret: its hash under a key that lives outside the store. A value; how it comes about is not the
//! domain's to know.

use std::fmt;

use super::name::PepperId;

/// Bytes of a keyed hash.
pub const KEYED_HASH_BYTES: usize = 32;

/// The hash of a secret, and the pepper that keyed it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyedHash {
    /// Which pepper keyed it.
    pub pepper: PepperId,
    /// The hash.
    pub bytes: [u8; KEYED_HASH_BYTES],
}

/// The bytes are nobody's business, not even that of a log.
impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedHash").field("pepper", &self.pepper).finish_non_exhaustive()
    }
}
