//! `decisions.txt`: each row states facts and the answer to them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{
    ApplicationEntry, Change, Decision, Environment, Lifecycle, Maturity, Question, Reason, Schedule, Standing,
    SubscriptionEntry, Verdict, VersionEntry, decide, explain,
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
        let environment: Environment = gateway.parse().unwrap();
        let table = given::table(changes(version, application, subscription));
        let question = Question { environment, ..given::question() };
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

/// `D`, `R-1ms`, `D+2d`: an offset from one of the two dates.
fn parsed_instant(text: &str) -> DateTime<Utc> {
    let (date, offset) = text.split_at(1);
    let date = match date {
        "D" => given::d(),
        "R" => given::r(),
        other => panic!("no date is called {other}"),
    };
    let signed = |digits: &str, unit: fn(i64) -> TimeDelta| unit(digits.parse().unwrap());
    match offset.strip_suffix("ms") {
        Some(digits) => date + signed(digits, TimeDelta::milliseconds),
        None => match offset.strip_suffix('d') {
            Some(digits) => date + signed(digits, TimeDelta::days),
            None => date,
        },
    }
}

fn changes(version: &str, application: &str, subscription: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    if version != "none" {
        changes.push(Change::Version(parsed_version(version)));
    }
    if application != "none" {
        changes.push(Change::Application(parsed_application(application)));
    }
    if subscription != "no" {
        let environment = subscription.parse().unwrap();
        changes.push(Change::Subscription(SubscriptionEntry { environment, ..given::subscription() }));
    }
    changes
}

/// `STABLE D R open no-successor SANDBOX`: a maturity and what differs from a plain version.
fn parsed_version(text: &str) -> VersionEntry {
    let mut version = given::version();
    let mut dates = (None, None);
    for word in text.split_whitespace() {
        match word {
            "D" => dates.0 = Some(given::d()),
            "R" => dates.1 = Some(given::r()),
            "open" => version.open_access = true,
            "no-successor" => version.successor = None,
            "no-links" => version.links = Default::default(),
            "callable-alpha" => version.permissions.0[0].calls = true,
            "SANDBOX" | "PRODUCTION" => version.environment = word.parse().unwrap(),
            maturity => version.lifecycle.maturity = maturity.parse::<Maturity>().unwrap(),
        }
    }
    let schedule = match dates {
        (None, None) => Schedule::Open,
        (Some(deprecated_at), retires_at) => {
            Schedule::Deprecation { deprecated_at, sunset_begins_at: None, retires_at }
        }
        (None, Some(retires_at)) => Schedule::Retirement { retires_at },
    };
    VersionEntry { lifecycle: Lifecycle { schedule, ..version.lifecycle }, ..version }
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
    let until = match decision.valid_until {
        until if until == given::d() => "D".to_owned(),
        until if until == given::r() => "R".to_owned(),
        until if until == now + ttl => "ttl".to_owned(),
        until => until.to_rfc3339(),
    };
    let Decision { reason, stage, .. } = decision;
    let headers: Vec<&str> = decision.headers.iter().map(|(name, _)| name).collect();
    vec![
        format!("{} {reason}", decision.verdict()),
        format!("{} {}", reason.http_status(), reason.grpc_code()),
        stage.map_or_else(dash, |stage| stage.to_string()),
        until,
        decision.days_left.map_or_else(dash, |days| days.to_string()),
        if headers.is_empty() { dash() } else { headers.join(" ") },
        decision.successor.map_or_else(dash, |successor| successor.label.to_string()),
        decision.remedy.map_or_else(dash, |remedy| {
            let successor = remedy.successor.map_or_else(String::new, |successor| format!(" {}", successor.label));
            format!("{}{successor}", remedy.action)
        }),
        decision.application_id.unwrap_or("-").to_owned(),
    ]
}
