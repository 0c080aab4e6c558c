//! Phases of migrations for any history: the roster that follows commits, the one that is folded from the journal, the one
//! that is scanned from the records, and a second, obvious reading of the facts alone say the same of any instant.

mod naive;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::{Clock, ManualClock};
use devhub::domain::app_version::{Component, CreateAppVersion, PromoteAppVersion};
use devhub::domain::application::{Kind, Persona, Role};
use devhub::domain::company::{CreateCompany, Tenancy};
use devhub::domain::credential_class::{ClassStep, Earlier, ReviseCredentialClass};
use devhub::domain::installation::{
    Approval, Install, Installed, NoteFirstUse, PermittedProjects, Uninstall, UpdateInstallation,
};
use devhub::domain::name::{AccountId, ApplicationId, ClientId, CompanyId};
use devhub::domain::organisation::{OrganisationStatus, SetOrganisation};
use devhub::domain::register::{ClientIdOrigin, CreateApplication};
use devhub::domain::schedule::NewDate;
use devhub::domain::service_account::{
    AccountType, ClassifyServiceAccount, CreateServiceAccount, Created, ExtendServiceAccounts, RecentUse,
    RemoveServiceAccount, ShortenExtension,
};
use devhub::domain::tool::ToolPermissions;
use devhub::domain::{Actor, Command};
use devhub::hub::{FactFilter, Hub, MigrationFilter, Request};
use devhub::store::memory::Memory;
use devhub_decision::Environment;
use proptest::prelude::*;

use self::naive::Told;
use crate::racing::rules;
use crate::world::{OPERATOR, start};

const APPLICATIONS: usize = 3;
const COMPANIES: usize = 3;
const ACCOUNTS: usize = 6;
const NUMBERS: usize = 4;

/// Whose application an account is for.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Nobodys,
    Market(usize),
    Custom(Option<usize>),
}

/// Days from the beginning of what an act is about, or from now.
type Days = i64;

#[derive(Debug, Clone)]
enum Act {
    Create(usize, usize, Whose),
    Bring(usize, usize, Whose, Days),
    Classify(usize, usize, Whose),
    Remove(usize, usize),
    Release(usize, usize, bool),
    Promote(usize, usize),
    Install(usize, usize, Option<usize>),
    Settle(usize, usize, usize, Days),
    Update(usize, usize, usize),
    Uninstall(usize, usize),
    Use(usize, usize, Days),
    Revise(Option<Days>, Option<Days>, Option<Days>),
    SunsetNow,
    Extend(usize, Days),
    Shorten(usize, Option<Days>),
    Wait(i64),
}

fn whose() -> impl Strategy<Value = Whose> {
    prop_oneof![
        2 => Just(Whose::Nobodys),
        4 => (0..APPLICATIONS).prop_map(Whose::Market),
        1 => proptest::option::of(0..APPLICATIONS).prop_map(Whose::Custom),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let (account, company, application, number) = (0..ACCOUNTS, 0..COMPANIES, 0..APPLICATIONS, 0..NUMBERS);
    prop_oneof![
        5 => (company.clone(), account.clone(), whose()).prop_map(|(c, n, w)| Act::Create(c, n, w)),
        4 => (company.clone(), account.clone(), whose(), 0i64..80).prop_map(|(c, n, w, d)| Act::Bring(c, n, w, d)),
        3 => (company.clone(), account.clone(), whose()).prop_map(|(c, n, w)| Act::Classify(c, n, w)),
        2 => (company.clone(), account).prop_map(|(c, n)| Act::Remove(c, n)),
        3 => (application.clone(), number.clone(), any::<bool>()).prop_map(|(a, v, s)| Act::Release(a, v, s)),
        3 => (application.clone(), number.clone()).prop_map(|(a, v)| Act::Promote(a, v)),
        4 => (application.clone(), company.clone(), proptest::option::of(number.clone()))
            .prop_map(|(a, c, v)| Act::Install(a, c, v)),
        3 => (application.clone(), company.clone(), number.clone(), 0i64..80)
            .prop_map(|(a, c, v, d)| Act::Settle(a, c, v, d)),
        2 => (application.clone(), company.clone(), number).prop_map(|(a, c, v)| Act::Update(a, c, v)),
        2 => (application, company.clone()).prop_map(|(a, c)| Act::Uninstall(a, c)),
        3 => (0..APPLICATIONS, 0..COMPANIES, 0i64..20).prop_map(|(a, c, d)| Act::Use(a, c, d)),
        3 => (proptest::option::of(-60i64..60), proptest::option::of(-60i64..60), proptest::option::of(0i64..40))
            .prop_map(|(cutoff, sunset, announced)| Act::Revise(cutoff, sunset, announced)),
        1 => Just(Act::SunsetNow),
        2 => (company.clone(), 0i64..90).prop_map(|(c, d)| Act::Extend(c, d)),
        1 => (company, proptest::option::of(0i64..60)).prop_map(|(c, d)| Act::Shorten(c, d)),
        4 => (1i64..30).prop_map(Act::Wait),
    ]
}

fn application(number: usize) -> ApplicationId {
    format!("app-{number}").parse().unwrap()
}

fn company(number: usize) -> CompanyId {
    format!("company-{number}").parse().unwrap()
}

fn account(number: usize) -> AccountId {
    format!("sa-{number}").parse().unwrap()
}

fn whose_type(whose: Whose) -> AccountType {
    match whose {
        Whose::Nobodys => AccountType::Undefined,
        Whose::Market(number) => AccountType::Marketplace(application(number)),
        Whose::Custom(number) => AccountType::Custom {
            description: "a copy".into(),
            developer_name: "Bob".into(),
            developer_email: "bob@example.com".parse().unwrap(),
            application: number.map(application),
        },
    }
}

fn create(c: usize, n: usize, whose: Whose, created: Created) -> Command {
    let client_id: ClientId = format!("client-sa-{n}").parse().unwrap();
    CreateServiceAccount {
        id: account(n),
        client_id,
        client_id_origin: ClientIdOrigin::Brought,
        company: company(c),
        name: format!("Account {n}"),
        account_type: whose_type(whose),
        permissions: ToolPermissions::default(),
        created,
    }
    .into()
}

fn install(a: usize, c: usize, version: Option<usize>, installed: Installed, number: usize) -> Command {
    Install {
        application: application(a),
        company: company(c),
        version: version.map(|version| format!("{version}.0.0").parse().unwrap()),
        projects: Some(PermittedProjects::All),
        service_user: format!("u-{number}").parse().unwrap(),
        approval: Approval::NotGiven,
        installed,
        etag: None,
    }
    .into()
}

fn command(act: &Act, hub: &Hub, now: DateTime<Utc>, number: usize) -> Option<Command> {
    let reason = || "a test".to_owned();
    let all_accounts = |c: usize| hub.roster().accounts_of(&company(c), None, ACCOUNTS).into_iter().collect();
    Some(match *act {
        Act::Wait(_) => return None,
        Act::Create(c, n, whose) => create(c, n, whose, Created::Now(None)),
        Act::Bring(c, n, whose, ago) => create(c, n, whose, Created::Elsewhere(now - TimeDelta::days(ago))),
        Act::Classify(c, n, whose) => {
            ClassifyServiceAccount { company: company(c), id: account(n), account_type: whose_type(whose), etag: None }
                .into()
        }
        Act::Remove(c, n) => RemoveServiceAccount {
            company: company(c),
            id: account(n),
            recent_use: RecentUse::Acknowledged,
            reason: reason(),
            etag: None,
        }
        .into(),
        Act::Release(a, version, service_account) => CreateAppVersion {
            application: application(a),
            number: format!("{version}.0.0").parse().unwrap(),
            components: [if service_account { Component::ServiceAccountConnection } else { Component::Embedded }]
                .into(),
            permissions: ToolPermissions::default(),
            release_notes: String::new(),
            post_install_notes: String::new(),
            post_install_uri: String::new(),
            install_key: format!("key-{number:08}").parse().unwrap(),
        }
        .into(),
        Act::Promote(a, version) => PromoteAppVersion {
            application: application(a),
            number: format!("{version}.0.0").parse().unwrap(),
            etag: None,
        }
        .into(),
        Act::Install(a, c, version) => install(a, c, version, Installed::Now, number),
        Act::Settle(a, c, version, ago) => {
            let installed = Installed::Elsewhere { at: now - TimeDelta::days(ago), by: None };
            install(a, c, Some(version), installed, number)
        }
        Act::Update(a, c, version) => UpdateInstallation {
            application: application(a),
            company: company(c),
            version: Some(format!("{version}.0.0").parse().unwrap()),
            service_user: format!("u-{number}").parse().unwrap(),
            approval: Approval::NotGiven,
            etag: None,
        }
        .into(),
        Act::Uninstall(a, c) => {
            Uninstall { application: application(a), company: company(c), reason: reason(), etag: None }.into()
        }
        Act::Use(a, c, ago) => {
            NoteFirstUse { application: application(a), company: company(c), at: now - TimeDelta::days(ago) }.into()
        }
        Act::Revise(cutoff, sunset, announced) => {
            let date = |days: Option<Days>| {
                days.map_or(NewDate::ToBeAnnounced, |days| NewDate::At(now + TimeDelta::days(days)))
            };
            ReviseCredentialClass {
                step: ClassStep::Revise {
                    deprecated: NewDate::At(start() - TimeDelta::days(100)),
                    cutoff: date(cutoff),
                    sunset: date(sunset),
                },
                earlier: Earlier::Accepted,
                reason: reason(),
                override_reason: reason(),
                announced_at: announced.map(|ago| now - TimeDelta::days(ago)),
                zone: None,
                etag: None,
            }
            .into()
        }
        Act::SunsetNow => ReviseCredentialClass {
            step: ClassStep::SunsetNow,
            earlier: Earlier::Accepted,
            reason: reason(),
            override_reason: reason(),
            announced_at: None,
            zone: None,
            etag: None,
        }
        .into(),
        Act::Extend(c, days) => ExtendServiceAccounts {
            company: company(c),
            accounts: all_accounts(c),
            until: hub.roster().class().sunset_at.unwrap_or(now) + TimeDelta::days(days),
            reason: reason(),
            approver: reason(),
            etag: None,
        }
        .into(),
        Act::Shorten(c, days) => ShortenExtension {
            company: company(c),
            accounts: all_accounts(c),
            until: days.map(|days| now + TimeDelta::days(days)),
            reason: reason(),
            etag: None,
        }
        .into(),
    })
}

/// The world before: one organisation that may ship, its applications, the companies. The last application and the last
/// company stay unknown, so that "unknown" is met too.
fn beginning() -> Vec<Command> {
    let organisation = SetOrganisation {
        id: "org".parse().unwrap(),
        title: None,
        status: OrganisationStatus::VerifiedPartner,
        reason: "a test".into(),
        etag: None,
    };
    let applications = (0..APPLICATIONS - 1).map(|number| {
        CreateApplication {
            id: application(number),
            client_id: format!("client-app-{number}").parse().unwrap(),
            client_id_origin: ClientIdOrigin::Brought,
            name: format!("Application {number}"),
            description: String::new(),
            environment: Environment::Production,
            owner: "org".into(),
            kind: Kind::Privileged,
            persona: Persona::TechnologyPartner,
            collaborators: [("ada@example.com".parse().unwrap(), Role::Administrator)].into(),
        }
        .into()
    });
    let companies = (0..COMPANIES - 1).map(|number| {
        CreateCompany {
            id: company(number),
            name: "A company".into(),
            tenancy: Tenancy::Production,
            region: String::new(),
            zone: None,
            administrators: ["carol@example.com".parse().unwrap()].into(),
        }
        .into()
    });
    [organisation.into()].into_iter().chain(applications).chain(companies).collect()
}

fn told(hub: &Hub) -> Told {
    let (mut told, mut after) = (Told::default(), 0);
    loop {
        let page = hub.facts(&FactFilter::default(), after, usize::MAX).unwrap();
        page.facts.iter().for_each(|fact| told.hear(fact));
        if page.complete {
            return told;
        }
        after = page.revision;
    }
}

fn filters() -> Vec<MigrationFilter> {
    let all = MigrationFilter::default();
    let of = MigrationFilter { application: Some(application(0)), ..all.clone() };
    let at = MigrationFilter { company: Some(company(1)), ..all.clone() };
    let both = MigrationFilter { application: of.application.clone(), company: at.company.clone() };
    vec![all, of, at, both]
}

/// All migrations at an instant, read in pages of two.
fn listed(
    hub: &Hub,
    filter: &MigrationFilter,
    at: (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Vec<devhub::hub::Migration> {
    let mut all: Vec<devhub::hub::Migration> = Vec::new();
    loop {
        let after = all.last().map(|last| (last.party.clone(), last.company.clone()));
        let page = hub.roster().migrations(filter, at, after.as_ref(), 2, |_| true);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn agree(hub: &Hub, filters: &[MigrationFilter], probes: &[DateTime<Utc>], after: &Act) {
    let told = told(hub);
    for filter in filters {
        for at in probes {
            for supposed in [None, Some(*at - TimeDelta::days(9))] {
                let context = format!("{filter:?} at {at}, supposed {supposed:?}, after {after:?}");
                let expected = told.migrations(filter, *at, supposed);
                let found = listed(hub, filter, (*at, supposed));
                assert_eq!(found, expected, "list of {context}");
                assert_eq!(hub.roster().funnel(filter, *at, supposed), naive::counts(&expected), "funnel of {context}");
                let since = *at - TimeDelta::days(28);
                let pace = hub.roster().pace(filter, (since, *at), supposed);
                assert_eq!(pace, told.pace(filter, since, *at, supposed), "pace of {context}");
            }
        }
        for from in probes.iter().take(2) {
            let days = 40;
            let told: Vec<_> = (0..days)
                .map(|day| naive::counts(&told.migrations(filter, *from + TimeDelta::days(day), None)))
                .collect();
            let found = hub.roster().burn_down(filter, *from, 40);
            assert_eq!(found, told, "burn-down of {filter:?} from {from}, after {after:?}");
        }
    }
}

async fn play(acts: &[Act], probes: &[i64]) {
    let clock = ManualClock::at(start());
    let hub = Hub::open(Arc::new(Memory::open().unwrap()), rules(), Arc::new(clock.clone())).unwrap();
    let operator: Actor = OPERATOR.parse().unwrap();
    for command in beginning() {
        hub.execute(operator.clone(), command, Request::once()).await.unwrap();
    }
    let fixed: Vec<_> = probes.iter().map(|minutes| start() + TimeDelta::minutes(*minutes)).collect();
    for (number, act) in acts.iter().enumerate() {
        if let Act::Wait(days) = act {
            clock.advance(TimeDelta::days(*days));
        }
        let Some(command) = command(act, &hub, clock.now(), number) else { continue };
        // Refusals are part of the game; whatever the answer, the readings agree.
        if hub.execute(operator.clone(), command, Request::once()).await.is_err() {
            continue;
        }
        // The instants at which something changes, and their neighbours; after each commit for another question, and for
        // every question at the end.
        let edges = told(&hub).edges().to_vec();
        let edge = edges[number * 7 % edges.len()];
        let near = [-1, 0, 1].map(|ms| edge + TimeDelta::milliseconds(ms));
        let all = filters();
        agree(&hub, &all[number % all.len()..][..1], &[&fixed[..], &near, &[hub.now()]].concat(), act);
        let head = hub.store().head().revision;
        assert!(*hub.roster() == hub.roster_at(head).unwrap(), "the fold of the journal, after {act:?}");
        assert!(*hub.roster() == hub.roster_from_records().unwrap(), "the scan of the records, after {act:?}");
    }
    agree(&hub, &filters(), &[&fixed[..], &[hub.now()]].concat(), acts.last().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn b81_b82_b85_b88_b89_phases_follow_from_the_facts_for_any_history(
        acts in proptest::collection::vec(act(), 1..50),
        probes in proptest::collection::vec(-100_000i64..400_000, 2..4),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(&acts, &probes));
    }
}
