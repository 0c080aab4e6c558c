//! The lease: how long a replica may decide without a word of the hub.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Runs until an instant of a clock that nobody sets; half-open: on that instant it has run out.
///
/// It is counted from the moment when a ping was sent, not from when the answer came: an answer that was held up on the
/// way says nothing newer than it did when it was made, and that was after the ping.
#[derive(Debug, Default)]
pub struct Lease {
    /// In nanoseconds; 0 while nobody has said anything yet. Read with every decision, so it takes no lock.
    until: AtomicU64,
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Lease {
    /// The answer to a ping that was sent at `sent` lets it run until `trust_for` later. It never gets shorter.
    pub fn extend(&self, sent: Duration, trust_for: Duration) {
        self.until.fetch_max(nanoseconds(sent.saturating_add(trust_for)), Ordering::AcqRel);
    }

    /// It still runs at `elapsed`.
    pub fn holds(&self, elapsed: Duration) -> bool {
        self.holds_within(elapsed, Duration::ZERO)
    }

    /// It still runs, or ran out less than `longer` ago.
    pub fn holds_within(&self, elapsed: Duration, longer: Duration) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until > 0 && nanoseconds(elapsed) < until.saturating_add(nanoseconds(longer))
    }

    /// How long it still runs, and `longer` on top of that; zero if it does not.
    pub fn left(&self, elapsed: Duration, longer: Duration) -> Duration {
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return Duration::ZERO;
        }
        Duration::from_nanos(until.saturating_add(nanoseconds(longer)).saturating_sub(nanoseconds(elapsed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_runs_out_on_the_instant() {
        let lease = Lease::default();
        assert!(!lease.holds(ms(0)) && !lease.holds_within(ms(0), ms(1_000)), "nobody has said anything yet");
        lease.extend(ms(1_000), ms(30_000));
        let holds = [30_999, 31_000, 31_001].map(|at| lease.holds(ms(at)));
        assert_eq!(holds, [true, false, false]);
        assert_eq!([1_000, 30_999, 31_000, 31_001].map(|at| lease.left(ms(at), ms(0))), [30_000, 1, 0, 0].map(ms));
        let stale = [31_999, 32_000, 32_001].map(|at| lease.holds_within(ms(at), ms(1_000)));
        assert_eq!(stale, [true, false, false]);
        let left = [30_999, 31_000, 31_001].map(|at| lease.left(ms(at), ms(0)));
        assert_eq!(left, [ms(1), ms(0), ms(0)]);
        assert_eq!((lease.left(ms(31_001), ms(1_000)), Lease::default().left(ms(0), ms(5))), (ms(999), ms(0)));
    }

    #[test]
    fn an_answer_to_an_older_ping_takes_nothing_back() {
        let lease = Lease::default();
        lease.extend(ms(2_000), ms(1_000));
        lease.extend(ms(1_000), ms(1_000));
        assert_eq!([2_999, 3_000].map(|at| lease.holds(ms(at))), [true, false]);
    }
}
