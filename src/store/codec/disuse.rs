//! Announced deletions of unused applications as messages.

use devhub_proto::store::v1 as disk;

use super::record::needed;
use crate::domain::disuse::{Cause, Disuse, Standing};
use crate::wire::timestamp;

pub(super) fn encode(disuse: &Disuse) -> disk::DisuseRecord {
    let (standing, ended_at, cause) = match disuse.standing {
        Standing::Announced => (disk::DisuseStanding::Announced, None, ""),
        Standing::Cancelled(at, cause) => (disk::DisuseStanding::Cancelled, Some(at), cause.name()),
        Standing::Done(at) => (disk::DisuseStanding::Done, Some(at), ""),
    };
    disk::DisuseRecord {
        application_id: disuse.application.to_string(),
        number: disuse.number,
        idle_since: Some(timestamp(disuse.idle_since)),
        announced_at: Some(timestamp(disuse.announced_at)),
        deletes_at: Some(timestamp(disuse.deletes_at)),
        notice_days: disuse.notice_days.clone(),
        given: u32::try_from(disuse.given).unwrap_or(u32::MAX),
        standing: standing.into(),
        ended_at: ended_at.map(timestamp),
        cause: cause.to_owned(),
    }
}

pub(super) fn decode(stored: disk::DisuseRecord) -> Option<Disuse> {
    let standing = match stored.standing() {
        disk::DisuseStanding::Unspecified => return None,
        disk::DisuseStanding::Announced => Standing::Announced,
        disk::DisuseStanding::Cancelled => {
            let cause = Cause::ALL.into_iter().find(|cause| cause.name() == stored.cause)?;
            Standing::Cancelled(needed(stored.ended_at.as_ref())?, cause)
        }
        disk::DisuseStanding::Done => Standing::Done(needed(stored.ended_at.as_ref())?),
    };
    Some(Disuse {
        application: stored.application_id.parse().ok()?,
        number: stored.number,
        idle_since: needed(stored.idle_since.as_ref())?,
        announced_at: needed(stored.announced_at.as_ref())?,
        deletes_at: needed(stored.deletes_at.as_ref())?,
        notice_days: stored.notice_days,
        given: usize::try_from(stored.given).ok()?,
        standing,
    })
}
