use super::*;
use crate::domain::credential_class::{ClassSchedule, plan};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn revision(recorded_at: &str, cutoff_at: Option<&str>, sunset_at: Option<&str>) -> ClassRevision {
    ClassRevision {
        number: 2,
        before: ClassSchedule::default(),
        after: ClassSchedule {
            deprecated_at: Some(at("2021-12-09T08:00:00Z")),
            cutoff_at: cutoff_at.map(at),
            sunset_at: sunset_at.map(at),
        },
        announced_at: at(recorded_at),
        recorded_at: at(recorded_at),
        zone: Some("America/Los_Angeles".parse().expect("valid")),
        by: "operator:jane".to_owned(),
        reason: String::new(),
        override_reason: String::new(),
    }
}

fn names(revision: &ClassRevision) -> Vec<String> {
    let line = |(milestone, due_at): &(Milestone, DateTime<Utc>)| format!("{milestone} {}", due_at.format("%F %H:%M"));
    plan(revision).iter().map(line).collect()
}

#[test]
fn b91_a_revision_of_the_dates_is_announced_counted_down_and_concluded() {
    let (cutoff, sunset) = ("2024-10-01T07:00:00Z", "2024-12-31T08:00:00Z");
    assert_eq!(
        names(&revision("2021-11-01T00:00:00Z", Some(cutoff), Some(sunset))),
        [
            "ANNOUNCED 2021-11-01 00:00",
            "DEPRECATED 2021-12-09 08:00",
            "CREATION_ENDS 2024-10-01 07:00",
            "T-90 2024-10-02 08:00",
            "T-30 2024-12-01 08:00",
            "T-7 2024-12-24 08:00",
            "T-1 2024-12-30 08:00",
            "SUNSET 2024-12-31 08:00",
        ]
    );
    assert_eq!(names(&revision("2022-12-01T08:00:00Z", None, None)), ["ANNOUNCED 2022-12-01 08:00"]);
    // A door that closes with the sunset is no news beside it.
    assert_eq!(
        names(&revision("2024-12-30T00:00:00Z", Some(sunset), Some(sunset)))[1..],
        ["T-1 2024-12-30 08:00", "SUNSET 2024-12-31 08:00"]
    );
}

#[test]
fn what_comes_with_the_commit_or_before_it_is_told_with_it() {
    let (cutoff, sunset) = ("2024-10-01T07:00:00Z", "2024-12-31T08:00:00Z");
    let told = |recorded_at| names(&revision(recorded_at, Some(cutoff), Some(sunset)));
    let all = ["T-7 2024-12-24 08:00", "T-1 2024-12-30 08:00", "SUNSET 2024-12-31 08:00"];
    assert_eq!(told("2024-12-24T07:59:59.999Z")[1..], all);
    assert_eq!(told("2024-12-24T08:00:00Z")[1..], all[1..]);
    assert_eq!(told("2024-12-24T08:00:00.001Z")[1..], all[1..]);
    assert_eq!(told("2024-12-31T08:00:00Z"), ["ANNOUNCED 2024-12-31 08:00"], "history has only to be announced");
}

#[test]
fn b26_the_dates_are_stated_in_their_zone_and_in_utc() {
    let revision = ClassRevision {
        before: ClassSchedule { sunset_at: Some(at("2025-03-24T07:00:00Z")), ..ClassSchedule::default() },
        ..revision("2025-01-29T08:00:00Z", Some("2025-01-21T08:00:00Z"), Some("2025-03-18T07:00:00Z"))
    };
    let wording = of_class(&revision, Milestone::Announced, at("2025-01-29T08:00:00Z"));
    assert_eq!(
        wording.sentences,
        [
            "The dates of traditional service accounts have changed. Their sunset was announced for 2025-03-24 00:00 \
             PDT America/Los_Angeles (2025-03-24T07:00:00Z) before.",
            "Deprecated from 2021-12-09 00:00 PST America/Los_Angeles (2021-12-09T08:00:00Z) on.",
            "None can be created from 2025-01-21 00:00 PST America/Los_Angeles (2025-01-21T08:00:00Z) on.",
            "They are refused from 2025-03-18 00:00 PDT America/Los_Angeles (2025-03-18T07:00:00Z) on, 48 days from this \
             notice.",
        ]
    );
    assert_eq!((wording.days_left, wording.ends_at), (Some(48), Some(at("2025-03-18T07:00:00Z"))));
    let ended = of_class(&revision, Milestone::Sunset, at("2025-03-18T07:00:00Z"));
    assert_eq!(
        (ended.sentences[0].as_str(), ended.days_left),
        ("Traditional service accounts are refused from now on.", None)
    );
}

fn company(phases: &[(&str, Phase)], extended_until: Option<&str>) -> Dependence {
    let unfinished =
        phases.iter().map(|(name, phase)| Unfinished { name: (*name).to_owned(), accounts: 1, phase: *phase });
    Dependence::Company {
        accounts: phases.len() as u64,
        unfinished: unfinished.collect(),
        extended_until: extended_until.map(at),
    }
}

fn said(dependence: &Dependence) -> Vec<String> {
    dependence.sentences(Some(at("2025-03-18T07:00:00Z")), None, at("2025-03-11T07:00:00Z"))
}

#[test]
fn b88_a_company_is_told_what_is_at_risk_first_and_its_own_date() {
    let told = said(&company(
        &[("Alpha", Phase::Installed), ("Zeta", Phase::NotStarted), ("Mu", Phase::BlockedUnknownOwner)],
        Some("2025-04-17T07:00:00Z"),
    ));
    assert_eq!(
        told,
        [
            "This company has 3 such accounts and 3 migrations to finish, 2 at risk: nothing is installed that goes on \
             without them.",
            "Mu (1 account, BLOCKED_UNKNOWN_OWNER): The company says which application the account is for.",
            "Zeta (1 account, NOT_STARTED): The developer declares a service account in a version of the application \
             and promotes it.",
            "Alpha (1 account, INSTALLED): The developer calls with the application's credentials and names the \
             company; then the company removes the old account.",
            "The accounts of this company are accepted until 2025-04-17T07:00:00Z, 37 days from this notice.",
        ]
    );
    // What ends with the sunset extends nothing.
    assert_eq!(said(&company(&[], Some("2025-03-18T07:00:00Z"))).len(), 1);
    let unknown = company(&[], Some("2025-04-17T07:00:00Z")).sentences(None, None, at("2025-03-11T07:00:00Z"));
    assert_eq!(unknown.len(), 1, "without a sunset there is nothing to extend");
}

#[test]
fn at_most_fifty_migrations_are_named_and_all_are_counted() {
    let names: Vec<String> = (0..52).map(|number| format!("app-{number:02}")).collect();
    let phases = |count: usize| names[..count].iter().map(|n| (n.as_str(), Phase::DeveloperReady)).collect::<Vec<_>>();
    for (count, sentences) in [(49, 50), (50, 51), (51, 52), (52, 52)] {
        let told = said(&company(&phases(count), None));
        assert_eq!(told.len(), sentences, "{count}");
        assert!(told[0].contains(&format!("{count} migrations to finish, {count} at risk")), "{told:?}");
    }
    assert_eq!(said(&company(&phases(52), None))[51], "And 2 more.");
}

#[test]
fn a_developer_is_told_how_many_companies_depend_and_what_is_next() {
    let told = |companies, at_risk, ready_at: Option<&str>| {
        said(&Dependence::Application { companies, at_risk, ready_at: ready_at.map(at) })
    };
    assert_eq!(
        told(3, 2, None),
        [
            "3 companies have such accounts for this application, 2 at risk, since nothing is installed there that \
             goes on without them.",
            "The developer declares a service account in a version of the application and promotes it.",
        ]
    );
    assert_eq!(
        told(1, 1, Some("2022-03-01T00:00:00Z"))[1],
        "An administrator of the company installs the application."
    );
    assert_eq!(
        told(1, 0, Some("2022-03-01T00:00:00Z"))[0],
        "1 company has such accounts for this application, none of them at risk."
    );
}
