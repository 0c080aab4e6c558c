//! From when on every call was counted: what a rule may stand on, when use that nobody knows of must not hurt anybody.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Meter, key_of};
use crate::domain::subscription::Subscription;
use crate::domain::usage::Usage;
use crate::store::StoreError;
use crate::store::codec::{self, Complete, Counting};

/// The last use of some subscriptions, as it was when it was read.
#[derive(Debug, Clone)]
pub(in crate::hub) struct LastUse {
    /// The beginning of the hour of the last call; `None` when no call is known.
    pub(in crate::hub) at: Option<DateTime<Utc>>,
    subscriptions: Vec<Subscription>,
    taken: u64,
}

impl Meter {
    /// From when on every call was counted and none was lost. Calls before it may have been made that nobody knows of.
    /// `now` while that is in doubt.
    pub fn known_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_in_doubt() {
            return now;
        }
        self.counter.seen().lost_at.map_or(self.known_since, |lost_at| self.known_since.max(lost_at))
    }

    fn is_in_doubt(&self) -> bool {
        !self.begun.load(Ordering::SeqCst) || self.lost.load(Ordering::SeqCst) || self.store.has_lost_notes()
    }

    /// Calls were lost, nobody knows which: nothing is known before the next start.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::SeqCst);
    }

    /// A note that cannot be understood is lost, and said to be.
    pub(super) fn usage_in(&self, note: &Bytes) -> Usage {
        codec::decode_usage(note).unwrap_or_else(|error| {
            tracing::error!(%error, "a note of usage cannot be understood; its counts begin anew");
            self.lose();
            Usage::default()
        })
    }

    /// Says in the notes that a run has begun, on the disk before its first call is counted.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        if !self.begun.load(Ordering::SeqCst) {
            self.note_counting(None)?;
            self.begun.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    fn note_counting(&self, complete: Option<Complete>) -> Result<(), StoreError> {
        let counting = Counting { since: self.since, complete };
        self.store.note(vec![(codec::COUNTING_KEY, codec::encode_counting(&counting))])?;
        self.store.settle_notes()
    }

    /// Writes what was counted at the end of a run, and says that this was all. Nothing may be counted after it.
    ///
    /// # Errors
    /// When notes cannot be read or written: then the next run does not rely on this one.
    pub fn close(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.flush(now)?;
        self.store.settle_notes()?;
        if self.is_in_doubt() {
            return Ok(());
        }
        self.note_counting(Some(Complete { known_since: self.known_since(now), head: self.store.head().revision }))
    }

    /// When any of `subscriptions` was last used.
    pub(in crate::hub) fn last_use(
        &self,
        subscriptions: Vec<Subscription>,
        now: DateTime<Utc>,
    ) -> Result<LastUse, crate::hub::Failure> {
        // Before the reading: what a flush takes from here on makes `is_still` say no.
        let taken = self.taken.load(Ordering::SeqCst);
        let usages = self.of_all(&subscriptions, now)?;
        Ok(LastUse { at: usages.iter().filter_map(Usage::last_call).max(), subscriptions, taken })
    }

    /// Whether nothing was used since in a later hour. Looks into the counter only, so it is quick.
    pub(in crate::hub) fn is_still(&self, last_use: &LastUse) -> bool {
        let is_later = |subscription: &Subscription| {
            let pending = self.counter.find(&key_of(subscription));
            pending.and_then(|usage| usage.last_call()) > last_use.at
        };
        self.taken.load(Ordering::SeqCst) == last_use.taken && !last_use.subscriptions.iter().any(is_later)
    }
}
