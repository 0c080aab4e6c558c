//! Seals: short proofs that bytes come from this hub and were not changed on the way.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::pepper::{PEPPER_BYTES, Peppers};

/// Bytes of a seal.
pub const SEAL_BYTES: usize = 16;

/// The keys of seals: those made of older peppers only verify.
#[derive(Clone)]
pub struct Seals {
    /// Never empty, the newest last.
    keys: Vec<[u8; PEPPER_BYTES]>,
}

impl Seals {
    /// Seals that last as long as a pepper does.
    pub fn of(peppers: &Peppers) -> Seals {
        Seals { keys: peppers.derived(b"devhub seal 1\0") }
    }

    /// Seals that nobody verifies after a restart.
    ///
    /// # Panics
    /// When the operating system gives no random bytes.
    pub fn generate() -> Seals {
        let mut key = [0; PEPPER_BYTES];
        getrandom::fill(&mut key).expect("the operating system gives random bytes");
        Seals { keys: vec![key] }
    }

    /// The seal of these bytes.
    pub fn seal(&self, bytes: &[u8]) -> [u8; SEAL_BYTES] {
        tag(self.keys.last().expect("there is a key"), bytes)
    }

    /// Whether it is the seal of these bytes, in a time that does not depend on where it differs.
    pub fn verifies(&self, bytes: &[u8], seal: &[u8]) -> bool {
        self.keys.iter().any(|key| tag(key, bytes).ct_eq(seal).into())
    }
}

fn tag(key: &[u8], bytes: &[u8]) -> [u8; SEAL_BYTES] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    let whole: [u8; 32] = mac.chain_update(bytes).finalize().into_bytes().into();
    let mut tag = [0; SEAL_BYTES];
    tag.copy_from_slice(&whole[..SEAL_BYTES]);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Pepper;

    #[test]
    fn a_seal_outlives_a_new_pepper_and_not_its_own() {
        let (first, second) = (Pepper::generate(), Pepper::generate());
        let before = Seals::of(&Peppers::new(Vec::new(), first.clone()));
        let after = Seals::of(&Peppers::new(vec![first], second.clone()));
        let later = Seals::of(&Peppers::new(Vec::new(), second));
        let seal = before.seal(b"a place");
        assert!(before.verifies(b"a place", &seal) && after.verifies(b"a place", &seal));
        assert!(!later.verifies(b"a place", &seal), "its pepper is gone");
        assert!(later.verifies(b"a place", &after.seal(b"a place")), "the newest one seals");
    }

    #[test]
    fn nothing_else_is_a_seal() {
        let seals = Seals::generate();
        let seal = seals.seal(b"a place");
        assert!(!seals.verifies(b"another place", &seal) && !seals.verifies(b"a place", &seal[1..]));
        assert!(!seals.verifies(b"a place", b"") && !Seals::generate().verifies(b"a place", &seal));
    }
}
