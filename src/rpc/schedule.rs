//! ScheduleService: lifecycles planned, revised, executed and undone, with their ledger.

pub(super) mod parse;
mod preview;
mod render;

use devhub_decision::{Environment, Limits};
use devhub_proto::v1;
use devhub_proto::v1::schedule_service_server::ScheduleService;
use tonic::{Request, Response, Status};

use super::parse::{self as requests, Fields, Query};
use super::{execute, read, record, revision, status};
use crate::domain::calendar::CalendarFilter;
use crate::domain::ledger::Target;
use crate::domain::name::Context;
use crate::domain::record::RecordKey;
use crate::domain::refusal::Refusal;
use crate::hub::{CalendarPlace, Failure, Hub, PlanToken};
use crate::store::codec::{Kind, revisions_in, revisions_of};
use crate::wire;

/// Serves ScheduleService.
pub struct ScheduleRpc {
    hub: Hub,
    limits: Limits,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ScheduleRpc {
    /// Serves the schedules of `hub`; previews show answers as gateways would get them, to be cached as `limits` say.
    pub fn new(hub: Hub, limits: Limits) -> ScheduleRpc {
        ScheduleRpc { hub, limits }
    }

    /// One page of the revisions whose key begins with `prefix`.
    async fn revisions(
        &self,
        query: &Query,
        prefix: bytes::Bytes,
        token: &str,
        size: usize,
    ) -> Result<(Vec<v1::ScheduleRevision>, String), Status> {
        let after = query.cursor(token)?;
        let page = read(&self.hub, move |hub| {
            hub.list(&prefix, after, size, |stored| {
                let crate::domain::Record::Revision(revision) = stored.record else { return Err(Failure::Defect) };
                Ok(Some(render::revision(&revision)))
            })
        })
        .await?;
        Ok((page.items, query.token(page.next)))
    }

    /// Refuses when the target is not there: an empty ledger would look like a quiet one.
    fn check_exists(&self, target: &Target) -> Result<(), Status> {
        if let Some(name) = target.version() {
            let found = self.hub.get_one(RecordKey::Version(name.clone())).map_err(status::failed)?;
            let stored = found.ok_or_else(|| status::refused(&Refusal::VersionNotFound(name.clone())))?;
            record!(stored.record, Version)?.deployment(target.environment()).map_err(|r| status::refused(&r))?;
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl ScheduleService for ScheduleRpc {
    async fn change_lifecycle(
        &self,
        request: Request<v1::ChangeLifecycleRequest>,
    ) -> Result<Response<v1::ChangeLifecycleResponse>, Status> {
        let actor = requests::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = requests::mode(message.validate_only);
        let request = fields.request("ChangeLifecycle", &actor, &message, &message.request_id, mode);
        let command = parse::changes(&mut fields, &self.hub, &message.changes);
        let plan = match message.plan_token.as_str() {
            "" => None,
            text => {
                let token = PlanToken::decode(text);
                if token.is_none() {
                    fields.violate("plan_token", "must be as PreviewLifecycleChange gave it; or leave it out");
                }
                token.map(|token| self.hub.planned(token, preview::digest(&message.changes), &command))
            }
        };
        let request = crate::hub::Request { plan, ..request };
        fields.check()?;
        let answer = execute(&self.hub, actor, command, request).await?;
        Ok(Response::new(v1::ChangeLifecycleResponse {
            revision: revision(&answer),
            warnings: answer.warnings,
            affected_subscriptions: i64::try_from(answer.affected).unwrap_or(i64::MAX),
        }))
    }

    async fn preview_lifecycle_change(
        &self,
        request: Request<v1::PreviewLifecycleChangeRequest>,
    ) -> Result<Response<v1::PreviewLifecycleChangeResponse>, Status> {
        let actor = requests::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let command = parse::changes(&mut fields, &self.hub, &message.changes);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let digest = preview::digest(&message.changes);
        let query = Query::new(self.hub.page_seals(), "PreviewLifecycleChange", &[&hex(&digest)]);
        let after = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => Some(preview::Cursor::decode(&cursor).ok_or_else(status::page_token)?),
        };
        let limits = self.limits;
        let preview = read(&self.hub, move |hub| {
            let place = after.as_ref().map(|cursor| &cursor.place);
            let preview = hub.preview(&actor, &command, digest, limits, place, size)?;
            match after {
                Some(cursor) if !cursor.stands_on(&preview.token) => {
                    Err(Refusal::PlanStale("something concerned has changed since the page before".to_owned()).into())
                }
                Some(_) | None => Ok(preview),
            }
        })
        .await?;
        let next = preview.next.clone().map(|place| preview::Cursor::new(&preview.token, place).encode());
        Ok(Response::new(preview::render(&preview, query.token(next))))
    }

    async fn get_schedule(
        &self,
        request: Request<v1::GetScheduleRequest>,
    ) -> Result<Response<v1::GetScheduleResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let target = parse::target(&mut fields, "target", message.target.as_ref());
        let as_of = fields.instant("as_of", message.as_of.as_ref());
        let Some(target) = target else { return Err(fields.refuse()) };
        fields.check()?;
        self.check_exists(&target)?;
        let now = self.hub.now();
        let at = as_of.unwrap_or(now);
        let wanted = target.clone();
        let found = read(&self.hub, move |hub| hub.revision_as_of(&wanted, at)).await?;
        let Some((revision, count)) = found else {
            return Err(status::refused(&Refusal::ScheduleNotFound { target: target.to_string(), as_of }));
        };
        let brownouts = match as_of {
            None => self.hub.index().brownouts(&target),
            Some(_) => Vec::new(),
        };
        Ok(Response::new(v1::GetScheduleResponse {
            stage: wire::Word::number(revision.after.stage(at)),
            revision: Some(render::revision(&revision)),
            revisions: i32::try_from(count).unwrap_or(i32::MAX),
            brownouts: brownouts.iter().filter(|window| window.until > now).map(wire::brownout).collect(),
        }))
    }

    async fn list_schedule_revisions(
        &self,
        request: Request<v1::ListScheduleRevisionsRequest>,
    ) -> Result<Response<v1::ListScheduleRevisionsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let target = parse::target(&mut fields, "target", message.target.as_ref());
        let size = fields.page_size(message.page_size);
        let Some(target) = target else { return Err(fields.refuse()) };
        fields.check()?;
        self.check_exists(&target)?;
        let query = Query::new(self.hub.page_seals(), "ListScheduleRevisions", &[&target.to_string()]);
        let prefix = revisions_of(&target);
        let (revisions, next_page_token) = self.revisions(&query, prefix, &message.page_token, size).await?;
        Ok(Response::new(v1::ListScheduleRevisionsResponse { revisions, next_page_token }))
    }

    async fn list_changelog(
        &self,
        request: Request<v1::ListChangelogRequest>,
    ) -> Result<Response<v1::ListChangelogResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let context = fields.name::<Context>("context", &message.context);
        let size = fields.page_size(message.page_size);
        let Some(context) = context else { return Err(fields.refuse()) };
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListChangelog", &[context.as_str()]);
        let prefix = revisions_in(&context);
        let (revisions, next_page_token) = self.revisions(&query, prefix, &message.page_token, size).await?;
        Ok(Response::new(v1::ListChangelogResponse { revisions, next_page_token }))
    }

    async fn list_calendar(
        &self,
        request: Request<v1::ListCalendarRequest>,
    ) -> Result<Response<v1::ListCalendarResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let from = fields.instant("from_time", message.from_time.as_ref());
        let until = fields.instant("until_time", message.until_time.as_ref());
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let context = fields.name_or_none::<Context>("context", &message.context);
        let size = fields.page_size(message.page_size);
        let (f, u) = (format!("{:?}", message.from_time), format!("{:?}", message.until_time));
        let query = Query::new(
            self.hub.page_seals(),
            "ListCalendar",
            &[&f, &u, &message.environment.to_string(), &message.context],
        );
        let after = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => Some(CalendarPlace::decode(&cursor).ok_or_else(status::page_token)?),
        };
        let now = self.hub.now();
        // Without a beginning the span goes on from the page before, not from a later "now".
        let from = from.or(after.as_ref().map(|place| place.from)).unwrap_or(now);
        let until = until.unwrap_or_else(|| from.checked_add_days(chrono::Days::new(366)).unwrap_or(from));
        if until <= from {
            fields.violate("until_time", "must be later than from_time");
        }
        fields.check()?;
        let filter = CalendarFilter { from, until, environment, context };
        let hub = self.hub.clone();
        let (entries, next) = read(&self.hub, move |_| {
            let (entries, next) = hub.index().calendar(&filter, after.as_ref(), size);
            let rendered: Vec<_> = entries
                .iter()
                .map(|entry| render::calendar_entry(entry, hub.index().live_at([&entry.target], now)))
                .collect();
            Ok((rendered, next))
        })
        .await?;
        Ok(Response::new(v1::ListCalendarResponse {
            entries,
            next_page_token: query.token(next.map(|place| place.encode())),
        }))
    }

    async fn get_namespace(
        &self,
        request: Request<v1::GetNamespaceRequest>,
    ) -> Result<Response<v1::GetNamespaceResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let Some(name) = fields.name::<Context>("namespace", &message.namespace) else { return Err(fields.refuse()) };
        let found = self.hub.get_one(RecordKey::Namespace(name.clone())).map_err(status::failed)?;
        let missing =
            || status::refused(&Refusal::ScheduleNotFound { target: format!("namespace {name}"), as_of: None });
        let stored = found.ok_or_else(missing)?;
        let namespace = record!(stored.record, Namespace)?;
        let namespace = Some(render::namespace(&namespace, stored.revision, self.hub.now()));
        Ok(Response::new(v1::GetNamespaceResponse { namespace }))
    }

    async fn list_namespaces(
        &self,
        request: Request<v1::ListNamespacesRequest>,
    ) -> Result<Response<v1::ListNamespacesResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(self.hub.page_seals(), "ListNamespaces", &[]);
        let after = query.cursor(&message.page_token)?;
        let now = self.hub.now();
        let page = read(&self.hub, move |hub| {
            hub.list(&Hub::prefix(Kind::Namespace, None), after, size, |stored| {
                let crate::domain::Record::Namespace(namespace) = &stored.record else { return Err(Failure::Defect) };
                Ok(Some(render::namespace(namespace, stored.revision, now)))
            })
        })
        .await?;
        Ok(Response::new(v1::ListNamespacesResponse {
            namespaces: page.items,
            next_page_token: query.token(page.next),
        }))
    }
}
