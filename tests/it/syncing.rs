//! What the hub sends to gateways that follow it, message by message; and what a follower makes of messages that were
//! lost, held up, or came twice.

use std::time::Duration;

use chrono::TimeDelta;
use devhub_decision::Environment;
use devhub_gateway::{Fault, Follower, Health, Unready};
use devhub_proto::v1;
use devhub_proto::v1::sync_response::Message as Told;
use devhub_proto::v1::{SyncKind, SyncReason};

use crate::enduring::admin;
use crate::replica::*;
use crate::vault::Vault;
use crate::world::*;

/// The usual world in which `app` is subscribed.
async fn subscribed() -> World {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

fn revision(world: &World) -> u64 {
    world.hub().change_log().newest().revision
}

#[tokio::test]
async fn a_gateway_gets_a_snapshot_then_deltas_and_goes_on_where_it_was() {
    let world = subscribed().await;
    let mut stream = Stream::resume(&world, Vec::new()).await;
    let first = stream.group().await;
    assert_eq!(first.kind(), (SyncKind::Snapshot, SyncReason::NoToken));
    assert_eq!((first.begin.rows_hint, first.begin.decision_ttl.unwrap().seconds), (4, 30));
    assert_eq!(first.commit.revision, revision(&world));
    let rows = &first.rows[0];
    assert_eq!((rows.versions.len(), rows.applications.len(), rows.subscriptions.len()), (1, 1, 1));
    let (groups, pong) = stream.ping(first.commit.revision, first.commit.digest).await;
    assert!(groups.is_empty(), "nothing has changed");
    assert_eq!((pong.revision, pong.trust_for.unwrap().seconds), (first.commit.revision, 30));
    world.application("other").await;
    let second = stream.group().await;
    assert_eq!(second.kind(), (SyncKind::Delta, SyncReason::Commits));
    assert_eq!((second.commit.revision, second.rows[0].applications.len()), (revision(&world), 1));
    assert_eq!(second.rows[0].versions, []);
    drop(stream);
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    let mut again = Stream::resume(&world, second.commit.resume_token).await;
    let third = again.group().await;
    assert_eq!(third.kind(), (SyncKind::Delta, SyncReason::Resumed));
    assert!(third.rows[0].subscriptions[0].removed);
    let mut nothing_new = Stream::resume(&world, third.commit.resume_token).await;
    let fourth = nothing_new.group().await;
    assert_eq!((fourth.kind(), fourth.rows.len()), ((SyncKind::Delta, SyncReason::Resumed), 0));
    assert_eq!(fourth.commit.digest, third.commit.digest);
    // Of the token of a pong as well.
    let (_, pong) = nothing_new.ping(0, 0).await;
    let fifth = Stream::resume(&world, pong.resume_token).await.group().await;
    assert_eq!(fifth.kind(), (SyncKind::Delta, SyncReason::Resumed));
}

#[tokio::test]
async fn whatever_was_answered_before_a_ping_is_sent_before_its_pong() {
    let world = subscribed().await;
    let mut stream = Stream::resume(&world, Vec::new()).await;
    let mut reached = stream.group().await.commit.revision;
    for round in 0..20 {
        world.application(&format!("app-{round}")).await;
        let answered = revision(&world);
        let (groups, pong) = stream.ping(0, 0).await;
        reached = groups.last().map_or(reached, |group| group.commit.revision);
        assert!(pong.revision >= answered && pong.revision == reached, "{} {answered} {reached}", pong.revision);
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_is_no_error_but_a_snapshot_that_says_why() {
    let world = subscribed().await;
    let token = Stream::resume(&world, Vec::new()).await.group().await.commit.resume_token;
    let reason = async |environment, token| {
        let first = devhub_gateway::replica::start(environment, "gateway-1", token);
        Stream::open(world.channel.clone(), first).await.unwrap().group().await.kind()
    };
    let mut tampered = token.clone();
    tampered[30] ^= 1;
    for (environment, token, expected) in [
        (Environment::Sandbox, b"".to_vec(), SyncReason::NoToken),
        (Environment::Sandbox, b"a token".to_vec(), SyncReason::ForeignToken),
        (Environment::Sandbox, tampered, SyncReason::ForeignToken),
        (Environment::Production, token.clone(), SyncReason::OtherEnvironment),
    ] {
        assert_eq!(reason(environment, token).await, (SyncKind::Snapshot, expected));
    }
    // The log reaches back a day from the latest commit, and not one millisecond more.
    world.application("first").await;
    world.clock.set(world.hub().change_log().newest().latest + devhub::hub::LOG_AGE_MAX);
    world.application("a-day-later").await;
    assert_eq!(reason(Environment::Sandbox, token.clone()).await.1, SyncReason::Resumed);
    world.clock.advance(ms(1));
    world.application("a-moment-later").await;
    assert_eq!(reason(Environment::Sandbox, token).await.1, SyncReason::TooOld);
}

#[tokio::test]
async fn a_gateway_goes_on_across_a_restart_of_a_hub_with_peppers() {
    let mut vault = Vault::new().await;
    let group = Stream::resume(&vault.world, Vec::new()).await.group().await;
    vault.world.application("other").await;
    vault.world.restart().await;
    let resumed = Stream::resume(&vault.world, group.commit.resume_token.clone()).await.group().await;
    assert_eq!(resumed.kind(), (SyncKind::Delta, SyncReason::Resumed));
    assert_eq!(resumed.rows[0].applications[0].application_id, "other");
    // Without peppers nobody knows the token of an earlier run.
    vault.world.config.pepper_file = None;
    vault.world.restart().await;
    let anew = Stream::resume(&vault.world, group.commit.resume_token).await.group().await;
    assert_eq!(anew.kind(), (SyncKind::Snapshot, SyncReason::ForeignToken));
    assert_eq!(anew.commit.digest, resumed.commit.digest);
}

#[tokio::test]
async fn a_hub_restored_from_a_backup_sends_everything_anew() {
    let mut vault = Vault::new().await;
    let world = &mut vault.world;
    let (file, restored) = (world.directory.path().join("hub.backup"), tempfile::tempdir().unwrap());
    devhub::store::backup::create(world.directory.path(), &file).unwrap();
    world.application("lost").await;
    let token = Stream::resume(world, Vec::new()).await.group().await.commit.resume_token;
    world.server.take().unwrap().stop().await.unwrap();
    devhub::store::backup::restore(&file, &restored.path().join("data")).unwrap();
    world.config.data_dir = restored.path().join("data");
    world.start_again().await;
    world.confirm_restore(OPERATOR).await.unwrap();
    // The same revision, and another history.
    world.application("other").await;
    let group = Stream::resume(world, token).await.group().await;
    assert_eq!(group.kind(), (SyncKind::Snapshot, SyncReason::EpochChanged));
    let ids: Vec<&str> = group.rows[0].applications.iter().map(|row| &*row.application_id).collect();
    assert!(ids.contains(&"other") && !ids.contains(&"lost"), "{ids:?}");
}

#[tokio::test]
async fn a_gateway_that_holds_other_rows_gets_them_anew() {
    let world = subscribed().await;
    let mut stream = Stream::resume(&world, Vec::new()).await;
    let first = stream.group().await;
    let (groups, _) = stream.ping(first.commit.revision, first.commit.digest ^ 1).await;
    assert_eq!(groups[0].kind(), (SyncKind::Snapshot, SyncReason::DigestMismatch));
    assert_eq!(groups[0].commit.digest, first.commit.digest);
    let (groups, _) = stream.ping(first.commit.revision, first.commit.digest).await;
    assert!(groups.is_empty());
    // Whoever has nothing has nothing to compare.
    assert!(stream.ping(0, 7).await.0.is_empty());
}

#[tokio::test]
async fn what_is_no_start_is_refused() {
    let world = World::new().await;
    let start = |environment, gateway_id: &str| {
        let start = v1::SyncStart { environment, gateway_id: gateway_id.into(), ..Default::default() };
        v1::SyncRequest { message: Some(v1::sync_request::Message::Start(start)) }
    };
    for (first, field) in [
        (ping(1, 0, 0), "start"),
        (v1::SyncRequest { message: None }, "start"),
        (start(0, "gateway-1"), "start.environment"),
        (start(1, ""), "start.gateway_id"),
        (start(1, "a gateway"), "start.gateway_id"),
        (start(1, &"x".repeat(65)), "start.gateway_id"),
    ] {
        let status = Stream::open(world.channel.clone(), first).await.err().unwrap();
        assert_eq!((&*reason(&status), violations(&status)), ("INVALID_FIELD", vec![field.to_owned()]));
    }
    let mut twice = Stream::open(world.channel.clone(), start(1, "gateway-1")).await.unwrap();
    twice.group().await;
    twice.requests.send(start(1, "gateway-1")).await.unwrap();
    assert_eq!(reason(&twice.next().await.unwrap_err()), "INVALID_FIELD");
}

#[tokio::test]
async fn environments_do_not_mix() {
    let world = subscribed().await;
    let production = vec![deployment(v1::Environment::Production, v1::Maturity::Stable)];
    world.publish(version("9.0", production)).await.unwrap();
    let group = |environment| {
        let first = devhub_gateway::replica::start(environment, "gateway-1", Vec::new());
        let channel = world.channel.clone();
        async move { Stream::open(channel, first).await.unwrap().group().await }
    };
    let (sandbox, production) = (group(Environment::Sandbox).await, group(Environment::Production).await);
    let labels = |group: &Group| {
        let mut labels: Vec<String> =
            group.rows[0].versions.iter().map(|row| row.name.clone().unwrap().version).collect();
        labels.sort();
        labels
    };
    assert_eq!((labels(&sandbox), labels(&production)), (vec!["1.0".to_owned()], vec!["1.0".into(), "9.0".into()]));
    assert_eq!((sandbox.rows[0].subscriptions.len(), production.rows[0].subscriptions.len()), (1, 0));
    // Who lives in the other environment is told apart from a stranger.
    assert_eq!(production.rows[0].applications.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_takes_nothing_is_cut_off_and_goes_on_later() {
    let world = World::with(|config| config.request_timeout_seconds = 1).await;
    let operator: devhub::domain::Actor = OPERATOR.parse().unwrap();
    let commands = (0..400).map(|number| crate::racing::scenario::application(&format!("app-{number}")));
    let executed = commands.map(|command| world.hub().execute(operator.clone(), command, devhub::hub::Request::once()));
    futures_util::future::try_join_all(executed).await.unwrap();
    let mut stream = Stream::resume(&world, Vec::new()).await;
    let first = stream.group().await;
    // Each of these asks for all rows again, and nobody takes them.
    for nonce in 0..1000 {
        stream.requests.send(ping(nonce, first.commit.revision, first.commit.digest ^ 1)).await.unwrap();
    }
    while !admin(world.server().admin_address, "/metrics").await.contains("devhub_syncs_total{what=\"CUT\"} 1") {
        tokio::task::yield_now().await;
    }
    let status = loop {
        if let Err(status) = stream.next().await {
            break status;
        }
    };
    assert_eq!((status.code(), &*reason(&status)), (tonic::Code::Aborted, "FOLLOWER_TOO_SLOW"));
    let resumed = Stream::resume(&world, first.commit.resume_token).await.group().await;
    assert_eq!((resumed.kind(), resumed.rows.len()), ((SyncKind::Delta, SyncReason::Resumed), 0));
}

/// Messages as they came, for a follower that a test feeds.
struct Feed {
    snapshot: Group,
    deltas: Vec<Group>,
    pong: v1::SyncPong,
}

async fn feed() -> Feed {
    let world = subscribed().await;
    let mut stream = Stream::resume(&world, Vec::new()).await;
    let snapshot = stream.group().await;
    let mut deltas = Vec::new();
    for id in ["one", "two"] {
        world.application(id).await;
        deltas.extend(stream.ping(0, 0).await.0);
    }
    let (_, pong) = stream.ping(0, 0).await;
    Feed { snapshot, deltas, pong }
}

const SECOND: Duration = Duration::from_secs(1);

fn follower() -> Follower {
    Follower::new(Environment::Sandbox, "gateway-1", 5 * SECOND, Duration::ZERO)
}

fn receive(follower: &Follower, messages: Vec<v1::SyncResponse>) -> Result<(), Fault> {
    messages.into_iter().try_for_each(|message| follower.receive(message, start()))
}

#[tokio::test]
async fn lost_rows_are_noticed_at_the_commit_and_a_lost_commit_at_the_pong() {
    let Feed { snapshot, deltas, pong } = feed().await;
    let follower = follower();
    follower.start();
    follower.ping(SECOND, start());
    receive(&follower, snapshot.messages()).unwrap();
    assert_eq!(follower.stand(), (snapshot.commit.revision, snapshot.commit.digest));
    assert_eq!(follower.health(SECOND), Health::Unready(Unready::LeaseExpired), "no pong yet");
    // A delta without its rows.
    let lost = Group { rows: Vec::new(), ..deltas[0].clone() };
    let Err(Fault::Diverged { revision, told, .. }) = receive(&follower, lost.messages()) else { panic!("a fault") };
    assert_eq!((revision, told), (lost.commit.revision, lost.commit.digest));
    assert_eq!(follower.health(SECOND), Health::Unready(Unready::Diverged));
    assert_eq!(follower.token(), b"", "it begins anew");
    receive(&follower, snapshot.messages()).unwrap();
    assert_eq!(follower.health(SECOND), Health::Unready(Unready::LeaseExpired));
    // All of a delta.
    let told = message(Told::Pong(v1::SyncPong { nonce: 1, ..pong.clone() }));
    let gap = Fault::Gap { hub: pong.revision, replica: snapshot.commit.revision };
    assert_eq!(receive(&follower, vec![told.clone()]), Err(gap));
    assert_eq!(follower.health(SECOND), Health::Unready(Unready::Diverged));
    follower.start();
    follower.ping(SECOND, start());
    receive(&follower, snapshot.messages()).unwrap();
    for delta in &deltas {
        receive(&follower, delta.messages()).unwrap();
    }
    let told = message(Told::Pong(v1::SyncPong { nonce: 2, ..pong }));
    receive(&follower, vec![told]).unwrap();
    assert_eq!(follower.health(SECOND), Health::Serving);
}

#[tokio::test]
async fn what_comes_twice_changes_nothing_or_is_refused() {
    let Feed { snapshot, deltas, .. } = feed().await;
    let follower = follower();
    receive(&follower, snapshot.messages()).unwrap();
    let rows = deltas[0].rows.iter().chain(&deltas[0].rows).cloned().collect();
    receive(&follower, Group { rows, ..deltas[0].clone() }.messages()).unwrap();
    receive(&follower, deltas[0].messages()).unwrap();
    receive(&follower, deltas[1].messages()).unwrap();
    let stand = follower.stand();
    let back = Fault::Gap { hub: deltas[0].commit.revision, replica: deltas[1].commit.revision };
    assert_eq!(receive(&follower, deltas[0].messages()), Err(back));
    assert_eq!(follower.stand(), stand);
    for (messages, fault) in [
        (vec![message(Told::Rows(v1::SyncRows::default()))], Fault::OutOfTurn("rows")),
        (vec![message(Told::Commit(snapshot.commit.clone()))], Fault::OutOfTurn("a commit")),
        (vec![message(Told::Begin(snapshot.begin)), message(Told::Begin(snapshot.begin))], Fault::OutOfTurn("a begin")),
        (vec![v1::SyncResponse { message: None }], Fault::Senseless("a message")),
    ] {
        assert_eq!(receive(&follower, messages), Err(fault));
        assert_eq!(follower.stand(), stand, "what was there before stays");
    }
    follower.start();
    receive(&follower, deltas[1].messages()).unwrap();
    let nothing = self::follower();
    assert_eq!(receive(&nothing, deltas[0].messages()), Err(Fault::OutOfTurn("a delta to nothing")));
}

#[tokio::test]
async fn a_pong_that_was_held_up_stretches_no_lease() {
    let Feed { snapshot, deltas, pong } = feed().await;
    let follower = follower();
    receive(&follower, snapshot.messages()).unwrap();
    for delta in &deltas {
        receive(&follower, delta.messages()).unwrap();
    }
    for sent in [10, 20] {
        follower.ping(sent * SECOND, start());
    }
    let told = |nonce| vec![message(Told::Pong(v1::SyncPong { nonce, ..pong.clone() }))];
    receive(&follower, told(1)).unwrap();
    let health = |at: Duration| follower.health(at);
    let expired = Health::Unready(Unready::LeaseExpired);
    let moment = Duration::from_millis(1);
    assert_eq!(
        [40 * SECOND - moment, 40 * SECOND, 40 * SECOND + moment].map(health),
        [Health::Serving, expired, expired]
    );
    // It came twice, or was never asked for.
    receive(&follower, told(1)).unwrap();
    receive(&follower, told(7)).unwrap();
    assert_eq!(health(40 * SECOND), expired);
    receive(&follower, told(2)).unwrap();
    assert_eq!([50 * SECOND - moment, 50 * SECOND].map(health), [Health::Serving, expired]);
    // One of a stream that is over.
    follower.ping(30 * SECOND, start());
    follower.start();
    receive(&follower, told(3)).unwrap();
    assert_eq!(health(50 * SECOND), expired);
}

#[tokio::test]
async fn a_clock_that_is_off_for_certain_stops_the_replica() {
    let Feed { snapshot, deltas, pong } = feed().await;
    let server_time = devhub::wire::instant(&pong.server_time.unwrap()).unwrap();
    for (sent, came, expected) in [
        (-5_000, -5_000, Health::Serving),
        (-5_001, -5_001, Health::Unready(Unready::ClockOff)),
        (5_000, 5_000, Health::Serving),
        (5_001, 5_001, Health::Unready(Unready::ClockOff)),
        // It was on the way for so long that nothing is certain.
        (-60_000, 0, Health::Serving),
        (-60_000, 60_000, Health::Serving),
    ] {
        let follower = follower();
        receive(&follower, snapshot.messages()).unwrap();
        for delta in &deltas {
            receive(&follower, delta.messages()).unwrap();
        }
        follower.ping(SECOND, server_time + ms(sent));
        let told = message(Told::Pong(v1::SyncPong { nonce: 1, ..pong.clone() }));
        follower.receive(told, server_time + TimeDelta::milliseconds(came)).unwrap();
        assert_eq!(follower.health(SECOND), expected, "sent at {sent}, came at {came}");
    }
}
