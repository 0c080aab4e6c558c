//! The table equals the fold of the journal equals a naive scan of the records, and every decision equals that of a
//! second, obvious implementation; over random command sequences with a moving clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::{Clock, ManualClock};
use devhub::domain::actor::Actor;
use devhub::domain::app_version::{Component, CreateAppVersion};
use devhub::domain::application::{Application, State};
use devhub::domain::approve::{AdvanceApplication, Block, SetBlocked, Step};
use devhub::domain::company::{CreateCompany, PutProject, Tenancy};
use devhub::domain::exemption::{ChangeExemption, Part};
use devhub::domain::installation::{
    Approval, Install, Installed, NoteFirstUse, PermittedProjects, SetPermittedProjects, Uninstall, UpdateInstallation,
};
use devhub::domain::ledger::Target;
use devhub::domain::name::{ApplicationId, CompanyId, Context, VersionName};
use devhub::domain::record::{Record, RecordKey};
use devhub::domain::register::{DeleteApplication, RestoreApplication};
use devhub::domain::relocate::{MoveSubscription, Scope};
use devhub::domain::schedule::{ChangeLifecycle, LifecycleChange, NewDate, Step as Turn};
use devhub::domain::subscribe::{OneWay, Since, Subscribe, Unsubscribe};
use devhub::domain::tool::ToolPermissions;
use devhub::domain::undo::{UndoMove, UndoUnsubscribe};
use devhub::domain::waiver::{GrantWaiver, RevokeWaiver, WaiverKind};
use devhub::domain::{Command, Record as R};
use devhub::hub::{Hub, Request};
use devhub::store::Store;
use devhub::store::memory::Memory;
use devhub_decision::{Brownout, Environment, Limits, Maturity, Question, Reason, Stage, decide};
use proptest::prelude::*;

use crate::racing::{rules, scenario};
use crate::world::{CONTEXT, start};

pub(crate) const APPLICATIONS: usize = 4;
pub(crate) const VERSIONS: usize = 3;
pub(crate) const COMPANIES: usize = 2;

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Subscribe(usize, usize),
    Import(usize, usize, i64),
    Unsubscribe(usize, usize),
    Deprecate(usize, Option<i64>, Option<i64>),
    Retire(usize, Option<i64>),
    Promote(usize),
    Delete(usize),
    Restore(usize),
    Revise(usize, Option<i64>),
    Withdraw(usize),
    Reinstate(usize),
    Brownout(usize, i64),
    Block(usize),
    Unblock(usize),
    Advance(usize, usize),
    Move(usize, usize, usize, Option<i64>),
    UndoMove(usize, usize, usize),
    UndoUnsubscribe(usize, usize),
    Waive(usize, usize, usize, i64),
    Unwaive(usize, usize, usize),
    Exempt(usize, usize, bool),
    Release(usize),
    Install(usize, usize, Option<bool>),
    Update(usize, usize),
    Uninstall(usize, usize),
    Use(usize, usize, i64),
    Permit(usize, usize, bool),
    Wait(i64),
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let application = 0..APPLICATIONS;
    let version = 0..VERSIONS;
    let later = proptest::option::of(0i64..40);
    prop_oneof![
        6 => (application.clone(), version.clone()).prop_map(|(a, v)| Act::Subscribe(a, v)),
        2 => (application.clone(), version.clone(), -20i64..5).prop_map(|(a, v, d)| Act::Import(a, v, d)),
        2 => (application.clone(), version.clone()).prop_map(|(a, v)| Act::Unsubscribe(a, v)),
        2 => (version.clone(), later.clone(), later.clone()).prop_map(|(v, d, r)| Act::Deprecate(v, d, r)),
        1 => (version.clone(), later).prop_map(|(v, r)| Act::Retire(v, r)),
        1 => version.clone().prop_map(Act::Promote),
        1 => (version.clone(), proptest::option::of(0i64..40)).prop_map(|(v, r)| Act::Revise(v, r)),
        1 => version.clone().prop_map(Act::Withdraw),
        1 => version.clone().prop_map(Act::Reinstate),
        1 => (version, 0i64..20).prop_map(|(v, d)| Act::Brownout(v, d)),
        1 => application.clone().prop_map(Act::Delete),
        1 => application.clone().prop_map(Act::Restore),
        1 => application.clone().prop_map(Act::Block),
        1 => application.clone().prop_map(Act::Unblock),
        1 => (application, 0..Step::ALL.len()).prop_map(|(a, s)| Act::Advance(a, s)),
        3 => (0..APPLICATIONS, 0..VERSIONS, 0..VERSIONS, proptest::option::of(1i64..60))
            .prop_map(|(a, v, w, days)| Act::Move(a, v, w, days)),
        2 => (0..APPLICATIONS, 0..VERSIONS, 0..VERSIONS).prop_map(|(a, v, w)| Act::UndoMove(a, v, w)),
        2 => (0..APPLICATIONS, 0..VERSIONS).prop_map(|(a, v)| Act::UndoUnsubscribe(a, v)),
        3 => (0..APPLICATIONS, 0..VERSIONS, 0..WaiverKind::ALL.len(), 1i64..60)
            .prop_map(|(a, v, kind, days)| Act::Waive(a, v, kind, days)),
        1 => (0..APPLICATIONS, 0..VERSIONS, 0..WaiverKind::ALL.len()).prop_map(|(a, v, kind)| Act::Unwaive(a, v, kind)),
        2 => (0..APPLICATIONS, 0..VERSIONS, any::<bool>()).prop_map(|(a, v, exempt)| Act::Exempt(a, v, exempt)),
        2 => (0..APPLICATIONS).prop_map(Act::Release),
        3 => (0..APPLICATIONS, 0..COMPANIES, proptest::option::of(any::<bool>()))
            .prop_map(|(a, c, all)| Act::Install(a, c, all)),
        1 => (0..APPLICATIONS, 0..COMPANIES).prop_map(|(a, c)| Act::Update(a, c)),
        2 => (0..APPLICATIONS, 0..COMPANIES).prop_map(|(a, c)| Act::Uninstall(a, c)),
        1 => (0..APPLICATIONS, 0..COMPANIES, any::<bool>()).prop_map(|(a, c, all)| Act::Permit(a, c, all)),
        2 => (0..APPLICATIONS, 0..COMPANIES, 0i64..20).prop_map(|(a, c, ago)| Act::Use(a, c, ago)),
        4 => (1i64..30).prop_map(Act::Wait),
    ]
}

pub(crate) fn application(number: usize) -> ApplicationId {
    format!("app-{number}").parse().unwrap()
}

pub(crate) fn version(number: usize) -> VersionName {
    VersionName { context: CONTEXT.parse::<Context>().unwrap(), label: format!("{number}.0").parse().unwrap() }
}

pub(crate) fn company(number: usize) -> CompanyId {
    format!("company-{number}").parse().unwrap()
}

fn projects(all: bool) -> PermittedProjects {
    if all { PermittedProjects::All } else { PermittedProjects::Only(["north".parse().unwrap()].into()) }
}

/// The list of a company, and what the table says of it, by the records alone.
fn installs_agree(hub: &Hub) {
    let (mut entries, mut awaiting) = (0, 0);
    for c in 0..COMPANIES {
        let mut known = Vec::new();
        for a in 0..APPLICATIONS {
            let key = RecordKey::Installation(application(a), company(c));
            if let Some(R::Installation(installation)) = hub.get_one(key).unwrap().map(|stored| stored.record) {
                known.push(application(a));
                entries += usize::from(installation.is_installed());
                awaiting += usize::from(installation.awaits_use());
                for time in &installation.intervals {
                    assert!(time.first_used_at.is_none_or(|used_at| time.contains(used_at)), "{installation:?}");
                    assert!(time.service_account || time.first_used_at.is_none(), "{installation:?}");
                }
            }
        }
        assert_eq!(hub.index().installed_in(&company(c), None, APPLICATIONS), known, "company {c}");
    }
    let told: Vec<String> = hub.table().dump().into_iter().filter(|line| line.contains("company-")).collect();
    assert_eq!(told.len(), entries);
    assert_eq!(told.iter().filter(|line| line.ends_with("awaits its first use")).count(), awaiting);
}

pub(crate) fn command(act: &Act, clock: &ManualClock, number: usize) -> Option<Command> {
    let in_days = |days: &Option<i64>| days.map(|days| clock.now() + TimeDelta::days(days));
    let reason = String::new;
    let end = |number: usize, step: Turn| {
        let change = LifecycleChange {
            reason: "a test".into(),
            override_reason: "a test".into(),
            ..LifecycleChange::new(Target::Version(version(number), Environment::Sandbox), step)
        };
        ChangeLifecycle::from(change).into()
    };
    Some(match act {
        Act::Wait(_) => return None,
        Act::Subscribe(a, v) => scenario::subscribe(application(*a).as_str(), &version(*v), number),
        Act::Import(a, v, days) => Subscribe {
            id: format!("s-{number}").parse().unwrap(),
            application: application(*a),
            version: version(*v),
            since: Since::Elsewhere(clock.now() + TimeDelta::days(*days)),
            field_values: BTreeMap::new(),
        }
        .into(),
        Act::Unsubscribe(a, v) => Unsubscribe {
            application: application(*a),
            version: version(*v),
            one_way: OneWay::Acknowledged,
            reason: reason(),
            etag: None,
        }
        .into(),
        Act::Deprecate(v, deprecated_at, retires_at) => {
            let (deprecated_at, retires_at) = (in_days(deprecated_at), in_days(retires_at));
            end(*v, Turn::Deprecate { deprecated_at, sunset_begins_at: None, retires_at })
        }
        Act::Retire(v, retires_at) => end(*v, Turn::Retire { retires_at: in_days(retires_at) }),
        Act::Promote(v) => end(*v, Turn::Promote { maturity: Maturity::Stable, endpoints_enabled: false }),
        Act::Revise(v, days) => {
            let retires = in_days(days).map_or(NewDate::ToBeAnnounced, NewDate::At);
            end(*v, Turn::Revise { deprecated: NewDate::Keep, sunset_begins: NewDate::Keep, retires })
        }
        Act::Withdraw(v) => end(*v, Turn::Withdraw),
        Act::Reinstate(v) => end(*v, Turn::Reinstate { retires: NewDate::ToBeAnnounced }),
        Act::Brownout(v, days) => {
            let from = clock.now() + TimeDelta::days(*days);
            end(*v, Turn::ScheduleBrownout(Brownout { from, until: from + TimeDelta::hours(12) }))
        }
        Act::Move(a, v, w, days) => MoveSubscription {
            id: format!("s-{number}").parse().unwrap(),
            application: application(*a),
            from: version(*v),
            to: version(*w),
            overlap_until: in_days(days),
            field_values: BTreeMap::new(),
            scope: Scope::One,
            reason: reason(),
            etag: None,
        }
        .into(),
        Act::UndoMove(a, v, w) => UndoMove {
            application: application(*a),
            from: version(*v),
            to: version(*w),
            scope: Scope::One,
            reason: reason(),
            etag: None,
        }
        .into(),
        Act::UndoUnsubscribe(a, v) => {
            UndoUnsubscribe { application: application(*a), version: version(*v), reason: reason(), etag: None }.into()
        }
        Act::Waive(a, v, kind, days) => GrantWaiver {
            id: format!("w-{number}").parse().unwrap(),
            application: application(*a),
            version: version(*v),
            kind: WaiverKind::ALL[*kind],
            until: clock.now() + TimeDelta::days(*days),
            reason: "a test".into(),
            approver: "a test".into(),
            etag: None,
        }
        .into(),
        Act::Unwaive(a, v, kind) => RevokeWaiver {
            application: application(*a),
            version: version(*v),
            kind: WaiverKind::ALL[*kind],
            reason: "a test".into(),
            etag: None,
        }
        .into(),
        Act::Exempt(a, v, exempt) => ChangeExemption {
            application: application(*a),
            version: version(*v),
            part: if *exempt { Part::Exempt } else { Part::Taken },
            reason: "a test".into(),
            etag: None,
        }
        .into(),
        Act::Release(a) => CreateAppVersion {
            application: application(*a),
            number: format!("1.{number}.0").parse().unwrap(),
            components: [Component::ServiceAccountConnection].into(),
            permissions: ToolPermissions::default(),
            release_notes: String::new(),
            post_install_notes: String::new(),
            post_install_uri: String::new(),
            install_key: format!("key-{number:08}").parse().unwrap(),
        }
        .into(),
        Act::Install(a, c, all) => Install {
            application: application(*a),
            company: company(*c),
            version: None,
            projects: all.map(projects),
            service_user: format!("u-{number}").parse().unwrap(),
            approval: Approval::NotGiven,
            installed: Installed::Now,
            etag: None,
        }
        .into(),
        Act::Update(a, c) => UpdateInstallation {
            application: application(*a),
            company: company(*c),
            version: None,
            service_user: format!("u-{number}").parse().unwrap(),
            approval: Approval::NotGiven,
            etag: None,
        }
        .into(),
        Act::Uninstall(a, c) => {
            Uninstall { application: application(*a), company: company(*c), reason: reason(), etag: None }.into()
        }
        Act::Use(a, c, ago) => {
            let at = clock.now() - TimeDelta::days(*ago);
            NoteFirstUse { application: application(*a), company: company(*c), at }.into()
        }
        Act::Permit(a, c, all) => SetPermittedProjects {
            application: application(*a),
            company: company(*c),
            projects: projects(*all),
            etag: None,
        }
        .into(),
        Act::Delete(a) => DeleteApplication { id: application(*a), reason: reason(), etag: None }.into(),
        Act::Restore(a) => RestoreApplication { id: application(*a), reason: reason(), etag: None }.into(),
        Act::Block(a) => SetBlocked { id: application(*a), block: Block::Set, reason: reason(), etag: None }.into(),
        Act::Unblock(a) => {
            SetBlocked { id: application(*a), block: Block::Lifted, reason: reason(), etag: None }.into()
        }
        Act::Advance(a, s) => {
            AdvanceApplication { id: application(*a), step: Step::ALL[*s], reason: reason(), etag: None }.into()
        }
    })
}

/// The obvious second implementation: reads the records, asks the rules in their words, shares no code with `decide`.
fn naive(hub: &Hub, a: usize, v: usize) -> Reason {
    let now = hub.now();
    let keys = [
        RecordKey::Version(version(v)),
        RecordKey::Application(application(a)),
        RecordKey::Subscription(application(a), version(v)),
    ];
    let mut found = hub.get(&keys).unwrap().into_iter().map(|stored| stored.map(|stored| stored.record));
    let (Some(Some(R::Version(version))), application, subscription) =
        (found.next(), found.next().flatten(), found.next().flatten())
    else {
        return Reason::UnknownVersion;
    };
    let stage = version.stage(Environment::Sandbox, now).unwrap();
    let waived = waived(hub, a, v, now);
    if stage == Stage::Retired && !waived {
        return Reason::VersionRetired;
    }
    if stage == Stage::Alpha {
        return Reason::VersionNotCallable;
    }
    let brownouts = &version.deployments[&Environment::Sandbox].brownouts;
    let exempt = exempt(hub, a, v);
    if stage == Stage::Deprecated && !exempt && brownouts.iter().any(|window| window.from <= now && now < window.until)
    {
        return Reason::Brownout;
    }
    let Some(R::Application(Application { deletion, blocked, state, environment, .. })) = application else {
        return Reason::UnknownClient;
    };
    if environment != Environment::Sandbox {
        return Reason::EnvironmentMismatch;
    }
    if deletion.is_some() {
        return Reason::ApplicationDeleted;
    }
    if blocked {
        return Reason::ApplicationBlocked;
    }
    assert!(state == State::Production || environment == Environment::Sandbox);
    match subscription {
        Some(Record::Subscription(subscription))
            if subscription.ended.is_none()
                && subscription
                    .moved
                    .as_ref()
                    .is_none_or(|moved| moved.overlap_until.is_some_and(|until| now < until)) =>
        {
            if stage == Stage::Retired { Reason::Waived } else { Reason::Subscribed }
        }
        _ => Reason::NotSubscribed,
    }
}

fn waived(hub: &Hub, a: usize, v: usize, now: DateTime<Utc>) -> bool {
    let key = RecordKey::Waiver(application(a), version(v), WaiverKind::CallsPastRetirement);
    match hub.get_one(key).unwrap().map(|stored| stored.record) {
        Some(R::Waiver(waiver)) => waiver.revoked.is_none() && now < waiver.until,
        _ => false,
    }
}

fn exempt(hub: &Hub, a: usize, v: usize) -> bool {
    let key = RecordKey::Exemption(application(a), version(v));
    matches!(hub.get_one(key).unwrap().map(|stored| stored.record), Some(R::Exemption(e)) if e.part == Part::Exempt)
}

/// The counts of live subscriptions, by the records alone.
fn counts_agree(hub: &Hub) {
    let now = hub.now();
    for v in 0..VERSIONS {
        let Some(R::Version(found)) = hub.get_one(RecordKey::Version(version(v))).unwrap().map(|s| s.record) else {
            continue;
        };
        let live = (0..APPLICATIONS).filter(|a| {
            let keys = [RecordKey::Application(application(*a)), RecordKey::Subscription(application(*a), version(v))];
            let mut records = hub.get(&keys).unwrap().into_iter().flatten().map(|stored| stored.record);
            match (records.next(), records.next()) {
                (Some(R::Application(application)), Some(R::Subscription(subscription))) => {
                    subscription.end(Some(&application), Some(&found), now).is_none()
                }
                _ => false,
            }
        });
        let counted: u64 = hub.index().live_subscriptions(&version(v), now).values().sum();
        assert_eq!(counted, live.count() as u64, "version {v}");
    }
}

fn decision(hub: &Hub, a: usize, v: usize) -> Reason {
    let client_id = format!("client-app-{a}");
    let label = format!("{v}.0");
    let question = Question {
        client_id: &client_id,
        context: CONTEXT,
        label: &label,
        environment: Environment::Sandbox,
        operation: None,
        company: None,
        project: None,
    };
    let limits = Limits::new(TimeDelta::seconds(30), TimeDelta::seconds(30)).unwrap();
    hub.table().ask(&question, |facts| decide(facts, hub.now(), limits).reason)
}

/// A subscription held at any moment was made when the version took new ones, or by a waiver.
fn no_grant_after_deprecation(hub: &Hub) {
    for (a, v) in (0..APPLICATIONS).flat_map(|a| (0..VERSIONS).map(move |v| (a, v))) {
        let keys = [RecordKey::Version(version(v)), RecordKey::Subscription(application(a), version(v))];
        let mut found = hub.get(&keys).unwrap().into_iter().flatten().map(|stored| stored.record);
        let (Some(R::Version(version)), Some(R::Subscription(subscription))) = (found.next(), found.next()) else {
            continue;
        };
        let schedule = version.deployments[&Environment::Sandbox].lifecycle.schedule;
        if subscription.waiver.is_some() {
            continue;
        }
        if let Some(end) = schedule.deprecated_at().or(schedule.retires_at()) {
            assert!(subscription.since < end, "{} made at {}, closed at {end}", version.name, subscription.since);
        }
    }
}

/// An API with versions, applications and companies, for acts to be about.
pub(crate) async fn furnish(hub: &Hub) {
    let operator: Actor = crate::world::OPERATOR.parse().unwrap();
    let request = || Request::once();
    let api = devhub::domain::api::CreateApi {
        context: CONTEXT.parse().unwrap(),
        title: "Losses".into(),
        description: String::new(),
        policy: "hmrc-mtd".parse().unwrap(),
        categories: Vec::new(),
    };
    hub.execute(operator.clone(), api.into(), request()).await.unwrap();
    // The last version and application of the model stay unknown, so that "unknown" is asked about too.
    for v in 0..VERSIONS - 1 {
        hub.execute(operator.clone(), scenario::version(&version(v)), request()).await.unwrap();
    }
    for a in 0..APPLICATIONS - 1 {
        hub.execute(operator.clone(), scenario::application(application(a).as_str()), request()).await.unwrap();
    }
    // So does the last company.
    for c in 0..COMPANIES - 1 {
        let made = CreateCompany {
            id: company(c),
            name: "A company".into(),
            tenancy: Tenancy::DevelopmentSandbox,
            region: String::new(),
            zone: None,
            administrators: ["carol@example.com".parse().unwrap()].into(),
        };
        hub.execute(operator.clone(), made.into(), request()).await.unwrap();
        let project = PutProject { company: company(c), id: "north".parse().unwrap(), name: "North".into() };
        hub.execute(operator.clone(), project.into(), request()).await.unwrap();
    }
}

async fn play(acts: &[Act]) {
    let clock = ManualClock::at(start());
    let store = Arc::new(Memory::open().unwrap());
    let hub = Hub::open(Arc::clone(&store) as Arc<dyn Store>, rules(), Arc::new(clock.clone())).unwrap();
    furnish(&hub).await;
    let operator: Actor = crate::world::OPERATOR.parse().unwrap();
    for (number, act) in acts.iter().enumerate() {
        if let Act::Wait(days) = act {
            clock.advance(TimeDelta::days(*days));
        }
        if let Some(command) = command(act, &clock, number) {
            // Refusals are part of the game; whatever the answer, the invariants hold.
            let _ = hub.execute(operator.clone(), command, Request::once()).await;
        }
        for (a, v) in (0..APPLICATIONS).flat_map(|a| (0..VERSIONS).map(move |v| (a, v))) {
            assert_eq!(decision(&hub, a, v), naive(&hub, a, v), "application {a}, version {v} after {act:?}");
        }
        no_grant_after_deprecation(&hub);
        counts_agree(&hub);
        installs_agree(&hub);
    }
    let table = hub.table().dump();
    assert_eq!(table, hub.table_at(store.head().revision).unwrap().dump(), "the fold of the journal");
    assert_eq!(table, hub.table_from_records().unwrap().dump(), "the naive scan of the records");
    let reopened = Hub::open(Arc::clone(&store) as Arc<dyn Store>, rules(), Arc::new(clock));
    assert!(reopened.is_err(), "one sink for the life of a store");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn table_journal_and_records_agree(acts in proptest::collection::vec(act(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(&acts));
    }
}

#[tokio::test]
async fn the_embedded_engine_serves_the_same_table_after_a_restart() {
    use devhub_proto::v1;
    let mut world = crate::world::World::usual().await;
    world.version("2.0", v1::Maturity::Beta).await;
    for id in ["one", "two", "three"] {
        world.application(id).await;
        world.subscribe(crate::world::ADA, id, "1.0").await.unwrap();
        world.subscribe(crate::world::ADA, id, "2.0").await.unwrap();
    }
    world.unsubscribe(crate::world::ADA, "two", "2.0", false).await.unwrap();
    world.deprecate("1.0", None, Some(start() + TimeDelta::days(200))).await.unwrap();
    let delete = v1::DeleteApplicationRequest { application_id: "three".into(), ..Default::default() };
    world.applications(crate::world::ADA).delete_application(delete).await.unwrap();
    let running = world.hub().table().dump();
    world.restart().await;
    let hub = world.hub();
    assert_eq!(running, hub.table().dump(), "loaded from the state");
    assert_eq!(running, hub.table_at(hub.store().head().revision).unwrap().dump(), "folded from the journal");
    assert_eq!(running, hub.table_from_records().unwrap().dump(), "scanned from the records");
    assert!(running.len() >= 10, "{running:#?}");
}
