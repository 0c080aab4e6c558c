//! Public keys as JSON Web Keys describe them: of an issuer's set, or one that somebody registers.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::members::Members;

/// Longest key that is registered, in bytes: one of 8192 bits of RSA has fewer than half of them.
pub const PUBLIC_KEY_BYTES_MAX: usize = 4096;

/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Members that only secret keys have.
pub(super) const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key, and the one algorithm that it is for.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    pub(super) mark: KeyMark,
}

/// Tells a key from another of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMark([u8; 32]);

impl KeyMark {
    /// The mark of the public key that these members are.
    pub(super) fn of(members: &Members) -> KeyMark {
        let mut hash = Sha256::new();
        for name in ["kty", "crv", "n", "e", "x", "y"] {
            let text = members.text(name).unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        KeyMark(hash.finalize().into())
    }
}

/// A public key that stands alone.
pub struct PublicKey {
    pub(super) key: Key,
    text: String,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.text).finish()
    }
}

impl PublicKey {
    /// The key that a text describes.
    ///
    /// # Errors
    /// With a sentence, when it is none that assertions could be verified with, or is secret.
    pub fn parse(text: &str) -> Result<PublicKey, &'static str> {
        if text.len() > PUBLIC_KEY_BYTES_MAX {
            return Err("a key has at most 4096 bytes");
        }
        let members = Members::of(text.as_bytes())
            .ok_or("a key is one JSON object that says nothing twice: a JSON Web Key, not PEM and not a set of keys")?;
        if members.text("kty") == Some("oct") {
            return Err("this key is symmetric: whoever verifies with it could sign with it; register a public key");
        }
        if SECRET_MEMBERS.iter().any(|name| members.has(name)) {
            return Err(
                "this is a secret key, which must never leave who signs with it: make another one, and register its \
                 public part, without d, p, q, dp, dq and qi",
            );
        }
        if members.has("use") && members.text("use") != Some("sig") {
            return Err("the key is not for signatures: its use must be sig, or left out");
        }
        let verifies = |operations: Vec<&str>| operations == ["verify"];
        if members.has("key_ops") && !members.texts("key_ops", 1).is_some_and(verifies) {
            return Err("the key is not for verifying: its key_ops must be [\"verify\"], or left out");
        }
        let kind = "a key is of type RSA, EC on P-256 or P-384, or OKP on Ed25519, and its alg, if it has one, is RS256, \
                    ES256, ES384 or EdDSA, as belongs to its type";
        let algorithm = algorithm(&members).ok_or(kind)?;
        let malformed = "the key is malformed, or weaker than 2048 bits of RSA; its numbers are base64url without \
                         padding and without leading zeros";
        let key = public_key(algorithm, &members).filter(|_| is_canonical(algorithm, &members)).ok_or(malformed)?;
        let text = required(algorithm, &members).ok_or(malformed)?;
        Ok(PublicKey { key: Key { algorithm, key, mark: KeyMark::of(&members) }, text })
    }

    /// The one algorithm that it is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    /// Its required members, as RFC 7638 writes them.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its thumbprint, as RFC 7638 makes it.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.text.as_bytes()))
    }
}

/// The required members in order of their names, without a space. The values are base64url, and need no escape.
fn required(algorithm: Algorithm, members: &Members) -> Option<String> {
    let text = |name: &str| members.text(name);
    Some(match algorithm {
        Algorithm::Rs256 => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text("e")?, text("n")?),
        Algorithm::Es256 | Algorithm::Es384 => {
            format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, text("crv")?, text("x")?, text("y")?)
        }
        Algorithm::EdDsa => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text("x")?),
    })
}

/// Whether the key is written in the one way that has one thumbprint, and is a point of its curve if it has one.
fn is_canonical(algorithm: Algorithm, members: &Members) -> bool {
    let bytes = |name: &str| members.text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
    match algorithm {
        Algorithm::Rs256 => ["n", "e"].iter().all(|name| bytes(name).first().is_some_and(|first| *first != 0)),
        Algorithm::Es256 | Algorithm::Es384 => {
            let curve = if algorithm == Algorithm::Es256 { &ECDSA_P256_SHA256_FIXED } else { &ECDSA_P384_SHA384_FIXED };
            let point = [vec![4], bytes("x"), bytes("y")].concat();
            ParsedPublicKey::new(curve, point).is_ok()
        }
        Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, bytes("x")).is_ok(),
    }
}

/// The one algorithm that a key is for, by its type; one that it names itself must be the same.
pub(super) fn algorithm(members: &Members) -> Option<Algorithm> {
    let algorithm = match (members.text("kty")?, members.text("crv")) {
        ("RSA", None) => Algorithm::Rs256,
        ("EC", Some("P-256")) => Algorithm::Es256,
        ("EC", Some("P-384")) => Algorithm::Es384,
        ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
        _ => return None,
    };
    (!members.has("alg") || members.text("alg") == Some(algorithm.name())).then_some(algorithm)
}

/// The key that an object describes; nothing if it is malformed, or too weak.
pub(super) fn public_key(algorithm: Algorithm, members: &Members) -> Option<DecodingKey> {
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
        Algorithm::Es256 | Algorithm::Es384 => {
            let (x, y) = (members.text("x")?, members.text("y")?);
            let length = if algorithm == Algorithm::Es256 { 32 } else { 48 };
            let fits = bytes("x")?.len() == length && bytes("y")?.len() == length;
            DecodingKey::from_ec_components(x, y).ok().filter(|_| fits)
        }
        Algorithm::EdDsa => {
            let fits = bytes("x")?.len() == 32;
            DecodingKey::from_ed_components(members.text("x")?).ok().filter(|_| fits)
        }
    }
}
