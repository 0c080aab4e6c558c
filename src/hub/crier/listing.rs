//! Lists of notices: of an application, of a company, or to a person.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::{Failure, Hub, PAGE_BYTES_MAX, Page, Stored};
use crate::domain::name::Email;
use crate::domain::notice::{Holder, Notice};
use crate::domain::record::Record;
use crate::store::codec::{holder_of, notices_of};

/// Applications or companies looked at together.
const STEP: usize = 64;

/// Most applications and companies that one call looks at.
const HOLDERS_MAX: usize = 1024;

/// Whether acknowledged notices are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    /// They are.
    Shown,
    /// They are left out.
    LeftOut,
}

impl Acknowledged {
    fn shows(self, notice: &Notice, recipient: Option<&Email>) -> bool {
        match (self, recipient) {
            (Acknowledged::Shown, _) => true,
            (Acknowledged::LeftOut, Some(email)) => !notice.acknowledgements.contains_key(email),
            (Acknowledged::LeftOut, None) => notice.acknowledgements.is_empty(),
        }
    }
}

/// Comes after every notice of a holder.
fn after_all_of(holder: &Holder) -> Bytes {
    let mut key = BytesMut::from(&notices_of(holder)[..]);
    key.put_u8(0xff);
    key.freeze()
}

impl Hub {
    /// A page of the notices of an application or a company, newest first.
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn notices_of(
        &self,
        holder: &Holder,
        recipient: Option<&Email>,
        acknowledged: Acknowledged,
        after: Option<Bytes>,
        size: usize,
    ) -> Result<Page<Notice>, Failure> {
        self.list(&notices_of(holder), after, size, |stored: Stored| {
            let Record::Notice(notice) = stored.record else { return Err(Failure::Defect) };
            let is_told = recipient.is_none_or(|email| notice.recipients.contains(email));
            Ok((is_told && acknowledged.shows(&notice, recipient)).then_some(notice))
        })
    }

    /// A page of the notices to a person, holder by holder: of the applications that the person works on now, then of the
    /// companies that the person administers now.
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn notices_to(
        &self,
        recipient: &Email,
        acknowledged: Acknowledged,
        after: Option<Bytes>,
        size: usize,
    ) -> Result<Page<Notice>, Failure> {
        let mut items: Vec<Notice> = Vec::new();
        let mut bytes = 0;
        let mut looked_at = 0;
        // The holder that the page before ended in may have more.
        let begun = after.as_deref().and_then(holder_of);
        let mut cursor = after;
        let mut here: Vec<Holder> = begun.iter().cloned().collect();
        let mut last = begun;
        loop {
            for holder in here {
                let within = cursor.take().filter(|key| holder_of(key).as_ref() == Some(&holder));
                let page = self.notices_of(&holder, Some(recipient), acknowledged, within, size - items.len())?;
                bytes += page.items.iter().map(about_bytes).sum::<usize>();
                items.extend(page.items);
                looked_at += 1;
                if let Some(next) = page.next {
                    return Ok(Page { items, next: Some(next) });
                }
                last = Some(holder);
                if items.len() >= size || bytes >= PAGE_BYTES_MAX || looked_at >= HOLDERS_MAX {
                    return Ok(Page { items, next: last.as_ref().map(after_all_of) });
                }
            }
            here = self.holders_of(recipient, last.as_ref());
            if here.is_empty() {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// The next applications that a person works on after `after`, and where there are none, companies.
    fn holders_of(&self, recipient: &Email, after: Option<&Holder>) -> Vec<Holder> {
        let (application, company) = match after {
            None => (None, None),
            Some(Holder::Application(id)) => (Some(id.as_str()), None),
            Some(Holder::Company(id)) => (None, Some(id)),
        };
        if company.is_none() {
            let applications = self.index().worked_on_by(recipient, application, STEP);
            if !applications.is_empty() {
                return applications.into_iter().map(Holder::Application).collect();
            }
        }
        let companies = self.roster().administered_by(recipient, company, STEP);
        companies.into_iter().map(Holder::Company).collect()
    }
}

/// About what a notice needs in a reply.
fn about_bytes(notice: &Notice) -> usize {
    let sentences: usize = notice.wording.sentences.iter().map(String::len).sum();
    sentences + 64 * (notice.recipients.len() + notice.versions.len() + notice.acknowledgements.len()) + 256
}
