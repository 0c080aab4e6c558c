//! The instants at which commands and questions are judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// Reads the clock so that time never runs backwards and no two commands share an instant: of "subscribe" and
/// "deprecate from now on", one is then always before the other.
pub(super) struct Instants {
    clock: Arc<dyn Clock>,
    /// The latest instant given to a command, in nanoseconds since 1970.
    latest: AtomicI64,
}

fn nanoseconds(instant: DateTime<Utc>) -> i64 {
    // Outside the years 1677 to 2262 the nearest end: such a clock is wrong anyway, and order is still kept.
    instant.timestamp_nanos_opt().unwrap_or(if instant.timestamp() < 0 { i64::MIN } else { i64::MAX - 1 })
}

impl Instants {
    /// Instants that go on after `latest`, the latest instant of the store.
    pub(super) fn new(clock: Arc<dyn Clock>, latest: DateTime<Utc>) -> Instants {
        Instants { clock, latest: AtomicI64::new(nanoseconds(latest)) }
    }

    /// For a question: the clock's instant, or that of the latest command if the clock is behind it.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        let latest = self.latest.load(Ordering::Acquire);
        if nanoseconds(now) < latest { DateTime::from_timestamp_nanos(latest) } else { now }
    }

    /// For a command: later than that of every command before.
    pub(super) fn next(&self) -> DateTime<Utc> {
        let now = nanoseconds(self.clock.now());
        let before = self
            .latest
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |latest| Some(now.max(latest.saturating_add(1))))
            .expect("the closure always gives a value");
        DateTime::from_timestamp_nanos(now.max(before.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn time_never_runs_backwards_and_commands_never_share_an_instant() {
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let clock = ManualClock::at(start);
        let instants = Instants::new(Arc::new(clock.clone()), DateTime::<Utc>::MIN_UTC);
        assert_eq!(instants.now(), start);
        assert_eq!(instants.next(), start);
        assert_eq!(instants.next(), start + chrono::TimeDelta::nanoseconds(1));
        clock.set(start - chrono::TimeDelta::days(1));
        assert_eq!(instants.now(), start + chrono::TimeDelta::nanoseconds(1));
        clock.set(start + chrono::TimeDelta::milliseconds(1));
        assert_eq!(instants.next(), start + chrono::TimeDelta::milliseconds(1));
    }
}
