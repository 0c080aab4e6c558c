//! Rules B52 and B53: secrets of applications, how many there are, who makes and revokes them, until when they verify.

use devhub::secret;
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::CredentialVerdict::{Invalid, Unusable, Valid};
use tonic::{Code, Status};

use crate::vault::*;
use crate::world::*;

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
        (Sandbox, EVE, "APPLICATION_NOT_FOUND"),
        (Production, ADA, "done"),
        (Production, BOB, "ADMINISTRATOR_REQUIRED"),
        (Production, OPERATOR, "done"),
        (Production, "process:importer", "done"),
        (Production, EVE, "APPLICATION_NOT_FOUND"),
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
