//! The feed of notices: the journal is the outbox.

use super::super::{FactFilter, Failure, Hub};
use crate::domain::fact::FactKind;
use crate::domain::name::{Context, Email};
use crate::domain::notice::{Holder, Notice};
use crate::domain::record::{Record, RecordKey};
use crate::store::Revision;
use crate::wire::{self, Word};

/// Which notices. Absent parts match everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NoticeFilter {
    /// Of this application or company.
    pub holder: Option<Holder>,
    /// To this person.
    pub recipient: Option<Email>,
    /// About a version of this API.
    pub context: Option<Context>,
}

impl NoticeFilter {
    fn matches(&self, notice: &Notice) -> bool {
        self.holder.as_ref().is_none_or(|holder| *holder == notice.holder)
            && self.recipient.as_ref().is_none_or(|email| notice.recipients.contains(email))
            && self.context.as_ref().is_none_or(|context| notice.concerns(context))
    }
}

/// Notices of whole commits, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticePage {
    /// The notices, with the bytes that each needs.
    pub notices: Vec<(Notice, usize)>,
    /// Every commit up to here was looked at.
    pub revision: Revision,
    /// Whether this is all there is now.
    pub complete: bool,
}

impl Hub {
    /// About `size` matching notices given after `after`; commits are never split.
    ///
    /// # Errors
    /// When the journal or the records cannot be read or understood.
    pub fn notices_after(&self, filter: &NoticeFilter, after: Revision, size: usize) -> Result<NoticePage, Failure> {
        let given = FactFilter {
            application: match &filter.holder {
                Some(Holder::Application(id)) => id.to_string(),
                Some(Holder::Company(_)) | None => String::new(),
            },
            kinds: vec![FactKind::NoticeGiven.number()],
            ..FactFilter::default()
        };
        let page = self.facts(&given, after, size)?;
        let key = |fact: &devhub_proto::v1::Fact| {
            let id = fact.changes.iter().find(|change| change.field == "notice")?;
            let holder = wire::parse_holder(&fact.application_id, &fact.company_id)?;
            Some(holder.notice(id.after.parse().ok()?))
        };
        let keys: Vec<RecordKey> = page.facts.iter().filter_map(key).collect();
        let mut notices = Vec::with_capacity(keys.len());
        for stored in self.get(&keys)?.into_iter().flatten() {
            if let Record::Notice(notice) = stored.record
                && filter.matches(&notice)
            {
                notices.push((notice, stored.bytes));
            }
        }
        Ok(NoticePage { notices, revision: page.revision, complete: page.complete })
    }
}
