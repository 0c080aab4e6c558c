//! How often verifications failed lately: after too many for a client or from a source, none is made for a while.
//!
//! An unknown client is counted like a known one, and nothing is looked up or computed for one that is limited, so that a
//! limit tells nothing. What is counted is a hash of what was presented. Memory is bounded: where there is no room, what comes
//! new shares its counters with others.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::held::{Held, Name, name};

/// How many more may fail from one source, for whatever clients, than for one client.
const OF_SOURCE: u32 = 10;

/// Failures that are let be by default, and for how long they are counted together.
const FAILURES_MAX: u32 = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// Failures since the first one.
#[derive(Debug, Clone, Copy)]
struct Window {
    begun: DateTime<Utc>,
    failed: u32,
}

/// How often verifications failed lately.
pub struct Attempts(Mutex<Counted>);

struct Counted {
    failures_max: u32,
    window: TimeDelta,
    windows: Held<Window>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts(Mutex::new(Counted { failures_max: FAILURES_MAX, window: WINDOW, windows: Held::default() }))
    }
}

impl Window {
    /// Whether failures at `now` still count with the first. A clock that was set back begins anew: nobody is shut out until
    /// it has caught up.
    fn is_on(self, length: TimeDelta, now: DateTime<Utc>) -> bool {
        self.begun <= now && now - self.begun < length
    }
}

impl Counted {
    /// The failures of `name` at `now`, where there are any.
    fn current(&self, name: &Name, now: DateTime<Utc>) -> Option<Window> {
        self.windows.get(name).filter(|window| window.is_on(self.window, now))
    }

    /// Where failures of a client from a source are counted, and how many are let there.
    fn places(&mut self, client: &str, source: &str, now: DateTime<Utc>) -> Vec<(Name, u32)> {
        let of_client = self.failures_max;
        let of_source = of_client.saturating_mul(OF_SOURCE);
        let names = if source.is_empty() {
            vec![(name(&[client]), of_client)]
        } else {
            vec![(name(&[client, source]), of_client), (name(&["", "", source]), of_source)]
        };
        let length = self.window;
        let place = |(name, most)| (self.windows.place(name, now, |window| !window.is_on(length, now)), most);
        names.into_iter().map(place).collect()
    }
}

impl Attempts {
    /// Lets `failures_max` fail for a client within `window`.
    pub fn set_limits(&self, failures_max: u32, window: TimeDelta) {
        let mut held = self.0.lock();
        (held.failures_max, held.window) = (failures_max, window);
    }

    /// Whether a verification may be made for what was presented as a client id, from `source` if that is known. Nothing
    /// waits between this and [`Attempts::failed`], so no more fail at a time beyond what is let than threads run.
    ///
    /// # Errors
    /// With how long it takes until one may be made again.
    pub fn admit(&self, client: &str, source: &str, now: DateTime<Utc>) -> Result<(), TimeDelta> {
        let mut counted = self.0.lock();
        let full = counted.places(client, source, now).into_iter().filter_map(|(place, most)| {
            counted.current(&place, now).filter(|window| window.failed >= most).map(|window| window.begun)
        });
        full.max().map_or(Ok(()), |begun| Err(begun + counted.window - now))
    }

    /// Counts a verification that failed.
    pub fn failed(&self, client: &str, source: &str, now: DateTime<Utc>) {
        let mut counted = self.0.lock();
        for (place, _) in counted.places(client, source, now) {
            let window = counted.current(&place, now).unwrap_or(Window { begun: now, failed: 0 });
            counted.windows.put(place, Window { failed: window.failed.saturating_add(1), ..window });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hub::held::{HELD_MAX, SHARED};

    fn now() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().expect("an instant")
    }

    fn ms(count: i64) -> TimeDelta {
        TimeDelta::milliseconds(count)
    }

    /// Whether a verification is made, which then fails.
    fn fails(attempts: &Attempts, client: &str, source: &str, at: DateTime<Utc>) -> bool {
        let made = attempts.admit(client, source, at).is_ok();
        if made {
            attempts.failed(client, source, at);
        }
        made
    }

    #[test]
    fn after_too_many_failures_none_is_made_until_the_window_is_over() {
        let attempts = Attempts::default();
        for number in 0..FAILURES_MAX {
            assert!(fails(&attempts, "client", "", now() + ms(i64::from(number))));
        }
        let end = now() + WINDOW;
        assert_eq!(attempts.admit("client", "", end - ms(1)).expect_err("limited"), ms(1));
        assert!(fails(&attempts, "other", "", end - ms(1)));
        assert!(fails(&attempts, "client", "", end), "a window begins at its first failure, and is half-open");
        for _ in 1..FAILURES_MAX {
            assert!(fails(&attempts, "client", "", end + ms(1)));
        }
        assert!(!fails(&attempts, "client", "", end + ms(1)));
        assert!(fails(&attempts, "client", "", now()), "a clock that was set back begins anew");
    }

    #[test]
    fn what_does_not_fail_is_not_counted() {
        let attempts = Attempts::default();
        for _ in 0..10 * FAILURES_MAX {
            assert_eq!(attempts.admit("client", "here", now()), Ok(()));
        }
        assert_eq!(attempts.0.lock().windows.len(), 0);
    }

    #[test]
    fn a_source_does_not_shut_out_a_client_elsewhere_nor_try_many() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES_MAX {
            assert!(fails(&attempts, "client", "evil", now()));
        }
        assert!(!fails(&attempts, "client", "evil", now()));
        assert!(fails(&attempts, "client", "good", now()));
        let others = (0..).map(|number| format!("client-{number}"));
        let made = others.take_while(|client| fails(&attempts, client, "evil", now())).count();
        assert_eq!(made, (FAILURES_MAX * (OF_SOURCE - 1)) as usize);
        assert!(
            !fails(&attempts, "new", "evil", now() + WINDOW - ms(1)) && fails(&attempts, "new", "evil", now() + WINDOW)
        );
    }

    #[test]
    fn memory_is_bounded_and_nobody_is_let_through_for_it() {
        let attempts = Attempts::default();
        for number in 0..HELD_MAX {
            assert!(fails(&attempts, &number.to_string(), "", now()));
        }
        let made = (0..).take_while(|_| fails(&attempts, "late", "", now())).count();
        assert_eq!(made, FAILURES_MAX as usize, "what has no counter of its own is limited as well");
        for number in 0..10_000 {
            fails(&attempts, &format!("more {number}"), "", now());
        }
        assert!(attempts.0.lock().windows.len() <= HELD_MAX + usize::from(SHARED));
        assert!(fails(&attempts, "late", "", now() + WINDOW));
        assert_eq!(attempts.0.lock().windows.len(), 1);
    }

    proptest! {
        /// Whatever comes when: of one client no more fail within a window than are let, and it is let again after it.
        #[test]
        fn no_more_fail_than_are_let(steps in proptest::collection::vec((0_u8..3, 0_i64..20_000), 1..200)) {
            let attempts = Attempts::default();
            let mut at = now();
            let mut model: HashMap<u8, (DateTime<Utc>, u32)> = HashMap::new();
            for (client, pause) in steps {
                at += ms(pause);
                let (begun, failed) = model.get(&client).copied().filter(|(begun, _)| at - *begun < WINDOW).unwrap_or((at, 0));
                let made = fails(&attempts, &client.to_string(), "", at);
                prop_assert_eq!(made, failed < FAILURES_MAX);
                model.insert(client, (begun, failed + u32::from(made)));
            }
        }
    }
}
