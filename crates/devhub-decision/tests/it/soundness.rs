//! Answers over all facts and instants: how long they hold (rules B61, X7), and that the trail ends where they do.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationFacts, Decision, Environment, Facts, Lifecycle, Limits, Maturity, Permissions, Schedule, Stage,
    StagePermissions, Standing, StepOutcome, Terms, Verdict, VersionEntry, VersionFacts, decide, explain,
};
use proptest::prelude::*;

use crate::given;

/// Instants on a coarse grid around D, so that dates, "now" and ends of a time to live often coincide.
fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (-40_i64..40, -1_i64..=1).prop_map(|(seconds, ms)| given::d() + TimeDelta::seconds(seconds) + given::MS * ms as i32)
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        Just(Schedule::Open),
        (any_instant(), prop::option::of(any_instant())).prop_map(|(deprecated_at, retires_at)| {
            Schedule::Deprecation { deprecated_at, sunset_begins_at: None, retires_at }
        }),
        any_instant().prop_map(|retires_at| Schedule::Retirement { retires_at }),
    ]
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
    (maturity, any_schedule(), any_permissions(), any::<bool>(), any::<bool>()).prop_map(
        |(maturity, schedule, permissions, open_access, has_successor)| {
            VersionFacts::new(VersionEntry {
                lifecycle: Lifecycle { maturity, schedule },
                permissions,
                open_access,
                successor: has_successor.then(|| given::name("2.0")),
                ..given::version()
            })
        },
    )
}

fn any_application() -> impl Strategy<Value = ApplicationFacts<'static>> {
    let environment = prop::sample::select(Environment::ALL.to_vec());
    (environment, prop::sample::select(Standing::ALL.to_vec())).prop_map(|(environment, standing)| ApplicationFacts {
        application_id: given::APPLICATION,
        environment,
        standing,
    })
}

prop_compose! {
    fn any_limits()(allow in 1_i64..20_000, deny in 1_i64..20_000) -> Limits {
        Limits::new(TimeDelta::milliseconds(allow), TimeDelta::milliseconds(deny)).unwrap()
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
        version in prop::option::weighted(0.9, any_version()),
        application in prop::option::weighted(0.9, any_application()),
        subscribed in any::<bool>(),
        now in any_instant(),
        limits in any_limits(),
        fraction in 0_i32..1_000,
    ) {
        let environment = Environment::Production;
        let facts = Facts { revision: 9, environment, version: version.as_ref(), operation: None, application, subscribed, terms: Terms::default() };
        let decision = decide(&facts, now, limits);
        let until = decision.valid_until;
        prop_assert!(until > now);
        prop_assert!(until <= now + limits.ttl(decision.verdict()));
        let nanosecond = TimeDelta::nanoseconds(1);
        for later in [now, now + (until - now) / 1_000 * fraction, until - nanosecond] {
            prop_assert_eq!(content(&decide(&facts, later, limits)), content(&decision), "at {}", later);
        }
        let lived_out = until == now + limits.ttl(decision.verdict());
        prop_assert!(lived_out || content(&decide(&facts, until, limits)) != content(&decision));
    }

    #[test]
    fn b63_a_denial_has_a_remedy_and_an_allow_has_none(
        version in prop::option::weighted(0.9, any_version()),
        application in prop::option::weighted(0.9, any_application()),
        subscribed in any::<bool>(),
        now in any_instant(),
    ) {
        let environment = Environment::Production;
        let facts = Facts { revision: 9, environment, version: version.as_ref(), operation: None, application, subscribed, terms: Terms::default() };
        let decision = decide(&facts, now, given::limits());
        prop_assert_eq!(decision.remedy.is_some(), decision.verdict() == Verdict::Deny);
        if decision.verdict() == Verdict::Allow {
            let version = version.as_ref().unwrap().entry();
            let stage = version.lifecycle.stage(now);
            prop_assert!(stage != Stage::Retired && version.permissions.of(stage).calls);
            let usable = |application: ApplicationFacts<'_>| {
                application.standing == Standing::Usable && application.environment == environment
            };
            prop_assert!(version.open_access || (subscribed && application.is_some_and(usable)));
        }
    }

    #[test]
    fn b93_the_trail_ends_in_the_decision(
        version in prop::option::weighted(0.9, any_version()),
        application in prop::option::weighted(0.9, any_application()),
        subscribed in any::<bool>(),
        now in any_instant(),
        limits in any_limits(),
    ) {
        let environment = Environment::Production;
        let facts = Facts { revision: 9, environment, version: version.as_ref(), operation: None, application, subscribed, terms: Terms::default() };
        let trail = explain(&facts, &given::question(), now, limits);
        prop_assert_eq!(trail.decision, decide(&facts, now, limits));
        let outcomes: Vec<StepOutcome> = trail.steps.iter().map(|step| step.outcome).collect();
        let decider = outcomes.iter().position(|outcome| *outcome == StepOutcome::Decided).unwrap();
        prop_assert!(outcomes[..decider].iter().all(|outcome| *outcome == StepOutcome::Passed));
        prop_assert!(outcomes[decider + 1..].iter().all(|outcome| *outcome == StepOutcome::NotReached));
        prop_assert!(trail.steps.iter().all(|step| step.sentence.ends_with('.') && step.sentence.len() > 10));
        let mut before = now;
        for change in &trail.upcoming {
            let decision = decide(&facts, change.at, limits);
            prop_assert!(change.at > before);
            prop_assert_eq!((Some(change.stage), change.reason), (decision.stage, decision.reason));
            before = change.at;
        }
    }
}
