//! What a replica does not wait for, take or keep; and what its operators see of it.

use std::sync::Arc;
use std::time::Duration;

use devhub_decision::Environment;
use devhub_gateway::{DeltaBounds, Replica, Settings};
use devhub_proto::v1;
use tokio::net::TcpListener;

use crate::replica::*;
use crate::world::*;

async fn with(world: &World, change: impl FnOnce(&mut Settings)) -> (Replica, Wire) {
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    let mut settings = settings(Environment::Sandbox);
    change(&mut settings);
    (Replica::follow(wire.channel(), settings, Arc::new(clocks)), wire)
}

/// Waits until a stream has ended for this reason.
async fn ends(replica: &Replica, why: &str) {
    replica.wait_for(|replica| replica.trouble().is_some_and(|trouble| trouble.contains(why))).await;
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_left() {
    let world = World::usual().await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (replica, wire) = with(&world, |settings| settings.silence_max = Duration::from_millis(50)).await;
    replica.reach(world.hub().table().revision()).await;
    // It takes connections, and answers nothing.
    wire.lead_to(Some(mute.local_addr().unwrap()));
    ends(&replica, "said nothing").await;
    wire.lead_to(Some(world.server().address));
    meet(world.hub(), &replica).await;
    // In the middle of a stream: a snapshot that is not completed.
    world.hub().table().advance(world.hub().table().revision() + 1);
    let (other, _wire) = with(&world, |settings| settings.silence_max = Duration::from_millis(50)).await;
    ends(&other, "said nothing").await;
    world.application("other").await;
    other.reach(world.hub().table().revision()).await;
}

#[tokio::test]
async fn a_hub_that_has_nothing_to_tell_is_not_left() {
    let world = World::usual().await;
    let (replica, _wire) = with(&world, |settings| {
        settings.ping_every = Some(Duration::from_secs(3600));
        settings.silence_max = Duration::from_secs(2);
    })
    .await;
    // More of them than fit into the time after which it would leave a hub that says nothing.
    replica.wait_for(|replica| replica.figures().pongs >= 5).await;
    assert_eq!((replica.figures().connects, replica.trouble()), (1, None));
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_taken_and_operators_of_the_hub_read_why() {
    let world = World::usual().await;
    for number in 0..50 {
        world.application(&format!("app-{number}")).await;
    }
    let (replica, _wire) = with(&world, |settings| settings.message_bytes_max = 256).await;
    ends(&replica, "256").await;
    assert_eq!(decided(&replica, "app", "1.0"), "NoSnapshot");
    loop {
        let request = v1::ListGatewaysRequest::default();
        let all = world.fleet("").list_gateways(request).await.unwrap().into_inner().gateways;
        if all.iter().any(|gateway| gateway.error.contains("256")) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_delta_that_is_too_large_is_given_up_for_a_snapshot() {
    let world = World::usual().await;
    let (replica, wire) = with(&world, |settings| settings.delta_bounds.rows_max = 2).await;
    replica.reach(world.hub().table().revision()).await;
    let away = async |names: &[&str]| {
        wire.lead_to(None);
        for name in names {
            world.application(name).await;
        }
        wire.lead_to(Some(world.server().address));
        meet(world.hub(), &replica).await;
        replica.figures().snapshots
    };
    assert_eq!(away(&["one", "two"]).await, 1, "as many as may wait");
    assert_eq!(away(&["three", "four", "five"]).await, 2, "one more");
    ends(&replica, "a delta has more than 2 rows or 268435456 bytes").await;
    assert_eq!(away(&["six"]).await, 2, "it goes on as before");
}

#[tokio::test]
async fn what_is_held_stays_when_a_delta_is_given_up() {
    let world = World::usual().await;
    let mut stream = Stream::resume(&world, Vec::new()).await;
    let snapshot = stream.group().await;
    world.application("one").await;
    let delta = stream.group().await;
    let bytes = prost::Message::encoded_len(&delta.rows[0]);
    for (rows_max, bytes_max, taken) in [(1, bytes, true), (0, bytes, false), (1, bytes - 1, false)] {
        let bounds = DeltaBounds { rows_max, bytes_max };
        let follower = devhub_gateway::Follower::new(Environment::Sandbox, "g", Duration::ZERO, Duration::ZERO);
        let follower = follower.bounded(bounds);
        let receive = |group: &Group| group.messages().into_iter().try_for_each(|told| follower.receive(told, start()));
        receive(&snapshot).unwrap();
        let expected = if taken { Ok(()) } else { Err(devhub_gateway::Fault::DeltaTooLarge(bounds)) };
        assert_eq!(receive(&delta), expected);
        let held = if taken { &delta.commit } else { &snapshot.commit };
        assert_eq!(follower.stand(), (held.revision, held.digest));
        assert_eq!(follower.token().is_empty(), !taken, "a snapshot is asked for");
    }
}

#[tokio::test]
async fn calls_that_find_no_room_are_counted_as_lost() {
    let world = World::usual().await;
    let names: Vec<String> = (0..60).map(|number| format!("app-{number}")).collect();
    for name in &names {
        world.application(name).await;
        world.subscribe(ADA, name, "1.0").await.unwrap();
    }
    let (replica, _wire) = with(&world, |settings| {
        settings.report_every = Some(Duration::from_secs(3600));
        settings.usage_counts_max = 1;
    })
    .await;
    replica.reach(world.hub().table().revision()).await;
    for round in 1..=2 {
        for name in names.iter().chain(&names) {
            assert_eq!(decided(&replica, name, "1.0"), "ALLOW SUBSCRIBED");
        }
        let (taken, lost) = replica.report(world.channel.clone()).await;
        assert_eq!(taken + lost, 120, "round {round}: every call is accounted for");
        assert!(taken >= 2 && lost > 0, "{taken} taken, {lost} lost: sixteen counts fit at most");
        let figures = replica.figures();
        assert_eq!(figures.calls_reported + figures.calls_lost, 120 * round);
    }
    assert_eq!(replica.report(world.channel.clone()).await, (0, 0), "told once");
}

#[tokio::test]
async fn a_replica_tells_its_figures_as_prometheus_reads_them() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let (replica, clocks, wire) = follow(&world).await;
    for id in ["app", "nobody", "nobody"] {
        decided(&replica, id, "1.0");
    }
    let told = |lines: &[&str]| {
        let text = replica.prometheus();
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line} in\n{text}");
        }
        assert!(!text.contains("client-") && !text.contains("gateway-1"), "labels are words of closed sets");
    };
    let revision = format!("devhub_replica_revision {}", world.hub().table().revision());
    told(&[
        "devhub_replica_decisions_total{verdict=\"ALLOW\",reason=\"SUBSCRIBED\"} 1",
        "devhub_replica_decisions_total{verdict=\"DENY\",reason=\"UNKNOWN_CLIENT\"} 2",
        "devhub_replica_snapshots_total 1",
        "devhub_replica_serving 1",
        "devhub_replica_health{state=\"SERVING\"} 1",
        &*revision,
    ]);
    assert_eq!((replica.figures().decided, replica.figures().undecided), (3, 0));
    wire.lead_to(None);
    clocks.set(Duration::from_secs(30));
    decided(&replica, "app", "1.0");
    told(&[
        "devhub_replica_undecided_total{reason=\"LEASE_EXPIRED\"} 1",
        "devhub_replica_serving 0",
        "devhub_replica_health{state=\"LEASE_EXPIRED\"} 1",
        "devhub_replica_health{state=\"SERVING\"} 0",
    ]);
}
