//! When what is due, to the millisecond.

use super::*;
use crate::domain::application::{Kind, Persona, State};

const MS: TimeDelta = TimeDelta::milliseconds(1);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn created() -> DateTime<Utc> {
    at("2024-01-01T10:20:30Z")
}

fn term(days: u32, notices: &[u32]) -> Term {
    Notices::new(notices.iter().copied()).and_then(|notices| Term::new(days, notices)).expect("a term")
}

fn limits() -> Limits {
    Limits {
        sandbox: term(365, &[30, 7, 1]),
        production: term(730, &[1, 7, 30]),
        never_used_sandbox: term(30, &[7, 1]),
    }
}

fn application(environment: Environment) -> Application {
    Application {
        id: "app".parse().expect("valid"),
        client_id: "client-app".parse().expect("valid"),
        name: "An application".into(),
        description: String::new(),
        environment,
        owner: String::new(),
        kind: Kind::Standard,
        persona: Persona::CustomIntegration,
        state: State::Production,
        collaborators: Default::default(),
        blocked: false,
        deletion_restriction: String::new(),
        created_at: created(),
        uplifted_from: None,
        deletion: None,
        absence: None,
    }
}

/// What happens to an application that nobody ever uses again, when somebody looks at each of `instants`.
fn happens(application: &Application, evidence: Evidence, instants: &[DateTime<Utc>]) -> Vec<(DateTime<Utc>, String)> {
    let mut announced: Option<Disuse> = None;
    let mut happened = Vec::new();
    for now in instants.iter().copied() {
        let due = due(application, &evidence, announced.as_ref(), Some(&limits()), now);
        let number = announced.as_ref().map_or(0, |disuse| disuse.number);
        match due {
            Due::Nothing => {}
            Due::Announce { idle_since, deletes_at } => {
                let notice_days = limits().term(application, &evidence).notice_days().to_vec();
                happened.push((now, format!("{} T-{}", number + 1, notice_days[0])));
                announced = Some(Disuse {
                    application: application.id.clone(),
                    number: number + 1,
                    idle_since,
                    announced_at: now,
                    deletes_at,
                    notice_days,
                    given: 1,
                    standing: Standing::Announced,
                });
            }
            Due::Remind { days, deletes_at, .. } => {
                happened.push((now, format!("{number} T-{days}")));
                announced = announced.map(|disuse| Disuse { deletes_at, given: disuse.given + 1, ..disuse });
            }
            Due::Delete => {
                happened.push((now, format!("{number} DELETED")));
                announced = announced.map(|disuse| Disuse { standing: Standing::Done(now), ..disuse });
            }
            Due::Cancel(cause) => {
                happened.push((now, format!("{number} {}", cause.name())));
                announced = announced.map(|disuse| Disuse { standing: Standing::Cancelled(now, cause), ..disuse });
            }
        }
        if happened.last().is_some_and(|(_, what)| what.ends_with("DELETED")) {
            break;
        }
    }
    happened
}

fn around(instants: &[DateTime<Utc>]) -> Vec<DateTime<Utc>> {
    instants.iter().flat_map(|at| [*at - MS, *at, *at + MS]).collect()
}

#[test]
fn b58_each_notice_and_the_deletion_come_on_their_instant() {
    let (used, hour) = (at("2024-05-05T09:00:00Z"), TimeDelta::hours(1));
    let always = created() - days(1);
    let cases = [
        ("sandbox", Environment::Sandbox, Evidence { last_use: Some(used), known_since: always }, used + hour, 365),
        (
            "production",
            Environment::Production,
            Evidence { last_use: Some(used), known_since: always },
            used + hour,
            730,
        ),
        (
            "production, never",
            Environment::Production,
            Evidence { last_use: None, known_since: always },
            created(),
            730,
        ),
        ("sandbox, never", Environment::Sandbox, Evidence { last_use: None, known_since: always }, created(), 30),
        // Counting began, or began anew, after the registration: nobody can say that it was never used.
        (
            "sandbox, not known",
            Environment::Sandbox,
            Evidence { last_use: None, known_since: created() + MS },
            created() + MS,
            365,
        ),
        (
            "calls lost since",
            Environment::Sandbox,
            Evidence { last_use: Some(used), known_since: used + days(100) },
            used + days(100),
            365,
        ),
    ];
    for (name, environment, evidence, idle_since, term_days) in cases {
        let application = application(environment);
        assert_eq!(evidence.idle_since(application.created_at), idle_since, "{name}");
        let limits = limits();
        let term = limits.term(&application, &evidence);
        assert_eq!(term.days(), term_days, "{name}");
        let plan = plan(idle_since, term);
        assert_eq!(plan.last().map(|(_, at)| *at), Some(idle_since + days(term_days)), "{name}");
        let expected: Vec<_> = plan.iter().map(|(milestone, at)| (*at, format!("1 {milestone}"))).collect();
        let instants: Vec<_> = plan.iter().map(|(_, at)| *at).collect();
        assert_eq!(happens(&application, evidence, &around(&instants)), expected, "{name}");
        let first = plan[0].1;
        assert!(!limits.may_concern(&application, evidence.known_since, created()), "{name}");
        assert!(limits.may_concern(&application, evidence.known_since, first), "{name}");
    }
}

#[test]
fn b58_nobody_is_deleted_before_each_notice_has_had_its_days() {
    let evidence = Evidence { last_use: None, known_since: created() - days(1) };
    let application = application(Environment::Production);
    let late = created() + days(5000);
    let text = |instants: &[DateTime<Utc>]| {
        let happened = happens(&application, evidence, instants);
        happened.into_iter().map(|(at, what)| format!("{} {what}", (at - late).num_days())).collect::<Vec<_>>()
    };
    let from = |offset: i64| late + TimeDelta::days(offset);
    // The policy was switched on long after the term: the whole notice period follows.
    let daily: Vec<_> = (0..=40).map(from).collect();
    assert_eq!(text(&daily), ["0 1 T-30", "23 1 T-7", "29 1 T-1", "30 1 DELETED"]);
    // Nobody looked for the whole notice period: what is late puts the deletion off by as much.
    let gone: Vec<_> = [0].into_iter().chain(60..=80).map(from).collect();
    assert_eq!(text(&gone), ["0 1 T-30", "60 1 T-7", "66 1 T-1", "67 1 DELETED"]);
    let each: Vec<_> = [0, 25, 31, 32].into_iter().map(from).collect();
    assert_eq!(text(&each), ["0 1 T-30", "25 1 T-7", "31 1 T-1", "32 1 DELETED"]);
    // All was told and nobody looked at the end: it begins anew rather than to surprise anybody.
    let end: Vec<_> = [0, 23, 29].into_iter().chain(31..=70).map(from).collect();
    assert_eq!(text(&end), ["0 1 T-30", "23 1 T-7", "29 1 T-1", "31 2 T-30", "54 2 T-7", "60 2 T-1", "61 2 DELETED"]);
}

#[test]
fn b58_an_hour_is_forgiven_and_a_millisecond_more_is_not() {
    let evidence = Evidence { last_use: None, known_since: created() - days(1) };
    let application = application(Environment::Sandbox);
    let (end, hour) = (created() + days(30), TimeDelta::hours(1));
    let deleted_at = |late: TimeDelta| {
        let told = [end - days(7), end - days(1) + late];
        let looked = [end - MS, end, end + late - MS, end + late];
        happens(&application, evidence, &[&told[..], &looked[..]].concat()).last().map(|(at, what)| (*at, what.clone()))
    };
    let deleted = "1 DELETED".to_owned();
    assert_eq!(deleted_at(hour), Some((end, deleted.clone())));
    assert_eq!(deleted_at(hour + MS), Some((end + hour + MS, deleted)));
    // The first notice is never short.
    let late = happens(&application, evidence, &[end - days(7) + MS, end - days(1) + MS, end, end + MS]);
    assert_eq!(late.last(), Some(&(end + MS, "1 DELETED".to_owned())));
}

/// What is due about an application whose deletion is announced, after a change.
fn after(change: impl FnOnce(&mut Application, &mut Evidence)) -> Due {
    let mut application = application(Environment::Sandbox);
    let mut evidence = Evidence { last_use: Some(created()), known_since: created() };
    let idle_since = evidence.idle_since(created());
    let announced = Disuse {
        application: application.id.clone(),
        number: 1,
        idle_since,
        announced_at: idle_since + days(335),
        deletes_at: idle_since + days(365),
        notice_days: vec![30, 7, 1],
        given: 3,
        standing: Standing::Announced,
    };
    change(&mut application, &mut evidence);
    due(&application, &evidence, Some(&announced), Some(&limits()), idle_since + days(365))
}

#[test]
fn b58_any_use_cancels_and_so_does_whatever_spares_an_application() {
    assert_eq!(after(|_, _| {}), Due::Delete);
    assert_eq!(
        after(|_, evidence| evidence.last_use = Some(created() + TimeDelta::hours(1))),
        Due::Cancel(Cause::Used)
    );
    // The same hour is not known to be later.
    assert_eq!(after(|_, evidence| evidence.last_use = Some(created())), Due::Delete);
    assert_eq!(
        after(|_, evidence| evidence.known_since = created() + TimeDelta::hours(1) + MS),
        Due::Cancel(Cause::Unknown)
    );
    let lost = |_: &mut Application, evidence: &mut Evidence| {
        *evidence = Evidence { last_use: None, known_since: created() + days(364) };
    };
    assert_eq!(after(lost), Due::Cancel(Cause::Unknown));
    assert_eq!(after(|app, _| app.deletion_restriction = "keep it".into()), Due::Cancel(Cause::Restricted));
    assert_eq!(after(|app, _| app.blocked = true), Due::Cancel(Cause::Blocked));
    let deletion = crate::domain::application::Deletion { at: created(), by: "somebody".into() };
    assert_eq!(after(|app, _| app.deletion = Some(deletion)), Due::Cancel(Cause::Deleted));
}

#[test]
fn b58_a_policy_that_is_switched_off_or_becomes_milder_takes_announcements_back() {
    let application = application(Environment::Sandbox);
    let evidence = Evidence { last_use: Some(created()), known_since: created() };
    let idle_since = evidence.idle_since(created());
    let announced = Disuse {
        application: application.id.clone(),
        number: 1,
        idle_since,
        announced_at: idle_since + days(335),
        deletes_at: idle_since + days(365),
        notice_days: vec![30, 7, 1],
        given: 1,
        standing: Standing::Announced,
    };
    let now = idle_since + days(340);
    assert_eq!(due(&application, &evidence, Some(&announced), None, now), Due::Cancel(Cause::Policy));
    assert_eq!(due(&application, &evidence, None, None, now), Due::Nothing);
    let milder = Limits { sandbox: term(400, &[30]), ..limits() };
    assert_eq!(due(&application, &evidence, Some(&announced), Some(&milder), now), Due::Cancel(Cause::Policy));
    // A stricter one shortens nothing that was announced.
    let stricter = Limits { sandbox: term(100, &[1]), ..limits() };
    assert_eq!(due(&application, &evidence, Some(&announced), Some(&stricter), now), Due::Nothing);
}

#[test]
fn a_term_is_longer_than_its_notices() {
    let notices = || Notices::new([7, 30]).expect("notices");
    assert_eq!(Term::new(30, notices()), None);
    assert_eq!(Term::new(31, notices()).map(|term| term.notice_days().to_vec()), Some(vec![30, 7]));
    for wrong in [vec![], vec![0], vec![7, 7], vec![1, 2, 3, 4, 5, 6]] {
        assert_eq!(Notices::new(wrong), None);
    }
}
