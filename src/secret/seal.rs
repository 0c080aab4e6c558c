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

    /// Seals of another kind that last as long: none of one kind is one of the other.
    pub fn of_pages(peppers: &Peppers) -> Seals {
        Seals { keys: peppers.derived(b"devhub page 1\0") }
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

    /// `bytes` under a seal that holds in this context only, and unreadable: as many more as a seal has. The same bytes in the
    /// same context become the same.
    pub fn wrap(&self, context: &[u8], bytes: &[u8]) -> Vec<u8> {
        let key = self.keys.last().expect("there is a key");
        let seal = tag(key, &within(context, bytes));
        let mut wrapped = seal.to_vec();
        wrapped.extend_from_slice(bytes);
        cover(key, &seal, &mut wrapped[SEAL_BYTES..]);
        wrapped
    }

    /// What was wrapped in this context, if it was.
    pub fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
        let (seal, covered) = wrapped.split_at_checked(SEAL_BYTES)?;
        self.keys.iter().find_map(|key| {
            let mut bytes = covered.to_vec();
            cover(key, seal, &mut bytes);
            let same: bool = tag(key, &within(context, &bytes)).ct_eq(seal).into();
            same.then_some(bytes)
        })
    }

    /// Whether it is the seal of these bytes, in a time that does not depend on where it differs.
    pub fn verifies(&self, bytes: &[u8], seal: &[u8]) -> bool {
        self.keys.iter().any(|key| tag(key, bytes).ct_eq(seal).into())
    }
}

/// Bytes in a context, so that no other pair becomes the same.
fn within(context: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&b"wrapped\0"[..], &(context.len() as u64).to_be_bytes(), context, bytes].concat()
}

/// Covers bytes, or uncovers them, with a stream that the seal begins: it depends on all of them, so no two share one.
fn cover(key: &[u8], seal: &[u8], bytes: &mut [u8]) {
    for (number, part) in (0_u64..).zip(bytes.chunks_mut(SEAL_BYTES)) {
        let stream = tag(key, &[&b"stream\0"[..], seal, &number.to_be_bytes()].concat());
        for (byte, covering) in part.iter_mut().zip(stream) {
            *byte ^= covering;
        }
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
    fn what_is_wrapped_is_unreadable_and_whatever_else_is_not_unwrapped() {
        let (first, second) = (Pepper::generate(), Pepper::generate());
        let before = Seals::of_pages(&Peppers::new(Vec::new(), first.clone()));
        let peppers = Peppers::new(vec![first], second);
        let after = Seals::of_pages(&peppers);
        for length in [0, 1, 15, 16, 17, 100] {
            let bytes = vec![b'a'; length];
            let wrapped = before.wrap(b"a list", &bytes);
            assert_eq!(wrapped.len(), length + SEAL_BYTES);
            assert_eq!(wrapped, before.wrap(b"a list", &bytes));
            assert!(length < 4 || !wrapped.windows(4).any(|window| window == b"aaaa"));
            for seals in [&before, &after] {
                assert_eq!(seals.unwrap(b"a list", &wrapped), Some(bytes.clone()));
                assert_eq!(seals.unwrap(b"another list", &wrapped), None);
            }
            assert_eq!(Seals::of(&peppers).unwrap(b"a list", &wrapped), None, "seals of another kind");
            for place in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[place] ^= 1;
                assert_eq!(before.unwrap(b"a list", &changed), None, "{place}");
                assert_eq!(before.unwrap(b"a list", &wrapped[..place]), None);
            }
            assert_eq!(before.unwrap(b"a list", &[&wrapped[..], b"a"].concat()), None);
        }
    }

    #[test]
    fn nothing_else_is_a_seal() {
        let seals = Seals::generate();
        let seal = seals.seal(b"a place");
        assert!(!seals.verifies(b"another place", &seal) && !seals.verifies(b"a place", &seal[1..]));
        assert!(!seals.verifies(b"a place", b"") && !Seals::generate().verifies(b"a place", &seal));
    }
}
