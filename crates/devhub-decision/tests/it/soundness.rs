//! Answers over all facts and instants: how long they hold (rules B61, X7), and that the trail ends where they do.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    AccountFacts, ApplicationFacts, Brownout, CompanyAccess, Decision, Environment, Facts, Lifecycle, Limits, Maturity,
    NamespaceEntry, Operation, OperationEntry, Permissions, Reason, Schedule, Stage, StagePermissions, Standing,
    StepOutcome, Terms, Verdict, VersionEntry, VersionFacts, decide, explain,
};
use proptest::prelude::*;

use crate::given;

/// Instants on a coarse grid around D, so that dates, "now" and ends of a time to live often coincide.
fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (-40_i64..40, -1_i64..=1).prop_map(|(seconds, ms)| given::d() + TimeDelta::seconds(seconds) + given::MS * ms as i32)
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let sometimes = || prop::option::of(any_instant());
    prop_oneof![
        Just(Schedule::Open),
        (any_instant(), sometimes(), sometimes()).prop_map(|(deprecated_at, sunset_begins_at, retires_at)| {
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at }
        }),
        any_instant().prop_map(|retires_at| Schedule::Retirement { retires_at }),
    ]
}

/// Windows as they are told: out of order, overlapping, touching, empty.
fn any_brownouts() -> impl Strategy<Value = Box<[Brownout]>> {
    let window = (any_instant(), any_instant()).prop_map(|(from, until)| Brownout { from, until });
    prop::collection::vec(window, 0..4).prop_map(Vec::into_boxed_slice)
}

fn any_namespace() -> impl Strategy<Value = NamespaceEntry> {
    (any_schedule(), any_brownouts(), any::<bool>()).prop_map(|(schedule, brownouts, has_successor)| NamespaceEntry {
        brownouts,
        successor: has_successor.then(|| "rest".into()),
        ..given::namespace(schedule)
    })
}

fn any_operation() -> impl Strategy<Value = OperationEntry> {
    (any_schedule(), any::<bool>()).prop_map(|(schedule, has_replacement)| {
        let operation = given::operation(schedule);
        OperationEntry { replacement: operation.replacement.filter(|_| has_replacement), ..operation }
    })
}

prop_compose! {
    fn any_terms()(
        ends_at in prop::option::of(any_instant()),
        waived_until in prop::option::of(any_instant()),
        exempt in any::<bool>(),
    ) -> Terms {
        Terms { ends_at, waived_until, exempt }
    }
}

fn any_permissions() -> impl Strategy<Value = StagePermissions> {
    prop_oneof![
        Just(given::permissions()),
        prop::array::uniform5((any::<bool>(), any::<bool>()).prop_map(|(new_subscriptions, calls)| Permissions {
            documentation: true,
            new_subscriptions,
            calls
        }))
        .prop_map(StagePermissions),
    ]
}

fn any_version() -> impl Strategy<Value = VersionFacts> {
    let maturity = prop::sample::select(Maturity::ALL.to_vec());
    let flags = (prop::bool::weighted(0.2), any::<bool>(), any::<bool>());
    let operation = prop::option::of(any_operation());
    let namespaces = prop::collection::vec(any_namespace(), 0..3);
    (maturity, any_schedule(), any_permissions(), flags, any_brownouts(), operation, namespaces).prop_map(
        |(
            maturity,
            schedule,
            permissions,
            (open_access, has_successor, company_scoped),
            brownouts,
            operation,
            namespaces,
        )| {
            let told = VersionEntry {
                lifecycle: Lifecycle { maturity, schedule },
                permissions,
                open_access,
                company_scoped,
                successor: has_successor.then(|| given::name("2.0")),
                brownouts,
                operations: operation.into_iter().collect(),
                ..given::version()
            };
            VersionFacts::within(told, &namespaces.iter().collect::<Vec<_>>())
        },
    )
}

fn any_application() -> impl Strategy<Value = ApplicationFacts<'static>> {
    // Mostly one that may call: what comes after these rules is where most dates count.
    let environment = prop::bool::weighted(0.9).prop_map(|own| Environment::ALL[usize::from(own)]);
    let standing = prop_oneof![3 => Just(Standing::Usable), 1 => prop::sample::select(Standing::ALL.to_vec())];
    (environment, standing).prop_map(|(environment, standing)| ApplicationFacts {
        application_id: given::APPLICATION,
        environment,
        standing,
    })
}

prop_compose! {
    fn any_account()(
        own in prop::bool::weighted(0.9),
        sunset_at in prop::option::weighted(0.8, any_instant()),
        extended_until in prop::option::of(any_instant()),
    ) -> AccountFacts<'static> {
        AccountFacts {
            account_id: given::ACCOUNT,
            company_id: given::COMPANY,
            environment: Environment::ALL[usize::from(own)],
            sunset_at,
            extended_until,
        }
    }
}

fn any_access() -> impl Strategy<Value = CompanyAccess> {
    prop_oneof![
        4 => Just(CompanyAccess::NotScoped),
        4 => Just(CompanyAccess::Permitted),
        1 => Just(CompanyAccess::Unnamed),
        1 => Just(CompanyAccess::OtherCompany),
        1 => Just(CompanyAccess::NotInstalled),
        1 => Just(CompanyAccess::ProjectNotPermitted),
    ]
}

prop_compose! {
    fn any_limits()(allow in 1_i64..20_000, deny in 1_i64..20_000) -> Limits {
        Limits::new(TimeDelta::milliseconds(allow), TimeDelta::milliseconds(deny)).unwrap()
    }
}

/// What a table may know about one question.
#[derive(Debug)]
struct Known {
    version: Option<VersionFacts>,
    application: Option<ApplicationFacts<'static>>,
    account: Option<AccountFacts<'static>>,
    access: CompanyAccess,
    subscribed: bool,
    terms: Terms,
    called: bool,
}

impl Known {
    fn facts(&self) -> Facts<'_> {
        let called = Operation { method: "GET", path: "/7/losses" };
        Facts {
            revision: 9,
            environment: Environment::Production,
            version: self.version.as_ref(),
            operation: self.version.as_ref().filter(|_| self.called).and_then(|version| version.operation(&called)),
            application: self.application,
            account: self.account,
            access: self.access,
            awaits_use: false,
            subscribed: self.subscribed,
            terms: self.terms,
        }
    }
}

prop_compose! {
    fn any_known()(
        version in prop::option::weighted(0.9, any_version()),
        application in prop::option::weighted(0.7, any_application()),
        account in prop::option::weighted(0.9, any_account()),
        access in any_access(),
        subscribed in prop::bool::weighted(0.8),
        terms in any_terms(),
        called in any::<bool>(),
    ) -> Known {
        Known { version, application, account, access, subscribed, terms, called }
    }
}

/// All of a decision that `valid_until` promises for.
fn content<'t>(decision: &Decision<'t>) -> Decision<'t> {
    Decision { valid_until: DateTime::<Utc>::MIN_UTC, days_left: None, ..*decision }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn b61_x7_an_answer_holds_until_it_says_and_no_shorter_than_it_could(
        known in any_known(),
        now in any_instant(),
        limits in any_limits(),
        fraction in 0_i32..1_000,
    ) {
        let facts = known.facts();
        let decision = decide(&facts, now, limits);
        let until = decision.valid_until;
        prop_assert!(until > now);
        prop_assert!(until <= now + limits.ttl(decision.verdict()));
        let nanosecond = TimeDelta::nanoseconds(1);
        let mut instants = vec![now, now + (until - now) / 1_000 * fraction, until - nanosecond];
        // Dates lie on a grid of seconds, a millisecond before, and one after.
        instants.extend((1..).map(|ms| now + given::MS * ms).take_while(|later| *later < until).step_by(397));
        for later in instants {
            prop_assert_eq!(content(&decide(&facts, later, limits)), content(&decision), "at {}", later);
        }
        let lived_out = until == now + limits.ttl(decision.verdict());
        prop_assert!(lived_out || content(&decide(&facts, until, limits)) != content(&decision));
    }

    #[test]
    fn b63_a_denial_has_a_remedy_and_an_allow_has_none(known in any_known(), now in any_instant()) {
        let facts = known.facts();
        let decision = decide(&facts, now, given::limits());
        prop_assert_eq!(decision.remedy.is_some(), decision.verdict() == Verdict::Deny);
        if let Some(earliest) = decision.remedy.and_then(|remedy| remedy.earliest) {
            prop_assert!(decision.reason == Reason::Brownout && earliest > now);
            let later = decide(&facts, earliest, given::limits()).reason;
            prop_assert!(!matches!(later, Reason::Brownout | Reason::VersionRetired | Reason::OperationRetired));
        }
    }

    /// The whole rule, said once more and in another way.
    #[test]
    fn b18_b23_b61_what_is_allowed_is_what_the_words_allow(known in any_known(), now in any_instant()) {
        let facts = known.facts();
        let decision = decide(&facts, now, given::limits());
        let reached = |date: Option<DateTime<Utc>>| date.is_some_and(|date| now >= date);
        let Some(version) = known.version.as_ref().map(VersionFacts::entry) else {
            prop_assert_eq!(decision.reason, Reason::UnknownVersion);
            return Ok(());
        };
        let operation = facts.operation.map(|operation| operation.entry().schedule);
        let retired = reached(version.lifecycle.schedule.retires_at());
        let operation_retired = reached(operation.and_then(|schedule| schedule.retires_at()));
        let deprecated = reached(version.lifecycle.schedule.deprecated_at())
            || reached(operation.and_then(|schedule| schedule.deprecated_at()));
        let stage = if retired || operation_retired {
            Stage::Retired
        } else if deprecated {
            Stage::Deprecated
        } else {
            version.lifecycle.maturity.stage()
        };
        let maturity = version.lifecycle.maturity;
        let waived = maturity != Maturity::Alpha && known.terms.waived_until.is_some_and(|until| now < until);
        let in_window = version.brownouts.iter().any(|window| window.from <= now && now < window.until);
        let usable = known.application.is_some_and(|application| {
            application.standing == Standing::Usable && application.environment == Environment::Production
        });
        let reachable = matches!(known.access, CompanyAccess::NotScoped | CompanyAccess::Permitted);
        let subscribed = usable && reachable && known.subscribed && !reached(known.terms.ends_at);
        let by_account = known.application.is_none() && version.company_scoped && reachable
            && known.account.is_some_and(|account| {
                let extended = account.extended_until.is_some_and(|until| now < until);
                account.environment == Environment::Production && (!reached(account.sunset_at) || extended)
            });
        let allowed = if operation_retired {
            false
        } else if retired {
            waived && subscribed
        } else {
            let brownout = stage == Stage::Deprecated && in_window && !known.terms.exempt;
            // What was closed before any date stays closed, whatever is deprecated around it.
            let version_stage = version.lifecycle.stage(now);
            let open = [maturity.stage(), version_stage, stage].map(|stage| version.permissions.of(stage).calls);
            open == [true; 3] && !brownout && (version.open_access || subscribed || by_account)
        };
        prop_assert_eq!(decision.verdict() == Verdict::Allow, allowed);
        prop_assert_eq!(decision.reason == Reason::Waived, allowed && retired);
        prop_assert_eq!(decision.stage, Some(stage));
    }

    #[test]
    fn b93_the_trail_ends_in_the_decision(known in any_known(), now in any_instant(), limits in any_limits()) {
        let facts = known.facts();
        let trail = explain(&facts, &given::question(), now, limits);
        prop_assert_eq!(trail.decision, decide(&facts, now, limits));
        let outcomes: Vec<StepOutcome> = trail.steps.iter().map(|step| step.outcome).collect();
        let decider = outcomes.iter().position(|outcome| *outcome == StepOutcome::Decided).unwrap();
        prop_assert!(outcomes[..decider].iter().all(|outcome| *outcome == StepOutcome::Passed));
        prop_assert!(outcomes[decider + 1..].iter().all(|outcome| *outcome == StepOutcome::NotReached));
        prop_assert!(trail.steps.iter().all(|step| step.sentence.ends_with('.') && step.sentence.len() > 10));
        let mut before = (now, trail.decision.reason);
        for change in &trail.upcoming {
            let decision = decide(&facts, change.at, limits);
            prop_assert!(change.at > before.0);
            prop_assert_eq!((Some(change.stage), change.reason), (decision.stage, decision.reason));
            // Nothing that changes the answer is left out: it is the same just before the next line.
            let just_before = decide(&facts, change.at - TimeDelta::nanoseconds(1), limits);
            prop_assert_eq!(just_before.reason, before.1);
            before = (change.at, change.reason);
        }
    }
}
