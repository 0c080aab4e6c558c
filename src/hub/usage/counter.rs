//! The counter: calls since the last flush, in memory.
//!
//! It stands on the way of every allowed call, so a call takes one lock of one shard, and allocates only when its
//! subscription has no call yet since the last flush, or when the day has changed since.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Environment;
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use crate::domain::usage::{Day, Usage};
use crate::store::codec::UsageKey;

/// Number of shards: enough that two calls seldom meet.
pub(super) const SHARDS: usize = 64;

/// A shard on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Locked(Mutex<Shard>);

#[derive(Default)]
struct Shard {
    pending: HashTable<Pending>,
    counted: u64,
    not_counted: u64,
    /// The last call that was not counted.
    lost_at: Option<DateTime<Utc>>,
}

/// Calls of one subscription that are not flushed yet.
pub(super) struct Pending {
    key: Bytes,
    hash: u64,
    /// The day that was counted last, which is the next one's too, nearly always.
    day: Day,
    calls: u64,
    last_call: DateTime<Utc>,
    /// Other days. Empty, and so without memory of its own, unless a day ended or a gateway reported one.
    others: BTreeMap<Day, u64>,
}

impl Pending {
    fn add(&mut self, day: Day, at: DateTime<Utc>, calls: u64) {
        if day != self.day {
            // The map may know the new day; its count then comes along.
            let known = self.others.remove(&day).unwrap_or_default();
            self.others.insert(self.day, self.calls);
            (self.day, self.calls) = (day, known);
        }
        self.calls = self.calls.saturating_add(calls);
        self.last_call = self.last_call.max(at);
    }

    fn merge(&mut self, other: Pending) {
        self.add(other.day, other.last_call, other.calls);
        for (day, calls) in other.others {
            self.add(day, other.last_call, calls);
        }
    }

    /// Where it is noted.
    pub(super) fn key(&self) -> &Bytes {
        &self.key
    }

    /// What was counted.
    pub(super) fn usage(&self) -> Usage {
        let others = self.others.iter().map(|(day, calls)| (*day, *calls));
        Usage::new(others.chain([(self.day, self.calls)]), Some(self.last_call))
    }
}

/// Calls since the last flush.
pub(super) struct Counter {
    hasher: DefaultHashBuilder,
    shards: Box<[Locked]>,
    /// Subscriptions held, those that are being flushed included.
    held: AtomicUsize,
    held_max: AtomicUsize,
}

/// What the counter has seen since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) counted: u64,
    pub(super) not_counted: u64,
    pub(super) held: usize,
    /// The last call that was not counted.
    pub(super) lost_at: Option<DateTime<Utc>>,
}

impl Counter {
    pub(super) fn new(held_max: usize) -> Counter {
        Counter {
            hasher: DefaultHashBuilder::default(),
            shards: (0..SHARDS).map(|_| Locked::default()).collect(),
            held: AtomicUsize::new(0),
            held_max: AtomicUsize::new(held_max),
        }
    }

    pub(super) fn set_held_max(&self, held_max: usize) {
        self.held_max.store(held_max, Ordering::Relaxed);
    }

    /// Counts calls; says whether there was room.
    pub(super) fn add(&self, key: &UsageKey<'_>, at: DateTime<Utc>, calls: u64) -> bool {
        let (hash, day) = (self.hasher.hash_one(key), Day::of(at));
        let mut shard = self.shard_of(key.client_id).0.lock();
        let Shard { pending, counted, not_counted, lost_at } = &mut *shard;
        match pending.entry(hash, |pending| key.is(&pending.key), |pending| pending.hash) {
            Entry::Occupied(mut found) => found.get_mut().add(day, at, calls),
            Entry::Vacant(vacant) => {
                if !self.take_room() {
                    *not_counted = not_counted.saturating_add(calls);
                    *lost_at = (*lost_at).max(Some(at));
                    return false;
                }
                let key = key.encode();
                vacant.insert(Pending { key, hash, day, calls, last_call: at, others: BTreeMap::new() });
            }
        }
        *counted = counted.saturating_add(calls);
        true
    }

    /// The shard of a client: all that it calls stands in one, so that its last use is found without a look at the others.
    fn shard_of(&self, client_id: &str) -> &Locked {
        &self.shards[shard_index(self.hasher.hash_one(client_id))]
    }

    fn take_room(&self) -> bool {
        let held_max = self.held_max.load(Ordering::Relaxed);
        let more = |held| (held < held_max).then_some(held + 1);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// What was counted of one subscription and not flushed yet.
    pub(super) fn find(&self, key: &UsageKey<'_>) -> Option<Usage> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard_of(key.client_id).0.lock();
        shard.pending.find(hash, |pending| key.is(&pending.key)).map(Pending::usage)
    }

    /// The last call of a client to any version that is not flushed yet. Looks at one shard: a 64th of what is held, more
    /// or less.
    pub(super) fn last_call(&self, client_id: &str, environment: Environment) -> Option<DateTime<Utc>> {
        let beginning = UsageKey::encode_client(client_id, environment);
        let shard = self.shard_of(client_id).0.lock();
        let of_client = shard.pending.iter().filter(|pending| pending.key.starts_with(&beginning));
        of_client.map(|pending| pending.last_call).max()
    }

    /// What was counted of a client and not flushed yet, with the keys of what it called. Looks at one shard.
    pub(super) fn of_client(&self, client_id: &str, environment: Environment) -> Vec<(Bytes, Usage)> {
        let beginning = UsageKey::encode_client(client_id, environment);
        let shard = self.shard_of(client_id).0.lock();
        let of_client = shard.pending.iter().filter(|pending| pending.key.starts_with(&beginning));
        of_client.map(|pending| (pending.key.clone(), pending.usage())).collect()
    }

    /// Takes what one shard holds, to be flushed. Its room stays taken until [`Counter::release`].
    pub(super) fn take(&self, shard: usize) -> Vec<Pending> {
        let taken = std::mem::take(&mut self.shards[shard].0.lock().pending);
        taken.into_iter().collect()
    }

    /// Gives room back after a flush.
    pub(super) fn release(&self, flushed: usize) {
        self.held.fetch_sub(flushed, Ordering::Relaxed);
    }

    /// Puts back what could not be flushed.
    pub(super) fn put_back(&self, shard: usize, rest: Vec<Pending>) {
        let mut shard = self.shards[shard].0.lock();
        for back in rest {
            match shard.pending.entry(back.hash, |pending| pending.key == back.key, |pending| pending.hash) {
                Entry::Occupied(mut found) => {
                    found.get_mut().merge(back);
                    self.release(1);
                }
                Entry::Vacant(vacant) => drop(vacant.insert(back)),
            }
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let held = self.held.load(Ordering::Relaxed);
        let mut seen = Seen { counted: 0, not_counted: 0, held, lost_at: None };
        for shard in &self.shards {
            let shard = shard.0.lock();
            seen.counted = seen.counted.saturating_add(shard.counted);
            seen.not_counted = seen.not_counted.saturating_add(shard.not_counted);
            seen.lost_at = seen.lost_at.max(shard.lost_at);
        }
        seen
    }
}

/// The shard of a client with this hash, by bits that hashbrown uses neither for the bucket nor for its tag.
fn shard_index(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn key(client_id: &str) -> UsageKey<'_> {
        UsageKey { client_id, context: "losses", label: "1.0", environment: Environment::Sandbox }
    }

    #[test]
    fn days_are_told_apart_in_any_order() {
        let counter = Counter::new(10);
        let (first, second) = (at("2026-01-01T23:59:59.999Z"), at("2026-01-02T00:00:00Z"));
        for (instant, calls) in [(first, 1), (second, 2), (first, 4), (second, 8)] {
            assert!(counter.add(&key("a"), instant, calls));
        }
        let usage = counter.find(&key("a")).expect("it was counted");
        assert_eq!(usage.daily().collect::<Vec<_>>(), [(Day::of(first), 5), (Day::of(second), 10)]);
        assert_eq!(usage.last_call(), Some(second));
        assert_eq!(counter.find(&key("b")), None);
    }

    #[test]
    fn the_last_call_of_a_client_is_that_to_any_version_in_its_environment() {
        let counter = Counter::new(10);
        let now = at("2026-01-01T10:00:00Z");
        let later = |hours: i64| now + chrono::TimeDelta::hours(hours);
        for (key, hours) in [
            (key("a"), 1),
            (UsageKey { label: "2.0", ..key("a") }, 3),
            (UsageKey { context: "gains", ..key("a") }, 2),
            (UsageKey { environment: Environment::Production, ..key("a") }, 4),
            (key("ab"), 5),
        ] {
            assert!(counter.add(&key, later(hours), 1));
        }
        let table = [
            ("a", Environment::Sandbox, Some(3)),
            ("a", Environment::Production, Some(4)),
            ("ab", Environment::Sandbox, Some(5)),
            ("b", Environment::Sandbox, None),
        ];
        for (client_id, environment, hours) in table {
            assert_eq!(counter.last_call(client_id, environment), hours.map(later), "{client_id} {environment:?}");
        }
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let counter = Counter::new(2);
        let now = at("2026-01-01T00:00:00Z");
        let added = ["a", "b", "c", "a"].map(|client| counter.add(&key(client), now, 1));
        assert_eq!(added, [true, true, false, true]);
        assert_eq!(counter.seen(), Seen { counted: 3, not_counted: 1, held: 2, lost_at: Some(now) });
        let mut taken: Vec<(usize, Pending)> =
            (0..SHARDS).flat_map(|shard| counter.take(shard).into_iter().map(move |p| (shard, p))).collect();
        assert_eq!(taken.len(), 2);
        assert!(!counter.add(&key("c"), now, 1), "what is being flushed still takes room");
        let (shard, back) = taken.pop().expect("two");
        counter.put_back(shard, vec![back]);
        counter.release(1);
        assert!(counter.add(&key("c"), now, 1));
        assert_eq!(counter.seen().held, 2);
    }

    #[test]
    fn what_is_put_back_adds_up_with_what_came_meanwhile() {
        let counter = Counter::new(10);
        let (first, second) = (at("2026-01-01T10:00:00Z"), at("2026-01-02T10:00:00Z"));
        counter.add(&key("a"), first, 1);
        counter.add(&key("a"), second, 2);
        let (shard, taken) = (0..SHARDS).map(|s| (s, counter.take(s))).find(|(_, t)| !t.is_empty()).expect("one");
        // The room of what was taken is still taken, so the same subscription takes it twice until it is put back.
        counter.add(&key("a"), first, 4);
        assert_eq!(counter.seen().held, 2);
        counter.put_back(shard, taken);
        assert_eq!(counter.seen().held, 1);
        let usage = counter.find(&key("a")).expect("it was counted");
        assert_eq!(usage.daily().collect::<Vec<_>>(), [(Day::of(first), 5), (Day::of(second), 2)]);
        assert_eq!(usage.last_call(), Some(second));
    }
}
