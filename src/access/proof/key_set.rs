//! Key sets: what an issuer publishes of its keys, as a JSON Web Key Set.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::members::Members;
use super::token::{Algorithm, KEY_ID_BYTES_MAX};

/// Largest key set, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 1 << 20;

/// Most keys of a set.
pub const KEYS_MAX: usize = 100;

/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Members that only secret keys have.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key, and the one algorithm that it is for.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    mark: KeyMark,
}

/// Tells a key from another of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMark([u8; 32]);

impl KeyMark {
    /// The mark of the public key that these members are.
    fn of(members: &Members) -> KeyMark {
        let mut hash = Sha256::new();
        for name in ["kty", "crv", "n", "e", "x", "y"] {
            let text = members.text(name).unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        KeyMark(hash.finalize().into())
    }
}

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

/// The one algorithm that a key is for, by its type; one that it names itself must be the same.
fn algorithm(members: &Members) -> Option<Algorithm> {
    let algorithm = match (members.text("kty")?, members.text("crv")) {
        ("RSA", None) => Algorithm::Rs256,
        ("EC", Some("P-256")) => Algorithm::Es256,
        ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
        _ => return None,
    };
    (!members.has("alg") || members.text("alg") == Some(algorithm.name())).then_some(algorithm)
}

fn public_key(algorithm: Algorithm, members: &Members) -> Option<DecodingKey> {
    let bytes = |name: &str| members.text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    match algorithm {
        Algorithm::Rs256 => {
            let (modulus, exponent) = (bytes("n")?, bytes("e")?);
            let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
            let fits = MODULUS_BYTES.contains(&significant)
                && (1..=8).contains(&exponent.len())
                && exponent.last().is_some_and(|last| last % 2 == 1)
                && exponent.as_slice() != [1];
            fits.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
        }
        Algorithm::Es256 => {
            let (x, y) = (members.text("x")?, members.text("y")?);
            let fits = bytes("x")?.len() == 32 && bytes("y")?.len() == 32;
            DecodingKey::from_ec_components(x, y).ok().filter(|_| fits)
        }
        Algorithm::EdDsa => {
            let fits = bytes("x")?.len() == 32;
            DecodingKey::from_ed_components(members.text("x")?).ok().filter(|_| fits)
        }
    }
}
