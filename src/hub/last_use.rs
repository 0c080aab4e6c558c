//! When secrets were last verified, and keys last verified something: kept in memory by the hour, and noted beside the journal from time to time. It helps
//! people to see which secret can go, and decides nothing: a crash loses what came since the last flush.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::domain::name::{ApplicationId, ClientSecretId, KeyId};
use crate::store::codec::{decode_last_use, encode_last_use, last_use_key, last_use_of_key_key};
use crate::store::{Key, Store, StoreError};

/// Secrets and keys whose last use may wait for a flush; that of more is not kept.
const HELD_MAX: usize = 100_000;

/// Notes written at once.
const NOTES_AT_ONCE: usize = 1024;

/// When secrets and keys were last used.
pub struct LastUses {
    store: Arc<dyn Store>,
    /// By the keys of the notes that will say it.
    pending: Mutex<HashMap<Key, DateTime<Utc>>>,
}

/// The beginning of the hour of an instant.
fn hour_of(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.duration_trunc(TimeDelta::hours(1)).unwrap_or(instant)
}

impl LastUses {
    pub(super) fn new(store: Arc<dyn Store>) -> LastUses {
        LastUses { store, pending: Mutex::default() }
    }

    /// Remembers that a secret was verified.
    pub(super) fn remember(&self, secret: &ClientSecretId, now: DateTime<Utc>) {
        self.note(last_use_key(secret), now);
    }

    /// Remembers that a key of an application has verified something.
    pub(super) fn remember_key(&self, application: &ApplicationId, key: &KeyId, now: DateTime<Utc>) {
        self.note(last_use_of_key_key(application, key), now);
    }

    fn note(&self, note: Key, now: DateTime<Utc>) {
        let mut pending = self.pending.lock();
        if let Some(hour) = pending.get_mut(&note) {
            *hour = hour_of(now).max(*hour);
        } else if pending.len() < HELD_MAX {
            pending.insert(note, hour_of(now));
        }
    }

    /// The hour in which each of `secrets` was last verified, as far as is known.
    pub fn of<'a>(&self, secrets: impl IntoIterator<Item = &'a ClientSecretId>) -> Vec<Option<DateTime<Utc>>> {
        self.noted(secrets.into_iter().map(last_use_key).collect())
    }

    /// The hour in which each of these keys of an application was last used, as far as is known.
    pub fn of_keys<'a>(
        &self,
        application: &ApplicationId,
        keys: impl IntoIterator<Item = &'a KeyId>,
    ) -> Vec<Option<DateTime<Utc>>> {
        self.noted(keys.into_iter().map(|key| last_use_of_key_key(application, key)).collect())
    }

    fn noted(&self, keys: Vec<Key>) -> Vec<Option<DateTime<Utc>>> {
        // What is pending first: a flush removes it only once it is noted.
        let pending: Vec<Option<DateTime<Utc>>> = {
            let pending = self.pending.lock();
            keys.iter().map(|key| pending.get(key).copied()).collect()
        };
        let noted = self.store.noted(&keys).unwrap_or_else(|error| {
            tracing::warn!(%error, "notes of last uses cannot be read; they are left out");
            vec![None; keys.len()]
        });
        let noted = noted.into_iter().map(|note| {
            let hour = decode_last_use(&note?);
            hour.inspect_err(|error| tracing::error!(%error, "a note of a last use cannot be understood")).ok()
        });
        pending.into_iter().zip(noted).map(|(pending, noted)| pending.max(noted)).collect()
    }

    /// Writes what is pending. What cannot be written is kept for the next time.
    ///
    /// # Errors
    /// When notes cannot be written.
    pub fn flush(&self) -> Result<(), StoreError> {
        let pending: Vec<(Key, DateTime<Utc>)> =
            self.pending.lock().iter().map(|(note, hour)| (note.clone(), *hour)).collect();
        for part in pending.chunks(NOTES_AT_ONCE) {
            let notes = part.iter().map(|(note, hour)| (note.clone(), encode_last_use(*hour)));
            self.store.note(notes.collect())?;
            let mut pending = self.pending.lock();
            for (note, hour) in part {
                // A use that came while the notes were written stays for the next flush.
                if pending.get(note) == Some(hour) {
                    pending.remove(note);
                }
            }
        }
        Ok(())
    }
}
