//! Public keys of applications, registered, listed, expired and revoked; and assertions that they sign, each used once.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use devhub::access::proof::PublicKey;
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::CredentialVerdict::{Invalid, Unusable, Valid};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::enduring::admin;
use crate::world::*;

const AUDIENCE: &str = "https://auth.example/token";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What signs for a client, and the key that it registers.
struct Signer {
    pair: Ed25519KeyPair,
    jwk: String,
    key_id: String,
}

impl Signer {
    fn new() -> Signer {
        let pair = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()), "kid": "mine"}).to_string();
        let key_id = PublicKey::parse(&jwk).unwrap().thumbprint();
        Signer { pair, jwk, key_id }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.key_id, "typ": "JWT"});
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        format!("{message}.{}", b64(self.pair.sign(message.as_bytes())))
    }

    /// An assertion of the client of an application that is issued at an instant.
    fn assertion(&self, application: &str, id: &str, issued: DateTime<Utc>) -> String {
        let (client, second) = (client(application), issued.timestamp());
        self.sign(&json!({
            "iss": client, "sub": client, "aud": AUDIENCE, "jti": id, "iat": second, "exp": second + 60,
        }))
    }
}

fn asked(signer: &Signer, name: &str) -> v1::AddKeyRequest {
    v1::AddKeyRequest { application_id: "app".into(), name: name.into(), jwk: signer.jwk.clone(), ..Default::default() }
}

async fn add(world: &World, actor: &'static str, request: v1::AddKeyRequest) -> Result<v1::Key, Status> {
    Ok(world.credentials(actor).add_key(request).await?.into_inner().key.unwrap())
}

async fn revoke(world: &World, actor: &'static str, application: &str, id: &str) -> Result<Vec<v1::Key>, Status> {
    let request = v1::RevokeKeyRequest { application_id: application.into(), key_id: id.into(), ..Default::default() };
    Ok(world.credentials(actor).revoke_key(request).await?.into_inner().keys)
}

async fn listed(world: &World) -> Vec<v1::Key> {
    let request = v1::ListKeysRequest { application_id: "app".into(), ..Default::default() };
    world.credentials("").list_keys(request).await.unwrap().into_inner().keys
}

fn presented(assertion: String) -> v1::VerifyAssertionRequest {
    v1::VerifyAssertionRequest { assertion, audience: AUDIENCE.into(), ..Default::default() }
}

async fn verify(world: &World, request: v1::VerifyAssertionRequest) -> Result<v1::VerifyAssertionResponse, Status> {
    Ok(world.credentials("").verify_assertion(request).await?.into_inner())
}

async fn verdict(world: &World, assertion: String) -> v1::CredentialVerdict {
    verify(world, presented(assertion)).await.unwrap().verdict()
}

/// The usual world, a while after its start.
async fn running() -> World {
    let world = World::usual().await;
    world.clock.advance(TimeDelta::minutes(1));
    world
}

#[tokio::test]
async fn a_registered_key_proves_its_client_and_is_listed() {
    let world = running().await;
    let signer = Signer::new();
    let until = start() + days(30);
    let request = v1::AddKeyRequest { expire_time: Some(timestamp(until)), ..asked(&signer, "Build server") };
    let added = add(&world, ADA, request).await.unwrap();
    assert_eq!((added.key_id.as_str(), added.algorithm.as_str()), (signer.key_id.as_str(), "EdDSA"));
    assert_eq!((added.name.as_str(), added.created_by.as_str(), added.expired), ("Build server", ADA, false));
    assert_eq!(PublicKey::parse(&added.jwk).unwrap().thumbprint(), signer.key_id);
    assert!(!added.jwk.contains("mine"), "a kid of its own is not kept");
    let now = world.hub().now();
    let proven = verify(&world, presented(signer.assertion("app", "1", now))).await.unwrap();
    let expected = v1::VerifyAssertionResponse {
        verdict: Valid.into(),
        application_id: "app".into(),
        environment: v1::Environment::Sandbox.into(),
        state: v1::ApplicationState::Production.into(),
        denial: 0,
        key_id: signer.key_id.clone(),
        expire_time: Some(timestamp(until)),
    };
    assert_eq!(proven, expected);
    assert_eq!(listed(&world).await, [v1::Key { last_use_hour: Some(timestamp(start())), ..added }]);
    let head = world.hub().store().head().revision;
    assert_eq!(verdict(&world, signer.assertion("app", "2", now)).await, Valid);
    assert_eq!(world.hub().store().head().revision, head, "not one verification is in the journal");
    let of = |kind: v1::FactKind| v1::FactFilter { kinds: vec![kind.into()], ..Default::default() };
    let facts = world.all_facts(of(v1::FactKind::KeyAdded)).await;
    assert_eq!((facts.len(), facts[0].application_id.as_str(), facts[0].actor.as_str()), (1, "app", ADA));
}

#[tokio::test]
async fn whatever_is_wrong_is_answered_alike_and_counted_apart() {
    let world = World::with(|config| config.bounds.verification_failures_max = 1000).await;
    world.application("app").await;
    world.application("without").await;
    world.clock.advance(TimeDelta::minutes(1));
    let (signer, stranger) = (Signer::new(), Signer::new());
    add(&world, ADA, asked(&signer, "Build server")).await.unwrap();
    let (now, second) = (world.hub().now(), world.hub().now().timestamp());
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = json!({
            "iss": client("app"), "sub": client("app"), "aud": AUDIENCE, "jti": "x", "iat": second, "exp": second + 60,
        });
        change(&mut claims);
        claims
    };
    let forged = Signer { key_id: signer.key_id.clone(), ..Signer::new() };
    let wrong = [
        ("nonsense".to_owned(), "TOKEN_FORM"),
        (signer.assertion("nobody", "1", now), "TOKEN_KEY_UNKNOWN"),
        (signer.assertion("without", "1", now), "TOKEN_KEY_UNKNOWN"),
        (stranger.assertion("app", "1", now), "TOKEN_KEY_UNKNOWN"),
        (forged.assertion("app", "1", now), "TOKEN_SIGNATURE"),
        (signer.assertion("app", "1", now - TimeDelta::minutes(3)), "TOKEN_EXPIRED"),
        (signer.sign(&claims(&|claims| claims["aud"] = "https://evil.example".into())), "TOKEN_AUDIENCE"),
        (signer.sign(&claims(&|claims| claims["iss"] = "client-without".into())), "ASSERTION_CLIENT"),
        (signer.sign(&claims(&|claims| claims["exp"] = (second + 301).into())), "TOKEN_LIFETIME"),
        (signer.sign(&claims(&|claims| claims["jti"] = Value::Null)), "ASSERTION_ID"),
        (signer.sign(&claims(&|claims| claims["iat"] = (start().timestamp() + 4).into())), "ASSERTION_BEFORE_START"),
    ];
    let invalid = v1::VerifyAssertionResponse { verdict: Invalid.into(), ..Default::default() };
    for (assertion, check) in wrong {
        let counted = |metrics: &str| {
            let line = format!("devhub_assertions_refused_total{{check=\"{check}\"}} ");
            let line = metrics.lines().find_map(|text| text.strip_prefix(&line).map(str::to_owned)).expect(check);
            line.parse::<u64>().unwrap()
        };
        let address = world.server().admin_address;
        let before = counted(&admin(address, "/metrics").await);
        assert_eq!(verify(&world, presented(assertion)).await.unwrap(), invalid, "{check}");
        assert_eq!(counted(&admin(address, "/metrics").await), before + 1, "{check}");
    }
    let good = presented(signer.assertion("app", "1", now));
    let beside = v1::VerifyAssertionRequest { client_id: "client-without".into(), ..good.clone() };
    assert_eq!(verify(&world, beside).await.unwrap(), invalid, "another client beside it");
    let beside = v1::VerifyAssertionRequest { client_id: client("app"), ..good };
    assert_eq!(verify(&world, beside).await.unwrap().verdict(), Valid, "the guard is not vacuous");
    for (change, field) in [
        (v1::VerifyAssertionRequest { audience: AUDIENCE.into(), ..Default::default() }, "assertion"),
        (
            v1::VerifyAssertionRequest { assertion: "x".repeat(8193), audience: "a".into(), ..Default::default() },
            "assertion",
        ),
        (v1::VerifyAssertionRequest { assertion: "x".into(), ..Default::default() }, "audience"),
        (v1::VerifyAssertionRequest { source: "s".repeat(65), ..presented("x".into()) }, "source"),
    ] {
        let status = verify(&world, change).await.unwrap_err();
        assert_eq!(violations(&status), [field]);
        assert!(!status.message().contains("xxx"), "what is presented is never repeated");
    }
}

#[tokio::test]
async fn an_assertion_is_used_once_and_not_across_a_start() {
    let mut world = running().await;
    let signer = Signer::new();
    add(&world, ADA, asked(&signer, "Build server")).await.unwrap();
    let now = world.hub().now();
    let (first, other) = (signer.assertion("app", "1", now), signer.assertion("app", "2", now));
    assert_eq!(verdict(&world, first.clone()).await, Valid);
    for later in [0, 1, 88_000, 89_998] {
        world.clock.set(now + ms(later));
        assert_eq!(verdict(&world, first.clone()).await, Invalid, "{later}");
    }
    assert_eq!(verdict(&world, other.clone()).await, Valid, "it is as old, and was not used");
    world.clock.set(now + ms(90_000));
    assert_eq!(
        verdict(&world, signer.assertion("app", "1", now + ms(90_000))).await,
        Valid,
        "an id may come back then"
    );
    // Of many at a time one is let through.
    let again = signer.assertion("app", "many", world.hub().now());
    let all = futures_util::future::join_all((0..8).map(|_| verdict(&world, again.clone()))).await;
    assert_eq!(all.iter().filter(|verdict| **verdict == Valid).count(), 1, "{all:?}");
    // What was used is not remembered across a start, so what was issued before it proves nothing.
    world.clock.set(now + TimeDelta::minutes(10));
    let unused = signer.assertion("app", "3", world.hub().now());
    world.restart().await;
    let started = now + TimeDelta::minutes(10);
    assert_eq!(verdict(&world, unused).await, Invalid);
    for (after, expected) in [(4_000, Invalid), (5_000, Valid), (6_000, Valid)] {
        world.clock.set(started + ms(after));
        let issued = signer.assertion("app", &after.to_string(), started + ms(after));
        assert_eq!(verdict(&world, issued).await, expected, "{after}");
    }
}

#[tokio::test]
async fn a_key_ends_on_the_instant_and_a_revoked_one_at_once() {
    let world = running().await;
    let (first, second) = (Signer::new(), Signer::new());
    let until = start() + days(1);
    let request = v1::AddKeyRequest { expire_time: Some(timestamp(until)), ..asked(&first, "Old") };
    add(&world, ADA, request).await.unwrap();
    add(&world, ADA, asked(&second, "New")).await.unwrap();
    // Both sign while one takes over from the other.
    for (at, of_first) in [(until - ms(1), Valid), (until, Invalid), (until + ms(1), Invalid)] {
        world.clock.set(at);
        let id = at.timestamp_millis().to_string();
        assert_eq!(verdict(&world, first.assertion("app", &id, at)).await, of_first, "{at}");
        assert_eq!(verdict(&world, second.assertion("app", &format!("second {id}"), at)).await, Valid, "{at}");
    }
    assert_eq!(listed(&world).await.iter().map(|key| key.expired).collect::<Vec<_>>(), [true, false]);
    let now = world.hub().now();
    let ready = second.assertion("app", "signed before", now);
    let left = revoke(&world, ADA, "app", &second.key_id).await.unwrap();
    assert_eq!(left.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["Old"]);
    assert_eq!(verdict(&world, ready).await, Invalid);
    assert_eq!(refused(revoke(&world, ADA, "app", &second.key_id).await), "KEY_NOT_FOUND");
    let past = v1::AddKeyRequest { expire_time: Some(timestamp(now)), ..asked(&second, "Past") };
    assert_eq!(refused(add(&world, ADA, past).await), "INSTANT_IN_PAST");
}

#[tokio::test]
async fn a_sixth_key_and_the_same_key_twice_are_refused() {
    let world = running().await;
    let signers: Vec<Signer> = (0..6).map(|_| Signer::new()).collect();
    for (number, signer) in signers[..5].iter().enumerate() {
        add(&world, ADA, asked(signer, &format!("Machine {number}"))).await.unwrap();
        let status = add(&world, ADA, asked(signer, "Again")).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "KEY_EXISTS"));
    }
    let status = add(&world, ADA, asked(&signers[5], "Machine 6")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
    for signer in &signers[..5] {
        assert!(status.message().contains(&signer.key_id), "{}", status.message());
    }
    revoke(&world, ADA, "app", &signers[0].key_id).await.unwrap();
    add(&world, ADA, asked(&signers[5], "Machine 6")).await.unwrap();
    let now = world.hub().now();
    assert_eq!(verdict(&world, signers[0].assertion("app", "0", now)).await, Invalid);
    for signer in &signers[1..] {
        assert_eq!(verdict(&world, signer.assertion("app", &signer.key_id, now)).await, Valid);
    }
    // Page by page.
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListKeysRequest { application_id: "app".into(), page_size: 2, page_token };
        let page = world.credentials("").list_keys(request).await.unwrap().into_inner();
        found.extend(page.keys.into_iter().map(|key| key.key_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, signers[1..].iter().map(|signer| signer.key_id.clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn b53_who_registers_and_revokes_keys() {
    use v1::Environment::{Production, Sandbox};
    const EVE: &str = "collaborator:eve@example.com";
    let world = running().await;
    for (number, (environment, actor, expected)) in [
        (Sandbox, ADA, "done"),
        (Sandbox, BOB, "done"),
        (Sandbox, OPERATOR, "done"),
        (Sandbox, EVE, "APPLICATION_NOT_FOUND"),
        (Production, ADA, "done"),
        (Production, BOB, "ADMINISTRATOR_REQUIRED"),
        (Production, OPERATOR, "done"),
        (Production, EVE, "APPLICATION_NOT_FOUND"),
    ]
    .into_iter()
    .enumerate()
    {
        let application = format!("case-{number}");
        let developer = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
        let change = |application: &mut v1::Application| {
            application.environment = environment.into();
            application.collaborators.push(developer);
        };
        world.application_with(&application, change).await.unwrap();
        let (old, new) = (Signer::new(), Signer::new());
        let of = |signer| v1::AddKeyRequest { application_id: application.clone(), ..asked(signer, "Key") };
        add(&world, OPERATOR, of(&old)).await.unwrap();
        let told = |status: Option<Status>| status.map_or("done".to_owned(), |status| reason(&status));
        assert_eq!(told(add(&world, actor, of(&new)).await.err()), expected, "{environment:?} {actor}: add");
        let revoked = revoke(&world, actor, &application, &old.key_id).await;
        assert_eq!(told(revoked.err()), expected, "{environment:?} {actor}: revoke");
    }
}

#[tokio::test]
async fn the_key_of_an_application_that_may_not_call_is_unusable() {
    let world = running().await;
    let signer = Signer::new();
    add(&world, ADA, asked(&signer, "Build server")).await.unwrap();
    let block =
        v1::BlockApplicationRequest { application_id: "app".into(), reason: "abuse".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    let now = world.hub().now();
    let answer = verify(&world, presented(signer.assertion("app", "1", now))).await.unwrap();
    assert_eq!((answer.verdict(), answer.denial()), (Unusable, v1::DecisionReason::ApplicationBlocked));
    assert_eq!(refused(add(&world, ADA, asked(&Signer::new(), "More")).await), "APPLICATION_BLOCKED");
}

#[tokio::test]
async fn a_secret_key_is_refused_with_a_sentence_and_not_repeated() {
    let world = running().await;
    let mut jwk: Value = serde_json::from_str(&Signer::new().jwk).unwrap();
    jwk["d"] = "c2VjcmV0LWtleS1tYXRlcmlhbA".into();
    let request = v1::AddKeyRequest { jwk: jwk.to_string(), ..asked(&Signer::new(), "Oops") };
    assert!(!format!("{request:?}").contains("c2VjcmV0"), "no message shows it to a log");
    let status = add(&world, ADA, request).await.unwrap_err();
    let details = status.get_details_bad_request().unwrap();
    assert_eq!(violations(&status), ["jwk"]);
    assert!(details.field_violations[0].description.contains("must never leave"), "{details:?}");
    assert!(!format!("{status:?}").contains("c2VjcmV0"));
    let weak = json!({"kty": "RSA", "n": b64([255; 128]), "e": "AQAB"}).to_string();
    let status = add(&world, ADA, v1::AddKeyRequest { jwk: weak, ..asked(&Signer::new(), "Weak") }).await.unwrap_err();
    assert_eq!(violations(&status), ["jwk"]);
}
