//! The migration away from traditional service accounts as it really went (domain.md 2.3): five revisions of the dates,
//! three companies: one migrates early, one in the overlap, one never.

use chrono::{DateTime, TimeDelta, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::accounts::{CAROL, marketplace, published, revision, undefined};
use crate::promoting::{OWNER, app_version};
use crate::world::*;

pub(crate) const SCOPED: &str = "2.0";
pub(crate) const EARLY: &str = "early";
pub(crate) const OVERLAP: &str = "overlap";
pub(crate) const NEVER: &str = "never";

impl World {
    pub(crate) async fn installs(&self, company: &str) {
        let request = v1::InstallRequest {
            application_id: "ledgerly".into(),
            company_id: company.into(),
            version: "1.0.0".into(),
            permitted_projects: Some(v1::PermittedProjects { all: true, project_ids: Vec::new() }),
            ..Default::default()
        };
        self.installations(CAROL).install(request).await.unwrap();
    }

    pub(crate) async fn uninstalls(&self, company: &str) {
        let request = v1::UninstallRequest {
            application_id: "ledgerly".into(),
            company_id: company.into(),
            ..Default::default()
        };
        self.installations(CAROL).uninstall(request).await.unwrap();
    }

    pub(crate) async fn removes(&self, company: &str) {
        let request = v1::RemoveServiceAccountRequest {
            company_id: company.into(),
            account_id: format!("sa-{company}"),
            acknowledge_recent_use: true,
            reason: "replaced".into(),
            ..Default::default()
        };
        self.accounts(CAROL).remove_service_account(request).await.unwrap();
    }

    /// What a call with the old account of a company is told, and one with the application's own credentials.
    async fn told(&self, company: &str) -> String {
        let request = v1::GetServiceAccountRequest { account_id: format!("sa-{company}") };
        let account = self.accounts("").get_service_account(request).await.unwrap().into_inner().account.unwrap();
        let old = v1::AuthorizeRequest {
            client_id: account.client_id,
            environment: v1::Environment::Production.into(),
            ..question("ledgerly", SCOPED)
        };
        let new = v1::AuthorizeRequest {
            environment: v1::Environment::Production.into(),
            company_id: Some(company.into()),
            ..question("ledgerly", SCOPED)
        };
        let old = self.gateway().authorize(old).await.unwrap().into_inner();
        let new = self.gateway().authorize(new).await.unwrap().into_inner();
        format!("old {}, new {}", words(&old), words(&new))
    }

    /// The migration of a company.
    pub(crate) async fn migration(&self, company: &str) -> v1::Migration {
        let filter = Some(v1::MigrationFilter { company_id: company.into(), ..Default::default() });
        let request = v1::ListMigrationsRequest { filter, ..Default::default() };
        let found = self.migrations().list_migrations(request).await.unwrap().into_inner().migrations;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    pub(crate) async fn phase(&self, company: &str) -> String {
        let migration = self.migration(company).await;
        migration.phase().as_str_name().trim_start_matches("MIGRATION_PHASE_").to_owned()
    }

    /// Records which installations were used for the first time, as the server does from time to time.
    pub(crate) async fn note(&self) {
        self.hub().note_first_uses().await.unwrap();
    }

    async fn phases(&self) -> [String; 3] {
        [self.phase(EARLY).await, self.phase(OVERLAP).await, self.phase(NEVER).await]
    }

    /// At risk, unfinished, and with a confirmed cutover, at the beginning of each day.
    async fn burn_down(&self, from: DateTime<Utc>, days: i32) -> Vec<(u64, u64, u64)> {
        let request = v1::GetMigrationBurnDownRequest { filter: None, from_time: Some(timestamp(from)), days };
        let answer = self.migrations().get_migration_burn_down(request).await.unwrap().into_inner();
        let confirmed =
            answer.phases.iter().position(|phase| *phase == v1::MigrationPhase::CutoverConfirmed as i32).unwrap();
        answer.days.iter().map(|day| (day.at_risk, day.unfinished, day.counts[confirmed])).collect()
    }

    async fn funnel(&self, at: DateTime<Utc>, supposed: Option<DateTime<Utc>>) -> v1::GetMigrationFunnelResponse {
        let request = v1::GetMigrationFunnelRequest {
            filter: None,
            at: Some(timestamp(at)),
            supposed_sunset_time: supposed.map(timestamp),
        };
        self.migrations().get_migration_funnel(request).await.unwrap().into_inner()
    }

    pub(crate) async fn announce(&self, number: usize) {
        let (announced, request) = published()[number].clone();
        self.clock.set(announced);
        self.revise(request).await.unwrap();
    }
}

/// The world of 2021: an API whose calls are about one company, the developer's application with a subscription, and a
/// company for each of the three ways that a migration can go.
pub(crate) async fn before() -> World {
    // Whoever wants first uses to be recorded says when.
    let world = World::with(|config| config.usage_flush_seconds = 3600).await;
    world.clock.set(instant("2021-06-01T00:00:00Z"));
    world.api_with(CONTEXT, "procore-rest").await;
    furnish(&world).await;
    world
}

/// What this world has besides its API.
pub(crate) async fn furnish(world: &World) {
    let deployment = deployment(v1::Environment::Production, v1::Maturity::Stable);
    let version = v1::ApiVersion { company_scoped: true, ..version(SCOPED, vec![deployment]) };
    world.publish(version).await.unwrap();
    world.production_app("ledgerly").await;
    world.organisation(OWNER, v1::OrganisationStatus::VerifiedPartner).await;
    world.subscribe(ADA, "ledgerly", SCOPED).await.unwrap();
    for company in [EARLY, OVERLAP, NEVER] {
        world.company(company, CAROL).await;
    }
}

fn is(phases: [&str; 3]) -> [String; 3] {
    phases.map(str::to_owned)
}

#[tokio::test]
async fn b69_b70_b81_b82_b83_b85_the_real_timeline_with_three_companies() {
    let mut world = before().await;
    world.account(CAROL, EARLY, "sa-early", marketplace("ledgerly")).await.unwrap();
    world.account(CAROL, OVERLAP, "sa-overlap", undefined()).await.unwrap();
    world.account(CAROL, NEVER, "sa-never", marketplace("ledgerly")).await.unwrap();
    let started = "NOT_STARTED";
    assert_eq!(world.phases().await, is([started, "BLOCKED_UNKNOWN_OWNER", started]));
    assert_eq!(world.told(EARLY).await, "old ALLOW SERVICE_ACCOUNT, new DENY NOT_INSTALLED");

    // r0: the developer ships, the first company moves at once, long before the date.
    world.announce(0).await;
    world.clock.set(instant("2022-03-01T00:00:00Z"));
    world.make(app_version("ledgerly", "1.0.0")).await.unwrap();
    world.promote_app("ledgerly", "1.0.0").await.unwrap();
    let ready = "DEVELOPER_READY";
    assert_eq!(world.phases().await, is([ready, "BLOCKED_UNKNOWN_OWNER", ready]));
    world.clock.set(instant("2022-04-01T00:00:00Z"));
    world.installs(EARLY).await;
    // The overlap: both pass, until the old one is removed (rule B83).
    assert_eq!(world.phase(EARLY).await, "INSTALLED");
    assert_eq!(world.told(EARLY).await, "old ALLOW SERVICE_ACCOUNT, new ALLOW SUBSCRIBED");
    world.note().await;
    assert_eq!(world.phase(EARLY).await, "CUTOVER_CONFIRMED");
    world.clock.set(instant("2022-05-01T00:00:00Z"));
    world.removes(EARLY).await;
    assert_eq!(world.told(EARLY).await, "old DENY UNKNOWN_CLIENT, new ALLOW SUBSCRIBED");
    assert_eq!(world.phases().await, is(["OLD_ACCOUNT_REMOVED", "BLOCKED_UNKNOWN_OWNER", ready]));

    // The door closes on 1 August 2022, and r1 opens it again; the first sunset comes and goes without effect.
    world.clock.set(instant("2022-08-01T07:00:00Z"));
    assert_eq!(refused(world.account(CAROL, NEVER, "sa-late", undefined()).await), "CREATION_CLOSED");
    world.announce(1).await;
    world.account(CAROL, NEVER, "sa-reopened", marketplace("ledgerly")).await.unwrap();
    world.clock.set(instant("2023-01-31T08:00:00Z"));
    assert_eq!(world.told(NEVER).await, "old ALLOW SERVICE_ACCOUNT, new DENY NOT_INSTALLED");

    // r2, r3 and r4; the second company says whose its account is, and installs in the last weeks.
    world.announce(2).await;
    let classify = v1::ClassifyServiceAccountRequest {
        company_id: OVERLAP.into(),
        account_id: "sa-overlap".into(),
        account_type: Some(marketplace("ledgerly")),
        ..Default::default()
    };
    world.accounts(CAROL).classify_service_account(classify).await.unwrap();
    assert_eq!(world.phase(OVERLAP).await, ready);
    world.announce(3).await;
    world.announce(4).await;
    world.clock.set(instant("2025-03-01T00:00:00Z"));
    world.installs(OVERLAP).await;
    world.uninstalls(OVERLAP).await;
    assert_eq!(world.phase(OVERLAP).await, ready, "B89: fallen back");
    world.clock.set(instant("2025-03-02T00:00:00Z"));
    world.installs(OVERLAP).await;
    assert_eq!(world.phase(OVERLAP).await, "INSTALLED");
    // Three days later the new identity calls, and the company knows that the old account can go.
    let called = instant("2025-03-05T12:00:00Z");
    world.clock.set(called);
    assert_eq!(world.told(OVERLAP).await, "old ALLOW SERVICE_ACCOUNT, new ALLOW SUBSCRIBED");
    world.note().await;
    let migration = world.migration(OVERLAP).await;
    assert_eq!((migration.phase(), migration.at_risk), (v1::MigrationPhase::CutoverConfirmed, false));
    assert_eq!(migration.first_use_time, Some(timestamp(called)));
    assert!(migration.next_step.contains("removes the old account"), "{}", migration.next_step);

    // The sunset, to the millisecond: 18 March 2025, not the 24th that some pages still said.
    let sunset = instant("2025-03-18T07:00:00Z");
    world.clock.set(sunset - ms(1));
    assert_eq!(world.told(OVERLAP).await, "old ALLOW SERVICE_ACCOUNT, new ALLOW SUBSCRIBED");
    assert_eq!(world.told(NEVER).await, "old ALLOW SERVICE_ACCOUNT, new DENY NOT_INSTALLED");
    for now in [sunset, sunset + ms(1)] {
        world.clock.set(now);
        assert_eq!(world.told(OVERLAP).await, "old DENY SERVICE_ACCOUNT_SUNSET, new ALLOW SUBSCRIBED");
        assert_eq!(world.told(NEVER).await, "old DENY SERVICE_ACCOUNT_SUNSET, new DENY NOT_INSTALLED");
    }
    assert_eq!(world.phases().await, is(["OLD_ACCOUNT_REMOVED", "COMPLETE_BY_SUNSET", "EXPIRED"]));

    // What the charts say, and that a restart, which reads everything anew, says the same of every day.
    let from = instant("2021-05-31T00:00:00Z");
    let days = i32::try_from((sunset - from).num_days()).unwrap() + 3;
    let told = world.burn_down(from, days).await;
    let on = |day: &str| told[usize::try_from((instant(day) - from).num_days()).unwrap()];
    let expected = [
        ("2021-05-31T00:00:00Z", (0, 0, 0)),
        ("2021-06-02T00:00:00Z", (3, 3, 0)),
        ("2022-03-31T00:00:00Z", (3, 3, 0)),
        ("2022-04-01T00:00:00Z", (2, 3, 1)),
        ("2022-05-01T00:00:00Z", (2, 2, 0)),
        ("2025-03-03T00:00:00Z", (1, 2, 0)),
        ("2025-03-05T00:00:00Z", (1, 2, 0)),
        ("2025-03-06T00:00:00Z", (1, 2, 1)),
        ("2025-03-18T00:00:00Z", (1, 2, 1)),
        ("2025-03-19T00:00:00Z", (1, 1, 0)),
    ];
    for (day, figures) in expected {
        assert_eq!(on(day), figures, "at risk, unfinished and confirmed on {day}");
    }
    world.restart().await;
    assert_eq!(world.burn_down(from, days).await, told);
    for (place, day) in (0..).map(|number| from + TimeDelta::days(number)).take(told.len()).enumerate().step_by(37) {
        let funnel = world.funnel(day, None).await;
        let confirmed = funnel.phases.iter().find(|count| count.phase() == v1::MigrationPhase::CutoverConfirmed);
        let figures = (funnel.at_risk, funnel.total - funnel.finished, confirmed.unwrap().count);
        assert_eq!(figures, told[place], "{day}");
    }
    for (at, confirmed) in [(called - ms(1), 0), (called, 1), (called + ms(1), 1), (sunset - ms(1), 1), (sunset, 0)] {
        let counts = world.funnel(at, None).await.phases;
        let found = counts.iter().find(|count| count.phase() == v1::MigrationPhase::CutoverConfirmed);
        assert_eq!(found.unwrap().count, confirmed, "{at}");
    }
    let reopened = v1::ListReopenedAccountsRequest::default();
    let reopened = world.migrations().list_reopened_accounts(reopened).await.unwrap().into_inner();
    assert_eq!(reopened.windows.iter().map(|window| window.accounts).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(reopened.accounts[0].account_id, "sa-reopened");
}

#[tokio::test]
async fn b88_an_extension_lets_one_company_go_on_and_a_supposed_date_shows_who_would_be_hit() {
    let world = before().await;
    for company in [EARLY, NEVER] {
        world.account(CAROL, company, &format!("sa-{company}"), marketplace("ledgerly")).await.unwrap();
    }
    let now = instant("2021-06-01T00:00:00Z");
    let sunset = now + days(100);
    let at = |instant| Some(v1::ClassDate { value: Some(v1::class_date::Value::Time(timestamp(instant))) });
    let dates = v1::ReviseCredentialClassRequest { deprecate: at(now), ..revision(at(now + days(50)), at(sunset)) };
    world.revise(dates).await.unwrap();
    let extend = v1::ExtendServiceAccountsRequest {
        company_id: NEVER.into(),
        until_time: Some(timestamp(sunset + days(30))),
        reason: "payroll".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    };
    world.accounts(OPERATOR).extend_service_accounts(extend).await.unwrap();
    let old = |told: String| told.split(", ").next().unwrap().to_owned();
    let table = [
        (sunset - ms(1), EARLY, "old ALLOW SERVICE_ACCOUNT"),
        (sunset, EARLY, "old DENY SERVICE_ACCOUNT_SUNSET"),
        (sunset, NEVER, "old ALLOW SERVICE_ACCOUNT"),
        (sunset + days(30) - ms(1), NEVER, "old ALLOW SERVICE_ACCOUNT"),
        (sunset + days(30), NEVER, "old DENY SERVICE_ACCOUNT_SUNSET"),
    ];
    for (now, company, expected) in table {
        world.clock.set(now);
        assert_eq!(old(world.told(company).await), expected, "{company} at {now}");
    }
    let expired = |funnel: v1::GetMigrationFunnelResponse| {
        funnel.phases.iter().find(|count| count.phase() == v1::MigrationPhase::Expired).unwrap().count
    };
    let at = sunset + days(10);
    assert_eq!(expired(world.funnel(at, None).await), 1);
    assert_eq!(expired(world.funnel(at, Some(at + days(1))).await), 0);
}

#[tokio::test]
async fn a_forecast_goes_by_the_last_four_weeks_and_says_who_will_miss_the_date() {
    let world = before().await;
    for company in [EARLY, OVERLAP, NEVER] {
        world.account(CAROL, company, &format!("sa-{company}"), marketplace("ledgerly")).await.unwrap();
    }
    world.make(app_version("ledgerly", "1.0.0")).await.unwrap();
    world.promote_app("ledgerly", "1.0.0").await.unwrap();
    world.clock.advance(days(40));
    world.installs(EARLY).await;
    world.clock.advance(days(1));
    let ask = |supposed: Option<DateTime<Utc>>| v1::GetMigrationForecastRequest {
        filter: None,
        supposed_sunset_time: supposed.map(timestamp),
    };
    let now = instant("2021-06-01T00:00:00Z") + days(41);
    let forecast = world.migrations().get_migration_forecast(ask(None)).await.unwrap().into_inner();
    assert_eq!((forecast.remaining, forecast.secured_lately, forecast.sunset_time), (2, 1, None));
    // One in four weeks, so two in eight.
    let finish = forecast.expected_finish_time.unwrap().seconds - timestamp(now).seconds;
    assert!((finish - 56 * 86_400).abs() < 60, "{finish}");
    assert!(forecast.earliest_finish_time.unwrap().seconds < forecast.expected_finish_time.unwrap().seconds);
    let soon = world.migrations().get_migration_forecast(ask(Some(now + days(28)))).await.unwrap().into_inner();
    assert_eq!((soon.expected_missed, soon.most_missed), (Some(1), Some(2)));
    let request = v1::ListMigrationsRequest { at_risk_only: true, page_size: 1, ..Default::default() };
    let first = world.migrations().list_migrations(request.clone()).await.unwrap().into_inner();
    let second = v1::ListMigrationsRequest { page_token: first.next_page_token, ..request };
    let second = world.migrations().list_migrations(second).await.unwrap().into_inner();
    let named: Vec<_> = first.migrations.iter().chain(&second.migrations).map(|m| m.company_id.clone()).collect();
    assert_eq!(named, [NEVER, OVERLAP]);
    let next = &first.migrations[0];
    assert_eq!(next.company_administrators, ["carol@builders.example"]);
    assert_eq!(next.developer_contacts, ["ada@example.com"]);
    assert!(next.next_step.contains("installs"), "{next:?}");
}
