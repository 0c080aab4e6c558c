//! Migrations in the order of the use of their old accounts: the stragglers that most depends on come first.

use std::cmp::Reverse;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use devhub_proto::v1;
use prost_types::Timestamp;

use super::shown::{Calls, calls, render};
use super::{parse_place, place};
use crate::domain::name::CompanyId;
use crate::domain::refusal::Refusal;
use crate::domain::usage::hour;
use crate::hub::{Failure, Hub, Migration, MigrationFilter, Page, Party};
use crate::rpc::parse::Fields;

/// Most migrations that are put in order: each of them needs a look at the use of its accounts.
const ORDERED_MAX: usize = 20_000;

/// A place in the order: how high, then which.
type Place = (Reverse<u64>, Party, CompanyId);

/// An order by use, and the least use that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ordered {
    order: v1::MigrationOrder,
    used_since: Option<DateTime<Utc>>,
}

/// The place that a page token holds.
pub(super) fn parse_cursor(bytes: &[u8]) -> Option<Place> {
    let (rank, rest) = bytes.split_first_chunk()?;
    let (party, company) = parse_place(rest)?;
    Some((Reverse(u64::from_be_bytes(*rank)), party, company))
}

fn cursor((Reverse(rank), party, company): &Place) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u64(*rank);
    bytes.put_slice(&place(party, company));
    bytes.freeze()
}

impl Ordered {
    /// The order of a request; none if it does not ask about use.
    pub(super) fn parse(fields: &mut Fields, order: i32, used_since: Option<&Timestamp>) -> Option<Ordered> {
        let used_since = fields.instant("used_since_time", used_since);
        let Ok(order) = v1::MigrationOrder::try_from(order) else {
            fields.violate("order", format!("{order} is not a known value"));
            return None;
        };
        let asks = order != v1::MigrationOrder::Unspecified || used_since.is_some();
        asks.then_some(Ordered { order, used_since })
    }

    /// How high a migration stands.
    fn rank(self, calls: Calls) -> u64 {
        match self.order {
            v1::MigrationOrder::Unspecified => 0,
            v1::MigrationOrder::LastUse => {
                calls.last.map_or(0, |last| u64::try_from(last.timestamp()).unwrap_or_default())
            }
            v1::MigrationOrder::RecentCalls => calls.recent,
        }
    }

    /// A page after a place.
    pub(super) fn page(
        self,
        hub: &Hub,
        filter: &MigrationFilter,
        (at, supposed): (DateTime<Utc>, Option<DateTime<Utc>>),
        after: Option<Place>,
        size: usize,
        wanted: impl Fn(&Migration) -> bool,
    ) -> Result<Page<v1::Migration>, Failure> {
        let found = hub.roster().migrations(filter, (at, supposed), None, ORDERED_MAX + 1, wanted);
        if found.len() > ORDERED_MAX {
            let sentence = format!(
                "more than {ORDERED_MAX} migrations match, too many to put in order; name a phase, an application or a \
                 company"
            );
            return Err(Refusal::invalid("order", sentence).into());
        }
        let mut placed: Vec<(Place, Migration)> = Vec::new();
        for migration in found {
            let calls = Calls::together(&calls(hub, &migration)?);
            let is_used = self.used_since.is_none_or(|since| calls.last.is_some_and(|last| hour(since) <= last));
            let place = (Reverse(self.rank(calls)), migration.party.clone(), migration.company.clone());
            if is_used && after.as_ref().is_none_or(|after| *after < place) {
                placed.push((place, migration));
            }
        }
        placed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let next = placed.get(size).and(placed.get(size - 1)).map(|(place, _)| cursor(place));
        let items = placed.iter().take(size).map(|(_, migration)| render(hub, migration, at));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }
}
