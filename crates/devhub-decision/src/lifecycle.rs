//! A version's lifecycle in one environment: stored as maturity and dates, read as a stage.

use chrono::{DateTime, Utc};

use crate::stage::{Maturity, Stage};

/// The dates that end a version. An effect holds for `now >= instant` (half-open intervals).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// No end is planned.
    Open,
    /// Deprecated from `deprecated_at`; retired from `retires_at`, or at an instant not yet announced.
    Deprecation {
        /// First instant at which the version is DEPRECATED.
        deprecated_at: DateTime<Utc>,
        /// First instant of a gradual sunset: from then on callers must expect to be turned away now and then, by
        /// brownouts, while the stage stays DEPRECATED. Never earlier than `deprecated_at`, never later than
        /// `retires_at`.
        sunset_begins_at: Option<DateTime<Utc>>,
        /// First instant at which it is RETIRED; never earlier than `deprecated_at`.
        retires_at: Option<DateTime<Utc>>,
    },
    /// Retired without a deprecation before: an ALPHA that is dropped, or an emergency.
    Retirement {
        /// First instant at which the version is RETIRED.
        retires_at: DateTime<Utc>,
    },
}

impl Schedule {
    /// First instant at which the version is DEPRECATED, if one is set.
    pub const fn deprecated_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Schedule::Open | Schedule::Retirement { .. } => None,
            Schedule::Deprecation { deprecated_at, .. } => Some(*deprecated_at),
        }
    }

    /// First instant of a gradual sunset, if one is set.
    pub const fn sunset_begins_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Schedule::Open | Schedule::Retirement { .. } => None,
            Schedule::Deprecation { sunset_begins_at, .. } => *sunset_begins_at,
        }
    }

    /// First instant at which callers must expect to be turned away: what the `Sunset` header announces.
    pub fn sunset_at(&self) -> Option<DateTime<Utc>> {
        self.sunset_begins_at().or(self.retires_at())
    }

    /// First instant at which the version is RETIRED, if one is set.
    pub const fn retires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Schedule::Open => None,
            Schedule::Deprecation { retires_at, .. } => *retires_at,
            Schedule::Retirement { retires_at } => Some(*retires_at),
        }
    }

    /// This schedule under another that applies as well: of each date the earlier one wins, so the stage is the later
    /// of both at every instant. A deprecation that the other's retirement overtakes is left out.
    #[must_use]
    pub fn under(self, outer: Schedule) -> Schedule {
        if outer == Schedule::Open || outer == self {
            return self;
        }
        if self == Schedule::Open {
            return outer;
        }
        let earlier = |date: fn(&Schedule) -> Option<DateTime<Utc>>| date(&self).into_iter().chain(date(&outer)).min();
        let retires_at = earlier(Schedule::retires_at);
        // A gradual sunset that begins after the end of the other is none.
        let begins = |date: &DateTime<Utc>| retires_at.is_none_or(|retires_at| *date <= retires_at);
        let sunset_begins_at = earlier(Schedule::sunset_begins_at).filter(begins);
        match (earlier(Schedule::deprecated_at), retires_at) {
            (Some(deprecated_at), None) => Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at },
            (Some(deprecated_at), Some(end)) if deprecated_at < end => {
                Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at }
            }
            (Some(_) | None, Some(retires_at)) => Schedule::Retirement { retires_at },
            (None, None) => Schedule::Open,
        }
    }
}

/// A version's lifecycle in one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lifecycle {
    /// Its maturity while no date has ended it.
    pub maturity: Maturity,
    /// The dates that end it.
    pub schedule: Schedule,
}

impl Lifecycle {
    /// The stage at `now` (rules B21, B23: an effect holds from its instant on).
    pub fn stage(&self, now: DateTime<Utc>) -> Stage {
        let reached = |instant: Option<DateTime<Utc>>| instant.is_some_and(|instant| instant <= now);
        if reached(self.schedule.retires_at()) {
            Stage::Retired
        } else if reached(self.schedule.deprecated_at()) {
            Stage::Deprecated
        } else {
            self.maturity.stage()
        }
    }

    /// The first instant after `now` at which the stage changes, if one is known.
    pub fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let dates = [self.schedule.deprecated_at(), self.schedule.retires_at()];
        // A date that changes nothing is left out: one past retirement, or a deprecation that never shows.
        dates.into_iter().flatten().filter(|date| *date > now && self.stage(*date) != self.stage(now)).min()
    }

    /// Whole days until retirement, rounded down, if retirement is known and ahead.
    pub fn days_left(&self, now: DateTime<Utc>) -> Option<i64> {
        self.schedule.retires_at().filter(|date| *date > now).map(|date| (date - now).num_days())
    }
}
