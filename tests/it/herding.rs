//! Rules B45 to B47 for many applications at once: each by itself, with a result for each, and no place held for nobody.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use tonic::Status;

use crate::moving::{name, words};
use crate::world::*;

impl World {
    async fn bulk(&self, actor: &'static str, request: v1::MoveSubscriptionsRequest) -> Result<Bulk, Status> {
        let mut stream = self.subscriptions(actor).move_subscriptions(request).await?.into_inner();
        let mut bulk = Bulk::default();
        while let Some(message) = stream.message().await? {
            assert!(message.done <= message.total, "{message:?}");
            bulk.progress.push((message.done, message.total));
            bulk.results.extend(message.result.map(|result| (result.application_id.clone(), words(&result))));
            bulk.summary = message.summary.or(bulk.summary);
        }
        Ok(bulk)
    }
}

/// What a call for many told.
#[derive(Debug, Default, PartialEq)]
struct Bulk {
    results: Vec<(String, String)>,
    progress: Vec<(i64, i64)>,
    summary: Option<v1::MoveSummary>,
}

impl Bulk {
    fn of(&self, id: &str) -> &str {
        self.results.iter().find(|(known, _)| known == id).map_or("", |(_, words)| words)
    }
}

fn all(from: &str, to: &str) -> v1::MoveSubscriptionsRequest {
    v1::MoveSubscriptionsRequest {
        from: name(from),
        to: name(to),
        environment: v1::Environment::Sandbox.into(),
        ..Default::default()
    }
}

/// Six applications on 1.0, each in another situation.
async fn crowd() -> World {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    for id in ["ann", "ben", "cat", "dan", "eve"] {
        world.application(id).await;
    }
    world.application_with("live", |a| a.environment = v1::Environment::Production.into()).await.unwrap();
    for id in ["app", "ann", "ben", "cat", "dan", "live"] {
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    world.clock.advance(days(1));
    world.deprecate("1.0", None, None).await.unwrap();
    world.clock.advance(days(1));
    world.relocate(ADA, "ann", ("1.0", "2.0"), |_| {}).await.unwrap();
    world.subscribe(ADA, "ben", "2.0").await.unwrap();
    let block = v1::BlockApplicationRequest { application_id: "cat".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    let delete = v1::DeleteApplicationRequest { application_id: "dan".into(), ..Default::default() };
    world.applications(OPERATOR).delete_application(delete).await.unwrap();
    world
}

#[tokio::test]
async fn all_subscribers_are_moved_each_by_itself_with_a_result_and_progress() {
    let world = crowd().await;
    let expected = [("ann", "ALREADY_MOVED"), ("app", "MOVED"), ("ben", "MOVED"), ("cat", "APPLICATION_BLOCKED")];
    let expected = expected.map(|(id, words)| (id.to_owned(), words.to_owned()));
    let head = world.hub().store().head().revision;
    let rehearsal = v1::MoveSubscriptionsRequest { validate_only: true, ..all("1.0", "2.0") };
    let bulk = world.bulk(OPERATOR, rehearsal).await.unwrap();
    assert_eq!(bulk.results, expected);
    assert_eq!(world.hub().store().head().revision, head, "a rehearsal changes nothing, and records nothing");

    let request = v1::MoveSubscriptionsRequest { request_id: "move-1".into(), ..all("1.0", "2.0") };
    let bulk = world.bulk(OPERATOR, request.clone()).await.unwrap();
    assert_eq!(bulk.results, expected);
    assert_eq!(bulk.progress, [(1, 4), (2, 4), (3, 4), (4, 4), (4, 4)]);
    assert_eq!(bulk.summary, Some(v1::MoveSummary { moved: 2, already_moved: 1, refused: 1, undone: 0 }));
    for id in ["app", "ann", "ben"] {
        assert_eq!(world.decision(id, "1.0").await, "DENY NOT_SUBSCRIBED", "{id}");
        assert_eq!(world.decision(id, "2.0").await, "ALLOW SUBSCRIBED", "{id}");
    }
    let live = world.subscription("live", "1.0").await.unwrap();
    assert_eq!(live.state(), v1::SubscriptionState::Active, "the other environment is not meant");

    // The whole call again, with the same request id: the same answers, and nobody is moved twice.
    let moves = || async {
        let kinds = vec![v1::FactKind::SubscriptionMoved.into()];
        world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await.len()
    };
    let before = moves().await;
    assert_eq!(world.bulk(OPERATOR, request).await.unwrap(), bulk);
    let again = world.bulk(OPERATOR, all("1.0", "2.0")).await.unwrap();
    assert_eq!(again.summary, Some(v1::MoveSummary { moved: 0, already_moved: 3, refused: 1, undone: 0 }));
    assert_eq!(moves().await, before);
}

#[tokio::test]
async fn a_chosen_subset_is_moved_and_the_others_are_left() {
    let world = crowd().await;
    let ids = ["live", "app", "eve", "app", "nobody"].map(str::to_owned).to_vec();
    let request = v1::MoveSubscriptionsRequest { application_ids: ids, ..all("1.0", "2.0") };
    let bulk = world.bulk(OPERATOR, request).await.unwrap();
    assert_eq!(bulk.results.len(), 4, "each once: {bulk:?}");
    assert_eq!(bulk.of("app"), "MOVED");
    assert_eq!(bulk.of("eve"), "SUBSCRIPTION_NOT_FOUND");
    assert_eq!(bulk.of("live"), "APPLICATION_NOT_IN_ENVIRONMENT");
    assert_eq!(bulk.of("nobody"), "APPLICATION_NOT_FOUND");
    assert_eq!(world.decision("ben", "1.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn only_operators_move_many_and_what_is_malformed_is_refused_at_once() {
    let world = crowd().await;
    assert_eq!(refused(world.bulk(ADA, all("1.0", "2.0")).await), "OPERATOR_REQUIRED");
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(refused(world.bulk(OPERATOR, all("1.0", "9.0")).await), "VERSION_NOT_FOUND");
    let many = v1::MoveSubscriptionsRequest {
        application_ids: (0..1001).map(|number| format!("app-{number}")).collect(),
        from: None,
        environment: 0,
        ..all("1.0", "2.0")
    };
    let status = world.bulk(OPERATOR, many).await.unwrap_err();
    assert_eq!(violations(&status), ["from", "environment", "application_ids"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_subscribers_than_are_looked_up_at_a_time_are_all_moved() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    let ids: Vec<String> = (0..300).map(|number| format!("many-{number:03}")).collect();
    let made = ids.iter().map(async |id| {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    });
    futures_util::future::join_all(made).await;
    let end = start() + days(10);
    let request = v1::MoveSubscriptionsRequest { overlap_until: Some(timestamp(end)), ..all("1.0", "2.0") };
    let bulk = world.bulk(OPERATOR, request).await.unwrap();
    let moved: Vec<&String> = bulk.results.iter().map(|(id, _)| id).collect();
    assert_eq!(moved, ids.iter().collect::<Vec<_>>());
    assert_eq!(bulk.summary.unwrap().moved, 300);
    let live = |at: DateTime<Utc>| {
        let name =
            devhub::domain::name::VersionName { context: CONTEXT.parse().unwrap(), label: "1.0".parse().unwrap() };
        world.hub().index().live_subscriptions(&name, at).values().sum::<u64>()
    };
    assert_eq!((live(end - ms(1)), live(end)), (300, 0));

    let undo = v1::UndoMoveSubscriptionsRequest {
        from: name("1.0"),
        to: name("2.0"),
        environment: v1::Environment::Sandbox.into(),
        ..Default::default()
    };
    let mut stream = world.subscriptions(OPERATOR).undo_move_subscriptions(undo).await.unwrap().into_inner();
    let mut last = v1::UndoMoveSubscriptionsResponse::default();
    while let Some(message) = stream.message().await.unwrap() {
        assert!(message.result.as_ref().is_none_or(|result| words(result) == "UNDONE"), "{message:?}");
        last = message;
    }
    assert_eq!(last.summary.unwrap().undone, 300);
    assert_eq!((live(end), world.decision("many-007", "2.0").await.as_str()), (300, "DENY NOT_SUBSCRIBED"));
}

/// An overlap that an application chose is its own: moving everybody takes it from nobody, and it ends when it was to.
#[tokio::test]
async fn b45_moving_many_keeps_the_overlap_that_an_application_chose() {
    let world = crowd().await;
    let end = start() + days(30);
    world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
    world.relocate(OPERATOR, "ben", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
    let before = world.subscription("app", "1.0").await.unwrap();
    let sooner = v1::MoveSubscriptionsRequest { overlap_until: Some(timestamp(end - days(9))), ..all("1.0", "2.0") };
    for request in [sooner, all("1.0", "2.0")] {
        let bulk = world.bulk(OPERATOR, request).await.unwrap();
        assert_eq!((bulk.of("app"), bulk.of("ben")), ("ALREADY_MOVED", "MOVED"), "what staff chose, staff change");
    }
    assert_eq!(world.subscription("app", "1.0").await.unwrap(), before);
    // It left the target meanwhile: it is brought there again, and keeps its overlap all the same.
    world.unsubscribe(ADA, "app", "2.0", false).await.unwrap();
    for _ in 0..2 {
        world.bulk(OPERATOR, all("1.0", "2.0")).await.unwrap();
        assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
        assert_eq!(world.subscription("app", "1.0").await.unwrap().planned_end_time, before.planned_end_time);
    }
    world.clock.set(end - ms(1));
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    world.clock.set(end);
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
    // Staff may still end it, one application at a time.
    let other = crowd().await;
    other.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
    other.relocate(OPERATOR, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
    assert_eq!(other.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
}

/// A caller that goes away ends its call between two applications, and gives its place to the next.
#[tokio::test]
async fn a_client_that_goes_away_ends_its_call_for_many() {
    let mut world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    let ids: Vec<String> = (0..240).map(|number| format!("many-{number:03}")).collect();
    let made = ids.iter().map(async |id| {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    });
    futures_util::future::join_all(made).await;
    // A client that takes in so little that the call cannot run ahead of its reader to its end.
    let address = format!("http://{}", world.server().address);
    let narrow = tonic::transport::Channel::from_shared(address).unwrap();
    let wide = std::mem::replace(&mut world.channel, narrow.initial_stream_window_size(1024).connect_lazy());
    let (mut real, mut streams) = (all("1.0", "2.0"), Vec::new());
    for place in 0..4 {
        let request = v1::MoveSubscriptionsRequest { validate_only: place > 0, ..std::mem::take(&mut real) };
        streams.push(world.subscriptions(OPERATOR).move_subscriptions(request).await.unwrap().into_inner());
        real = all("1.0", "2.0");
    }
    assert!(streams[0].message().await.unwrap().is_some());
    let rehearsal = || v1::MoveSubscriptionsRequest { validate_only: true, ..all("1.0", "2.0") };
    let full = world.subscriptions(OPERATOR).move_subscriptions(rehearsal()).await;
    assert_eq!(refused(full.map(drop)), "OVERLOADED");
    streams.clear();
    // All four places are free again, though nobody has read to the end.
    while streams.len() < 4 {
        match world.subscriptions(OPERATOR).move_subscriptions(rehearsal()).await {
            Ok(stream) => streams.push(stream.into_inner()),
            Err(status) => assert_eq!(reason(&status), "OVERLOADED"),
        }
        tokio::task::yield_now().await;
    }
    world.channel = wide;
    let kinds = vec![v1::FactKind::SubscriptionMoved.into()];
    let moved = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await.len();
    assert!((1..ids.len()).contains(&moved), "{moved} of {} were moved", ids.len());
    assert_eq!(world.decision("many-239", "1.0").await, "ALLOW SUBSCRIBED", "the last one was not reached");
}
