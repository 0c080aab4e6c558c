//! The dates of schedules, in one list.

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Environment, Schedule};

use super::ledger::Target;
use super::name::{Context, Zone};

/// What a date in the calendar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalendarKind {
    /// Becomes DEPRECATED.
    Deprecates,
    /// The gradual sunset begins.
    SunsetBegins,
    /// Becomes RETIRED.
    Retires,
    /// A brownout begins.
    BrownoutBegins,
    /// A brownout ends.
    BrownoutEnds,
}

/// One date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CalendarEntry {
    /// The instant.
    pub at: DateTime<Utc>,
    /// To what.
    pub target: Target,
    /// What happens.
    pub kind: CalendarKind,
    /// Where to move to; empty for none.
    pub successor: String,
    /// The zone of the last announcement about the target.
    pub zone: Option<Zone>,
}

/// What the calendar shows of a target besides its dates.
#[derive(Debug, Clone)]
pub struct Dated<'t> {
    /// What it is.
    pub target: Target,
    /// Where to move to; empty for none.
    pub successor: String,
    /// The zone of the last announcement about it.
    pub zone: Option<&'t Zone>,
}

/// Which dates.
#[derive(Debug, Clone)]
pub struct CalendarFilter {
    /// First instant.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub until: DateTime<Utc>,
    /// Only of this environment.
    pub environment: Option<Environment>,
    /// Only of this API, or of what lies in this namespace, and of the namespaces that it lies in itself.
    pub context: Option<Context>,
}

/// Adds the dates of one target that lie in the span.
pub fn collect(
    entries: &mut Vec<CalendarEntry>,
    filter: &CalendarFilter,
    dated: &Dated<'_>,
    schedule: &Schedule,
    brownouts: &[Brownout],
) {
    let dates = [
        (schedule.deprecated_at(), CalendarKind::Deprecates),
        (schedule.sunset_begins_at(), CalendarKind::SunsetBegins),
        (schedule.retires_at(), CalendarKind::Retires),
    ];
    let windows = brownouts.iter().flat_map(|window| {
        [(Some(window.from), CalendarKind::BrownoutBegins), (Some(window.until), CalendarKind::BrownoutEnds)]
    });
    for (at, kind) in dates.into_iter().chain(windows) {
        if let Some(at) = at.filter(|at| (filter.from..filter.until).contains(at)) {
            let Dated { target, successor, zone } = dated.clone();
            entries.push(CalendarEntry { at, target, kind, successor, zone: zone.cloned() });
        }
    }
}
