//! Key sets: what an issuer publishes of its keys, as a JSON Web Key Set.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::algorithm::Algorithm;
use super::members::Members;
use super::public_key::{Key, KeyMark, SECRET_MEMBERS, algorithm, public_key};
use super::signed::KEY_ID_BYTES_MAX;

/// Largest key set, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 1 << 20;

/// Most keys of a set.
pub const KEYS_MAX: usize = 100;

/// The public keys of an issuer, by their ids.
#[derive(Default)]
pub struct KeySet(BTreeMap<String, Key>);

#[derive(Deserialize)]
struct Whole {
    keys: Vec<Members>,
}

impl KeySet {
    /// The keys of `text` that are for signatures of one of `algorithms`; others are passed over.
    ///
    /// # Errors
    /// With a sentence, when it is no key set, holds a secret, or nothing that could be used.
    pub fn parse(text: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, String> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(format!("it has more than {KEY_SET_BYTES_MAX} bytes"));
        }
        let whole: Whole = serde_json::from_slice(text).map_err(|error| format!("it is no key set: {error}"))?;
        if whole.keys.len() > KEYS_MAX {
            return Err(format!("it has more than {KEYS_MAX} keys"));
        }
        let mut keys = BTreeMap::new();
        for (place, members) in whole.keys.iter().enumerate() {
            let refuse = |what: &str| format!("key {} {what}", place + 1);
            if members.text("kty") == Some("oct") {
                return Err(refuse("is symmetric: whoever verifies with it could sign with it"));
            }
            if SECRET_MEMBERS.iter().any(|name| members.has(name)) {
                return Err(refuse("is a secret key, which must never be published; replace it"));
            }
            if members.has("use") && members.text("use") != Some("sig") {
                continue;
            }
            let Some(algorithm) = algorithm(members).filter(|algorithm| algorithms.contains(algorithm)) else {
                continue;
            };
            let id = members.text("kid").filter(|id| (1..=KEY_ID_BYTES_MAX).contains(&id.len()));
            let id = id.ok_or_else(|| refuse("has no id (kid) of 1 to 128 bytes"))?;
            let key = public_key(algorithm, members)
                .ok_or_else(|| refuse("is malformed, or weaker than 2048 bits of RSA"))?;
            if keys.insert(id.to_owned(), Key { algorithm, key, mark: KeyMark::of(members) }).is_some() {
                return Err(refuse("has the id of another key"));
            }
        }
        if keys.is_empty() {
            return Err("it has no key for signatures of a configured algorithm".to_owned());
        }
        Ok(KeySet(keys))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mark of the key of an id, if there is one.
    pub fn mark(&self, id: &str) -> Option<KeyMark> {
        self.get(id).map(|key| key.mark)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }
}
