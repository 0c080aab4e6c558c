//! Two clocks. Nobody else reads one: "now" is an argument everywhere.

use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

use chrono::{DateTime, Utc};

/// Tells the time in two ways.
pub trait Clock: Send + Sync + 'static {
    /// The current instant, by the clock on the wall: what dates are compared with.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some moment in the past, by a clock that nobody sets and that never goes back: what leases run by. It goes
    /// on while the machine is suspended, or a gateway that wakes up would go on by what it knew.
    fn elapsed(&self) -> Duration;
}

/// The clocks of the operating system. Elsewhere than on Linux it depends on the system whether the one that nobody sets
/// goes on while the machine is suspended.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(#[cfg(not(target_os = "linux"))] Instant);

impl SystemClock {
    /// Begins now.
    pub fn start() -> SystemClock {
        SystemClock(
            #[cfg(not(target_os = "linux"))]
            Instant::now(),
        )
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        Utc::now()
    }

    #[cfg(not(target_os = "linux"))]
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[cfg(target_os = "linux")]
    fn elapsed(&self) -> Duration {
        // Since the machine was started, suspended or not; read without a system call.
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
    }
}
