//! Rules B45 to B48: the move of a subscription, of one application or many, whole or not at all.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use tonic::Status;

use crate::world::*;

pub(crate) fn name(label: &str) -> Option<v1::VersionName> {
    Some(v1::VersionName { context: CONTEXT.into(), version: label.into() })
}

impl World {
    pub(crate) async fn relocate(
        &self,
        actor: &'static str,
        id: &str,
        (from, to): (&str, &str),
        change: impl FnOnce(&mut v1::MoveSubscriptionRequest),
    ) -> Result<v1::MoveSubscriptionResponse, Status> {
        let mut request = v1::MoveSubscriptionRequest {
            application_id: id.into(),
            from: name(from),
            to: name(to),
            ..Default::default()
        };
        change(&mut request);
        Ok(self.subscriptions(actor).move_subscription(request).await?.into_inner())
    }

    /// The usual beginning with a STABLE 2.0 beside 1.0, to which `app` is subscribed since the start and which has been
    /// deprecated for a day.
    pub(crate) async fn before_a_move() -> World {
        let world = World::usual().await;
        world.version("2.0", v1::Maturity::Stable).await;
        world.subscribe(ADA, "app", "1.0").await.unwrap();
        world.clock.advance(days(1));
        world.deprecate("1.0", None, None).await.unwrap();
        world.clock.advance(days(1));
        world
    }

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

pub(crate) fn words(result: &v1::MoveResult) -> String {
    if result.outcome() == v1::MoveOutcome::Refused {
        return result.reason.clone();
    }
    result.outcome().as_str_name().trim_start_matches("MOVE_OUTCOME_").to_owned()
}

fn all(from: &str, to: &str) -> v1::MoveSubscriptionsRequest {
    v1::MoveSubscriptionsRequest {
        from: name(from),
        to: name(to),
        environment: v1::Environment::Sandbox.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn b45_a_move_makes_the_new_one_and_ends_the_old_one_in_one_commit() {
    let world = World::before_a_move().await;
    let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.reason = "newer".into()).await.unwrap();
    let (old, new) = (moved.moved.unwrap(), moved.subscription.unwrap());
    assert_eq!((old.state(), old.end_reason()), (v1::SubscriptionState::Ended, v1::EndReason::Moved));
    assert_eq!((old.moved_to, old.ended_by.as_str()), (name("2.0"), ADA));
    assert_eq!((new.version.as_str(), new.state()), ("2.0", v1::SubscriptionState::Active));
    assert_eq!(new.start_time, Some(timestamp(start() + days(2))));
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
    let kinds = vec![v1::FactKind::SubscriptionMoved.into(), v1::FactKind::Subscribed.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    let together: Vec<_> = facts.iter().filter(|fact| fact.revision == moved.revision).collect();
    assert_eq!(together.len(), 2, "{facts:?}");
    assert!(together.iter().any(|fact| fact.reason == "newer"));
    // Asked again, nothing happens.
    let head = world.hub().store().head().revision;
    let again = world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
    assert_eq!((again.revision, world.hub().store().head().revision), (0, head));
}

#[tokio::test]
async fn b45_an_overlap_keeps_the_old_one_until_the_instant() {
    let mut world = World::before_a_move().await;
    let end = start() + days(20);
    let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
    let old = moved.moved.unwrap();
    assert_eq!((old.state(), old.planned_end_time), (v1::SubscriptionState::Active, Some(timestamp(end))));
    let active = v1::SubscriptionState::Active;
    let ended = v1::SubscriptionState::Ended;
    let live = |label: &str| v1::GetApiVersionRequest { context: CONTEXT.into(), version: label.into() };
    for (at, state, count) in [(end - ms(1), active, 1), (end, ended, 0), (end + ms(1), ended, 0)] {
        world.clock.set(at);
        assert_eq!(world.subscription("app", "1.0").await.unwrap().state(), state, "{at}");
        assert_eq!(world.subscription("app", "2.0").await.unwrap().state(), active, "{at}");
        let version = world.apis("").get_api_version(live("1.0")).await.unwrap().into_inner().version.unwrap();
        assert_eq!(version.live_subscriptions, count, "{at}");
        let decision = if count == 1 { "ALLOW SUBSCRIBED" } else { "DENY NOT_SUBSCRIBED" };
        assert_eq!(world.decision("app", "1.0").await, decision, "{at}");
        assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED", "{at}");
        world.restart().await;
    }
    let old = world.subscription("app", "1.0").await.unwrap();
    assert_eq!((old.end_reason(), old.end_time), (v1::EndReason::Moved, Some(timestamp(end))));
}

#[tokio::test]
async fn an_overlap_lies_ahead_and_within_ninety_days_and_can_be_changed() {
    let world = World::before_a_move().await;
    let now = start() + days(2);
    for until in [now - ms(1), now, now + days(90) + ms(1)] {
        let result = world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(until))).await;
        let status = result.unwrap_err();
        assert_eq!(reason(&status), "OVERLAP_OUT_OF_RANGE", "{until}");
        assert!(status.message().contains("overlap_until"), "{}", status.message());
    }
    for until in [now + days(90), now + days(5)] {
        let moved =
            world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(until))).await.unwrap();
        assert_eq!(moved.moved.unwrap().planned_end_time, Some(timestamp(until)));
    }
    // And ended now; the move stays the one that it was.
    let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap().moved.unwrap();
    assert_eq!((moved.state(), moved.end_reason()), (v1::SubscriptionState::Ended, v1::EndReason::Moved));
    assert_eq!(world.subscription("app", "2.0").await.unwrap().state(), v1::SubscriptionState::Active);
}

#[tokio::test]
async fn a_move_to_where_the_application_is_subscribed_ends_the_old_one_only() {
    let world = World::before_a_move().await;
    let there = world.subscribe(ADA, "app", "2.0").await.unwrap();
    let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
    assert_eq!(moved.subscription.unwrap(), there);
    assert_eq!(moved.moved.unwrap().end_reason(), v1::EndReason::Moved);
    // Then undoing the move leaves it alone.
    let undo =
        v1::UndoMoveRequest { application_id: "app".into(), from: name("1.0"), to: name("2.0"), ..Default::default() };
    world.subscriptions(ADA).undo_move(undo).await.unwrap();
    for label in ["1.0", "2.0"] {
        assert_eq!(world.decision("app", label).await, "ALLOW SUBSCRIBED", "{label}");
    }
}

#[tokio::test]
async fn b46_a_target_that_takes_nobody_refuses_the_whole_move() {
    let world = World::before_a_move().await;
    world.version("3.0", v1::Maturity::Alpha).await;
    let sandbox = || vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    let of = |label: &str, access: v1::AccessType| v1::ApiVersion {
        access_type: access.into(),
        ..version(label, sandbox())
    };
    world.publish(of("4.0", v1::AccessType::Internal)).await.unwrap();
    world.publish(of("5.0", v1::AccessType::Controlled)).await.unwrap();
    let production = vec![deployment(v1::Environment::Production, v1::Maturity::Stable)];
    world.publish(version("6.0", production)).await.unwrap();
    for label in ["7.0", "8.0"] {
        world.version(label, v1::Maturity::Stable).await;
    }
    world.deprecate("7.0", None, None).await.unwrap();
    world.retire_with("8.0", |r| r.override_reason = "gone".into()).await.unwrap();
    let before = world.subscription("app", "1.0").await.unwrap();
    for (to, expected) in [
        ("3.0", "VERSION_ALPHA"),
        ("4.0", "VERSION_INTERNAL"),
        ("5.0", "ACCESS_NOT_GRANTED"),
        ("6.0", "VERSION_NOT_IN_ENVIRONMENT"),
        ("7.0", "VERSION_DEPRECATED"),
        ("8.0", "VERSION_RETIRED"),
        ("9.0", "VERSION_NOT_FOUND"),
        ("1.0", "INVALID_FIELD"),
    ] {
        assert_eq!(refused(world.relocate(ADA, "app", ("1.0", to), |_| {}).await), expected, "{to}");
        assert_eq!(world.subscription("app", "1.0").await.unwrap(), before, "{to}");
        assert!(to == "1.0" || world.subscription("app", to).await.is_err(), "{to}");
    }
    assert_eq!(refused(world.relocate(BOB, "app", ("1.0", "2.0"), |_| {}).await), "NOT_A_COLLABORATOR");
    assert_eq!(refused(world.relocate(ADA, "app", ("2.0", "1.0"), |_| {}).await), "SUBSCRIPTION_NOT_FOUND");
    assert_eq!(refused(world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.etag = "1".into()).await), "ETAG_MISMATCH");
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(world.relocate(OPERATOR, "app", ("1.0", "2.0"), |_| {}).await), "APPLICATION_BLOCKED");
    assert_eq!(world.subscription("app", "1.0").await.unwrap(), before);
}

#[tokio::test]
async fn b47_the_way_back_is_open_for_the_window_and_then_by_a_waiver() {
    let window = start() + days(3);
    for (at, allowed) in [(window - ms(1), true), (window, false), (window + ms(1), false)] {
        let world = World::before_a_move().await;
        let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap().moved.unwrap();
        world.clock.set(at);
        let back = world.relocate(ADA, "app", ("2.0", "1.0"), |_| {}).await;
        if allowed {
            let back = back.unwrap();
            assert_eq!(back.subscription.unwrap().start_time, moved.start_time, "the original date");
            assert_eq!(back.moved.unwrap().end_reason(), v1::EndReason::Moved);
            assert_eq!(world.decision("app", "2.0").await, "DENY NOT_SUBSCRIBED");
            assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
            continue;
        }
        assert_eq!(refused(back), "VERSION_DEPRECATED", "{at}");
        assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
        world.waive("app", "1.0", v1::WaiverKind::NewSubscription, at + days(1)).await;
        let back = world.relocate(ADA, "app", ("2.0", "1.0"), |_| {}).await.unwrap().subscription.unwrap();
        assert!(!back.waiver_id.is_empty() && back.start_time != moved.start_time, "{back:?}");
    }
}

#[tokio::test]
async fn b47_a_move_back_during_the_overlap_brings_the_original_back() {
    let world = World::before_a_move().await;
    let end = start() + days(30);
    let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
    world.clock.set(end - ms(1));
    let back = world.relocate(ADA, "app", ("2.0", "1.0"), |_| {}).await.unwrap().subscription.unwrap();
    assert_eq!((back.planned_end_time, back.start_time), (None, moved.moved.unwrap().start_time));
    world.clock.set(end);
    assert_eq!(world.subscription("app", "1.0").await.unwrap().state(), v1::SubscriptionState::Active);
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn a_subscription_that_is_about_to_end_is_no_place_to_move_to() {
    let world = World::before_a_move().await;
    world.version("3.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "3.0").await.unwrap();
    let end = timestamp(start() + days(30));
    world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(end)).await.unwrap();
    assert_eq!(refused(world.relocate(ADA, "app", ("3.0", "1.0"), |_| {}).await), "SUBSCRIPTION_ENDING");
}

#[tokio::test]
async fn b48_field_values_are_carried_where_they_are_valid_and_the_rest_is_asked_for() {
    let world = World::usual().await;
    let field = |name: &str, pattern: &str, required: bool| v1::FieldDefinition {
        name: name.into(),
        pattern: pattern.into(),
        required,
        ..Default::default()
    };
    let sandbox = || vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    let fields = vec![field("callback", "", true), field("region", "", false), field("colour", "", false)];
    world.publish(v1::ApiVersion { fields, ..version("2.0", sandbox()) }).await.unwrap();
    let fields = vec![field("callback", "", true), field("region", "[A-Z]{2}", true), field("owner", "", true)];
    world.publish(v1::ApiVersion { fields, ..version("3.0", sandbox()) }).await.unwrap();
    let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        field_values: values(&[("callback", "home"), ("region", "north"), ("colour", "red")]),
        ..Default::default()
    };
    world.subscriptions(ADA).subscribe(request).await.unwrap();

    let status = world.relocate(ADA, "app", ("2.0", "3.0"), |_| {}).await.unwrap_err();
    assert_eq!(reason(&status), "SUBSCRIPTION_FIELDS");
    assert_eq!(violations(&status), ["field_values[\"region\"]", "field_values[\"owner\"]"]);
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("app", "3.0").await, "DENY NOT_SUBSCRIBED");

    let given = values(&[("region", "NE"), ("owner", "ada"), ("callback", "office")]);
    let moved = world.relocate(ADA, "app", ("2.0", "3.0"), |r| r.field_values = given.clone()).await.unwrap();
    assert_eq!(moved.subscription.unwrap().field_values, given);
    assert_eq!(moved.warnings.len(), 1, "colour is told to be left behind: {:?}", moved.warnings);
    // Back in the other direction, what fits is carried without being given.
    let back = world.relocate(ADA, "app", ("3.0", "2.0"), |_| {}).await.unwrap().subscription.unwrap();
    assert_eq!(back.field_values["callback"], "office");
    assert_eq!(back.field_values["region"], "NE");
    assert_eq!(back.field_values["colour"], "");
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
