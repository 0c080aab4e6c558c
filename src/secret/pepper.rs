//! Peppers: the keys under which secrets are hashed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::text::Secret;
use super::work;
use crate::domain::keyed_hash::{KEYED_HASH_BYTES, KeyedHash};
use crate::domain::name::PepperId;

/// Most peppers at a time: every verification costs a hash for each, for whomever it is.
pub const PEPPERS_MAX: usize = 8;

/// Bytes of a pepper.
pub(super) const PEPPER_BYTES: usize = 32;

/// Tells these hashes from any others that may once be made with the same pepper.
const PURPOSE: &[u8] = b"devhub secret 1\0";

/// A key, by its id. Like a secret, it has no `Debug`.
#[derive(Clone)]
pub struct Pepper {
    pub(super) id: PepperId,
    pub(super) key: [u8; PEPPER_BYTES],
}

impl Pepper {
    /// A new pepper, from the operating system's random bytes.
    ///
    /// # Panics
    /// When the operating system gives none.
    pub fn generate() -> Pepper {
        let (mut key, mut id) = ([0; PEPPER_BYTES], [0; 4]);
        for bytes in [&mut key[..], &mut id[..]] {
            getrandom::fill(bytes).expect("the operating system gives random bytes");
        }
        let id = format!("{:08x}", u32::from_be_bytes(id)).parse().expect("eight hexadecimal digits are a pepper id");
        Pepper { id, key }
    }

    /// Its id.
    pub fn id(&self) -> &PepperId {
        &self.id
    }

    fn hash(&self, text: &str) -> KeyedHash {
        work::hashed();
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        let bytes = mac.chain_update(PURPOSE).chain_update(text).finalize().into_bytes().into();
        KeyedHash { pepper: self.id.clone(), bytes }
    }
}

/// The peppers of a hub: at least one, the newest last.
#[derive(Clone)]
pub struct Peppers {
    older: Vec<Pepper>,
    newest: Pepper,
}

impl Peppers {
    /// `newest` signs; `older` ones still verify.
    pub fn new(older: Vec<Pepper>, newest: Pepper) -> Peppers {
        Peppers { older, newest }
    }

    /// The ids, the newest last.
    pub fn ids(&self) -> impl Iterator<Item = &PepperId> {
        self.older.iter().chain([&self.newest]).map(Pepper::id)
    }

    /// A key for another purpose from each, the newest last. What is known of it tells nothing of the pepper.
    pub(super) fn derived(&self, purpose: &[u8]) -> Vec<[u8; PEPPER_BYTES]> {
        let derive = |pepper: &Pepper| {
            let mac = Hmac::<Sha256>::new_from_slice(&pepper.key).expect("HMAC takes a key of any length");
            mac.chain_update(purpose).finalize().into_bytes().into()
        };
        self.older.iter().chain([&self.newest]).map(derive).collect()
    }

    /// What to keep of a secret.
    pub fn hash(&self, secret: &Secret) -> KeyedHash {
        self.newest.hash(secret.reveal())
    }

    /// What somebody presents as a secret, hashed under every pepper: the same work whatever it is, and whoever it is
    /// presented for.
    pub fn present(&self, text: &str) -> Presented {
        Presented { older: self.older.iter().map(|pepper| pepper.hash(text)).collect(), newest: self.newest.hash(text) }
    }
}

/// What somebody presented as a secret, hashed under every pepper.
pub struct Presented {
    older: Vec<KeyedHash>,
    newest: KeyedHash,
}

impl Presented {
    /// Which of the hashes that are kept is of what was presented. All of them are compared, each in a time that does not
    /// depend on where it differs, and as many others as make them `places`: how many there are takes no time to tell.
    pub fn find(&self, kept: &[&KeyedHash], places: usize) -> Option<usize> {
        let other = KeyedHash { pepper: self.newest.pepper.clone(), bytes: [0; KEYED_HASH_BYTES] };
        let others = std::iter::repeat_n(&other, places.saturating_sub(kept.len()));
        let mut found = u32::MAX;
        for (place, kept) in (0_u32..).zip(kept.iter().copied().chain(others)) {
            let same = self.same(kept);
            found.conditional_assign(&place, same);
        }
        usize::try_from(found).ok().filter(|place| *place < kept.len())
    }

    fn same(&self, kept: &KeyedHash) -> Choice {
        let mut same = Choice::from(0);
        for hash in self.older.iter().chain([&self.newest]) {
            // Which pepper keyed a hash is no secret.
            if hash.pepper == kept.pepper {
                work::compared();
                same |= hash.bytes[..KEYED_HASH_BYTES].ct_eq(&kept.bytes);
            }
        }
        same
    }

    /// What to keep instead of `kept`, if an older pepper keyed it (rule B54).
    pub fn renewed(&self, kept: &KeyedHash) -> Option<&KeyedHash> {
        (kept.pepper != self.newest.pepper).then_some(&self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(id: &str, byte: u8) -> Pepper {
        Pepper { id: id.parse().expect("valid"), key: [byte; PEPPER_BYTES] }
    }

    #[test]
    fn hashes_that_were_kept_stay_valid() {
        let hash = pepper("p1", 7).hash("dhs_01234567890123456789012345678901234567890120r98Tu");
        let hex: String = hash.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "3d4cfdb9d2667c6bb16c382bf8d838923b728a9983a8f38d5ff74cd2445246f1");
        assert_eq!(format!("{hash:?}"), "KeyedHash { pepper: \"p1\", .. }", "the bytes are not shown");
    }

    #[test]
    fn a_secret_is_found_among_others_under_the_pepper_that_keyed_it() {
        let before = Peppers::new(Vec::new(), pepper("p1", 1));
        let after = Peppers::new(vec![pepper("p1", 1)], pepper("p2", 2));
        let (first, second, unknown) = (Secret::generate(), Secret::generate(), Secret::generate());
        let (old, new) = (before.hash(&first), after.hash(&second));
        let kept = [&new, &old];
        assert_eq!(after.present(first.reveal()).find(&kept, 2), Some(1));
        assert_eq!(after.present(second.reveal()).find(&kept, 2), Some(0));
        assert_eq!(after.present(unknown.reveal()).find(&kept, 2), None);
        assert_eq!(after.present(first.reveal()).find(&[], 2), None);
        assert_eq!(before.present(second.reveal()).find(&kept, 2), None, "its pepper is not known here");
        assert_eq!(after.ids().map(PepperId::as_str).collect::<Vec<_>>(), ["p1", "p2"]);
    }

    #[test]
    fn b54_only_what_an_older_pepper_keyed_is_renewed() {
        let after = Peppers::new(vec![pepper("p1", 1)], pepper("p2", 2));
        let secret = Secret::generate();
        let presented = after.present(secret.reveal());
        assert_eq!(presented.renewed(&pepper("p1", 1).hash(secret.reveal())), Some(&after.hash(&secret)));
        assert_eq!(presented.renewed(&after.hash(&secret)), None);
    }

    #[test]
    fn a_pepper_of_the_same_id_and_another_key_finds_nothing() {
        let secret = Secret::generate();
        let kept = Peppers::new(Vec::new(), pepper("p1", 1)).hash(&secret);
        assert_eq!(Peppers::new(Vec::new(), pepper("p1", 2)).present(secret.reveal()).find(&[&kept], 1), None);
    }
}
