//! Rules B21 to B41 of deprecating and retiring, and the defects X4 and X5.

use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::world::*;

fn boundary(at: chrono::DateTime<chrono::Utc>) -> [chrono::DateTime<chrono::Utc>; 3] {
    [at - ms(1), at, at + ms(1)]
}

#[tokio::test]
async fn b21_new_subscriptions_stop_at_the_instant_of_deprecation() {
    let world = World::usual().await;
    world.application("second").await;
    world.application("third").await;
    let at = start() + days(60);
    world.deprecate("1.0", Some(at), Some(at + days(200))).await.unwrap();
    let [before, exactly, after] = boundary(at);
    world.clock.set(before);
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.clock.set(exactly);
    assert_eq!(refused(world.subscribe(ADA, "second", "1.0").await), "VERSION_DEPRECATED");
    world.clock.set(after);
    assert_eq!(refused(world.subscribe(ADA, "third", "1.0").await), "VERSION_DEPRECATED");
}

#[tokio::test]
async fn b22_a_subscription_made_before_keeps_calling_until_retirement() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let (deprecated, retired) = (start() + days(10), start() + days(200));
    world.deprecate("1.0", Some(deprecated), Some(retired)).await.unwrap();
    for now in [deprecated, deprecated + days(100), retired - ms(1)] {
        world.clock.set(now);
        let decision = world.authorize("app", "1.0").await;
        assert_eq!(words(&decision), "ALLOW SUBSCRIBED");
        assert_eq!(decision.stage(), v1::Stage::Deprecated);
    }
}

#[tokio::test]
async fn b23_retirement_takes_effect_on_the_instant_without_any_message() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let retired = start() + days(200);
    let successor = v1::VersionName { context: CONTEXT.into(), version: "2.0".into() };
    world
        .deprecate_with("1.0", |r| {
            r.retire_time = Some(timestamp(retired));
            r.successor = Some(successor.clone());
        })
        .await
        .unwrap();
    let revision = world.hub().store().head().revision;
    let [before, exactly, after] = boundary(retired);
    world.clock.set(before);
    let decision = world.authorize("app", "1.0").await;
    assert_eq!(words(&decision), "ALLOW SUBSCRIBED");
    let names: Vec<&str> = decision.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["Deprecation", "Sunset"]);
    assert_eq!(decision.valid_until, Some(timestamp(retired)), "no cached allow outlives the retirement");
    for now in [exactly, after] {
        world.clock.set(now);
        let decision = world.authorize("app", "1.0").await;
        assert_eq!(words(&decision), "DENY VERSION_RETIRED");
        assert_eq!(decision.http_status, 410);
        assert_eq!(decision.remedy.unwrap().successor, Some(successor.clone()));
    }
    assert_eq!(world.hub().store().head().revision, revision, "nothing was committed: time did it");
}

#[tokio::test]
async fn b28_an_unknown_retirement_sends_no_sunset() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let response = world.deprecate("1.0", None, None).await.unwrap();
    assert_eq!(response.version.unwrap().deployments[0].retire_time, None);
    let decision = world.authorize("app", "1.0").await;
    let names: Vec<&str> = decision.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["Deprecation"]);
    assert_eq!(decision.days_left, None);
}

#[tokio::test]
async fn b30_retirement_comes_after_deprecation_unless_overridden() {
    let world = World::usual().await;
    let at = start() + days(30);
    for retires_at in [at - ms(1), at] {
        let result = world.deprecate("1.0", Some(at), Some(retires_at)).await;
        assert_eq!(refused(result), "RETIREMENT_BEFORE_DEPRECATION");
    }
    let response = world
        .deprecate_with("1.0", |r| {
            r.deprecate_time = Some(timestamp(at));
            r.retire_time = Some(timestamp(at));
            r.override_reason = "security incident".into();
        })
        .await
        .unwrap();
    let deployment = &response.version.unwrap().deployments[0];
    assert_eq!((deployment.deprecate_time, deployment.retire_time), (None, Some(timestamp(at))));
}

#[tokio::test]
async fn the_least_period_of_the_policy_is_enforced_and_the_earliest_instant_named() {
    use tonic_types::StatusExt;
    let world = World::usual().await;
    let at = start() + days(30);
    // Six calendar months after 31 January is 31 July.
    let earliest = instant("2026-07-31T00:00:00Z");
    let status = world.deprecate("1.0", Some(at), Some(earliest - ms(1))).await.unwrap_err();
    assert_eq!(reason(&status), "PERIOD_TOO_SHORT");
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["earliest_retire_time"], "2026-07-31T00:00:00Z");
    world.deprecate("1.0", Some(at), Some(earliest)).await.unwrap();
}

#[tokio::test]
async fn b31_x4_retirement_ends_subscriptions_by_itself_and_they_stay_readable() {
    let world = World::usual().await;
    let made = world.subscribe(ADA, "app", "1.0").await.unwrap();
    let retired = start() + days(200);
    world.deprecate("1.0", None, Some(retired)).await.unwrap();
    world.clock.set(retired);
    let ended = world.subscription("app", "1.0").await.unwrap();
    assert_eq!(ended.subscription_id, made.subscription_id);
    assert_eq!(ended.state(), v1::SubscriptionState::Ended);
    assert_eq!(ended.end_reason(), v1::EndReason::VersionRetired);
    assert_eq!(ended.end_time, Some(timestamp(retired)));
    let list =
        |show_ended| v1::ListSubscriptionsRequest { application_id: "app".into(), show_ended, ..Default::default() };
    let live = world.subscriptions(ADA).list_subscriptions(list(false)).await.unwrap().into_inner();
    assert_eq!(live.subscriptions, []);
    let all = world.subscriptions(ADA).list_subscriptions(list(true)).await.unwrap().into_inner();
    assert_eq!(all.subscriptions, [ended]);
}

#[tokio::test]
async fn b32_a_restart_changes_no_answer_of_a_retired_version() {
    // Ending is computed, so there is no clean-up that a crash could leave half done.
    let mut world = World::usual().await;
    for number in 0..200 {
        let id = format!("many-{number}");
        world.application(&id).await;
        world.subscribe(OPERATOR, &id, "1.0").await.unwrap();
    }
    let retired = start() + days(200);
    world.deprecate("1.0", None, Some(retired)).await.unwrap();
    world.clock.set(retired);
    // The last notices are no answers, and are given before.
    world.cry().await;
    let mut before = Vec::new();
    for number in 0..200 {
        before.push(world.authorize(&format!("many-{number}"), "1.0").await);
    }
    let facts = world.all_facts(v1::FactFilter::default()).await;
    world.restart().await;
    for (number, before) in before.into_iter().enumerate() {
        assert_eq!(world.authorize(&format!("many-{number}"), "1.0").await, before);
        assert_eq!(words(&before), "DENY VERSION_RETIRED");
    }
    assert_eq!(world.all_facts(v1::FactFilter::default()).await, facts);
}

#[tokio::test]
async fn b34_a_published_version_cannot_disappear() {
    // The contract has no call that could delete one, and a second publication does not replace the first.
    let world = World::usual().await;
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    assert_eq!(refused(world.publish(version("1.0", vec![sandbox])).await), "ALREADY_EXISTS");
    let methods = crate::contract::methods();
    assert!(methods.iter().any(|method| method.ends_with("RetireApiVersion")));
    assert!(!methods.iter().any(|method| method.contains("DeleteApi")), "{methods:?}");
}

#[tokio::test]
async fn b38_a_retired_version_points_to_the_default_live_one() {
    let world = World::usual().await;
    for (label, maturity) in
        [("1.9", v1::Maturity::Stable), ("1.10", v1::Maturity::Stable), ("2.0", v1::Maturity::Beta)]
    {
        world.version(label, maturity).await;
    }
    world.retire_with("1.0", |r| r.override_reason = "gone".into()).await.unwrap();
    let get = |label: &str| v1::GetApiVersionRequest { context: CONTEXT.into(), version: label.into() };
    let read = world.apis("").get_api_version(get("1.0")).await.unwrap().into_inner();
    let sandbox = v1::Environment::Sandbox.into();
    assert_eq!(read.instead, [v1::DefaultVersion { environment: sandbox, version: "1.10".into() }]);
    assert!(!read.version.unwrap().deployments[0].documentation_visible);
    let live = world.apis("").get_api_version(get("2.0")).await.unwrap().into_inner();
    assert_eq!(live.instead, []);
    for label in ["1.9", "1.10", "2.0"] {
        world.retire_with(label, |r| r.override_reason = "gone".into()).await.unwrap();
    }
    let read = world.apis("").get_api_version(get("1.0")).await.unwrap().into_inner();
    assert_eq!(read.instead, [], "nothing is left to point to");
}

#[tokio::test]
async fn b39_alpha_with_endpoints_enabled_is_refused() {
    let world = World::usual().await;
    let alpha = deployment(v1::Environment::Sandbox, v1::Maturity::Alpha);
    let enabled = v1::Deployment { endpoints_enabled: true, ..alpha };
    assert_eq!(refused(world.publish(version("2.0", vec![enabled])).await), "ALPHA_ENDPOINTS_ENABLED");
}

#[tokio::test]
async fn b40_only_the_applications_own_environment_counts() {
    let world = World::usual().await;
    let production = v1::Environment::Production.into();
    world.application_with("live", |a| a.environment = production).await.unwrap();
    world.deprecate("1.0", None, None).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "1.0").await), "VERSION_DEPRECATED");
    world.subscribe(ADA, "live", "1.0").await.unwrap();
}

#[tokio::test]
async fn b41_a_doubtful_successor_is_a_warning() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Alpha).await;
    world.publish(version("3.0", vec![deployment(v1::Environment::Production, v1::Maturity::Stable)])).await.unwrap();
    world.version("4.0", v1::Maturity::Stable).await;
    let warnings = async |successor: Option<&str>| {
        let name = |label: &str| v1::VersionName { context: CONTEXT.into(), version: label.into() };
        let rehearse = world.deprecate_with("1.0", |r| {
            r.successor = successor.map(name);
            r.validate_only = true;
        });
        rehearse.await.unwrap().warnings.join("; ")
    };
    assert!(warnings(None).await.contains("no successor is named"));
    assert!(warnings(Some("9.0")).await.contains("does not exist yet"));
    assert!(warnings(Some("2.0")).await.contains("is ALPHA"));
    assert!(warnings(Some("3.0")).await.contains("not deployed in SANDBOX"));
    assert_eq!(warnings(Some("4.0")).await, "");
    world.deprecate("4.0", None, None).await.unwrap();
    assert!(warnings(Some("4.0")).await.contains("deprecated itself"));
}

#[tokio::test]
async fn validate_only_judges_and_changes_nothing() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let revision = world.hub().store().head().revision;
    let rehearsed = world.deprecate_with("1.0", |r| r.validate_only = true).await.unwrap();
    assert_eq!((rehearsed.revision, rehearsed.affected_subscriptions), (0, 1));
    assert_eq!(rehearsed.version.unwrap().deployments[0].stage(), v1::Stage::Deprecated, "as it would be");
    let late = start() - days(1);
    let refusal = world.deprecate_with("1.0", |r| {
        r.validate_only = true;
        r.deprecate_time = Some(timestamp(late));
    });
    assert_eq!(refused(refusal.await), "INSTANT_IN_PAST");
    assert_eq!(world.hub().store().head().revision, revision, "not even the refusal is recorded");
    assert_eq!(world.authorize("app", "1.0").await.stage(), v1::Stage::Stable);
}

#[tokio::test]
async fn x5_a_fact_is_visible_only_with_its_change() {
    let world = World::usual().await;
    let kinds = vec![v1::FactKind::VersionDeprecated.into()];
    let filter = v1::FactFilter { kinds, ..Default::default() };
    assert_eq!(world.all_facts(filter.clone()).await, []);
    let at = start() + days(30);
    assert_eq!(refused(world.deprecate("1.0", Some(at), Some(at)).await), "RETIREMENT_BEFORE_DEPRECATION");
    assert_eq!(world.all_facts(filter.clone()).await, [], "a refused change leaves no claim that it happened");
    let done = world.deprecate("1.0", Some(at), None).await.unwrap();
    let facts = world.all_facts(filter).await;
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].revision, done.revision, "one commit, one revision");
    assert_eq!(facts[0].effective_time, Some(timestamp(at)));
    assert_eq!(facts[0].changes[0].field, "deprecated_at");
    assert_eq!((facts[0].changes[0].before.as_str(), facts[0].changes[0].after.as_str()), ("", "2026-01-31T00:00:00Z"));
}

#[tokio::test]
async fn a_wrong_etag_changes_nothing_and_names_the_current_one() {
    let world = World::usual().await;
    let get = v1::GetApiVersionRequest { context: CONTEXT.into(), version: "1.0".into() };
    let read = world.apis("").get_api_version(get).await.unwrap().into_inner().version.unwrap();
    let promote = |etag: &str| v1::UpdateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        description: Some("What is new".into()),
        etag: etag.into(),
        ..Default::default()
    };
    let updated = world.apis(OPERATOR).update_api_version(promote(&read.etag)).await.unwrap().into_inner();
    assert_eq!(updated.version.as_ref().unwrap().etag, updated.revision.to_string());
    let status = world.apis(OPERATOR).update_api_version(promote(&read.etag)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::Aborted, "ETAG_MISMATCH"));
    assert!(status.message().contains(&updated.revision.to_string()), "{}", status.message());
}

#[tokio::test]
async fn only_operators_touch_the_catalogue() {
    let world = World::usual().await;
    let request = v1::DeprecateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        environment: v1::Environment::Sandbox.into(),
        ..Default::default()
    };
    assert_eq!(refused(world.apis(ADA).deprecate_api_version(request).await), "OPERATOR_REQUIRED");
}

#[tokio::test]
async fn procore_uses_its_own_stages_and_names() {
    let world = World::new().await;
    world.api_with("rest/v1.0", "procore-rest").await;
    let beta = v1::ApiVersion {
        context: "rest/v1.0".into(),
        ..version("1.0", vec![deployment(v1::Environment::Production, v1::Maturity::Beta)])
    };
    assert_eq!(refused(world.publish(beta.clone()).await), "STAGE_NOT_IN_POLICY");
    let mut stable = beta;
    stable.deployments[0].maturity = v1::Maturity::Stable.into();
    let made = world.publish(stable).await.unwrap().version.unwrap();
    assert_eq!(made.deployments[0].stage_title, "Active");
}

#[tokio::test]
async fn maturity_rises_and_subscriptions_open() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Alpha).await;
    let promote = |maturity: v1::Maturity| v1::PromoteApiVersionRequest {
        context: CONTEXT.into(),
        version: "2.0".into(),
        environment: v1::Environment::Sandbox.into(),
        maturity: maturity.into(),
        ..Default::default()
    };
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "VERSION_ALPHA");
    assert_eq!(world.decision("app", "2.0").await, "DENY VERSION_ALPHA");
    world.apis(OPERATOR).promote_api_version(promote(v1::Maturity::Beta)).await.unwrap();
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    world.apis(OPERATOR).promote_api_version(promote(v1::Maturity::Stable)).await.unwrap();
    let back = world.apis(OPERATOR).promote_api_version(promote(v1::Maturity::Alpha)).await;
    assert_eq!(refused(back), "ILLEGAL_LIFECYCLE_MOVE");
}

/// An API that is wholly on its way out leaves public lists, but not those of whoever depends on it.
#[tokio::test]
async fn b37_an_api_wholly_deprecated_is_listed_only_to_its_subscribers() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let listed = async |viewer: &str| {
        let viewer = viewer.to_owned();
        let request = v1::ListApisRequest { listed_only: true, viewer, ..Default::default() };
        world.apis("").list_apis(request).await.unwrap().into_inner().apis.len()
    };
    let target = |environment: v1::Environment| {
        let environment = environment.into();
        v1::ScheduleTarget { environment, ..crate::world::target("1.0") }
    };
    let deprecate = || v1::lifecycle_change::Step::Deprecate(v1::DeprecateStep::default());
    assert_eq!(listed("").await, 1);
    world.change(crate::world::step(target(v1::Environment::Sandbox), deprecate())).await.unwrap();
    assert_eq!(listed("").await, 1, "it is STABLE in production");
    world.change(crate::world::step(target(v1::Environment::Production), deprecate())).await.unwrap();
    assert_eq!((listed("").await, listed("Ada@example.com").await, listed("bob@example.com").await), (0, 1, 0));
    let all = world.apis("").list_apis(v1::ListApisRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.apis.len(), 1, "a direct look still finds it");
    world.version("2.0", v1::Maturity::Alpha).await;
    assert_eq!(listed("").await, 1);
    let request = v1::ListApisRequest { viewer: "nobody".into(), ..Default::default() };
    assert_eq!(crate::world::violations(&world.apis("").list_apis(request).await.unwrap_err()), ["viewer"]);
}
