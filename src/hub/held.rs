//! What is counted of callers in memory: under hashes of what they call themselves, and within bounds. Where there is no
//! room, what comes new shares its place with others: nothing is forgotten early, and nobody is let through for it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// Names that have a place of their own.
pub(super) const HELD_MAX: usize = 100_000;

/// Places that all others share.
pub(super) const SHARED: u8 = 255;

/// How often it is looked for what is over at most, when there is no room.
pub(super) const FORGETTING_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// What somebody calls itself, in a length that nobody chooses.
pub(super) type Name = [u8; 16];

/// The name of these parts; other parts have another.
pub(super) fn name(parts: &[&str]) -> Name {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    *whole.first_chunk().expect("32 bytes begin with 16")
}

/// When it was last looked for what is over.
#[derive(Debug, Default)]
pub(super) struct Forgetting(Option<DateTime<Utc>>);

impl Forgetting {
    /// Whether it is time to look again at `now`, which then counts as done. A clock that was set back keeps nobody from it.
    pub(super) fn is_due(&mut self, now: DateTime<Utc>) -> bool {
        let due = !self.0.is_some_and(|at| at <= now && now - at < FORGETTING_PAUSE);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

/// Something for each name.
#[derive(Debug)]
pub(super) struct Held<T> {
    entries: HashMap<Name, T>,
    forgetting: Forgetting,
}

impl<T> Default for Held<T> {
    fn default() -> Held<T> {
        Held { entries: HashMap::new(), forgetting: Forgetting::default() }
    }
}

impl<T: Copy> Held<T> {
    /// Where what belongs to `name` is kept. Where there is no room, what `is_over` goes first.
    pub(super) fn place(&mut self, name: Name, now: DateTime<Utc>, is_over: impl Fn(&T) -> bool) -> Name {
        if self.entries.contains_key(&name) || self.entries.len() < HELD_MAX {
            return name;
        }
        if self.forgetting.is_due(now) {
            self.entries.retain(|_, entry| !is_over(entry));
        }
        if self.entries.len() < HELD_MAX {
            return name;
        }
        let mut shared = Name::default();
        shared[0] = name[0] % SHARED;
        shared
    }

    pub(super) fn get(&self, place: &Name) -> Option<T> {
        self.entries.get(place).copied()
    }

    pub(super) fn put(&mut self, place: Name, entry: T) {
        self.entries.insert(place, entry);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
