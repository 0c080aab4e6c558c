//! Gateways that serve some APIs follow what is about these, and decide nothing about others.

use std::collections::BTreeSet;
use std::sync::Arc;

use devhub::hub::Followed;
use devhub_decision::{Environment, Question, Table};
use devhub_gateway::{Health, Replica, Settings};
use devhub_proto::v1;
use devhub_proto::v1::sync_request::Message as Asked;
use devhub_proto::v1::{SyncKind, SyncReason};

use crate::replica::*;
use crate::world::*;

const OTHER: &str = "organisations/vat";

/// Two APIs with a version each, and an application that is subscribed to both.
async fn two_apis() -> World {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.api_with(OTHER, "hmrc-mtd").await;
    let deployments = vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    world.publish(v1::ApiVersion { context: OTHER.into(), ..version("1.0", deployments) }).await.unwrap();
    subscribe_to_other(&world, "app").await;
    world
}

async fn subscribe_to_other(world: &World, id: &str) {
    let request = v1::SubscribeRequest {
        application_id: id.into(),
        context: OTHER.into(),
        version: "1.0".into(),
        ..Default::default()
    };
    world.subscriptions(ADA).subscribe(request).await.unwrap();
}

fn asking(contexts: &[&str], resume_token: Vec<u8>) -> v1::SyncRequest {
    let contexts = contexts.iter().map(|context| (*context).to_owned()).collect();
    let start = v1::SyncStart { environment: 1, gateway_id: "gateway-1".into(), resume_token, contexts };
    v1::SyncRequest { message: Some(Asked::Start(start)) }
}

async fn open(world: &World, contexts: &[&str], token: Vec<u8>) -> Stream {
    Stream::open(world.channel.clone(), asking(contexts, token)).await.unwrap()
}

/// The digest of a view, computed the long way.
fn digest(world: &World, contexts: &[&str]) -> u64 {
    let contexts = contexts.iter().map(|context| Box::from(*context)).collect();
    let view = Followed { environment: Environment::Sandbox, contexts: Some(Arc::new(contexts)) };
    let table = world.hub().table();
    let rows: Vec<_> = (0..Table::PARTS).flat_map(|part| table.part(part, view.environment)).collect();
    devhub_decision::Digests::of_rows(rows.iter().filter(|row| view.shows(row))).of(view.environment)
}

#[tokio::test]
async fn what_is_about_other_apis_is_not_sent_and_the_digest_is_of_what_is() {
    let world = two_apis().await;
    let mut stream = open(&world, &[CONTEXT], Vec::new()).await;
    let first = stream.group().await;
    let rows = &first.rows[0];
    let contexts: Vec<_> = rows.versions.iter().map(|row| &*row.name.as_ref().unwrap().context).collect();
    assert_eq!((contexts, rows.subscriptions[0].versions.len()), (vec![CONTEXT], 1));
    assert_eq!(first.commit.digest, digest(&world, &[CONTEXT]));
    let [both, whole] = [digest(&world, &[CONTEXT, OTHER]), digest(&world, &[CONTEXT, OTHER, "a/third"])];
    assert_eq!([both, whole], [world.hub().table().stand().1.of(Environment::Sandbox); 2]);
    assert_ne!(first.commit.digest, both);
    // A commit that is about another API moves the revision on, and nothing else.
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    let second = stream.group().await;
    assert_eq!((second.rows[0].subscriptions.len(), second.commit.digest), (1, digest(&world, &[CONTEXT])));
    world.application("more").await;
    let third = stream.group().await;
    assert_eq!(third.rows[0].applications.len(), 1, "applications are known everywhere");
    subscribe_to_other(&world, "more").await;
    let fourth = stream.group().await;
    assert_eq!((fourth.rows.len(), fourth.commit.digest), (0, third.commit.digest));
    let (groups, pong) = stream.ping(fourth.commit.revision, fourth.commit.digest).await;
    assert!(
        groups.is_empty() && pong.revision == fourth.commit.revision,
        "the digest is compared with that of the view"
    );
    // That of an earlier revision is known too.
    assert!(stream.ping(third.commit.revision, third.commit.digest).await.0.is_empty());
    assert!(stream.ping(second.commit.revision, second.commit.digest).await.0.is_empty());
    let (groups, _) = stream.ping(fourth.commit.revision, both).await;
    assert_eq!(groups[0].kind(), (SyncKind::Snapshot, SyncReason::DigestMismatch));
}

#[tokio::test]
async fn a_token_is_good_for_the_contexts_that_it_was_made_for() {
    let world = two_apis().await;
    let token = open(&world, &[CONTEXT, OTHER], Vec::new()).await.group().await.commit.resume_token;
    for (contexts, expected) in [
        (&[OTHER, CONTEXT, OTHER][..], (SyncKind::Delta, SyncReason::Resumed)),
        (&[CONTEXT], (SyncKind::Snapshot, SyncReason::OtherContexts)),
        (&[], (SyncKind::Snapshot, SyncReason::OtherContexts)),
    ] {
        assert_eq!(open(&world, contexts, token.clone()).await.group().await.kind(), expected, "{contexts:?}");
    }
    let many: Vec<String> = (0..=1000).map(|number| format!("context/number-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    open(&world, &many[..1000], Vec::new()).await.group().await;
    for (contexts, field) in [(&many[..], "start.contexts"), (&[CONTEXT, "A b"], "start.contexts[1]")] {
        let status = Stream::open(world.channel.clone(), asking(contexts, Vec::new())).await.err().unwrap();
        assert_eq!((&*reason(&status), violations(&status)), ("INVALID_FIELD", vec![field.to_owned()]));
    }
}

#[tokio::test]
async fn b64_a_replica_does_not_decide_about_an_api_that_it_does_not_follow() {
    let world = two_apis().await;
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    let settings = Settings { contexts: BTreeSet::from([CONTEXT.into()]), ..settings(Environment::Sandbox) };
    let replica = Replica::follow(wire.channel(), settings, Arc::new(clocks));
    replica.reach(world.hub().table().revision()).await;
    assert_eq!(decided(&replica, "app", "1.0"), "ALLOW SUBSCRIBED");
    let client_id = client("app");
    let other = Question { context: OTHER, ..asked(&client_id, "1.0", Environment::Sandbox) };
    let unready = replica.decide(&other, |decision| decision.reason).unwrap_err();
    assert_eq!(unready.name(), "OTHER_CONTEXT", "no denial, though no row of it is here");
    let unknown = Question { context: "nobody/knows", ..other };
    assert!(replica.decide(&unknown, |decision| decision.reason).is_err());
    assert_eq!((replica.health(), replica.figures().undecided), (Health::Serving, 2));
    // It goes on across cuts, and its digest stays that of what it follows.
    wire.cut();
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    replica.reach(world.hub().table().revision()).await;
    assert_eq!(replica.follower().stand(), (world.hub().table().revision(), digest(&world, &[CONTEXT])));
    assert_eq!((replica.figures().snapshots, replica.figures().divergences), (1, 0));
    assert_eq!(decided(&replica, "app", "1.0"), "DENY NOT_SUBSCRIBED");
}
