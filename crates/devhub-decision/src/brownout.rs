//! Brownouts: planned short denials of a deprecated version, so that forgotten callers wake up before it is retired.

use chrono::{DateTime, Utc};

/// One planned short denial: it holds for `from <= now < until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Brownout {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

/// The same windows in order, those that touch or overlap as one, so that the end of one is the end of the denial.
pub(crate) fn joined(windows: impl IntoIterator<Item = Brownout>) -> Box<[Brownout]> {
    let mut sorted: Vec<Brownout> = windows.into_iter().filter(|window| window.from < window.until).collect();
    sorted.sort_unstable();
    let mut joined: Vec<Brownout> = Vec::with_capacity(sorted.len());
    for window in sorted {
        match joined.last_mut() {
            Some(last) if window.from <= last.until => last.until = last.until.max(window.until),
            Some(_) | None => joined.push(window),
        }
    }
    joined.into_boxed_slice()
}

/// The window that holds at `now`, among joined ones.
pub(crate) fn at(joined: &[Brownout], now: DateTime<Utc>) -> Option<Brownout> {
    let next = joined.partition_point(|window| window.until <= now);
    joined.get(next).copied().filter(|window| window.from <= now)
}

/// The first instant after `now` at which a window begins or ends, among joined ones.
pub(crate) fn next_edge(joined: &[Brownout], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let next = joined.partition_point(|window| window.until <= now);
    joined.get(next).map(|window| if window.from > now { window.from } else { window.until })
}
