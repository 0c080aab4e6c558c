//! Commands about announcements, for operators.

use chrono::{DateTime, Utc};

use super::{Announcement, AnnouncementRevision, Content, REVISIONS_MAX, contradictions, read_for, schedule_in};
use crate::domain::fact::{Fact, FactKind, Subject, instant_text};
use crate::domain::foreign::check_audience;
use crate::domain::name::AnnouncementId;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::{Refusal, Taken, Violation};
use crate::domain::setting::Setting;

/// Command: publish an announcement.
#[derive(Debug, Clone)]
pub struct PublishAnnouncement {
    /// Its id.
    pub id: AnnouncementId,
    /// What it says.
    pub content: Content,
    /// The date under which it was public, if not now.
    pub published_at: Option<DateTime<Utc>>,
    /// What is to be known of this revision.
    pub note: String,
}

/// Command: say something else.
#[derive(Debug, Clone)]
pub struct ReviseAnnouncement {
    /// Its id.
    pub id: AnnouncementId,
    /// What it says from now on.
    pub content: Content,
    /// The date under which it was public, if not now.
    pub published_at: Option<DateTime<Utc>>,
    /// What is to be known of this revision.
    pub note: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: take an announcement back. It stays to be read.
#[derive(Debug, Clone)]
pub struct WithdrawAnnouncement {
    /// Its id.
    pub id: AnnouncementId,
    /// The date under which it was public, if not now.
    pub published_at: Option<DateTime<Utc>>,
    /// Why.
    pub note: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn reads(id: &AnnouncementId, content: Option<&Content>) -> Vec<RecordKey> {
    let references = content.into_iter().flat_map(|content| &content.references).map(read_for);
    [RecordKey::Announcement(id.clone())].into_iter().chain(references).collect()
}

fn find<'r>(id: &AnnouncementId, etag: Option<u64>, records: &'r Records) -> Result<&'r Announcement, Refusal> {
    let known = records.announcement(id).ok_or_else(|| Refusal::AnnouncementNotFound(id.clone()))?;
    records.check_etag(&RecordKey::Announcement(id.clone()), etag)?;
    Ok(known)
}

fn subject(content: &Content) -> Subject {
    content.references.first().map(|target| target.subject()).unwrap_or_default()
}

fn span(content: &Content) -> String {
    let (from, until) = (content.effective.from, content.effective.until);
    if from.is_none() && until.is_none() {
        return String::new();
    }
    format!("{}/{}", instant_text(from), instant_text(until))
}

/// Adds a revision. What the announcement says of dates is compared with the ledger.
fn append(
    kind: FactKind,
    before: Option<&Announcement>,
    revision: AnnouncementRevision,
    records: &Records,
    setting: &Setting<'_>,
) -> Judgement {
    if revision.number > REVISIONS_MAX {
        return Err(Refusal::LimitReached {
            what: "revisions of one announcement",
            limit: usize::try_from(REVISIONS_MAX).unwrap_or(usize::MAX),
        });
    }
    let earliest = before.map(|before| before.current.published_at).filter(|last| *last > revision.published_at);
    if revision.published_at > setting.now || earliest.is_some() {
        return Err(Refusal::PublicationOutOfOrder { given: revision.published_at, earliest, now: setting.now });
    }
    if let (Some(from), Some(until)) = (revision.content.effective.from, revision.content.effective.until)
        && until <= from
    {
        return Err(Refusal::InvalidFields(vec![Violation {
            field: "content.effect.end_time".to_owned(),
            sentence: "must be later than start_time; leave it out for an effect without end".to_owned(),
        }]));
    }
    let schedule_of = |target: &_| {
        let (_, record) = records.find(&read_for(target)).as_ref().map(|found| (found.0, &found.1))?;
        schedule_in(target, record)
    };
    // What is taken back contradicts nothing any more, and its targets were not read.
    let warnings = if revision.withdrawn { Vec::new() } else { contradictions(&revision.content, schedule_of) };
    let old = before.map(|before| &before.current);
    let date = |revision: &AnnouncementRevision| instant_text(Some(revision.published_at));
    let fact = Fact::new(kind, subject(&revision.content))
        .change("announcement", "", &revision.id)
        .change("revision", old.map(|old| old.number).unwrap_or_default(), revision.number)
        .change("title", old.map(|old| old.content.title.as_str()).unwrap_or_default(), &revision.content.title)
        .change("effective", old.map(|old| span(&old.content)).unwrap_or_default(), span(&revision.content))
        .change("published_at", old.map(date).unwrap_or_default(), date(&revision))
        .because(&revision.note);
    let key = RecordKey::Announcement(revision.id.clone());
    let place = RecordKey::AnnouncementRevision(revision.id.clone(), revision.number);
    let announcement = Announcement {
        first_published_at: before.map_or(revision.published_at, |before| before.first_published_at),
        current: revision.clone(),
    };
    Ok(Outcome::write(key, Record::Announcement(announcement), fact)
        .also(place, Record::AnnouncementRevision(revision))
        .warn(warnings))
}

impl PublishAnnouncement {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.id, Some(&self.content))
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("publish an announcement")?;
        check_audience(&self.content.audience, setting)?;
        if records.announcement(&self.id).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::Announcement, name: self.id.to_string() });
        }
        let revision = AnnouncementRevision {
            id: self.id.clone(),
            number: 1,
            content: self.content.clone(),
            withdrawn: false,
            published_at: self.published_at.unwrap_or(setting.now),
            recorded_at: setting.now,
            by: setting.actor.to_string(),
            note: self.note.clone(),
        };
        append(FactKind::AnnouncementPublished, None, revision, records, setting)
    }
}

impl ReviseAnnouncement {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.id, Some(&self.content))
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("revise an announcement")?;
        let before = find(&self.id, self.etag, records)?;
        check_audience(&self.content.audience, setting)?;
        let old = &before.current;
        if !old.withdrawn && old.content == self.content && old.note == self.note {
            return Err(Refusal::NothingToDo("the announcement says just that already"));
        }
        let revision = AnnouncementRevision {
            number: old.number + 1,
            content: self.content.clone(),
            withdrawn: false,
            published_at: self.published_at.unwrap_or(setting.now),
            recorded_at: setting.now,
            by: setting.actor.to_string(),
            note: self.note.clone(),
            id: self.id.clone(),
        };
        append(FactKind::AnnouncementRevised, Some(before), revision, records, setting)
    }
}

impl WithdrawAnnouncement {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.id, None)
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("withdraw an announcement")?;
        let before = find(&self.id, self.etag, records)?;
        if before.current.withdrawn {
            return Err(Refusal::NothingToDo("the announcement is withdrawn already"));
        }
        let revision = AnnouncementRevision {
            number: before.current.number + 1,
            withdrawn: true,
            published_at: self.published_at.unwrap_or(setting.now),
            recorded_at: setting.now,
            by: setting.actor.to_string(),
            note: self.note.clone(),
            ..before.current.clone()
        };
        append(FactKind::AnnouncementWithdrawn, Some(before), revision, records, setting)
    }
}
