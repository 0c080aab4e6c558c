//! Rule B80: what reaches production is decided by the approval of the application and the status of its owner; and the
//! versions of applications themselves: what they contain, in which order they come, which step follows which.

use devhub_proto::v1;
use devhub_proto::v1::AppComponent::{Embedded, ServiceAccountConnection, UserLevelConnection};
use devhub_proto::v1::OrganisationStatus::{Unverified, VerifiedPartner, VerifiedPrivate};
use tonic::Status;

use crate::world::*;

pub(crate) const OWNER: &str = "Ledgerly Ltd";

/// A version with a service account that may read the directory.
pub(crate) fn app_version(application: &str, number: &str) -> v1::AppVersion {
    v1::AppVersion {
        application_id: application.into(),
        version: number.into(),
        components: vec![ServiceAccountConnection.into()],
        permissions: Some(tools(&[("Directory", v1::ToolPermissionLevel::ReadOnly)], &[])),
        ..Default::default()
    }
}

pub(crate) fn tools(
    company: &[(&str, v1::ToolPermissionLevel)],
    project: &[(&str, v1::ToolPermissionLevel)],
) -> v1::ToolPermissions {
    let tool = |(tool, level): &(&str, v1::ToolPermissionLevel)| v1::ToolPermission {
        tool: (*tool).to_owned(),
        level: (*level).into(),
    };
    v1::ToolPermissions { company: company.iter().map(tool).collect(), project: project.iter().map(tool).collect() }
}

impl World {
    pub(crate) async fn organisation(&self, id: &str, status: v1::OrganisationStatus) -> v1::Organisation {
        let request = v1::SetOrganisationRequest {
            organisation_id: id.into(),
            status: status.into(),
            reason: "papers were checked".into(),
            ..Default::default()
        };
        self.organisations(OPERATOR).set_organisation(request).await.unwrap().into_inner().organisation.unwrap()
    }

    pub(crate) async fn make(&self, version: v1::AppVersion) -> Result<v1::AppVersion, Status> {
        let request = v1::CreateAppVersionRequest { app_version: Some(version), request_id: String::new() };
        Ok(self.app_versions(ADA).create_app_version(request).await?.into_inner().app_version.unwrap())
    }

    pub(crate) async fn promote_app(&self, application: &str, number: &str) -> Result<v1::AppVersion, Status> {
        let request = v1::PromoteAppVersionRequest {
            application_id: application.into(),
            version: number.into(),
            ..Default::default()
        };
        Ok(self.app_versions(ADA).promote_app_version(request).await?.into_inner().app_version.unwrap())
    }

    pub(crate) async fn app_version(&self, application: &str, number: &str) -> v1::AppVersion {
        let request = v1::GetAppVersionRequest { application_id: application.into(), version: number.into() };
        self.app_versions("").get_app_version(request).await.unwrap().into_inner().app_version.unwrap()
    }

    /// A production application of the owner, approved and live.
    pub(crate) async fn production_app(&self, id: &str) {
        self.unapproved_app(id).await;
        for step in [v1::ApplicationStep::Submit, v1::ApplicationStep::Approve, v1::ApplicationStep::Confirm] {
            self.advance_app(id, step).await;
        }
    }

    async fn unapproved_app(&self, id: &str) {
        let production = |application: &mut v1::Application| {
            application.environment = v1::Environment::Production.into();
            application.owner = OWNER.into();
        };
        self.application_with(id, production).await.unwrap();
    }

    async fn advance_app(&self, id: &str, step: v1::ApplicationStep) {
        let request =
            v1::AdvanceApplicationRequest { application_id: id.into(), step: step.into(), ..Default::default() };
        self.applications(OPERATOR).advance_application(request).await.unwrap();
    }
}

#[tokio::test]
async fn b80_production_needs_a_verified_owner_and_an_approved_application() {
    let world = World::new().await;
    world.unapproved_app("app").await;
    world.make(app_version("app", "1.0.0")).await.unwrap();
    let promote = || world.promote_app("app", "1.0.0");
    assert_eq!(refused(promote().await), "APPLICATION_NOT_APPROVED");
    for step in [v1::ApplicationStep::Submit, v1::ApplicationStep::Approve] {
        world.advance_app("app", step).await;
        assert_eq!(refused(promote().await), "APPLICATION_NOT_APPROVED");
    }
    world.advance_app("app", v1::ApplicationStep::Confirm).await;
    // Nobody has looked at the owner yet; then somebody has, and was not convinced.
    assert_eq!(refused(promote().await), "ORGANISATION_NOT_VERIFIED");
    world.organisation(OWNER, Unverified).await;
    let status = promote().await.unwrap_err();
    assert!(status.message().contains(OWNER) && status.message().contains("ask an operator"), "{status:?}");
    world.organisation("Somebody Else", VerifiedPartner).await;
    assert_eq!(refused(promote().await), "ORGANISATION_NOT_VERIFIED");
    world.organisation(OWNER, VerifiedPrivate).await;
    let judged = v1::PromoteAppVersionRequest {
        application_id: "app".into(),
        version: "1.0.0".into(),
        validate_only: true,
        ..Default::default()
    };
    world.app_versions(ADA).promote_app_version(judged).await.unwrap();
    assert_eq!(world.app_version("app", "1.0.0").await.state(), v1::AppVersionState::ReadyForTesting);
    let promoted = promote().await.unwrap();
    assert_eq!(promoted.state(), v1::AppVersionState::Promoted);
    assert_eq!(promoted.promoted.unwrap().actor, ADA);
    assert_eq!(refused(promote().await), "NOTHING_TO_DO");

    // What was promoted stays so when the owner's status goes; the next version does not follow.
    world.organisation(OWNER, Unverified).await;
    assert_eq!(world.app_version("app", "1.0.0").await.state(), v1::AppVersionState::Promoted);
    world.make(app_version("app", "1.1.0")).await.unwrap();
    assert_eq!(refused(world.promote_app("app", "1.1.0").await), "ORGANISATION_NOT_VERIFIED");
}

#[tokio::test]
async fn b80_a_sandbox_version_is_never_promoted() {
    let world = World::new().await;
    world.organisation(OWNER, VerifiedPartner).await;
    world.application_with("sandboxed", |application| application.owner = OWNER.into()).await.unwrap();
    let made = world.make(app_version("sandboxed", "1.0.0")).await.unwrap();
    assert_eq!(made.state(), v1::AppVersionState::ReadyForTesting);
    let status = world.promote_app("sandboxed", "1.0.0").await.unwrap_err();
    assert_eq!(reason(&status), "APP_VERSION_IN_SANDBOX");
    assert!(status.message().contains("uplift the application"), "{status:?}");
}

#[tokio::test]
async fn versions_rise_and_say_what_they_contain() {
    let world = World::new().await;
    world.application("app").await;
    world.application("other").await;
    let full = v1::AppVersion {
        components: vec![UserLevelConnection.into(), ServiceAccountConnection.into(), Embedded.into()],
        permissions: Some(tools(
            &[("Directory", v1::ToolPermissionLevel::None)],
            &[("RFIs", v1::ToolPermissionLevel::Admin)],
        )),
        release_notes: "First".into(),
        post_install_notes: "Permit a project".into(),
        post_install_uri: "https://example.com/next".into(),
        ..app_version("app", "1.0.0-rc.1")
    };
    let made = world.make(full.clone()).await.unwrap();
    let shown = world.app_version("app", "1.0.0-rc.1").await;
    assert_eq!(made, shown);
    assert_eq!((shown.components, shown.permissions), (full.components, full.permissions));
    assert_eq!(shown.created.unwrap().actor, ADA);
    let key = shown.install_key;
    assert_eq!(refused(world.make(app_version("app", "1.0.0-rc.1")).await), "ALREADY_EXISTS");
    let status = world.make(app_version("app", "0.9.0")).await.unwrap_err();
    assert_eq!(reason(&status), "APP_VERSION_NOT_INCREASING");
    assert!(status.message().contains("1.0.0-rc.1"), "{status:?}");
    for number in ["1.0.0", "1.2.0", "1.10.0"] {
        let made = world.make(app_version("app", number)).await.unwrap();
        assert_ne!(made.install_key, key);
    }
    assert_eq!(refused(world.make(app_version("app", "1.9.0")).await), "APP_VERSION_NOT_INCREASING");
    // Another application counts for itself, and has keys of its own.
    assert_ne!(world.make(app_version("other", "1.0.0-rc.1")).await.unwrap().install_key, key);

    // Newest first, by precedence and not by text; page by page.
    let mut request = v1::ListAppVersionsRequest { application_id: "app".into(), page_size: 3, ..Default::default() };
    let page = world.app_versions("").list_app_versions(request.clone()).await.unwrap().into_inner();
    let numbers: Vec<_> = page.app_versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(numbers, ["1.10.0", "1.2.0", "1.0.0"]);
    request.page_token = page.next_page_token;
    let page = world.app_versions("").list_app_versions(request.clone()).await.unwrap().into_inner();
    assert_eq!((page.app_versions.len(), page.app_versions[0].version.as_str()), (1, "1.0.0-rc.1"));
    assert!(page.next_page_token.is_empty() && page.available_version.is_empty());
    request.application_id = "other".into();
    assert_eq!(refused(world.app_versions("").list_app_versions(request).await), "PAGE_TOKEN");
}

#[tokio::test]
async fn a_malformed_version_is_refused_field_by_field() {
    let world = World::new().await;
    world.application("app").await;
    let bare = v1::AppVersion { components: Vec::new(), ..app_version("app", "1.0.0") };
    assert_eq!(violations(&world.make(bare).await.unwrap_err()), ["app_version.components"]);
    let level = |level: i32| v1::ToolPermissions {
        company: vec![v1::ToolPermission { tool: "Directory".into(), level }],
        ..Default::default()
    };
    for (version, field) in [
        (v1::AppVersion { version: "1.0".into(), ..app_version("app", "1.0.0") }, "app_version.version"),
        (v1::AppVersion { version: "1.0.0+mac".into(), ..app_version("app", "1.0.0") }, "app_version.version"),
        (v1::AppVersion { components: vec![9], ..app_version("app", "1.0.0") }, "app_version.components[0]"),
        (v1::AppVersion { components: vec![3, 3], ..app_version("app", "1.0.0") }, "app_version.components[1]"),
        (
            v1::AppVersion { permissions: Some(level(0)), ..app_version("app", "1.0.0") },
            "app_version.permissions.company[0].level",
        ),
        (
            v1::AppVersion { post_install_uri: "http://x".into(), ..app_version("app", "1.0.0") },
            "app_version.post_install_uri",
        ),
    ] {
        assert_eq!(violations(&world.make(version).await.unwrap_err()), [field]);
    }
    let many: Vec<String> = (0..201).map(|number| format!("Tool {number}")).collect();
    let many: Vec<(&str, v1::ToolPermissionLevel)> =
        many.iter().map(|tool| (tool.as_str(), v1::ToolPermissionLevel::Standard)).collect();
    let wide =
        |count: usize| v1::AppVersion { permissions: Some(tools(&[], &many[..count])), ..app_version("app", "1.0.0") };
    assert_eq!(violations(&world.make(wide(201)).await.unwrap_err()), ["app_version.permissions.project"]);
    world.make(wide(200)).await.unwrap();
    assert_eq!(refused(world.make(app_version("nobody", "1.0.0")).await), "APPLICATION_NOT_FOUND");
    let stranger = v1::CreateAppVersionRequest { app_version: Some(app_version("app", "2.0.0")), ..Default::default() };
    assert_eq!(refused(world.app_versions(BOB).create_app_version(stranger).await), "APPLICATION_NOT_FOUND");
}

#[tokio::test]
async fn organisations_are_set_by_operators_and_listed() {
    let mut world = World::new().await;
    let set = |id: &str, status: v1::OrganisationStatus| v1::SetOrganisationRequest {
        organisation_id: id.into(),
        status: status.into(),
        reason: "papers were checked".into(),
        ..Default::default()
    };
    let refusal = world.organisations(ADA).set_organisation(set(OWNER, VerifiedPartner)).await;
    assert_eq!(refused(refusal), "OPERATOR_REQUIRED");
    let get = |id: &str| v1::GetOrganisationRequest { organisation_id: id.into() };
    assert_eq!(refused(world.organisations("").get_organisation(get(OWNER)).await), "ORGANISATION_NOT_FOUND");
    let made = world.organisation(OWNER, VerifiedPrivate).await;
    assert_eq!((made.title.as_str(), made.status()), (OWNER, VerifiedPrivate));
    world.clock.advance(days(1));
    let titled = v1::SetOrganisationRequest { title: "Ledgerly".into(), ..set(OWNER, VerifiedPrivate) };
    let titled = world.organisations(OPERATOR).set_organisation(titled).await.unwrap().into_inner();
    let titled = titled.organisation.unwrap();
    // The status holds since it was set, whatever else changes.
    assert_eq!((titled.title.as_str(), titled.status_time), ("Ledgerly", made.status_time));
    let stale = v1::SetOrganisationRequest { etag: made.etag, ..set(OWNER, VerifiedPartner) };
    assert_eq!(refused(world.organisations(OPERATOR).set_organisation(stale).await), "ETAG_MISMATCH");
    let same = world.organisations(OPERATOR).set_organisation(set(OWNER, VerifiedPrivate)).await.unwrap().into_inner();
    assert_eq!(same.revision, 0);
    world.organisation("Buildsync", VerifiedPartner).await;
    world.restart().await;
    let list =
        |status: v1::OrganisationStatus| v1::ListOrganisationsRequest { status: status.into(), ..Default::default() };
    let all = world.organisations("").list_organisations(v1::ListOrganisationsRequest::default()).await.unwrap();
    assert_eq!(all.into_inner().organisations.len(), 2);
    let partners = world.organisations("").list_organisations(list(VerifiedPartner)).await.unwrap().into_inner();
    assert_eq!(partners.organisations[0].organisation_id, "Buildsync");
    for id in ["", " x", "x ", "a\nb"] {
        let status = world.organisations(OPERATOR).set_organisation(set(id, Unverified)).await.unwrap_err();
        assert_eq!(violations(&status), ["organisation_id"], "{id:?}");
    }
}
