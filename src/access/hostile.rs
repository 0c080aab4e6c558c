//! What callers prove themselves with.

use std::str::from_utf8;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::Principal;
use super::proof::{Algorithm, Credentials, Issuer, KEYS_MAX, KeySet, Kind, Portals, Proven, Unverified, establish};
use super::proof::{TOKEN_BYTES_MAX, certificate};

const ISSUER: &str = "https://id.example";

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn now() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().expect("an instant")
}

fn issuer() -> Issuer {
    Issuer {
        name: ISSUER.to_owned(),
        audience: "devhub".to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        kinds: Kind::ALL.to_vec(),
        person_lifetime: TimeDelta::minutes(15),
        program_lifetime: TimeDelta::hours(1),
    }
}

fn keys() -> KeySet {
    let x = URL_SAFE_NO_PAD.encode(signer().verifying_key().as_bytes());
    let set = json!({"keys": [{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": x}]});
    KeySet::parse(set.to_string().as_bytes(), &Algorithm::ALL).expect("a set of one key")
}

/// A token of this header and these claims, signed with the issuer's key.
pub(super) fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer().sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// A token; or its header and its claims in two lines, which the issuer signs: no input guesses a signature, and what is
/// read behind it has to stand as well. Whatever is proven is signed, is for this hub, and is in force.
pub(crate) fn token(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let token = match text.split_once('\n') {
        Some((header, claims)) => signed(header, claims),
        None => text.to_owned(),
    };
    let Ok(unverified) = Unverified::read(&token) else { return };
    let Ok(proven) = unverified.verify(&issuer(), &keys(), now()) else { return };
    assert!(token.len() <= TOKEN_BYTES_MAX);
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let signature = Signature::from_slice(&part(signature)).expect("64 bytes");
    signer().verifying_key().verify_strict(message.as_bytes(), &signature).expect("the issuer's signature");
    let (header, claims) = message.split_once('.').expect("two parts");
    let of = |text: &str| serde_json::from_slice::<Value>(&part(text)).expect("an object");
    let (header, claims) = (of(header), of(claims));
    assert_eq!((&header["alg"], &header["kid"], &claims["iss"]), (&json!("EdDSA"), &json!("ed"), &json!(ISSUER)));
    assert!(claims["aud"] == "devhub" || claims["aud"] == json!(["devhub"]), "{claims}");
    let [expires, begins, issued] = ["exp", "nbf", "iat"].map(|name| claims[name].as_i64().expect("a number"));
    let (now, leeway) = (now().timestamp(), 30);
    assert!(now < expires + leeway && begins <= now + leeway && issued <= now + leeway, "{claims}");
    assert!(expires - issued <= 3600, "{claims}");
    assert!(Kind::ALL.iter().any(|kind| claims["devhub_role"] == kind.name()), "{claims}");
    assert!(!format!("{proven:?}").contains('\n'), "{proven:?}");
    let alone = establish(Credentials { bearer: Some(proven.clone()), ..Credentials::default() }, Portals::NotNeeded);
    match (proven, alone) {
        (Proven::Portal(_), alone) => assert!(alone.is_err(), "a portal is nobody without a person"),
        (Proven::Caller(caller), alone) => assert_eq!(alone, Ok(caller)),
    }
}

/// The keys that an issuer publishes. Whatever keys they are, verifying with them is survived.
pub(crate) fn key_set(bytes: &[u8]) {
    let Ok(keys) = KeySet::parse(bytes, &Algorithm::ALL) else { return };
    assert!((1..=KEYS_MAX).contains(&keys.len()));
    let set: Value = serde_json::from_slice(bytes).expect("an object");
    let claims = json!({"iss": ISSUER});
    for id in set["keys"].as_array().into_iter().flatten().filter_map(|key| key["kid"].as_str()) {
        for algorithm in Algorithm::ALL {
            for length in [64, 256] {
                let header = json!({"alg": algorithm.name(), "kid": id}).to_string();
                let token = signed(&header, &claims.to_string());
                let (message, _) = token.rsplit_once('.').expect("three parts");
                let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(vec![1; length]));
                let Ok(unverified) = Unverified::read(&token) else { continue };
                assert!(unverified.verify(&issuer(), &keys, now()).is_err(), "{token}");
            }
        }
    }
}

/// The certificate of a connection. Whoever it names is named in it, letter by letter.
pub(crate) fn certificate(bytes: &[u8]) {
    let Ok(proven) = certificate::identity(&CertificateDer::from(bytes)) else { return };
    let name = match &proven {
        Proven::Portal(name)
        | Proven::Caller(
            Principal::Operator { name }
            | Principal::Machine { name, .. }
            | Principal::Auditor { name }
            | Principal::Gateway { id: name, .. },
        ) => name,
        Proven::Caller(
            Principal::Developer { .. }
            | Principal::CompanyAdministrator { .. }
            | Principal::Publisher { .. }
            | Principal::Anyone,
        ) => panic!("no certificate names one: {proven:?}"),
    };
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{proven:?}");
    assert!(bytes.windows(name.len() + 1).any(|part| part[0] == b'/' && part[1..] == *name.as_bytes()), "{proven:?}");
}

#[cfg(test)]
pub(crate) mod seeds {
    use super::*;

    /// Tokens of every role, and one that is signed already.
    pub(crate) fn tokens() -> Vec<(String, Vec<u8>)> {
        let second = now().timestamp();
        let header = json!({"alg": "EdDSA", "kid": "ed", "typ": "JWT"}).to_string();
        let claims = |kind: Kind| {
            let mut claims = json!({
                "iss": ISSUER, "aud": "devhub", "sub": "ada", "devhub_role": kind.name(),
                "iat": second - 60, "nbf": second - 60, "exp": second + 240,
            });
            let own = match kind {
                Kind::Developer => json!({"email": "ada@example.com"}),
                Kind::CompanyAdministrator => json!({"email": "ada@example.com", "company": "acme"}),
                Kind::Publisher => json!({"apis": ["individuals/losses"]}),
                Kind::Operator | Kind::Auditor | Kind::Portal => json!({}),
                Kind::Gateway => json!({"environment": "sandbox"}),
                Kind::Machine => json!({"scopes": ["devhub.v1.ApiService/GetApi"]}),
            };
            for (name, value) in own.as_object().expect("an object") {
                claims[name] = value.clone();
            }
            claims.to_string()
        };
        let whole = signed(&header, &claims(Kind::Operator));
        let mut seeds: Vec<(String, Vec<u8>)> =
            Kind::ALL.map(|kind| (kind.name().to_owned(), format!("{header}\n{}", claims(kind)).into_bytes())).into();
        for (_, seed) in &seeds {
            let text = from_utf8(seed).expect("text");
            let (header, claims) = text.split_once('\n').expect("two lines");
            let token = signed(header, claims);
            Unverified::read(&token).expect("a token").verify(&issuer(), &keys(), now()).expect(text);
        }
        seeds.push(("signed".to_owned(), whole.into_bytes()));
        seeds
    }
}
