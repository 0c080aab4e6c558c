//! Assertions that are wrong in one way each, with the check that refuses them; and the few that are right.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::signers::{Signers, b64, now, second};
use super::*;

const CLIENT: &str = "client-app";
const AUDIENCE: &str = "https://auth.example/token";

struct Client {
    signers: Signers,
    p384: EcdsaKeyPair,
}

impl Client {
    fn new() -> Client {
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key");
        Client { signers: Signers::new(), p384 }
    }

    /// The public key of an algorithm.
    fn jwk(&self, algorithm: Algorithm) -> Value {
        match algorithm {
            Algorithm::Rs256 => {
                let (n, e) = self.signers.rsa_members();
                json!({"kty": "RSA", "n": n, "e": e})
            }
            Algorithm::Es256 => {
                let point = self.signers.ec.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])})
            }
            Algorithm::Es384 => {
                let point = self.p384.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-384", "x": b64(&point[1..49]), "y": b64(&point[49..])})
            }
            Algorithm::EdDsa => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(self.signers.ed.public_key())}),
        }
    }

    fn key(&self, algorithm: Algorithm) -> PublicKey {
        PublicKey::parse(&self.jwk(algorithm).to_string()).expect("a public key")
    }

    fn sign(&self, algorithm: Algorithm, message: &str) -> Vec<u8> {
        match algorithm {
            Algorithm::Rs256 => self.signers.rsa_signed(&RSA_PKCS1_SHA256, message),
            Algorithm::Es256 => {
                self.signers.ec.sign(&SystemRandom::new(), message.as_bytes()).expect("one").as_ref().to_vec()
            }
            Algorithm::Es384 => {
                self.p384.sign(&SystemRandom::new(), message.as_bytes()).expect("one").as_ref().to_vec()
            }
            Algorithm::EdDsa => self.signers.ed.sign(message.as_bytes()).as_ref().to_vec(),
        }
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        self.signers.token(header, claims)
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "kid": self.key(Algorithm::EdDsa).thumbprint(), "typ": "JWT"})
    }

    fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header[name] = value;
        self.signed(&header, &claims())
    }

    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        self.signed(&self.header(), &claims)
    }

    fn without(&self, name: &str) -> String {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        self.signed(&self.header(), &claims)
    }
}

fn claims() -> Value {
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": AUDIENCE, "jti": "one",
        "iat": second(), "nbf": second(), "exp": second() + 300,
    })
}

/// When the hub of these tests has started: long ago.
fn started() -> DateTime<Utc> {
    now() - TimeDelta::days(1)
}

fn judged(text: &str, key: Option<&PublicKey>, at: DateTime<Utc>) -> Result<Proof, Check> {
    let expected = Expected { audience: AUDIENCE, client: None, remembered_since: started() };
    Assertion::read(text)?.verify(key, &expected, at)
}

#[test]
fn each_bad_assertion_is_refused_at_its_check() {
    let client = Client::new();
    let key = client.key(Algorithm::EdDsa);
    let good = client.signed(&client.header(), &claims());
    assert_eq!(
        judged(&good, Some(&key), now()).map(|proof| proof.id),
        Ok("one".to_owned()),
        "the guard is not vacuous"
    );
    let (message, signature) = good.rsplit_once('.').expect("two parts");
    let (head, payload) = message.split_once('.').expect("two parts");
    let kid = key.thumbprint();
    let forged = |alg: &str, sign: &dyn Fn(&str) -> Vec<u8>| {
        let message = format!("{}.{payload}", b64(json!({"alg": alg, "kid": kid}).to_string()));
        let signature = sign(&message);
        format!("{message}.{}", b64(signature))
    };
    let symmetric = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        forged("HS256", &|message| hmac::sign(&key, message.as_bytes()).as_ref().to_vec())
    };
    let ed = |message: &str| client.sign(Algorithm::EdDsa, message);
    let raw = |claims: &str| client.signers.raw(&client.header().to_string(), claims);
    let text = claims().to_string();
    let late = |seconds: i64| Value::from(second() + seconds);
    let bad = vec![
        ("nothing", String::new(), Check::TokenForm),
        ("two parts", message.to_owned(), Check::TokenForm),
        ("an empty signature", format!("{message}."), Check::TokenForm),
        ("one too long", format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), Check::TokenTooLong),
        ("two algorithms", client.signers.raw(r#"{"alg":"none","alg":"EdDSA","kid":"k"}"#, &text), Check::TokenHeader),
        ("crit", client.with_header("crit", json!(["exp"])), Check::TokenHeaderMember),
        ("jku", client.with_header("jku", "https://evil.example".into()), Check::TokenHeaderMember),
        ("its own key", client.with_header("jwk", client.jwk(Algorithm::EdDsa)), Check::TokenHeaderMember),
        ("compression", client.with_header("zip", "DEF".into()), Check::TokenHeaderMember),
        ("an access token", client.with_header("typ", "at+jwt".into()), Check::TokenType),
        ("another type", client.with_header("typ", "logout+jwt".into()), Check::TokenType),
        ("no algorithm", client.signers.raw(&json!({"kid": kid}).to_string(), &text), Check::TokenAlgorithm),
        ("no key", client.signers.raw(r#"{"alg":"EdDSA"}"#, &text), Check::TokenKeyId),
        ("none", forged("none", &ed), Check::TokenAlgorithm),
        ("NONE", forged("NONE", &ed), Check::TokenAlgorithm),
        ("HS256 with the public key", symmetric(client.signers.ed.public_key().as_ref()), Check::TokenAlgorithm),
        ("HS256 with the thumbprint", symmetric(kid.as_bytes()), Check::TokenAlgorithm),
        ("HS256 with the text of the key", symmetric(key.text().as_bytes()), Check::TokenAlgorithm),
        ("RS512", forged("RS512", &|m| client.signers.rsa_signed(&RSA_PKCS1_SHA512, m)), Check::TokenAlgorithm),
        ("PS256", forged("PS256", &|m| client.signers.rsa_signed(&RSA_PSS_SHA256, m)), Check::TokenAlgorithm),
        ("RS256, of a key for EdDSA", forged("RS256", &|m| client.sign(Algorithm::Rs256, m)), Check::TokenAlgorithm),
        ("ES256, of a key for EdDSA", forged("ES256", &|m| client.sign(Algorithm::Es256, m)), Check::TokenAlgorithm),
        (
            "a stranger's signature",
            { forged("EdDSA", &|m| client.signers.stranger.sign(m.as_bytes()).as_ref().to_vec()) },
            Check::TokenSignature,
        ),
        ("zeros for a signature", forged("EdDSA", &|_| vec![0; 64]), Check::TokenSignature),
        ("other claims", format!("{head}.{}.{signature}", b64(text.replace("one", "two"))), Check::TokenSignature),
        ("claims that are a list", raw("[]"), Check::TokenPayload),
        ("two subjects", raw(&text.replace('{', r#"{"sub":"client-eve","#)), Check::TokenPayload),
        ("two ids", raw(&text.replace('{', r#"{"jti":"two","#)), Check::TokenPayload),
        ("no subject", client.without("sub"), Check::TokenSubject),
        ("an empty subject", client.with("sub", "".into()), Check::TokenSubject),
        ("a long subject", client.with("sub", "s".repeat(129).into()), Check::TokenSubject),
        ("no issuer", client.without("iss"), Check::AssertionClient),
        ("another issuer", client.with("iss", "client-eve".into()), Check::AssertionClient),
        ("issuers", client.with("iss", json!([CLIENT])), Check::AssertionClient),
        ("no audience", client.without("aud"), Check::TokenAudience),
        ("another audience", client.with("aud", "https://evil.example/token".into()), Check::TokenAudience),
        ("an audience with a slash", client.with("aud", format!("{AUDIENCE}/").into()), Check::TokenAudience),
        ("an audience in another case", client.with("aud", AUDIENCE.to_uppercase().into()), Check::TokenAudience),
        ("no audiences", client.with("aud", json!([])), Check::TokenAudience),
        ("audiences that are no texts", client.with("aud", json!([AUDIENCE, 1])), Check::TokenAudience),
        ("many audiences", client.with("aud", json!(vec![AUDIENCE; 11])), Check::TokenAudience),
        ("no end", client.without("exp"), Check::TokenTimes),
        ("no instant of issue", client.without("iat"), Check::TokenTimes),
        ("an end as text", client.with("exp", (second() + 60).to_string().into()), Check::TokenTimes),
        ("an end with a fraction", client.with("exp", json!(second() as f64 + 60.5)), Check::TokenTimes),
        ("a beginning that is none", client.with("nbf", Value::Null), Check::TokenTimes),
        ("an end in milliseconds", client.with("exp", ((second() + 60) * 1000).into()), Check::TokenTimes),
        ("an end before the issue", client.with("exp", late(0)), Check::TokenTimes),
        ("an end before the beginning", client.with("nbf", late(300)), Check::TokenTimes),
        ("a long life", client.with("exp", late(301)), Check::TokenLifetime),
        ("a long life behind it", client.with("iat", late(-1)), Check::TokenLifetime),
        ("one of the future", client.with("nbf", late(6)), Check::TokenTooEarly),
        ("no id", client.without("jti"), Check::AssertionId),
        ("an empty id", client.with("jti", "".into()), Check::AssertionId),
        ("an id that is a number", client.with("jti", 1.into()), Check::AssertionId),
        ("a long id", client.with("jti", "j".repeat(257).into()), Check::AssertionId),
    ];
    assert!(bad.len() >= 55, "{} bad assertions", bad.len());
    for (what, text, check) in bad {
        assert_eq!(judged(&text, Some(&key), now()), Err(check), "{what}");
    }
    assert_eq!(judged(&good, None, now()), Err(Check::TokenKeyUnknown));
    let beside = |client| Expected { audience: AUDIENCE, client, remembered_since: started() };
    let judged = |client| Assertion::read(&good)?.verify(Some(&key), &beside(client), now()).map(|proof| proof.id);
    assert_eq!(judged(Some("client-eve")), Err(Check::AssertionClient));
    assert_eq!(judged(Some(CLIENT)), Ok("one".to_owned()));
}

#[test]
fn every_algorithm_proves_its_client() {
    let client = Client::new();
    for algorithm in Algorithm::ALL {
        let key = client.key(algorithm);
        let header = json!({"alg": algorithm.name(), "kid": key.thumbprint(), "typ": "client-authentication+jwt"});
        let audiences = json!(["https://other.example", AUDIENCE]);
        let mut claims = claims();
        claims["aud"] = audiences;
        claims.as_object_mut().expect("an object").remove("nbf");
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let text = format!("{message}.{}", b64(client.sign(algorithm, &message)));
        assert!(judged(&text, Some(&key), now()).is_ok(), "{algorithm:?}");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(judged(&text, Some(&client.key(other)), now()), Err(Check::TokenAlgorithm), "{other:?}");
        }
        let another = Client::new().key(algorithm);
        assert_eq!(judged(&text, Some(&another), now()), Err(Check::TokenSignature), "{algorithm:?}");
    }
}

#[test]
fn an_assertion_is_valid_from_its_issue_until_before_its_end() {
    let client = Client::new();
    let key = client.key(Algorithm::EdDsa);
    let text = client.signed(&client.header(), &claims());
    let at = |instant| judged(&text, Some(&key), instant).map(|proof| proof.refused_from);
    let (ms, ends) = (TimeDelta::milliseconds(1), now() + TimeDelta::seconds(330));
    let begins = now() - TimeDelta::seconds(5);
    assert_eq!(at(begins - ms), Err(Check::TokenTooEarly));
    assert_eq!(
        [at(begins), at(begins + ms), at(ends - ms)],
        [Ok(ends); 3],
        "it is remembered for as long as it is valid"
    );
    assert_eq!([at(ends), at(ends + ms)], [Err(Check::TokenExpired); 2]);
    let mut issued = claims();
    issued["nbf"] = (second() - 100).into();
    let issued = client.signed(&client.header(), &issued);
    assert_eq!(judged(&issued, Some(&key), begins - ms), Err(Check::TokenIssuedLater));
    assert!(judged(&issued, Some(&key), begins).is_ok());
}

#[test]
fn what_may_have_been_used_before_the_start_is_refused() {
    let client = Client::new();
    let key = client.key(Algorithm::EdDsa);
    let text = client.signed(&client.header(), &claims());
    let assertion = Assertion::read(&text).expect("an assertion");
    let ms = TimeDelta::milliseconds(1);
    // The last instant at which a hub that was not started yet could not have accepted it.
    let latest = now() - TimeDelta::seconds(5);
    for (started, expected) in
        [(latest - ms, true), (latest, true), (latest + ms, false), (now(), false), (now() + ms, false)]
    {
        let expectations = Expected { audience: AUDIENCE, client: None, remembered_since: started };
        let proof = assertion.verify(Some(&key), &expectations, now() + TimeDelta::seconds(1));
        assert_eq!(proof.is_ok(), expected, "{started}");
        assert!(expected || proof == Err(Check::AssertionBeforeStart), "{proof:?}");
        // What is accepted after the start was not acceptable before it.
        if expected {
            let before = Expected { remembered_since: DateTime::UNIX_EPOCH, ..expectations };
            assert!(assertion.verify(Some(&key), &before, started - ms).is_err(), "{started}");
        }
    }
}

#[test]
fn a_public_key_has_one_thumbprint_and_no_secret() {
    // RFC 7638, section 3.1, and RFC 8037, appendix A.3.
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o\
              knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6\
              qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap\
              JzKnqDKgw",
    });
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    for (key, thumbprint) in
        [(&rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), (&ed, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    {
        assert_eq!(PublicKey::parse(&key.to_string()).expect("a key").thumbprint(), thumbprint);
    }
    let client = Client::new();
    for algorithm in Algorithm::ALL {
        let key = client.key(algorithm);
        assert_eq!((key.algorithm(), PublicKey::parse(key.text()).expect("the same").text()), (algorithm, key.text()));
    }
    let changed = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        PublicKey::parse(&key.to_string()).map(|_| ())
    };
    let ec = client.jwk(Algorithm::Es256);
    let zeros = |text: &Value| {
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text.as_str().expect("text"));
        b64([vec![0], bytes.expect("base64url")].concat())
    };
    for (what, refused, word) in [
        ("secret", changed(&ed, "d", "c2VjcmV0".into()), "secret key"),
        ("a factor", changed(&rsa, "p", "c2VjcmV0".into()), "secret key"),
        ("symmetric", changed(&ed, "kty", "oct".into()), "symmetric"),
        ("of another type", changed(&ed, "kty", "EC".into()), "type RSA"),
        ("on another curve", changed(&ec, "crv", "P-521".into()), "type RSA"),
        ("for another algorithm", changed(&rsa, "alg", "PS256".into()), "type RSA"),
        ("for HMAC", changed(&rsa, "alg", "HS256".into()), "type RSA"),
        ("for encryption", changed(&ed, "use", "enc".into()), "use must be sig"),
        ("for signing", changed(&ed, "key_ops", json!(["sign"])), "key_ops"),
        ("weak", changed(&rsa, "n", b64([255; 255]).into()), "weaker"),
        ("behind a zero", changed(&rsa, "n", zeros(&rsa["n"]).into()), "leading zeros"),
        ("an exponent behind a zero", changed(&rsa, "e", "AAEAAQ".into()), "leading zeros"),
        ("an even exponent", changed(&rsa, "e", "Ag".into()), "malformed"),
        ("padded", changed(&ed, "x", format!("{}=", b64([7; 32])).into()), "malformed"),
        ("short", changed(&ed, "x", "AAAA".into()), "malformed"),
        ("no point of the curve", changed(&ec, "x", b64([1; 32]).into()), "malformed"),
        ("in two halves", PublicKey::parse(r#"{"kty":"OKP","kty":"RSA"}"#).map(|_| ()), "nothing twice"),
        ("PEM", PublicKey::parse("-----BEGIN PUBLIC KEY-----").map(|_| ()), "not PEM"),
        ("a set", PublicKey::parse(&json!({"keys": [ed]}).to_string()).map(|_| ()), "type RSA"),
        ("long", PublicKey::parse(&" ".repeat(PUBLIC_KEY_BYTES_MAX + 1)).map(|_| ()), "4096"),
    ] {
        let sentence = refused.expect_err(what);
        assert!(sentence.contains(word), "{what}: {sentence}");
    }
}
