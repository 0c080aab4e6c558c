//! Rules B45 to B48: the move of a subscription, of one application or many, whole or not at all.

use std::collections::BTreeMap;

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
}

pub(crate) fn words(result: &v1::MoveResult) -> String {
    if result.outcome() == v1::MoveOutcome::Refused {
        return result.reason.clone();
    }
    result.outcome().as_str_name().trim_start_matches("MOVE_OUTCOME_").to_owned()
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
    assert_eq!(refused(world.relocate(BOB, "app", ("1.0", "2.0"), |_| {}).await), "APPLICATION_NOT_FOUND");
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
