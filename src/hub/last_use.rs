//! When secrets were last verified: kept in memory by the hour, and noted beside the journal from time to time. It helps
//! people to see which secret can go, and decides nothing: a crash loses what came since the last flush.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::domain::name::ClientSecretId;
use crate::store::codec::{decode_last_use, encode_last_use, last_use_key};
use crate::store::{Key, Store, StoreError};

/// Secrets whose last use may wait for a flush; that of more is not kept.
const HELD_MAX: usize = 100_000;

/// Notes written at once.
const NOTES_AT_ONCE: usize = 1024;

/// When secrets were last verified.
pub struct LastUses {
    store: Arc<dyn Store>,
    pending: Mutex<HashMap<ClientSecretId, DateTime<Utc>>>,
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
        let mut pending = self.pending.lock();
        if let Some(hour) = pending.get_mut(secret) {
            *hour = hour_of(now).max(*hour);
        } else if pending.len() < HELD_MAX {
            pending.insert(secret.clone(), hour_of(now));
        }
    }

    /// The hour in which each of `secrets` was last verified, as far as is known.
    pub fn of<'a>(&self, secrets: impl IntoIterator<Item = &'a ClientSecretId>) -> Vec<Option<DateTime<Utc>>> {
        let secrets: Vec<&ClientSecretId> = secrets.into_iter().collect();
        // What is pending first: a flush removes it only once it is noted.
        let pending: Vec<Option<DateTime<Utc>>> = {
            let pending = self.pending.lock();
            secrets.iter().map(|secret| pending.get(*secret).copied()).collect()
        };
        let keys: Vec<Key> = secrets.iter().map(|secret| last_use_key(secret)).collect();
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
        let pending: Vec<(ClientSecretId, DateTime<Utc>)> =
            self.pending.lock().iter().map(|(secret, hour)| (secret.clone(), *hour)).collect();
        for part in pending.chunks(NOTES_AT_ONCE) {
            let notes = part.iter().map(|(secret, hour)| (last_use_key(secret), encode_last_use(*hour)));
            self.store.note(notes.collect())?;
            let mut pending = self.pending.lock();
            for (secret, hour) in part {
                // A use that came while the notes were written stays for the next flush.
                if pending.get(secret) == Some(hour) {
                    pending.remove(secret);
                }
            }
        }
        Ok(())
    }
}
