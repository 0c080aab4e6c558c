//! Rules B76 to B79, B86, B87 and B90, defect X13: which company runs what, what an installation keeps, and what the
//! company has to approve.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::AppComponent::{Embedded, ServiceAccountConnection, UserLevelConnection};
use devhub_proto::v1::OrganisationStatus::{Unverified, VerifiedPartner, VerifiedPrivate};
use devhub_proto::v1::Tenancy::{DevelopmentSandbox, MonthlySandbox, Production};
use devhub_proto::v1::ToolPermissionLevel::{Admin, Standard};
use tonic::Status;

use crate::promoting::{OWNER, app_version, tools};
use crate::world::*;

/// Administers every company of these tests; Ada builds the applications.
pub(crate) const CAROL: &str = "collaborator:carol@example.com";

pub(crate) fn all() -> Option<v1::PermittedProjects> {
    Some(v1::PermittedProjects { all: true, project_ids: Vec::new() })
}

pub(crate) fn only(projects: &[&str]) -> Option<v1::PermittedProjects> {
    Some(v1::PermittedProjects { all: false, project_ids: projects.iter().map(|id| (*id).to_owned()).collect() })
}

pub(crate) fn install(id: &str, company: &str, version: &str) -> v1::InstallRequest {
    v1::InstallRequest {
        application_id: id.into(),
        company_id: company.into(),
        version: version.into(),
        permitted_projects: all(),
        ..Default::default()
    }
}

fn update(id: &str, company: &str, version: &str) -> v1::UpdateInstallationRequest {
    v1::UpdateInstallationRequest {
        application_id: id.into(),
        company_id: company.into(),
        version: version.into(),
        ..Default::default()
    }
}

impl World {
    pub(crate) async fn company_of(&self, id: &str, tenancy: v1::Tenancy, projects: &[&str]) {
        let company = v1::Company { tenancy: tenancy.into(), ..crate::accounts::company(id, CAROL) };
        let request = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
        self.companies(OPERATOR).create_company(request).await.unwrap();
        for project in projects {
            let project = v1::Project {
                company_id: id.into(),
                project_id: (*project).into(),
                name: format!("Project {project}"),
                ..Default::default()
            };
            let request = v1::PutProjectRequest { project: Some(project), ..Default::default() };
            self.companies(CAROL).put_project(request).await.unwrap();
        }
    }

    async fn install_as(&self, actor: &'static str, request: v1::InstallRequest) -> Result<v1::Installation, Status> {
        Ok(self.installations(actor).install(request).await?.into_inner().installation.unwrap())
    }

    pub(crate) async fn install(&self, request: v1::InstallRequest) -> Result<v1::Installation, Status> {
        self.install_as(CAROL, request).await
    }

    async fn update(
        &self,
        actor: &'static str,
        request: v1::UpdateInstallationRequest,
    ) -> Result<v1::Installation, Status> {
        Ok(self.installations(actor).update_installation(request).await?.into_inner().installation.unwrap())
    }

    pub(crate) async fn uninstall(&self, id: &str, company: &str) -> Result<v1::Installation, Status> {
        let request =
            v1::UninstallRequest { application_id: id.into(), company_id: company.into(), ..Default::default() };
        Ok(self.installations(CAROL).uninstall(request).await?.into_inner().installation.unwrap())
    }

    async fn permit(
        &self,
        id: &str,
        company: &str,
        permitted_projects: Option<v1::PermittedProjects>,
    ) -> Result<v1::SetPermittedProjectsResponse, Status> {
        let request = v1::SetPermittedProjectsRequest {
            application_id: id.into(),
            company_id: company.into(),
            permitted_projects,
            ..Default::default()
        };
        Ok(self.installations(CAROL).set_permitted_projects(request).await?.into_inner())
    }

    pub(crate) async fn installation(&self, id: &str, company: &str) -> v1::Installation {
        let request = v1::GetInstallationRequest { application_id: id.into(), company_id: company.into() };
        self.installations("").get_installation(request).await.unwrap().into_inner().installation.unwrap()
    }

    async fn installed(&self, change: impl FnOnce(&mut v1::ListInstallationsRequest)) -> Vec<(String, String)> {
        let mut request = v1::ListInstallationsRequest { page_size: 2, ..Default::default() };
        change(&mut request);
        let mut found = Vec::new();
        loop {
            let page = self.installations("").list_installations(request.clone()).await.unwrap().into_inner();
            found.extend(page.installations.into_iter().map(|one| (one.application_id, one.company_id)));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return found;
            }
        }
    }

    /// A company in production, and a promoted version 1.0.0 that it can install.
    pub(crate) async fn market() -> World {
        let world = World::new().await;
        world.partner_app("app").await;
        world.company_of("acme", Production, &["north", "south"]).await;
        world
    }
}

#[tokio::test]
async fn b76_an_installation_makes_one_user_with_the_permissions_of_the_version() {
    let mut world = World::market().await;
    let missing = v1::InstallRequest { permitted_projects: None, ..install("app", "acme", "1.0.0") };
    assert_eq!(violations(&world.install(missing).await.unwrap_err()), ["permitted_projects"]);
    let unknown = v1::InstallRequest { permitted_projects: only(&["north", "west"]), ..install("app", "acme", "") };
    let status = world.install(unknown).await.unwrap_err();
    assert!(reason(&status) == "PROJECTS_UNKNOWN" && status.message().contains("no project west"), "{status:?}");
    let chosen = v1::InstallRequest { permitted_projects: only(&["north"]), ..install("app", "acme", "") };
    for (actor, refusal) in [(ADA, "COMPANY_NOT_FOUND"), (BOB, "COMPANY_NOT_FOUND")] {
        assert_eq!(refused(world.install_as(actor, chosen.clone()).await), refusal);
    }
    let made = world.install(chosen.clone()).await.unwrap();
    assert_eq!((made.state(), made.version.as_str()), (v1::InstallationState::Installed, "1.0.0"));
    assert_eq!((made.permitted_projects.clone(), made.changed_by.as_str()), (only(&["north"]), CAROL));
    assert!(!made.service_user_id.is_empty());
    let facts = world.all_facts(v1::FactFilter { application_id: "app".into(), ..Default::default() }).await;
    let installed = facts.iter().find(|fact| fact.kind() == v1::FactKind::AppInstalled).unwrap();
    let changed = |field: &str| installed.changes.iter().find(|change| change.field == field).unwrap().after.clone();
    assert_eq!(changed("permissions"), "company Directory=READ_ONLY");
    assert_eq!(changed("service_user"), made.service_user_id);
    assert_eq!(refused(world.install(chosen).await), "ALREADY_INSTALLED");
    world.restart().await;
    assert_eq!(world.installation("app", "acme").await, made);
    // What has no service account gets no user; every installation has its own.
    world.company_of("beta", Production, &[]).await;
    let other = world.install(install("app", "beta", "1.0.0")).await.unwrap();
    assert_ne!(other.service_user_id, made.service_user_id);
    world.production_app("page").await;
    let page = v1::AppVersion { components: vec![Embedded.into()], ..app_version("page", "1.0.0") };
    world.make(page).await.unwrap();
    world.promote_app("page", "1.0.0").await.unwrap();
    assert_eq!(world.install(install("page", "acme", "")).await.unwrap().service_user_id, "");
}

#[tokio::test]
async fn b77_x13_permitted_projects_are_kept_by_updates_and_reinstallations() {
    let world = World::market().await;
    let first = v1::InstallRequest { permitted_projects: only(&["north"]), ..install("app", "acme", "1.0.0") };
    let made = world.install(first).await.unwrap();
    world.release("app", "1.1.0").await;
    let updated = world.update(CAROL, update("app", "acme", "")).await.unwrap();
    assert_eq!((updated.version.as_str(), updated.permitted_projects), ("1.1.0", only(&["north"])));
    assert_eq!(updated.service_user_id, made.service_user_id);
    let set = world.permit("app", "acme", only(&["south", "north"])).await.unwrap();
    assert_eq!(set.installation.unwrap().permitted_projects, only(&["north", "south"]));
    assert_eq!(world.permit("app", "acme", only(&["north", "south"])).await.unwrap().revision, 0);
    world.clock.advance(days(1));
    let gone = world.uninstall("app", "acme").await.unwrap();
    assert_eq!(
        (gone.state(), gone.permitted_projects),
        (v1::InstallationState::Uninstalled, only(&["north", "south"]))
    );
    for refusal in [
        world.uninstall("app", "acme").await.map(|_| ()),
        world.permit("app", "acme", all()).await.map(|_| ()),
        world.update(CAROL, update("app", "acme", "1.0.0")).await.map(|_| ()),
    ] {
        assert_eq!(refused(refusal), "INSTALLATION_NOT_FOUND");
    }
    world.release("app", "1.2.0").await;
    let kept = v1::InstallRequest { permitted_projects: None, ..install("app", "acme", "") };
    let again = world.install(kept).await.unwrap();
    assert_eq!((again.version.as_str(), again.permitted_projects.clone()), ("1.2.0", only(&["north", "south"])));
    assert_eq!((again.service_user_id, again.intervals.len()), (made.service_user_id, 2));
    // Unless they are given anew.
    world.uninstall("app", "acme").await.unwrap();
    let anew = v1::InstallRequest { permitted_projects: only(&[]), ..install("app", "acme", "") };
    assert_eq!(world.install(anew).await.unwrap().permitted_projects, only(&[]));
}

#[tokio::test]
async fn b78_a_version_that_may_do_more_waits_for_the_company() {
    let world = World::market().await;
    world.install(install("app", "acme", "1.0.0")).await.unwrap();
    let wider = v1::AppVersion {
        permissions: Some(tools(&[("Directory", Standard)], &[("RFIs", Admin)])),
        ..app_version("app", "2.0.0")
    };
    world.make(wider).await.unwrap();
    world.promote_app("app", "2.0.0").await.unwrap();
    let shown = world.installation("app", "acme").await;
    assert_eq!((shown.version.as_str(), shown.update_available.as_str()), ("1.0.0", "2.0.0"));
    assert!(shown.update_needs_approval);
    let widened = ["company tool Directory from READ_ONLY to STANDARD", "project tool RFIs from NONE to ADMIN"];
    assert_eq!(shown.update_widens, widened);
    let status = world.update(CAROL, update("app", "acme", "2.0.0")).await.unwrap_err();
    assert_eq!(reason(&status), "WIDER_PERMISSIONS");
    assert!(widened.iter().all(|phrase| status.message().contains(phrase)), "{status:?}");
    assert_eq!(world.installation("app", "acme").await.version, "1.0.0", "until then the old version runs");
    let approved = v1::UpdateInstallationRequest { approve_wider_permissions: true, ..update("app", "acme", "2.0.0") };
    // Nobody approves for the company.
    assert_eq!(refused(world.update(OPERATOR, approved.clone()).await), "COMPANY_APPROVAL_REQUIRED");
    assert_eq!(refused(world.update(ADA, approved.clone()).await), "COMPANY_NOT_FOUND");
    let updated = world.update(CAROL, approved).await.unwrap();
    assert_eq!((updated.version.as_str(), updated.update_available.as_str()), ("2.0.0", ""));
    // Less needs nobody, and a reinstallation is no way around.
    world.update(OPERATOR, update("app", "acme", "1.0.0")).await.unwrap();
    assert_eq!(refused(world.update(OPERATOR, update("app", "acme", "1.0.0")).await), "NOTHING_TO_DO");
    world.uninstall("app", "acme").await.unwrap();
    assert_eq!(refused(world.install(install("app", "acme", "2.0.0")).await), "WIDER_PERMISSIONS");
    let approved = v1::InstallRequest { approve_wider_permissions: true, ..install("app", "acme", "2.0.0") };
    assert_eq!(refused(world.install_as(OPERATOR, approved.clone()).await), "COMPANY_APPROVAL_REQUIRED");
    world.install(approved).await.unwrap();
    // A service account where there was none is more, and makes the user.
    world.production_app("user").await;
    for (number, components) in
        [("1.0.0", vec![UserLevelConnection.into()]), ("2.0.0", vec![ServiceAccountConnection.into()])]
    {
        let version = v1::AppVersion { components, permissions: None, ..app_version("user", number) };
        world.make(version).await.unwrap();
        world.promote_app("user", number).await.unwrap();
    }
    assert_eq!(world.install(install("user", "acme", "1.0.0")).await.unwrap().service_user_id, "");
    assert_eq!(world.installation("user", "acme").await.update_widens, ["a service account"]);
    let approved = v1::UpdateInstallationRequest { approve_wider_permissions: true, ..update("user", "acme", "") };
    assert!(!world.update(CAROL, approved).await.unwrap().service_user_id.is_empty());
}

#[tokio::test]
async fn b79_companies_see_an_update_once_it_is_theirs_to_take() {
    let world = World::market().await;
    world.install(install("app", "acme", "1.0.0")).await.unwrap();
    let available = async || world.installation("app", "acme").await.update_available;
    world.make(app_version("app", "1.1.0")).await.unwrap();
    assert_eq!(available().await, "", "not promoted");
    assert_eq!(refused(world.update(CAROL, update("app", "acme", "1.1.0")).await), "APP_VERSION_NOT_AVAILABLE");
    world.promote_app("app", "1.1.0").await.unwrap();
    assert_eq!(available().await, "1.1.0", "a custom application");
    world.submit_listing("app", "1.1.0").await.unwrap();
    world.approve_listing("app").await.unwrap();
    world.release("app", "1.2.0").await;
    assert_eq!(available().await, "1.1.0", "a listed application");
    let status = world.update(CAROL, update("app", "acme", "1.2.0")).await.unwrap_err();
    assert_eq!(reason(&status), "APP_VERSION_NOT_AVAILABLE");
    assert!(status.message().contains("takes versions that are APPROVED"), "{status:?}");
    world.submit_app("app", "1.2.0").await.unwrap();
    assert_eq!(available().await, "1.1.0");
    world.approve_app("app", "1.2.0").await.unwrap();
    assert_eq!(available().await, "1.2.0");
    assert_eq!(world.update(CAROL, update("app", "acme", "")).await.unwrap().version, "1.2.0");
}

#[tokio::test]
async fn b80_without_a_verified_owner_or_approval_only_testing_goes_on() {
    let world = World::market().await;
    world.company_of("monthly", MonthlySandbox, &[]).await;
    world.organisation(OWNER, Unverified).await;
    assert_eq!(refused(world.install(install("app", "acme", "1.0.0")).await), "ORGANISATION_NOT_VERIFIED");
    world.install(install("app", "monthly", "1.0.0")).await.unwrap();
    world.organisation(OWNER, VerifiedPrivate).await;
    let back = v1::AdvanceApplicationRequest {
        application_id: "app".into(),
        step: v1::ApplicationStep::ReturnToTesting.into(),
        ..Default::default()
    };
    world.applications(OPERATOR).advance_application(back).await.unwrap();
    assert_eq!(refused(world.install(install("app", "acme", "1.0.0")).await), "APPLICATION_NOT_APPROVED");
    world.make(app_version("app", "1.1.0")).await.unwrap();
    assert_eq!(world.update(CAROL, update("app", "monthly", "")).await.unwrap().version, "1.1.0");
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(world.install(install("app", "acme", "1.0.0")).await), "APPLICATION_BLOCKED");
}

#[tokio::test]
async fn b90_credentials_open_the_companies_of_their_environment_only() {
    let world = World::market().await;
    world.company_of("monthly", MonthlySandbox, &[]).await;
    world.company_of("developers", DevelopmentSandbox, &[]).await;
    world.application_with("sandboxed", |application| application.owner = OWNER.into()).await.unwrap();
    world.make(app_version("sandboxed", "1.0.0")).await.unwrap();
    world.make(app_version("app", "1.1.0")).await.unwrap();
    for (id, version, company, expected) in [
        ("sandboxed", "1.0.0", "acme", Err("CREDENTIALS_MISMATCH")),
        ("sandboxed", "1.0.0", "monthly", Err("CREDENTIALS_MISMATCH")),
        ("sandboxed", "1.0.0", "developers", Ok(())),
        ("app", "1.0.0", "developers", Err("CREDENTIALS_MISMATCH")),
        ("app", "1.1.0", "acme", Err("APP_VERSION_NOT_AVAILABLE")),
        ("app", "1.0.0", "acme", Ok(())),
        // A copy of real data takes production credentials, and versions that are only being tested.
        ("app", "1.1.0", "monthly", Ok(())),
    ] {
        let installed = world.install(install(id, company, version)).await;
        match (installed, expected) {
            (Ok(_), Ok(())) => {}
            (Err(status), Err(refusal)) => assert_eq!(reason(&status), refusal, "{id} {version} {company}"),
            (installed, expected) => panic!("{id} {version} in {company}: {installed:?}, not {expected:?}"),
        }
    }
    let status = world.install(install("sandboxed", "monthly", "1.0.0")).await.unwrap_err();
    assert!(status.message().contains("MONTHLY_SANDBOX company, which takes PRODUCTION credentials"), "{status:?}");
    // Where nothing is real, the newest version is the update, promoted or not.
    world.make(app_version("sandboxed", "1.1.0")).await.unwrap();
    assert_eq!(world.installation("sandboxed", "developers").await.update_available, "1.1.0");
    assert_eq!(world.installation("app", "acme").await.update_available, "");
}

#[tokio::test]
async fn b87_a_removed_listing_is_closed_to_new_companies_only() {
    let world = World::market().await;
    world.company_of("late", Production, &[]).await;
    world.submit_listing("app", "1.0.0").await.unwrap();
    world.approve_listing("app").await.unwrap();
    world.install(install("app", "acme", "")).await.unwrap();
    world.remove_listing("app").await.unwrap();
    let status = world.install(install("app", "late", "1.0.0")).await.unwrap_err();
    assert!(reason(&status) == "LISTING_CLOSED" && status.message().contains("is REMOVED"), "{status:?}");
    assert_eq!(world.installation("app", "acme").await.state(), v1::InstallationState::Installed);
    assert!(world.permit("app", "acme", only(&["north"])).await.unwrap().revision > 0);
    // Once it was uninstalled, installing it again is new.
    world.uninstall("app", "acme").await.unwrap();
    assert_eq!(refused(world.install(install("app", "acme", "")).await), "LISTING_CLOSED");
    world.submit_listing("app", "1.0.0").await.unwrap();
    assert_eq!(refused(world.install(install("app", "late", "1.0.0")).await), "LISTING_CLOSED");
    world.approve_listing("app").await.unwrap();
    world.install(install("app", "late", "1.0.0")).await.unwrap();
}

#[tokio::test]
async fn b86_at_the_sunset_a_listing_without_supported_access_closes_and_returns() {
    let mut world = World::new().await;
    world.organisation(OWNER, VerifiedPartner).await;
    world.production_app("app").await;
    let per_user = v1::AppVersion { components: vec![UserLevelConnection.into()], ..app_version("app", "1.0.0") };
    world.make(per_user).await.unwrap();
    world.promote_app("app", "1.0.0").await.unwrap();
    world.submit_listing("app", "1.0.0").await.unwrap();
    world.approve_listing("app").await.unwrap();
    for company in ["acme", "before", "after", "returned"] {
        world.company_of(company, Production, &[]).await;
    }
    let sunset = start() + days(60);
    let time =
        |instant: DateTime<Utc>| Some(v1::ClassDate { value: Some(v1::class_date::Value::Time(timestamp(instant))) });
    let dates = v1::ReviseCredentialClassRequest {
        deprecate: time(start()),
        ..crate::accounts::revision(time(start() + days(40)), time(sunset))
    };
    world.classes(OPERATOR).revise_credential_class(dates).await.unwrap();
    world.install(install("app", "acme", "")).await.unwrap();
    assert_eq!(world.listing("app").await.delist_time, Some(timestamp(sunset)), "told ahead");
    world.clock.set(sunset - ms(1));
    assert_eq!(world.listing("app").await.state(), v1::ListingState::Listed);
    world.clock.set(sunset);
    world.restart().await;
    assert_eq!(world.listing("app").await.state(), v1::ListingState::Delisted);
    let status = world.install(install("app", "after", "")).await.unwrap_err();
    assert!(reason(&status) == "LISTING_CLOSED" && status.message().contains("is DELISTED"), "{status:?}");
    assert_eq!(world.installation("app", "acme").await.state(), v1::InstallationState::Installed);
    let delisted = v1::ListListingsRequest { state: v1::ListingState::Delisted.into(), ..Default::default() };
    let found = world.listings("").list_listings(delisted).await.unwrap().into_inner();
    assert_eq!(found.listings.len(), 1);
    world.release("app", "2.0.0").await;
    world.submit_app("app", "2.0.0").await.unwrap();
    assert_eq!(world.listing("app").await.state(), v1::ListingState::Delisted, "not approved yet");
    world.approve_app("app", "2.0.0").await.unwrap();
    let listing = world.listing("app").await;
    assert_eq!((listing.state(), listing.delist_time), (v1::ListingState::Listed, None));
    world.install(install("app", "returned", "")).await.unwrap();
}

#[tokio::test]
async fn b66_a_gateway_is_told_of_installations_and_permitted_projects() {
    use crate::companies::{SCOPED, about, decided};
    let mut world = World::usual().await;
    world.publish_scoped().await;
    world.subscribe(ADA, "app", SCOPED).await.unwrap();
    world.company_of("developers", DevelopmentSandbox, &["north", "south"]).await;
    world.make(app_version("app", "1.0.0")).await.unwrap();
    let decision = async |world: &World, company: &str, project: Option<&str>| {
        words(&decided(world, about("app", Some(company), project)).await)
    };
    assert_eq!(decision(&world, "developers", None).await, "DENY NOT_INSTALLED");
    world
        .install(v1::InstallRequest { permitted_projects: only(&["north"]), ..install("app", "developers", "") })
        .await
        .unwrap();
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        assert_eq!(decision(&world, "developers", Some("north")).await, "ALLOW SUBSCRIBED");
        assert_eq!(decision(&world, "developers", Some("south")).await, "DENY PROJECT_NOT_PERMITTED");
        assert_eq!(decision(&world, "other", None).await, "DENY NOT_INSTALLED");
    }
    world.permit("app", "developers", all()).await.unwrap();
    assert_eq!(decision(&world, "developers", Some("south")).await, "ALLOW SUBSCRIBED");
    world.uninstall("app", "developers").await.unwrap();
    assert_eq!(decision(&world, "developers", None).await, "DENY NOT_INSTALLED");
}

#[tokio::test]
async fn installations_are_listed_by_application_and_by_company() {
    let mut world = World::new().await;
    for company in ["acme", "beta", "gamma"] {
        world.company_of(company, DevelopmentSandbox, &[]).await;
    }
    for id in ["app-1", "app-2", "app-3"] {
        world.application(id).await;
        world.make(app_version(id, "1.0.0")).await.unwrap();
        for company in ["acme", "beta", "gamma"] {
            world.install(install(id, company, "")).await.unwrap();
        }
    }
    world.uninstall("app-2", "beta").await.unwrap();
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(id, company)| ((*id).to_owned(), (*company).to_owned())).collect()
        };
        let of_app = world.installed(|request| request.application_id = "app-2".into()).await;
        assert_eq!(of_app, pairs(&[("app-2", "acme"), ("app-2", "gamma")]));
        let of_company = world.installed(|request| request.company_id = "beta".into()).await;
        assert_eq!(of_company, pairs(&[("app-1", "beta"), ("app-3", "beta")]));
        let ever = |request: &mut v1::ListInstallationsRequest| {
            (request.company_id, request.show_uninstalled) = ("beta".into(), true);
        };
        assert_eq!(world.installed(ever).await.len(), 3);
        assert_eq!(world.installed(|_| {}).await.len(), 8);
        let one = |request: &mut v1::ListInstallationsRequest| {
            (request.application_id, request.company_id) = ("app-1".into(), "gamma".into());
        };
        assert_eq!(world.installed(one).await, pairs(&[("app-1", "gamma")]));
        assert!(world.installed(|request| request.company_id = "nobody".into()).await.is_empty());
    }
}

/// Maintenance of a company's data is that of its tenancy, whichever environment its applications live in.
#[tokio::test]
async fn maintenance_of_the_monthly_sandbox_refuses_its_installations_only() {
    let world = World::market().await;
    world.company_of("monthly", MonthlySandbox, &[]).await;
    let window = v1::Maintenance {
        maintenance_id: "refresh".into(),
        tenancy: MonthlySandbox.into(),
        start_time: Some(timestamp(start())),
        end_time: Some(timestamp(start() + days(1))),
        refuses: v1::MaintenanceRefuses::Writes.into(),
        reason: "refresh".into(),
        zone: "America/Los_Angeles".into(),
        ..Default::default()
    };
    let request = v1::ScheduleMaintenanceRequest { maintenance: Some(window), ..Default::default() };
    world.maintenance(OPERATOR).schedule_maintenance(request).await.unwrap();
    assert_eq!(refused(world.install(install("app", "monthly", "")).await), "MAINTENANCE");
    world.install(install("app", "acme", "")).await.unwrap();
    world.clock.set(start() + days(1));
    world.install(install("app", "monthly", "")).await.unwrap();
}

/// Of many installations of one application in one company at once, one wins; it has one user and one beginning.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b76_two_installations_at_once_are_one() {
    let world = Arc::new(World::market().await);
    let racers: Vec<_> = (0..16)
        .map(|_| {
            let racer = Arc::clone(&world);
            tokio::spawn(async move { racer.install(install("app", "acme", "")).await })
        })
        .collect();
    let mut made = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            Ok(installation) => made.push(installation),
            Err(status) => assert_eq!(reason(&status), "ALREADY_INSTALLED"),
        }
    }
    assert_eq!(made.len(), 1);
    let stored = world.installation("app", "acme").await;
    assert_eq!((&stored.service_user_id, stored.intervals.len()), (&made[0].service_user_id, 1));
}
