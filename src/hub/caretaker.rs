//! The caretaker: goes round the applications and has done what is due about those that nobody uses (rule B58).
//!
//! ```text
//! a page of applications -> evidence of use -> due (pure) -> a command for each of the few -> judged again, committed
//! ```
//!
//! The round only finds what is due; the command judges it again, under the revisions of the records and with a guard that
//! nothing was used since the evidence was read. So a round that dies, runs late, or runs beside another one deletes
//! nobody who may stay and tells nobody twice. An application that cannot be settled is left for the next round, and
//! stands in nobody's way. No answer depends on a round but through what it has committed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::usage::LastUse;
use super::{Done, Failure, Hub, Request};
use crate::domain::Actor;
use crate::domain::application::Application;
use crate::domain::disuse::{Cause, Due, Evidence, SettleDisuse, due};
use crate::domain::name::ApplicationId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::subscription::Subscription;
use crate::store::Guard;
use crate::store::codec::{self, Kind};

/// Applications looked at together.
const STEP: usize = 256;

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Deletions announced.
    pub announced: u64,
    /// Further notices given.
    pub reminded: u64,
    /// Announced deletions taken back.
    pub cancelled: u64,
    /// Applications deleted.
    pub deleted: u64,
    /// Applications left for the next round: they were used meanwhile, or could not be settled.
    pub left: u64,
}

/// An application about which something is due.
struct Found {
    id: ApplicationId,
    evidence: Evidence,
    last_use: LastUse,
    due: Due,
}

/// Where a round has come to.
enum Place {
    /// Among the applications whose key comes after this one; with no policy, among those with an announced deletion.
    After(Option<Bytes>),
    /// At its end.
    End,
}

impl Hub {
    /// Goes round all applications once, a page at a time.
    ///
    /// # Errors
    /// When the store cannot be read. What was done until then stays done.
    pub async fn go_round(&self) -> Result<Round, Failure> {
        let mut round = Round::default();
        // What was done since the backup is not known.
        if self.is_held() {
            return Ok(round);
        }
        let mut place = Place::After(None);
        while let Place::After(after) = place {
            let hub = self.clone();
            let looked = tokio::task::spawn_blocking(move || hub.find_due(after)).await;
            let (found, next) = looked.unwrap_or(Err(Failure::Defect))?;
            for found in found {
                self.settle(found, &mut round).await;
            }
            place = next;
        }
        Ok(round)
    }

    /// Has done what is due about an application. If it was used meanwhile, or the evidence was noted elsewhere, it is
    /// looked at once more; then it is left.
    async fn settle(&self, found: Found, round: &mut Round) {
        let id = found.id.clone();
        let mut settled = self.try_to_settle(found).await;
        if let Err(Failure::Contention) = settled {
            settled = match self.find_one(&id).await {
                Ok(Some(found)) => self.try_to_settle(found).await,
                Ok(None) => Ok(Due::Nothing),
                Err(error) => Err(error),
            };
        }
        match settled {
            Ok(Due::Nothing) => {}
            Ok(Due::Announce { .. }) => round.announced += 1,
            Ok(Due::Remind { .. }) => round.reminded += 1,
            Ok(Due::Cancel(_)) => round.cancelled += 1,
            Ok(Due::Delete) => {
                tracing::info!(application = %id, "an application that nobody used is deleted");
                self.0.deleted_unused.fetch_add(1, Ordering::Relaxed);
                round.deleted += 1;
            }
            Err(error) => {
                tracing::warn!(%error, application = %id, "an unused application was not settled; the next round tries");
                round.left += 1;
            }
        }
    }

    /// What was done.
    async fn try_to_settle(&self, found: Found) -> Result<Due, Failure> {
        let Found { id, evidence, last_use, due } = found;
        let hub = self.clone();
        let guard = Guard(Arc::new(move || hub.usage().is_still(&last_use)));
        let request = Request { guard: Some(guard), ..Request::once() };
        let actor = Actor::Process("caretaker".into());
        let answer = self.execute(actor, SettleDisuse { id, evidence }.into(), request).await?;
        if answer.done != Done::Committed {
            return Ok(Due::Nothing);
        }
        // Each of these tells somebody, unless nobody is left to be told.
        if due != Due::Cancel(Cause::Deleted) {
            self.0.notices_given.fetch_add(1, Ordering::Relaxed);
        }
        Ok(due)
    }

    async fn find_one(&self, id: &ApplicationId) -> Result<Option<Found>, Failure> {
        let (hub, key) = (self.clone(), RecordKey::Application(id.clone()));
        let found = tokio::task::spawn_blocking(move || {
            let stored = hub.get_one(key)?.map(|stored| stored.record);
            Ok(hub.find_due_of(stored.and_then(application).into_iter().collect())?.pop())
        });
        found.await.unwrap_or(Err(Failure::Defect))
    }

    /// Applications deleted because nobody used them, since the start.
    pub fn deleted_unused(&self) -> u64 {
        self.0.deleted_unused.load(Ordering::Relaxed)
    }

    /// What is due among the next applications.
    fn find_due(&self, after: Option<Bytes>) -> Result<(Vec<Found>, Place), Failure> {
        let (applications, next) = self.applications_after(after)?;
        Ok((self.find_due_of(applications)?, next))
    }

    fn find_due_of(&self, applications: Vec<Application>) -> Result<Vec<Found>, Failure> {
        let now = self.now();
        let keys: Vec<RecordKey> = applications.iter().map(|a| RecordKey::Disuse(a.id.clone())).collect();
        let mut found = Vec::new();
        for (application, stored) in applications.into_iter().zip(self.get(&keys)?) {
            let announced = match stored.map(|stored| stored.record) {
                Some(Record::Disuse(disuse)) => Some(disuse),
                _ => None,
            };
            let limits = self.rules().disuse.as_ref();
            let known_since = self.usage().known_since(now);
            let is_announced = announced.as_ref().is_some_and(|disuse| disuse.is_announced());
            if !is_announced && !limits.is_some_and(|limits| limits.may_concern(&application, known_since, now)) {
                continue;
            }
            match self.last_use(&application, now) {
                Ok(last_use) => {
                    // Read once more: what was lost while the use was read counts too.
                    let evidence = Evidence { last_use: last_use.at, known_since: self.usage().known_since(now) };
                    let due = due(&application, &evidence, announced.as_ref(), limits, now);
                    if due != Due::Nothing {
                        found.push(Found { id: application.id, evidence, last_use, due });
                    }
                }
                Err(error) => tracing::warn!(%error, application = %application.id, "its use cannot be read"),
            }
        }
        Ok(found)
    }

    fn applications_after(&self, after: Option<Bytes>) -> Result<(Vec<Application>, Place), Failure> {
        let (records, next) = if self.rules().disuse.is_some() {
            let prefix = Hub::prefix(Kind::Application, None);
            let scanned = self.store().scan(&prefix, after.as_deref(), STEP)?;
            let next = scanned.last().map(|(key, _)| key.clone()).filter(|_| scanned.len() == STEP);
            let decode = |value: &crate::store::Versioned| codec::decode_record(&value.value);
            (scanned.iter().map(|(_, value)| decode(value)).collect::<Result<Vec<_>, _>>()?, next)
        } else {
            // What was announced before the policy was switched off is taken back.
            let after = after.as_deref().and_then(|after| std::str::from_utf8(after).ok());
            let ids = self.index().unused(after, STEP);
            let next = ids.last().map(|id| Bytes::copy_from_slice(id.as_str().as_bytes()));
            let next = next.filter(|_| ids.len() == STEP);
            let keys: Vec<RecordKey> = ids.into_iter().map(RecordKey::Application).collect();
            (self.get(&keys)?.into_iter().flatten().map(|stored| stored.record).collect(), next)
        };
        let next = next.map_or(Place::End, |next| Place::After(Some(next)));
        Ok((records.into_iter().filter_map(application).collect(), next))
    }

    /// The last use of any version that an application is, or ever was, subscribed to.
    fn last_use(&self, application: &Application, now: DateTime<Utc>) -> Result<LastUse, Failure> {
        let prefix = Hub::prefix(Kind::Subscription, Some(&application.id));
        let mut subscriptions: Vec<Subscription> = Vec::new();
        let mut after: Option<Bytes> = None;
        loop {
            let scanned = self.store().scan(&prefix, after.as_deref(), STEP)?;
            let is_last = scanned.len() < STEP;
            after = scanned.last().map(|(key, _)| key.clone());
            for (_, value) in scanned {
                if let Record::Subscription(subscription) = codec::decode_record(&value.value)? {
                    subscriptions.push(subscription);
                }
            }
            if is_last {
                return self.usage().last_use(subscriptions, now);
            }
        }
    }
}

fn application(record: Record) -> Option<Application> {
    if let Record::Application(application) = record { Some(application) } else { None }
}
