//! Assertions by which a client proves itself with a key that it registered: RFC 7523, section 3.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};

use super::Check;
use super::algorithm::Algorithm;
use super::public_key::{Key, PublicKey};
use super::signed::{LEEWAY, Signed};

/// How long an assertion lives at most.
pub const ASSERTION_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// How far the clock of a client may be ahead of ours. Less than what an end may be passed by: for as long, a hub that has
/// just started cannot tell an assertion that was used before from one that was not.
const AHEAD: TimeDelta = TimeDelta::seconds(5);

/// Longest client id, in bytes.
const CLIENT_BYTES_MAX: usize = 128;

/// Longest `jti`, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Most audiences of an assertion.
const AUDIENCES_MAX: usize = 10;

/// What the header of an assertion may call it.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// An assertion as it was presented: its parts are read, and nothing of it is true yet.
#[derive(Debug)]
pub struct Assertion<'t> {
    token: Signed<'t>,
    client: String,
}

/// What an assertion is judged by, besides the key.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// For whom it must have been made.
    pub audience: &'a str,
    /// The client id beside it, if there is one.
    pub client: Option<&'a str>,
    /// From when on every assertion that was used is remembered.
    pub remembered_since: DateTime<Utc>,
}

/// What an assertion proves, unless it was used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Its own id, which it shares with no other of its client.
    pub id: String,
    /// The first instant at which it is refused because it has expired.
    pub refused_from: DateTime<Utc>,
}

/// Keys that no client has, one for each algorithm. Their secret parts were not kept; it would not help to have them.
static DECOYS: LazyLock<[PublicKey; 4]> = LazyLock::new(|| {
    [
        concat!(
            r#"{"kty":"RSA","e":"AQAB","n":"pXlJjX7CpoyLikCKmHzk-hs16RVP_5qPWlvbJ52idGaeosEv5gE82Gmi6RnnWllnQlwLSklK1"#,
            "g9D2RHkQj_U04RNLavyWv09g4ib4HVOPg8Nk3WUt_N7T1YUZBu1tyrhKWwA1ZpZSYfjZA-Pq6ZQzK8IA1JJ6rScJ0rqc14X-lJ9ZT429wZf",
            "Lun3VyL3KtF5PqvvCpKWbF5wHbuWdYNhUVGb3qt51A0JjY9XUBj9f8RSUPL5xyQrpjX1cSDUxumFxWf-P9P2FBGZX_dE2rwvRI63cMBagPVX",
            r#"BjnLsqYLLNubFfJLz-Q6HX5gykERgEB0zy7L1W8wCPiq_vdW66hhcw"}"#
        ),
        concat!(
            r#"{"kty":"EC","crv":"P-256","x":"PjeK1N2z9TPRTvCFQrloUa5U3PWZYICNZevZA0nEBm8","#,
            r#""y":"2_pQ7HY_fUcNg5K3gya_YKqtqnwtSNJfNvp3mY5Zhnc"}"#
        ),
        concat!(
            r#"{"kty":"EC","crv":"P-384","x":"hKg2Ki4z57tI_egLKbHgolN2pG1BpOAW9lakXLJuO2BAmnELIUzlkwyqhiuEl2l5","#,
            r#""y":"YJYadwIVP3SsO4UNS8qouC_c66pqR3QN_e_u3i9szF9tr4azVCppTBXoKLIcOLwq"}"#
        ),
        r#"{"kty":"OKP","crv":"Ed25519","x":"id8f-32_HXJKbdDV76-Jqhg0nVCX-xZ7Rta8FcCEbm8"}"#,
    ]
    .map(|text| PublicKey::parse(text).expect("it is a public key"))
});

fn decoy(algorithm: Algorithm) -> &'static Key {
    &DECOYS.iter().find(|key| key.algorithm() == algorithm).expect("there is one for each algorithm").key
}

impl<'t> Assertion<'t> {
    /// Reads an assertion.
    ///
    /// # Errors
    /// When it is none that any client could have signed.
    pub fn read(text: &'t str) -> Result<Assertion<'t>, Check> {
        let token = Signed::read(text, &TYPES)?;
        let client = token.claims.text("sub").filter(|client| (1..=CLIENT_BYTES_MAX).contains(&client.len()));
        let client = client.ok_or(Check::TokenSubject)?.to_owned();
        if token.claims.text("iss") != Some(&client) {
            return Err(Check::AssertionClient);
        }
        Ok(Assertion { token, client })
    }

    /// Which client it says to be of.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Which key it says to be signed with.
    pub fn key_id(&self) -> &str {
        &self.token.key_id
    }

    /// What it proves at `now`, if `key` is the live key of its client that it names. Where there is none, another key is
    /// tried all the same: a signature is verified whoever is named.
    ///
    /// # Errors
    /// With the first check that it fails.
    pub fn verify(&self, key: Option<&PublicKey>, expected: &Expected<'_>, now: DateTime<Utc>) -> Result<Proof, Check> {
        // No key is for such an algorithm, whoever is named.
        let named = Algorithm::named(&self.token.algorithm).ok_or(Check::TokenAlgorithm)?;
        // The algorithm is the key's. What the header says may agree, and changes nothing.
        let fitting = key.filter(|key| key.algorithm() == named);
        let signed = self.token.is_by(fitting.map_or_else(|| decoy(named), |key| &key.key));
        match (key, fitting) {
            (None, _) => return Err(Check::TokenKeyUnknown),
            (Some(_), None) => return Err(Check::TokenAlgorithm),
            (Some(_), Some(_)) if !signed => return Err(Check::TokenSignature),
            (Some(_), Some(_)) => {}
        }
        if expected.client.is_some_and(|client| client != self.client) {
            return Err(Check::AssertionClient);
        }
        self.check_audience(expected.audience)?;
        let refused_from = self.check_times(expected.remembered_since, now)?;
        let id = self.token.claims.text("jti").filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
        Ok(Proof { id: id.ok_or(Check::AssertionId)?.to_owned(), refused_from })
    }

    fn check_audience(&self, expected: &str) -> Result<(), Check> {
        let ours = match self.token.claims.text("aud") {
            Some(audience) => audience == expected,
            None => self.token.claims.texts("aud", AUDIENCES_MAX).is_some_and(|all| all.contains(&expected)),
        };
        if ours { Ok(()) } else { Err(Check::TokenAudience) }
    }

    /// Whether it is valid at `now`. Returns from when on it is not.
    fn check_times(&self, remembered_since: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Check> {
        let (expires, issued) = (self.token.instant("exp")?, self.token.instant("iat")?);
        let begins = if self.token.claims.has("nbf") { self.token.instant("nbf")? } else { issued };
        if expires <= issued || expires <= begins {
            return Err(Check::TokenTimes);
        }
        if expires - issued > ASSERTION_LIFETIME {
            return Err(Check::TokenLifetime);
        }
        if now - LEEWAY >= expires {
            return Err(Check::TokenExpired);
        }
        if now + AHEAD < begins {
            return Err(Check::TokenTooEarly);
        }
        if now + AHEAD < issued {
            return Err(Check::TokenIssuedLater);
        }
        // Whatever was used before then was issued no later than that, by the check above.
        if issued < remembered_since + AHEAD {
            return Err(Check::AssertionBeforeStart);
        }
        Ok(expires + LEEWAY)
    }
}
