//! How fast one caller changes things. Staff is not bound: what it brings from elsewhere comes in thousands.
//!
//! Each caller has a bucket of as many changes as it may make in a minute, which fills again evenly. What is kept of it is
//! the instant at which it is full again.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::held::{Held, name};
use crate::domain::{Actor, Refusal};

/// Changes that one caller makes in a minute by default.
const PER_MINUTE: u32 = 1200;

/// In what time a bucket fills.
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// How fast callers change things.
pub struct ChangeRate(Mutex<Buckets>);

struct Buckets {
    per_minute: u32,
    /// When each is full again.
    full_at: Held<DateTime<Utc>>,
}

impl Default for ChangeRate {
    fn default() -> ChangeRate {
        ChangeRate(Mutex::new(Buckets { per_minute: PER_MINUTE, full_at: Held::default() }))
    }
}

impl ChangeRate {
    /// Lets one caller make so many changes in a minute.
    pub fn set(&self, per_minute: u32) {
        self.0.lock().per_minute = per_minute.max(1);
    }

    /// Lets `actor` make one more change at `now`.
    ///
    /// # Errors
    /// When it has made as many as it may.
    pub fn begin(&self, actor: &Actor, now: DateTime<Utc>) -> Result<(), Refusal> {
        if actor.is_staff() {
            return Ok(());
        }
        let mut held = self.0.lock();
        let each = MINUTE / i32::try_from(held.per_minute).unwrap_or(i32::MAX);
        let name = held.full_at.place(name(&[&actor.to_string()]), now, |full_at| *full_at <= now);
        let full_at = held.full_at.get(&name).unwrap_or(now);
        // A clock that was set back shuts nobody out for longer than a bucket takes to fill.
        let full_at = full_at.clamp(now, now + MINUTE);
        let wait = full_at + each - (now + MINUTE);
        let has_room = wait <= TimeDelta::zero();
        held.full_at.put(name, if has_room { full_at + each } else { full_at });
        if has_room { Ok(()) } else { Err(Refusal::RateExceeded { limit: held.per_minute, wait }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hub::held::{HELD_MAX, SHARED};

    fn now() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().expect("an instant")
    }

    fn ms(count: i64) -> TimeDelta {
        TimeDelta::milliseconds(count)
    }

    fn actor(text: &str) -> Actor {
        text.parse().expect("an actor")
    }

    fn rate(per_minute: u32) -> ChangeRate {
        let rate = ChangeRate::default();
        rate.set(per_minute);
        rate
    }

    #[test]
    fn a_caller_has_as_many_changes_as_fill_again() {
        let (rate, ada, eve) = (rate(60), actor("collaborator:ada@example.com"), actor("collaborator:eve@example.com"));
        let made = |actor: &Actor, at| (0..).take_while(|_| rate.begin(actor, at).is_ok()).count();
        assert_eq!(made(&ada, now()), 60);
        assert_eq!(rate.begin(&ada, now()), Err(Refusal::RateExceeded { limit: 60, wait: ms(1000) }));
        assert_eq!(made(&eve, now()), 60, "others have their own");
        assert_eq!(made(&ada, now() + ms(999)), 0);
        assert_eq!(made(&ada, now() + ms(1000)), 1);
        assert_eq!(made(&ada, now() + ms(1001)), 0);
        assert_eq!(made(&ada, now() + ms(200_000)), 60, "no more than that is ever saved");
        assert_eq!(made(&ada, now()), 0);
        assert_eq!(made(&ada, now() + ms(1000)), 1, "a clock that was set back shuts nobody out");
    }

    #[test]
    fn staff_is_not_bound() {
        let rate = rate(1);
        for _ in 0..1000 {
            assert_eq!(rate.begin(&actor("operator:olga"), now()), Ok(()));
        }
        assert!(rate.0.lock().full_at.len() == 0);
    }

    #[test]
    fn memory_is_bounded_and_nobody_is_let_through_for_it() {
        let rate = rate(1);
        for number in 0..HELD_MAX {
            assert_eq!(rate.begin(&actor(&format!("collaborator:p{number}@example.com")), now()), Ok(()));
        }
        let late = |number: usize| actor(&format!("collaborator:late{number}@example.com"));
        let made = (0..2000).filter(|number| rate.begin(&late(*number), now()).is_ok()).count();
        assert!(made <= usize::from(SHARED), "{made}");
        assert!(rate.0.lock().full_at.len() <= HELD_MAX + usize::from(SHARED));
        assert_eq!(rate.begin(&late(0), now() + MINUTE), Ok(()));
    }

    proptest! {
        /// Whatever comes when: within any minute no more changes are made than twice what a bucket holds, and after a minute
        /// of rest all of it is there.
        #[test]
        fn no_more_are_made_than_a_bucket_and_what_fills_it(pauses in proptest::collection::vec(0_i64..5_000, 1..200)) {
            let (rate, ada) = (rate(20), actor("collaborator:ada@example.com"));
            let (mut at, mut made) = (now(), Vec::new());
            for pause in pauses {
                at += ms(pause);
                if rate.begin(&ada, at).is_ok() {
                    made.push(at);
                }
            }
            for first in &made {
                let within = made.iter().filter(|other| (*first..*first + MINUTE).contains(*other)).count();
                prop_assert!(within <= 40, "{within}");
            }
            let rested = (0..).take_while(|_| rate.begin(&ada, at + MINUTE).is_ok()).count();
            prop_assert_eq!(rested, 20);
        }
    }
}
