//! Rules B17 and B18, defect X3: staff enter a closed version by a dated, recorded, visible waiver, and by nothing else.
//! And the exceptions that hold for calls: waivers past retirement, exemptions from brownouts.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::WaiverKind::{CallsPastRetirement, NewSubscription};

use crate::world::*;

pub(crate) fn grant(id: &str, label: &str, kind: v1::WaiverKind, until: DateTime<Utc>) -> v1::GrantWaiverRequest {
    v1::GrantWaiverRequest {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: label.into(),
        kind: kind.into(),
        until_time: Some(timestamp(until)),
        reason: "contract signed before the deprecation".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    }
}

impl World {
    pub(crate) async fn waive(&self, id: &str, label: &str, kind: v1::WaiverKind, until: DateTime<Utc>) -> v1::Waiver {
        let response = self.waivers(OPERATOR).grant_waiver(grant(id, label, kind, until)).await.unwrap();
        response.into_inner().waiver.unwrap()
    }

    async fn listed(&self, change: impl FnOnce(&mut v1::ListWaiversRequest)) -> Vec<v1::Waiver> {
        let mut request = v1::ListWaiversRequest::default();
        change(&mut request);
        self.waivers("").list_waivers(request).await.unwrap().into_inner().waivers
    }
}

fn revoke(id: &str, label: &str, kind: v1::WaiverKind) -> v1::RevokeWaiverRequest {
    v1::RevokeWaiverRequest {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: label.into(),
        kind: kind.into(),
        reason: "granted to the wrong application".into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn b17_x3_staff_enter_alpha_and_deprecated_by_a_waiver_only_and_it_is_on_record() {
    let world = World::usual().await;
    world.version("3.0", v1::Maturity::Alpha).await;
    world.deprecate("1.0", None, None).await.unwrap();
    for (label, refusal) in [("1.0", "VERSION_DEPRECATED"), ("3.0", "VERSION_ALPHA")] {
        for actor in [ADA, OPERATOR] {
            assert_eq!(refused(world.subscribe(actor, "app", label).await), refusal);
        }
        let waiver = world.waive("app", label, NewSubscription, start() + days(30)).await;
        assert_eq!((waiver.state(), waiver.granted_by.as_str()), (v1::WaiverState::Live, OPERATOR));
        assert_eq!((waiver.approver.as_str(), waiver.from_time.is_some()), ("Head of APIs", true));
        // The application's own people use it; and the record says on what the subscription stands.
        let made = world.subscribe(ADA, "app", label).await.unwrap();
        assert_eq!(made.waiver_id, waiver.waiver_id);
        // Visible to the developer.
        let seen = world
            .listed(|r| (r.application_id, r.version, r.context) = ("app".into(), label.into(), CONTEXT.into()))
            .await;
        assert_eq!(seen, std::slice::from_ref(&waiver));
        let filter = v1::FactFilter { version: label.into(), context: CONTEXT.into(), ..Default::default() };
        let facts = world.all_facts(filter).await;
        let granted = facts.iter().find(|f| f.kind() == v1::FactKind::WaiverGranted).unwrap();
        assert_eq!((granted.actor.as_str(), granted.application_id.as_str()), (OPERATOR, "app"));
        assert_eq!(granted.reason, "contract signed before the deprecation");
        let values = |fact: &v1::Fact, field: &str| {
            fact.changes.iter().find(|c| c.field == field).map(|c| c.after.clone()).unwrap_or_default()
        };
        assert_eq!(values(granted, "approver"), "Head of APIs");
        let subscribed = facts.iter().find(|f| f.kind() == v1::FactKind::Subscribed).unwrap();
        assert_eq!(values(subscribed, "waiver"), waiver.waiver_id);
    }
    // A waiver is one application's.
    world.application("other").await;
    assert_eq!(refused(world.subscribe(OPERATOR, "other", "1.0").await), "VERSION_DEPRECATED");
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn b18_a_waiver_expires_on_the_instant_and_what_was_made_under_it_stays() {
    let end = start() + days(10);
    for (at, expected) in
        [(end - ms(1), None), (end, Some("VERSION_DEPRECATED")), (end + ms(1), Some("VERSION_DEPRECATED"))]
    {
        let world = World::usual().await;
        world.application("early").await;
        world.deprecate("1.0", None, None).await.unwrap();
        for id in ["app", "early"] {
            world.waive(id, "1.0", NewSubscription, end).await;
        }
        world.subscribe(ADA, "early", "1.0").await.unwrap();
        world.clock.set(at);
        let result = world.subscribe(ADA, "app", "1.0").await;
        assert_eq!(result.err().map(|status| reason(&status)).as_deref(), expected, "{at}");
        assert_eq!(world.decision("early", "1.0").await, "ALLOW SUBSCRIBED", "{at}");
        let live = world.listed(|r| r.live_only = true).await.len();
        assert_eq!(live, if expected.is_none() { 2 } else { 0 }, "{at}");
        let all = world.listed(|_| {}).await;
        let state = if expected.is_none() { v1::WaiverState::Live } else { v1::WaiverState::Expired };
        assert!(all.len() == 2 && all.iter().all(|waiver| waiver.state() == state), "{at}: {all:?}");
    }
}

#[tokio::test]
async fn b04_no_waiver_opens_a_retired_version() {
    let world = World::usual().await;
    world.waive("app", "1.0", NewSubscription, start() + days(30)).await;
    world.retire_with("1.0", |r| r.override_reason = "leaked data".into()).await.unwrap();
    assert_eq!(refused(world.subscribe(OPERATOR, "app", "1.0").await), "VERSION_RETIRED");
    let again = grant("app", "1.0", NewSubscription, start() + days(30));
    assert_eq!(refused(world.waivers(OPERATOR).grant_waiver(again).await), "VERSION_RETIRED");
}

#[tokio::test]
async fn a_waiver_lasts_as_long_as_the_policy_allows_and_no_longer() {
    let world = World::usual().await;
    world.deprecate("1.0", None, None).await.unwrap();
    // The clock stands still, but each command has an instant of its own: the limit is counted from that.
    let latest = start() + days(90);
    let status =
        world.waivers(OPERATOR).grant_waiver(grant("app", "1.0", NewSubscription, latest + ms(1))).await.unwrap_err();
    assert_eq!(reason(&status), "WAIVER_TOO_LONG");
    assert!(status.message().contains("2026-04-01T00:00:00"), "{}", status.message());
    world.waive("app", "1.0", NewSubscription, latest).await;
    for until in [start(), start() - ms(1)] {
        let past = grant("app", "1.0", NewSubscription, until);
        assert_eq!(refused(world.waivers(OPERATOR).grant_waiver(past).await), "INSTANT_IN_PAST");
    }
    // Granting again extends, within the same limit from then on.
    world.clock.advance(days(50));
    world.waive("app", "1.0", NewSubscription, latest + days(50)).await;
    assert_eq!(world.listed(|_| {}).await.len(), 1);
    let kinds = vec![v1::FactKind::WaiverGranted.into()];
    assert_eq!(world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await.len(), 2);
}

#[tokio::test]
async fn a_waiver_is_granted_and_revoked_by_operators_with_reason_and_approver() {
    let world = World::usual().await;
    let until = start() + days(30);
    let request = || grant("app", "1.0", CallsPastRetirement, until);
    assert_eq!(refused(world.waivers(ADA).grant_waiver(request()).await), "OPERATOR_REQUIRED");
    let bare =
        v1::GrantWaiverRequest { reason: " ".into(), approver: String::new(), until_time: None, kind: 0, ..request() };
    let status = world.waivers(OPERATOR).grant_waiver(bare).await.unwrap_err();
    assert_eq!(violations(&status), ["kind", "until_time", "reason", "approver"]);
    let long = v1::GrantWaiverRequest { approver: "x".repeat(101), ..request() };
    assert_eq!(violations(&world.waivers(OPERATOR).grant_waiver(long).await.unwrap_err()), ["approver"]);

    let revocation = || revoke("app", "1.0", CallsPastRetirement);
    assert_eq!(refused(world.waivers(OPERATOR).revoke_waiver(revocation()).await), "WAIVER_NOT_FOUND");
    let granted = world.waivers(OPERATOR).grant_waiver(request()).await.unwrap().into_inner();
    assert_eq!(granted.warnings.len(), 2, "no subscription, no retirement: {:?}", granted.warnings);
    assert_eq!(refused(world.waivers(ADA).revoke_waiver(revocation()).await), "OPERATOR_REQUIRED");
    let stale = v1::RevokeWaiverRequest { etag: "1".into(), ..revocation() };
    assert_eq!(refused(world.waivers(OPERATOR).revoke_waiver(stale).await), "ETAG_MISMATCH");
    let etag = granted.waiver.unwrap().etag;
    let current = v1::RevokeWaiverRequest { etag, ..revocation() };
    let revoked = world.waivers(OPERATOR).revoke_waiver(current).await.unwrap().into_inner().waiver.unwrap();
    assert_eq!((revoked.state(), revoked.revoked_by.as_str()), (v1::WaiverState::Revoked, OPERATOR));
    assert_eq!(refused(world.waivers(OPERATOR).revoke_waiver(revocation()).await), "NOTHING_TO_DO");
    let get = v1::GetWaiverRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        kind: CallsPastRetirement.into(),
    };
    assert_eq!(world.waivers("").get_waiver(get).await.unwrap().into_inner().waiver.unwrap(), revoked);
}

#[tokio::test]
async fn a_revoked_waiver_opens_nothing_and_closes_nothing() {
    let world = World::usual().await;
    world.application("late").await;
    world.deprecate("1.0", None, None).await.unwrap();
    for id in ["app", "late"] {
        world.waive(id, "1.0", NewSubscription, start() + days(30)).await;
    }
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    for id in ["app", "late"] {
        world.waivers(OPERATOR).revoke_waiver(revoke(id, "1.0", NewSubscription)).await.unwrap();
    }
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(refused(world.subscribe(OPERATOR, "late", "1.0").await), "VERSION_DEPRECATED");
}

#[tokio::test]
async fn a_waiver_does_not_replace_access_nor_lift_a_block() {
    let world = World::usual().await;
    let alpha = deployment(v1::Environment::Sandbox, v1::Maturity::Alpha);
    let controlled = v1::AccessType::Controlled.into();
    world.publish(v1::ApiVersion { access_type: controlled, ..version("2.0", vec![alpha]) }).await.unwrap();
    world.waive("app", "2.0", NewSubscription, start() + days(30)).await;
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "ACCESS_NOT_GRANTED");
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(world.subscribe(OPERATOR, "app", "2.0").await), "APPLICATION_BLOCKED");
    let more = grant("app", "2.0", NewSubscription, start() + days(40));
    assert_eq!(refused(world.waivers(OPERATOR).grant_waiver(more).await), "APPLICATION_BLOCKED");
}

#[tokio::test]
async fn calls_past_retirement_pass_until_the_instant_and_the_developer_sees_it() {
    let mut world = World::usual().await;
    world.application("other").await;
    for id in ["app", "other"] {
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    let retired = start() + days(300);
    world.deprecate("1.0", None, Some(retired)).await.unwrap();
    world.clock.set(retired - days(1));
    let until = retired + days(30);
    world.waive("app", "1.0", CallsPastRetirement, until).await;
    for at in [retired - ms(1), retired, until - ms(1)] {
        world.clock.set(at);
        assert_eq!(world.subscription("app", "1.0").await.unwrap().waived_until, Some(timestamp(until)), "{at}");
        let (waived, other) = match at < retired {
            true => ("ALLOW SUBSCRIBED", "ALLOW SUBSCRIBED"),
            false => ("ALLOW WAIVED", "DENY VERSION_RETIRED"),
        };
        assert_eq!(world.decision("app", "1.0").await, waived, "{at}");
        assert_eq!(world.decision("other", "1.0").await, other, "{at}");
    }
    let ended = world.subscription("app", "1.0").await.unwrap();
    assert_eq!(ended.end_reason(), v1::EndReason::VersionRetired, "the waiver is beside the end, not instead of it");
    world.restart().await;
    assert_eq!(world.decision("app", "1.0").await, "ALLOW WAIVED");
    for at in [until, until + ms(1)] {
        world.clock.set(at);
        assert_eq!(world.subscription("app", "1.0").await.unwrap().waived_until, None);
        assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED", "{at}");
    }
    // Granted again after the fact, and taken back at once.
    world.waive("app", "1.0", CallsPastRetirement, until + days(1)).await;
    assert_eq!(world.decision("app", "1.0").await, "ALLOW WAIVED");
    world.waivers(OPERATOR).revoke_waiver(revoke("app", "1.0", CallsPastRetirement)).await.unwrap();
    assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED");
}

const LITERAL: &str = r#"
[[policy]]
name = "earlier-applications"
description = "New applications are denied, the literal reading."
deprecation_period = { beta = { days = 0 }, stable = { days = 0 } }
guards = { deprecated_takes = "TAKES" }

[policy.stages.STABLE]
title = "Active"
meaning = "Supported."
documentation = true
new_subscriptions = true
calls = true
support = "Full"
notices = "None owed"

[policy.stages.DEPRECATED]
title = "Deprecated"
meaning = "On its way out."
documentation = true
new_subscriptions = false
calls = true
support = "Fixes"
notices = "Before sunset"

[policy.stages.RETIRED]
title = "Sunset"
meaning = "Gone."
documentation = false
new_subscriptions = false
calls = false
support = "None"
notices = "None owed"
"#;

#[tokio::test]
async fn b03_a_policy_may_let_applications_of_before_the_deprecation_in() {
    for (takes, earlier) in [("nobody", Some("VERSION_DEPRECATED")), ("earlier_applications", None)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), LITERAL.replace("TAKES", takes)).unwrap();
        let world = World::with(|config| config.policies = Some(file.path().to_owned())).await;
        world.api_with(CONTEXT, "earlier-applications").await;
        world.version("1.0", v1::Maturity::Stable).await;
        let deprecated = start() + days(5);
        for (id, at) in [("before", deprecated - ms(1)), ("exact", deprecated), ("after", deprecated + ms(1))] {
            world.clock.set(at);
            world.application(id).await;
            if id == "before" {
                world.deprecate("1.0", Some(deprecated), None).await.unwrap();
            }
        }
        let mut answers = Vec::new();
        for id in ["before", "exact", "after"] {
            answers.push(world.subscribe(ADA, id, "1.0").await.err().map(|status| reason(&status)));
        }
        let closed = Some("VERSION_DEPRECATED");
        assert_eq!(answers.iter().map(Option::as_deref).collect::<Vec<_>>(), [earlier, closed, closed], "{takes}");
    }
}

#[tokio::test]
async fn an_application_opts_out_of_brownouts_and_in_again() {
    let mut world = World::usual().await;
    let bob = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
    world.application_with("other", |a| a.collaborators.push(bob)).await.unwrap();
    for id in ["app", "other"] {
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    world.deprecate("1.0", None, Some(start() + days(300))).await.unwrap();
    let step = v1::ScheduleBrownoutStep {
        start_time: Some(timestamp(start() + days(100))),
        end_time: Some(timestamp(start() + days(100) + chrono::TimeDelta::hours(2))),
    };
    let target = v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Version(v1::VersionName {
            context: CONTEXT.into(),
            version: "1.0".into(),
        })),
    };
    let change = v1::LifecycleChange {
        target: Some(target),
        step: Some(v1::lifecycle_change::Step::ScheduleBrownout(step)),
        ..Default::default()
    };
    let request = v1::ChangeLifecycleRequest { changes: vec![change], ..Default::default() };
    world.schedules(OPERATOR).change_lifecycle(request).await.unwrap();

    let exempt = |id: &str| v1::ExemptFromBrownoutsRequest {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        reason: "payroll runs on that day".into(),
        ..Default::default()
    };
    let include = |id: &str| v1::RemoveBrownoutExemptionRequest {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        reason: "payroll is done".into(),
        ..Default::default()
    };
    assert_eq!(
        refused(world.subscriptions(BOB).exempt_from_brownouts(exempt("other")).await),
        "ADMINISTRATOR_REQUIRED"
    );
    let bare = v1::ExemptFromBrownoutsRequest { reason: String::new(), ..exempt("app") };
    assert_eq!(violations(&world.subscriptions(ADA).exempt_from_brownouts(bare).await.unwrap_err()), ["reason"]);
    assert_eq!(refused(world.subscriptions(ADA).remove_brownout_exemption(include("app")).await), "NOTHING_TO_DO");
    let made = world.subscriptions(ADA).exempt_from_brownouts(exempt("app")).await.unwrap().into_inner();
    assert!(made.exemption.unwrap().exempt);
    assert_eq!(refused(world.subscriptions(ADA).exempt_from_brownouts(exempt("app")).await), "NOTHING_TO_DO");
    assert!(world.subscription("app", "1.0").await.unwrap().brownout_exempt);
    assert!(!world.subscription("other", "1.0").await.unwrap().brownout_exempt);

    world.clock.set(start() + days(100));
    world.restart().await;
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("other", "1.0").await, "DENY BROWNOUT");
    let stale = v1::RemoveBrownoutExemptionRequest { etag: "1".into(), ..include("app") };
    assert_eq!(refused(world.subscriptions(ADA).remove_brownout_exemption(stale).await), "ETAG_MISMATCH");
    world.subscriptions(OPERATOR).remove_brownout_exemption(include("app")).await.unwrap();
    assert_eq!(world.decision("app", "1.0").await, "DENY BROWNOUT");
    let kinds = vec![v1::FactKind::ExemptedFromBrownouts.into(), v1::FactKind::BrownoutExemptionRemoved.into()];
    assert_eq!(world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await.len(), 2);
    world.retire_with("1.0", |r| r.override_reason = "gone".into()).await.unwrap();
    assert_eq!(refused(world.subscriptions(ADA).exempt_from_brownouts(exempt("app")).await), "VERSION_RETIRED");
}

/// A waiver for calls past retirement is granted in time: its cap counts from the retirement, to the instant.
#[tokio::test]
async fn b17_a_waiver_past_retirement_is_capped_from_the_retirement() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let retired = start() + days(200);
    world.deprecate("1.0", None, Some(retired)).await.unwrap();
    let kind = v1::WaiverKind::CallsPastRetirement;
    let latest = retired + days(90);
    let beyond = grant("app", "1.0", kind, latest + ms(1));
    assert_eq!(refused(world.waivers(OPERATOR).grant_waiver(beyond).await), "WAIVER_TOO_LONG");
    world.waive("app", "1.0", kind, latest).await;
    world.clock.set(latest - ms(1));
    assert_eq!(world.decision("app", "1.0").await, "ALLOW WAIVED");
    world.clock.set(latest);
    assert_eq!(world.decision("app", "1.0").await, "DENY VERSION_RETIRED");
}
