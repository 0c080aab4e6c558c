//! The meter: who still calls what, and how regularly.
//!
//! ```text
//! allowed answers, reports --add--> counter (memory) --flush, once a minute--> notes of the store
//!                                        \_______________ + ______________________/  --> Usage
//! ```
//!
//! Calls are counted in memory and added to the notes of the store from time to time and at a clean stop: never a
//! commit, never a fact. A crash loses at most what was counted since the last flush. What is read is the sum of both,
//! so it is current. While a shard is being flushed readers wait, so that no call is seen twice or not at all; callers
//! never wait for the disk.
//!
//! What was lost is known to be lost: [`Meter::known_since`] says from when on every call was counted. A run that ends
//! otherwise than by [`Meter::close`] may have lost calls, and so has one that met a damaged note or had no room.

mod client;
mod counter;
mod known;
mod listing;
mod repeats;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::{Decision, Question};
use parking_lot::{Mutex, RwLock};

use super::{Failure, FirstUses};
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::domain::subscription::Subscription;
use crate::domain::usage::{Unusable, Usage};
use crate::store::codec::{self, Counting, UsageKey};
use crate::store::{Key, Store, StoreError};

pub(in crate::hub) use known::LastUse;
pub use listing::{SUMMARY_MAX, Summary, UsageOf, UsageRow};

use counter::{Counter, Pending, SHARDS};
use repeats::Repeats;

/// Subscriptions with calls between two flushes, unless the configuration says otherwise.
const HELD_MAX_DEFAULT: usize = 1_000_000;

/// Notes written at once.
const NOTES_AT_ONCE: usize = 1024;

/// Counts the calls of subscribers.
pub struct Meter {
    store: Arc<dyn Store>,
    /// Where reports of first uses go.
    first_uses: Arc<FirstUses>,
    counter: Counter,
    repeats: Mutex<Repeats>,
    /// Held by a flush while calls are on their way from the counter to the notes, and by whoever adds up the two.
    gate: RwLock<()>,
    since: DateTime<Utc>,
    /// From when on every call was counted, as far as the end of the run before says.
    known_since: DateTime<Utc>,
    /// The notes say that this run goes on: if it is cut off, the next one knows.
    begun: AtomicBool,
    /// A note could not be understood, or calls were lost on their way to the notes.
    lost: AtomicBool,
    /// Shards taken by flushes: whoever reads the counter alone knows by it that nothing has left it meanwhile.
    taken: AtomicU64,
    flushes_failed: AtomicU64,
}

/// What became of a call's reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// A verdict for each, in order.
    pub verdicts: Arc<[Result<(), Unusable>]>,
    /// They were counted before; nothing was counted now.
    pub repeated: bool,
}

/// What the meter did since the start; for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Calls counted.
    pub counted: u64,
    /// Calls not counted, because as many subscriptions as may be held had calls already.
    pub not_counted: u64,
    /// Subscriptions with calls that are not flushed yet.
    pub held: u64,
    /// Flushes that failed; what they could not write is kept for the next.
    pub flushes_failed: u64,
}

/// The key of a subscription's usage.
fn key_of(subscription: &Subscription) -> UsageKey<'_> {
    UsageKey {
        client_id: subscription.client_id.as_str(),
        context: subscription.version.context.as_str(),
        label: subscription.version.label.as_str(),
        environment: subscription.environment,
    }
}

impl Meter {
    /// A meter that goes on where the notes of `store` end. Counting begins now unless they say when it began.
    pub(super) fn open(store: Arc<dyn Store>, first_uses: Arc<FirstUses>, now: DateTime<Utc>) -> Meter {
        // Whatever is wrong with the notes, the hub opens: they decide nothing.
        let noted = store.noted(&[codec::COUNTING_KEY]).unwrap_or_else(|error| {
            tracing::error!(%error, "the notes of usage cannot be read; counting begins anew");
            Vec::new()
        });
        let counting = noted.into_iter().next().flatten().and_then(|note| {
            let counting = codec::decode_counting(&note);
            counting.inspect_err(|error| tracing::error!(%error, "the beginning of counting is lost")).ok()
        });
        let (since, complete) = counting.map_or((now, None), |Counting { since, complete }| (since, complete));
        // A run that came after that end, and left commits but no end of its own, was cut off.
        let complete = complete.filter(|complete| complete.head == store.head().revision);
        let meter = Meter {
            counter: Counter::new(HELD_MAX_DEFAULT),
            repeats: Mutex::default(),
            gate: RwLock::default(),
            since,
            known_since: complete.map_or(now, |complete| complete.known_since),
            begun: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            flushes_failed: AtomicU64::new(0),
            first_uses,
            store,
        };
        if let Err(error) = meter.begin() {
            tracing::error!(%error, "the notes of usage cannot be begun; the next flush tries again");
        }
        meter
    }

    /// Bounds how many subscriptions may have calls between two flushes.
    pub fn set_held_max(&self, held_max: usize) {
        self.counter.set_held_max(held_max);
    }

    /// Since when calls have been counted.
    pub fn counting_since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Counts an answer to a gateway, if it lets a subscriber call.
    pub fn count(&self, question: &Question<'_>, decision: &Decision<'_>, now: DateTime<Utc>) {
        if decision.is_counted() {
            let Question { client_id, context, label, environment, operation: _, company: _, project: _ } = *question;
            self.counter.add(&UsageKey { client_id, context, label, environment }, now, 1);
        }
    }

    fn records(&self, keys: Vec<RecordKey>) -> Result<Vec<Option<Record>>, Failure> {
        let keys: Vec<Key> = keys.iter().map(codec::encode_key).collect();
        let decode = |value: &crate::store::Versioned| codec::decode_record(&value.value);
        let found = self.store.get(&keys)?;
        Ok(found.iter().map(|value| value.as_ref().map(decode).transpose()).collect::<Result<_, _>>()?)
    }

    /// The usage of a version by an application; none when it never subscribed.
    ///
    /// # Errors
    /// When records or notes cannot be read.
    pub fn of(&self, application: &ApplicationId, version: &VersionName, now: DateTime<Utc>) -> Result<Usage, Failure> {
        let key = RecordKey::Subscription(application.clone(), version.clone());
        match self.records(vec![key])?.pop().flatten() {
            Some(Record::Subscription(subscription)) => {
                Ok(self.of_all([&subscription], now)?.pop().unwrap_or_default())
            }
            _ => Ok(Usage::default()),
        }
    }

    /// The usage of each of many subscriptions, in their order, at the cost of one read for each.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn of_all<'a>(
        &self,
        subscriptions: impl IntoIterator<Item = &'a Subscription>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Usage>, Failure> {
        let keys: Vec<UsageKey<'_>> = subscriptions.into_iter().map(key_of).collect();
        let noted: Vec<Key> = keys.iter().map(UsageKey::encode).collect();
        let _gate = self.gate.read();
        let noted = self.store.noted(&noted)?;
        let sum = |(key, note): (&UsageKey<'_>, Option<Bytes>)| {
            let mut usage = note.as_ref().map(|note| self.usage_in(note)).unwrap_or_default();
            if let Some(pending) = self.counter.find(key) {
                usage.add(&pending);
            }
            usage.forget_old(now);
            usage
        };
        Ok(keys.iter().zip(noted).map(sum).collect())
    }

    /// Adds what was counted to the notes. What cannot be written is kept for the next time.
    ///
    /// # Errors
    /// When notes cannot be read or written.
    pub fn flush(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let flushed = self.begin().and_then(|()| (0..SHARDS).try_for_each(|shard| self.flush_shard(shard, now)));
        if flushed.is_err() {
            self.flushes_failed.fetch_add(1, Ordering::Relaxed);
        }
        flushed
    }

    fn flush_shard(&self, shard: usize, now: DateTime<Utc>) -> Result<(), StoreError> {
        let _gate = self.gate.write();
        self.taken.fetch_add(1, Ordering::SeqCst);
        let mut rest = self.counter.take(shard);
        while !rest.is_empty() {
            let part = rest.split_off(rest.len().saturating_sub(NOTES_AT_ONCE));
            if let Err(error) = self.flush_part(&part, now) {
                rest.extend(part);
                self.counter.put_back(shard, rest);
                return Err(error);
            }
            self.counter.release(part.len());
        }
        Ok(())
    }

    fn flush_part(&self, part: &[Pending], now: DateTime<Utc>) -> Result<(), StoreError> {
        let keys: Vec<Key> = part.iter().map(|pending| pending.key().clone()).collect();
        let noted = self.store.noted(&keys)?;
        let sum = |(pending, note): (&Pending, Option<Bytes>)| {
            let mut usage = note.as_ref().map(|note| self.usage_in(note)).unwrap_or_default();
            usage.add(&pending.usage());
            usage.forget_old(now);
            (pending.key().clone(), codec::encode_usage(&usage))
        };
        self.store.note(part.iter().zip(noted).map(sum).collect())
    }

    /// What the meter did since the start.
    pub fn figures(&self) -> Figures {
        let seen = self.counter.seen();
        Figures {
            counted: seen.counted,
            not_counted: seen.not_counted,
            held: seen.held as u64,
            flushes_failed: self.flushes_failed.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use devhub_decision::Environment;

    use super::*;
    use crate::store::memory::Memory;

    #[test]
    fn whoever_reads_sees_every_call_once_while_flushes_run() {
        const CALLS: u64 = 20_000;
        let now: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().expect("an instant");
        let subscription = Subscription {
            id: "s".parse().expect("valid"),
            application: "app".parse().expect("valid"),
            client_id: "client-app".parse().expect("valid"),
            version: VersionName { context: "losses".parse().expect("valid"), label: "1.0".parse().expect("valid") },
            environment: Environment::Sandbox,
            since: now,
            subscribed_by: String::new(),
            waiver: None,
            ended: None,
            moved: None,
            field_values: Default::default(),
        };
        let meter = Meter::open(Arc::new(Memory::open().expect("a store")), Arc::default(), now);
        let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let total = || {
            let usage = meter.of_all([&subscription], now).expect("the store is sound").remove(0);
            usage.calls_in(1, now)
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for call in 1..=CALLS {
                    begun.store(call, Ordering::SeqCst);
                    assert!(meter.counter.add(&key_of(&subscription), now, 1));
                    done.store(call, Ordering::SeqCst);
                    meter.flush(now).expect("the store is sound");
                }
            });
            while done.load(Ordering::SeqCst) < CALLS {
                let least = done.load(Ordering::SeqCst);
                let total = total();
                let most = begun.load(Ordering::SeqCst);
                assert!((least..=most).contains(&total), "{total} calls seen of {least} to {most}");
            }
        });
        assert_eq!((total(), meter.figures().held), (CALLS, 0));
    }
}
