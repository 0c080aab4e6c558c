//! A version's lifecycle in one environment: stored as maturity and dates, read as a stage.

use chrono::{DateTime, Utc};

use crate::stage::{Maturity, Stage};

/// The dates that end a version, an operation or a namespace. An effect holds for `now >= instant` (half-open
/// intervals).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// No end is planned.
    Open,
    /// Deprecated from `deprecated_at`; retired from `retires_at`, or at an instant not yet announced.
    Deprecation {
        /// First instant at which the version is DEPRECATED.
        deprecated_at: DateTime<Utc>,
        /// First instant of a gradual sunset: callers must expect to be turned away now and then from here on, though
        /// the stage stays DEPRECATED until `retires_at`. Never earlier than `deprecated_at`, never later than
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

    /// First instant of a gradual sunset, if there is one.
    pub const fn sunset_begins_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Schedule::Open | Schedule::Retirement { .. } => None,
            Schedule::Deprecation { sunset_begins_at, .. } => *sunset_begins_at,
        }
    }

    /// First instant at which the version is RETIRED, if one is set.
    pub const fn retires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Schedule::Open => None,
            Schedule::Deprecation { retires_at, .. } => *retires_at,
            Schedule::Retirement { retires_at } => Some(*retires_at),
        }
    }

    /// From when callers must expect not to be answered any more, which is what the `Sunset` header announces: the
    /// begin of a gradual sunset, or else retirement.
    pub fn sunset_at(&self) -> Option<DateTime<Utc>> {
        self.sunset_begins_at().or(self.retires_at())
    }

    /// Both schedules apply, as for a version in a namespace: the earlier of each date wins. The stage that comes of it
    /// is the later of both stages at every instant.
    pub fn under(self, outer: Schedule) -> Schedule {
        let retires_at = earlier(self.retires_at(), outer.retires_at());
        let sunset_begins_at = earlier(self.sunset_begins_at(), outer.sunset_begins_at());
        match (earlier(self.deprecated_at(), outer.deprecated_at()), retires_at) {
            (None, None) => Schedule::Open,
            (None, Some(retires_at)) => Schedule::Retirement { retires_at },
            // The deprecation of one would begin when the other has ended it already.
            (Some(deprecated_at), Some(retires_at)) if deprecated_at >= retires_at => {
                Schedule::Retirement { retires_at }
            }
            (Some(deprecated_at), retires_at) => Schedule::Deprecation {
                deprecated_at,
                // A gradual sunset that would begin after the end of the other does not show.
                sunset_begins_at: sunset_begins_at.filter(|begins| retires_at.is_none_or(|end| *begins <= end)),
                retires_at,
            },
        }
    }
}

/// The earlier of two instants, where there is one.
fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    one.into_iter().chain(other).min()
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

    /// The same maturity, with this schedule.
    pub const fn scheduled(self, schedule: Schedule) -> Lifecycle {
        Lifecycle { schedule, ..self }
    }
}
