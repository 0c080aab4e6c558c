//! First uses: which installed applications have called in their company for the first time, on the way from the gateway
//! to the record of the installation.
//!
//! ```text
//! allowed answer, report --the table says that no use is recorded--> set (memory) --from time to time--> NoteFirstUse
//! ```
//!
//! The table knows which installations still wait for their first use, so all other calls pay for one comparison. Nothing
//! here decides anything, blocks a caller or fails one. The set is bounded; what does not fit, and what a crash takes
//! along, is brought back by the next call, because the table says the same until the record is written. What cannot be
//! written stays for the next turn.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use devhub_decision::{Decision, Facts, Question};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{Done, Failure, Hub, Request};
use crate::domain::Actor;
use crate::domain::installation::NoteFirstUse;

/// Installations whose first use may wait for a turn, in a few megabytes; that of more is not kept.
const HELD_MAX: usize = 16_384;

/// Number of shards: enough that two calls seldom meet while a hub with many installations records them for the first time.
const SHARDS: usize = 16;

/// First uses recorded at a time: they share what a commit costs the disk.
const AT_ONCE: usize = 32;

/// A shard on a cache line of its own: one first use of each installation, the earliest call that is known.
#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<HashTable<NoteFirstUse>>);

/// First uses that wait for being recorded.
pub struct FirstUses {
    hasher: DefaultHashBuilder,
    shards: [Shard; SHARDS],
    held: AtomicUsize,
    held_max: AtomicUsize,
    not_kept: AtomicU64,
    recorded: AtomicU64,
}

impl Default for FirstUses {
    fn default() -> FirstUses {
        FirstUses {
            hasher: DefaultHashBuilder::default(),
            shards: Default::default(),
            held: AtomicUsize::new(0),
            held_max: AtomicUsize::new(HELD_MAX),
            not_kept: AtomicU64::new(0),
            recorded: AtomicU64::new(0),
        }
    }
}

impl FirstUses {
    /// Bounds how many may wait.
    pub fn set_held_max(&self, held_max: usize) {
        self.held_max.store(held_max, Ordering::Relaxed);
    }

    /// Looks at an answer to a gateway: was it the first that let an application call in a company? What anybody may call
    /// says nothing about who did.
    pub fn look(&self, question: &Question<'_>, facts: &Facts<'_>, decision: &Decision<'_>, now: DateTime<Utc>) {
        if facts.awaits_use
            && decision.is_counted()
            && let (Some(application), Some(company)) = (decision.application_id, question.company)
        {
            self.remember(application, company, now);
        }
    }

    /// Remembers that an application called in a company. While it waits a further call takes a lock and a look.
    pub(super) fn remember(&self, application: &str, company: &str, at: DateTime<Utc>) {
        let hash = self.hasher.hash_one((application, company));
        let same =
            |known: &NoteFirstUse| known.application.as_str() == application && known.company.as_str() == company;
        let rehash = |known: &NoteFirstUse| self.hash_of(known);
        let mut waiting = self.shard_of(hash).lock();
        match waiting.entry(hash, same, rehash) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.at = known.at.min(at);
            }
            Entry::Vacant(vacant) => match (application.parse(), company.parse()) {
                (Ok(application), Ok(company)) if self.take_room() => {
                    vacant.insert(NoteFirstUse { application, company, at });
                }
                (Ok(_), Ok(_)) => {
                    self.not_kept.fetch_add(1, Ordering::Relaxed);
                }
                (Err(_), _) | (_, Err(_)) => {
                    tracing::error!(application, company, "the table knows names that are none");
                }
            },
        }
    }

    fn hash_of(&self, first: &NoteFirstUse) -> u64 {
        self.hasher.hash_one((first.application.as_str(), first.company.as_str()))
    }

    /// The shard of an installation with this hash, by bits that hashbrown uses neither for the bucket nor for its tag.
    fn shard_of(&self, hash: u64) -> &Mutex<HashTable<NoteFirstUse>> {
        &self.shards[(hash >> 40) as usize % SHARDS].0
    }

    fn take_room(&self) -> bool {
        let held_max = self.held_max.load(Ordering::Relaxed);
        let more = |held| (held < held_max).then_some(held + 1);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// What waits now.
    fn waiting(&self) -> Vec<NoteFirstUse> {
        self.shards.iter().flat_map(|shard| shard.0.lock().iter().cloned().collect::<Vec<_>>()).collect()
    }

    /// Forgets what was done about, unless an earlier call was told meanwhile.
    fn forget(&self, first: &NoteFirstUse) {
        let hash = self.hash_of(first);
        if let Ok(known) = self.shard_of(hash).lock().find_entry(hash, |known| known == first) {
            known.remove();
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many wait for being recorded.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// First uses recorded since the start.
    pub fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::Relaxed)
    }

    /// Calls whose first use found no room since the start.
    pub fn not_kept(&self) -> u64 {
        self.not_kept.load(Ordering::Relaxed)
    }
}

impl Hub {
    /// Records the first uses that wait. Whatever waited at the beginning is recorded at the end, by this turn or by one
    /// beside it; what the record said already changes nothing.
    ///
    /// # Errors
    /// When the store cannot take more. What is left waits for the next turn.
    pub async fn note_first_uses(&self) -> Result<(), Failure> {
        for part in self.first_uses().waiting().chunks(AT_ONCE) {
            let mut recording = JoinSet::new();
            for first in part {
                let (hub, first) = (self.clone(), first.clone());
                recording.spawn(async move { hub.note_first_use(first).await });
            }
            while let Some(recorded) = recording.join_next().await {
                recorded.unwrap_or(Err(Failure::Defect))?;
            }
        }
        Ok(())
    }

    async fn note_first_use(&self, first: NoteFirstUse) -> Result<(), Failure> {
        let first_uses = self.first_uses();
        let actor = Actor::Process("first-use".into());
        match self.execute(actor, first.clone().into(), Request::once()).await {
            Ok(answer) => {
                first_uses.recorded.fetch_add(u64::from(answer.done == Done::Committed), Ordering::Relaxed);
                first_uses.forget(&first);
                Ok(())
            }
            Err(error @ Failure::Store(_)) => Err(error),
            // Others keep changing the installation: the next turn tries again.
            Err(Failure::Contention) => Ok(()),
            // A repeat would meet the same, so it must not wait in the way; the next call brings it back.
            Err(error @ (Failure::Refused(_) | Failure::Undecodable(_) | Failure::Defect)) => {
                let NoteFirstUse { application, company, at: _ } = &first;
                tracing::error!(%error, %application, %company, "a first use was not recorded");
                first_uses.forget(&first);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("an instant")
    }

    fn waiting(first_uses: &FirstUses) -> Vec<(String, String, i64)> {
        let text =
            |first: &NoteFirstUse| (first.application.to_string(), first.company.to_string(), first.at.timestamp());
        let mut waiting: Vec<_> = first_uses.waiting().iter().map(text).collect();
        waiting.sort();
        waiting
    }

    #[test]
    fn the_earliest_call_of_each_waits_and_no_more_than_there_is_room_for() {
        let first_uses = FirstUses::default();
        first_uses.set_held_max(2);
        for (application, company, second) in
            [("one", "xx", 5), ("one", "yy", 6), ("one", "xx", 7), ("two", "xx", 8), ("one", "yy", 4), ("two", "xx", 9)]
        {
            first_uses.remember(application, company, at(second));
        }
        let expected = [("one".to_owned(), "xx".to_owned(), 5), ("one".to_owned(), "yy".to_owned(), 4)];
        assert_eq!(waiting(&first_uses), expected);
        assert_eq!((first_uses.held(), first_uses.not_kept()), (2, 2));
        // What is done gives its room back, and the next call brings back what was not kept.
        let done = first_uses.waiting().into_iter().find(|first| first.company.as_str() == "xx").expect("it waits");
        first_uses.forget(&done);
        first_uses.remember("two", "xx", at(10));
        assert_eq!(waiting(&first_uses).last(), Some(&("two".to_owned(), "xx".to_owned(), 10)));
        // What was done about is not what waits any more, if an earlier call came meanwhile.
        let done = first_uses.waiting().into_iter().find(|first| first.company.as_str() == "yy").expect("it waits");
        first_uses.remember("one", "yy", at(1));
        first_uses.forget(&done);
        assert_eq!(first_uses.held(), 2);
    }

    #[test]
    fn many_are_told_apart() {
        let first_uses = FirstUses::default();
        for round in 0..2 {
            for number in 0..HELD_MAX {
                first_uses.remember(&format!("app-{}", number % 7), &format!("c-{number}"), at(round));
            }
        }
        assert_eq!((first_uses.held(), first_uses.not_kept()), (HELD_MAX, 0));
    }
}
