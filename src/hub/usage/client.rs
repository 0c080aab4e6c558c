//! The use of a client, whatever it called.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::{Meter, NOTES_AT_ONCE};
use crate::domain::name::{ClientId, VersionName};
use crate::domain::usage::{Usage, hour};
use crate::store::StoreError;
use crate::store::codec::UsageKey;

impl Meter {
    /// The beginning of the hour in which a client was last allowed to call any version, as far as is known. Costs as much
    /// as the client has called versions, read in bounded parts, and a look at one shard of the counter.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn last_use_of(
        &self,
        client_id: &ClientId,
        environment: Environment,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let beginning = UsageKey::encode_client(client_id.as_str(), environment);
        let _gate = self.gate.read();
        let mut last = self.counter.last_call(client_id.as_str(), environment).map(hour);
        let mut after = None;
        loop {
            let notes = self.store.scan_noted(&beginning, after.as_deref(), NOTES_AT_ONCE)?;
            last = last.max(
                notes.iter().map(|(_, note)| self.usage_in(note)).filter_map(|usage| Usage::last_call(&usage)).max(),
            );
            match notes.last() {
                Some((key, _)) if notes.len() == NOTES_AT_ONCE => after = Some(key.clone()),
                Some(_) | None => return Ok(last),
            }
        }
    }

    /// What a client called, with what is known of its calls; by version. Costs the same.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn called_by(
        &self,
        client_id: &ClientId,
        environment: Environment,
        now: DateTime<Utc>,
    ) -> Result<Vec<(VersionName, Usage)>, StoreError> {
        let beginning = UsageKey::encode_client(client_id.as_str(), environment);
        let mut called: BTreeMap<Bytes, Usage> = BTreeMap::new();
        {
            let _gate = self.gate.read();
            let mut after = None;
            loop {
                let notes = self.store.scan_noted(&beginning, after.as_deref(), NOTES_AT_ONCE)?;
                after = notes.last().filter(|_| notes.len() == NOTES_AT_ONCE).map(|(key, _)| key.clone());
                called.extend(notes.into_iter().map(|(key, note)| (key, self.usage_in(&note))));
                if after.is_none() {
                    break;
                }
            }
            for (key, pending) in self.counter.of_client(client_id.as_str(), environment) {
                called.entry(key).or_default().add(&pending);
            }
        }
        let named = called.into_iter().filter_map(|(key, mut usage)| {
            usage.forget_old(now);
            Some((UsageKey::version_of(&key)?, usage))
        });
        Ok(named.collect())
    }
}
