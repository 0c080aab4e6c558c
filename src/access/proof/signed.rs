//! Signed JSON Web Tokens, of whomever: read strictly, and verified with one key.
//!
//! The library verifies signatures and nothing else. Its clock is not asked; what a token says is read here: of a member
//! that is given twice or in another type, nobody guesses what was meant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};

use super::Check;
use super::members::Members;
use super::public_key::Key;

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// How far the clocks of who signs may be from ours.
pub(super) const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Longest id of a key, in bytes.
pub(super) const KEY_ID_BYTES_MAX: usize = 128;

/// What the header of a token must not have: keys that it brings itself, and what changes how it is to be read.
const REFUSED_MEMBERS: [&str; 10] = ["crit", "jku", "jwk", "x5u", "x5c", "zip", "enc", "cty", "b64", "epk"];

/// A token as it was presented: its parts are read, and nothing of it is true yet.
#[derive(Debug)]
pub(super) struct Signed<'t> {
    signed: &'t str,
    signature: &'t str,
    /// The algorithm that its header names.
    pub(super) algorithm: String,
    /// The key that its header names.
    pub(super) key_id: String,
    /// What it says.
    pub(super) claims: Members,
}

fn part(text: &str) -> Result<Vec<u8>, Check> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or(Check::TokenForm)
}

impl<'t> Signed<'t> {
    /// Reads a token whose header names none or one of `types`.
    pub(super) fn read(token: &'t str, types: &[&str]) -> Result<Signed<'t>, Check> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Check::TokenTooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Check::TokenForm)?;
        let (header, payload) = signed.split_once('.').ok_or(Check::TokenForm)?;
        let (header, payload) = (part(header)?, part(payload)?);
        part(signature)?;
        let header = Members::of(&header).ok_or(Check::TokenHeader)?;
        if REFUSED_MEMBERS.iter().any(|name| header.has(name)) {
            return Err(Check::TokenHeaderMember);
        }
        let known = |typ: &str| types.iter().any(|known| known.eq_ignore_ascii_case(typ));
        if header.has("typ") && !header.text("typ").is_some_and(known) {
            return Err(Check::TokenType);
        }
        let algorithm = header.text("alg").ok_or(Check::TokenAlgorithm)?.to_owned();
        let key_id = header.text("kid").filter(|id| (1..=KEY_ID_BYTES_MAX).contains(&id.len()));
        let key_id = key_id.ok_or(Check::TokenKeyId)?.to_owned();
        let claims = Members::of(&payload).ok_or(Check::TokenPayload)?;
        Ok(Signed { signed, signature, algorithm, key_id, claims })
    }

    /// Whether `key` has signed it, with the one algorithm that the key is for.
    pub(super) fn is_by(&self, key: &Key) -> bool {
        let verified =
            jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.key, key.algorithm.library());
        verified.unwrap_or(false)
    }

    /// The instant that a claim says, in whole seconds.
    pub(super) fn instant(&self, name: &str) -> Result<DateTime<Utc>, Check> {
        let seconds = self.claims.get(name).and_then(serde_json::Value::as_i64);
        let seconds = seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds));
        seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(Check::TokenTimes)
    }
}
