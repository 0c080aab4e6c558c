//! Lists of notices: of an application, or to a person.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::{Failure, Hub, PAGE_BYTES_MAX, Page, Stored};
use crate::domain::name::{ApplicationId, Email};
use crate::domain::notice::Notice;
use crate::domain::record::Record;
use crate::store::codec::Kind;

/// Applications looked at together.
const STEP: usize = 64;

/// Most applications that one call looks at.
const APPLICATIONS_MAX: usize = 1024;

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

/// The application that a notice's key names.
fn application_of(key: &[u8]) -> Option<ApplicationId> {
    let end = key.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(key.get(1..end)?).ok()?.parse().ok()
}

/// Comes after every notice of an application.
fn after_all_of(application: &ApplicationId) -> Bytes {
    let mut key = BytesMut::from(&Hub::prefix(Kind::Notice, Some(application))[..]);
    key.put_u8(0xff);
    key.freeze()
}

impl Hub {
    /// A page of the notices of an application, newest first.
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn notices_of(
        &self,
        application: &ApplicationId,
        recipient: Option<&Email>,
        acknowledged: Acknowledged,
        after: Option<Bytes>,
        size: usize,
    ) -> Result<Page<Notice>, Failure> {
        self.list(&Hub::prefix(Kind::Notice, Some(application)), after, size, |stored: Stored| {
            let Record::Notice(notice) = stored.record else { return Err(Failure::Defect) };
            let is_told = recipient.is_none_or(|email| notice.recipients.contains(email));
            Ok((is_told && acknowledged.shows(&notice, recipient)).then_some(notice))
        })
    }

    /// A page of the notices to a person, application by application: those that the person works on now.
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
        // The application that the page before ended in may have more.
        let begun = after.as_deref().and_then(application_of);
        let mut cursor = after;
        let mut here: Vec<ApplicationId> = begun.iter().cloned().collect();
        let mut last = begun;
        loop {
            for application in here {
                let within = cursor.take().filter(|key| application_of(key).as_ref() == Some(&application));
                let page = self.notices_of(&application, Some(recipient), acknowledged, within, size - items.len())?;
                bytes += page.items.iter().map(about_bytes).sum::<usize>();
                items.extend(page.items);
                looked_at += 1;
                if let Some(next) = page.next {
                    return Ok(Page { items, next: Some(next) });
                }
                last = Some(application);
                if items.len() >= size || bytes >= PAGE_BYTES_MAX || looked_at >= APPLICATIONS_MAX {
                    return Ok(Page { items, next: last.as_ref().map(after_all_of) });
                }
            }
            let after = last.as_ref().map(ApplicationId::as_str);
            here = self.index().worked_on_by(recipient, after, STEP);
            if here.is_empty() {
                return Ok(Page { items, next: None });
            }
        }
    }
}

/// About what a notice needs in a reply.
fn about_bytes(notice: &Notice) -> usize {
    let sentences: usize = notice.wording.sentences.iter().map(String::len).sum();
    sentences + 64 * (notice.recipients.len() + notice.versions.len() + notice.acknowledgements.len()) + 256
}
