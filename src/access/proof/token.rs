//! Tokens: JSON Web Tokens, signed with one of an issuer's public keys.

use chrono::{DateTime, TimeDelta, Utc};

use super::algorithm::Algorithm;
use super::claims::{proven, role};
use super::key_set::KeySet;
use super::signed::{LEEWAY, Signed};
use super::{Check, Kind, Proven};

/// Longest subject, in bytes.
const SUBJECT_BYTES_MAX: usize = 256;

/// What the header of a token may call it.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

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
    token: Signed<'t>,
    issuer: String,
}

impl<'t> Unverified<'t> {
    /// Reads a token.
    ///
    /// # Errors
    /// When it is none that any issuer could have signed.
    pub fn read(token: &'t str) -> Result<Unverified<'t>, Check> {
        let token = Signed::read(token, &TYPES)?;
        let issuer = token.claims.text("iss").ok_or(Check::TokenIssuer)?.to_owned();
        Ok(Unverified { token, issuer })
    }

    /// Who it says has issued it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that it says it is signed with.
    pub fn key_id(&self) -> &str {
        &self.token.key_id
    }

    /// The first instant at which it is over for this hub: `exp`, and what clocks may differ by.
    ///
    /// # Errors
    /// When it does not say when it expires.
    pub fn ends(&self) -> Result<DateTime<Utc>, Check> {
        Ok(self.token.instant("exp")? + LEEWAY)
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
        let algorithm = Algorithm::named(&self.token.algorithm).filter(|named| issuer.algorithms.contains(named));
        let algorithm = algorithm.ok_or(Check::TokenAlgorithm)?;
        let key = keys.get(&self.token.key_id).ok_or(Check::TokenKeyUnknown)?;
        // The algorithm is the key's. What the header says may agree, and changes nothing.
        if algorithm != key.algorithm || !issuer.algorithms.contains(&key.algorithm) {
            return Err(Check::TokenAlgorithm);
        }
        if !self.token.is_by(key) {
            return Err(Check::TokenSignature);
        }
        self.check_audience(issuer)?;
        let subject = self.token.claims.text("sub").filter(|subject| {
            (1..=SUBJECT_BYTES_MAX).contains(&subject.len()) && !subject.chars().any(char::is_control)
        });
        let subject = subject.ok_or(Check::TokenSubject)?;
        let lifetime = self.check_times(now)?;
        let kind = role(&self.token.claims)?;
        if !issuer.kinds.contains(&kind) {
            return Err(Check::TokenRoleForeign);
        }
        let longest = if kind.is_person() { issuer.person_lifetime } else { issuer.program_lifetime };
        if lifetime > longest {
            return Err(Check::TokenLifetime);
        }
        proven(kind, subject, &self.token.claims)
    }

    /// A token that is good elsewhere too could be presented here by whoever got it there.
    fn check_audience(&self, issuer: &Issuer) -> Result<(), Check> {
        let ours = match self.token.claims.text("aud") {
            Some(audience) => audience == issuer.audience,
            None => self.token.claims.texts("aud", 1).is_some_and(|audiences| audiences == [issuer.audience.as_str()]),
        };
        if ours { Ok(()) } else { Err(Check::TokenAudience) }
    }

    /// Whether the token is valid at `now`: from `nbf` on, until before `exp`, give or take what clocks may differ by.
    /// Returns how long it lives.
    fn check_times(&self, now: DateTime<Utc>) -> Result<TimeDelta, Check> {
        let (expires, begins, issued) =
            (self.token.instant("exp")?, self.token.instant("nbf")?, self.token.instant("iat")?);
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
