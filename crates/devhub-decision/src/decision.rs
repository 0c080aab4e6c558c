//! The pure function that answers a gateway: facts and an instant in, one decision out.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::account::AccountFacts;
use crate::entry::VersionName;
use crate::facts::{Facts, VersionFacts};
use crate::header::Headers;
use crate::lifecycle::Schedule;
use crate::operation::Replacement;
use crate::reason::{Reason, Verdict};
use crate::remedy::Remedy;
use crate::rule::{self, Rule};
use crate::stage::Stage;

/// How long an answer may be cached when no date ends it sooner. Facts may change meanwhile, so this bounds how stale
/// a cached answer gets; dates never make it stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    allow_ttl: TimeDelta,
    deny_ttl: TimeDelta,
}

impl Limits {
    /// The least time to live: an answer must hold for some time, or `valid_until` would not be after "now".
    pub const TTL_LEAST: TimeDelta = TimeDelta::milliseconds(1);

    /// Times to live of allows and of denials.
    pub fn new(allow_ttl: TimeDelta, deny_ttl: TimeDelta) -> Result<Self, TtlTooShort> {
        if allow_ttl.min(deny_ttl) < Self::TTL_LEAST { Err(TtlTooShort) } else { Ok(Self { allow_ttl, deny_ttl }) }
    }

    /// The time to live of an answer with this verdict.
    pub const fn ttl(&self, verdict: Verdict) -> TimeDelta {
        match verdict {
            Verdict::Allow => self.allow_ttl,
            Verdict::Deny => self.deny_ttl,
        }
    }
}

/// A time to live is shorter than [`Limits::TTL_LEAST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TtlTooShort;

impl fmt::Display for TtlTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a time to live must be at least {} ms", Limits::TTL_LEAST.num_milliseconds())
    }
}

impl std::error::Error for TtlTooShort {}

/// The answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'t> {
    /// Why; the verdict follows from it.
    pub reason: Reason,
    /// Stage at the instant of the decision, if the version is known: of the operation that was asked about if it has
    /// dates of its own, else of the version.
    pub stage: Option<Stage>,
    /// The application of the client id, if there is one.
    pub application_id: Option<&'t str>,
    /// The traditional service account of the client id, if no application has it and there is one.
    pub account_id: Option<&'t str>,
    /// The first instant at which that account no longer works, when it is known: the sunset of its class or, if that is
    /// later, the end of its extension.
    pub credential_ends_at: Option<DateTime<Utc>>,
    /// The first instant at which time alone could change the answer, or the end of its time to live. Always after the
    /// instant of the decision. Covers everything here but `days_left`.
    pub valid_until: DateTime<Utc>,
    /// What to do about a denial.
    pub remedy: Option<Remedy<'t>>,
    /// Headers for the response of the API: the lifecycle of a version on its way out (rule B62), the way on from a
    /// retired one.
    pub headers: Headers<'t>,
    /// The version to move to, when one is named and this one is deprecated or retired.
    pub successor: Option<&'t VersionName>,
    /// The namespace to move to, when the version names no successor and its namespace does.
    pub successor_namespace: Option<&'t str>,
    /// The operation to use instead of the one that was asked about, when one is named and that one is deprecated or
    /// retired.
    pub replacement: Option<&'t Replacement>,
    /// Whole days until retirement, rounded down, if retirement is known and ahead. It is the one part that is only
    /// true at the instant of the decision: rounding it would end each answer at the next day.
    pub days_left: Option<i64>,
    /// The newest revision that the answer takes into account.
    pub revision: u64,
}

impl Decision<'_> {
    /// May the call pass?
    pub const fn verdict(&self) -> Verdict {
        self.reason.verdict()
    }

    /// Whether it is counted as a call of a subscriber: it was allowed, and not because anybody may call.
    pub fn is_counted(&self) -> bool {
        self.verdict() == Verdict::Allow && self.reason != Reason::OpenAccess
    }
}

/// Judges one call at `now`.
pub fn decide<'t>(facts: &Facts<'t>, now: DateTime<Utc>, limits: Limits) -> Decision<'t> {
    judged(facts, now, limits).1
}

/// The decision, and the rule that made it.
pub(crate) fn judged<'t>(facts: &Facts<'t>, now: DateTime<Utc>, limits: Limits) -> (Rule, Decision<'t>) {
    let (rule, answer) = answered(facts, now);
    let valid_until = valid_until(facts, now, limits.ttl(answer.verdict()), &answer);
    let days_left = facts.lifecycle().and_then(|lifecycle| lifecycle.days_left(now));
    (rule, Decision { valid_until, days_left, ..answer })
}

/// The decision without what depends on the instant alone: two instants with the same answer compare as equal.
fn answered<'t>(facts: &Facts<'t>, now: DateTime<Utc>) -> (Rule, Decision<'t>) {
    let (rule, reason) = rule::judge(facts, now);
    let stage = facts.stage(now);
    let leaving = matches!(stage, Some(Stage::Deprecated | Stage::Retired));
    let version = facts.version.filter(|_| leaving);
    let account = facts.calling_account();
    let answer = Decision {
        reason,
        stage,
        application_id: facts.application.map(|application| application.application_id),
        account_id: account.map(|account| account.account_id),
        credential_ends_at: account.and_then(AccountFacts::ends_at),
        valid_until: DateTime::<Utc>::MAX_UTC,
        remedy: Remedy::of(reason, facts, now),
        headers: stage.map_or(Headers::NONE, |stage| headers(facts, stage, reason)),
        successor: version.and_then(|version| version.entry().successor.as_ref()),
        successor_namespace: version.and_then(VersionFacts::successor_namespace),
        replacement: facts.operation.filter(|_| leaving).and_then(|operation| operation.entry().replacement.as_ref()),
        days_left: None,
        revision: facts.revision,
    };
    (rule, answer)
}

/// Rules B61 and X7: no cached answer outlives a date that changes it. Between two dates nothing changes, so the answer
/// is asked for again at each date within its time to live; there is seldom one.
fn valid_until(facts: &Facts<'_>, now: DateTime<Utc>, ttl: TimeDelta, answer: &Decision<'_>) -> DateTime<Utc> {
    let lives_until = now.checked_add_signed(ttl).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let dates = std::iter::successors(facts.next_date(now), |date| facts.next_date(*date));
    let mut changes = dates.take_while(|date| *date < lives_until).filter(|date| answered(facts, *date).1 != *answer);
    changes.next().unwrap_or(lives_until)
}

fn headers<'t>(facts: &Facts<'t>, stage: Stage, reason: Reason) -> Headers<'t> {
    let Some(rendered) = facts.headers() else {
        return Headers::NONE;
    };
    // A brownout is a wake-up call, and a waiver a last delay: both are the time to say it all.
    if matches!(reason, Reason::Brownout | Reason::Waived) {
        return rendered.all();
    }
    match (reason.verdict(), stage) {
        (Verdict::Allow, Stage::Deprecated) => rendered.all(),
        (Verdict::Allow, Stage::Alpha | Stage::Beta | Stage::Stable) => {
            match facts.lifecycle().map(|lifecycle| lifecycle.schedule) {
                // It ends without a deprecation: these headers are the only warning that its callers get.
                Some(Schedule::Retirement { .. }) => rendered.without_deprecation(),
                Some(Schedule::Open | Schedule::Deprecation { .. }) | None => Headers::NONE,
            }
        }
        (Verdict::Allow | Verdict::Deny, Stage::Retired) => rendered.link_only(),
        (Verdict::Deny, Stage::Alpha | Stage::Beta | Stage::Stable | Stage::Deprecated) => Headers::NONE,
    }
}
