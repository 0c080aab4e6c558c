//! Everything at once: versions in namespaces, with brownouts, operations and terms, told in any order. The answers are
//! compared with those of a naive judge, which merges nothing and looks at every date alone.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Brownout, Change, CredentialClassEntry, Decision, Environment, ExemptionEntry, InstallationEntry,
    Lifecycle, Limits, Maturity, NamespaceEntry, Operation, OperationEntry, Question, Reason, Replacement, Schedule,
    ServiceAccountEntry, Stage, Standing, SubscriptionEntry, Table, VersionEntry, WaiverEntry, decide,
};
use proptest::prelude::*;

use crate::given;

/// The first two cover "hello/world", the others do not.
const NAMESPACES: [&str; 4] = ["hello", "hello/world", "hello/wor", "world"];

/// Path templates, from the one that is tried first to the one that is tried last.
const TEMPLATES: [&str; 4] = ["/7/losses", "/7/{kind}", "/{id}/losses", "/{id}/{kind}"];

const PATHS: [&str; 5] = ["/7/losses", "/7/gains?year=2024", "/8/losses", "/8/gains", "/8"];

#[derive(Debug, Clone)]
struct World {
    version: VersionEntry,
    namespaces: Vec<NamespaceEntry>,
    application: Option<ApplicationEntry>,
    subscription: Option<SubscriptionEntry>,
    waiver: Option<WaiverEntry>,
    exempt: bool,
    sunset_at: Option<DateTime<Utc>>,
    account: Option<ServiceAccountEntry>,
    installations: Vec<InstallationEntry>,
}

/// What a call names: a path, a company, a project.
type Call = (Option<&'static str>, Option<&'static str>, Option<&'static str>);

impl World {
    fn changes(&self) -> Vec<Change> {
        let exemption = ExemptionEntry {
            client_id: given::CLIENT.into(),
            environment: Environment::Production,
            version: given::name(given::LABEL),
            exempt: self.exempt,
        };
        let mut changes = vec![Change::Version(self.version.clone()), Change::Exemption(exemption)];
        changes.extend(self.namespaces.iter().cloned().map(Change::Namespace));
        changes.extend(self.application.clone().map(Change::Application));
        changes.extend(self.subscription.clone().map(Change::Subscription));
        changes.extend(self.waiver.clone().map(Change::Waiver));
        changes.push(Change::CredentialClass(CredentialClassEntry { sunset_at: self.sunset_at }));
        changes.extend(self.account.clone().map(Change::ServiceAccount));
        changes.extend(self.installations.iter().cloned().map(Change::Installation));
        changes
    }

    fn covering(&self) -> impl Iterator<Item = &NamespaceEntry> {
        self.namespaces.iter().filter(|entry| NAMESPACES[..2].contains(&&*entry.namespace))
    }

    fn stage(&self, more: Option<Schedule>, now: DateTime<Utc>) -> Stage {
        let own = self.version.lifecycle;
        let outer = self.covering().map(|namespace| namespace.schedule);
        let stages = outer.chain(more).map(|schedule| Lifecycle { schedule, ..own }.stage(now));
        stages.fold(own.stage(now), Stage::max)
    }

    fn operation(&self, path: Option<&str>) -> Option<&OperationEntry> {
        let (path, _) = path?.split_once('?').unwrap_or((path?, ""));
        let fits = |template: &str| match (path, template) {
            (path, template) if path == template => true,
            (_, "/7/{kind}") => path.starts_with("/7/"),
            (_, "/{id}/losses") => path.ends_with("/losses"),
            (_, "/{id}/{kind}") => path.matches('/').count() == 2,
            _ => false,
        };
        let first = TEMPLATES.into_iter().filter(|template| fits(template));
        first.filter_map(|template| self.version.operations.iter().find(|entry| *entry.path == *template)).next()
    }

    /// The reason that a reader of the rules would come to.
    fn reason(&self, (path, company, project): Call, now: DateTime<Utc>) -> Reason {
        let reached = |date: Option<DateTime<Utc>>| date.is_some_and(|date| date <= now);
        let operation = self.operation(path);
        let (version, stage) = (self.stage(None, now), self.stage(operation.map(|entry| entry.schedule), now));
        let maturity = self.version.lifecycle.maturity;
        let waiver = self.waiver.as_ref().and_then(|waiver| waiver.until);
        let waived =
            version == Stage::Retired && maturity != Maturity::Alpha && waiver.is_some_and(|until| now < until);
        if version == Stage::Retired && !waived {
            return Reason::VersionRetired;
        }
        if operation.is_some_and(|entry| reached(entry.schedule.retires_at())) {
            return Reason::OperationRetired;
        }
        let closed = [maturity.stage(), version, stage].iter().any(|stage| !self.version.permissions.of(*stage).calls);
        if !waived && closed {
            return Reason::VersionNotCallable;
        }
        let windows = self.version.brownouts.iter().chain(self.covering().flat_map(|entry| &entry.brownouts));
        let inside = windows.into_iter().any(|window| window.from <= now && now < window.until);
        if inside && stage == Stage::Deprecated && !self.exempt {
            return Reason::Brownout;
        }
        if self.version.open_access && !waived {
            return Reason::OpenAccess;
        }
        let Some(application) = &self.application else {
            return self.reason_of_account(company, waived, now);
        };
        match (application.environment, application.standing) {
            (Environment::Sandbox, _) => return Reason::EnvironmentMismatch,
            (_, Standing::NotApproved) => return Reason::ApplicationNotApproved,
            (_, Standing::Blocked) => return Reason::ApplicationBlocked,
            (_, Standing::Deleted) => return Reason::ApplicationDeleted,
            (_, Standing::Usable) => {}
        }
        if self.version.company_scoped {
            let Some(company) = company else {
                return Reason::CompanyRequired;
            };
            let Some(there) = self.installations.iter().find(|entry| *entry.company_id == *company && entry.installed)
            else {
                return Reason::NotInstalled;
            };
            let permits =
                |project: &str| there.projects.as_ref().is_none_or(|list| list.iter().any(|id| **id == *project));
            if !project.is_none_or(permits) {
                return Reason::ProjectNotPermitted;
            }
        }
        match &self.subscription {
            Some(entry) if entry.live && !reached(entry.ends_at) && waived => Reason::Waived,
            Some(entry) if entry.live && !reached(entry.ends_at) => Reason::Subscribed,
            Some(_) | None => Reason::NotSubscribed,
        }
    }

    fn reason_of_account(&self, company: Option<&str>, waived: bool, now: DateTime<Utc>) -> Reason {
        let Some(account) = self.account.as_ref().filter(|account| account.live) else {
            return Reason::UnknownClient;
        };
        let extended = account.extended_until.is_some_and(|until| now < until);
        if account.environment == Environment::Sandbox {
            Reason::EnvironmentMismatch
        } else if self.sunset_at.is_some_and(|sunset_at| sunset_at <= now) && !extended {
            Reason::ServiceAccountSunset
        } else if !self.version.company_scoped {
            Reason::NotSubscribed
        } else if company.is_some_and(|company| *company != *account.company_id) {
            Reason::CompanyMismatch
        } else if waived {
            Reason::NotSubscribed
        } else {
            Reason::ServiceAccount
        }
    }
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (-20_i64..20, -1_i64..=1).prop_map(|(seconds, ms)| given::d() + TimeDelta::seconds(seconds) + given::MS * ms as i32)
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let dates = (any_instant(), prop::option::of(0_i64..9), prop::option::of(0_i64..20));
    let deprecation = dates.prop_map(|(deprecated_at, to_sunset, to_end)| {
        let after = |seconds: i64| deprecated_at + TimeDelta::seconds(seconds);
        let retires_at = to_end.map(|seconds| after(seconds.max(to_sunset.unwrap_or(0)) + 1));
        Schedule::Deprecation { deprecated_at, sunset_begins_at: to_sunset.map(after), retires_at }
    });
    prop_oneof![
        2 => Just(Schedule::Open),
        4 => deprecation,
        1 => any_instant().prop_map(|retires_at| Schedule::Retirement { retires_at }),
    ]
}

fn any_windows() -> impl Strategy<Value = Box<[Brownout]>> {
    // Some are empty or turned around, some touch.
    let window = (any_instant(), -2_i64..12)
        .prop_map(|(from, seconds)| Brownout { from, until: from + TimeDelta::seconds(seconds) });
    prop::collection::vec(window, 0..4).prop_map(Vec::into_boxed_slice)
}

fn any_operations() -> impl Strategy<Value = Box<[OperationEntry]>> {
    let operation = |template: &'static str| {
        (any_schedule(), any::<bool>()).prop_map(move |(schedule, replaced)| OperationEntry {
            method: "GET".into(),
            path: template.into(),
            schedule,
            replacement: replaced.then(|| Replacement {
                version: given::name("2.0"),
                method: "GET".into(),
                path: "/losses".into(),
            }),
            links: Default::default(),
        })
    };
    let each = TEMPLATES.map(operation).map(prop::option::of);
    let mixed = each.prop_map(|each| each.into_iter().flatten().collect::<Vec<_>>()).prop_shuffle();
    mixed.prop_map(Vec::into_boxed_slice)
}

fn any_version() -> impl Strategy<Value = VersionEntry> {
    let maturity = prop::sample::select(Maturity::ALL.to_vec());
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2), any::<bool>());
    let told = (maturity, any_schedule(), flags);
    (told, any_windows(), any_operations()).prop_map(
        |((maturity, schedule, (successor, open_access, callable_alpha, company_scoped)), brownouts, operations)| {
            let mut permissions = given::permissions();
            permissions.0[Stage::Alpha as usize].calls = callable_alpha;
            VersionEntry {
                lifecycle: Lifecycle { maturity, schedule },
                successor: successor.then(|| given::name("2.0")),
                open_access,
                company_scoped,
                permissions,
                brownouts,
                operations,
                ..given::version()
            }
        },
    )
}

fn any_namespaces() -> impl Strategy<Value = Vec<NamespaceEntry>> {
    let namespace = |name: &'static str| {
        (any_schedule(), any_windows(), any::<bool>()).prop_map(move |(schedule, brownouts, replaced)| NamespaceEntry {
            namespace: name.into(),
            environment: Environment::Production,
            schedule,
            brownouts,
            successor: replaced.then(|| "next".into()),
            links: Default::default(),
        })
    };
    let each = NAMESPACES.map(namespace).map(|namespace| prop::option::weighted(0.3, namespace));
    each.prop_map(|each| each.into_iter().flatten().collect())
}

fn any_application() -> impl Strategy<Value = ApplicationEntry> {
    let standing = prop_oneof![4 => Just(Standing::Usable), 1 => prop::sample::select(Standing::ALL.to_vec())];
    let environment = prop_oneof![8 => Just(Environment::Production), 1 => Just(Environment::Sandbox)];
    (environment, standing).prop_map(|(environment, standing)| ApplicationEntry {
        environment,
        standing,
        ..given::application()
    })
}

fn any_account() -> impl Strategy<Value = ServiceAccountEntry> {
    let environment = prop_oneof![8 => Just(Environment::Production), 1 => Just(Environment::Sandbox)];
    (environment, prop::bool::weighted(0.9), prop::option::of(any_instant())).prop_map(
        |(environment, live, extended_until)| ServiceAccountEntry {
            environment,
            live,
            ..given::account(extended_until)
        },
    )
}

fn any_installations() -> impl Strategy<Value = Vec<InstallationEntry>> {
    let installation = |company: &'static str| {
        let projects = prop::option::of(prop::sample::subsequence(vec!["p1", "p3"], 0..=2));
        let entry = (prop::bool::weighted(0.9), any::<bool>(), projects);
        entry.prop_map(move |(installed, awaits_use, projects)| InstallationEntry {
            company_id: company.into(),
            installed,
            awaits_use,
            ..given::installation(projects.as_deref())
        })
    };
    let each = ["c1", "c2"].map(installation).map(|installation| prop::option::weighted(0.7, installation));
    each.prop_map(|each| each.into_iter().flatten().collect())
}

prop_compose! {
    fn any_world()(
        version in any_version(),
        namespaces in any_namespaces(),
        application in prop::option::weighted(0.7, any_application()),
        subscribed in prop::option::weighted(0.9, (prop::bool::weighted(0.9), prop::option::of(any_instant()))),
        waiver in prop::option::of(prop::option::weighted(0.8, any_instant())),
        exempt in prop::bool::weighted(0.2),
        sunset_at in prop::option::weighted(0.8, any_instant()),
        account in prop::option::weighted(0.9, any_account()),
        installations in any_installations(),
    ) -> World {
        let subscription =
            subscribed.map(|(live, ends_at)| SubscriptionEntry { live, ends_at, ..given::subscription() });
        let waiver = waiver.map(|until| WaiverEntry {
            client_id: given::CLIENT.into(),
            environment: Environment::Production,
            version: given::name(given::LABEL),
            until,
        });
        World {
            version,
            namespaces,
            application,
            subscription,
            waiver,
            exempt,
            sunset_at,
            account,
            installations,
        }
    }
}

prop_compose! {
    fn any_limits()(allow in 1_i64..20_000, deny in 1_i64..20_000) -> Limits {
        Limits::new(TimeDelta::milliseconds(allow), TimeDelta::milliseconds(deny)).unwrap()
    }
}

fn any_call() -> impl Strategy<Value = Call> {
    let sometimes =
        |weight, words: &[&'static str]| prop::option::weighted(weight, prop::sample::select(words.to_vec()));
    (sometimes(0.7, &PATHS), sometimes(0.8, &["c1", "c2"]), sometimes(0.5, &["p1", "p2"]))
}

fn question((path, company, project): Call) -> Question<'static> {
    let operation = path.map(|path| Operation { method: "GET", path });
    Question { operation, company, project, ..given::question() }
}

/// All of a decision that `valid_until` promises for.
fn content<'t>(decision: &Decision<'t>) -> Decision<'t> {
    Decision { valid_until: DateTime::<Utc>::MIN_UTC, days_left: None, ..*decision }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn b18_b23_b63_a_naive_judge_comes_to_the_same_reason(
        (world, changes) in any_world().prop_flat_map(|world| {
            let changes = Just(world.changes()).prop_shuffle();
            (Just(world), changes)
        }),
        call in any_call(),
        instants in prop::collection::vec(any_instant(), 8),
    ) {
        let table = given::table(changes);
        table.ask(&question(call), |facts| {
            for now in instants {
                let expected = world.reason(call, now);
                prop_assert_eq!(decide(facts, now, given::limits()).reason, expected, "at {}", now);
            }
            Ok(())
        })?;
    }

    #[test]
    fn b61_x7_an_answer_holds_until_it_says_whatever_the_dates(
        world in any_world(),
        call in any_call(),
        now in any_instant(),
        limits in any_limits(),
        fraction in 0_i32..1_000,
    ) {
        given::table(world.changes()).ask(&question(call), |facts| {
            let decision = decide(facts, now, limits);
            let until = decision.valid_until;
            let lives_until = now + limits.ttl(decision.verdict());
            prop_assert!(now < until && until <= lives_until);
            let mut instants = vec![now + (until - now) / 1_000 * fraction, until - TimeDelta::nanoseconds(1)];
            // Every date is a whole second or a millisecond beside one.
            let seconds = (-41..41).map(|second| given::d() + TimeDelta::seconds(second));
            let grid = seconds.flat_map(|second| [-1, 0, 1].map(|ms| second + given::MS * ms));
            instants.extend(grid.filter(|instant| (now..until).contains(instant)));
            for later in instants {
                prop_assert_eq!(content(&decide(facts, later, limits)), content(&decision), "at {}", later);
            }
            prop_assert!(until == lives_until || content(&decide(facts, until, limits)) != content(&decision));
            Ok(())
        })?;
    }

    #[test]
    fn the_order_in_which_things_are_told_does_not_matter(
        (one, other) in any_world().prop_flat_map(|world| {
            (Just(world.changes()).prop_shuffle(), Just(world.changes()).prop_shuffle())
        }),
    ) {
        let (together, singly) = (given::table(one), Table::new());
        other.into_iter().for_each(|change| singly.load(change));
        prop_assert_eq!(together.dump(), singly.dump());
    }

    #[test]
    fn what_is_supposed_is_what_comes_of_it(
        world in any_world(),
        (version, namespaces) in (any_version(), any_namespaces()),
        call in any_call(),
        now in any_instant(),
    ) {
        let changes: Vec<Change> =
            namespaces.into_iter().map(Change::Namespace).chain([Change::Version(version)]).collect();
        let (before, after) = (given::table(world.changes()), given::table(world.changes()));
        after.apply(1, changes.clone());
        let untouched = before.dump();
        let answer = |facts: &devhub_decision::Facts<'_>| format!("{:?}", decide(facts, now, given::limits()));
        let supposed = before.supposing(changes).ask(&question(call), answer);
        prop_assert_eq!(supposed, after.ask(&question(call), answer));
        prop_assert_eq!(before.dump(), untouched);
    }
}
