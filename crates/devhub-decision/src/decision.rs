//! The pure function that answers a gateway: facts and an instant in, one decision out.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::entry::VersionName;
use crate::facts::{Facts, VersionFacts};
use crate::header::Headers;
use crate::lifecycle::Schedule;
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
    /// Stage of the version at the instant of the decision, if the version is known.
    pub stage: Option<Stage>,
    /// The application of the client id, if there is one.
    pub application_id: Option<&'t str>,
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
}

/// Judges one call at `now`.
pub fn decide<'t>(facts: &Facts<'t>, now: DateTime<Utc>, limits: Limits) -> Decision<'t> {
    judged(facts, now, limits).1
}

/// The decision, and the rule that made it.
pub(crate) fn judged<'t>(facts: &Facts<'t>, now: DateTime<Utc>, limits: Limits) -> (Rule, Decision<'t>) {
    let stage = facts.version.map(|version| version.lifecycle().stage(now));
    let (rule, reason) = rule::judge(facts, stage);
    let known = facts.version.zip(stage);
    let decision = Decision {
        reason,
        stage,
        application_id: facts.application.map(|application| application.application_id),
        valid_until: valid_until(facts.version, now, limits.ttl(reason.verdict())),
        remedy: Remedy::of(reason, known),
        headers: known.map_or(Headers::NONE, |(version, stage)| headers(version, stage, reason.verdict())),
        successor: known.and_then(|(version, stage)| successor(version, stage)),
        days_left: facts.version.and_then(|version| version.lifecycle().days_left(now)),
        revision: facts.revision,
    };
    (rule, decision)
}

/// Rules B61 and X7: no cached answer outlives a scheduled transition.
fn valid_until(version: Option<&VersionFacts>, now: DateTime<Utc>, ttl: TimeDelta) -> DateTime<Utc> {
    let lives_until = now.checked_add_signed(ttl).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let changes_at = version.and_then(|version| version.lifecycle().next_change(now));
    changes_at.map_or(lives_until, |changes_at| changes_at.min(lives_until))
}

fn headers(version: &VersionFacts, stage: Stage, verdict: Verdict) -> Headers<'_> {
    match (verdict, stage) {
        (Verdict::Allow, Stage::Deprecated) => version.headers().all(),
        (Verdict::Allow, Stage::Alpha | Stage::Beta | Stage::Stable) => match version.lifecycle().schedule {
            // It ends without a deprecation: these headers are the only warning that its callers get.
            Schedule::Retirement { .. } => version.headers().without_deprecation(),
            Schedule::Open | Schedule::Deprecation { .. } => Headers::NONE,
        },
        (Verdict::Allow | Verdict::Deny, Stage::Retired) => version.headers().link_only(),
        (Verdict::Deny, Stage::Alpha | Stage::Beta | Stage::Stable | Stage::Deprecated) => Headers::NONE,
    }
}

fn successor(version: &VersionFacts, stage: Stage) -> Option<&VersionName> {
    match stage {
        Stage::Alpha | Stage::Beta | Stage::Stable => None,
        Stage::Deprecated | Stage::Retired => version.successor(),
    }
}
