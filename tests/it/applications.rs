//! Rules B50 to B59 of people, approval, deletion and restoring, and the defect X6.

use devhub_proto::v1;

use crate::world::*;

fn person(email: &str, role: v1::Role) -> v1::Collaborator {
    v1::Collaborator { email: email.into(), role: role.into() }
}

async fn add(
    world: &World,
    actor: &'static str,
    email: &str,
    role: v1::Role,
) -> Result<v1::Application, tonic::Status> {
    let request = v1::AddCollaboratorRequest {
        application_id: "app".into(),
        collaborator: Some(person(email, role)),
        ..Default::default()
    };
    Ok(world.applications(actor).add_collaborator(request).await?.into_inner().application.unwrap())
}

async fn remove(world: &World, actor: &'static str, email: &str) -> Result<v1::Application, tonic::Status> {
    let request =
        v1::RemoveCollaboratorRequest { application_id: "app".into(), email: email.into(), ..Default::default() };
    Ok(world.applications(actor).remove_collaborator(request).await?.into_inner().application.unwrap())
}

async fn delete(world: &World, actor: &'static str, id: &str) -> Result<v1::Application, tonic::Status> {
    let request = v1::DeleteApplicationRequest { application_id: id.into(), ..Default::default() };
    Ok(world.applications(actor).delete_application(request).await?.into_inner().application.unwrap())
}

async fn restore(world: &World, id: &str) -> Result<v1::Application, tonic::Status> {
    let request = v1::RestoreApplicationRequest { application_id: id.into(), ..Default::default() };
    Ok(world.applications(OPERATOR).restore_application(request).await?.into_inner().application.unwrap())
}

#[tokio::test]
async fn b50_the_last_administrator_stays() {
    let world = World::usual().await;
    add(&world, ADA, "bob@example.com", v1::Role::Developer).await.unwrap();
    assert_eq!(refused(remove(&world, ADA, "ada@example.com").await), "LAST_ADMINISTRATOR");
    let demote = v1::ChangeCollaboratorRoleRequest {
        application_id: "app".into(),
        collaborator: Some(person("ada@example.com", v1::Role::Developer)),
        ..Default::default()
    };
    assert_eq!(
        refused(world.applications(OPERATOR).change_collaborator_role(demote.clone()).await),
        "LAST_ADMINISTRATOR"
    );
    let promote = v1::ChangeCollaboratorRoleRequest {
        collaborator: Some(person("bob@example.com", v1::Role::Administrator)),
        ..demote
    };
    world.applications(ADA).change_collaborator_role(promote).await.unwrap();
    let left = remove(&world, BOB, "ada@example.com").await.unwrap();
    assert_eq!(left.collaborators, [person("bob@example.com", v1::Role::Administrator)]);
    assert_eq!(refused(remove(&world, BOB, "ada@example.com").await), "COLLABORATOR_NOT_FOUND");
}

#[tokio::test]
async fn b51_an_address_is_added_once_in_whatever_case() {
    let world = World::usual().await;
    assert_eq!(refused(add(&world, ADA, "ADA@Example.com", v1::Role::Developer).await), "COLLABORATOR_EXISTS");
    let added = add(&world, ADA, "Bob@Example.COM", v1::Role::Developer).await.unwrap();
    assert_eq!(added.collaborators[1].email, "bob@example.com");
    assert_eq!(refused(add(&world, BOB, "eve@example.com", v1::Role::Developer).await), "ADMINISTRATOR_REQUIRED");
    let mine = v1::ListApplicationsRequest { collaborator: "BOB@example.com".into(), ..Default::default() };
    let listed = world.applications("").list_applications(mine).await.unwrap().into_inner();
    assert_eq!(listed.applications.len(), 1);
}

#[tokio::test]
async fn b56_who_may_delete() {
    let world = World::usual().await;
    world.application_with("priv", |a| a.kind = v1::ApplicationKind::Privileged.into()).await.unwrap();
    assert_eq!(refused(delete(&world, ADA, "priv").await), "DELETION_RESTRICTED");
    delete(&world, OPERATOR, "priv").await.unwrap();

    let restrict = |restriction: &str| v1::RestrictApplicationDeletionRequest {
        application_id: "app".into(),
        restriction: restriction.into(),
        ..Default::default()
    };
    world.applications(OPERATOR).restrict_application_deletion(restrict("legal hold")).await.unwrap();
    let status = delete(&world, ADA, "app").await.unwrap_err();
    assert_eq!(reason(&status), "DELETION_RESTRICTED");
    assert!(status.message().contains("legal hold"), "{}", status.message());
    world.applications(OPERATOR).restrict_application_deletion(restrict("")).await.unwrap();
    add(&world, ADA, "bob@example.com", v1::Role::Developer).await.unwrap();
    assert_eq!(refused(delete(&world, BOB, "app").await), "ADMINISTRATOR_REQUIRED");
    delete(&world, ADA, "app").await.unwrap();
}

#[tokio::test]
async fn b56_deleting_an_approved_production_application_is_a_switch() {
    for (allowed, expected) in [(false, Some("DELETION_RESTRICTED")), (true, None)] {
        let world = World::with(|config| config.production_deletion = allowed).await;
        let production = v1::Environment::Production.into();
        world.application_with("live", |a| a.environment = production).await.unwrap();
        let submit = v1::AdvanceApplicationRequest {
            application_id: "live".into(),
            step: v1::ApplicationStep::Submit.into(),
            ..Default::default()
        };
        world.applications(ADA).advance_application(submit).await.unwrap();
        let result = delete(&world, ADA, "live").await;
        assert_eq!(result.err().map(|status| reason(&status)).as_deref(), expected);
    }
}

#[tokio::test]
async fn b57_x6_deletion_ends_every_subscription_at_once_and_restoring_brings_back_the_legal_ones() {
    let mut world = World::usual().await;
    for label in ["2.0", "3.0"] {
        world.version(label, v1::Maturity::Stable).await;
    }
    let mut since = Vec::new();
    for label in ["1.0", "2.0", "3.0"] {
        since.push(world.subscribe(ADA, "app", label).await.unwrap().start_time);
    }
    let count = async |world: &World, label: &str| {
        let get = v1::GetApiVersionRequest { context: CONTEXT.into(), version: label.into() };
        world.apis("").get_api_version(get).await.unwrap().into_inner().version.unwrap().live_subscriptions
    };
    assert_eq!(count(&world, "1.0").await, 1);
    let deleted = delete(&world, ADA, "app").await.unwrap();
    assert_eq!(deleted.state(), v1::ApplicationState::Deleted);
    for label in ["1.0", "2.0", "3.0"] {
        assert_eq!(world.decision("app", label).await, "DENY APPLICATION_DELETED");
        let ended = world.subscription("app", label).await.unwrap();
        assert_eq!(ended.end_reason(), v1::EndReason::ApplicationDeleted);
        assert_eq!(count(&world, label).await, 0, "no ghosts in the counts");
    }
    let subscribers =
        v1::ListSubscriptionsRequest { context: CONTEXT.into(), version: "1.0".into(), ..Default::default() };
    let listed = world.subscriptions("").list_subscriptions(subscribers).await.unwrap().into_inner();
    assert_eq!(listed.subscriptions, [], "no ghosts in the lists");
    assert_eq!(refused(delete(&world, ADA, "app").await), "APPLICATION_DELETED");

    // Meanwhile one version is deprecated and one retired.
    world.deprecate("2.0", None, None).await.unwrap();
    world.retire_with("3.0", |r| r.override_reason = "gone".into()).await.unwrap();
    world.restart().await;
    assert_eq!(world.decision("app", "1.0").await, "DENY APPLICATION_DELETED");
    world.clock.set(start() + days(29));
    restore(&world, "app").await.unwrap();
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("app", "3.0").await, "DENY VERSION_RETIRED");
    assert_eq!(world.subscription("app", "2.0").await.unwrap().start_time, since[1], "the original date");
    assert_eq!((count(&world, "1.0").await, count(&world, "2.0").await, count(&world, "3.0").await), (1, 1, 0));
    assert_eq!(refused(restore(&world, "app").await), "NOTHING_TO_DO");
}

#[tokio::test]
async fn b57_the_restore_window_ends_on_the_instant() {
    for (offset, expected) in [(-1, None), (0, Some("RESTORE_WINDOW_PASSED")), (1, Some("RESTORE_WINDOW_PASSED"))] {
        let world = World::usual().await;
        world.clock.set(start() + days(1));
        delete(&world, ADA, "app").await.unwrap();
        world.clock.set(start() + days(31) + ms(offset));
        let result = restore(&world, "app").await;
        assert_eq!(result.err().map(|status| reason(&status)).as_deref(), expected, "{offset} ms");
    }
}

#[tokio::test]
async fn b59_a_step_out_of_order_names_expected_and_actual_state() {
    use tonic_types::StatusExt;
    let world = World::usual().await;
    let production = v1::Environment::Production.into();
    world.application_with("live", |a| a.environment = production).await.unwrap();
    let step = |step: v1::ApplicationStep| v1::AdvanceApplicationRequest {
        application_id: "live".into(),
        step: step.into(),
        ..Default::default()
    };
    let status = world.applications(ADA).advance_application(step(v1::ApplicationStep::GoLive)).await.unwrap_err();
    assert_eq!(reason(&status), "ILLEGAL_APPLICATION_STATE");
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!((metadata["expected_state"].as_str(), metadata["actual_state"].as_str()), ("PRE_PRODUCTION", "TESTING"));
    let approve = step(v1::ApplicationStep::Approve);
    assert_eq!(refused(world.applications(ADA).advance_application(approve).await), "OPERATOR_REQUIRED");
}

#[tokio::test]
async fn a_production_application_calls_once_it_is_approved() {
    let world = World::usual().await;
    let production = v1::Environment::Production;
    world.application_with("live", |a| a.environment = production.into()).await.unwrap();
    world.subscribe(ADA, "live", "1.0").await.unwrap();
    let ask = async || {
        let question = v1::AuthorizeRequest { environment: production.into(), ..question("live", "1.0") };
        words(&world.gateway().authorize(question).await.unwrap().into_inner())
    };
    use v1::ApplicationStep::{Approve, AskResponsibleIndividual, Confirm, GoLive, ReturnToTesting, Submit};
    let steps = [
        (ADA, AskResponsibleIndividual, "DENY APPLICATION_NOT_APPROVED"),
        (OPERATOR, ReturnToTesting, "DENY APPLICATION_NOT_APPROVED"),
        (ADA, Submit, "DENY APPLICATION_NOT_APPROVED"),
        (OPERATOR, Approve, "DENY APPLICATION_NOT_APPROVED"),
        (ADA, Confirm, "ALLOW SUBSCRIBED"),
        (ADA, GoLive, "ALLOW SUBSCRIBED"),
    ];
    assert_eq!(ask().await, "DENY APPLICATION_NOT_APPROVED");
    for (actor, step, expected) in steps {
        let request =
            v1::AdvanceApplicationRequest { application_id: "live".into(), step: step.into(), ..Default::default() };
        world.applications(actor).advance_application(request).await.unwrap();
        assert_eq!(ask().await, expected, "after {step:?}");
    }
}

#[tokio::test]
async fn names_and_ids_are_taken_once() {
    let world = World::usual().await;
    assert_eq!(refused(world.application_with("app", |_| {}).await), "ALREADY_EXISTS");
    let same_client = world.application_with("new", |a| a.client_id = client("app"));
    assert_eq!(refused(same_client.await), "ALREADY_EXISTS");
    let production = v1::Environment::Production.into();
    world.application_with("live", |a| a.environment = production).await.unwrap();
    let same_name = world.application_with("live2", |a| {
        a.environment = production;
        a.name = "APPLICATION LIVE".into();
    });
    assert_eq!(refused(same_name.await), "ALREADY_EXISTS", "production names differ by more than case");
}

#[tokio::test]
async fn a_collaborator_registers_an_application_and_becomes_its_administrator() {
    let world = World::usual().await;
    let application =
        v1::Application { name: "Mine".into(), environment: v1::Environment::Sandbox.into(), ..Default::default() };
    let request = v1::CreateApplicationRequest { application: Some(application.clone()), request_id: "r1".into() };
    let made = world.applications(BOB).create_application(request.clone()).await.unwrap().into_inner();
    let replayed = world.applications(BOB).create_application(request).await.unwrap().into_inner();
    assert_eq!(made, replayed, "generated ids are part of the first answer");
    let made = made.application.unwrap();
    assert_eq!(made.collaborators, [person("bob@example.com", v1::Role::Administrator)]);
    assert_eq!((made.application_id.len(), made.client_id.len()), (36, 32));
    assert_eq!(made.state(), v1::ApplicationState::Production, "a sandbox application needs no approval");
    let chosen = v1::Application { client_id: "my-own-client-id".into(), ..application };
    let request = v1::CreateApplicationRequest { application: Some(chosen), request_id: String::new() };
    assert_eq!(refused(world.applications(BOB).create_application(request).await), "OPERATOR_REQUIRED");
}
