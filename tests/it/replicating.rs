//! Replicas that follow a real hub: what they decide is what the hub decides, whatever happens on the way.

use std::sync::Arc;
use std::time::Duration;

use devhub::wire::timestamp;
use devhub_decision::Environment;
use devhub_gateway::{Client, ClientSettings, Health, NoAnswer, Replica, Unready};
use devhub_proto::v1;

use crate::replica::*;
use crate::vault::Vault;
use crate::world::*;

const MOMENT: Duration = Duration::from_millis(1);
const TRUST: Duration = Duration::from_secs(30);

/// The usual world in which `app` is subscribed.
async fn subscribed() -> World {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

#[tokio::test]
async fn b60_b63_a_replica_answers_as_the_wire_does() {
    let world = subscribed().await;
    world.application("stranger").await;
    world.version("2.0", v1::Maturity::Alpha).await;
    world.deprecate("1.0", None, Some(start() + days(200))).await.unwrap();
    let (replica, _, _wire) = follow(&world).await;
    for (id, label) in [("app", "1.0"), ("stranger", "1.0"), ("app", "2.0"), ("app", "3.0"), ("nobody", "1.0")] {
        let told = world.authorize(id, label).await;
        let client_id = client(id);
        let question = asked(&client_id, label, Environment::Sandbox);
        let same = replica.decide(&question, |decision| {
            let headers: Vec<_> =
                decision.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(format!("{} {}", decision.verdict(), decision.reason), words(&told));
            assert_eq!(decision.application_id.unwrap_or_default(), told.application_id);
            assert_eq!((decision.revision, decision.days_left), (told.revision, told.days_left));
            assert_eq!(headers, told.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect::<Vec<_>>());
            assert_eq!(i32::from(decision.reason.http_status()), told.http_status);
            // The hub's clock is a few nanoseconds past the latest command, at most.
            let until = devhub::wire::instant(&told.valid_until.unwrap()).unwrap();
            assert!((until - decision.valid_until).abs() < ms(1), "{until} {}", decision.valid_until);
        });
        same.unwrap();
    }
    meet(world.hub(), &replica).await;
}

#[tokio::test]
async fn a_retirement_fires_in_a_replica_on_the_instant_with_no_message() {
    let world = subscribed().await;
    let retires = start() + days(200);
    world.deprecate("1.0", None, Some(retires)).await.unwrap();
    let (replica, _, wire) = follow(&world).await;
    wire.lead_to(None);
    for (at, expected) in [(-1, "ALLOW SUBSCRIBED"), (0, "DENY VERSION_RETIRED"), (1, "DENY VERSION_RETIRED")] {
        world.clock.set(retires + ms(at));
        assert_eq!(decided(&replica, "app", "1.0"), expected, "{at} ms");
    }
}

#[tokio::test]
async fn b61_b64_a_replica_decides_alone_until_its_lease_runs_out() {
    let world = subscribed().await;
    let (replica, clocks, wire) = follow(&world).await;
    let serves_stale = {
        let settings = devhub_gateway::Settings { serve_stale: TRUST, ..settings(Environment::Sandbox) };
        let replica = Replica::follow(wire.channel(), settings, Arc::new(clocks.clone()));
        replica.reach(world.hub().table().revision()).await;
        replica
    };
    wire.lead_to(None);
    for (at, expected) in [
        (TRUST - MOMENT, Health::Serving),
        (TRUST, Health::Unready(Unready::LeaseExpired)),
        (TRUST + MOMENT, Health::Unready(Unready::LeaseExpired)),
    ] {
        clocks.set(at);
        assert_eq!(replica.health(), expected, "{at:?}");
        let word = if expected == Health::Serving { "ALLOW SUBSCRIBED" } else { "LeaseExpired" };
        assert_eq!(decided(&replica, "app", "1.0"), word, "{at:?}");
    }
    for (at, expected) in [
        (TRUST - MOMENT, Health::Serving),
        (TRUST, Health::Stale),
        (2 * TRUST - MOMENT, Health::Stale),
        (2 * TRUST, Health::Unready(Unready::LeaseExpired)),
    ] {
        clocks.set(at);
        assert_eq!(serves_stale.health(), expected, "{at:?}");
        let word = if let Health::Unready(_) = expected { "LeaseExpired" } else { "ALLOW SUBSCRIBED" };
        assert_eq!(decided(&serves_stale, "app", "1.0"), word, "{at:?}");
    }
    assert_eq!((replica.figures().undecided, serves_stale.figures().decided_stale), (2, 2));
    // The hub is there again, and so is what happened meanwhile.
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    wire.lead_to(Some(world.server().address));
    replica.reach(world.hub().table().revision()).await;
    assert_eq!(decided(&replica, "app", "1.0"), "DENY NOT_SUBSCRIBED");
    assert_eq!(replica.figures().snapshots, 1, "it went on where it was");
}

#[tokio::test]
async fn a_replica_does_not_decide_before_it_knows_or_by_a_clock_that_is_off() {
    let world = subscribed().await;
    let wire = Wire::to(world.server().address).await;
    wire.lead_to(None);
    let clocks = Clocks::of(&world.clock).off_by(ms(6_000));
    let replica = Replica::follow(wire.channel(), settings(Environment::Sandbox), Arc::new(clocks));
    assert_eq!(decided(&replica, "app", "1.0"), "NoSnapshot");
    wire.lead_to(Some(world.server().address));
    replica.wait_for(|replica| replica.figures().pongs > 0).await;
    assert_eq!(decided(&replica, "app", "1.0"), "ClockOff");
}

#[tokio::test]
async fn fifty_disconnects_at_any_moment_leave_equal_digests() {
    let world = subscribed().await;
    let (replica, _, wire) = follow(&world).await;
    let mut random: u64 = 7;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for round in 0..50 {
        let id = format!("app-{round}");
        let cut_at = draw(4);
        for step in 0..3 {
            if step == cut_at {
                wire.cut();
            }
            match step {
                0 => drop(world.application(&id).await),
                1 => drop(world.subscribe(ADA, &id, "1.0").await.unwrap()),
                _ if draw(2) == 0 => drop(world.unsubscribe(ADA, &id, "1.0", false).await.unwrap()),
                _ => {}
            }
        }
        if cut_at == 3 {
            wire.cut();
        }
        if draw(3) == 0 {
            meet(world.hub(), &replica).await;
        }
    }
    meet(world.hub(), &replica).await;
    let figures = replica.figures();
    assert!(figures.connects > 10 && figures.snapshots < figures.connects, "{figures:?}");
}

#[tokio::test]
async fn a_replica_outlives_a_restart_of_the_hub_and_a_restore_from_a_backup() {
    let mut vault = Vault::new().await;
    let (replica, _, wire) = follow(&vault.world).await;
    wire.lead_to(None);
    vault.world.application("other").await;
    vault.world.restart().await;
    wire.lead_to(Some(vault.world.server().address));
    meet(vault.world.hub(), &replica).await;
    assert_eq!(replica.figures().snapshots, 1, "it went on where it was");
    let (file, restored) = (vault.world.directory.path().join("hub.backup"), tempfile::tempdir().unwrap());
    devhub::store::backup::create(vault.world.directory.path(), &file).unwrap();
    vault.world.application("lost").await;
    meet(vault.world.hub(), &replica).await;
    vault.world.server.take().unwrap().stop().await.unwrap();
    devhub::store::backup::restore(&file, &restored.path().join("data")).unwrap();
    vault.world.config.data_dir = restored.path().join("data");
    vault.world.start_again().await;
    vault.world.confirm_restore(OPERATOR).await.unwrap();
    wire.lead_to(Some(vault.world.server().address));
    replica.wait_for(|replica| replica.figures().snapshots > 1).await;
    meet(vault.world.hub(), &replica).await;
    assert!(!replica.follower().table().dump().iter().any(|line| line.contains("lost")));
}

#[tokio::test]
async fn a_copy_on_disk_speeds_a_restart_and_renews_no_lease() {
    let world = subscribed().await;
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    let file = world.directory.path().join("replica.copy");
    let again = || {
        let settings = devhub_gateway::Settings { copy_file: Some(file.clone()), ..settings(Environment::Sandbox) };
        Replica::follow(wire.channel(), settings, Arc::new(clocks.clone()))
    };
    let first = again();
    first.reach(world.hub().table().revision()).await;
    assert!(first.save().unwrap());
    drop(first);
    world.application("other").await;
    wire.lead_to(None);
    let second = again();
    assert_eq!(decided(&second, "app", "1.0"), "LeaseExpired");
    wire.lead_to(Some(world.server().address));
    meet(world.hub(), &second).await;
    assert_eq!(second.figures().snapshots, 1, "that of the copy: the hub sent what is newer");
    drop(second);
    let whole = std::fs::read(&file).unwrap();
    for damaged in [&whole[..whole.len() / 2], &whole[..whole.len() - 1], b"", b"no copy"] {
        std::fs::write(&file, damaged).unwrap();
        wire.lead_to(None);
        let third = again();
        assert_eq!(decided(&third, "app", "1.0"), "NoSnapshot");
        wire.lead_to(Some(world.server().address));
        meet(world.hub(), &third).await;
    }
}

#[tokio::test]
async fn calls_that_a_replica_lets_pass_are_reported() {
    let world = subscribed().await;
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    let settings =
        devhub_gateway::Settings { report_every: Some(Duration::from_secs(3600)), ..settings(Environment::Sandbox) };
    let replica = Replica::follow(wire.channel(), settings, Arc::new(clocks));
    replica.reach(world.hub().table().revision()).await;
    for _ in 0..3 {
        assert_eq!(decided(&replica, "app", "1.0"), "ALLOW SUBSCRIBED");
        assert_eq!(decided(&replica, "nobody", "1.0"), "DENY UNKNOWN_CLIENT");
    }
    wire.lead_to(None);
    assert_eq!(replica.report(wire.channel()).await, (0, 0), "kept until the hub is there again");
    decided(&replica, "app", "1.0");
    assert_eq!(replica.report(world.channel.clone()).await, (4, 0));
    assert_eq!(replica.report(world.channel.clone()).await, (0, 0));
    let request = v1::ListUsageRequest { application_id: "app".into(), ..Default::default() };
    let usages = world.usage().list_usage(request).await.unwrap().into_inner().usages;
    assert_eq!((usages.len(), usages[0].recent_calls), (1, 4));
}

#[tokio::test]
async fn b61_b64_a_client_keeps_an_answer_as_long_as_it_is_valid_and_then_has_none() {
    let world = subscribed().await;
    world.clock.set(start() + ms(1));
    let wire = Wire::to(world.server().address).await;
    let client = Client::new(
        wire.channel(),
        ClientSettings { timeout: Duration::from_secs(60), ..Default::default() },
        Arc::new(Clocks::of(&world.clock)),
    );
    let asked = question("app", "1.0");
    let told = client.authorize(&asked).await.unwrap();
    assert_eq!((words(&told), told.valid_until), ("ALLOW SUBSCRIBED".into(), Some(timestamp(start() + ms(30_001)))));
    // Facts may change meanwhile: that is what the bound is about.
    let subscription = world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    assert_eq!(words(&client.authorize(&asked).await.unwrap()), "ALLOW SUBSCRIBED");
    let read_your_write = v1::AuthorizeRequest { min_revision: world.hub().table().revision(), ..asked.clone() };
    assert_eq!(words(&client.authorize(&read_your_write).await.unwrap()), "DENY NOT_SUBSCRIBED");
    assert_eq!(words(&client.authorize(&asked).await.unwrap()), "DENY NOT_SUBSCRIBED", "{subscription:?}");
    assert_eq!(client.answers_kept(), 1);
    wire.lead_to(None);
    let until = start() + ms(30_001);
    for (at, answered) in [(-1, true), (0, false), (1, false)] {
        world.clock.set(until + ms(at));
        match client.authorize(&asked).await {
            Ok(answer) => assert!(answered && words(&answer) == "DENY NOT_SUBSCRIBED"),
            Err(NoAnswer::Unreachable(_)) => assert!(!answered),
            Err(other) => panic!("{other}"),
        }
    }
}
