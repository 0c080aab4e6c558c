//! Brownouts: short denials of a deprecated version, planned ahead, so that whoever still calls it notices while there
//! is time.

use chrono::{DateTime, Utc};

/// One window of denial, half-open: it denies for `from <= now < until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Brownout {
    /// First instant at which calls are denied.
    pub from: DateTime<Utc>,
    /// First instant at which they pass again.
    pub until: DateTime<Utc>,
}

/// Windows as a decision reads them: in order, apart from each other, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brownouts(Box<[Brownout]>);

impl Brownouts {
    /// Joins windows that overlap or touch: to a caller they are one.
    pub fn joined(windows: impl IntoIterator<Item = Brownout>) -> Brownouts {
        let mut windows: Vec<Brownout> = windows.into_iter().filter(|window| window.from < window.until).collect();
        windows.sort_unstable();
        windows.dedup_by(|next, kept| {
            let touches = next.from <= kept.until;
            if touches {
                kept.until = kept.until.max(next.until);
            }
            touches
        });
        Brownouts(windows.into_boxed_slice())
    }

    /// The window that `now` lies in.
    pub fn at(&self, now: DateTime<Utc>) -> Option<Brownout> {
        let next = self.0.get(self.passed(now))?;
        (next.from <= now).then_some(*next)
    }

    /// The first instant after `now` at which a window begins or ends.
    pub fn next_edge(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.0.get(self.passed(now))?;
        Some(if next.from > now { next.from } else { next.until })
    }

    /// The windows, soonest first.
    pub fn windows(&self) -> &[Brownout] {
        &self.0
    }

    /// How many windows have ended.
    fn passed(&self, now: DateTime<Utc>) -> usize {
        self.0.partition_point(|window| window.until <= now)
    }
}
