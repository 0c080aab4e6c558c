//! Notices as messages carry them, and back; on disk and on the wire alike.

use devhub_proto::v1;
use devhub_proto::v1::notice_subject::Subject as Wire;

use super::{Word, instant, parse_target, parse_version_name, target, timestamp, version_name};
use crate::domain::name::{ApplicationId, CompanyId};
use crate::domain::notice::{Holder, Milestone, Notice, NoticeSubject, Occasion, Wording};

/// What a notice is about.
pub fn notice_subject(subject: &NoticeSubject) -> v1::NoticeSubject {
    let wire = match subject {
        NoticeSubject::Schedule(schedule) => Wire::Schedule(target(schedule)),
        NoticeSubject::Announcement(id) => Wire::AnnouncementId(id.to_string()),
        NoticeSubject::Disuse(id) => Wire::UnusedApplicationId(id.to_string()),
        NoticeSubject::CredentialClass => Wire::CredentialClass(true),
    };
    v1::NoticeSubject { subject: Some(wire) }
}

/// The subject of a message that devhub itself has written.
pub fn parse_notice_subject(message: &v1::NoticeSubject) -> Option<NoticeSubject> {
    Some(match message.subject.as_ref()? {
        Wire::Schedule(schedule) => NoticeSubject::Schedule(parse_target(schedule)?),
        Wire::AnnouncementId(id) => NoticeSubject::Announcement(id.parse().ok()?),
        Wire::UnusedApplicationId(id) => NoticeSubject::Disuse(id.parse().ok()?),
        Wire::CredentialClass(true) => NoticeSubject::CredentialClass,
        Wire::CredentialClass(false) => return None,
    })
}

/// A holder: the application's id and the company's, of which one is empty.
pub fn holder(holder: &Holder) -> (String, String) {
    match holder {
        Holder::Application(id) => (id.to_string(), String::new()),
        Holder::Company(id) => (String::new(), id.to_string()),
    }
}

/// The holder of these ids, of which one must be empty.
pub fn parse_holder(application: &str, company: &str) -> Option<Holder> {
    match (application, company) {
        (application, "") => application.parse::<ApplicationId>().ok().map(Holder::Application),
        ("", company) => company.parse::<CompanyId>().ok().map(Holder::Company),
        (_, _) => None,
    }
}

/// A milestone, and its days.
pub fn milestone(milestone: Milestone) -> (i32, u32) {
    let (word, days) = match milestone {
        Milestone::Announced => (v1::NoticeMilestone::Announced, 0),
        Milestone::Deprecated => (v1::NoticeMilestone::Deprecated, 0),
        Milestone::Countdown(days) => (v1::NoticeMilestone::Countdown, days),
        Milestone::Retired => (v1::NoticeMilestone::Retired, 0),
        Milestone::SunsetBegins => (v1::NoticeMilestone::SunsetBegins, 0),
        Milestone::CreationEnds => (v1::NoticeMilestone::CreationEnds, 0),
        Milestone::Sunset => (v1::NoticeMilestone::Sunset, 0),
        Milestone::Deleted => (v1::NoticeMilestone::Deleted, 0),
        Milestone::Kept => (v1::NoticeMilestone::Kept, 0),
    };
    (word.into(), days)
}

/// The milestone of these numbers.
pub fn parse_milestone(number: i32, days: u32) -> Option<Milestone> {
    match v1::NoticeMilestone::try_from(number).ok()? {
        v1::NoticeMilestone::Unspecified => None,
        v1::NoticeMilestone::Announced => Some(Milestone::Announced),
        v1::NoticeMilestone::Deprecated => Some(Milestone::Deprecated),
        v1::NoticeMilestone::Countdown => Some(Milestone::Countdown(days)),
        v1::NoticeMilestone::Retired => Some(Milestone::Retired),
        v1::NoticeMilestone::SunsetBegins => Some(Milestone::SunsetBegins),
        v1::NoticeMilestone::CreationEnds => Some(Milestone::CreationEnds),
        v1::NoticeMilestone::Sunset => Some(Milestone::Sunset),
        v1::NoticeMilestone::Deleted => Some(Milestone::Deleted),
        v1::NoticeMilestone::Kept => Some(Milestone::Kept),
    }
}

/// A notice.
pub fn notice(notice: &Notice) -> v1::Notice {
    let (milestone, countdown_days) = milestone(notice.occasion.milestone);
    let (application_id, company_id) = holder(&notice.holder);
    let Wording { sentences, deprecated_at, ends_at, zone, days_left, successor } = &notice.wording;
    v1::Notice {
        application_id,
        company_id,
        notice_id: notice.id.to_string(),
        subject: Some(notice_subject(&notice.occasion.subject)),
        revision_number: notice.occasion.revision,
        milestone,
        countdown_days,
        versions: notice.versions.iter().map(version_name).collect(),
        version_count: notice.versions_count,
        environment: notice.environment.number(),
        recipients: notice.recipients.iter().map(ToString::to_string).collect(),
        due_time: Some(timestamp(notice.due_at)),
        give_time: Some(timestamp(notice.given_at)),
        sentences: sentences.clone(),
        deprecate_time: deprecated_at.map(timestamp),
        end_time: ends_at.map(timestamp),
        zone: zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        days_left: *days_left,
        successor: successor.clone(),
        acknowledgements: notice
            .acknowledgements
            .iter()
            .map(|(email, at)| v1::NoticeAcknowledgement {
                email: email.to_string(),
                acknowledge_time: Some(timestamp(*at)),
            })
            .collect(),
        further_contexts: notice.further_contexts.iter().map(ToString::to_string).collect(),
    }
}

/// The notice of a message that devhub itself has written.
pub fn parse_notice(message: v1::Notice) -> Option<Notice> {
    let given = |timestamp: Option<prost_types::Timestamp>| match timestamp {
        Some(timestamp) => instant(&timestamp).map(Some),
        None => Some(None),
    };
    let occasion = Occasion {
        subject: parse_notice_subject(&message.subject?)?,
        revision: message.revision_number,
        milestone: parse_milestone(message.milestone, message.countdown_days)?,
    };
    let acknowledgement = |stored: &v1::NoticeAcknowledgement| {
        Some((stored.email.parse().ok()?, instant(stored.acknowledge_time.as_ref()?)?))
    };
    Some(Notice {
        id: message.notice_id.parse().ok()?,
        occasion,
        holder: parse_holder(&message.application_id, &message.company_id)?,
        versions: message.versions.iter().map(parse_version_name).collect::<Option<_>>()?,
        versions_count: message.version_count,
        further_contexts: message.further_contexts.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
        environment: Word::from_number(message.environment)?,
        recipients: message.recipients.iter().map(|email| email.parse().ok()).collect::<Option<_>>()?,
        due_at: instant(&message.due_time?)?,
        given_at: instant(&message.give_time?)?,
        wording: Wording {
            sentences: message.sentences,
            deprecated_at: given(message.deprecate_time)?,
            ends_at: given(message.end_time)?,
            zone: if message.zone.is_empty() { None } else { Some(message.zone.parse().ok()?) },
            days_left: message.days_left,
            successor: message.successor,
        },
        acknowledgements: message.acknowledgements.iter().map(acknowledgement).collect::<Option<_>>()?,
    })
}
