//! How much is told of refusals: operators need to see that somebody is refused and at which check, not each of a million
//! calls. Metrics hold the whole.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::proof::Check;

/// Most lines of one check in one [`SPAN`].
const LINES_MAX: u32 = 10;

/// For how long so many lines are written.
const SPAN: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    began: Option<DateTime<Utc>>,
    told: u32,
    left_out: u64,
}

/// What was told of each check lately.
#[derive(Debug)]
pub(super) struct Ration([Mutex<Span>; Check::ALL.len()]);

impl Ration {
    pub(super) fn new() -> Ration {
        Ration(std::array::from_fn(|_| Mutex::default()))
    }

    /// Whether a refusal at a check is told `now`; if so, how many before it were not.
    pub(super) fn take(&self, check: Check, now: DateTime<Utc>) -> Option<u64> {
        let mut span = self.0[check as usize].lock();
        // A clock that was set back begins anew as well.
        if span.began.is_none_or(|began| !(began..began + SPAN).contains(&now)) {
            *span = Span { began: Some(now), told: 0, left_out: span.left_out };
        }
        if span.told == LINES_MAX {
            span.left_out += 1;
            return None;
        }
        span.told += 1;
        Some(std::mem::take(&mut span.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_told_and_the_next_says_how_many_were_not() {
        let ration = Ration::new();
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("an instant");
        for _ in 0..LINES_MAX {
            assert_eq!(ration.take(Check::TokenForm, start), Some(0));
        }
        let ms = TimeDelta::milliseconds(1);
        for now in [start, start + SPAN - ms] {
            assert_eq!(ration.take(Check::TokenForm, now), None);
        }
        assert_eq!(ration.take(Check::TokenExpired, start), Some(0), "another check has lines of its own");
        assert_eq!(ration.take(Check::TokenForm, start + SPAN), Some(2));
        assert_eq!(ration.take(Check::TokenForm, start + SPAN + ms), Some(0));
        assert_eq!(ration.take(Check::TokenForm, start), Some(0), "a clock that was set back keeps nobody silent");
    }
}
