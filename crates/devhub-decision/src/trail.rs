//! Why a decision came out as it did: the rules in their order, what became of each, and what time alone will change.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::decision::{self, Decision, Limits};
use crate::entry::Standing;
use crate::facts::{Facts, Question};
use crate::lifecycle::Lifecycle;
use crate::reason::Reason;
use crate::rule::Rule;
use crate::stage::Stage;

/// What became of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// The rule did not decide.
    Passed,
    /// The rule decided.
    Decided,
    /// An earlier rule decided.
    NotReached,
}

impl StepOutcome {
    /// The name used on the wire and in listings.
    pub const fn name(self) -> &'static str {
        match self {
            StepOutcome::Passed => "PASSED",
            StepOutcome::Decided => "DECIDED",
            StepOutcome::NotReached => "NOT_REACHED",
        }
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One rule, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailStep {
    /// Which rule.
    pub rule: Rule,
    /// What became of it.
    pub outcome: StepOutcome,
    /// Why, in a sentence.
    pub sentence: String,
}

/// A change that time alone will bring, if no fact changes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpcomingChange {
    /// First instant at which it holds.
    pub at: DateTime<Utc>,
    /// The stage of the version from then on.
    pub stage: Stage,
    /// The answer to the same question from then on.
    pub reason: Reason,
    /// The same in a sentence.
    pub sentence: String,
}

/// A decision and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail<'t> {
    /// The decision that `decide` makes from the same facts at the same instant.
    pub decision: Decision<'t>,
    /// Each rule, in the order of judgement.
    pub steps: Vec<TrailStep>,
    /// What time alone will change, soonest first.
    pub upcoming: Vec<UpcomingChange>,
}

/// Judges one call at `now` and says why, rule by rule. `question` must be the one that the facts answer.
pub fn explain<'t>(facts: &Facts<'t>, question: &Question<'_>, now: DateTime<Utc>, limits: Limits) -> Trail<'t> {
    let (decider, decision) = decision::judged(facts, now, limits);
    let steps = Rule::ALL.into_iter().map(|rule| step(rule, decider, &decision, facts, question)).collect();
    Trail { decision, steps, upcoming: upcoming(facts, now, limits) }
}

fn step(rule: Rule, decider: Rule, decision: &Decision<'_>, facts: &Facts<'_>, question: &Question<'_>) -> TrailStep {
    let (outcome, sentence) = match rule.cmp(&decider) {
        std::cmp::Ordering::Less => (StepOutcome::Passed, passed(rule, decision, facts, question)),
        std::cmp::Ordering::Equal => (StepOutcome::Decided, decided(decision, facts, question)),
        std::cmp::Ordering::Greater => (StepOutcome::NotReached, format!("Not reached: {decider} decided.")),
    };
    TrailStep { rule, outcome, sentence }
}

fn passed(rule: Rule, decision: &Decision<'_>, facts: &Facts<'_>, question: &Question<'_>) -> String {
    let Question { client_id, context, label, environment, operation: _ } = question;
    match rule {
        Rule::VersionKnown => format!("{context} {label} is known in {environment}."),
        Rule::NotRetired => facts
            .version
            .zip(decision.stage)
            .map_or_else(String::new, |(known, stage)| standing_of(known.lifecycle(), stage)),
        Rule::Callable => decision.stage.map_or_else(String::new, |stage| format!("Calls pass in the stage {stage}.")),
        Rule::OpenAccess => "The version is not open access, so the call needs a subscription.".to_owned(),
        Rule::ClientKnown => {
            let application_id = decision.application_id.unwrap_or_default();
            format!("The client id {client_id:?} belongs to the application {application_id}.")
        }
        Rule::OwnEnvironment => format!("The application lives in {environment}, as the gateway does."),
        Rule::Standing => "The application is approved, not blocked and not deleted.".to_owned(),
        // The last rule always decides.
        Rule::Subscription => String::new(),
    }
}

fn decided(decision: &Decision<'_>, facts: &Facts<'_>, question: &Question<'_>) -> String {
    let Question { client_id, context, label, environment, operation: _ } = question;
    match decision.reason {
        Reason::Subscribed => format!("The application holds a live subscription to {context} {label}."),
        Reason::OpenAccess => "The version is open access: calls pass without a subscription.".to_owned(),
        Reason::UnknownVersion => format!("{context} {label} is not known in {environment}."),
        Reason::VersionRetired => facts
            .version
            .zip(decision.stage)
            .map_or_else(String::new, |(known, stage)| standing_of(known.lifecycle(), stage)),
        Reason::VersionNotCallable => {
            decision.stage.map_or_else(String::new, |stage| format!("No call passes in the stage {stage}."))
        }
        Reason::UnknownClient => format!("No application has the client id {client_id:?}."),
        Reason::EnvironmentMismatch => {
            let home = facts.application.map_or("the other environment", |application| application.environment.name());
            format!("The application lives in {home}, the gateway in {environment}.")
        }
        Reason::ApplicationNotApproved | Reason::ApplicationBlocked | Reason::ApplicationDeleted => {
            match facts.application.map(|application| application.standing) {
                Some(Standing::NotApproved) => "The approval of the application is not complete.".to_owned(),
                Some(Standing::Blocked) => "The application is blocked.".to_owned(),
                Some(Standing::Deleted) => "The application is deleted.".to_owned(),
                Some(Standing::Usable) | None => String::new(),
            }
        }
        Reason::NotSubscribed => format!("The application holds no live subscription to {context} {label}."),
    }
}

/// Where the version stands, with the dates that put it there or will end it.
fn standing_of(lifecycle: &Lifecycle, stage: Stage) -> String {
    let schedule = lifecycle.schedule;
    let since = match stage {
        Stage::Alpha | Stage::Beta | Stage::Stable => None,
        Stage::Deprecated => schedule.deprecated_at(),
        Stage::Retired => schedule.retires_at(),
    };
    let since = since.map_or_else(String::new, |instant| format!(" since {}", written(instant)));
    let end = match stage {
        Stage::Retired => String::new(),
        Stage::Alpha | Stage::Beta | Stage::Stable | Stage::Deprecated => match schedule.retires_at() {
            Some(instant) => format!("; it retires at {}", written(instant)),
            None => "; no date of retirement is known".to_owned(),
        },
    };
    format!("The version is {stage}{since}{end}.")
}

/// Each change of the stage after `now`, with the answer that it brings.
fn upcoming(facts: &Facts<'_>, now: DateTime<Utc>, limits: Limits) -> Vec<UpcomingChange> {
    let Some(version) = facts.version else {
        return Vec::new();
    };
    let lifecycle = version.lifecycle();
    let instants = std::iter::successors(lifecycle.next_change(now), |at| lifecycle.next_change(*at));
    instants
        .map(|at| {
            let stage = lifecycle.stage(at);
            let decision = decision::decide(facts, at, limits);
            let (verdict, reason) = (decision.verdict(), decision.reason);
            let sentence = format!("From {} the version is {stage}: {verdict} {reason}.", written(at));
            UpcomingChange { at, stage, reason, sentence }
        })
        .collect()
}

/// An instant as RFC 3339 in UTC, with the fraction that it has.
fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
