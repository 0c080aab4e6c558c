//! When a change was made public, and what follows from it: from when the notice of its dates counts, and whether its
//! dates may lie in the past.

use chrono::{DateTime, Utc};

use crate::domain::ledger::LedgerEnd;
use crate::domain::refusal::Refusal;

/// Where the dates of a change may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tense {
    /// Ahead of the commit.
    Ahead,
    /// Anywhere: the first entry of a ledger says what was announced before there was one.
    AsItWas,
}

/// When a change was made public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) struct Announced {
    /// As the ledger says it.
    pub(in crate::domain) at: DateTime<Utc>,
    /// From when the notice of its dates counts. Nobody here was told before the commit of the entry before this one,
    /// nor, where this is the first entry, before its own.
    pub(super) counts_from: DateTime<Utc>,
    pub(super) tense: Tense,
}

impl Announced {
    /// The announcement that a change states, after what the ledger holds already.
    ///
    /// # Errors
    /// When it is dated after the commit, or before the last announcement about the same target.
    pub(in crate::domain) fn of(
        stated: Option<DateTime<Utc>>,
        end: &LedgerEnd,
        now: DateTime<Utc>,
    ) -> Result<Announced, Refusal> {
        let at = stated.unwrap_or(now);
        let earliest = end.announced_at.filter(|last| *last > at);
        if at > now || earliest.is_some() {
            return Err(Refusal::AnnouncementOutOfOrder { given: at, earliest, now });
        }
        let is_first = end.revisions == 0;
        // An entry from before its commit was kept was recorded no earlier than it was announced.
        let told_before = end.recorded_at.or(end.announced_at).filter(|_| !is_first);
        Ok(Announced {
            at,
            counts_from: told_before.map_or(now, |recorded_at| at.max(recorded_at)),
            tense: if is_first && stated.is_some() { Tense::AsItWas } else { Tense::Ahead },
        })
    }
}
