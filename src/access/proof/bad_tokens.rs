//! Tokens that are wrong in one way each, with the check that refuses them; and the few that are right.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::signers::*;
use super::*;

/// What is wrong with the form, the header or the signature.
fn wrong_outside(signers: &Signers) -> Vec<(&'static str, String, Check)> {
    let good = signers.token(&header(), &developer());
    let (message, signature) = good.rsplit_once('.').expect("two parts");
    let (head, payload) = message.split_once('.').expect("two parts");
    let claims = developer().to_string();
    let member = |name: &str, value: Value| signers.with_header(|header| header[name] = value);
    let none = |alg: &str| format!("{}.{payload}.", b64(json!({"alg": alg, "kid": "ed"}).to_string()));
    let symmetric = |key: &[u8], kid: &str| {
        let message = format!("{}.{payload}", b64(json!({"alg": "HS256", "kid": kid}).to_string()));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", b64(signature))
    };
    let signed = |alg: &str, kid: &str, sign: &dyn Fn(&str) -> Vec<u8>| {
        let message = format!("{}.{payload}", b64(json!({"alg": alg, "kid": kid}).to_string()));
        let signature = sign(&message);
        format!("{message}.{}", b64(signature))
    };
    let der: PublicKeyX509Der<'_> = signers.rsa.public_key().as_der().expect("a key");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()));
    let (modulus, _) = signers.rsa_members();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).expect("a signature");
    flipped[0] ^= 1;
    let stranger = |message: &str| signers.stranger.sign(message.as_bytes()).as_ref().to_vec();
    let ed = |message: &str| signers.ed.sign(message.as_bytes()).as_ref().to_vec();
    let rsa = |message: &str| signers.rsa_signed(&RSA_PKCS1_SHA256, message);
    let ec = |message: &str| signers.ec.sign(&SystemRandom::new(), message.as_bytes()).expect("one").as_ref().to_vec();
    let jwk = signers.published()["keys"][4].clone();
    vec![
        ("nothing", String::new(), Check::TokenForm),
        ("one part", "abc".to_owned(), Check::TokenForm),
        ("two parts", message.to_owned(), Check::TokenForm),
        ("an empty signature", format!("{message}."), Check::TokenForm),
        ("four parts", format!("{good}.{signature}"), Check::TokenForm),
        ("five parts, as encrypted ones have", format!("{head}.a.b.c.{signature}"), Check::TokenForm),
        ("no header", format!(".{payload}.{signature}"), Check::TokenForm),
        ("no claims", format!("{head}..{signature}"), Check::TokenForm),
        ("padding", format!("{}.{payload}.{signature}", URL_SAFE.encode("{\"a\":1}")), Check::TokenForm),
        ("another alphabet", format!("{message}.{}", STANDARD.encode([255; 64])), Check::TokenForm),
        ("a space before", format!(" {good}"), Check::TokenForm),
        ("a line end after", format!("{good}\n"), Check::TokenForm),
        ("one too long", format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), Check::TokenTooLong),
        ("a header that is no JSON", signers.raw("alg", &claims), Check::TokenHeader),
        ("a header that is a list", signers.raw("[]", &claims), Check::TokenHeader),
        (
            "a header with something after it",
            signers.raw(r#"{"alg":"EdDSA","kid":"ed"}x"#, &claims),
            Check::TokenHeader,
        ),
        ("two algorithms", signers.raw(r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#, &claims), Check::TokenHeader),
        ("two keys", signers.raw(r#"{"alg":"EdDSA","kid":"x","kid":"ed"}"#, &claims), Check::TokenHeader),
        (
            "one name in two spellings",
            signers.raw(r#"{"alg":"EdDSA","kid":"x","k\u0069d":"ed"}"#, &claims),
            Check::TokenHeader,
        ),
        ("crit", member("crit", json!(["exp"])), Check::TokenHeaderMember),
        ("an empty crit", member("crit", json!([])), Check::TokenHeaderMember),
        ("jku", member("jku", "https://evil.example/keys".into()), Check::TokenHeaderMember),
        ("x5u", member("x5u", "https://evil.example/chain".into()), Check::TokenHeaderMember),
        ("x5c", member("x5c", json!(["MII"])), Check::TokenHeaderMember),
        ("its own key", member("jwk", jwk), Check::TokenHeaderMember),
        ("compression", member("zip", "DEF".into()), Check::TokenHeaderMember),
        ("encryption", member("enc", "A256GCM".into()), Check::TokenHeaderMember),
        ("a token in the token", member("cty", "JWT".into()), Check::TokenHeaderMember),
        ("unencoded claims", member("b64", false.into()), Check::TokenHeaderMember),
        ("another type", member("typ", "logout+jwt".into()), Check::TokenType),
        ("a type that is no text", member("typ", 1.into()), Check::TokenType),
        ("no algorithm", signers.raw(r#"{"kid":"ed"}"#, &claims), Check::TokenAlgorithm),
        ("an algorithm that is no text", member("alg", 1.into()), Check::TokenAlgorithm),
        ("none without a signature", none("none"), Check::TokenForm),
        ("none with a signature", signed("none", "ed", &ed), Check::TokenAlgorithm),
        ("None", signed("None", "ed", &ed), Check::TokenAlgorithm),
        ("NONE", signed("NONE", "ed", &ed), Check::TokenAlgorithm),
        ("no name of an algorithm", signed("", "ed", &ed), Check::TokenAlgorithm),
        ("a spelling", signed("eddsa", "ed", &ed), Check::TokenAlgorithm),
        ("HS256 with the public key in PEM", symmetric(pem.as_bytes(), "rsa"), Check::TokenAlgorithm),
        ("HS256 with the public key in DER", symmetric(der.as_ref(), "rsa"), Check::TokenAlgorithm),
        ("HS256 with the modulus", symmetric(modulus.as_bytes(), "rsa"), Check::TokenAlgorithm),
        ("HS256 with the Ed25519 key", symmetric(signers.ed.public_key().as_ref(), "ed"), Check::TokenAlgorithm),
        ("HS256 with nothing", symmetric(b"", "ed"), Check::TokenAlgorithm),
        (
            "RS512 of a good key",
            signed("RS512", "rsa", &|m| signers.rsa_signed(&RSA_PKCS1_SHA512, m)),
            Check::TokenAlgorithm,
        ),
        (
            "PS256 of a good key",
            signed("PS256", "rsa", &|m| signers.rsa_signed(&RSA_PSS_SHA256, m)),
            Check::TokenAlgorithm,
        ),
        (
            "PS256 that calls itself RS256",
            signed("RS256", "rsa", &|m| signers.rsa_signed(&RSA_PSS_SHA256, m)),
            Check::TokenSignature,
        ),
        ("RS256 with the id of another key", signed("RS256", "ed", &rsa), Check::TokenAlgorithm),
        ("ES256 with the id of another key", signed("ES256", "rsa", &ec), Check::TokenAlgorithm),
        ("EdDSA with the id of another key", signed("EdDSA", "rsa", &ed), Check::TokenAlgorithm),
        ("no key", signers.raw(r#"{"alg":"EdDSA"}"#, &claims), Check::TokenKeyId),
        ("a key without a name", member("kid", "".into()), Check::TokenKeyId),
        ("a key that is no text", member("kid", 1.into()), Check::TokenKeyId),
        ("a key with a long name", member("kid", "k".repeat(129).into()), Check::TokenKeyId),
        ("an unknown key", member("kid", "new".into()), Check::TokenKeyUnknown),
        ("a path as a key", member("kid", "../../dev/null".into()), Check::TokenKeyUnknown),
        ("a question as a key", member("kid", "' or 1=1 --".into()), Check::TokenKeyUnknown),
        ("a key for something else", signed("RS256", "enc", &rsa), Check::TokenKeyUnknown),
        ("a key of another algorithm", signed("RS256", "rs512", &rsa), Check::TokenKeyUnknown),
        ("a stranger's signature", signed("EdDSA", "ed", &stranger), Check::TokenSignature),
        ("a bit of the signature", format!("{message}.{}", b64(flipped)), Check::TokenSignature),
        ("half a signature", signed("EdDSA", "ed", &|m| ed(m)[..32].to_vec()), Check::TokenSignature),
        ("zeros", signed("ES256", "ec", &|_| vec![0; 64]), Check::TokenSignature),
        ("zeros for a signature", signed("EdDSA", "ed", &|_| vec![0; 64]), Check::TokenSignature),
        (
            "another's claims",
            format!("{head}.{}.{signature}", b64(claims.replace("ada", "eve"))),
            Check::TokenSignature,
        ),
        (
            "another header",
            format!("{}.{payload}.{signature}", b64(r#"{"alg":"EdDSA","kid":"ed"}"#)),
            Check::TokenSignature,
        ),
    ]
}

/// What is wrong with the claims of a token that is well signed.
fn wrong_inside(signers: &Signers) -> Vec<(&'static str, String, Check)> {
    let claims = developer().to_string();
    let head = header().to_string();
    let late = |seconds: i64| Value::from(second() + seconds);
    vec![
        ("claims that are no JSON", signers.raw(&head, "ada"), Check::TokenPayload),
        ("claims that are a list", signers.raw(&head, "[]"), Check::TokenPayload),
        ("two subjects", signers.raw(&head, &claims.replace('{', r#"{"sub":"eve","#)), Check::TokenPayload),
        ("two ends", signers.raw(&head, &claims.replace('{', r#"{"exp":9999999999,"#)), Check::TokenPayload),
        ("two roles", signers.raw(&head, &claims.replace('{', r#"{"devhub_role":"operator","#)), Check::TokenPayload),
        ("no issuer", signers.without("iss"), Check::TokenIssuer),
        ("another issuer", signers.with("iss", OTHER.into()), Check::TokenIssuer),
        ("an issuer with a slash", signers.with("iss", format!("{ISSUER}/").into()), Check::TokenIssuer),
        ("an issuer in a list", signers.with("iss", json!([ISSUER])), Check::TokenIssuer),
        ("no audience", signers.without("aud"), Check::TokenAudience),
        ("another audience", signers.with("aud", "shop".into()), Check::TokenAudience),
        ("two audiences", signers.with("aud", json!(["devhub", "shop"])), Check::TokenAudience),
        ("an empty list of audiences", signers.with("aud", json!([])), Check::TokenAudience),
        ("an audience that is none", signers.with("aud", Value::Null), Check::TokenAudience),
        ("an audience in another case", signers.with("aud", "DevHub".into()), Check::TokenAudience),
        ("no subject", signers.without("sub"), Check::TokenSubject),
        ("an empty subject", signers.with("sub", "".into()), Check::TokenSubject),
        ("a subject that is a number", signers.with("sub", 7.into()), Check::TokenSubject),
        ("a subject of two lines", signers.with("sub", "a\nb".into()), Check::TokenSubject),
        ("a long subject", signers.with("sub", "s".repeat(257).into()), Check::TokenSubject),
        ("no end", signers.without("exp"), Check::TokenTimes),
        ("no beginning", signers.without("nbf"), Check::TokenTimes),
        ("no instant of issue", signers.without("iat"), Check::TokenTimes),
        ("an end as text", signers.with("exp", (second() + 240).to_string().into()), Check::TokenTimes),
        ("a beginning as text", signers.with("nbf", "0".into()), Check::TokenTimes),
        ("a beginning that is none", signers.with("nbf", Value::Null), Check::TokenTimes),
        ("an end with a fraction", signers.with("exp", json!(second() as f64 + 240.5)), Check::TokenTimes),
        ("an end as a floating point number", signers.with("exp", json!(1e11)), Check::TokenTimes),
        ("an end before time", signers.with("exp", (-1).into()), Check::TokenTimes),
        ("an end after time", signers.with("exp", json!(u64::MAX)), Check::TokenTimes),
        ("an end in a list", signers.with("exp", json!([second() + 240])), Check::TokenTimes),
        ("an end that is true", signers.with("exp", true.into()), Check::TokenTimes),
        ("an end in milliseconds", signers.with("exp", ((second() + 240) * 1000).into()), Check::TokenTimes),
        ("an end before the beginning", signers.with("nbf", late(241)), Check::TokenTimes),
        ("an end before the issue", signers.with("iat", late(240)), Check::TokenTimes),
        ("one that has expired", signers.with("exp", late(-30)), Check::TokenExpired),
        ("one of the future", signers.with("nbf", late(31)), Check::TokenTooEarly),
        ("one issued in the future", signers.with("iat", late(31)), Check::TokenIssuedLater),
        ("a long life", signers.with("exp", late(841)), Check::TokenLifetime),
        ("a long life behind it", signers.with("iat", late(-661)), Check::TokenLifetime),
        ("no role", signers.without("devhub_role"), Check::TokenRole),
        ("two roles in a list", signers.with("devhub_role", json!(["developer", "operator"])), Check::TokenRole),
        ("one role in a list", signers.with("devhub_role", json!(["developer"])), Check::TokenRole),
        ("roles in a text", signers.with("devhub_role", "developer operator".into()), Check::TokenRole),
        ("an unknown role", signers.with("devhub_role", "admin".into()), Check::TokenRole),
        ("a role in another case", signers.with("devhub_role", "Developer".into()), Check::TokenRole),
        ("anyone", signers.with("devhub_role", "anyone".into()), Check::TokenRole),
        ("a role of another issuer", signers.of_role("operator", json!({})), Check::TokenRoleForeign),
        ("no address", signers.without("email"), Check::TokenClaims),
        ("an address that is none", signers.with("email", "ada".into()), Check::TokenClaims),
        (
            "an address of two lines",
            signers.with("email", "a@b\r\ndevhub-actor: operator:x".into()),
            Check::TokenClaims,
        ),
        ("addresses", signers.with("email", json!(["ada@example.com"])), Check::TokenClaims),
        ("an unverified address", signers.with("email_verified", false.into()), Check::TokenClaims),
        ("an address verified in words", signers.with("email_verified", "true".into()), Check::TokenClaims),
        ("a developer with a company", signers.with("company", "acme".into()), Check::TokenClaims),
        ("a developer with APIs", signers.with("apis", json!(["hello"])), Check::TokenClaims),
        ("a developer with calls", signers.with("scopes", json!(["devhub.v1.ApiService/*"])), Check::TokenClaims),
        ("a developer with an environment", signers.with("environment", "sandbox".into()), Check::TokenClaims),
        ("an administrator of nothing", signers.of_role("company_administrator", json!({})), Check::TokenClaims),
        (
            "an administrator of two",
            signers.of_role("company_administrator", json!({"company": ["a", "b"]})),
            Check::TokenClaims,
        ),
        (
            "an administrator of something odd",
            signers.of_role("company_administrator", json!({"company": "a b"})),
            Check::TokenClaims,
        ),
        ("a publisher of nothing", signers.of_role("publisher", json!({})), Check::TokenClaims),
        ("a publisher of an empty list", signers.of_role("publisher", json!({"apis": []})), Check::TokenClaims),
        ("a publisher of everything", signers.of_role("publisher", json!({"apis": ["*"]})), Check::TokenClaims),
        ("a publisher in one word", signers.of_role("publisher", json!({"apis": "hello"})), Check::TokenClaims),
        (
            "a publisher with a space",
            signers.of_role("publisher", json!({"apis": ["hello"], "sub": "a b"})),
            Check::TokenSubject,
        ),
    ]
}

#[test]
fn each_bad_token_is_refused_at_its_check() {
    let signers = Signers::new();
    let keys = signers.keys();
    let issuer = issuer(&[Kind::Developer, Kind::CompanyAdministrator, Kind::Publisher]);
    let mut bad = wrong_outside(&signers);
    bad.extend(wrong_inside(&signers));
    assert!(bad.len() >= 120, "{} bad tokens", bad.len());
    for (what, token, check) in bad {
        assert_eq!(judged(&token, &issuer, &keys, now()), Err(check), "{what}");
    }
}

#[test]
fn each_role_is_its_claims_and_no_others() {
    let signers = Signers::new();
    let (keys, all) = (signers.keys(), issuer(&Kind::ALL));
    let email: crate::domain::name::Email = "ada@example.com".parse().expect("an address");
    let hello: crate::domain::name::Context = "hello".parse().expect("a context");
    let scopes = ["devhub.v1.ApiService/*", "devhub.v1.UsageService/ListUsage"];
    let (name, via) = (|| Box::<str>::from("ada"), Box::<str>::default());
    let company = "acme".parse().expect("a company");
    let admin = Principal::CompanyAdministrator { email: email.clone(), company, via: via.clone() };
    let gateway = Principal::Gateway { environment: devhub_decision::Environment::Production, id: name() };
    let machine = Principal::Machine { name: name(), scopes: scopes.map(Box::from).into() };
    for (role, claims, proven) in [
        ("developer", json!({}), Proven::Caller(Principal::Developer { email, via })),
        (
            "developer",
            json!({"aud": ["devhub"]}),
            judged(&signers.with("sub", "ada".into()), &all, &keys, now()).expect("one"),
        ),
        ("company_administrator", json!({"company": "acme"}), Proven::Caller(admin)),
        (
            "publisher",
            json!({"apis": ["hello"]}),
            Proven::Caller(Principal::Publisher { name: name(), apis: [hello].into(), via: Box::default() }),
        ),
        ("operator", json!({}), Proven::Caller(Principal::Operator { name: name() })),
        ("gateway", json!({"environment": "production"}), Proven::Caller(gateway)),
        ("machine", json!({"scopes": scopes}), Proven::Caller(machine)),
        ("auditor", json!({}), Proven::Caller(Principal::Auditor { name: name() })),
        ("portal", json!({}), Proven::Portal(name())),
    ] {
        let token = signers.of_role(role, claims);
        assert_eq!(judged(&token, &all, &keys, now()), Ok(proven), "{role}");
        let silent = issuer(&[]);
        assert_eq!(judged(&token, &silent, &keys, now()), Err(Check::TokenRoleForeign), "{role}");
    }
    for (role, claims) in [
        ("gateway", json!({})),
        ("gateway", json!({"environment": "Production"})),
        ("gateway", json!({"environment": "both"})),
        ("machine", json!({})),
        ("machine", json!({"scopes": "devhub.v1.ApiService/*"})),
        ("machine", json!({"scopes": ["*"]})),
        ("machine", json!({"scopes": ["devhub.v1.*/List"]})),
        ("machine", json!({"scopes": ["ApiService/*"]})),
        ("machine", json!({"scopes": ["devhub.v1.ApiService/"]})),
        ("machine", json!({"scopes": ["devhub.v1.ApiService/*/x"]})),
        ("operator", json!({"scopes": ["devhub.v1.ApiService/*"]})),
        ("portal", json!({"environment": "production"})),
    ] {
        assert_eq!(judged(&signers.of_role(role, claims), &all, &keys, now()), Err(Check::TokenClaims), "{role}");
    }
    let program =
        |seconds: i64| signers.of_role("gateway", json!({"environment": "sandbox", "exp": second() - 60 + seconds}));
    assert!(judged(&program(3600), &all, &keys, now()).is_ok(), "programs' tokens live longer");
    assert_eq!(judged(&program(3601), &all, &keys, now()), Err(Check::TokenLifetime));
}

#[test]
fn a_token_is_valid_from_its_beginning_until_before_its_end() {
    let signers = Signers::new();
    let (keys, issuer) = (signers.keys(), issuer(&[Kind::Developer]));
    let at =
        |instant: DateTime<Utc>| judged(&signers.token(&header(), &developer()), &issuer, &keys, instant).map(|_| ());
    let (leeway, ms) = (TimeDelta::seconds(30), TimeDelta::milliseconds(1));
    let begins = now() - TimeDelta::seconds(60) - leeway;
    let ends = now() + TimeDelta::seconds(240) + leeway;
    assert_eq!(at(begins - ms), Err(Check::TokenTooEarly));
    assert_eq!((at(begins), at(begins + ms)), (Ok(()), Ok(())));
    assert_eq!(at(ends - ms), Ok(()));
    assert_eq!((at(ends), at(ends + ms)), (Err(Check::TokenExpired), Err(Check::TokenExpired)));
    let issued = signers.with_claims(|claims| claims["nbf"] = (second() - 600).into());
    let at = |instant| judged(&issued, &issuer, &keys, instant).map(|_| ());
    assert_eq!((at(begins - ms), at(begins)), (Err(Check::TokenIssuedLater), Ok(())));
}

#[test]
fn every_algorithm_signs_and_only_configured_ones_count() {
    let signers = Signers::new();
    let keys = signers.keys();
    let payload = b64(developer().to_string());
    for (algorithm, kid) in [(Algorithm::Rs256, "rsa"), (Algorithm::Es256, "ec"), (Algorithm::EdDsa, "ed")] {
        let message = format!("{}.{payload}", b64(json!({"alg": algorithm.name(), "kid": kid}).to_string()));
        let signature = match algorithm {
            Algorithm::Rs256 => signers.rsa_signed(&RSA_PKCS1_SHA256, &message),
            Algorithm::Es256 => {
                signers.ec.sign(&SystemRandom::new(), message.as_bytes()).expect("one").as_ref().to_vec()
            }
            Algorithm::Es384 => unreachable!("no such key signs here"),
            Algorithm::EdDsa => signers.ed.sign(message.as_bytes()).as_ref().to_vec(),
        };
        let token = format!("{message}.{}", b64(signature));
        let mut issuer = issuer(&[Kind::Developer]);
        assert!(judged(&token, &issuer, &keys, now()).is_ok(), "{algorithm:?}");
        issuer.algorithms.retain(|allowed| *allowed != algorithm);
        assert_eq!(judged(&token, &issuer, &keys, now()), Err(Check::TokenAlgorithm), "{algorithm:?}");
    }
}

#[test]
fn a_key_set_is_public_keys_that_can_be_told_apart() {
    let signers = Signers::new();
    let good = signers.published();
    assert_eq!(signers.keys().len(), 3, "those for other uses are passed over");
    let with = |key: Value| {
        let mut set = good.clone();
        set["keys"].as_array_mut().expect("a list").push(key);
        KeySet::parse(set.to_string().as_bytes(), &Algorithm::ALL).map(|keys| keys.len())
    };
    let changed = |place: usize, name: &str, value: Value| {
        let mut key = good["keys"][place].clone();
        key["kid"] = "more".into();
        key[name] = value;
        with(key)
    };
    assert_eq!(changed(4, "use", "sig".into()), Ok(4));
    assert_eq!(with(json!({"kty": "EC", "crv": "P-521", "kid": "p521", "x": "AA", "y": "AA"})), Ok(3));
    for (what, refused, word) in [
        ("symmetric", with(json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"})), "symmetric"),
        ("symmetric, for another use", with(json!({"kty": "oct", "use": "enc", "k": "c2VjcmV0"})), "symmetric"),
        ("secret", changed(4, "d", "c2VjcmV0".into()), "secret key"),
        ("nameless", changed(4, "kid", "".into()), "no id"),
        ("twice", changed(4, "kid", "rsa".into()), "id of another key"),
        ("short", changed(4, "x", "AAAA".into()), "malformed"),
        ("padded", changed(4, "x", format!("{}=", b64([7; 32])).into()), "malformed"),
        ("weak", changed(0, "n", b64([255; 128]).into()), "weaker"),
        ("weak behind zeros", changed(0, "n", b64([[0; 128], [255; 128]].concat()).into()), "weaker"),
        ("even", changed(0, "e", b64([2]).into()), "malformed"),
        ("one", changed(0, "e", b64([1]).into()), "malformed"),
    ] {
        let sentence = refused.expect_err(what);
        assert!(sentence.contains(word), "{what}: {sentence}");
    }
    let parse = |text: &str| KeySet::parse(text.as_bytes(), &Algorithm::ALL).err().unwrap_or_default();
    assert!(parse("{").contains("no key set") && parse("{}").contains("no key set"));
    assert!(parse(r#"{"keys":[]}"#).contains("no key for signatures"));
    assert!(parse(r#"{"keys":[{"kty":"OKP","kty":"oct"}]}"#).contains("twice"));
    assert!(parse(&json!({"keys": vec![json!({"kty": "x"}); KEYS_MAX + 1]}).to_string()).contains("more than 100"));
    assert!(parse(&" ".repeat(KEY_SET_BYTES_MAX + 1)).contains("bytes"));
    let ed_only = KeySet::parse(good.to_string().as_bytes(), &[Algorithm::EdDsa]).expect("one");
    assert_eq!(ed_only.len(), 1);
}
