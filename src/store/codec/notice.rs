//! Notices, their runs and announcements as messages.

use devhub_proto::store::v1 as disk;
use devhub_proto::v1;

use super::record::{needed, optional};
use crate::domain::announcement::{Announcement, AnnouncementRevision};
use crate::domain::notice::{NoticeRun, Occasion, RunState};
use crate::wire::{self, timestamp};

pub(super) fn encode_run(run: &NoticeRun) -> disk::NoticeRunRecord {
    let (milestone, countdown_days) = wire::milestone(run.occasion.milestone);
    let (state, (cursor, company_cursor)) = match &run.state {
        RunState::Running(cursor) => (v1::NoticeProgressState::Running, wire::holder(cursor)),
        RunState::Given => (v1::NoticeProgressState::Given, Default::default()),
        RunState::Skipped => (v1::NoticeProgressState::Skipped, Default::default()),
    };
    disk::NoticeRunRecord {
        subject: Some(wire::notice_subject(&run.occasion.subject)),
        revision_number: run.occasion.revision,
        milestone,
        countdown_days,
        due_at: Some(timestamp(run.due_at)),
        begun_at: Some(timestamp(run.begun_at)),
        ended_at: run.ended_at.map(timestamp),
        state: state.into(),
        cursor,
        applications: run.applications,
        people: run.people,
        company_cursor,
        companies: run.companies,
    }
}

pub(super) fn decode_run(stored: disk::NoticeRunRecord) -> Option<NoticeRun> {
    let state = match stored.state() {
        v1::NoticeProgressState::Running => {
            RunState::Running(wire::parse_holder(&stored.cursor, &stored.company_cursor)?)
        }
        v1::NoticeProgressState::Given => RunState::Given,
        v1::NoticeProgressState::Skipped => RunState::Skipped,
        v1::NoticeProgressState::Unspecified | v1::NoticeProgressState::Pending | v1::NoticeProgressState::Dropped => {
            return None;
        }
    };
    Some(NoticeRun {
        occasion: Occasion {
            subject: wire::parse_notice_subject(&stored.subject?)?,
            revision: stored.revision_number,
            milestone: wire::parse_milestone(stored.milestone, stored.countdown_days)?,
        },
        due_at: needed(stored.due_at.as_ref())?,
        begun_at: needed(stored.begun_at.as_ref())?,
        ended_at: optional(stored.ended_at.as_ref())?,
        state,
        applications: stored.applications,
        companies: stored.companies,
        people: stored.people,
    })
}

/// One revision, without what only people need and a newer list of zones might put otherwise.
pub(super) fn encode_announcement_revision(revision: &AnnouncementRevision) -> v1::AnnouncementRevision {
    let mut message = wire::announcement_revision(revision);
    if let Some(effect) = message.content.as_mut().and_then(|content| content.effect.as_mut()) {
        effect.start_local.clear();
        effect.end_local.clear();
    }
    message
}

pub(super) fn encode_announcement(announcement: &Announcement) -> disk::AnnouncementRecord {
    disk::AnnouncementRecord {
        first_published_at: Some(timestamp(announcement.first_published_at)),
        current: Some(encode_announcement_revision(&announcement.current)),
    }
}

pub(super) fn decode_announcement(stored: disk::AnnouncementRecord) -> Option<Announcement> {
    Some(Announcement {
        first_published_at: needed(stored.first_published_at.as_ref())?,
        current: wire::parse_announcement_revision(stored.current?)?,
    })
}
