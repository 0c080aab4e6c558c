//! Announcements as messages carry them, and back; on disk and on the wire alike.

use devhub_proto::v1;

use super::{Word, instant, parse_target, target, timestamp};
use crate::domain::announcement::{AnnouncementRevision, Audience, AudienceKind, Content, Effective, Impact, Scope};
use crate::domain::name::VersionName;
use crate::domain::notice::zoned;

fn audience(audience: &Audience) -> v1::AnnouncementAudience {
    let (environment, scopes) = match audience {
        Audience::Subscribers(environment, scopes) => (environment.number(), scopes.as_slice()),
        Audience::Everybody | Audience::Operators => (0, [].as_slice()),
    };
    let scope = |scope: &Scope| match scope {
        Scope::Api(context) => v1::AnnouncementScope { context: context.to_string(), version: String::new() },
        Scope::Version(name) => {
            v1::AnnouncementScope { context: name.context.to_string(), version: name.label.to_string() }
        }
    };
    v1::AnnouncementAudience { kind: audience.kind().number(), environment, scopes: scopes.iter().map(scope).collect() }
}

fn parse_audience(message: &v1::AnnouncementAudience) -> Option<Audience> {
    let scope = |scope: &v1::AnnouncementScope| {
        let context = scope.context.parse().ok()?;
        Some(match scope.version.as_str() {
            "" => Scope::Api(context),
            label => Scope::Version(VersionName { context, label: label.parse().ok()? }),
        })
    };
    Some(match Word::from_number(message.kind)? {
        AudienceKind::Everybody => Audience::Everybody,
        AudienceKind::Operators => Audience::Operators,
        AudienceKind::Subscribers => Audience::Subscribers(
            Word::from_number(message.environment)?,
            message.scopes.iter().map(scope).collect::<Option<_>>()?,
        ),
    })
}

/// What an announcement says. Texts in the zone are for people; they are never read back.
fn announcement_content(content: &Content) -> v1::AnnouncementContent {
    let Effective { from, until, zone, stated } = &content.effective;
    let local = |at: &Option<_>| at.map(|at| zoned(at, zone.as_ref())).unwrap_or_default();
    v1::AnnouncementContent {
        category: content.category.number(),
        breaking: content.impact == Impact::Breaking,
        audience: Some(audience(&content.audience)),
        title: content.title.clone(),
        body: content.body.clone(),
        effect: Some(v1::AnnouncementEffect {
            start_time: from.map(timestamp),
            end_time: until.map(timestamp),
            zone: zone.as_ref().map(ToString::to_string).unwrap_or_default(),
            stated: stated.clone(),
            start_local: local(from),
            end_local: local(until),
        }),
        references: content.references.iter().map(target).collect(),
    }
}

fn parse_content(message: v1::AnnouncementContent) -> Option<Content> {
    let given = |timestamp: Option<prost_types::Timestamp>| match timestamp {
        Some(timestamp) => instant(&timestamp).map(Some),
        None => Some(None),
    };
    let effect = message.effect.unwrap_or_default();
    Some(Content {
        category: Word::from_number(message.category)?,
        impact: if message.breaking { Impact::Breaking } else { Impact::Compatible },
        audience: parse_audience(&message.audience?)?,
        title: message.title,
        body: message.body,
        effective: Effective {
            from: given(effect.start_time)?,
            until: given(effect.end_time)?,
            zone: if effect.zone.is_empty() { None } else { Some(effect.zone.parse().ok()?) },
            stated: effect.stated,
        },
        references: message.references.iter().map(parse_target).collect::<Option<_>>()?,
    })
}

/// One revision of an announcement.
pub fn announcement_revision(revision: &AnnouncementRevision) -> v1::AnnouncementRevision {
    v1::AnnouncementRevision {
        announcement_id: revision.id.to_string(),
        number: revision.number,
        content: Some(announcement_content(&revision.content)),
        withdrawn: revision.withdrawn,
        publish_time: Some(timestamp(revision.published_at)),
        record_time: Some(timestamp(revision.recorded_at)),
        actor: revision.by.clone(),
        note: revision.note.clone(),
    }
}

/// The revision of a message that devhub itself has written.
pub fn parse_announcement_revision(message: v1::AnnouncementRevision) -> Option<AnnouncementRevision> {
    Some(AnnouncementRevision {
        id: message.announcement_id.parse().ok()?,
        number: message.number,
        content: parse_content(message.content?)?,
        withdrawn: message.withdrawn,
        published_at: instant(&message.publish_time?)?,
        recorded_at: instant(&message.record_time?)?,
        by: message.actor,
        note: message.note,
    })
}
