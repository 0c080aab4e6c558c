//! The facts that tests start from.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Brownout, Change, CredentialClassEntry, Environment, ExemptionEntry, InstallationEntry,
    Lifecycle, Limits, Links, Maturity, NamespaceEntry, OperationEntry, Permissions, Question, Replacement, Schedule,
    ServiceAccountEntry, Stage, StagePermissions, Standing, SubscriptionEntry, Table, VersionEntry, VersionName,
    WaiverEntry,
};

pub(crate) const CLIENT: &str = "client-7";
pub(crate) const APPLICATION: &str = "app-7";
pub(crate) const ACCOUNT: &str = "account-7";
pub(crate) const COMPANY: &str = "c1";
pub(crate) const CONTEXT: &str = "hello/world";
pub(crate) const LABEL: &str = "1.0";

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The instant at which deprecation takes effect wherever a test names "D".
pub(crate) fn d() -> DateTime<Utc> {
    date("D")
}

/// The instant at which retirement takes effect wherever a test names "R".
pub(crate) fn r() -> DateTime<Utc> {
    date("R")
}

/// The dates that rows and tests name by a letter, in their order in time.
pub(crate) const DATES: [(&str, &str); 7] = [
    ("D", "2025-01-15T00:00:00Z"),
    ("O", "2025-04-01T00:00:00Z"),
    ("S", "2025-05-01T00:00:00Z"),
    ("B", "2025-06-01T09:00:00Z"),
    ("E", "2025-06-01T10:00:00Z"),
    ("R", "2025-07-15T00:00:00Z"),
    ("W", "2025-08-15T00:00:00Z"),
];

/// The date of a letter.
pub(crate) fn date(letter: &str) -> DateTime<Utc> {
    let found = DATES.iter().find(|(name, _)| *name == letter);
    instant(found.unwrap_or_else(|| panic!("no date is called {letter}")).1)
}

pub(crate) const MS: TimeDelta = TimeDelta::milliseconds(1);
pub(crate) const ALLOW_TTL: TimeDelta = TimeDelta::seconds(300);
pub(crate) const DENY_TTL: TimeDelta = TimeDelta::seconds(60);

pub(crate) fn limits() -> Limits {
    Limits::new(ALLOW_TTL, DENY_TTL).unwrap()
}

/// ALPHA is documentation only, DEPRECATED takes no new subscription, RETIRED nothing.
pub(crate) fn permissions() -> StagePermissions {
    StagePermissions(Stage::ALL.map(|stage| Permissions {
        documentation: stage != Stage::Retired,
        new_subscriptions: matches!(stage, Stage::Beta | Stage::Stable),
        calls: matches!(stage, Stage::Beta | Stage::Stable | Stage::Deprecated),
    }))
}

pub(crate) fn links() -> Links {
    let url = |path: &str| Some(format!("https://hub.example/hello/{path}").into());
    Links::new(url("deprecation"), url("sunset"), url("2.0")).unwrap()
}

pub(crate) fn name(label: &str) -> VersionName {
    VersionName::new(CONTEXT, label)
}

/// STABLE in PRODUCTION, with a successor and links, and no end in sight.
pub(crate) fn version() -> VersionEntry {
    VersionEntry {
        name: name(LABEL),
        environment: Environment::Production,
        lifecycle: Lifecycle { maturity: Maturity::Stable, schedule: Schedule::Open },
        permissions: permissions(),
        open_access: false,
        company_scoped: false,
        successor: Some(name("2.0")),
        links: links(),
        brownouts: Box::default(),
        operations: Box::default(),
    }
}

pub(crate) fn deprecation() -> Schedule {
    Schedule::Deprecation { deprecated_at: d(), sunset_begins_at: None, retires_at: Some(r()) }
}

pub(crate) fn scheduled(schedule: Schedule) -> VersionEntry {
    let version = version();
    VersionEntry { lifecycle: Lifecycle { schedule, ..version.lifecycle }, ..version }
}

/// The brownout from B until E.
pub(crate) fn brownout() -> Brownout {
    Brownout { from: date("B"), until: date("E") }
}

/// GET /{id}/losses, replaced by an operation of version 2.0.
pub(crate) fn operation(schedule: Schedule) -> OperationEntry {
    OperationEntry {
        method: "GET".into(),
        path: "/{id}/losses".into(),
        schedule,
        replacement: Some(Replacement { version: name("2.0"), method: "POST".into(), path: "/losses".into() }),
        links: Links::default(),
    }
}

/// The namespace that the context of the version lies in; it is replaced by "rest".
pub(crate) fn namespace(schedule: Schedule) -> NamespaceEntry {
    NamespaceEntry {
        namespace: "hello".into(),
        environment: Environment::Production,
        schedule,
        brownouts: Box::default(),
        successor: Some("rest".into()),
        links: Links::default(),
    }
}

pub(crate) fn waiver(until: Option<DateTime<Utc>>) -> Change {
    let (client_id, environment) = (CLIENT.into(), Environment::Production);
    Change::Waiver(WaiverEntry { client_id, environment, version: name(LABEL), until })
}

pub(crate) fn exemption(exempt: bool) -> Change {
    let (client_id, environment) = (CLIENT.into(), Environment::Production);
    Change::Exemption(ExemptionEntry { client_id, environment, version: name(LABEL), exempt })
}

pub(crate) fn application() -> ApplicationEntry {
    ApplicationEntry {
        client_id: CLIENT.into(),
        application_id: APPLICATION.into(),
        environment: Environment::Production,
        standing: Standing::Usable,
    }
}

pub(crate) fn subscription() -> SubscriptionEntry {
    SubscriptionEntry {
        client_id: CLIENT.into(),
        environment: Environment::Production,
        version: name(LABEL),
        live: true,
        ends_at: None,
    }
}

pub(crate) fn question() -> Question<'static> {
    let environment = Environment::Production;
    Question {
        client_id: CLIENT,
        context: CONTEXT,
        label: LABEL,
        environment,
        operation: None,
        company: None,
        project: None,
    }
}

/// The same of a call that names a company, and a project if there is one.
pub(crate) fn question_about<'a>(company: &'a str, project: Option<&'a str>) -> Question<'a> {
    Question { company: Some(company), project, ..question() }
}

/// STABLE and company-scoped.
pub(crate) fn scoped_version() -> VersionEntry {
    VersionEntry { company_scoped: true, ..version() }
}

/// A service account of the company, in the place of the application.
pub(crate) fn account(extended_until: Option<DateTime<Utc>>) -> ServiceAccountEntry {
    ServiceAccountEntry {
        client_id: CLIENT.into(),
        account_id: ACCOUNT.into(),
        company_id: COMPANY.into(),
        environment: Environment::Production,
        live: true,
        extended_until,
    }
}

pub(crate) fn sunset(sunset_at: Option<DateTime<Utc>>) -> Change {
    Change::CredentialClass(CredentialClassEntry { sunset_at })
}

/// The application is installed in the company, for these projects if any are named.
pub(crate) fn installation(projects: Option<&[&str]>) -> InstallationEntry {
    InstallationEntry {
        client_id: CLIENT.into(),
        company_id: COMPANY.into(),
        installed: true,
        projects: projects.map(|projects| projects.iter().map(|project| (*project).into()).collect()),
        awaits_use: false,
    }
}

pub(crate) fn table(changes: impl IntoIterator<Item = Change>) -> Table {
    let table = Table::new();
    table.apply(1, changes.into_iter().collect());
    table
}

/// This version, and a usable application that is subscribed to it.
pub(crate) fn subscribed_to(version: VersionEntry) -> Table {
    table([Change::Version(version), Change::Application(application()), Change::Subscription(subscription())])
}

/// This version, and a usable application that is not subscribed to it.
pub(crate) fn not_subscribed_to(version: VersionEntry) -> Table {
    table([Change::Version(version), Change::Application(application())])
}
