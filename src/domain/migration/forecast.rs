//! When every company will have something to go on with at the present pace, and how sure that is.

use chrono::{DateTime, TimeDelta, Utc};

/// Days that the pace is measured over: four weeks, so that weekends and the first of the month weigh as they do.
pub const PACE_DAYS: i64 = 28;

/// How far the count of a random number of independent events may lie from its mean with eight chances of ten, in
/// standard deviations.
const EIGHTY_PERCENT: f64 = 1.2816;

/// What the present pace comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Migrations that were secured in the last [`PACE_DAYS`] days: something is installed that goes on past the sunset.
    pub secured_lately: u64,
    /// Migrations that are not secured.
    pub remaining: u64,
    /// When the last is secured at the present pace; none if that is never, or beyond the calendar.
    pub finishes_at: Option<DateTime<Utc>>,
    /// The same at the fastest pace that the last days make plausible.
    pub earliest: Option<DateTime<Utc>>,
    /// The same at the slowest pace that the last days make plausible; none if that is never.
    pub latest: Option<DateTime<Utc>>,
    /// How many are not secured at the date, if there is one: expected, fewest, most.
    pub left_at_date: Option<(u64, u64, u64)>,
}

/// The slowest and the fastest rate per day, with eight chances of ten, after `count` events in `days` days. Events that
/// come one by one and independently are spread around their mean like a Poisson number; the square root of such a
/// number is spread evenly, by a half, whatever the mean.
#[expect(clippy::cast_precision_loss, reason = "counts of companies are far below 2^52")]
fn rates(count: u64, days: i64) -> (f64, f64) {
    let (root, spread) = ((count as f64).sqrt(), EIGHTY_PERCENT / 2.0);
    let slowest = (root - spread).max(0.0).powi(2);
    let fastest = ((count as f64 + 1.0).sqrt() + spread).powi(2);
    (slowest / days as f64, fastest / days as f64)
}

/// What the pace of the last [`PACE_DAYS`] days comes to, for `remaining` migrations at `now` and a date that they
/// should be finished by. A straight line: it knows nothing of campaigns and holidays.
#[expect(clippy::cast_precision_loss, reason = "counts of companies are far below 2^52")]
pub fn forecast(secured_lately: u64, remaining: u64, now: DateTime<Utc>, date: Option<DateTime<Utc>>) -> Forecast {
    let rate = secured_lately as f64 / PACE_DAYS as f64;
    let (slowest, fastest) = rates(secured_lately, PACE_DAYS);
    let finishes = |rate: f64| {
        if remaining == 0 {
            return Some(now);
        }
        let seconds = remaining as f64 / rate * 86_400.0;
        // A century is never, to whoever plans.
        (seconds < 100.0 * 365.0 * 86_400.0).then(|| now + whole_seconds(seconds))
    };
    let left = |rate: f64, date: DateTime<Utc>| {
        let days = (date - now).max(TimeDelta::zero()).num_seconds() as f64 / 86_400.0;
        remaining.saturating_sub(whole(rate * days))
    };
    Forecast {
        secured_lately,
        remaining,
        finishes_at: finishes(rate),
        earliest: finishes(fastest),
        latest: finishes(slowest),
        left_at_date: date.map(|date| (left(rate, date), left(fastest, date), left(slowest, date))),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is bounded and not negative")]
fn whole(value: f64) -> u64 {
    value.clamp(0.0, 1e15) as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the value is at most a century")]
fn whole_seconds(seconds: f64) -> TimeDelta {
    TimeDelta::seconds(seconds.ceil() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).expect("an instant")
    }

    #[test]
    fn a_steady_pace_goes_on() {
        let done = forecast(28, 100, now(), Some(now() + TimeDelta::days(60)));
        assert_eq!(done.finishes_at, Some(now() + TimeDelta::days(100)));
        assert!(done.earliest < done.finishes_at && done.finishes_at < done.latest);
        let (expected, fewest, most) = done.left_at_date.expect("a date was given");
        assert_eq!(expected, 40);
        assert!(fewest < expected && expected < most && most < 100, "{fewest} {most}");
    }

    #[test]
    fn who_does_nothing_never_finishes_and_who_has_nothing_left_has_finished() {
        let idle = forecast(0, 5, now(), Some(now() + TimeDelta::days(30)));
        assert_eq!((idle.finishes_at, idle.latest), (None, None));
        assert_eq!(idle.left_at_date.map(|(expected, _, most)| (expected, most)), Some((5, 5)));
        let finished = forecast(9, 0, now(), None);
        assert_eq!((finished.finishes_at, finished.latest), (Some(now()), Some(now())));
        assert_eq!(forecast(0, 7, now(), Some(now() - TimeDelta::days(1))).left_at_date, Some((7, 7, 7)));
    }

    /// Of many Poisson numbers with a known mean, the interval holds the mean about eight times of ten.
    #[test]
    fn the_interval_holds_the_pace_eight_times_of_ten() {
        for mean in [3.0_f64, 10.0, 40.0, 200.0] {
            // The chance of each count, exactly; so the share of counts whose interval holds the mean is exact too.
            let (mut chance, mut held) = ((-mean).exp(), 0.0);
            for count in 0..2000_u32 {
                if count > 0 {
                    chance *= mean / f64::from(count);
                }
                let (slowest, fastest) = rates(u64::from(count), 1);
                if slowest <= mean && mean <= fastest {
                    held += chance;
                }
            }
            assert!((0.74..0.92).contains(&held), "mean {mean}: {held}");
        }
    }
}
