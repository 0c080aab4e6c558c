//! Companies, installations and traditional service accounts: instants, sentences, and what the table keeps apart.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    COMPANY_HEADER, Change, Environment, InstallationEntry, Question, Reason, Schedule, ServiceAccountEntry, Table,
    VersionEntry, decide, explain,
};

use crate::given::{self, MS, date, r};

fn reason_of(table: &Table, question: &Question<'_>, now: DateTime<Utc>) -> Reason {
    table.ask(question, |facts| decide(facts, now, given::limits()).reason)
}

/// A company-scoped version, a service account, and this sunset.
fn account_until(sunset_at: Option<DateTime<Utc>>, extended_until: Option<DateTime<Utc>>) -> Table {
    let account = Change::ServiceAccount(given::account(extended_until));
    given::table([Change::Version(given::scoped_version()), account, given::sunset(sunset_at)])
}

/// A company-scoped version, and a usable application that is subscribed to it.
fn application() -> Table {
    given::subscribed_to(given::scoped_version())
}

fn installed(projects: Option<&[&str]>) -> Change {
    Change::Installation(given::installation(projects))
}

#[test]
fn b69_b70_b88_an_account_ends_on_the_instant_of_its_sunset_or_of_its_extension() {
    let (r, w, d) = (r(), date("W"), given::d());
    for (sunset_at, extended_until, end) in [
        (Some(r), None, Some(r)),
        (Some(r), Some(w), Some(w)),
        (Some(r), Some(r), Some(r)),
        (Some(r), Some(d), Some(r)),
        (None, None, None),
        (None, Some(d), None),
    ] {
        let table = account_until(sunset_at, extended_until);
        table.ask(&given::question(), |facts| {
            for now in [d - MS, d, r - MS, r, r + MS, w - MS, w, w + MS] {
                let decision = decide(facts, now, given::limits());
                let ended = end.is_some_and(|end| end <= now);
                let expected = if ended { Reason::ServiceAccountSunset } else { Reason::ServiceAccount };
                assert_eq!(decision.reason, expected, "{sunset_at:?} {extended_until:?} at {now}");
                assert_eq!((decision.account_id, decision.application_id), (Some(given::ACCOUNT), None));
                assert_eq!(decision.credential_ends_at, end);
            }
        });
    }
}

#[test]
fn b61_x7_no_cached_answer_outlives_the_end_of_an_account() {
    let until = |table: &Table, now| table.ask(&given::question(), |f| decide(f, now, given::limits()).valid_until);
    let (r, w) = (r(), date("W"));
    let plain = account_until(Some(r), None);
    assert_eq!(until(&plain, r - given::ALLOW_TTL - MS), r - MS);
    assert_eq!(until(&plain, r - given::ALLOW_TTL + MS), r);
    assert_eq!(until(&plain, r - MS), r);
    assert_eq!(until(&plain, r), r + given::DENY_TTL);
    let extended = account_until(Some(r), Some(w));
    assert_eq!(until(&extended, r - MS), r - MS + given::ALLOW_TTL);
    assert_eq!(until(&extended, w - MS), w);
}

#[test]
fn b71_b72_the_class_may_move_its_sunset_either_way_and_every_account_follows() {
    let table = account_until(Some(r()), None);
    for (revision, sunset_at, expected) in [
        (2, Some(date("W")), Reason::ServiceAccount),
        (3, Some(date("O")), Reason::ServiceAccountSunset),
        (4, None, Reason::ServiceAccount),
        (5, Some(r()), Reason::ServiceAccountSunset),
    ] {
        table.apply(revision, vec![given::sunset(sunset_at)]);
        assert_eq!(reason_of(&table, &given::question(), r()), expected, "{sunset_at:?}");
    }
}

#[test]
fn b88_an_extension_is_of_one_account_alone() {
    let table = account_until(Some(r()), Some(date("W")));
    let client_id: Box<str> = "client-8".into();
    table.load(Change::ServiceAccount(ServiceAccountEntry { client_id, ..given::account(None) }));
    assert_eq!(reason_of(&table, &given::question(), r()), Reason::ServiceAccount);
    let other = Question { client_id: "client-8", ..given::question() };
    assert_eq!(reason_of(&table, &other, r()), Reason::ServiceAccountSunset);
}

#[test]
fn b83_b85_both_call_while_they_overlap_and_the_application_goes_on_after_the_sunset() {
    let table = application();
    let client_id: Box<str> = "old-account".into();
    let account = ServiceAccountEntry { client_id, ..given::account(None) };
    table.apply(2, vec![installed(None), Change::ServiceAccount(account), given::sunset(Some(r()))]);
    let dmsa = given::question_about(given::COMPANY, None);
    let old = Question { client_id: "old-account", ..dmsa };
    assert_eq!(reason_of(&table, &old, r() - MS), Reason::ServiceAccount);
    assert_eq!(reason_of(&table, &old, r()), Reason::ServiceAccountSunset);
    for now in [r() - MS, r(), r() + MS] {
        assert_eq!(reason_of(&table, &dmsa, now), Reason::Subscribed, "{now}");
    }
}

#[test]
fn a_removed_account_is_a_stranger_and_an_application_goes_before_an_account() {
    let table = account_until(None, None);
    let removed = ServiceAccountEntry { live: false, ..given::account(None) };
    table.apply(2, vec![Change::ServiceAccount(removed.clone())]);
    assert_eq!(reason_of(&table, &given::question(), r()), Reason::UnknownClient);
    assert_eq!(table.counts().service_accounts, 0);
    table.apply(3, vec![Change::ServiceAccount(removed), Change::ServiceAccount(given::account(None))]);
    assert_eq!(reason_of(&table, &given::question(), r()), Reason::ServiceAccount);
    // A subscription alone makes no application of a client id.
    table.apply(4, vec![Change::Subscription(given::subscription())]);
    assert_eq!(reason_of(&table, &given::question(), r()), Reason::ServiceAccount);
    table.apply(5, vec![Change::Application(given::application())]);
    assert_eq!(reason_of(&table, &given::question(), r()), Reason::CompanyRequired);
    table.ask(&given::question(), |facts| {
        let decision = decide(facts, r(), given::limits());
        assert_eq!((decision.account_id, decision.application_id), (None, Some(given::APPLICATION)));
        assert_eq!(decision.credential_ends_at, None);
    });
}

#[test]
fn b66_an_installation_is_for_one_company_and_goes_when_it_is_removed() {
    let table = application();
    let there = given::question_about(given::COMPANY, Some("p1"));
    assert_eq!(reason_of(&table, &there, r()), Reason::NotInstalled);
    let removed = InstallationEntry { installed: false, ..given::installation(None) };
    for (revision, change, expected) in [
        (2, installed(None), Reason::Subscribed),
        (3, installed(Some(&["p3", "p2"])), Reason::ProjectNotPermitted),
        (4, installed(Some(&["p3", "p1", "p2", "p1"])), Reason::Subscribed),
        (5, installed(Some(&[])), Reason::ProjectNotPermitted),
        (6, Change::Installation(removed.clone()), Reason::NotInstalled),
        (7, Change::Installation(removed), Reason::NotInstalled),
    ] {
        table.apply(revision, vec![change]);
        assert_eq!(reason_of(&table, &there, r()), expected, "revision {revision}");
        assert_eq!(table.counts().installations, usize::from(revision < 6));
    }
    assert!(!table.dump().iter().any(|line| line.starts_with("installation")));
    table.apply(8, vec![installed(None)]);
    for company in ["c", "c11", "C1", ""] {
        let elsewhere = given::question_about(company, None);
        assert_eq!(reason_of(&table, &elsewhere, r()), Reason::NotInstalled, "{company:?}");
    }
}

#[test]
fn b65_b66_denials_say_who_has_to_do_what() {
    let table = application();
    let remedy = |table: &Table, question: &Question<'_>| {
        table.ask(question, |facts| decide(facts, r(), given::limits()).remedy.unwrap().sentence())
    };
    let sentence = remedy(&table, &given::question());
    assert_eq!(sentence, "Send the header that names the company (Procore-Company-Id) with every call.");
    assert!(sentence.contains(COMPANY_HEADER));
    let sentence = remedy(&table, &given::question_about("c1", None));
    assert_eq!(sentence, "Have an administrator of the company install the application.");
    table.apply(2, vec![installed(Some(&[]))]);
    let sentence = remedy(&table, &given::question_about("c1", Some("p1")));
    assert_eq!(sentence, "Have an administrator of the company permit the project to the application.");
    let account = account_until(Some(r()), None);
    assert_eq!(
        remedy(&account, &given::question()),
        "Have an administrator of the company install the version of the application that uses a Developer Managed \
         Service Account (DMSA), and call with its credentials; or ask an operator for an extension."
    );
    account.apply(2, vec![given::sunset(None)]);
    assert_eq!(
        remedy(&account, &given::question_about("c2", None)),
        "Name the company of the service account in the header that names the company (Procore-Company-Id), or leave the \
         header out."
    );
    account.apply(3, vec![Change::Version(given::version())]);
    assert_eq!(
        remedy(&account, &given::question()),
        "Call with an application that is subscribed to this version; service accounts reach company-scoped versions only."
    );
}

/// The last steps of a trail, from the client on.
fn trail_of(table: &Table, question: &Question<'_>, now: DateTime<Utc>) -> Vec<String> {
    let steps = table.ask(question, |facts| explain(facts, question, now, given::limits()).steps);
    steps
        .into_iter()
        .skip(5)
        .map(|step| step.sentence)
        .filter(|sentence| !sentence.starts_with("Not reached"))
        .collect()
}

#[test]
fn b93_a_trail_tells_what_became_of_a_service_account() {
    let known = "The client id \"client-7\" belongs to the service account account-7 of the company c1.";
    let home = "The service account lives in PRODUCTION, as the gateway does.";
    let approval = "A service account needs no approval.";
    let table = account_until(Some(r()), None);
    assert_eq!(
        trail_of(&table, &given::question(), r() - MS),
        [
            known,
            home,
            approval,
            "Traditional service accounts work until their sunset at 2025-07-15T00:00:00Z.",
            "The call names no company, so it is about that of the service account, c1.",
            "A service account has no list of permitted projects.",
            "hello/world 1.0 is company-scoped, so a service account needs no subscription to it.",
        ]
    );
    let ended = "Traditional service accounts do not work any more since 2025-07-15T00:00:00Z.";
    assert_eq!(trail_of(&table, &given::question(), r()), [known, home, approval, ended]);
    let other = trail_of(&table, &given::question_about("c2", None), r() - MS);
    assert_eq!(other[4], "The call names the company c2, the service account belongs to c1.");
    let own = trail_of(&table, &given::question_about("c1", None), r() - MS);
    assert_eq!(own[4], "The service account belongs to the company c1.");
    let extended = account_until(Some(r()), Some(date("W")));
    assert_eq!(
        trail_of(&extended, &given::question(), r())[3],
        "The sunset of traditional service accounts is at 2025-07-15T00:00:00Z; an extension keeps this one until \
         2025-08-15T00:00:00Z."
    );
    assert_eq!(
        trail_of(&extended, &given::question(), date("W"))[3],
        "The sunset of traditional service accounts was at 2025-07-15T00:00:00Z; the extension of this one ended at \
         2025-08-15T00:00:00Z."
    );
    let open = account_until(None, Some(date("W")));
    assert_eq!(
        trail_of(&open, &given::question(), r())[3],
        "Traditional service accounts work; no date of their sunset is known."
    );
    open.apply(2, vec![Change::Version(given::version())]);
    assert_eq!(
        trail_of(&open, &given::question(), r())[6],
        "A service account holds no subscription, and hello/world 1.0 is not company-scoped."
    );
    let strange = Question { environment: Environment::Sandbox, ..given::question() };
    open.apply(3, vec![Change::Version(VersionEntry { environment: Environment::Sandbox, ..given::version() })]);
    assert_eq!(trail_of(&open, &strange, r())[1], "The service account lives in PRODUCTION, the gateway in SANDBOX.");
}

#[test]
fn b93_a_trail_looks_ahead_to_the_end_of_a_service_account() {
    let upcoming = |table: &Table| {
        let ahead = table
            .ask(&given::question(), |facts| explain(facts, &given::question(), given::d(), given::limits()).upcoming);
        ahead.into_iter().map(|change| change.sentence).collect::<Vec<String>>()
    };
    assert_eq!(
        upcoming(&account_until(Some(r()), Some(date("W")))),
        [
            "From 2025-07-15T00:00:00Z traditional service accounts do not work any more, except for this one's \
             extension: ALLOW SERVICE_ACCOUNT.",
            "From 2025-08-15T00:00:00Z the extension of the service account has ended: DENY SERVICE_ACCOUNT_SUNSET.",
        ]
    );
    let retiring = account_until(Some(r()), Some(r()));
    let schedule = Schedule::Retirement { retires_at: r() + TimeDelta::days(1) };
    retiring.apply(2, vec![Change::Version(VersionEntry { company_scoped: true, ..given::scheduled(schedule) })]);
    assert_eq!(
        upcoming(&retiring),
        [
            "From 2025-07-15T00:00:00Z traditional service accounts do not work any more: DENY SERVICE_ACCOUNT_SUNSET.",
            "From 2025-07-16T00:00:00Z the version is RETIRED: DENY VERSION_RETIRED.",
        ]
    );
    assert_eq!(upcoming(&account_until(None, Some(date("W")))), [""; 0]);
    let application = application();
    application.apply(2, vec![given::sunset(Some(r()))]);
    assert_eq!(upcoming(&application), [""; 0], "the sunset is no matter of an application");
}

#[test]
fn b93_a_trail_tells_companies_and_projects() {
    let table = application();
    let last = |table: &Table, question: &Question<'_>| trail_of(table, question, r()).pop().unwrap();
    assert_eq!(
        last(&table, &given::question()),
        "A call to a company-scoped version names its company in a header (Procore-Company-Id); this one does not."
    );
    let there = given::question_about("c1", Some("p1"));
    assert_eq!(last(&table, &there), "The application is not installed in the company c1.");
    table.apply(2, vec![installed(Some(&["p2"]))]);
    assert_eq!(
        last(&table, &there),
        "The installation of the application in the company c1 does not permit the project p1."
    );
    assert_eq!(
        trail_of(&table, &given::question_about("c1", Some("p2")), r())[4..6],
        ["The application is installed in the company c1.", "The installation permits the project p2."]
    );
    assert_eq!(trail_of(&table, &given::question_about("c1", None), r())[5], "The call names no project.");
}

#[test]
fn a_supposed_sunset_answers_and_the_table_stays_as_it_is() {
    let table = account_until(Some(date("W")), None);
    let before = table.dump();
    let supposition = table.supposing(vec![given::sunset(Some(r()))]);
    let supposed = supposition.ask(&given::question(), |facts| decide(facts, r(), given::limits()).reason);
    assert_eq!(supposed, Reason::ServiceAccountSunset);
    assert_eq!(reason_of(&table, &given::question(), r()), Reason::ServiceAccount);
    assert_eq!(table.dump(), before);
    let scoped = application()
        .supposing(vec![Change::Version(given::version())])
        .ask(&given::question(), |facts| decide(facts, r(), given::limits()).reason);
    assert_eq!(scoped, Reason::Subscribed);
}
