//! Rules B42 to B49 of unsubscribing and coming back.

use devhub_proto::v1;

use crate::world::*;

#[tokio::test]
async fn b42_unsubscribing_ends_the_subscription_with_a_fact() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.clock.advance(days(1));
    let ended = world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    assert_eq!(ended.state(), v1::SubscriptionState::Ended);
    assert_eq!(ended.end_reason(), v1::EndReason::Unsubscribed);
    assert_eq!(ended.ended_by, ADA);
    assert_eq!(ended.end_time, Some(devhub::wire::timestamp(start() + days(1))));
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
    assert_eq!(refused(world.unsubscribe(ADA, "app", "1.0", false).await), "SUBSCRIPTION_NOT_FOUND");
    let filter = v1::FactFilter { kinds: vec![v1::FactKind::Unsubscribed.into()], ..Default::default() };
    assert_eq!(world.all_facts(filter).await.len(), 1);
}

#[tokio::test]
async fn b43_leaving_a_deprecated_version_is_one_way_and_must_be_acknowledged() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.deprecate("1.0", None, None).await.unwrap();
    let status = world.unsubscribe(ADA, "app", "1.0", false).await.unwrap_err();
    assert_eq!(reason(&status), "ACKNOWLEDGEMENT_REQUIRED");
    assert_eq!(violations(&status), ["acknowledge_one_way"]);
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    world.unsubscribe(ADA, "app", "1.0", true).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "1.0").await), "VERSION_DEPRECATED");
}

#[tokio::test]
async fn b49_unsubscribing_from_a_retired_version_does_no_harm() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.retire_with("1.0", |r| r.override_reason = "gone".into()).await.unwrap();
    let revision = world.hub().store().head().revision;
    for _ in 0..2 {
        let ended = world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
        assert_eq!(ended.end_reason(), v1::EndReason::VersionRetired);
    }
    assert_eq!(world.hub().store().head().revision, revision);
}

#[tokio::test]
async fn every_subscription_ever_held_stays_readable() {
    let world = World::usual().await;
    for _ in 0..3 {
        world.subscribe(ADA, "app", "1.0").await.unwrap();
        world.clock.advance(days(1));
        world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
        world.clock.advance(days(1));
    }
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    // Every size of page, to see every seam between the latest and those that they followed.
    for page_size in 1..=6 {
        let (mut page_token, mut seen) = (String::new(), Vec::new());
        loop {
            let request = v1::ListSubscriptionsRequest {
                application_id: "app".into(),
                show_ended: true,
                page_size,
                page_token,
                ..Default::default()
            };
            let page = world.subscriptions(ADA).list_subscriptions(request).await.unwrap().into_inner();
            seen.extend(page.subscriptions);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen.len(), 5, "in pages of {page_size}");
        assert_eq!(seen.iter().filter(|s| s.state() == v1::SubscriptionState::Active).count(), 2);
        let mut ids: Vec<&str> = seen.iter().map(|s| s.subscription_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5, "in pages of {page_size}");
    }
}

fn row(id: &str, since: Option<chrono::DateTime<chrono::Utc>>) -> v1::ImportRow {
    v1::ImportRow {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        start_time: since.map(devhub::wire::timestamp),
    }
}

async fn import(world: &World, rows: Vec<v1::ImportRow>, validate_only: bool) -> Vec<String> {
    let request = v1::ImportSubscriptionsRequest { rows, validate_only };
    let response = world.subscriptions(OPERATOR).import_subscriptions(request).await.unwrap().into_inner();
    response
        .verdicts
        .iter()
        .map(|verdict| match verdict.outcome() {
            v1::ImportOutcome::Imported => "imported".to_owned(),
            v1::ImportOutcome::Unchanged => "unchanged".to_owned(),
            v1::ImportOutcome::Refused | v1::ImportOutcome::Unspecified => verdict.reason.clone(),
        })
        .collect()
}

#[tokio::test]
async fn an_import_is_judged_at_the_instant_it_states() {
    let world = World::usual().await;
    for id in ["early", "late", "future"] {
        world.application(id).await;
    }
    world.clock.set(start() + days(10));
    world.deprecate("1.0", None, None).await.unwrap();
    let deprecated = start() + days(10);
    let rows = || {
        vec![
            row("early", Some(deprecated - ms(1))),
            row("late", Some(deprecated)),
            row("future", Some(deprecated + days(9))),
            row("app", None),
            row("nobody", Some(start())),
        ]
    };
    let expected =
        ["imported", "VERSION_DEPRECATED", "VERSION_DEPRECATED", "VERSION_DEPRECATED", "APPLICATION_NOT_FOUND"];
    assert_eq!(import(&world, rows(), true).await, expected);
    assert_eq!(
        refused(world.subscription("early", "1.0").await),
        "SUBSCRIPTION_NOT_FOUND",
        "a dry run changes nothing"
    );
    assert_eq!(import(&world, rows(), false).await, expected);
    assert_eq!(import(&world, vec![row("early", Some(start()))], false).await, ["unchanged"]);
    assert_eq!(import(&world, vec![row("early", Some(start()))], true).await, ["unchanged"]);
    assert_eq!(world.decision("early", "1.0").await, "ALLOW SUBSCRIBED");
    // An end that happened here is not undone by what happened elsewhere before it.
    world.unsubscribe(OPERATOR, "early", "1.0", true).await.unwrap();
    assert_eq!(import(&world, vec![row("early", Some(start()))], false).await, ["SINCE_OUT_OF_RANGE"]);
    // Where an earlier one ended and a new one would be brought, the dry run says so too.
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    world.clock.advance(days(1));
    world.unsubscribe(ADA, "app", "2.0", false).await.unwrap();
    world.clock.advance(days(1));
    let again = || vec![v1::ImportRow { version: "2.0".into(), ..row("app", None) }];
    assert_eq!(import(&world, again(), true).await, ["imported"]);
    assert_eq!(import(&world, again(), false).await, ["imported"]);
    let request = v1::ImportSubscriptionsRequest { rows: vec![row("app", None)], validate_only: false };
    assert_eq!(refused(world.subscriptions(ADA).import_subscriptions(request).await), "OPERATOR_REQUIRED");
}
