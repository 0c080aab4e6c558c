//! How long to wait before the next attempt: longer each time, and never as long as everybody else.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Waits between attempts that fail one after the other.
pub(crate) struct Backoff {
    least: Duration,
    most: Duration,
    failed: u32,
}

impl Backoff {
    pub(crate) fn new(least: Duration, most: Duration) -> Backoff {
        Backoff { least, most, failed: 0 }
    }

    /// The last attempt came to something.
    pub(crate) fn succeed(&mut self) {
        self.failed = 0;
    }

    /// How long to wait now: anything up to a bound that doubles, so that a thousand gateways of a hub that comes back do
    /// not come back all at once.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.least.saturating_mul(1 << self.failed.min(16)).min(self.most);
        self.failed = self.failed.saturating_add(1);
        let share = random() >> 32;
        let nanos = (bound.as_nanos() * u128::from(share)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A number that nobody foresees; good enough to spread attempts and to name reports, and for nothing else.
pub(crate) fn random() -> u64 {
    // Each state has keys of its own.
    RandomState::new().hash_one(0_u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_a_bound_that_doubles() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for bound in [100, 200, 400, 800, 1600, 2000, 2000] {
            assert!(backoff.next() < Duration::from_millis(bound));
        }
        backoff.succeed();
        assert!(backoff.next() < Duration::from_millis(100));
        backoff.failed = u32::MAX;
        assert!(backoff.next() < Duration::from_secs(2));
    }
}
