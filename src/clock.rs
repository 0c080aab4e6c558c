//! The clock. Nobody else reads one: "now" is an argument everywhere.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// How long whoever waits for an instant waits at most before looking at the clock again, which may have been set.
pub const CHECKED_EVERY: Duration = Duration::from_secs(10);

/// Ends at an instant.
pub type Reached<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until the clock says `instant`, or later. It may end early, so whoever waits looks at the clock again.
    fn reach(&self, instant: DateTime<Utc>) -> Reached<'_>;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        Utc::now()
    }

    fn reach(&self, instant: DateTime<Utc>) -> Reached<'_> {
        Box::pin(async move {
            while let Ok(left) = (instant - self.now()).to_std()
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(CHECKED_EVERY)).await;
            }
        })
    }
}

/// A clock that stands still until it is told to move, for tests and rehearsals.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<watch::Sender<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that stands at `instant`.
    pub fn at(instant: DateTime<Utc>) -> ManualClock {
        ManualClock(Arc::new(watch::Sender::new(instant)))
    }

    /// Sets the clock.
    pub fn set(&self, instant: DateTime<Utc>) {
        self.0.send_replace(instant);
    }

    /// Moves the clock.
    pub fn advance(&self, by: TimeDelta) {
        self.0.send_modify(|instant| *instant += by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.borrow()
    }

    fn reach(&self, instant: DateTime<Utc>) -> Reached<'_> {
        let mut hand = self.0.subscribe();
        Box::pin(async move {
            // The sender lives as long as the clock.
            let _ = hand.wait_for(|now| *now >= instant).await;
        })
    }
}
