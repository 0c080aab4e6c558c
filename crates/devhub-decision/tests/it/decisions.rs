//! `decisions.txt`: each row states facts and the answer to them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Change, Decision, Environment, Lifecycle, Maturity, NamespaceEntry, Operation, Question, Reason,
    Replacement, Schedule, ServiceAccountEntry, Standing, SubscriptionEntry, Verdict, VersionEntry, VersionName,
    decide, explain,
};

use crate::given;

const ROWS: &str = include_str!("../decisions.txt");

#[test]
fn every_row_comes_out_as_written() {
    let mut reasons = HashSet::new();
    let mut differing = Vec::new();
    let rows: Vec<&str> = ROWS.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    assert!(rows.len() > 50, "the table lost its rows");
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let &[rules, version, application, subscription, gateway, at, ref answer @ ..] = cells.as_slice() else {
            panic!("too few columns: {row}");
        };
        let now = parsed_instant(at);
        let question = parsed_question(gateway);
        let table = given::table(changes(version, application, subscription));
        let actual = table.ask(&question, |facts| {
            let decision = decide(facts, now, given::limits());
            assert_eq!(explain(facts, &question, now, given::limits()).decision, decision, "{row}");
            reasons.insert(decision.reason);
            written(&decision, now)
        });
        if actual != answer {
            let facts = [rules, version, application, subscription, gateway, at].map(str::to_owned);
            differing.push(facts.into_iter().chain(actual).collect::<Vec<_>>().join(" | "));
        }
    }
    assert!(differing.is_empty(), "these rows now read:\n{}", differing.join("\n"));
    let missing: Vec<Reason> = Reason::ALL.into_iter().filter(|reason| !reasons.contains(reason)).collect();
    assert!(missing.is_empty(), "no row has the reason {missing:?}");
}

/// `D`, `R-1ms`, `D+2d`: an offset from one of the dates.
fn parsed_instant(text: &str) -> DateTime<Utc> {
    let (letter, offset) = text.split_at(1);
    let date = given::date(letter);
    let signed = |digits: &str, unit: fn(i64) -> TimeDelta| unit(digits.parse().unwrap());
    match offset.strip_suffix("ms") {
        Some(digits) => date + signed(digits, TimeDelta::milliseconds),
        None => match offset.strip_suffix('d') {
            Some(digits) => date + signed(digits, TimeDelta::days),
            None => date,
        },
    }
}

/// `PRODUCTION losses c1 p1`: an environment, the operation that is called, a company and a project of it.
fn parsed_question(text: &str) -> Question<'static> {
    let (environment, words) = text.split_once(' ').unwrap_or((text, ""));
    let mut question = Question { environment: environment.parse().unwrap(), ..given::question() };
    for word in words.split_whitespace() {
        match word {
            "losses" => question.operation = Some(Operation { method: "GET", path: "/7/losses?year=2025" }),
            "other" => question.operation = Some(Operation { method: "GET", path: "/7" }),
            "c1" => question.company = Some("c1"),
            "c2" => question.company = Some("c2"),
            "p1" => question.project = Some("p1"),
            "p2" => question.project = Some("p2"),
            word => panic!("a call names no {word}"),
        }
    }
    question
}

fn changes(version: &str, application: &str, subscription: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    if version != "none" {
        let words: Vec<&str> = version.split_whitespace().collect();
        let inside = words.iter().position(|word| *word == "in").unwrap_or(words.len());
        let (version, namespace) = words.split_at(inside);
        changes.push(Change::Version(parsed_version(version)));
        if let Some(words) = namespace.get(1..) {
            changes.push(Change::Namespace(parsed_namespace(words)));
        }
    }
    if application != "none" {
        match application.strip_prefix("account ") {
            Some(account) => changes.extend(parsed_account(account)),
            None => changes.push(Change::Application(parsed_application(application))),
        }
    }
    changes.extend(parsed_subscription(subscription));
    changes
}

/// Dates of an end, as words name them.
#[derive(Default)]
struct Dates {
    deprecated_at: Option<DateTime<Utc>>,
    sunset_begins_at: Option<DateTime<Utc>>,
    retires_at: Option<DateTime<Utc>>,
}

impl Dates {
    /// Takes in the word if it is a date.
    fn take(&mut self, word: &str) -> bool {
        match word {
            "D" => self.deprecated_at = Some(given::date(word)),
            "S" => self.sunset_begins_at = Some(given::date(word)),
            "O" | "R" => self.retires_at = Some(given::date(word)),
            _ => return false,
        }
        true
    }

    fn schedule(&self) -> Schedule {
        let Dates { deprecated_at, sunset_begins_at, retires_at } = *self;
        match (deprecated_at, retires_at) {
            (None, None) => Schedule::Open,
            (Some(deprecated_at), _) => Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at },
            (None, Some(retires_at)) => Schedule::Retirement { retires_at },
        }
    }
}

/// `STABLE D R open no-successor SANDBOX`: a maturity and what differs from a plain version.
fn parsed_version(words: &[&str]) -> VersionEntry {
    let mut version = given::version();
    let mut dates = Dates::default();
    let mut operation = None;
    for word in words {
        match *word {
            _ if dates.take(word) => {}
            "open" => version.open_access = true,
            "scoped" => version.company_scoped = true,
            "brownout" => version.brownouts = [given::brownout()].into(),
            "no-successor" => version.successor = None,
            "no-links" => version.links = Default::default(),
            "callable-alpha" => version.permissions.0[0].calls = true,
            "losses" => operation = Some(given::operation(Schedule::Open)),
            "no-replacement" => operation.as_mut().unwrap().replacement = None,
            "SANDBOX" | "PRODUCTION" => version.environment = word.parse().unwrap(),
            word => match (word.strip_prefix("losses-"), &mut operation) {
                (Some(letters), operation) => {
                    let mut dates = Dates::default();
                    assert!(letters.split('-').all(|letter| dates.take(letter)), "{word}");
                    *operation = Some(given::operation(dates.schedule()));
                }
                (None, _) => version.lifecycle.maturity = word.parse::<Maturity>().unwrap(),
            },
        }
    }
    version.operations = operation.into_iter().collect();
    VersionEntry { lifecycle: Lifecycle { schedule: dates.schedule(), ..version.lifecycle }, ..version }
}

/// `D R brownout`: what the namespace of the version has.
fn parsed_namespace(words: &[&str]) -> NamespaceEntry {
    let mut dates = Dates::default();
    let mut namespace = given::namespace(Schedule::Open);
    for word in words {
        match *word {
            _ if dates.take(word) => {}
            "brownout" => namespace.brownouts = [given::brownout()].into(),
            other => panic!("a namespace has no {other}"),
        }
    }
    NamespaceEntry { schedule: dates.schedule(), ..namespace }
}

/// `PRODUCTION ends-E waived exempt installed`: where the client id is subscribed, its terms, and its installation.
fn parsed_subscription(text: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    for word in text.split_whitespace() {
        match word {
            "no" => {}
            "waived" => changes.push(given::waiver(Some(given::date("W")))),
            "exempt" => changes.push(given::exemption(true)),
            "installed" => changes.push(Change::Installation(given::installation(None))),
            "permits-p1" => changes.push(Change::Installation(given::installation(Some(&["p1"])))),
            "permits-none" => changes.push(Change::Installation(given::installation(Some(&[])))),
            word => match (word.strip_prefix("ends-"), changes.first_mut()) {
                (Some(letter), Some(Change::Subscription(entry))) => entry.ends_at = Some(given::date(letter)),
                (Some(_), _) => panic!("{word} comes after the environment"),
                (None, _) => {
                    let environment: Environment = word.parse().unwrap();
                    changes.push(Change::Subscription(SubscriptionEntry { environment, ..given::subscription() }));
                }
            },
        }
    }
    changes
}

/// `PRODUCTION R W`: the environment of the account, the sunset of its class, and the end of its extension.
fn parsed_account(text: &str) -> Vec<Change> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let date = |index: usize| words.get(index).filter(|word| **word != "-").map(|letter| given::date(letter));
    let account = ServiceAccountEntry { environment: words[0].parse().unwrap(), ..given::account(date(2)) };
    vec![given::sunset(date(1)), Change::ServiceAccount(account)]
}

fn parsed_application(text: &str) -> ApplicationEntry {
    let (standing, environment) = text.split_once(' ').unwrap();
    let standing = Standing::ALL.into_iter().find(|known| known.name() == standing).unwrap();
    ApplicationEntry { standing, environment: environment.parse().unwrap(), ..given::application() }
}

fn written(decision: &Decision<'_>, now: DateTime<Utc>) -> Vec<String> {
    let dash = || "-".to_owned();
    let ttl = match decision.verdict() {
        Verdict::Allow => given::ALLOW_TTL,
        Verdict::Deny => given::DENY_TTL,
    };
    let lettered = |instant: DateTime<Utc>| {
        let named = given::DATES.iter().find(|(letter, _)| given::date(letter) == instant);
        named.map_or_else(|| instant.to_rfc3339(), |(letter, _)| (*letter).to_owned())
    };
    let until = if decision.valid_until == now + ttl { "ttl".to_owned() } else { lettered(decision.valid_until) };
    let Decision { reason, stage, .. } = decision;
    let headers: Vec<&str> = decision.headers.iter().map(|(name, _)| name).collect();
    vec![
        format!("{} {reason}", decision.verdict()),
        format!("{} {}", reason.http_status(), reason.grpc_code()),
        stage.map_or_else(dash, |stage| stage.to_string()),
        until,
        decision.days_left.map_or_else(dash, |days| days.to_string()),
        if headers.is_empty() { dash() } else { headers.join(" ") },
        way_on(decision.successor, decision.successor_namespace, decision.replacement).unwrap_or_else(dash),
        decision.remedy.map_or_else(dash, |remedy| {
            let onwards = way_on(remedy.successor, remedy.successor_namespace, remedy.replacement);
            let from = remedy.earliest.map(|earliest| format!("from {}", lettered(earliest)));
            let parts = [Some(remedy.action.to_string()), from, onwards];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }),
        match (decision.application_id, decision.account_id, decision.credential_ends_at) {
            (Some(application_id), None, None) => application_id.to_owned(),
            (None, Some(account_id), None) => account_id.to_owned(),
            (None, Some(account_id), Some(ends_at)) => format!("{account_id} until {}", lettered(ends_at)),
            (None, None, None) => dash(),
            other => panic!("{other:?}"),
        },
    ]
}

/// The successor, the namespace with a slash after it, the operation to use instead.
fn way_on(
    successor: Option<&VersionName>,
    namespace: Option<&str>,
    replacement: Option<&Replacement>,
) -> Option<String> {
    let parts = [
        replacement.map(|replacement| format!("{} {}", replacement.method, replacement.path)),
        successor.map(|successor| successor.label.to_string()),
        namespace.map(|namespace| format!("{namespace}/")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
