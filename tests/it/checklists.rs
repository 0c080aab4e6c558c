//! What people ask about the migration: what a developer and a company have to do next, whose an account probably is,
//! what can be removed, who depends most on old accounts, which listings leave with the sunset. Rules B77 to B88, X12.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::AppComponent::UserLevelConnection;
use devhub_proto::v1::ChecklistStepState::{Done, Later, Open, Waiting};
use devhub_proto::v1::OrganisationStatus::{VerifiedPartner, VerifiedPrivate};
use devhub_proto::v1::ToolPermissionLevel::{ReadOnly, Standard};

use crate::accounts::{CAROL, custom, marketplace, revision, time, undefined};
use crate::promoting::{OWNER, app_version, tools};
use crate::world::*;

const SCOPED: &str = "2.0";

impl World {
    async fn developer(&self, application: &str) -> v1::DeveloperChecklist {
        let request = v1::ListDeveloperChecklistsRequest { application_id: application.into(), ..Default::default() };
        let answer = self.migrations().list_developer_checklists(request).await.unwrap().into_inner();
        assert_eq!((answer.checklists.len(), answer.next_page_token.as_str()), (1, ""));
        answer.checklists.into_iter().next().unwrap()
    }

    async fn company_list(&self, company: &str) -> v1::GetCompanyChecklistResponse {
        let request = v1::GetCompanyChecklistRequest { company_id: company.into(), supposed_sunset_time: None };
        self.migrations().get_company_checklist(request).await.unwrap().into_inner()
    }

    async fn install_version(&self, application: &str, company: &str, number: &str, projects: v1::PermittedProjects) {
        let request = v1::InstallRequest {
            application_id: application.into(),
            company_id: company.into(),
            version: number.into(),
            permitted_projects: Some(projects),
            ..Default::default()
        };
        self.installations(CAROL).install(request).await.unwrap();
    }

    async fn install_all(&self, application: &str, company: &str) {
        let all = v1::PermittedProjects { all: true, project_ids: Vec::new() };
        self.install_version(application, company, "1.0.0", all).await;
    }

    /// An account that may read a tool of projects.
    async fn project_account(&self, company: &str, id: &str, name: &str, account_type: v1::AccountType) {
        let account = v1::ServiceAccount {
            account_id: id.into(),
            client_id: format!("old-client-of-{id}"),
            company_id: company.into(),
            name: name.into(),
            account_type: Some(account_type),
            permissions: Some(tools(&[], &[("Drawings", ReadOnly)])),
            ..Default::default()
        };
        let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
        self.accounts(OPERATOR).create_service_account(request).await.unwrap();
    }

    /// Calls made with an account.
    async fn call(&self, id: &str, label: &str, times: usize) {
        for _ in 0..times {
            let question = v1::AuthorizeRequest {
                client_id: format!("old-client-of-{id}"),
                environment: v1::Environment::Production.into(),
                ..question("app", label)
            };
            let answer = self.gateway().authorize(question).await.unwrap().into_inner();
            assert_eq!(words(&answer), "ALLOW SERVICE_ACCOUNT");
        }
    }

    async fn sunset_at(&self, sunset: DateTime<Utc>) {
        let dates = revision(time(sunset - days(10)), time(sunset));
        self.revise(v1::ReviseCredentialClassRequest { deprecate: time(start()), ..dates }).await.unwrap();
    }

    async fn stragglers(&self, request: v1::ListMigrationsRequest) -> Vec<(String, u64)> {
        let mut request = v1::ListMigrationsRequest { page_size: 2, ..request };
        let mut found = Vec::new();
        loop {
            let page = self.migrations().list_migrations(request.clone()).await.unwrap().into_inner();
            found.extend(page.migrations.into_iter().map(|found| (found.company_id, found.recent_calls)));
            if page.next_page_token.is_empty() {
                return found;
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn delistings(&self, supposed: Option<DateTime<Utc>>) -> Vec<v1::Delisting> {
        let request = v1::ListDelistingsRequest { supposed_sunset_time: supposed.map(timestamp), ..Default::default() };
        self.migrations().list_delistings(request).await.unwrap().into_inner().delistings
    }
}

/// An API whose calls are about one company, with two versions that nobody has subscribed to yet.
async fn scoped() -> World {
    let world = World::new().await;
    world.api_with(CONTEXT, "procore-rest").await;
    for label in [SCOPED, "3.0"] {
        let deployment = deployment(v1::Environment::Production, v1::Maturity::Stable);
        world.publish(v1::ApiVersion { company_scoped: true, ..version(label, vec![deployment]) }).await.unwrap();
    }
    world
}

/// Each step with its state, as a person reads them.
fn told(steps: &[v1::ChecklistStep]) -> Vec<(String, v1::ChecklistStepState)> {
    let name =
        |step: &v1::ChecklistStep| step.kind().as_str_name().trim_start_matches("CHECKLIST_STEP_KIND_").to_owned();
    steps.iter().map(|step| (name(step), step.state())).collect()
}

fn states(steps: &[v1::ChecklistStep]) -> Vec<v1::ChecklistStepState> {
    steps.iter().map(v1::ChecklistStep::state).collect()
}

#[tokio::test]
async fn b80_b81_a_developer_is_told_what_comes_next_from_the_first_version_to_the_last_company() {
    let world = scoped().await;
    world.production_app("ledgerly").await;
    for company in ["early", "late"] {
        world.company(company, CAROL).await;
        world.account(CAROL, company, &format!("sa-{company}"), marketplace("ledgerly")).await.unwrap();
    }
    // Nobody has looked at the owner; the version can be made meanwhile.
    let list = world.developer("ledgerly").await;
    let expected =
        ["UPLIFT", "PRODUCTION_APPROVAL", "ORGANISATION", "DECLARE", "PROMOTE", "INSTALL", "UPDATE", "CUT_OVER"];
    assert_eq!(told(&list.steps).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), expected);
    assert_eq!(states(&list.steps), [Done, Done, Waiting, Open, Later, Later, Done, Later]);
    assert!(list.steps[2].sentence.contains("Ask an operator to verify"), "{list:?}");
    assert!(list.next_step.starts_with("Make a version with a service account"), "{list:?}");
    assert_eq!((list.companies, list.at_risk, list.sunset_time, list.days_left), (2, 2, None, None));

    // A version without a service account helps nobody.
    let without = v1::AppVersion {
        components: vec![UserLevelConnection.into()],
        permissions: None,
        ..app_version("ledgerly", "0.9.0")
    };
    world.make(without).await.unwrap();
    assert!(world.developer("ledgerly").await.next_step.starts_with("Make a version"));
    world.make(app_version("ledgerly", "1.0.0")).await.unwrap();
    let list = world.developer("ledgerly").await;
    assert_eq!(states(&list.steps), [Done, Done, Waiting, Done, Later, Later, Done, Later]);
    assert_eq!(list.next_step, "", "nothing before an operator has looked at the owner");
    world.organisation(OWNER, VerifiedPartner).await;
    let list = world.developer("ledgerly").await;
    assert_eq!(list.next_step, "Promote version 1.0.0.");
    let waiting: Vec<_> = list.waiting_versions.iter().map(|v| (v.version.as_str(), v.has_service_account)).collect();
    assert_eq!(waiting, [("1.0.0", true), ("0.9.0", false)]);
    world.promote_app("ledgerly", "1.0.0").await.unwrap();
    let list = world.developer("ledgerly").await;
    assert_eq!(states(&list.steps), [Done, Done, Done, Done, Done, Waiting, Done, Later]);
    assert_eq!((list.steps[5].left, list.waiting_versions.len()), (2, 0));

    // One installs: from then on the developer can cut over there, and the next version is an update for it.
    world.install_all("ledgerly", "early").await;
    let list = world.developer("ledgerly").await;
    assert_eq!((list.steps[5].left, list.steps[7].left, list.steps[7].state()), (1, 1, Open));
    assert!(list.next_step.contains("own credentials in 1 company"), "{list:?}");
    world.release("ledgerly", "1.1.0").await;
    let list = world.developer("ledgerly").await;
    assert_eq!((list.outdated_installations, list.outdated_company_ids), (1, vec!["early".to_owned()]));
    assert_eq!((list.steps[6].left, list.steps[6].state()), (1, Waiting));

    // Whoever asks for the marketplace is reviewed.
    world.submit_listing("ledgerly", "1.0.0").await.unwrap();
    let list = world.developer("ledgerly").await;
    assert_eq!(told(&list.steps)[5..7], [("SUBMIT".to_owned(), Done), ("LIST".to_owned(), Waiting)]);
    world.approve_listing("ledgerly").await.unwrap();
    let list = world.developer("ledgerly").await;
    assert_eq!(told(&list.steps)[5..8], [("SUBMIT".into(), Done), ("LIST".into(), Done), ("INSTALL".into(), Waiting)]);
    let waiting: Vec<_> = list.waiting_versions.iter().map(|v| (&*v.version, &*v.sentence)).collect();
    assert_eq!(waiting, [("1.1.0", "An administrator of the application submits it for review.")]);
    assert_eq!(list.outdated_installations, 0, "B79: what is not approved is available to nobody");
}

#[tokio::test]
async fn b88_days_left_follow_the_sunset_and_a_supposed_one() {
    let world = scoped().await;
    world.production_app("ledgerly").await;
    world.company("7", CAROL).await;
    world.account(CAROL, "7", "sa-7", marketplace("ledgerly")).await.unwrap();
    assert_eq!(world.company_list("7").await.extension_sentence, "", "B74: nothing to extend");
    let sunset = start() + days(100);
    world.sunset_at(sunset).await;
    for (now, left) in
        [(sunset - days(1) - ms(1), Some(1)), (sunset - ms(1), Some(0)), (sunset, None), (sunset + ms(1), None)]
    {
        world.clock.set(now);
        assert_eq!(world.developer("ledgerly").await.days_left, left, "{now}");
        let list = world.company_list("7").await;
        assert_eq!((list.days_left, list.accounts[0].days_left, list.risks[0].days_left), (left, left, left), "{now}");
    }
    let extend = v1::ExtendServiceAccountsRequest {
        company_id: "7".into(),
        until_time: Some(timestamp(sunset + days(30))),
        reason: "payroll".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    };
    assert!(world.company_list("7").await.extension_sentence.contains("2026-07-10T00:00:00Z at the latest"));
    world.accounts(OPERATOR).extend_service_accounts(extend).await.unwrap();
    let list = world.company_list("7").await;
    assert_eq!((list.days_left, list.accounts[0].days_left), (None, Some(29)));
    assert!(list.extension_sentence.contains("until 2026-05-11T00:00:00Z"), "{}", list.extension_sentence);
    let request = v1::GetCompanyChecklistRequest {
        company_id: "7".into(),
        supposed_sunset_time: Some(timestamp(sunset + days(60))),
    };
    let supposed = world.migrations().get_company_checklist(request).await.unwrap().into_inner();
    assert_eq!((supposed.days_left, supposed.accounts[0].days_left), (Some(59), Some(59)));
}

#[tokio::test]
async fn b82_x12_an_account_that_nobody_knows_is_suggested_to_be_whose_calls_it_makes() {
    let world = scoped().await;
    world.organisation(OWNER, VerifiedPrivate).await;
    for (id, labels) in [("ledgerly", &[SCOPED][..]), ("photo-pro", &[SCOPED, "3.0"])] {
        world.production_app(id).await;
        world.release(id, "1.0.0").await;
        for label in labels {
            world.subscribe(ADA, id, label).await.unwrap();
        }
    }
    world.company("7", CAROL).await;
    world.project_account("7", "sa-a", "Night copy", undefined()).await;
    let suggested = async |world: &World| {
        let list = world.company_list("7").await;
        list.accounts[0].suggestion.clone().map(|s| (s.application_id.clone(), s.sureness(), s.sentence))
    };
    assert_eq!(suggested(&world).await, None, "nothing points anywhere");
    // Two applications are subscribed to what it calls, one of them to exactly that.
    world.call("sa-a", SCOPED, 3).await;
    assert_eq!(suggested(&world).await, None, "either could be it");
    world.install_all("ledgerly", "7").await;
    let (id, sureness, sentence) = suggested(&world).await.unwrap();
    assert_eq!((id.as_str(), sureness), ("ledgerly", v1::Sureness::Possible));
    assert!(sentence.contains("individuals/losses 2.0") && sentence.contains("installed in the company"), "{sentence}");
    // A call that only the other makes.
    world.call("sa-a", "3.0", 1).await;
    let (id, sureness, sentence) = suggested(&world).await.unwrap();
    assert_eq!((id.as_str(), sureness), ("photo-pro", v1::Sureness::Possible), "{sentence}");
    world.install_all("photo-pro", "7").await;
    let (id, sureness, _) = suggested(&world).await.unwrap();
    assert_eq!((id.as_str(), sureness), ("photo-pro", v1::Sureness::Likely));
    let list = world.company_list("7").await;
    assert_eq!(told(&list.steps)[0], ("CLASSIFY".to_owned(), Open));
    assert!(list.next_step.contains("For 1 of them something is suggested"), "{}", list.next_step);
    let account = &list.accounts[0];
    assert!(account.undefined && account.application_id.is_empty());
    assert_eq!(account.suggestion.as_ref().unwrap().developer_contacts, ["ada@example.com"]);
    let called: Vec<_> = account.called.iter().map(|c| (c.version.clone().unwrap().version, c.recent_calls)).collect();
    assert_eq!(called, [(SCOPED.to_owned(), 3), ("3.0".to_owned(), 1)]);
    // What was called long ago says nothing any more: the words of the account remain.
    world.clock.advance(days(63));
    assert_eq!(suggested(&world).await, None);
    let classify = v1::ClassifyServiceAccountRequest {
        company_id: "7".into(),
        account_id: "sa-a".into(),
        account_type: Some(marketplace("photo-pro")),
        ..Default::default()
    };
    world.accounts(CAROL).classify_service_account(classify).await.unwrap();
    let list = world.company_list("7").await;
    assert_eq!((list.accounts[0].undefined, list.accounts[0].suggestion.clone()), (false, None));
    assert_eq!(told(&list.steps)[0], ("CLASSIFY".to_owned(), Done));
}

#[tokio::test]
async fn b77_b78_b83_b84_a_company_is_told_what_to_install_to_approve_to_permit_and_to_remove() {
    let mut world = scoped().await;
    world.organisation(OWNER, VerifiedPrivate).await;
    world.production_app("ledgerly").await;
    world.subscribe(ADA, "ledgerly", SCOPED).await.unwrap();
    world.company("7", CAROL).await;
    for project in ["p1", "p2"] {
        let project = v1::Project {
            company_id: "7".into(),
            project_id: project.into(),
            name: "A project".into(),
            ..Default::default()
        };
        world
            .companies(CAROL)
            .put_project(v1::PutProjectRequest { project: Some(project), ..Default::default() })
            .await
            .unwrap();
    }
    world.project_account("7", "sa-a", "Ledgerly", marketplace("ledgerly")).await;
    let request = v1::GetCompanyChecklistRequest { company_id: "8".into(), supposed_sunset_time: None };
    assert_eq!(refused(world.migrations().get_company_checklist(request).await), "COMPANY_NOT_FOUND");

    // Nothing to install yet, then something.
    let list = world.company_list("7").await;
    assert_eq!(states(&list.steps), [Done, Waiting, Done, Done, Later]);
    assert!(list.installations[0].sentence.contains("for a date: there is no version to install yet"), "{list:?}");
    assert_eq!((list.risks.len(), list.risks[0].owner.as_str()), (1, OWNER));
    assert_eq!(
        (list.risks[0].company_name.as_str(), list.risks[0].application_name.as_str()),
        ("Company 7", "Application ledgerly")
    );
    let without = v1::AppVersion {
        components: vec![UserLevelConnection.into()],
        permissions: None,
        ..app_version("ledgerly", "0.9.0")
    };
    world.make(without).await.unwrap();
    world.promote_app("ledgerly", "0.9.0").await.unwrap();
    let list = world.company_list("7").await;
    assert!(list.installations[0].sentence.contains("for a version with a service account: 0.9.0"), "{list:?}");
    world.release("ledgerly", "1.0.0").await;
    let list = world.company_list("7").await;
    assert_eq!(list.next_step, "Install 1 application that replaces an account.");
    assert_eq!((list.installations[0].version.as_str(), list.installations[0].developer_contacts.len()), ("1.0.0", 1));
    assert_eq!(list.accounts[0].removal(), v1::RemovalVerdict::NotYet, "calls are known since today only");

    // Installed for one project of two; a wider version waits for an approval.
    let one = v1::PermittedProjects { all: false, project_ids: vec!["p1".into()] };
    world.install_version("ledgerly", "7", "1.0.0", one).await;
    let wider = v1::AppVersion {
        permissions: Some(tools(&[("Directory", Standard)], &[])),
        ..app_version("ledgerly", "1.1.0")
    };
    world.make(wider).await.unwrap();
    world.promote_app("ledgerly", "1.1.0").await.unwrap();
    let list = world.company_list("7").await;
    assert_eq!(states(&list.steps), [Done, Done, Open, Open, Later]);
    assert_eq!(list.next_step, "Make 1 update; 1 asks for wider permissions, which you approve or not.");
    let update = &list.updates[0];
    assert_eq!(
        (update.running_version.as_str(), update.available_version.as_str(), update.widens.len()),
        ("1.0.0", "1.1.0", 1)
    );
    assert_eq!((list.projects[0].permitted, list.projects[0].known), (1, 2));
    assert!(list.risks.is_empty());

    // The account is used: to the millisecond 30 days after the hour of its last use it can go without an acknowledgement.
    world.clock.set(start() + days(1));
    world.call("sa-a", SCOPED, 1).await;
    let ends = start() + days(31);
    for (now, verdict) in [
        (ends - ms(1), v1::RemovalVerdict::NotYet),
        (ends, v1::RemovalVerdict::AskFirst),
        (ends + ms(1), v1::RemovalVerdict::AskFirst),
    ] {
        world.clock.set(now);
        let account = world.company_list("7").await.accounts.remove(0);
        assert_eq!(account.removal(), verdict, "{now}: {}", account.removal_sentence);
        assert_eq!(account.last_use_time, Some(timestamp(start() + days(1))));
    }
    world.clock.set(ends - ms(1));
    let remove =
        v1::RemoveServiceAccountRequest { company_id: "7".into(), account_id: "sa-a".into(), ..Default::default() };
    assert_eq!(refused(world.accounts(CAROL).remove_service_account(remove.clone()).await), "RECENT_USE");
    world.clock.set(ends);
    let told_before = world.company_list("7").await;
    world.restart().await;
    let after = world.company_list("7").await;
    assert_eq!(
        (after.steps, after.accounts[0].called.len()),
        (told_before.steps, told_before.accounts[0].called.len())
    );
    world.accounts(CAROL).remove_service_account(remove).await.unwrap();
    let list = world.company_list("7").await;
    assert_eq!((list.accounts.len(), list.projects.len(), list.steps[4].state()), (0, 0, Done));
}

#[tokio::test]
async fn b81_stragglers_are_listed_by_what_depends_on_them_page_by_page() {
    let world = scoped().await;
    world.production_app("ledgerly").await;
    for (company, calls) in [("a", 1), ("b", 5), ("c", 0), ("d", 3), ("e", 0)] {
        world.company(company, CAROL).await;
        let id = format!("sa-{company}");
        world.project_account(company, &id, "Copy", marketplace("ledgerly")).await;
        world.call(&id, SCOPED, calls).await;
        world.clock.advance(chrono::TimeDelta::hours(1));
    }
    let remove =
        v1::RemoveServiceAccountRequest { company_id: "e".into(), account_id: "sa-e".into(), ..Default::default() };
    world.accounts(CAROL).remove_service_account(remove).await.unwrap();
    let by = |order: v1::MigrationOrder| v1::ListMigrationsRequest {
        order: order.into(),
        unfinished_only: true,
        ..Default::default()
    };
    let names = |found: Vec<(String, u64)>| found.into_iter().map(|(company, _)| company).collect::<Vec<_>>();
    let calls = world.stragglers(by(v1::MigrationOrder::RecentCalls)).await;
    assert_eq!(calls, [("b", 5), ("d", 3), ("a", 1), ("c", 0)].map(|(company, calls)| (company.to_owned(), calls)));
    assert_eq!(names(world.stragglers(by(v1::MigrationOrder::LastUse)).await), ["d", "b", "a", "c"]);
    assert_eq!(names(world.stragglers(by(v1::MigrationOrder::Unspecified)).await), ["a", "b", "c", "d"]);
    // Whoever was used in an hour or later: the hour of the last use counts whole.
    let since =
        |at: DateTime<Utc>| v1::ListMigrationsRequest { used_since_time: Some(timestamp(at)), ..Default::default() };
    let hour = start() + chrono::TimeDelta::hours(1);
    for (at, expected) in [(hour - ms(1), &["a", "b", "d"][..]), (hour, &["b", "d"]), (hour + ms(1), &["b", "d"])] {
        assert_eq!(names(world.stragglers(since(at)).await), expected, "{at}");
    }
    let unknown = v1::ListMigrationsRequest { order: 9, ..Default::default() };
    let status = world.migrations().list_migrations(unknown).await.unwrap_err();
    assert_eq!(violations(&status), ["order"]);
    let one = v1::ListMigrationsRequest { page_size: 1, ..by(v1::MigrationOrder::LastUse) };
    let page_token = world.migrations().list_migrations(one).await.unwrap().into_inner().next_page_token;
    let other = v1::ListMigrationsRequest { page_token, ..by(v1::MigrationOrder::RecentCalls) };
    assert_eq!(refused(world.migrations().list_migrations(other).await), "PAGE_TOKEN");
}

#[tokio::test]
async fn b86_b87_what_leaves_the_marketplace_is_foretold_with_what_keeps_it() {
    let mut world = World::new().await;
    world.organisation(OWNER, VerifiedPartner).await;
    for id in ["ledgerly", "photo-pro"] {
        world.production_app(id).await;
    }
    let without = |id: &str| v1::AppVersion {
        components: vec![UserLevelConnection.into()],
        permissions: None,
        ..app_version(id, "1.0.0")
    };
    world.make(without("ledgerly")).await.unwrap();
    world.make(app_version("photo-pro", "1.0.0")).await.unwrap();
    for id in ["ledgerly", "photo-pro"] {
        world.promote_app(id, "1.0.0").await.unwrap();
        world.submit_listing(id, "1.0.0").await.unwrap();
        world.approve_listing(id).await.unwrap();
    }
    world.company("7", CAROL).await;
    world.company("8", CAROL).await;
    world.install_all("ledgerly", "7").await;
    world.install_all("ledgerly", "8").await;
    let uninstall =
        v1::UninstallRequest { application_id: "ledgerly".into(), company_id: "8".into(), ..Default::default() };
    world.installations(CAROL).uninstall(uninstall).await.unwrap();

    world.restart().await;
    // Without a sunset it is a threat, with one a date.
    let found = world.delistings(None).await;
    assert_eq!(found.len(), 1, "photo-pro has a supported way: {found:?}");
    let delisting = &found[0];
    assert_eq!(
        (delisting.application_id.as_str(), delisting.delist_time, delisting.installations),
        ("ledgerly", None, 1)
    );
    assert!(delisting.remedy.contains("makes a version with a service account"), "{delisting:?}");
    assert_eq!((delisting.owner.as_str(), delisting.developer_contacts.len()), (OWNER, 1));
    world.clock.set(start() + days(1));
    let supposed = start() + days(21);
    assert_eq!(world.delistings(Some(supposed)).await[0].days_left, Some(20));
    assert_eq!(world.delistings(Some(start())).await[0].state(), v1::ListingState::Delisted);
    let sunset = start() + days(100);
    world.sunset_at(sunset).await;
    for (now, state) in [
        (sunset - ms(1), v1::ListingState::Listed),
        (sunset, v1::ListingState::Delisted),
        (sunset + ms(1), v1::ListingState::Delisted),
    ] {
        world.clock.set(now);
        let found = world.delistings(None).await;
        assert_eq!((found[0].state(), found[0].delist_time), (state, Some(timestamp(sunset))), "{now}");
        assert_eq!(world.listing("ledgerly").await.state(), state, "{now}: as the listing itself says");
    }
    // The way back, step by step; the developer's checklist is about it too.
    let mine = v1::ListDeveloperChecklistsRequest { collaborator: "ada@example.com".into(), ..Default::default() };
    let mine = world.migrations().list_developer_checklists(mine).await.unwrap().into_inner().checklists;
    assert_eq!(mine.iter().map(|list| list.application_id.as_str()).collect::<Vec<_>>(), ["ledgerly"]);
    let remedy = async |part: &str| {
        let found = world.delistings(None).await;
        assert!(found[0].remedy.contains(part), "{part}: {}", found[0].remedy);
    };
    world.make(app_version("ledgerly", "2.0.0")).await.unwrap();
    remedy("promotes version 2.0.0").await;
    world.promote_app("ledgerly", "2.0.0").await.unwrap();
    remedy("submits version 2.0.0").await;
    world.submit_app("ledgerly", "2.0.0").await.unwrap();
    remedy("approves version 2.0.0").await;
    world.approve_app("ledgerly", "2.0.0").await.unwrap();
    assert_eq!(world.delistings(None).await, []);
    assert_eq!(world.listing("ledgerly").await.state(), v1::ListingState::Listed);
}

#[tokio::test]
async fn b82_b88_a_custom_account_waits_for_its_developer() {
    let world = World::new().await;
    world.company("7", CAROL).await;
    world.account(CAROL, "7", "sa-7", custom("bob@example.com")).await.unwrap();
    let list = world.company_list("7").await;
    assert_eq!(states(&list.steps), [Done, Waiting, Done, Done, Later]);
    let installation = &list.installations[0];
    assert_eq!((installation.application_id.as_str(), installation.application_name.as_str()), ("", "Bob"));
    assert_eq!(installation.developer_contacts, ["bob@example.com"]);
    assert!(installation.sentence.contains("name it on account sa-7"), "{installation:?}");
    world.clock.advance(days(40));
    let list = world.company_list("7").await;
    assert!(list.next_step.starts_with("Ask about 1 account"), "{list:?}");
    assert!(list.accounts[0].removal_sentence.starts_with("Ask Bob whether"), "{list:?}");
}

#[tokio::test]
async fn a_checklist_is_asked_for_by_application_or_by_person() {
    let world = World::new().await;
    let ask = async |request| refused(world.migrations().list_developer_checklists(request).await);
    let both = v1::ListDeveloperChecklistsRequest {
        application_id: "app".into(),
        collaborator: "ada@example.com".into(),
        ..Default::default()
    };
    assert_eq!(ask(both).await, "INVALID_FIELD");
    assert_eq!(ask(v1::ListDeveloperChecklistsRequest::default()).await, "INVALID_FIELD");
    let unknown = v1::ListDeveloperChecklistsRequest { application_id: "app".into(), ..Default::default() };
    assert_eq!(ask(unknown).await, "APPLICATION_NOT_FOUND");
}

#[tokio::test]
async fn b67_b74_the_class_says_when_creation_closes() {
    let world = World::new().await;
    let closes = async |world: &World| {
        let request = v1::GetCredentialClassRequest { as_of: None };
        world.classes("").get_credential_class(request).await.unwrap().into_inner().creation_close_time
    };
    assert_eq!(closes(&world).await, None);
    let sunset = start() + days(100);
    let first = v1::ReviseCredentialClassRequest { deprecate: time(start()), ..revision(None, time(sunset)) };
    world.revise(first).await.unwrap();
    assert_eq!(closes(&world).await, Some(timestamp(sunset)), "the sunset closes it without a cut-off");
    world.clock.advance(days(1));
    world.revise(revision(time(sunset - days(50)), None)).await.unwrap();
    assert_eq!(closes(&world).await, Some(timestamp(sunset - days(50))));
}
