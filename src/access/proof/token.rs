//! Tokens: JSON Web Tokens, signed with one of an issuer's public keys.
//!
//! The library verifies signatures and nothing else. Its clock is not asked; what a token says is read here, strictly: of
//! a claim that is given twice or in another type, nobody guesses what was meant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};

use super::claims::{proven, role};
use super::key_set::KeySet;
use super::members::Members;
use super::{Check, Kind, Proven};

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// How far the clocks of issuers may be from ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Longest id of a key, in bytes.
pub(super) const KEY_ID_BYTES_MAX: usize = 128;

/// Longest subject, in bytes.
const SUBJECT_BYTES_MAX: usize = 256;

/// What the header of a token must not have: keys that it brings itself, and what changes how it is to be read.
const REFUSED_MEMBERS: [&str; 10] = ["crit", "jku", "jwk", "x5u", "x5c", "zip", "enc", "cty", "b64", "epk"];

/// An algorithm of signatures. There are no symmetric ones: who verifies must not be able to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA with SHA-256, as PKCS #1 1.5 pads.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

    /// The name used in tokens, key sets and the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) const fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// Who issues tokens, and what they may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What its tokens say in `iss`.
    pub name: String,
    /// What they say in `aud`: this hub.
    pub audience: String,
    /// The algorithms of its keys.
    pub algorithms: Vec<Algorithm>,
    /// Whom it may speak for.
    pub kinds: Vec<Kind>,
    /// How long a person's token lives at most.
    pub person_lifetime: TimeDelta,
    /// How long a program's token lives at most.
    pub program_lifetime: TimeDelta,
}

/// A token as it was presented: its parts are read, and nothing of it is true yet.
#[derive(Debug)]
pub struct Unverified<'t> {
    signed: &'t str,
    signature: &'t str,
    algorithm: String,
    key_id: String,
    issuer: String,
    claims: Members,
}

fn part(text: &str) -> Result<Vec<u8>, Check> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or(Check::TokenForm)
}

impl<'t> Unverified<'t> {
    /// Reads a token.
    ///
    /// # Errors
    /// When it is none that any issuer could have signed.
    pub fn read(token: &'t str) -> Result<Unverified<'t>, Check> {
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
        let typed = !header.has("typ")
            || header
                .text("typ")
                .is_some_and(|typ| ["JWT", "at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typ)));
        if !typed {
            return Err(Check::TokenType);
        }
        let algorithm = header.text("alg").ok_or(Check::TokenAlgorithm)?.to_owned();
        let key_id = header.text("kid").filter(|id| (1..=KEY_ID_BYTES_MAX).contains(&id.len()));
        let key_id = key_id.ok_or(Check::TokenKeyId)?.to_owned();
        let claims = Members::of(&payload).ok_or(Check::TokenPayload)?;
        let issuer = claims.text("iss").ok_or(Check::TokenIssuer)?.to_owned();
        Ok(Unverified { signed, signature, algorithm, key_id, issuer, claims })
    }

    /// Who it says has issued it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that it says it is signed with.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The first instant at which it is over for this hub: `exp`, and what clocks may differ by.
    ///
    /// # Errors
    /// When it does not say when it expires.
    pub fn ends(&self) -> Result<DateTime<Utc>, Check> {
        Ok(self.instant("exp")? + LEEWAY)
    }

    fn instant(&self, name: &str) -> Result<DateTime<Utc>, Check> {
        let seconds = self.claims.get(name).and_then(serde_json::Value::as_i64);
        let seconds = seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds));
        seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(Check::TokenTimes)
    }

    /// What it proves at `now`, if `issuer` has signed it with one of `keys`.
    ///
    /// # Errors
    /// With the first check that it fails.
    pub fn verify(&self, issuer: &Issuer, keys: &KeySet, now: DateTime<Utc>) -> Result<Proven, Check> {
        if self.issuer != issuer.name {
            return Err(Check::TokenIssuer);
        }
        // A name that no configuration could allow needs no key to be refused, and no key has to be fetched for it.
        let algorithm = Algorithm::named(&self.algorithm).filter(|named| issuer.algorithms.contains(named));
        let algorithm = algorithm.ok_or(Check::TokenAlgorithm)?;
        let key = keys.get(&self.key_id).ok_or(Check::TokenKeyUnknown)?;
        // The algorithm is the key's. What the header says may agree, and changes nothing.
        if algorithm != key.algorithm || !issuer.algorithms.contains(&key.algorithm) {
            return Err(Check::TokenAlgorithm);
        }
        let signed = self.signed.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, signed, &key.key, key.algorithm.library()) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(Check::TokenSignature),
        }
        self.check_audience(issuer)?;
        let subject = self.claims.text("sub").filter(|subject| {
            (1..=SUBJECT_BYTES_MAX).contains(&subject.len()) && !subject.chars().any(char::is_control)
        });
        let subject = subject.ok_or(Check::TokenSubject)?;
        let lifetime = self.check_times(now)?;
        let kind = role(&self.claims)?;
        if !issuer.kinds.contains(&kind) {
            return Err(Check::TokenRoleForeign);
        }
        let longest = if kind.is_person() { issuer.person_lifetime } else { issuer.program_lifetime };
        if lifetime > longest {
            return Err(Check::TokenLifetime);
        }
        proven(kind, subject, &self.claims)
    }

    /// A token that is good elsewhere too could be presented here by whoever got it there.
    fn check_audience(&self, issuer: &Issuer) -> Result<(), Check> {
        let ours = match self.claims.text("aud") {
            Some(audience) => audience == issuer.audience,
            None => self.claims.texts("aud", 1).is_some_and(|audiences| audiences == [issuer.audience.as_str()]),
        };
        if ours { Ok(()) } else { Err(Check::TokenAudience) }
    }

    /// Whether the token is valid at `now`: from `nbf` on, until before `exp`, give or take what clocks may differ by.
    /// Returns how long it lives.
    fn check_times(&self, now: DateTime<Utc>) -> Result<TimeDelta, Check> {
        let (expires, begins, issued) = (self.instant("exp")?, self.instant("nbf")?, self.instant("iat")?);
        if expires <= begins || expires <= issued {
            return Err(Check::TokenTimes);
        }
        if now >= self.ends()? {
            return Err(Check::TokenExpired);
        }
        if now + LEEWAY < begins {
            return Err(Check::TokenTooEarly);
        }
        if now + LEEWAY < issued {
            return Err(Check::TokenIssuedLater);
        }
        Ok(expires - issued)
    }
}
