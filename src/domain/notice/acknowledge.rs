//! Acknowledging a notice: each recipient for themself.

use crate::domain::fact::{Fact, FactKind, instant_text};
use crate::domain::name::NoticeId;
use crate::domain::notice::Holder;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Command: say that a notice has been read.
#[derive(Debug, Clone)]
pub struct AcknowledgeNotice {
    /// The application or company.
    pub holder: Holder,
    /// Its notice.
    pub id: NoticeId,
}

impl AcknowledgeNotice {
    fn key(&self) -> RecordKey {
        self.holder.notice(self.id.clone())
    }

    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        // Whose it is says whom it is for; see `domain/foreign.rs`.
        let holder = match &self.holder {
            Holder::Application(id) => RecordKey::Application(id.clone()),
            Holder::Company(id) => RecordKey::Company(id.clone()),
        };
        vec![self.key(), holder]
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let notice = records
            .notice(&self.holder, &self.id)
            .ok_or_else(|| Refusal::NoticeNotFound { holder: self.holder.clone(), id: self.id.clone() })?;
        // Staff cannot have read it for somebody else.
        let email = setting.actor.email().filter(|email| notice.recipients.contains(email));
        let email = email.ok_or(Refusal::NotARecipient)?;
        if notice.acknowledgements.contains_key(email) {
            return Ok(Outcome::unchanged(self.key(), Record::Notice(notice.clone())));
        }
        let mut new = notice.clone();
        new.acknowledgements.insert(email.clone(), setting.now);
        let subject = self.holder.of(notice.occasion.subject.subject());
        let fact = Fact::new(FactKind::NoticeAcknowledged, subject).change("notice", "", &self.id).change(
            "acknowledged_at",
            "",
            instant_text(Some(setting.now)),
        );
        Ok(Outcome::write(self.key(), Record::Notice(new), fact))
    }
}
