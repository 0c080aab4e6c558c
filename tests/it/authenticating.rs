//! Rules B52 to B54: secrets of applications, who makes and revokes them, until when they verify, and what is kept.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use devhub::secret;
use devhub::store::fault::Fault;
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::CredentialVerdict::{Invalid, Unusable, Valid};
use tonic::{Code, Status};

use crate::enduring::admin;
use crate::world::*;

/// A world with peppers, which lie elsewhere than its data.
struct Vault {
    world: World,
    peppers: PathBuf,
    _directory: tempfile::TempDir,
}

impl Vault {
    /// The usual world, with peppers.
    async fn new() -> Vault {
        let directory = tempfile::tempdir().unwrap();
        let peppers = directory.path().join("peppers");
        secret::create(&peppers).unwrap();
        let world = World::with(|config| config.pepper_file = Some(peppers.clone())).await;
        world.application("app").await;
        Vault { world, peppers, _directory: directory }
    }

    async fn make(&self, actor: &'static str, name: &str) -> Result<v1::CreateClientSecretResponse, Status> {
        create(&self.world, actor, asked(name)).await
    }

    async fn revoke(&self, actor: &'static str, id: &str) -> Result<v1::RevokeClientSecretResponse, Status> {
        let request = v1::RevokeClientSecretRequest {
            application_id: "app".into(),
            client_secret_id: id.into(),
            ..Default::default()
        };
        Ok(self.world.credentials(actor).revoke_client_secret(request).await?.into_inner())
    }

    async fn list(&self) -> Vec<v1::ClientSecret> {
        let request = v1::ListClientSecretsRequest { application_id: "app".into(), ..Default::default() };
        self.world.credentials("").list_client_secrets(request).await.unwrap().into_inner().client_secrets
    }

    async fn verify(&self, client_id: &str, secret: &str) -> v1::VerifyCredentialsResponse {
        verify(&self.world, client_id, secret).await.unwrap()
    }

    async fn verdict(&self, secret: &str) -> v1::CredentialVerdict {
        self.verify(&client("app"), secret).await.verdict()
    }

    async fn facts(&self, kind: v1::FactKind) -> Vec<v1::Fact> {
        self.world.all_facts(v1::FactFilter { kinds: vec![kind.into()], ..Default::default() }).await
    }
}

fn asked(name: &str) -> v1::CreateClientSecretRequest {
    v1::CreateClientSecretRequest { application_id: "app".into(), name: name.into(), ..Default::default() }
}

async fn create(
    world: &World,
    actor: &'static str,
    request: v1::CreateClientSecretRequest,
) -> Result<v1::CreateClientSecretResponse, Status> {
    Ok(world.credentials(actor).create_client_secret(request).await?.into_inner())
}

async fn verify(world: &World, client_id: &str, secret: &str) -> Result<v1::VerifyCredentialsResponse, Status> {
    let request = v1::VerifyCredentialsRequest { client_id: client_id.into(), secret: secret.into() };
    Ok(world.credentials("").verify_credentials(request).await?.into_inner())
}

fn id(made: &v1::CreateClientSecretResponse) -> String {
    made.client_secret.as_ref().unwrap().client_secret_id.clone()
}

fn hour(secret: &v1::ClientSecret) -> Option<DateTime<Utc>> {
    secret.last_use_hour.as_ref().and_then(devhub::wire::instant)
}

#[tokio::test]
async fn b52_a_secret_is_shown_once_and_verifies() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Build server").await.unwrap();
    assert!(secret::Secret::parse(&made.secret).is_ok() && !made.replayed);
    let shown = made.client_secret.clone().unwrap();
    assert!(made.secret.ends_with(&shown.last_four) && shown.last_four.len() == 4);
    assert_eq!((shown.name.as_str(), shown.created_by.as_str()), ("Build server", ADA));
    let verified = vault.verify(&client("app"), &made.secret).await;
    assert_eq!(
        (verified.verdict(), verified.application_id.as_str(), verified.client_secret_id.as_str()),
        (Valid, "app", shown.client_secret_id.as_str())
    );
    assert_eq!(
        (verified.environment(), verified.state()),
        (v1::Environment::Sandbox, v1::ApplicationState::Production)
    );
    assert_eq!((verified.denial(), verified.expire_time), (v1::DecisionReason::Unspecified, None));
    let listed = vault.list().await;
    assert_eq!(listed, [v1::ClientSecret { last_use_hour: Some(timestamp(start())), ..shown }]);
    assert!(!format!("{made:?}{verified:?}{listed:?}").contains(&made.secret), "no message shows it to a log");
}

#[tokio::test]
async fn b52_a_sixth_secret_is_refused_and_the_refusal_names_what_could_go() {
    let vault = Vault::new().await;
    let mut made = Vec::new();
    for number in 1..=5 {
        made.push(vault.make(ADA, &format!("Machine {number}")).await.unwrap());
    }
    let status = vault.make(ADA, "Machine 6").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
    for (number, made) in (1..).zip(&made) {
        assert!(status.message().contains(&format!("{} \"Machine {number}\"", id(made))), "{}", status.message());
    }
    let refused = vault.facts(v1::FactKind::CommandRefused).await;
    assert_eq!(
        (refused[0].refused_command.as_str(), refused[0].refusal.as_str()),
        ("CreateClientSecret", "LIMIT_REACHED")
    );
    // Rotation: one goes, another comes; the others go on.
    vault.revoke(ADA, &id(&made[0])).await.unwrap();
    let sixth = vault.make(ADA, "Machine 6").await.unwrap();
    assert_eq!(vault.verdict(&made[0].secret).await, Invalid);
    for live in made[1..].iter().chain([&sixth]) {
        assert_eq!(vault.verdict(&live.secret).await, Valid);
    }
}

#[tokio::test]
async fn b52_with_the_longest_names_the_refusal_still_names_every_secret() {
    let vault = Vault::new().await;
    for _ in 0..5 {
        vault.make(ADA, &"x".repeat(50)).await.unwrap();
    }
    let status = vault.make(ADA, "one more").await.unwrap_err();
    assert!(status.message().ends_with("xxx\""), "{}", status.message());
    for secret in vault.list().await {
        assert!(status.message().contains(&secret.client_secret_id));
    }
}

#[tokio::test]
async fn b52_an_unknown_id_cannot_be_revoked() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let status = vault.revoke(ADA, "no-such-secret").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "CLIENT_SECRET_NOT_FOUND"));
    let left = vault.revoke(ADA, &id(&made)).await.unwrap().client_secrets;
    assert!(left.is_empty());
    assert_eq!(refused(vault.revoke(ADA, &id(&made)).await), "CLIENT_SECRET_NOT_FOUND", "it is gone");
    vault.world.application("other").await;
    let theirs = v1::CreateClientSecretRequest { application_id: "other".into(), ..asked("Theirs") };
    let theirs = create(&vault.world, ADA, theirs).await.unwrap();
    assert_eq!(refused(vault.revoke(ADA, &id(&theirs)).await), "CLIENT_SECRET_NOT_FOUND", "it is another's");
    let request = v1::ListClientSecretsRequest { application_id: "nobody".into(), ..Default::default() };
    assert_eq!(refused(vault.world.credentials("").list_client_secrets(request).await), "APPLICATION_NOT_FOUND");
}

#[tokio::test]
async fn b52_an_expired_secret_frees_its_place_on_the_instant() {
    let vault = Vault::new().await;
    let end = start() + days(1);
    let until = v1::CreateClientSecretRequest { expire_time: Some(timestamp(end)), ..asked("Trial") };
    let trial = create(&vault.world, ADA, until).await.unwrap();
    for number in 1..=4 {
        vault.make(ADA, &format!("Machine {number}")).await.unwrap();
    }
    for (at, verdict, sixth) in [(end - ms(1), Valid, false), (end, Invalid, true), (end + ms(1), Invalid, false)] {
        vault.world.clock.set(at);
        assert_eq!(vault.verdict(&trial.secret).await, verdict, "{at}");
        // At T the fifth place is free; it is taken then, so at T + 1 ms it is not.
        assert_eq!(vault.make(ADA, "Machine 5").await.is_ok(), sixth, "{at}");
    }
    assert_eq!(vault.list().await.len(), 5, "the expired one is forgotten");
}

#[tokio::test]
async fn b52_an_expired_secret_is_listed_as_such_until_the_next_is_made() {
    let vault = Vault::new().await;
    let end = start() + days(1);
    let until = v1::CreateClientSecretRequest { expire_time: Some(timestamp(end)), ..asked("Trial") };
    let trial = create(&vault.world, ADA, until).await.unwrap();
    assert_eq!(vault.verify(&client("app"), &trial.secret).await.expire_time, Some(timestamp(end)));
    for (at, expired) in [(end - ms(1), false), (end, true), (end + ms(1), true)] {
        vault.world.clock.set(at);
        assert_eq!(vault.list().await[0].expired, expired, "{at}");
    }
    vault.make(ADA, "Next").await.unwrap();
    assert_eq!(vault.list().await.len(), 1);
    let now = vault.world.clock.clone();
    for (offset, code) in [(ms(-1), "INSTANT_IN_PAST"), (ms(0), "INSTANT_IN_PAST")] {
        now.advance(days(1));
        let past = devhub::clock::Clock::now(&now) + offset;
        let request = v1::CreateClientSecretRequest { expire_time: Some(timestamp(past)), ..asked("Late") };
        assert_eq!(refused(create(&vault.world, ADA, request).await), code);
    }
    let soon = devhub::clock::Clock::now(&now) + ms(1);
    let request = v1::CreateClientSecretRequest { expire_time: Some(timestamp(soon)), ..asked("Short") };
    create(&vault.world, ADA, request).await.unwrap();
}

#[tokio::test]
async fn b53_who_may_make_and_revoke_secrets() {
    use v1::Environment::{Production, Sandbox};
    const EVE: &str = "collaborator:eve@example.com";
    let vault = Vault::new().await;
    // (environment, actor, what becomes of both)
    let cases = [
        (Sandbox, ADA, "done"),
        (Sandbox, BOB, "done"),
        (Sandbox, OPERATOR, "done"),
        (Sandbox, "process:importer", "done"),
        (Sandbox, EVE, "NOT_A_COLLABORATOR"),
        (Production, ADA, "done"),
        (Production, BOB, "ADMINISTRATOR_REQUIRED"),
        (Production, OPERATOR, "done"),
        (Production, "process:importer", "done"),
        (Production, EVE, "NOT_A_COLLABORATOR"),
    ];
    for (number, (environment, actor, expected)) in cases.into_iter().enumerate() {
        let application = format!("case-{number}");
        let developer = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
        let change = |application: &mut v1::Application| {
            application.environment = environment.into();
            application.collaborators.push(developer);
        };
        vault.world.application_with(&application, change).await.unwrap();
        let request = v1::CreateClientSecretRequest { application_id: application.clone(), ..asked("Secret") };
        let existing = create(&vault.world, OPERATOR, request.clone()).await.unwrap();
        let made = create(&vault.world, actor, request).await;
        let revoke = v1::RevokeClientSecretRequest {
            application_id: application.clone(),
            client_secret_id: id(&existing),
            reason: "a test".into(),
            ..Default::default()
        };
        let revoked = vault.world.credentials(actor).revoke_client_secret(revoke).await;
        let told = |status: Option<Status>| status.map_or("done".to_owned(), |status| reason(&status));
        assert_eq!(told(made.err()), expected, "{environment:?} {actor}: create");
        assert_eq!(told(revoked.err()), expected, "{environment:?} {actor}: revoke");
        let verdict = verify(&vault.world, &client(&application), &existing.secret).await.unwrap().verdict();
        assert_eq!(verdict == Invalid, expected == "done", "{environment:?} {actor}: what it changed");
    }
    let refused = vault.facts(v1::FactKind::CommandRefused).await;
    assert_eq!(refused.len(), 6, "every refusal is recorded, too");
}

#[tokio::test]
async fn b53_neither_a_blocked_nor_a_deleted_application_gets_a_secret() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let other = vault.make(ADA, "Phone").await.unwrap();
    let applications = || vault.world.applications(OPERATOR);
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    applications().block_application(block).await.unwrap();
    assert_eq!(refused(vault.make(ADA, "Next").await), "APPLICATION_BLOCKED");
    vault.revoke(ADA, &id(&other)).await.unwrap();
    let verified = vault.verify(&client("app"), &made.secret).await;
    assert_eq!((verified.verdict(), verified.denial()), (Unusable, v1::DecisionReason::ApplicationBlocked));
    let delete = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    applications().delete_application(delete).await.unwrap();
    assert_eq!(refused(vault.make(ADA, "Next").await), "APPLICATION_DELETED");
    assert_eq!(refused(vault.revoke(ADA, &id(&made)).await), "APPLICATION_DELETED");
    let verified = vault.verify(&client("app"), &made.secret).await;
    assert_eq!((verified.verdict(), verified.denial()), (Unusable, v1::DecisionReason::ApplicationDeleted));
    assert_eq!(verified.state(), v1::ApplicationState::Deleted);
    let restore = v1::RestoreApplicationRequest { application_id: "app".into(), ..Default::default() };
    applications().restore_application(restore).await.unwrap();
    let unblock = v1::UnblockApplicationRequest { application_id: "app".into(), ..Default::default() };
    applications().unblock_application(unblock).await.unwrap();
    assert_eq!(vault.verdict(&made.secret).await, Valid, "its secrets come back with it");
    let production = |a: &mut v1::Application| a.environment = v1::Environment::Production.into();
    vault.world.application_with("live", production).await.unwrap();
    let request = v1::CreateClientSecretRequest { application_id: "live".into(), ..asked("Server") };
    let made = create(&vault.world, ADA, request).await.unwrap();
    let verified = vault.verify(&client("live"), &made.secret).await;
    assert_eq!((verified.verdict(), verified.denial()), (Unusable, v1::DecisionReason::ApplicationNotApproved));
    assert_eq!(vault.verify(&client("app"), &made.secret).await.verdict(), Invalid, "a secret has one bearer");
}

#[tokio::test]
async fn b54_an_unknown_client_is_answered_like_a_wrong_secret() {
    let vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let revoked = vault.make(ADA, "Phone").await.unwrap();
    vault.revoke(ADA, &id(&revoked)).await.unwrap();
    let until = v1::CreateClientSecretRequest { expire_time: Some(timestamp(start() + days(1))), ..asked("Trial") };
    let expired = create(&vault.world, ADA, until).await.unwrap();
    vault.world.clock.advance(days(1));
    vault.world.application("without").await;
    let changed = made.secret.replace("dhs_", "dhs-");
    let (app, long) = (client("app"), "x".repeat(256));
    let alike = [
        (app.as_str(), secret::Secret::generate().reveal().to_owned()),
        (&app, revoked.secret.clone()),
        (&app, expired.secret.clone()),
        (&app, changed),
        (&app, "password".to_owned()),
        (&app, long),
        ("client-nobody", made.secret.clone()),
        ("client-without", made.secret.clone()),
        ("?", made.secret.clone()),
        ("nobodys-client", made.secret.clone()),
    ];
    let invalid = v1::VerifyCredentialsResponse { verdict: Invalid.into(), ..Default::default() };
    for (client_id, secret) in alike {
        assert_eq!(vault.verify(client_id, &secret).await, invalid, "{client_id}");
    }
    assert_eq!(vault.verdict(&made.secret).await, Valid, "the guard is not vacuous");
    for (client_id, secret, fields) in
        [("", "x", ["client_id"]), ("x", "", ["secret"]), ("x", &"s".repeat(257), ["secret"])]
    {
        let status = verify(&vault.world, client_id, secret).await.unwrap_err();
        assert_eq!(violations(&status), fields);
        assert!(!status.message().contains("sss"), "what is presented is never repeated");
    }
    let metrics = admin(vault.world.server().admin_address, "/metrics").await;
    assert!(metrics.contains("devhub_credentials_verified_total{verdict=\"INVALID\"} 10"), "{metrics}");
    assert!(metrics.contains("devhub_credentials_verified_total{verdict=\"VALID\"} 1"));
}

#[tokio::test]
async fn b54_somebody_who_bears_the_name_of_nobody_gains_nothing() {
    let vault = Vault::new().await;
    let change = |application: &mut v1::Application| application.client_id = "nobodys-client".into();
    vault.world.application_with("nobody", change).await.unwrap();
    let request = v1::CreateClientSecretRequest { application_id: "nobody".into(), ..asked("Laptop") };
    let made = create(&vault.world, ADA, request).await.unwrap();
    for (client_id, verdict) in [("nobodys-client", Valid), ("client-unknown", Invalid), ("?", Invalid)] {
        assert_eq!(vault.verify(client_id, &made.secret).await.verdict(), verdict, "{client_id}");
    }
}

#[tokio::test]
async fn b54_a_secret_under_an_older_pepper_verifies_and_moves_to_the_newest() {
    let mut vault = Vault::new().await;
    let used = vault.make(ADA, "Used").await.unwrap();
    let idle = vault.make(ADA, "Idle").await.unwrap();
    let pepper = |made: &v1::ClientSecret| made.pepper_id.clone();
    let old = pepper(used.client_secret.as_ref().unwrap());
    let new = secret::add(&vault.peppers).unwrap().to_string();
    vault.world.restart().await;
    let head = || vault.world.hub().store().head().revision;
    let before = head();
    assert_eq!(vault.verdict(secret::Secret::generate().reveal()).await, Invalid);
    assert_eq!(head(), before, "a wrong secret commits nothing");
    assert_eq!(vault.verdict(&used.secret).await, Valid);
    assert_eq!(vault.list().await.iter().map(pepper).collect::<Vec<_>>(), [new.clone(), old.clone()]);
    let facts = vault.facts(v1::FactKind::ClientSecretRehashed).await;
    assert_eq!((facts.len(), facts[0].actor.as_str()), (1, "process:pepper"));
    let after = head();
    assert_eq!(vault.verdict(&used.secret).await, Valid);
    assert_eq!(head(), after, "no verification but the first writes to the journal");
    let missing = |peppers: Option<&secret::Peppers>| {
        let missing = vault.world.hub().missing_peppers(peppers).unwrap();
        missing.into_iter().map(|(pepper, secrets)| (pepper.to_string(), secrets)).collect::<Vec<_>>()
    };
    assert_eq!(missing(secret::read(&vault.peppers).ok().as_ref()), []);
    let (another, one) = (secret::Peppers::new(Vec::new(), secret::Pepper::generate()), |id: &str| (id.to_owned(), 1));
    let mut both = vec![one(&old), one(&new)];
    both.sort();
    assert_eq!((missing(Some(&another)), missing(None)), (both.clone(), both));
    // The old pepper is removed: what was used since goes on, what was not is lost.
    let text = std::fs::read_to_string(&vault.peppers).unwrap();
    let newest: String = text.lines().filter(|line| !line.starts_with(&old)).map(|line| format!("{line}\n")).collect();
    std::fs::write(&vault.peppers, newest).unwrap();
    vault.world.restart().await;
    assert_eq!(vault.verdict(&used.secret).await, Valid);
    assert_eq!(vault.verdict(&idle.secret).await, Invalid);
    assert_eq!(vault.make(ADA, "Next").await.unwrap().client_secret.map(|made| pepper(&made)), Some(new));
}

#[tokio::test]
async fn b54_a_verification_stands_when_the_newer_hash_cannot_be_written() {
    let (world, faults) = crate::enduring::failing().await;
    // The world of faults has no peppers, so the hub is asked as its service would ask it.
    let pepper = secret::Pepper::generate();
    let old = secret::Peppers::new(Vec::new(), pepper.clone());
    let both = secret::Peppers::new(vec![pepper], secret::Pepper::generate());
    let text = secret::Secret::generate();
    let command = devhub::domain::client_secret::CreateClientSecret {
        application: "app".parse().unwrap(),
        id: "secret-1".parse().unwrap(),
        name: "Laptop".into(),
        expires_at: None,
        made: Some(devhub::domain::client_secret::Made { hash: old.hash(&text), last_shown: text.last_shown().into() }),
    };
    let ada = ADA.parse::<devhub::domain::Actor>().unwrap();
    world.hub().execute(ada, command.into(), devhub::hub::Request::once()).await.unwrap();
    faults.start(Fault::DiskFull);
    let client_id = client("app").parse().unwrap();
    let verify = || world.hub().verify_credentials(&both, Some(&client_id), text.reveal(), world.hub().now());
    let devhub::hub::Verified::Right(bearer) = verify().await.unwrap() else { panic!("it is right") };
    assert_eq!(bearer.secret.hash, old.hash(&text));
    faults.stop(Fault::DiskFull);
    verify().await.unwrap();
    let devhub::hub::Verified::Right(bearer) = verify().await.unwrap() else { panic!("it is right") };
    assert_eq!(bearer.secret.hash, both.hash(&text), "the next one tried again");
}

#[tokio::test]
async fn b54_of_many_verifications_at_a_time_one_renews_the_hash() {
    let mut vault = Vault::new().await;
    let made = vault.make(ADA, "Busy").await.unwrap();
    secret::add(&vault.peppers).unwrap();
    vault.world.restart().await;
    let verifications = (0..20).map(|_| vault.verdict(&made.secret));
    let verdicts = futures_util::future::join_all(verifications).await;
    assert!(verdicts.into_iter().all(|verdict| verdict == Valid));
    assert_eq!(vault.facts(v1::FactKind::ClientSecretRehashed).await.len(), 1);
}

#[tokio::test]
async fn without_a_pepper_no_secret_is_made_or_verified_but_any_can_be_revoked() {
    let mut vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    vault.world.config.pepper_file = None;
    vault.world.restart().await;
    for status in [
        vault.make(ADA, "Next").await.unwrap_err(),
        verify(&vault.world, &client("app"), &made.secret).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "PEPPER_REQUIRED"));
        assert!(status.message().contains("--pepper-file") && status.message().contains("pepper new"));
    }
    let refused = vault.facts(v1::FactKind::CommandRefused).await;
    assert_eq!(refused.last().unwrap().refusal, "PEPPER_REQUIRED");
    assert_eq!(vault.list().await.len(), 1);
    vault.revoke(ADA, &id(&made)).await.unwrap();
    assert!(vault.list().await.is_empty());
}

#[tokio::test]
async fn a_pepper_file_that_cannot_be_used_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = devhub::config::Config::for_testing(directory.path().join("data"));
    config.pepper_file = Some(directory.path().join("none"));
    let clock = std::sync::Arc::new(devhub::clock::ManualClock::at(start()));
    let error = match devhub::server::Server::start(&config, clock).await {
        Ok(_) => panic!("a hub without the peppers that it should have"),
        Err(error) => format!("{error:#}"),
    };
    assert!(error.starts_with("pepper_file") && error.contains("devhub pepper new"), "{error}");
}

#[tokio::test]
async fn a_replay_tells_of_the_secret_and_not_the_secret() {
    let mut vault = Vault::new().await;
    let request = v1::CreateClientSecretRequest { request_id: "make-1".into(), ..asked("Laptop") };
    let first = create(&vault.world, ADA, request.clone()).await.unwrap();
    vault.make(ADA, "Another").await.unwrap();
    for _ in 0..2 {
        let again = create(&vault.world, ADA, request.clone()).await.unwrap();
        assert!(again.replayed && again.secret.is_empty());
        assert_eq!((again.client_secret, again.revision), (first.client_secret.clone(), first.revision));
        vault.world.restart().await;
    }
    assert_eq!(vault.list().await.len(), 2, "nothing was made again");
    let other = v1::CreateClientSecretRequest { name: "Phone".into(), ..request };
    assert_eq!(refused(create(&vault.world, ADA, other).await), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_last_use_is_told_by_the_hour_kept_across_restarts_and_not_in_the_journal() {
    let mut vault = Vault::new().await;
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let head = vault.world.hub().store().head().revision;
    assert_eq!(hour(&vault.list().await[0]), None);
    for (later, expected) in [(0, 0), (59, 0), (60, 1), (119, 1), (121, 2)] {
        vault.world.clock.set(start() + chrono::TimeDelta::minutes(later));
        assert_eq!(vault.verdict(&made.secret).await, Valid);
        assert_eq!(hour(&vault.list().await[0]), Some(start() + chrono::TimeDelta::hours(expected)), "{later}");
    }
    vault.verdict("something else").await;
    vault.world.restart().await;
    assert_eq!(hour(&vault.list().await[0]), Some(start() + chrono::TimeDelta::hours(2)));
    assert_eq!(vault.world.hub().store().head().revision, head, "not one verification is in the journal");
}

#[tokio::test]
async fn secrets_are_listed_page_by_page() {
    let vault = Vault::new().await;
    for number in 1..=5 {
        vault.make(ADA, &format!("Machine {number}")).await.unwrap();
    }
    let list = |page_token: String| {
        let request = v1::ListClientSecretsRequest { application_id: "app".into(), page_size: 2, page_token };
        let mut client = vault.world.credentials("");
        async move { client.list_client_secrets(request).await.map(tonic::Response::into_inner) }
    };
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(token).await.unwrap();
        assert!(page.client_secrets.len() <= 2);
        names.extend(page.client_secrets.into_iter().map(|secret| secret.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names, (1..=5).map(|number| format!("Machine {number}")).collect::<Vec<_>>());
    assert_eq!(refused(list("zz".to_owned()).await), "PAGE_TOKEN");
}

#[tokio::test]
async fn what_is_malformed_about_a_secret_is_named() {
    let vault = Vault::new().await;
    let request = v1::CreateClientSecretRequest {
        application_id: "Not An Id".into(),
        name: "x".repeat(51),
        expire_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        request_id: "a b".into(),
    };
    let status = create(&vault.world, ADA, request).await.unwrap_err();
    assert_eq!(violations(&status), ["request_id", "application_id", "name", "expire_time"]);
    let status = vault.make(ADA, " ").await.unwrap_err();
    assert_eq!(violations(&status), ["name"]);
    assert_eq!(refused(vault.make("", "Laptop").await), "ACTOR_REQUIRED");
    let request = v1::RevokeClientSecretRequest { client_secret_id: "A B".into(), ..Default::default() };
    let status = vault.world.credentials(ADA).revoke_client_secret(request).await.unwrap_err();
    assert_eq!(violations(&status), ["application_id", "client_secret_id"]);
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A text as it is, and as hexadecimal digits and base64 would carry it, whatever stands before it.
fn disguises(text: &str) -> Vec<Vec<u8>> {
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits =
        |bytes: &[u8]| bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect::<Vec<u8>>();
    let base64 = (0..3).map(|skipped| {
        let bits = bits(&text.as_bytes()[skipped..]);
        let digit = |six: &[u8]| BASE64[usize::from(six.iter().fold(0, |number, bit| number << 1 | bit))];
        bits.chunks_exact(6).map(digit).collect::<Vec<u8>>()
    });
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    base64.chain([text.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()]).collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_secret_is_found_in_anything_that_is_kept_or_told() {
    let mut vault = Vault::new().await;
    let request = v1::CreateClientSecretRequest { request_id: "canary".into(), ..asked("Canary name") };
    let made = create(&vault.world, ADA, request.clone()).await.unwrap();
    let gone = vault.make(ADA, "Gone").await.unwrap();
    let mut told = Vec::new();
    told.extend(format!("{:?}", create(&vault.world, ADA, request).await.unwrap()).into_bytes());
    vault.verdict(&gone.secret).await;
    vault.revoke(ADA, &id(&gone)).await.unwrap();
    for (client_id, secret) in
        [(&client("app"), &made.secret), (&made.secret, &made.secret), (&client("app"), &gone.secret)]
    {
        told.extend(format!("{:?}", vault.verify(client_id, secret).await).into_bytes());
    }
    let status = verify(&vault.world, &client("app"), &made.secret.repeat(5)).await.unwrap_err();
    told.extend(format!("{status:?}").into_bytes());
    secret::add(&vault.peppers).unwrap();
    vault.world.restart().await;
    assert_eq!(vault.verdict(&made.secret).await, Valid);
    told.extend(format!("{:?}", vault.list().await).into_bytes());
    told.extend(format!("{:?}", vault.world.all_facts(v1::FactFilter::default()).await).into_bytes());
    told.extend(admin(vault.world.server().admin_address, "/metrics").await.into_bytes());
    vault.world.server.take().unwrap().stop().await.unwrap();
    let backup = vault.world.directory.path().join("hub.backup");
    devhub::store::backup::create(vault.world.directory.path(), &backup).unwrap();

    let mut kept: Vec<(String, Vec<u8>)> = files(vault.world.directory.path())
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    for part in ["journal", "usage", "hub.backup"] {
        assert!(kept.iter().any(|(name, _)| name.contains(part)), "{part} was searched");
    }
    let journals = kept.iter().filter(|(_, bytes)| holds(bytes, b"Canary name")).count();
    assert!(journals >= 3, "what is kept of it is found in the journal, the state and the backup: {journals}");
    kept.push(("what was told".to_owned(), told));
    for secret in [&made.secret, &gone.secret] {
        // The random part alone too: the prefix may stand anywhere.
        for needle in disguises(secret).into_iter().chain(disguises(&secret[4..47])) {
            for (name, bytes) in &kept {
                assert!(!holds(bytes, &needle), "{name} holds a secret");
            }
        }
    }
}
