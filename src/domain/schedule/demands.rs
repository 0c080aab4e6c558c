//! What holds of dates whatever brings them about, and what a policy demands of them: order, periods, notices.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use devhub_decision::Maturity;

use super::dates::violation;
use crate::domain::policy::{Period, Policy};
use crate::domain::refusal::Refusal;

/// Retirement comes later than deprecation (rule B30), unless an override reason is recorded.
///
/// # Errors
/// When it does not.
pub fn check_order(
    deprecated_at: DateTime<Utc>,
    retires_at: DateTime<Utc>,
    override_reason: &str,
) -> Result<(), Refusal> {
    if retires_at <= deprecated_at && override_reason.is_empty() {
        return Err(Refusal::RetirementBeforeDeprecation { deprecated_at, retires_at });
    }
    Ok(())
}

/// The dates of a deprecation: in their order, and by at least the policy's period apart (rule B27), unless an override
/// reason is recorded. `ends_at` is the first instant at which callers may be turned away.
pub(in crate::domain) fn check_dates(
    policy: &Policy,
    maturity: Maturity,
    deprecated_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
    override_reason: &str,
) -> Result<(), Refusal> {
    check_order(deprecated_at, ends_at, override_reason)?;
    check_period(policy, maturity, deprecated_at, ends_at, now, override_reason)
}

/// The policy's period lies between `begins_at` and `ends_at` (rule B27), unless an override reason is recorded.
pub(super) fn check_period(
    policy: &Policy,
    maturity: Maturity,
    begins_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
    override_reason: &str,
) -> Result<(), Refusal> {
    let period = policy.period_from(maturity);
    let earliest = period.after(begins_at);
    if ends_at < earliest && override_reason.is_empty() {
        let earliest = earliest_from(begins_at, earliest, now);
        return Err(Refusal::PeriodTooShort { policy: policy.name.clone(), maturity, period, earliest });
    }
    Ok(())
}

/// Who is told of a date must have time to act on it, unless an override reason is recorded. Notice counts from
/// `counts_from`; a date that has passed takes effect with the commit.
pub(in crate::domain) fn check_notice(
    policy: &Policy,
    notice: Period,
    counts_from: DateTime<Utc>,
    date: DateTime<Utc>,
    now: DateTime<Utc>,
    override_reason: &str,
) -> Result<(), Refusal> {
    let earliest = notice.after(counts_from);
    if date.max(now) < earliest && override_reason.is_empty() {
        let earliest = earliest_from(counts_from, earliest, now);
        return Err(Refusal::NoticeTooShort { policy: policy.name.clone(), notice, earliest });
    }
    Ok(())
}

/// A gradual sunset begins between deprecation and retirement.
pub(in crate::domain) fn check_sunset(
    deprecated_at: DateTime<Utc>,
    sunset_begins_at: Option<DateTime<Utc>>,
    retires_at: Option<DateTime<Utc>>,
) -> Result<(), Refusal> {
    let Some(begins_at) = sunset_begins_at else { return Ok(()) };
    if begins_at < deprecated_at || retires_at.is_some_and(|retires_at| begins_at >= retires_at) {
        return Err(violation(
            "sunset_begin_time",
            "must not be earlier than deprecate_time, and must be earlier than retire_time; leave it out for a sunset at once",
        ));
    }
    Ok(())
}

/// What the policy's period comes to, for a deprecation that names no retirement (rule B29): a suggestion only.
pub fn suggested_retirement(policy: &Policy, maturity: Maturity, deprecated_at: DateTime<Utc>) -> DateTime<Utc> {
    policy.period_from(maturity).after(deprecated_at)
}

/// The first full hour that is not before `instant`.
fn next_hour(instant: DateTime<Utc>) -> DateTime<Utc> {
    let hour = instant.duration_trunc(TimeDelta::hours(1)).unwrap_or(instant);
    if hour == instant { instant } else { hour.checked_add_signed(TimeDelta::hours(1)).unwrap_or(instant) }
}

/// The instant that a refusal names. What runs from the commit runs later at the next attempt: one that it can still meet.
fn earliest_from(start: DateTime<Utc>, earliest: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if start == now { next_hour(earliest) } else { earliest }
}
