//! The facts that tests start from.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Change, Environment, Lifecycle, Limits, Links, Maturity, Permissions, Question, Schedule, Stage,
    StagePermissions, Standing, SubscriptionEntry, Table, VersionEntry, VersionName,
};

pub(crate) const CLIENT: &str = "client-7";
pub(crate) const APPLICATION: &str = "app-7";
pub(crate) const CONTEXT: &str = "hello/world";
pub(crate) const LABEL: &str = "1.0";

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The instant at which deprecation takes effect wherever a test names "D".
pub(crate) fn d() -> DateTime<Utc> {
    instant("2025-01-15T00:00:00Z")
}

/// The instant at which retirement takes effect wherever a test names "R".
pub(crate) fn r() -> DateTime<Utc> {
    instant("2025-07-15T00:00:00Z")
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
    Question {
        client_id: CLIENT,
        context: CONTEXT,
        label: LABEL,
        environment: Environment::Production,
        operation: None,
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
