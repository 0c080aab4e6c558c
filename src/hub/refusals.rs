//! How many refused commands are recorded: of each actor so many within a minute. The others are counted, and the count is
//! recorded: whoever repeats what is refused writes neither the disk full nor himself out of the trail.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::domain::Actor;

/// Refusals of an actor that are recorded one by one within [`WINDOW`].
pub const REFUSALS_RECORDED_MAX: u32 = 100;

/// How long an actor's refusals are counted together.
pub const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// Actors whose refusals are counted apart; those of more are counted together.
const ACTORS_MAX: usize = 4096;

/// Refusals of the present.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Actor, Window>>);

/// Refusals of an actor from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    began: DateTime<Utc>,
    recorded: u32,
    left_out: u64,
}

impl Window {
    const fn from(began: DateTime<Utc>) -> Window {
        Window { began, recorded: 0, left_out: 0 }
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.began + WINDOW
    }
}

/// What is to be recorded of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Whether the refusal itself is.
    pub(super) refusal: bool,
    /// So many before it were not.
    pub(super) left_out: u64,
}

/// Whoever is one too many.
fn others() -> Actor {
    Actor::Process("others".into())
}

impl Refusals {
    /// A command of an actor is refused.
    pub(super) fn refuse(&self, actor: &Actor, now: DateTime<Utc>) -> Due {
        let mut windows = self.0.lock();
        if windows.len() >= ACTORS_MAX && !windows.contains_key(actor) {
            windows.retain(|_, window| window.left_out > 0 || !window.is_over(now));
        }
        let full = windows.len() >= ACTORS_MAX && !windows.contains_key(actor);
        let window = windows.entry(if full { others() } else { actor.clone() }).or_insert(Window::from(now));
        let mut left_out = 0;
        if window.is_over(now) {
            left_out = window.left_out;
            *window = Window::from(now);
        }
        let refusal = window.recorded < REFUSALS_RECORDED_MAX;
        if refusal {
            window.recorded += 1;
        } else {
            window.left_out += 1;
        }
        Due { refusal, left_out }
    }

    /// What was left out and is to be told by now, actor by actor; at the end, with no instant, all of it.
    pub(super) fn left_out(&self, now: Option<DateTime<Utc>>) -> Vec<(Actor, u64)> {
        let mut told = Vec::new();
        self.0.lock().retain(|actor, window| {
            let over = now.is_none_or(|now| window.is_over(now));
            if over && window.left_out > 0 {
                told.push((actor.clone(), window.left_out));
            }
            !over
        });
        told.sort_by_cached_key(|(actor, _)| actor.to_string());
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    fn actor(name: &str) -> Actor {
        Actor::Operator(name.into())
    }

    #[test]
    fn so_many_are_recorded_within_a_minute_and_the_rest_is_counted() {
        let (refusals, minute) = (Refusals::default(), WINDOW.num_milliseconds());
        for _ in 0..REFUSALS_RECORDED_MAX {
            assert_eq!(refusals.refuse(&actor("a"), at(0)), Due { refusal: true, left_out: 0 });
        }
        assert_eq!(refusals.refuse(&actor("a"), at(minute - 1)), Due { refusal: false, left_out: 0 });
        assert_eq!(
            refusals.refuse(&actor("b"), at(minute - 1)),
            Due { refusal: true, left_out: 0 },
            "others count apart"
        );
        assert_eq!(refusals.left_out(Some(at(minute - 1))), []);
        assert_eq!(refusals.refuse(&actor("a"), at(minute)), Due { refusal: true, left_out: 1 });
        assert_eq!(refusals.refuse(&actor("a"), at(minute + 1)), Due { refusal: true, left_out: 0 }, "it is told once");
    }

    #[test]
    fn what_was_left_out_is_told_when_its_minute_is_over_and_at_the_end() {
        let (refusals, minute) = (Refusals::default(), WINDOW.num_milliseconds());
        for _ in 0..REFUSALS_RECORDED_MAX + 3 {
            refusals.refuse(&actor("a"), at(0));
            refusals.refuse(&actor("b"), at(1));
        }
        assert_eq!(refusals.left_out(Some(at(minute))), [(actor("a"), 3)]);
        assert_eq!(refusals.left_out(None), [(actor("b"), 3)]);
        assert_eq!(refusals.left_out(None), []);
    }

    #[test]
    fn actors_without_number_are_counted_together() {
        let refusals = Refusals::default();
        for number in 0..ACTORS_MAX + 5 {
            refusals.refuse(&actor(&format!("a{number}")), at(0));
        }
        assert_eq!(refusals.0.lock().len(), ACTORS_MAX + 1);
        refusals.refuse(&actor("late"), at(WINDOW.num_milliseconds()));
        assert_eq!(refusals.0.lock().len(), 1, "what is over makes room");
    }
}
