//! Two clocks. Nobody else reads one: "now" is an argument everywhere.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// Tells the time in two ways.
pub trait Clock: Send + Sync + 'static {
    /// The current instant, by the clock on the wall: what dates are compared with.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some moment in the past, by a clock that nobody sets and that never goes back: what leases run by.
    fn elapsed(&self) -> Duration;
}

/// The clocks of the operating system. On Linux the one that nobody sets stands still while the machine is suspended;
/// a gateway should not be.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// Begins now.
    pub fn start() -> SystemClock {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        Utc::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
