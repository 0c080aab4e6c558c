//! Guards: the smaller rules, each of which somebody relies on.

use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::world::*;

#[tokio::test]
async fn only_a_public_version_is_open_access() {
    let world = World::usual().await;
    let endpoint = v1::Endpoint { method: "GET".into(), path: "/".into(), auth_type: v1::AuthType::None.into() };
    for (label, access) in [("2.0", v1::AccessType::Controlled), ("3.0", v1::AccessType::Internal)] {
        let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
        let closed = v1::ApiVersion {
            access_type: access.into(),
            endpoints: vec![endpoint.clone()],
            ..version(label, vec![sandbox])
        };
        assert!(!world.publish(closed).await.unwrap().version.unwrap().open_access);
        assert_eq!(world.decision("nobody", label).await, "DENY UNKNOWN_CLIENT");
        assert_eq!(world.decision("app", label).await, "DENY NOT_SUBSCRIBED");
    }
}

#[tokio::test]
async fn a_retired_open_access_version_is_retired_first_of_all() {
    let world = World::usual().await;
    let endpoint = v1::Endpoint { method: "GET".into(), path: "/".into(), auth_type: v1::AuthType::None.into() };
    let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
    world.publish(v1::ApiVersion { endpoints: vec![endpoint], ..version("2.0", vec![sandbox]) }).await.unwrap();
    world.retire_with("2.0", |r| r.override_reason = "gone".into()).await.unwrap();
    assert_eq!(world.decision("nobody", "2.0").await, "DENY VERSION_RETIRED");
    assert_eq!(refused(world.subscribe(ADA, "app", "2.0").await), "VERSION_RETIRED");
}

#[tokio::test]
async fn every_etag_is_checked() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let (id, context, label, etag) = ("app".to_owned(), CONTEXT.to_owned(), "1.0".to_owned(), "424242".to_owned());
    let environment = v1::Environment::Sandbox.into();
    let mut reasons = Vec::new();
    let unsubscribe = v1::UnsubscribeRequest {
        application_id: id.clone(),
        context: context.clone(),
        version: label.clone(),
        etag: etag.clone(),
        ..Default::default()
    };
    reasons.push(refused(world.subscriptions(ADA).unsubscribe(unsubscribe).await));
    let decide = v1::DecideAccessRequest {
        application_id: id.clone(),
        context: context.clone(),
        version: label.clone(),
        decision: v1::AccessDecision::Grant.into(),
        etag: etag.clone(),
        ..Default::default()
    };
    reasons.push(refused(world.subscriptions(OPERATOR).decide_access(decide).await));
    let promote = v1::PromoteApiVersionRequest {
        context: context.clone(),
        version: label.clone(),
        environment,
        maturity: v1::Maturity::Stable.into(),
        etag: etag.clone(),
        ..Default::default()
    };
    reasons.push(refused(world.apis(OPERATOR).promote_api_version(promote).await));
    reasons.push(refused(world.deprecate_with("1.0", |r| r.etag.clone_from(&etag)).await));
    reasons.push(refused(world.retire_with("1.0", |r| r.etag.clone_from(&etag)).await));
    let deploy = v1::DeployApiVersionRequest {
        context: context.clone(),
        version: label.clone(),
        deployment: Some(deployment(v1::Environment::Production, v1::Maturity::Stable)),
        etag: etag.clone(),
        ..Default::default()
    };
    reasons.push(refused(world.apis(OPERATOR).deploy_api_version(deploy).await));
    let update = v1::UpdateApiRequest { context: context.clone(), etag: etag.clone(), ..Default::default() };
    reasons.push(refused(world.apis(OPERATOR).update_api(update).await));
    let update = v1::UpdateApplicationRequest { application_id: id.clone(), etag: etag.clone(), ..Default::default() };
    reasons.push(refused(world.applications(ADA).update_application(update).await));
    let delete = v1::DeleteApplicationRequest { application_id: id, etag, ..Default::default() };
    reasons.push(refused(world.applications(ADA).delete_application(delete).await));
    assert_eq!(reasons, ["ETAG_MISMATCH"; 9]);
    let signed = v1::UpdateApiRequest { context, etag: "+5".into(), ..Default::default() };
    assert_eq!(violations(&world.apis(OPERATOR).update_api(signed).await.unwrap_err()), ["etag"]);
}

#[tokio::test]
async fn an_announced_retirement_moves_later_freely_and_earlier_only_with_notice_or_a_reason() {
    let world = World::usual().await;
    let retired = start() + days(300);
    world.deprecate("1.0", None, Some(retired)).await.unwrap();
    let retire = async |at: chrono::DateTime<chrono::Utc>, why: &str| {
        world
            .retire_with("1.0", |r| {
                r.retire_time = Some(timestamp(at));
                r.override_reason = why.into();
            })
            .await
            .map(|response| response.version.unwrap().deployments[0].retire_time)
    };
    assert_eq!(retire(retired + days(9), "").await.unwrap(), Some(timestamp(retired + days(9))));
    // Earlier again, with far more than thirty days' notice.
    assert_eq!(retire(retired, "").await.unwrap(), Some(timestamp(retired)));
    world.clock.set(retired - days(30));
    assert_eq!(refused(retire(retired - ms(1), "").await), "NOTICE_TOO_SHORT");
    let soon = retired - days(20);
    assert_eq!(retire(soon, "agreed with everybody").await.unwrap(), Some(timestamp(soon)));
}

#[tokio::test]
async fn an_emergency_retirement_needs_a_reason_and_leaves_it_on_record() {
    let world = World::usual().await;
    assert_eq!(refused(world.retire_with("1.0", |_| {}).await), "ILLEGAL_LIFECYCLE_MOVE");
    world.retire_with("1.0", |r| r.override_reason = "leaked data".into()).await.unwrap();
    let kinds = vec![v1::FactKind::VersionRetired.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert!(facts[0].reason.contains("leaked data"), "{}", facts[0].reason);
}

#[tokio::test]
async fn a_version_cannot_succeed_itself_and_alpha_cannot_be_deprecated() {
    let world = World::usual().await;
    let own = v1::VersionName { context: CONTEXT.into(), version: "1.0".into() };
    let status = world.deprecate_with("1.0", |r| r.successor = Some(own)).await.unwrap_err();
    assert_eq!(violations(&status), ["successor"]);
    let mut alpha = deployment(v1::Environment::Sandbox, v1::Maturity::Alpha);
    alpha.deprecate_time = Some(timestamp(start()));
    assert_eq!(refused(world.publish(version("2.0", vec![alpha])).await), "ILLEGAL_LIFECYCLE_MOVE");
    world.version("3.0", v1::Maturity::Alpha).await;
    assert_eq!(refused(world.deprecate("3.0", None, None).await), "ILLEGAL_LIFECYCLE_MOVE");
}

#[tokio::test]
async fn a_production_application_is_changed_by_administrators_only() {
    let world = World::usual().await;
    let production = v1::Environment::Production.into();
    let bob = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
    for (id, environment, expected) in
        [("live", production, Some("ADMINISTRATOR_REQUIRED")), ("test", v1::Environment::Sandbox.into(), None)]
    {
        let with_bob = |a: &mut v1::Application| {
            a.environment = environment;
            a.collaborators.push(bob.clone());
        };
        world.application_with(id, with_bob).await.unwrap();
        let rename = v1::UpdateApplicationRequest {
            application_id: id.into(),
            name: Some("New name".into()),
            ..Default::default()
        };
        let result = world.applications(BOB).update_application(rename).await;
        assert_eq!(result.err().map(|status| reason(&status)).as_deref(), expected, "{id}");
    }
    world.application_with("other", |a| a.environment = production).await.unwrap();
    let taken = v1::UpdateApplicationRequest {
        application_id: "other".into(),
        name: Some("APPLICATION LIVE".into()),
        ..Default::default()
    };
    assert_eq!(refused(world.applications(ADA).update_application(taken).await), "ALREADY_EXISTS");
}

#[tokio::test]
async fn b19_a_blocked_application_gains_nothing() {
    let world = World::usual().await;
    let production = v1::Environment::Production.into();
    let bob = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
    let live = |a: &mut v1::Application| {
        a.environment = production;
        a.collaborators.push(bob.clone());
    };
    world.application_with("live", live).await.unwrap();
    let sandbox = deployment(v1::Environment::Production, v1::Maturity::Stable);
    let controlled = v1::AccessType::Controlled.into();
    world.publish(v1::ApiVersion { access_type: controlled, ..version("2.0", vec![sandbox]) }).await.unwrap();
    let block = v1::BlockApplicationRequest { application_id: "live".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block.clone()).await.unwrap();
    assert_eq!(refused(world.applications(OPERATOR).block_application(block).await), "NOTHING_TO_DO");
    let mut reasons = Vec::new();
    let advance = v1::AdvanceApplicationRequest {
        application_id: "live".into(),
        step: v1::ApplicationStep::Submit.into(),
        ..Default::default()
    };
    reasons.push(refused(world.applications(ADA).advance_application(advance).await));
    let promote = v1::ChangeCollaboratorRoleRequest {
        application_id: "live".into(),
        collaborator: Some(v1::Collaborator { role: v1::Role::Administrator.into(), ..bob.clone() }),
        ..Default::default()
    };
    reasons.push(refused(world.applications(ADA).change_collaborator_role(promote).await));
    let eve = v1::Collaborator { email: "eve@example.com".into(), role: v1::Role::Developer.into() };
    let add =
        v1::AddCollaboratorRequest { application_id: "live".into(), collaborator: Some(eve), ..Default::default() };
    reasons.push(refused(world.applications(ADA).add_collaborator(add).await));
    let ask = v1::RequestAccessRequest {
        application_id: "live".into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        ..Default::default()
    };
    reasons.push(refused(world.subscriptions(ADA).request_access(ask).await));
    let grant = v1::DecideAccessRequest {
        application_id: "live".into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        decision: v1::AccessDecision::Grant.into(),
        ..Default::default()
    };
    reasons.push(refused(world.subscriptions(OPERATOR).decide_access(grant).await));
    assert_eq!(reasons, ["APPLICATION_BLOCKED"; 5]);
    let unblock = v1::UnblockApplicationRequest { application_id: "live".into(), ..Default::default() };
    world.applications(OPERATOR).unblock_application(unblock.clone()).await.unwrap();
    assert_eq!(refused(world.applications(OPERATOR).unblock_application(unblock).await), "NOTHING_TO_DO");
}

#[tokio::test]
async fn numbers_of_things_are_limited() {
    let world = World::usual().await;
    let person = |number: usize| v1::Collaborator {
        email: format!("p{number}@example.com"),
        role: v1::Role::Administrator.into(),
    };
    let full = |a: &mut v1::Application| a.collaborators = (0..50).map(person).collect();
    world.application_with("full", full).await.unwrap();
    let add = v1::AddCollaboratorRequest {
        application_id: "full".into(),
        collaborator: Some(person(50)),
        ..Default::default()
    };
    assert_eq!(refused(world.applications(OPERATOR).add_collaborator(add).await), "LIMIT_REACHED");
    let over = |a: &mut v1::Application| a.collaborators = (0..51).map(person).collect();
    assert_eq!(violations(&world.application_with("over", over).await.unwrap_err()), ["application.collaborators"]);

    let sandbox = || vec![deployment(v1::Environment::Sandbox, v1::Maturity::Stable)];
    let field = |number: usize| v1::FieldDefinition { name: "x".repeat(number + 1), ..Default::default() };
    let fields = (0..21).map(field).collect();
    let status = world.publish(v1::ApiVersion { fields, ..version("2.0", sandbox()) }).await.unwrap_err();
    assert_eq!(violations(&status), ["version.fields"]);
    let endpoint = v1::Endpoint { method: "GET".into(), path: "/".into(), auth_type: v1::AuthType::User.into() };
    let endpoints = vec![endpoint; 501];
    let status = world.publish(v1::ApiVersion { endpoints, ..version("2.0", sandbox()) }).await.unwrap_err();
    assert_eq!(violations(&status), ["version.endpoints"]);
    let categories = vec!["c".to_owned(); 11];
    let update =
        v1::UpdateApiRequest { context: CONTEXT.into(), categories, replace_categories: true, ..Default::default() };
    assert_eq!(violations(&world.apis(OPERATOR).update_api(update).await.unwrap_err()), ["categories"]);
    let rows = vec![v1::ImportRow::default(); 501];
    let request = v1::ImportSubscriptionsRequest { rows, validate_only: true };
    let status = world.subscriptions(OPERATOR).import_subscriptions(request).await.unwrap_err();
    assert_eq!(violations(&status), ["rows"]);
    let filter = v1::FactFilter { kinds: vec![v1::FactKind::Subscribed.into(); 51], ..Default::default() };
    let request = v1::ListFactsRequest { filter: Some(filter), ..Default::default() };
    assert_eq!(violations(&world.facts().list_facts(request).await.unwrap_err()), ["filter.kinds"]);
    let field_values = (0..51).map(|number| ("x".repeat(number % 50 + 1) + &"y".repeat(number / 50), String::new()));
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        field_values: field_values.collect(),
        ..Default::default()
    };
    let status = world.subscriptions(ADA).subscribe(request).await.unwrap_err();
    assert!(violations(&status).contains(&"field_values".to_owned()), "{status:?}");
}

#[tokio::test]
async fn what_a_caller_sends_is_not_echoed_at_length() {
    let world = World::usual().await;
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        field_values: (0..30).map(|n| (format!("{n}{}", "k".repeat(20_000 / 30)), String::new())).collect(),
        ..Default::default()
    };
    let status = world.subscriptions(ADA).subscribe(request).await.unwrap_err();
    assert_eq!(violations(&status), ["field_values"]);
    assert!(status.message().len() + status.details().len() < 4096, "{} bytes", status.details().len());
}

#[tokio::test]
async fn the_first_end_counts() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.clock.advance(days(1));
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    world.clock.advance(days(1));
    world.retire_with("1.0", |r| r.override_reason = "gone".into()).await.unwrap();
    let delete = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(ADA).delete_application(delete).await.unwrap();
    let ended = world.subscription("app", "1.0").await.unwrap();
    assert_eq!(ended.end_reason(), v1::EndReason::Unsubscribed);
    assert_eq!(ended.end_time, Some(timestamp(start() + days(1))));
}

#[tokio::test]
async fn a_change_of_nothing_changes_nothing() {
    let world = World::usual().await;
    let revision = world.hub().store().head().revision;
    let update = v1::UpdateApplicationRequest { application_id: "app".into(), ..Default::default() };
    let same = world.applications(ADA).update_application(update).await.unwrap().into_inner();
    assert_eq!(same.revision, 0);
    let update = v1::UpdateApiRequest { context: CONTEXT.into(), title: Some("An API".into()), ..Default::default() };
    world.apis(OPERATOR).update_api(update).await.unwrap();
    let update = v1::UpdateApiVersionRequest { context: CONTEXT.into(), version: "1.0".into(), ..Default::default() };
    world.apis(OPERATOR).update_api_version(update).await.unwrap();
    assert_eq!(world.hub().store().head().revision, revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_changes_of_one_record_all_come_through() {
    let world = std::sync::Arc::new(World::usual().await);
    let mut changes = Vec::new();
    for number in 0..200 {
        let world = std::sync::Arc::clone(&world);
        changes.push(tokio::spawn(async move {
            let request = v1::UpdateApplicationRequest {
                application_id: "app".into(),
                description: Some(format!("Change {number}")),
                ..Default::default()
            };
            world.applications(ADA).update_application(request).await
        }));
    }
    for change in changes {
        change.await.unwrap().unwrap();
    }
}

#[test]
fn a_pattern_cannot_escape_from_its_group() {
    assert!(devhub::domain::field::compile("a)|(?:b").is_err());
    assert!(devhub::domain::field::compile("a|b").unwrap().is_match("b"));
    assert!(!devhub::domain::field::compile("a|b").unwrap().is_match("ab"));
}
