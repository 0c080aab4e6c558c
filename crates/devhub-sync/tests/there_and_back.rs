//! Any entry is read as it was written.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Brownout, Change, CredentialClassEntry, Environment, ExemptionEntry, InstallationEntry,
    Lifecycle, Links, Maturity, NamespaceEntry, OperationEntry, Permissions, Replacement, Schedule,
    ServiceAccountEntry, StagePermissions, Standing, SubscriptionEntry, VersionEntry, VersionName, WaiverEntry,
};
use devhub_proto::v1;
use devhub_sync::{ROWS_BYTES, RowsWriter, read};
use proptest::prelude::*;
use prost::Message as _;

const HERE: Environment = Environment::Production;

fn text() -> impl Strategy<Value = Box<str>> {
    "[a-z]{0,4}".prop_map(String::into_boxed_str)
}

fn any_date() -> impl Strategy<Value = Option<DateTime<Utc>>> {
    let start = DateTime::from_timestamp(1_767_225_600, 0).expect("an instant");
    prop::option::of(
        (-1_000_000_000_000_000i64..1_000_000_000_000_000).prop_map(move |ns| start + TimeDelta::nanoseconds(ns)),
    )
}

fn date() -> impl Strategy<Value = DateTime<Utc>> {
    any_date().prop_map(|date| date.unwrap_or(DateTime::UNIX_EPOCH))
}

fn name() -> impl Strategy<Value = VersionName> {
    (text(), text()).prop_map(|(context, label)| VersionName { context, label })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        Just(Schedule::Open),
        (date(), any_date(), any_date()).prop_map(|(deprecated_at, sunset_begins_at, retires_at)| {
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at }
        }),
        date().prop_map(|retires_at| Schedule::Retirement { retires_at }),
    ]
}

fn links() -> impl Strategy<Value = Links> {
    let page = || prop::option::of("https://hub\\.example/[a-z]{0,4}".prop_map(String::into_boxed_str));
    (page(), page(), page()).prop_map(|(deprecation, sunset, successor)| Links { deprecation, sunset, successor })
}

fn brownouts() -> impl Strategy<Value = Box<[Brownout]>> {
    prop::collection::vec((date(), date()), 0..3)
        .prop_map(|windows| windows.into_iter().map(|(from, until)| Brownout { from, until }).collect())
}

fn permissions() -> impl Strategy<Value = StagePermissions> {
    any::<[(bool, bool, bool); 5]>().prop_map(|stages| {
        StagePermissions(stages.map(|(documentation, new_subscriptions, calls)| Permissions {
            documentation,
            new_subscriptions,
            calls,
        }))
    })
}

fn operation() -> impl Strategy<Value = OperationEntry> {
    let replacement = prop::option::of((name(), text(), text()))
        .prop_map(|found| found.map(|(version, method, path)| Replacement { version, method, path }));
    (text(), text(), schedule(), replacement, links()).prop_map(|(method, path, schedule, replacement, links)| {
        OperationEntry { method, path, schedule, replacement, links }
    })
}

fn version() -> impl Strategy<Value = Change> {
    let maturity = prop::sample::select(Maturity::ALL.to_vec());
    let parts = (name(), maturity, schedule(), permissions(), any::<(bool, bool)>());
    let ways = (prop::option::of(name()), links(), brownouts(), prop::collection::vec(operation(), 0..3));
    (parts, ways).prop_map(
        |((name, maturity, schedule, permissions, switches), (successor, links, brownouts, operations))| {
            Change::Version(VersionEntry {
                name,
                environment: HERE,
                lifecycle: Lifecycle { maturity, schedule },
                permissions,
                open_access: switches.0,
                company_scoped: switches.1,
                successor,
                links,
                brownouts,
                operations: operations.into(),
            })
        },
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    let environment = || prop::sample::select(Environment::ALL.to_vec());
    let namespace = (text(), schedule(), brownouts(), prop::option::of(text()), links()).prop_map(
        |(namespace, schedule, brownouts, successor, links)| {
            Change::Namespace(NamespaceEntry { namespace, environment: HERE, schedule, brownouts, successor, links })
        },
    );
    let application = (text(), text(), environment(), prop::sample::select(Standing::ALL.to_vec())).prop_map(
        |(client_id, application_id, environment, standing)| {
            Change::Application(ApplicationEntry { client_id, application_id, environment, standing })
        },
    );
    let subscription = (text(), name(), any::<bool>(), any_date()).prop_map(|(client_id, version, live, ends_at)| {
        // What removes says nothing else.
        let ends_at = ends_at.filter(|_| live);
        Change::Subscription(SubscriptionEntry { client_id, environment: HERE, version, live, ends_at })
    });
    let waiver = (text(), name(), any_date()).prop_map(|(client_id, version, until)| {
        Change::Waiver(WaiverEntry { client_id, environment: HERE, version, until })
    });
    let exemption = (text(), name(), any::<bool>()).prop_map(|(client_id, version, exempt)| {
        Change::Exemption(ExemptionEntry { client_id, environment: HERE, version, exempt })
    });
    let class = any_date().prop_map(|sunset_at| Change::CredentialClass(CredentialClassEntry { sunset_at }));
    let account = (text(), text(), text(), environment(), any::<bool>(), any_date()).prop_map(
        |(client_id, account_id, company_id, environment, live, extended_until)| {
            let account = ServiceAccountEntry { client_id, account_id, company_id, environment, live, extended_until };
            Change::ServiceAccount(account)
        },
    );
    let projects = prop::option::of(prop::collection::vec(text(), 0..3));
    let installation = (text(), text(), any::<bool>(), projects, any::<bool>()).prop_map(
        |(client_id, company_id, installed, projects, awaits_use)| {
            let projects = projects.map(Vec::into_boxed_slice);
            Change::Installation(InstallationEntry { client_id, company_id, installed, projects, awaits_use })
        },
    );
    prop_oneof![version(), namespace, application, subscription, waiver, exemption, class, account, installation]
}

/// Which kind, as rows of different kinds are told apart.
fn kind(change: &Change) -> std::mem::Discriminant<Change> {
    std::mem::discriminant(change)
}

proptest! {
    #[test]
    fn entries_are_read_as_they_were_written(changes in prop::collection::vec(any_change(), 0..60)) {
        let mut writer = RowsWriter::default();
        changes.iter().for_each(|change| writer.write(change));
        prop_assert_eq!(writer.count(), changes.len() as u64);
        let rows = writer.take();
        prop_assert_eq!(rows.is_none(), changes.is_empty());
        let bytes = rows.unwrap_or_default().encode_to_vec();
        let read = read(v1::SyncRows::decode(&*bytes).expect("it was encoded"), HERE).expect("it was written");
        // By kind in order: two kinds have no key in common.
        for change in &changes {
            let of_kind = |all: &[Change]| all.iter().filter(|one| kind(one) == kind(change)).cloned().collect::<Vec<_>>();
            prop_assert_eq!(of_kind(&read), of_kind(&changes));
        }
        prop_assert_eq!(read.len(), changes.len());
        prop_assert!(writer.take().is_none());
    }
}

#[test]
fn messages_are_of_a_good_size() {
    let mut writer = RowsWriter::default();
    for client in 0..10_000 {
        let version = VersionName::new("individuals/losses", "1.0");
        let client_id = format!("client-{client}").into();
        writer.write(&Change::Subscription(SubscriptionEntry {
            client_id,
            environment: HERE,
            version,
            live: true,
            ends_at: None,
        }));
        if writer.is_full() {
            let bytes = writer.take().expect("it is full").encoded_len();
            assert!((ROWS_BYTES / 2..ROWS_BYTES * 2).contains(&bytes), "{bytes}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_sentence() {
    let refused = |rows: v1::SyncRows| read(rows, HERE).expect_err("malformed").to_string();
    let application = v1::SyncApplication { environment: 7, ..Default::default() };
    let rows = v1::SyncRows { applications: vec![application], ..Default::default() };
    assert!(refused(rows).starts_with("environment: 7 "));
    let subscriptions = vec![v1::SyncSubscriptions { versions: vec![3], ..Default::default() }];
    assert_eq!(refused(v1::SyncRows { subscriptions, ..Default::default() }), "there is no name 3 in the message");
    let version = v1::SyncVersion {
        name: Some(v1::VersionName::default()),
        maturity: 1,
        permissions: 1 << 15,
        ..Default::default()
    };
    assert!(refused(v1::SyncRows { versions: vec![version], ..Default::default() }).starts_with("permissions: "));
    let links = Some(v1::SyncLinks { sunset: Some("https://a.example/\r\nx: y".into()), ..Default::default() });
    let namespaces = vec![v1::SyncNamespace { links, ..Default::default() }];
    assert!(refused(v1::SyncRows { namespaces, ..Default::default() }).starts_with("a page cannot stand in a header"));
}
