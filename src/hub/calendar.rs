//! Pages of the calendar, and the ledger as of an instant.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Failure, Hub};
use crate::domain::calendar::CalendarEntry;
use crate::domain::ledger::{Revision, Target};
use crate::domain::record::Record;
use crate::store::codec::revisions_of;

/// Revisions read at a time.
const STEP: usize = 256;

/// Where a page of the calendar ends: at the `seen`-th date of the span that begins at `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarPlace {
    /// First instant of the whole span.
    pub from: DateTime<Utc>,
    /// The last date seen.
    pub last: DateTime<Utc>,
    /// How many dates at that very instant were seen.
    pub seen: u32,
}

impl CalendarPlace {
    /// The place as the bytes of a page token.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(28);
        for instant in [self.from, self.last] {
            bytes.extend(instant.timestamp().to_be_bytes());
            bytes.extend(instant.timestamp_subsec_nanos().to_be_bytes());
        }
        bytes.extend(self.seen.to_be_bytes());
        bytes.into()
    }

    /// The place of these bytes, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<CalendarPlace> {
        let instant = |bytes: &[u8]| {
            let seconds = i64::from_be_bytes(bytes[..8].try_into().ok()?);
            DateTime::from_timestamp(seconds, u32::from_be_bytes(bytes[8..12].try_into().ok()?))
        };
        if bytes.len() != 28 {
            return None;
        }
        Some(CalendarPlace {
            from: instant(&bytes[..12])?,
            last: instant(&bytes[12..24])?,
            seen: u32::from_be_bytes(bytes[24..].try_into().ok()?),
        })
    }
}

/// One page of sorted entries, and where it ends if there are more.
pub(super) fn page(
    mut entries: Vec<CalendarEntry>,
    from: DateTime<Utc>,
    after: Option<&CalendarPlace>,
    size: usize,
) -> (Vec<CalendarEntry>, Option<CalendarPlace>) {
    entries.sort_unstable();
    let start = after.map_or(0, |place| {
        let before = entries.partition_point(|entry| entry.at < place.last);
        (before + place.seen as usize).min(entries.len())
    });
    let end = (start + size).min(entries.len());
    let next = (end < entries.len()).then(|| {
        let last = entries[end - 1].at;
        let first = entries.partition_point(|entry| entry.at < last);
        CalendarPlace { from, last, seen: u32::try_from(end - first).unwrap_or(u32::MAX) }
    });
    (entries.drain(start..end).collect(), next)
}

impl Hub {
    /// The revision of `target` that was in force at `at` by what had been announced, and how many there had been; none
    /// if there was none yet.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn revision_as_of(&self, target: &Target, at: DateTime<Utc>) -> Result<Option<(Revision, u32)>, Failure> {
        let prefix = revisions_of(target);
        let (mut found, mut after) = (None, None);
        loop {
            let page = self.list(&prefix, after, STEP, |stored| {
                let Record::Revision(revision) = stored.record else { return Err(Failure::Defect) };
                Ok(Some(revision))
            })?;
            for revision in page.items {
                // Announcements never go back in time, so the first later one ends the search.
                if revision.announced_at > at {
                    return Ok(found);
                }
                let number = revision.number;
                found = Some((revision, number));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }
}
