use chrono::TimeDelta;
use devhub_decision::{Lifecycle, Maturity, Schedule};

use super::*;
use crate::domain::ledger::RevisionKind;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn target() -> Target {
    let name = VersionName { context: "vapid".parse().expect("valid"), label: "1.0".parse().expect("valid") };
    Target::Version(name, Environment::Production)
}

fn revision(kind: RevisionKind, schedule: Schedule, recorded_at: &str) -> Revision {
    Revision {
        target: target(),
        number: 2,
        kind,
        before: None,
        after: Lifecycle { maturity: Maturity::Stable, schedule },
        brownout: None,
        successor: "rest/v1.0 1.0".to_owned(),
        announced_at: at(recorded_at),
        recorded_at: at(recorded_at),
        zone: Some("America/Los_Angeles".parse().expect("valid")),
        by: "operator:jane".to_owned(),
        reason: String::new(),
        override_reason: String::new(),
    }
}

fn deprecation(deprecated_at: &str, retires_at: Option<&str>) -> Schedule {
    Schedule::Deprecation { deprecated_at: at(deprecated_at), sunset_begins_at: None, retires_at: retires_at.map(at) }
}

fn names(plan: &[(Milestone, DateTime<Utc>)]) -> Vec<String> {
    plan.iter().map(|(milestone, due_at)| format!("{milestone} {}", due_at.format("%Y-%m-%d %H:%M"))).collect()
}

#[test]
fn b91_a_deprecation_is_announced_counted_down_and_concluded() {
    let schedule = deprecation("2025-03-01T00:00:00Z", Some("2026-03-01T00:00:00Z"));
    let planned = plan(&revision(RevisionKind::Deprecated, schedule, "2025-01-01T12:00:00Z"), &Guards::default());
    assert_eq!(
        names(&planned),
        [
            "ANNOUNCED 2025-01-01 12:00",
            "DEPRECATED 2025-03-01 00:00",
            "T-90 2025-12-01 00:00",
            "T-30 2026-01-30 00:00",
            "T-7 2026-02-22 00:00",
            "T-1 2026-02-28 00:00",
            "RETIRED 2026-03-01 00:00",
        ]
    );
}

#[test]
fn what_comes_with_the_commit_or_before_it_is_told_with_it() {
    let schedule = deprecation("2025-01-01T00:00:00Z", Some("2025-01-31T00:00:00Z"));
    let told = |recorded_at| names(&plan(&revision(RevisionKind::Revised, schedule, recorded_at), &Guards::default()));
    let all = ["T-7 2025-01-24 00:00", "T-1 2025-01-30 00:00", "RETIRED 2025-01-31 00:00"];
    assert_eq!(told("2025-01-01T00:00:00Z")[1..], all);
    assert_eq!(told("2025-01-23T23:59:59.999Z")[1..], all);
    assert_eq!(told("2025-01-24T00:00:00Z")[1..], all[1..]);
    assert_eq!(told("2025-01-31T00:00:00Z"), ["ANNOUNCED 2025-01-31 00:00"]);
}

#[test]
fn what_takes_nothing_from_anybody_is_not_announced() {
    let guards = Guards::default();
    assert_eq!(plan(&revision(RevisionKind::Published, Schedule::Open, "2025-01-01T00:00:00Z"), &guards), []);
    let withdrawn = revision(RevisionKind::Withdrawn, Schedule::Open, "2025-01-01T00:00:00Z");
    assert_eq!(names(&plan(&withdrawn, &guards)), ["ANNOUNCED 2025-01-01 00:00"]);
    // A promotion says nothing new, but the end that was planned before it still comes.
    let retirement = Schedule::Retirement { retires_at: at("2025-01-05T00:00:00Z") };
    let promoted = revision(RevisionKind::Promoted, retirement, "2025-01-01T00:00:00Z");
    assert_eq!(names(&plan(&promoted, &guards)), ["T-1 2025-01-04 00:00", "RETIRED 2025-01-05 00:00"]);
}

#[test]
fn a_policy_names_its_own_days_in_any_order() {
    let guards = Guards { notice_days: vec![7, 14, 7, 0], ..Guards::default() };
    let schedule = Schedule::Retirement { retires_at: at("2025-06-01T00:00:00Z") };
    let planned = plan(&revision(RevisionKind::Retired, schedule, "2025-01-01T00:00:00Z"), &guards);
    assert_eq!(names(&planned)[1..], ["T-14 2025-05-18 00:00", "T-7 2025-05-25 00:00", "RETIRED 2025-06-01 00:00"]);
    let joint = joint_guards([&guards, &Guards::default()]).expect("there are two");
    assert_eq!(plan(&revision(RevisionKind::Retired, schedule, "2025-01-01T00:00:00Z"), &joint).len(), 7);
    assert_eq!(joint_guards([]), None);
}

#[test]
fn a_milestone_comes_on_the_instant() {
    let schedule = deprecation("2025-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z"));
    let planned = plan(&revision(RevisionKind::Deprecated, schedule, "2025-01-01T00:00:00Z"), &Guards::default());
    for (position, (_, due_at)) in planned.iter().enumerate().skip(1) {
        let verdict = |now| verdicts(&planned[position..], None, now)[0];
        assert_eq!(verdict(*due_at - TimeDelta::milliseconds(1)), Due::Later);
        assert_eq!(verdict(*due_at), Due::Give);
        assert_eq!(verdict(*due_at + TimeDelta::milliseconds(1)), Due::Give);
    }
}

#[test]
fn of_what_is_overdue_only_what_still_helps_is_given() {
    use Due::{Drop, Give, Later, Skip};
    let schedule = deprecation("2025-03-01T00:00:00Z", Some("2026-03-01T00:00:00Z"));
    let planned = plan(&revision(RevisionKind::Deprecated, schedule, "2025-01-01T00:00:00Z"), &Guards::default());
    let verdicts = |superseded_at: Option<&str>, now| verdicts(&planned, superseded_at.map(at), at(now));
    assert_eq!(verdicts(None, "2025-01-01T00:00:00Z"), [Give, Later, Later, Later, Later, Later, Later]);
    assert_eq!(verdicts(None, "2026-02-01T00:00:00Z"), [Give, Give, Skip, Give, Later, Later, Later]);
    assert_eq!(verdicts(None, "2026-03-01T00:00:00Z"), [Give, Skip, Skip, Skip, Skip, Skip, Give]);
    assert_eq!(
        verdicts(Some("2025-12-25T00:00:00Z"), "2026-04-01T00:00:00Z"),
        [Give, Skip, Skip, Drop, Drop, Drop, Drop]
    );
}

#[test]
fn an_occasion_always_makes_the_same_id_and_newer_ones_come_first() {
    let occasion = |revision, milestone| Occasion { subject: NoticeSubject::Schedule(target()), revision, milestone };
    let (early, late) = (at("1969-12-31T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    let id = occasion(1, Milestone::Announced).notice_id(late);
    assert_eq!(id, occasion(1, Milestone::Announced).notice_id(late));
    assert_ne!(id, occasion(2, Milestone::Announced).notice_id(late));
    assert_ne!(id, occasion(1, Milestone::Countdown(1)).notice_id(late));
    assert!(id < occasion(1, Milestone::Announced).notice_id(early));
    let other = Occasion {
        subject: NoticeSubject::Announcement("vapid".parse().expect("valid")),
        revision: 1,
        milestone: Milestone::Announced,
    };
    assert_ne!(id, other.notice_id(late));
}

#[test]
fn b26_a_notice_states_each_date_in_its_zone_and_in_utc() {
    let schedule = deprecation("2025-03-01T08:00:00Z", Some("2025-07-01T07:00:00Z"));
    let revision = revision(RevisionKind::Deprecated, schedule, "2025-01-01T00:00:00Z");
    let wording = of_revision(&revision, Milestone::Countdown(30), at("2025-06-01T07:00:00Z"));
    assert_eq!(wording.days_left, Some(30));
    assert_eq!(
        wording.sentences,
        [
            "vapid 1.0 in PRODUCTION is retired in 30 days.",
            "Deprecated from 2025-03-01 00:00 PST America/Los_Angeles (2025-03-01T08:00:00Z) on: no new subscriptions.",
            "Retired from 2025-07-01 00:00 PDT America/Los_Angeles (2025-07-01T07:00:00Z) on, 30 days from this \
             notice: every call is refused.",
            "Move to rest/v1.0 1.0.",
        ]
    );
    assert_eq!(of_revision(&revision, Milestone::Retired, at("2025-07-01T07:00:00Z")).days_left, None);
}
