//! The last use of a client, whatever it called.

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::{Meter, NOTES_AT_ONCE};
use crate::domain::name::ClientId;
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
}
