//! Keys that sign, and tokens made with them that are right, unless a test makes them wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::*;

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const OTHER: &str = "https://staff.example";

/// Keys that sign, and the set that an issuer publishes of them.
pub(super) struct Signers {
    pub(super) rsa: RsaKeyPair,
    pub(super) ec: EcdsaKeyPair,
    pub(super) ed: Ed25519KeyPair,
    pub(super) stranger: Ed25519KeyPair,
}

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signers {
    pub(super) fn new() -> Signers {
        Signers {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
            ed: Ed25519KeyPair::generate().expect("a key"),
            stranger: Ed25519KeyPair::generate().expect("a key"),
        }
    }

    pub(super) fn rsa_members(&self) -> (String, String) {
        let public = self.rsa.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        (b64(n.big_endian_without_leading_zero()), b64(e.big_endian_without_leading_zero()))
    }

    pub(super) fn published(&self) -> Value {
        let (n, e) = self.rsa_members();
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": n, "e": e},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": n, "e": e},
            {"kty": "RSA", "kid": "rs512", "use": "sig", "alg": "RS512", "n": n, "e": e},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "alg": "EdDSA", "x": b64(self.ed.public_key())},
        ]})
    }

    pub(super) fn keys(&self) -> KeySet {
        KeySet::parse(self.published().to_string().as_bytes(), &Algorithm::ALL).expect("keys")
    }

    pub(super) fn rsa_signed(&self, padding: &'static dyn aws_lc_rs::signature::RsaEncoding, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("a signature");
        signature
    }

    /// A token of these two texts, signed with the Ed25519 key.
    pub(super) fn raw(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", b64(header), b64(payload));
        format!("{message}.{}", b64(self.ed.sign(message.as_bytes())))
    }

    pub(super) fn token(&self, header: &Value, payload: &Value) -> String {
        self.raw(&header.to_string(), &payload.to_string())
    }

    pub(super) fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = header();
        change(&mut header);
        self.token(&header, &developer())
    }

    pub(super) fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = developer();
        change(&mut claims);
        self.token(&header(), &claims)
    }

    pub(super) fn with(&self, name: &str, value: Value) -> String {
        self.with_claims(|claims| claims[name] = value)
    }

    pub(super) fn without(&self, name: &str) -> String {
        self.with_claims(|claims| {
            claims.as_object_mut().expect("an object").remove(name);
        })
    }

    pub(super) fn of_role(&self, role: &str, claims: Value) -> String {
        self.with_claims(|all| {
            all["devhub_role"] = role.into();
            for (name, value) in claims.as_object().expect("an object") {
                all[name] = value.clone();
            }
        })
    }
}

pub(super) fn now() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().expect("an instant")
}

pub(super) fn second() -> i64 {
    now().timestamp()
}

pub(super) fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "ed", "typ": "JWT"})
}

pub(super) fn developer() -> Value {
    json!({
        "iss": ISSUER, "aud": "devhub", "sub": "ada", "devhub_role": "developer", "email": "ada@example.com",
        "iat": second() - 60, "nbf": second() - 60, "exp": second() + 240,
    })
}

pub(super) fn issuer(kinds: &[Kind]) -> Issuer {
    Issuer {
        name: ISSUER.to_owned(),
        audience: "devhub".to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        kinds: kinds.to_vec(),
        person_lifetime: TimeDelta::minutes(15),
        program_lifetime: TimeDelta::hours(1),
    }
}

pub(super) fn judged(token: &str, issuer: &Issuer, keys: &KeySet, now: DateTime<Utc>) -> Result<Proven, Check> {
    Unverified::read(token)?.verify(issuer, keys, now)
}
