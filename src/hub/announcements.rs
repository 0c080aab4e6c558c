//! The list of announcements: a fold of them, by the day of their latest revision.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Failure, Hub};
use crate::domain::announcement::{
    Announcement, AnnouncementRevision, AudienceKind, Category, Content, Impact, contradictions, read_for, schedule_in,
};
use crate::domain::name::{AnnouncementId, Context};
use crate::domain::record::{Record, RecordKey};

/// Most announcements that one call looks at.
const LOOKED_AT_MAX: usize = 20_000;

/// Which announcements. Absent parts match everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnnouncementFilter {
    /// Of this category.
    pub category: Option<Category>,
    /// To this audience.
    pub audience: Option<AudienceKind>,
    /// About this API.
    pub context: Option<Context>,
    /// Latest revision published at or after this instant.
    pub from: Option<DateTime<Utc>>,
    /// Latest revision published before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Of this impact.
    pub impact: Option<Impact>,
    /// Not withdrawn, if set.
    pub current_only: bool,
}

/// Where an announcement stands in the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnnouncementPlace {
    /// When its latest revision was published.
    pub published_at: DateTime<Utc>,
    /// Its id.
    pub id: AnnouncementId,
}

impl AnnouncementPlace {
    /// The place as the bytes of a page token.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        bytes.extend(self.published_at.timestamp().to_be_bytes());
        bytes.extend(self.published_at.timestamp_subsec_nanos().to_be_bytes());
        bytes.extend(self.id.as_str().as_bytes());
        bytes.into()
    }

    /// The place of these bytes, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<AnnouncementPlace> {
        let seconds = i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
        let nanos = u32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
        Some(AnnouncementPlace {
            published_at: DateTime::from_timestamp(seconds, nanos)?,
            id: std::str::from_utf8(&bytes[12..]).ok()?.parse().ok()?,
        })
    }
}

/// What is filtered by: everything but the text.
#[derive(Debug)]
struct Outline {
    content: Content,
    withdrawn: bool,
}

impl AnnouncementFilter {
    fn matches(&self, outline: &Outline) -> bool {
        let Outline { content, withdrawn } = outline;
        self.category.is_none_or(|category| category == content.category)
            && self.audience.is_none_or(|audience| audience == content.audience.kind())
            && self.impact.is_none_or(|impact| impact == content.impact)
            && self.context.as_ref().is_none_or(|context| content.concerns(context))
            && !(self.current_only && *withdrawn)
    }
}

/// All announcements, by the publication of the latest revision.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    places: HashMap<AnnouncementId, DateTime<Utc>>,
    outlines: BTreeMap<AnnouncementPlace, Arc<Outline>>,
}

impl Announcements {
    pub(super) fn learn(&mut self, announcement: &Announcement) {
        let AnnouncementRevision { id, published_at, content, withdrawn, .. } = &announcement.current;
        if let Some(before) = self.places.insert(id.clone(), *published_at) {
            self.outlines.remove(&AnnouncementPlace { published_at: before, id: id.clone() });
        }
        let mut content = content.clone();
        content.title.clear();
        content.body.clear();
        let outline = Outline { content, withdrawn: *withdrawn };
        self.outlines.insert(AnnouncementPlace { published_at: *published_at, id: id.clone() }, Arc::new(outline));
    }

    /// Up to `size` matching announcements after `after`, newest first, and where the next page begins.
    pub(super) fn page(
        &self,
        filter: &AnnouncementFilter,
        after: Option<&AnnouncementPlace>,
        size: usize,
    ) -> (Vec<AnnouncementPlace>, Option<AnnouncementPlace>) {
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        let mut last = None;
        for (looked_at, (place, outline)) in
            self.outlines.range::<AnnouncementPlace, _>((Bound::Unbounded, end)).rev().enumerate()
        {
            if found.len() == size || looked_at == LOOKED_AT_MAX {
                return (found, last);
            }
            if filter.from.is_some_and(|from| place.published_at < from) {
                break;
            }
            if filter.until.is_none_or(|until| place.published_at < until) && filter.matches(outline) {
                found.push(place.clone());
            }
            last = Some(place.clone());
        }
        (found, None)
    }
}

impl Hub {
    /// The revision of an announcement that was public at `at`, with how many there are; none if there was none.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn announcement_as_of(
        &self,
        announcement: &Announcement,
        at: DateTime<Utc>,
    ) -> Result<Option<AnnouncementRevision>, Failure> {
        // Publications never go back in time, so the first that is not later is the one.
        for number in (1..=announcement.current.number).rev() {
            let key = RecordKey::AnnouncementRevision(announcement.current.id.clone(), number);
            let Some(Record::AnnouncementRevision(revision)) = self.get_one(key)?.map(|stored| stored.record) else {
                return Err(Failure::Defect);
            };
            if revision.published_at <= at {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// Where an announcement and the schedules of what it refers to differ now (defect X11).
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn contradictions(&self, content: &Content) -> Result<Vec<String>, Failure> {
        let keys: BTreeSet<_> = content.references.iter().collect();
        let targets: Vec<_> = keys.into_iter().collect();
        let keys: Vec<RecordKey> = targets.iter().map(|target| read_for(target)).collect();
        let found: Vec<_> = targets.into_iter().zip(self.get(&keys)?).collect();
        Ok(contradictions(content, |target| {
            let (_, stored) = found.iter().find(|(known, _)| *known == target)?;
            schedule_in(target, &stored.as_ref()?.record)
        }))
    }
}
