//! Why a decision came out as it did: the rules in their order, what became of each, and what time alone will change.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::account::AccountFacts;
use crate::brownout::Brownout;
use crate::company::{COMPANY_HEADER, CompanyAccess};
use crate::decision::{self, Decision, Limits};
use crate::entry::Standing;
use crate::facts::{Facts, Question};
use crate::operation::{OperationEntry, OperationFacts};
use crate::reason::Reason;
use crate::rule::Rule;
use crate::stage::{Environment, Stage};

/// Most dates that a trail looks ahead to.
pub const UPCOMING_MAX: usize = 50;

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
    /// The stage of what is called from then on.
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
    let steps = Rule::ALL.into_iter().map(|rule| step(rule, decider, &decision, facts, question, now)).collect();
    Trail { decision, steps, upcoming: upcoming(facts, now, limits) }
}

fn step(
    rule: Rule,
    decider: Rule,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    question: &Question<'_>,
    now: DateTime<Utc>,
) -> TrailStep {
    let (outcome, sentence) = match rule.cmp(&decider) {
        std::cmp::Ordering::Less => (StepOutcome::Passed, passed(rule, decision, facts, question)),
        std::cmp::Ordering::Equal => (StepOutcome::Decided, decided(decision, facts, question, now)),
        std::cmp::Ordering::Greater => (StepOutcome::NotReached, format!("Not reached: {decider} decided.")),
    };
    TrailStep { rule, outcome, sentence }
}

fn passed(rule: Rule, decision: &Decision<'_>, facts: &Facts<'_>, question: &Question<'_>) -> String {
    let Question { client_id, context, label, environment, .. } = question;
    match rule {
        Rule::VersionKnown => format!("{context} {label} is known in {environment}."),
        Rule::NotRetired => match facts.terms.waived_until.filter(|_| decision.stage == Some(Stage::Retired)) {
            Some(until) => {
                format!("{} A waiver lets the application call until {}.", standing_of(facts, decision), written(until))
            }
            None => standing_of(facts, decision),
        },
        Rule::Callable if decision.stage == Some(Stage::Retired) => "The waiver lets calls pass.".to_owned(),
        Rule::Callable => decision.stage.map_or_else(String::new, |stage| format!("Calls pass in the stage {stage}.")),
        Rule::NoBrownout if facts.terms.exempt => {
            "The application takes no part in brownouts of the version.".to_owned()
        }
        Rule::NoBrownout => "No brownout holds.".to_owned(),
        Rule::OpenAccess if facts.version.is_some_and(|version| version.entry().open_access) => {
            "Open access ended with the version; the waiver is for a subscription.".to_owned()
        }
        Rule::OpenAccess => "The version is not open access, so the call needs a subscription.".to_owned(),
        Rule::ClientKnown => match facts.calling_account() {
            Some(AccountFacts { account_id, company_id, .. }) => format!(
                "The client id {client_id:?} belongs to the service account {account_id} of the company {company_id}."
            ),
            None => {
                let application_id = decision.application_id.unwrap_or_default();
                format!("The client id {client_id:?} belongs to the application {application_id}.")
            }
        },
        Rule::OwnEnvironment => format!("{} lives in {environment}, as the gateway does.", caller(facts)),
        Rule::Standing => match facts.application {
            Some(_) => "The application is approved, not blocked and not deleted.".to_owned(),
            None => "A service account needs no approval.".to_owned(),
        },
        Rule::CredentialClass => match facts.calling_account() {
            Some(account) => working(account),
            None => "An application is no traditional service account.".to_owned(),
        },
        Rule::Company => match (facts.access, facts.calling_account(), question.company) {
            (CompanyAccess::NotScoped, _, _) => {
                "The version is not company-scoped, so it does not matter which company a call names.".to_owned()
            }
            (_, Some(account), None) => {
                format!(
                    "The call names no company, so it is about that of the service account, {}.",
                    account.company_id
                )
            }
            (_, Some(_), Some(company)) => format!("The service account belongs to the company {company}."),
            (_, None, company) => {
                format!("The application is installed in the company {}.", company.unwrap_or_default())
            }
        },
        Rule::Project => match (facts.access, facts.calling_account(), question.project) {
            (CompanyAccess::NotScoped, _, _) => {
                "The version is not company-scoped, so it does not matter which project a call names.".to_owned()
            }
            (_, Some(_), _) => "A service account has no list of permitted projects.".to_owned(),
            (_, None, Some(project)) => format!("The installation permits the project {project}."),
            (_, None, None) => "The call names no project.".to_owned(),
        },
        // The last rule always decides.
        Rule::Subscription => String::new(),
    }
}

fn decided(decision: &Decision<'_>, facts: &Facts<'_>, question: &Question<'_>, now: DateTime<Utc>) -> String {
    let Question { client_id, context, label, environment, .. } = question;
    match decision.reason {
        Reason::Subscribed | Reason::Waived => match facts.terms.ends_at {
            Some(ends_at) => format!(
                "The application holds a live subscription to {context} {label}; it ends at {}.",
                written(ends_at)
            ),
            None => format!("The application holds a live subscription to {context} {label}."),
        },
        Reason::OpenAccess => "The version is open access: calls pass without a subscription.".to_owned(),
        Reason::UnknownVersion => format!("{context} {label} is not known in {environment}."),
        Reason::VersionRetired | Reason::OperationRetired => standing_of(facts, decision),
        Reason::Brownout => match facts.brownout(now) {
            Some(Brownout { from, until }) => {
                format!("A brownout denies calls from {} until {}.", written(from), written(until))
            }
            None => String::new(),
        },
        Reason::VersionNotCallable => {
            facts.closed_stage(now).map_or_else(String::new, |stage| format!("No call passes in the stage {stage}."))
        }
        Reason::ServiceAccount => {
            format!("{context} {label} is company-scoped, so a service account needs no subscription to it.")
        }
        Reason::UnknownClient => format!("No application has the client id {client_id:?}, and no service account."),
        Reason::EnvironmentMismatch => {
            let home = facts.home().map_or("the other environment", Environment::name);
            format!("{} lives in {home}, the gateway in {environment}.", caller(facts))
        }
        Reason::ServiceAccountSunset => facts.calling_account().map_or_else(String::new, ended),
        Reason::CompanyRequired => {
            format!(
                "A call to a company-scoped version names its company in a header ({COMPANY_HEADER}); this one does not."
            )
        }
        Reason::CompanyMismatch => {
            let own = facts.calling_account().map_or("another company", |account| account.company_id);
            let company = question.company.unwrap_or_default();
            format!("The call names the company {company}, the service account belongs to {own}.")
        }
        Reason::NotInstalled => {
            format!("The application is not installed in the company {}.", question.company.unwrap_or_default())
        }
        Reason::ProjectNotPermitted => {
            let (company, project) = (question.company.unwrap_or_default(), question.project.unwrap_or_default());
            format!(
                "The installation of the application in the company {company} does not permit the project {project}."
            )
        }
        Reason::ApplicationNotApproved | Reason::ApplicationBlocked | Reason::ApplicationDeleted => {
            match facts.application.map(|application| application.standing) {
                Some(Standing::NotApproved) => "The approval of the application is not complete.".to_owned(),
                Some(Standing::Blocked) => "The application is blocked.".to_owned(),
                Some(Standing::Deleted) => "The application is deleted.".to_owned(),
                Some(Standing::Usable) | None => String::new(),
            }
        }
        Reason::NotSubscribed if facts.calling_account().is_some() => match facts.access {
            CompanyAccess::NotScoped => {
                format!("A service account holds no subscription, and {context} {label} is not company-scoped.")
            }
            CompanyAccess::Permitted
            | CompanyAccess::Unnamed
            | CompanyAccess::OtherCompany
            | CompanyAccess::NotInstalled
            | CompanyAccess::ProjectNotPermitted => {
                "The waiver is for a subscription, and a service account holds none.".to_owned()
            }
        },
        Reason::NotSubscribed => match facts.terms.ends_at.filter(|_| facts.subscribed) {
            Some(ends_at) => {
                format!("The subscription of the application to {context} {label} ended at {}.", written(ends_at))
            }
            None => format!("The application holds no live subscription to {context} {label}."),
        },
    }
}

/// Who calls.
fn caller(facts: &Facts<'_>) -> &'static str {
    if facts.calling_account().is_some() { "The service account" } else { "The application" }
}

/// Until when a service account works that still does.
fn working(account: &AccountFacts<'_>) -> String {
    match (account.sunset_at, account.ends_at()) {
        (Some(sunset_at), Some(ends_at)) if sunset_at < ends_at => format!(
            "The sunset of traditional service accounts is at {}; an extension keeps this one until {}.",
            written(sunset_at),
            written(ends_at)
        ),
        (Some(sunset_at), _) => {
            format!("Traditional service accounts work until their sunset at {}.", written(sunset_at))
        }
        (None, _) => "Traditional service accounts work; no date of their sunset is known.".to_owned(),
    }
}

/// What ended a service account.
fn ended(account: &AccountFacts<'_>) -> String {
    match (account.sunset_at, account.ends_at()) {
        (Some(sunset_at), Some(ends_at)) if sunset_at < ends_at => format!(
            "The sunset of traditional service accounts was at {}; the extension of this one ended at {}.",
            written(sunset_at),
            written(ends_at)
        ),
        (sunset_at, _) => {
            let since = sunset_at.map_or_else(String::new, |instant| format!(" since {}", written(instant)));
            format!("Traditional service accounts do not work any more{since}.")
        }
    }
}

/// Where what is called stands, with the dates that put it there or will end it.
fn standing_of(facts: &Facts<'_>, decision: &Decision<'_>) -> String {
    let (Some(lifecycle), Some(stage)) = (facts.lifecycle(), decision.stage) else {
        return String::new();
    };
    let schedule = lifecycle.schedule;
    let since = match stage {
        Stage::Alpha | Stage::Beta | Stage::Stable => None,
        Stage::Deprecated => schedule.deprecated_at(),
        Stage::Retired => schedule.retires_at(),
    };
    let since = since.map_or_else(String::new, |instant| format!(" since {}", written(instant)));
    let sunset = schedule.sunset_begins_at().filter(|_| stage != Stage::Retired);
    let sunset = sunset.map_or_else(String::new, |instant| format!("; its sunset begins at {}", written(instant)));
    let end = match stage {
        Stage::Retired => String::new(),
        Stage::Alpha | Stage::Beta | Stage::Stable | Stage::Deprecated => match schedule.retires_at() {
            Some(instant) => format!("; it retires at {}", written(instant)),
            None => "; no date of retirement is known".to_owned(),
        },
    };
    format!("{} is {stage}{since}{sunset}{end}.", called(facts))
}

/// What the stage is that of.
fn called(facts: &Facts<'_>) -> String {
    match facts.operation.map(OperationFacts::entry) {
        Some(OperationEntry { method, path, .. }) => format!("The operation {method} {path}"),
        None => "The version".to_owned(),
    }
}

/// Each date after `now` that means something for the caller, with the answer that it brings.
fn upcoming(facts: &Facts<'_>, now: DateTime<Utc>, limits: Limits) -> Vec<UpcomingChange> {
    let dates = std::iter::successors(facts.next_date(now), |date| facts.next_date(*date));
    let mut before = now;
    let changes = dates.filter_map(|at| {
        let news = news(facts, before, at);
        before = at;
        let stage = facts.stage(at)?;
        let decision = decision::decide(facts, at, limits);
        let (verdict, reason) = (decision.verdict(), decision.reason);
        let sentence = format!("From {} {}: {verdict} {reason}.", written(at), news.join(" and "));
        (!news.is_empty()).then_some(UpcomingChange { at, stage, reason, sentence })
    });
    changes.take(UPCOMING_MAX).collect()
}

/// What is new at a date, since the one before it.
fn news(facts: &Facts<'_>, before: DateTime<Utc>, at: DateTime<Utc>) -> Vec<String> {
    let mut news = Vec::new();
    if let Some(stage) = facts.stage(at).filter(|stage| facts.stage(before) != Some(*stage)) {
        let called = called(facts).replacen("The", "the", 1);
        news.push(format!("{called} is {stage}"));
    } else if facts.version_stage(at) == Some(Stage::Retired) && facts.version_stage(before) != Some(Stage::Retired) {
        // The operation went before it.
        news.push("the version is RETIRED".to_owned());
    } else if facts.operation.is_some_and(|operation| operation.has_ended(at) && !operation.has_ended(before)) {
        // The version went before it, and a waiver outlives that.
        news.push("the operation ends by dates of its own".to_owned());
    }
    match (facts.brownout(before), facts.brownout(at)) {
        (None, Some(_)) => news.push("a brownout holds".to_owned()),
        (Some(_), None) => news.push("the brownout is over".to_owned()),
        // Joined windows never touch, so it is the same one.
        (None, None) | (Some(_), Some(_)) => {}
    }
    if facts.terms.waived_until == Some(at) {
        news.push("the waiver no longer holds".to_owned());
    }
    if facts.subscribed && facts.terms.ends_at == Some(at) {
        news.push("the subscription has ended".to_owned());
    }
    if let Some(account) = facts.calling_account() {
        match (account.sunset_at == Some(at), account.ends_at() == Some(at)) {
            (true, true) => news.push("traditional service accounts do not work any more".to_owned()),
            (true, false) => {
                news.push(
                    "traditional service accounts do not work any more, except for this one's extension".to_owned(),
                );
            }
            (false, true) => news.push("the extension of the service account has ended".to_owned()),
            (false, false) => {}
        }
    }
    news
}

/// An instant as RFC 3339 in UTC, with the fraction that it has.
pub(crate) fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
