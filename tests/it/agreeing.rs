//! A service account is replaced by what its developer made and its company wanted, and by neither alone.

use devhub_proto::v1;

use crate::accounts::{CAROL, DAVE, marketplace};
use crate::migrating::{EARLY, SCOPED, before};
use crate::promoting::app_version;
use crate::world::*;

/// Calls as the application does in a company, and has what that was recorded.
async fn call(world: &World) {
    let question = v1::AuthorizeRequest {
        environment: v1::Environment::Production.into(),
        company_id: Some(EARLY.into()),
        ..question("ledgerly", SCOPED)
    };
    world.gateway().authorize(question).await.unwrap();
    world.note().await;
}

#[tokio::test]
async fn b77_b81_no_migration_goes_on_without_its_developer_and_its_company() {
    let world = before().await;
    world.account(CAROL, EARLY, "sa-early", marketplace("ledgerly")).await.unwrap();
    let install = async |actor: &'static str| {
        let request = v1::InstallRequest {
            application_id: "ledgerly".into(),
            company_id: EARLY.into(),
            version: "1.0.0".into(),
            permitted_projects: Some(v1::PermittedProjects { all: true, project_ids: Vec::new() }),
            ..Default::default()
        };
        world.installations(actor).install(request).await.map(|_| ())
    };
    let make = async |actor: &'static str| {
        let version = Some(app_version("ledgerly", "1.0.0"));
        let request = v1::CreateAppVersionRequest { app_version: version, request_id: String::new() };
        world.app_versions(actor).create_app_version(request).await.map(|_| ())
    };
    let promote = async |actor: &'static str| {
        let (application_id, version) = ("ledgerly".into(), "1.0.0".into());
        let request = v1::PromoteAppVersionRequest { application_id, version, ..Default::default() };
        world.app_versions(actor).promote_app_version(request).await.map(|_| ())
    };

    // The company alone.
    for refused in [install(CAROL).await, make(CAROL).await, make(DAVE).await, promote(CAROL).await] {
        refused.expect_err("nobody makes a version of somebody else's application");
    }
    call(&world).await;
    assert_eq!(world.phase(EARLY).await, "NOT_STARTED");

    // The developer alone: a version is there, and nobody but the company has it.
    make(ADA).await.unwrap();
    promote(CAROL).await.expect_err("nor ships it");
    assert_eq!(world.phase(EARLY).await, "NOT_STARTED");
    promote(ADA).await.unwrap();
    for stranger in [ADA, DAVE, BOB] {
        install(stranger).await.expect_err("nobody installs for a company but its administrators");
    }
    call(&world).await;
    assert_eq!(world.phase(EARLY).await, "DEVELOPER_READY");

    // Both of them.
    install(CAROL).await.unwrap();
    assert_eq!(world.phase(EARLY).await, "INSTALLED");
    call(&world).await;
    assert_eq!(world.phase(EARLY).await, "CUTOVER_CONFIRMED");
}
