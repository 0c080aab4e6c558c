//! Rules B01 to B20 of subscribing, and the defects X1, X9 and X10.

use std::collections::BTreeMap;

use devhub_proto::v1;

use crate::world::*;

#[tokio::test]
async fn b01_a_collaborator_subscribes_and_one_fact_is_recorded() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Beta).await;
    for label in ["1.0", "2.0"] {
        let subscription = world.subscribe(ADA, "app", label).await.unwrap();
        assert_eq!(subscription.state(), v1::SubscriptionState::Active);
        assert_eq!(subscription.subscribed_by, ADA);
        assert_eq!(world.decision("app", label).await, "ALLOW SUBSCRIBED");
    }
    let filter = v1::FactFilter { kinds: vec![v1::FactKind::Subscribed.into()], ..Default::default() };
    let facts = world.all_facts(filter).await;
    assert_eq!(facts.len(), 2);
    assert_eq!((facts[0].actor.as_str(), facts[0].application_id.as_str()), (ADA, "app"));
    assert_eq!((facts[0].context.as_str(), facts[0].version.as_str()), (CONTEXT, "1.0"));
}

#[tokio::test]
async fn b01_a_production_application_in_testing_subscribes_too() {
    let world = World::usual().await;
    let production = v1::Environment::Production.into();
    world.application_with("live", |a| a.environment = production).await.unwrap();
    assert_eq!(world.subscribe(ADA, "live", "1.0").await.unwrap().environment, production);
}

#[tokio::test]
async fn b02_an_alpha_version_takes_no_subscriptions() {
    let world = World::usual().await;
    world.version("3.0", v1::Maturity::Alpha).await;
    assert_eq!(refused(world.subscribe(ADA, "app", "3.0").await), "VERSION_ALPHA");
    // X3 waits for waivers; until then staff are refused like anybody else.
    assert_eq!(refused(world.subscribe(OPERATOR, "app", "3.0").await), "VERSION_ALPHA");
}

#[tokio::test]
async fn b03_a_deprecated_version_takes_no_new_grant_from_anybody() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    let successor = v1::VersionName { context: CONTEXT.into(), version: "2.0".into() };
    world.deprecate_with("1.0", |r| r.successor = Some(successor)).await.unwrap();
    for actor in [ADA, OPERATOR, "process:uplift"] {
        let status = world.subscribe(actor, "app", "1.0").await.unwrap_err();
        assert_eq!(reason(&status), "VERSION_DEPRECATED");
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        assert!(status.message().contains("subscribe to individuals/losses 2.0 instead"), "{}", status.message());
    }
}

#[tokio::test]
async fn b04_a_retired_version_takes_nobody_staff_included() {
    let world = World::usual().await;
    world.retire_with("1.0", |r| r.override_reason = "security incident".into()).await.unwrap();
    for actor in [ADA, OPERATOR] {
        assert_eq!(refused(world.subscribe(actor, "app", "1.0").await), "VERSION_RETIRED");
    }
}

#[tokio::test]
async fn b05_a_duplicate_is_told_before_availability() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "1.0").await), "DUPLICATE_SUBSCRIPTION");
    world.deprecate("1.0", None, None).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "1.0").await), "DUPLICATE_SUBSCRIPTION");
}

#[tokio::test]
async fn b06_a_replayed_request_returns_the_first_answer_across_a_restart_too() {
    let mut world = World::usual().await;
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        request_id: "order-1".into(),
        ..Default::default()
    };
    let first = world.subscriptions(ADA).subscribe(request.clone()).await.unwrap().into_inner();
    world.clock.advance(days(0) + ms(5));
    let again = world.subscriptions(ADA).subscribe(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    world.restart().await;
    let again = world.subscriptions(ADA).subscribe(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    // Whatever happened since, the answer is as of its instant.
    let delete = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(ADA).delete_application(delete).await.unwrap();
    let again = world.subscriptions(ADA).subscribe(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.subscription, again.subscription);
    let restore = v1::RestoreApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).restore_application(restore).await.unwrap();
    // Another request, or another actor, under the same id is another request.
    let other = v1::SubscribeRequest { version: "9.9".into(), ..request.clone() };
    assert_eq!(refused(world.subscriptions(ADA).subscribe(other).await), "REQUEST_ID_REUSED");
    assert_eq!(refused(world.subscriptions(OPERATOR).subscribe(request.clone()).await), "REQUEST_ID_REUSED");
    // After a day the id is forgotten, and the duplicate is a duplicate.
    world.clock.advance(days(1));
    assert_eq!(refused(world.subscriptions(ADA).subscribe(request).await), "DUPLICATE_SUBSCRIPTION");
    assert_eq!(world.hub().forget_old_answers().await.unwrap(), 1);
    assert_eq!(world.hub().forget_old_answers().await.unwrap(), 0);
}

#[tokio::test]
async fn b07_only_staff_subscribe_to_what_is_not_public() {
    let world = World::usual().await;
    for (label, access, reason) in [
        ("2.0", v1::AccessType::Internal, "VERSION_INTERNAL"),
        ("3.0", v1::AccessType::Controlled, "ACCESS_NOT_GRANTED"),
    ] {
        let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
        let version = v1::ApiVersion { access_type: access.into(), ..version(label, vec![sandbox]) };
        world.publish(version).await.unwrap();
        assert_eq!(refused(world.subscribe(ADA, "app", label).await), reason);
        world.subscribe(OPERATOR, "app", label).await.unwrap();
        assert_eq!(world.decision("app", label).await, "ALLOW SUBSCRIBED");
    }
}

fn access(id: &str, decision: v1::AccessDecision) -> v1::DecideAccessRequest {
    v1::DecideAccessRequest {
        application_id: id.into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        decision: decision.into(),
        reason: "reviewed".into(),
        ..Default::default()
    }
}

async fn controlled() -> World {
    let world = World::usual().await;
    world.application("other").await;
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    let controlled = v1::AccessType::Controlled.into();
    world.publish(v1::ApiVersion { access_type: controlled, ..version("2.0", vec![sandbox]) }).await.unwrap();
    world
}

#[tokio::test]
async fn b08_the_access_list_opens_a_controlled_version_to_those_on_it() {
    let world = controlled().await;
    let ask = v1::RequestAccessRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        purpose: "to file losses".into(),
        ..Default::default()
    };
    let asked = world.subscriptions(ADA).request_access(ask.clone()).await.unwrap().into_inner();
    assert_eq!(asked.access_request.unwrap().state(), v1::AccessRequestState::Pending);
    assert_eq!(refused(world.subscriptions(ADA).request_access(ask).await), "ILLEGAL_ACCESS_REQUEST_STATE");
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "ACCESS_NOT_GRANTED");
    let grant = access("app", v1::AccessDecision::Grant);
    assert_eq!(refused(world.subscriptions(ADA).decide_access(grant.clone()).await), "OPERATOR_REQUIRED");
    world.subscriptions(OPERATOR).decide_access(grant).await.unwrap();
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    let status = world.subscribe(ADA, "other", "2.0").await.unwrap_err();
    assert_eq!(reason(&status), "ACCESS_NOT_GRANTED");
    assert!(status.message().contains("must be requested"), "{}", status.message());
    let list = v1::ListAccessRequestsRequest { application_id: "app".into(), ..Default::default() };
    let listed = world.subscriptions(OPERATOR).list_access_requests(list).await.unwrap().into_inner();
    assert_eq!(listed.access_requests.len(), 1);
    assert_eq!(listed.access_requests[0].state(), v1::AccessRequestState::Granted);
}

#[tokio::test]
async fn b09_removal_from_the_access_list_leaves_a_live_subscription() {
    let world = controlled().await;
    world.subscriptions(OPERATOR).decide_access(access("app", v1::AccessDecision::Grant)).await.unwrap();
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    world.subscriptions(OPERATOR).decide_access(access("app", v1::AccessDecision::Revoke)).await.unwrap();
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
    // An explicit revoke ends it, and then the way back is closed.
    let ended = world.unsubscribe(OPERATOR, "app", "2.0", false).await.unwrap();
    assert_eq!(ended.end_reason(), v1::EndReason::Revoked);
    assert_eq!(world.decision("app", "2.0").await, "DENY NOT_SUBSCRIBED");
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "ACCESS_NOT_GRANTED");
}

#[tokio::test]
async fn b10_subscriptions_of_privileged_applications_are_staff_matter() {
    let world = World::usual().await;
    for (id, kind) in [("priv", v1::ApplicationKind::Privileged), ("ropc", v1::ApplicationKind::Ropc)] {
        world.application_with(id, |a| a.kind = kind.into()).await.unwrap();
        assert_eq!(refused(world.subscribe(ADA, id, "1.0").await), "APPLICATION_NOT_STANDARD");
        world.subscribe(OPERATOR, id, "1.0").await.unwrap();
        assert_eq!(refused(world.unsubscribe(ADA, id, "1.0", false).await), "APPLICATION_NOT_STANDARD");
        world.unsubscribe(OPERATOR, id, "1.0", false).await.unwrap();
    }
}

async fn approve(world: &World, id: &str) {
    use v1::ApplicationStep::{Approve, Confirm, GoLive, Submit};
    for (actor, step) in [(ADA, Submit), (OPERATOR, Approve), (ADA, Confirm), (ADA, GoLive)] {
        let request =
            v1::AdvanceApplicationRequest { application_id: id.into(), step: step.into(), ..Default::default() };
        world.applications(actor).advance_application(request).await.unwrap();
    }
}

#[tokio::test]
async fn b11_locking_approved_production_subscriptions_is_a_switch_off_by_default() {
    for (locked, expected) in [(false, None), (true, Some("SUBSCRIPTIONS_LOCKED"))] {
        let world = World::with(|config| config.lock_production_subscriptions = locked).await;
        world.api().await;
        world.version("1.0", v1::Maturity::Stable).await;
        let production = v1::Environment::Production.into();
        world.application_with("live", |a| a.environment = production).await.unwrap();
        world.subscribe(ADA, "live", "1.0").await.unwrap();
        world.unsubscribe(ADA, "live", "1.0", false).await.unwrap();
        approve(&world, "live").await;
        let result = world.subscribe(ADA, "live", "1.0").await;
        assert_eq!(result.err().map(|status| reason(&status)).as_deref(), expected);
        if locked {
            world.subscribe(OPERATOR, "live", "1.0").await.unwrap();
        }
    }
}

#[tokio::test]
async fn b12_open_access_needs_and_takes_no_subscription() {
    let world = World::usual().await;
    let endpoint = |auth_type: v1::AuthType| v1::Endpoint {
        method: "GET".into(),
        path: "/hello/world".into(),
        auth_type: auth_type.into(),
    };
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    let endpoints = vec![endpoint(v1::AuthType::None)];
    world.publish(v1::ApiVersion { endpoints, ..version("2.0", vec![sandbox]) }).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "SUBSCRIPTION_NOT_NEEDED");
    assert_eq!(world.decision("nobody", "2.0").await, "ALLOW OPEN_ACCESS");
    // One endpoint that needs something closes it.
    let request = v1::UpdateApiVersionRequest {
        context: CONTEXT.into(),
        version: "2.0".into(),
        endpoints: vec![endpoint(v1::AuthType::None), endpoint(v1::AuthType::User)],
        replace_endpoints: true,
        ..Default::default()
    };
    world.apis(OPERATOR).update_api_version(request).await.unwrap();
    assert_eq!(world.decision("nobody", "2.0").await, "DENY UNKNOWN_CLIENT");
    world.subscribe(ADA, "app", "2.0").await.unwrap();
}

#[tokio::test]
async fn b13_unknown_and_elsewhere_are_told_apart() {
    let world = World::usual().await;
    let production = deployment(v1::Environment::Production, v1::Maturity::Stable);
    world.publish(version("2.0", vec![production])).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "9.0").await), "VERSION_NOT_FOUND");
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "VERSION_NOT_IN_ENVIRONMENT");
}

#[tokio::test]
async fn b14_fields_and_subscription_are_one_commit() {
    let world = World::usual().await;
    let field = |name: &str, default: &str, required: bool| v1::FieldDefinition {
        name: name.into(),
        default_value: default.into(),
        required,
        pattern: "[a-z]*".into(),
        ..Default::default()
    };
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    let fields = vec![field("callback", "", true), field("colour", "red", false)];
    world.publish(v1::ApiVersion { fields, ..version("2.0", vec![sandbox]) }).await.unwrap();

    let status = world.subscribe(ADA, "app", "2.0").await.unwrap_err();
    assert_eq!(reason(&status), "SUBSCRIPTION_FIELDS");
    assert_eq!(violations(&status), ["field_values[\"callback\"]"]);
    assert_eq!(refused(world.subscription("app", "2.0").await), "SUBSCRIPTION_NOT_FOUND");

    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        field_values: [("callback".to_owned(), "home".to_owned())].into(),
        ..Default::default()
    };
    let made = world.subscriptions(ADA).subscribe(request).await.unwrap().into_inner().subscription.unwrap();
    let expected: BTreeMap<String, String> =
        [("callback", "home"), ("colour", "red")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(made.field_values, expected);
}

#[tokio::test]
async fn b19_a_blocked_application_may_leave_but_not_enter() {
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "APPLICATION_BLOCKED");
    assert_eq!(world.decision("app", "1.0").await, "DENY APPLICATION_BLOCKED");
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
}

#[tokio::test]
async fn b20_a_deleted_application_cannot_subscribe() {
    let world = World::usual().await;
    let delete = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(ADA).delete_application(delete).await.unwrap();
    assert_eq!(refused(world.subscribe(ADA, "app", "1.0").await), "APPLICATION_DELETED");
    assert_eq!(refused(world.subscribe(ADA, "unknown", "1.0").await), "APPLICATION_NOT_FOUND");
}

#[tokio::test]
async fn a_stranger_subscribes_nobody() {
    let world = World::usual().await;
    assert_eq!(refused(world.subscribe(BOB, "app", "1.0").await), "APPLICATION_NOT_FOUND");
    assert_eq!(refused(world.subscribe("", "app", "1.0").await), "ACTOR_REQUIRED");
}

#[tokio::test]
async fn x9_every_denial_has_its_own_reason() {
    // ALPHA, DEPRECATED, RETIRED, non-public and unknown are one code elsewhere; here each has its name.
    let world = World::usual().await;
    world.version("2.0", v1::Maturity::Alpha).await;
    world.version("3.0", v1::Maturity::Stable).await;
    world.version("4.0", v1::Maturity::Stable).await;
    world.deprecate("3.0", None, None).await.unwrap();
    world.retire_with("4.0", |r| r.override_reason = "emergency".into()).await.unwrap();
    let mut reasons = Vec::new();
    for label in ["2.0", "3.0", "4.0", "5.0"] {
        reasons.push(refused(world.subscribe(ADA, "app", label).await));
    }
    assert_eq!(reasons, ["VERSION_ALPHA", "VERSION_DEPRECATED", "VERSION_RETIRED", "VERSION_NOT_FOUND"]);
}

#[tokio::test]
async fn x10_the_record_itself_says_since_when_and_by_whom() {
    let world = World::usual().await;
    world.clock.set(instant("2026-02-03T04:05:06.789Z"));
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.clock.advance(days(1));
    let read = world.subscription("app", "1.0").await.unwrap();
    assert_eq!(read.start_time, Some(devhub::wire::timestamp(instant("2026-02-03T04:05:06.789Z"))));
    assert_eq!(read.subscribed_by, ADA);
}
