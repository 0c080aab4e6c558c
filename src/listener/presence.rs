//! When a connection has to go: by what it has done so far, and one reading of a clock that nobody sets.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Bounds;

/// What a connection does.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    began: Instant,
    until: Option<Instant>,
    doing: Arc<Mutex<Doing>>,
}

#[derive(Debug)]
struct Doing {
    asked: bool,
    calls: u32,
    following: u32,
    quiet_since: Instant,
}

/// A call for as long as this lives.
#[derive(Debug)]
pub(super) struct Call {
    doing: Arc<Mutex<Doing>>,
    follows: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut doing = self.doing.lock();
        doing.calls -= 1;
        doing.following -= u32::from(self.follows);
        doing.quiet_since = Instant::now();
    }
}

/// What to do about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Look again at this instant, and not before.
    Wait(Instant),
    /// Ask it to finish and go.
    Leave,
    /// End it.
    Cut,
}

/// An age, a fifth more or less, so that those who came together do not go together.
pub(super) fn varied(age: Duration, random: u8) -> Duration {
    age.mul_f64(0.8 + 0.4 * f64::from(random) / 255.0)
}

impl Presence {
    /// A connection that begins `now` and may be there for `age`, or for ever.
    pub(super) fn begin(now: Instant, age: Option<Duration>) -> Presence {
        let doing = Doing { asked: false, calls: 0, following: 0, quiet_since: now };
        Presence { began: now, until: age.map(|age| now + age), doing: Arc::new(Mutex::new(doing)) }
    }

    /// A call begins; `follows` if it is a stream that lives on.
    pub(super) fn call(&self, follows: bool) -> Call {
        let mut doing = self.doing.lock();
        doing.asked = true;
        doing.calls += 1;
        doing.following += u32::from(follows);
        Call { doing: Arc::clone(&self.doing), follows }
    }

    /// What to do `now`, about one that was asked to go at `asked_to_go`, if it was.
    pub(super) fn step(&self, now: Instant, bounds: &Bounds, asked_to_go: Option<Instant>) -> Step {
        let doing = self.doing.lock();
        let or = |at: Instant, step: Step| if now < at { Step::Wait(at) } else { step };
        if let Some(since) = asked_to_go {
            let look_again = Step::Wait(now + bounds.grace.max(Duration::from_millis(100)));
            return or(since + bounds.grace, if doing.following > 0 { look_again } else { Step::Cut });
        }
        if !doing.asked {
            return or(self.began + bounds.first_request, Step::Cut);
        }
        if self.until.is_some_and(|until| now >= until) {
            return Step::Leave;
        }
        let quiet_since = if doing.calls == 0 { doing.quiet_since } else { now };
        let silent = quiet_since + bounds.idle;
        or(self.until.map_or(silent, |until| until.min(silent)), Step::Leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        first_request: Duration::from_secs(10),
        idle: Duration::from_secs(300),
        grace: Duration::from_secs(30),
        ..Bounds::of(1, 1)
    };

    const AGE: Duration = Duration::from_secs(1800);

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn who_asks_nothing_is_cut_off_and_who_has_asked_is_let_be_silent_for_longer() {
        let presence = Presence::begin(Instant::now(), Some(AGE));
        let end = presence.began + BOUNDS.first_request;
        assert_eq!(presence.step(end - MS, &BOUNDS, None), Step::Wait(end));
        for at in [end, end + MS] {
            assert_eq!(presence.step(at, &BOUNDS, None), Step::Cut);
        }
        drop(presence.call(false));
        let end = presence.doing.lock().quiet_since + BOUNDS.idle;
        assert_eq!(presence.step(end - MS, &BOUNDS, None), Step::Wait(end));
        for at in [end, end + MS] {
            assert_eq!(presence.step(at, &BOUNDS, None), Step::Leave);
        }
    }

    #[test]
    fn a_connection_ages_whether_it_has_calls_or_not() {
        let presence = Presence::begin(Instant::now(), Some(AGE));
        let end = presence.began + AGE;
        let _call = presence.call(false);
        let before = end - MS;
        assert_eq!(presence.step(before, &BOUNDS, None), Step::Wait(end), "not the silence that is none");
        for at in [end, end + MS] {
            assert_eq!(presence.step(at, &BOUNDS, None), Step::Leave);
        }
        let cut = end + BOUNDS.grace;
        assert_eq!(presence.step(cut - MS, &BOUNDS, Some(end)), Step::Wait(cut));
        for at in [cut, cut + MS] {
            assert_eq!(presence.step(at, &BOUNDS, Some(end)), Step::Cut);
        }
    }

    #[test]
    fn what_follows_a_stream_is_left_alone_until_it_ends() {
        let presence = Presence::begin(Instant::now(), Some(AGE));
        let (end, stream) = (presence.began + AGE, presence.call(true));
        let late = end + BOUNDS.grace * 100;
        assert_eq!(presence.step(late, &BOUNDS, Some(end)), Step::Wait(late + BOUNDS.grace));
        drop(stream);
        assert_eq!(presence.step(late, &BOUNDS, Some(end)), Step::Cut);
    }

    #[test]
    fn an_age_varies_by_a_fifth() {
        let age = Duration::from_secs(100);
        assert_eq!([0, 255].map(|random| varied(age, random)), [80, 120].map(Duration::from_secs));
    }
}
