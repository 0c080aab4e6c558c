//! AnnouncementService: announcements and their revisions.

use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::announcement_service_server::AnnouncementService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query};
use super::schedule::parse::{target, zone};
use super::{execute, read, record, revision, seen, status};
use crate::domain::announcement::{
    Announcement, Audience, AudienceKind, BODY_CHARS_MAX, Content, Effective, Impact, NOTE_CHARS_MAX,
    PublishAnnouncement, REFERENCES_MAX, ReviseAnnouncement, SCOPES_MAX, Scope, TITLE_CHARS_MAX, WithdrawAnnouncement,
};
use crate::domain::name::AnnouncementId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{AnnouncementFilter, AnnouncementPlace, Answer, Failure, Hub, Mode, PAGE_BYTES_MAX, View};
use crate::store::codec::announcement_revisions_of;
use crate::wire::{self, timestamp};

/// Serves AnnouncementService.
pub struct AnnouncementRpc {
    hub: Hub,
}

fn scope(fields: &mut Fields, position: usize, given: &v1::AnnouncementScope) -> Option<Scope> {
    let at = |part: &str| format!("content.audience.scopes[{position}].{part}");
    let context = fields.name(&at("context"), &given.context);
    if given.version.is_empty() {
        return Some(Scope::Api(context?));
    }
    let label = fields.name(&at("version"), &given.version);
    Some(Scope::Version(crate::domain::name::VersionName { context: context?, label: label? }))
}

fn audience(fields: &mut Fields, given: Option<&v1::AnnouncementAudience>) -> Option<Audience> {
    let Some(given) = given else {
        fields.violate("content.audience", "must be given: everybody, subscribers or operators");
        return None;
    };
    let kind = fields.word::<AudienceKind>("content.audience.kind", given.kind)?;
    let is_plain = given.environment == 0 && given.scopes.is_empty();
    match kind {
        AudienceKind::Everybody | AudienceKind::Operators if !is_plain => {
            fields.violate("content.audience.scopes", "and environment are for SUBSCRIBERS only; leave them out");
            None
        }
        AudienceKind::Everybody => Some(Audience::Everybody),
        AudienceKind::Operators => Some(Audience::Operators),
        AudienceKind::Subscribers => {
            let environment = fields.word::<Environment>("content.audience.environment", given.environment);
            if given.scopes.is_empty() || given.scopes.len() > SCOPES_MAX {
                let sentence =
                    format!("1 to {SCOPES_MAX} APIs and versions are accepted; publish a further announcement");
                fields.violate("content.audience.scopes", sentence);
                return None;
            }
            let scopes = given.scopes.iter().enumerate().map(|(position, given)| scope(fields, position, given));
            let scopes: Vec<Option<Scope>> = scopes.collect();
            Some(Audience::Subscribers(environment?, scopes.into_iter().collect::<Option<_>>()?))
        }
    }
}

fn content(fields: &mut Fields, given: Option<v1::AnnouncementContent>) -> Option<Content> {
    let Some(given) = given else {
        fields.violate("content", "must be given");
        return None;
    };
    let category = fields.word("content.category", given.category);
    let audience = audience(fields, given.audience.as_ref());
    if given.title.trim().is_empty() {
        fields.violate("content.title", format!("must have 1 to {TITLE_CHARS_MAX} characters"));
    }
    let title = fields.text("content.title", &given.title, TITLE_CHARS_MAX);
    let body = fields.text("content.body", &given.body, BODY_CHARS_MAX);
    let effect = given.effect.unwrap_or_default();
    let effective = Effective {
        from: fields.instant("content.effect.start_time", effect.start_time.as_ref()),
        until: fields.instant("content.effect.end_time", effect.end_time.as_ref()),
        zone: zone(fields, "content.effect.zone", &effect.zone),
        stated: fields.text("content.effect.stated", &effect.stated, NOTE_CHARS_MAX),
    };
    if given.references.len() > REFERENCES_MAX {
        let sentence = format!("at most {REFERENCES_MAX} are accepted; refer to a namespace, or publish another");
        fields.violate("content.references", sentence);
        return None;
    }
    let references: Vec<_> = given
        .references
        .iter()
        .enumerate()
        .map(|(position, given)| target(fields, &format!("content.references[{position}]"), Some(given)))
        .collect();
    Some(Content {
        category: category?,
        impact: if given.breaking { Impact::Breaking } else { Impact::Compatible },
        audience: audience?,
        title,
        body,
        effective,
        references: references.into_iter().collect::<Option<_>>()?,
    })
}

/// An announcement at one of its revisions.
fn show(announcement: &Announcement, etag: u64) -> v1::Announcement {
    v1::Announcement {
        announcement_id: announcement.current.id.to_string(),
        first_publish_time: Some(timestamp(announcement.first_published_at)),
        current: Some(wire::announcement_revision(&announcement.current)),
        revisions: announcement.current.number,
        etag: etag.to_string(),
    }
}

/// The announcement, the revision and the warnings of a reply.
fn written(answer: Answer) -> Result<(Option<v1::Announcement>, u64, Vec<String>), Status> {
    let revision = revision(&answer);
    let announcement = record!(answer.subject, Announcement)?;
    Ok((Some(show(&announcement, answer.revision)), revision, answer.warnings))
}

impl AnnouncementRpc {
    /// Serves the announcements of `hub`.
    pub fn new(hub: Hub) -> AnnouncementRpc {
        AnnouncementRpc { hub }
    }

    fn find(hub: &View, id: &AnnouncementId) -> Result<(u64, Announcement), Status> {
        let found = hub.get_one(RecordKey::Announcement(id.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::AnnouncementNotFound(id.clone())))?;
        Ok((stored.revision, record!(stored.record, Announcement)?))
    }
}

#[tonic::async_trait]
impl AnnouncementService for AnnouncementRpc {
    async fn publish_announcement(
        &self,
        request: Request<v1::PublishAnnouncementRequest>,
    ) -> Result<Response<v1::PublishAnnouncementResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("PublishAnnouncement", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("announcement_id", &message.announcement_id);
        let content = content(&mut fields, message.content);
        let published_at = fields.instant("publish_time", message.publish_time.as_ref());
        let note = fields.text("note", &message.note, NOTE_CHARS_MAX);
        let (Some(id), Some(content), true) = (id, content, fields.is_clean()) else { return Err(fields.refuse()) };
        let command = PublishAnnouncement { id, content, published_at, note };
        let (announcement, revision, warnings) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::PublishAnnouncementResponse { announcement, revision, warnings }))
    }

    async fn revise_announcement(
        &self,
        request: Request<v1::ReviseAnnouncementRequest>,
    ) -> Result<Response<v1::ReviseAnnouncementResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("ReviseAnnouncement", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("announcement_id", &message.announcement_id);
        let content = content(&mut fields, message.content);
        let published_at = fields.instant("publish_time", message.publish_time.as_ref());
        let note = fields.text("note", &message.note, NOTE_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(id), Some(content), true) = (id, content, fields.is_clean()) else { return Err(fields.refuse()) };
        let command = ReviseAnnouncement { id, content, published_at, note, etag };
        let (announcement, revision, warnings) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::ReviseAnnouncementResponse { announcement, revision, warnings }))
    }

    async fn withdraw_announcement(
        &self,
        request: Request<v1::WithdrawAnnouncementRequest>,
    ) -> Result<Response<v1::WithdrawAnnouncementResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("WithdrawAnnouncement", &actor, &message, &message.request_id, Mode::Commit);
        let id = fields.name("announcement_id", &message.announcement_id);
        let published_at = fields.instant("publish_time", message.publish_time.as_ref());
        let note = fields.text("note", &message.note, NOTE_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let command = WithdrawAnnouncement { id, published_at, note, etag };
        let (announcement, revision, _) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::WithdrawAnnouncementResponse { announcement, revision }))
    }

    async fn get_announcement(
        &self,
        request: Request<v1::GetAnnouncementRequest>,
    ) -> Result<Response<v1::GetAnnouncementResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let id = fields.name::<AnnouncementId>("announcement_id", &message.announcement_id);
        let as_of = fields.instant("as_of", message.as_of.as_ref());
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let (etag, mut announcement) = AnnouncementRpc::find(&hub, &id)?;
        let revisions = announcement.current.number;
        if let Some(as_of) = as_of {
            let known = announcement.clone();
            let found = read(&self.hub, move |hub| hub.announcement_as_of(&known, as_of)).await?;
            announcement.current = found.ok_or_else(|| status::refused(&Refusal::AnnouncementNotFound(id)))?;
        }
        let warnings = if announcement.current.withdrawn {
            Vec::new()
        } else {
            self.hub.contradictions(&announcement.current.content).map_err(status::failed)?
        };
        let shown = v1::Announcement { revisions, ..show(&announcement, etag) };
        Ok(Response::new(v1::GetAnnouncementResponse { announcement: Some(shown), warnings }))
    }

    async fn list_announcements(
        &self,
        request: Request<v1::ListAnnouncementsRequest>,
    ) -> Result<Response<v1::ListAnnouncementsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = AnnouncementFilter {
            category: fields.word_or_none("category", message.category),
            audience: fields.word_or_none("audience_kind", message.audience_kind),
            context: fields.name_or_none("context", &message.context),
            from: fields.instant("start_time", message.start_time.as_ref()),
            until: fields.instant("end_time", message.end_time.as_ref()),
            impact: message.breaking_only.then_some(Impact::Breaking),
            current_only: !message.show_withdrawn,
        };
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query =
            Query::new(self.hub.page_seals(), "ListAnnouncements", &[&format!("{filter:?}")]).within(hub.scope());
        let after = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => Some(AnnouncementPlace::decode(&cursor).ok_or_else(status::page_token)?),
        };
        let (announcements, next) = read(&hub, move |hub| {
            let (places, mut next) = hub.index().announcements(&filter, after.as_ref(), size);
            let keys: Vec<_> = places.iter().map(|place| RecordKey::Announcement(place.id.clone())).collect();
            let (mut shown, mut bytes) = (Vec::new(), 0);
            for (place, key) in places.into_iter().zip(keys) {
                // Whom it is not for does not see it.
                let Some(stored) = hub.get_one(key)? else { continue };
                let Record::Announcement(announcement) = &stored.record else { return Err(Failure::Defect) };
                bytes += stored.bytes;
                shown.push(show(announcement, stored.revision));
                if bytes >= PAGE_BYTES_MAX {
                    next = Some(place);
                    break;
                }
            }
            Ok((shown, next))
        })
        .await?;
        let next_page_token = query.token(next.map(|place| place.encode()));
        Ok(Response::new(v1::ListAnnouncementsResponse { announcements, next_page_token }))
    }

    async fn list_announcement_revisions(
        &self,
        request: Request<v1::ListAnnouncementRevisionsRequest>,
    ) -> Result<Response<v1::ListAnnouncementRevisionsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let id = fields.name::<AnnouncementId>("announcement_id", &message.announcement_id);
        let size = fields.page_size(message.page_size);
        let Some(id) = id.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        AnnouncementRpc::find(&hub, &id)?;
        let query = Query::new(self.hub.page_seals(), "ListAnnouncementRevisions", &[id.as_str()]).within(hub.scope());
        let after = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            hub.list(&announcement_revisions_of(&id), after, size, |stored| {
                let Record::AnnouncementRevision(revision) = stored.record else { return Err(Failure::Defect) };
                Ok(Some(wire::announcement_revision(&revision)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListAnnouncementRevisionsResponse { revisions: page.items, next_page_token }))
    }
}
