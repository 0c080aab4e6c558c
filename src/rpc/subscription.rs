//! SubscriptionService: subscriptions, their import, and access requests.

mod exemption;
mod relocation;
mod relocations;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use devhub_proto::v1;
use devhub_proto::v1::subscription_service_server::SubscriptionService;
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::version::{FIELD_NAME_RULE, is_field_name};
use super::{execute, read, record, render, revision, seen, status};
use relocations::{CALLS_MAX, Messages};
use shown::{Wanted, show, show_terms, show_usage};

use crate::domain::access::{AccessState, DecideAccess, RequestAccess};
use crate::domain::name::ApplicationId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::subscribe::{OneWay, Since, Subscribe, Unsubscribe};
use crate::domain::{Actor, Scope};
use crate::hub::{Answer, Done, Failure, Hub, Mode, Stored};
use crate::ids;
use crate::store::codec::Kind;

/// Most rows of one import call.
const IMPORT_ROWS_MAX: usize = 500;

/// Most subscription fields looked at in one request.
const FIELD_VALUES_MAX: usize = 50;

/// Serves SubscriptionService.
pub struct SubscriptionRpc {
    hub: Hub,
    /// Becomes true when the hub stops: long calls end then.
    stopping: watch::Receiver<bool>,
    /// Places for long calls.
    calls: Arc<Semaphore>,
}

/// Refuses more values of subscription fields, or other names, than a version can have.
fn check_field_values(fields: &mut Fields, values: &BTreeMap<String, String>) {
    if values.len() > FIELD_VALUES_MAX {
        fields.violate(
            "field_values",
            "at most 50 values are accepted; leave out those that the version does not ask for",
        );
    }
    if !values.keys().all(|name| is_field_name(name)) {
        fields.violate("field_values", FIELD_NAME_RULE);
    }
}

impl SubscriptionRpc {
    /// Serves the subscriptions of `hub` until `stopping` becomes true.
    pub fn new(hub: Hub, stopping: watch::Receiver<bool>) -> SubscriptionRpc {
        SubscriptionRpc { hub, stopping, calls: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    /// The hub.
    fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Tells when the hub stops.
    fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// Places for long calls.
    fn calls(&self) -> &Arc<Semaphore> {
        &self.calls
    }

    /// The subscription of an answer, as of the answer's instant.
    fn render(&self, answer: Answer) -> Result<v1::Subscription, Status> {
        let stored = Stored { revision: answer.revision, record: answer.subject, bytes: 0 };
        show(&self.hub, &stored, answer.at).map_err(status::failed)
    }

    /// Judges, and unless told otherwise commits, one row of an import.
    async fn import(&self, actor: Actor, row: v1::ImportRow, mode: Mode) -> v1::ImportVerdict {
        match self.try_import(actor, row, mode).await {
            Ok(answer) if answer.done != Done::AlreadySo => v1::ImportVerdict {
                outcome: v1::ImportOutcome::Imported.into(),
                reason: String::new(),
                message: String::new(),
                revision: revision(&answer),
            },
            Ok(_) => v1::ImportVerdict { outcome: v1::ImportOutcome::Unchanged.into(), ..Default::default() },
            Err(failure) => {
                let (reason, message) = status::told(failure);
                v1::ImportVerdict {
                    outcome: v1::ImportOutcome::Refused.into(),
                    reason: reason.to_owned(),
                    message,
                    revision: 0,
                }
            }
        }
    }

    async fn try_import(&self, actor: Actor, row: v1::ImportRow, mode: Mode) -> Result<Answer, Failure> {
        let mut fields = Fields::default();
        let application = fields.name("application_id", &row.application_id);
        let version = fields.version(&row.context, &row.version);
        let now = self.hub.now();
        let since = fields.instant("start_time", row.start_time.as_ref()).unwrap_or(now);
        let (Some(application), Some(version), true) = (application, version, fields.is_clean()) else {
            return Err(Refusal::InvalidFields(fields.into_violations()).into());
        };
        let command = Subscribe {
            id: ids::subscription(now),
            application,
            version,
            since: Since::Elsewhere(since),
            field_values: Default::default(),
        };
        let request = crate::hub::Request { mode, ..crate::hub::Request::once() };
        self.hub.execute(actor, command.into(), request).await
    }
}

#[tonic::async_trait]
impl SubscriptionService for SubscriptionRpc {
    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<v1::SubscribeResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("Subscribe", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        check_field_values(&mut fields, &message.field_values);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let id = ids::subscription(self.hub.now());
        let field_values = message.field_values;
        let command = Subscribe { id, application, version, since: Since::Now, field_values };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        Ok(Response::new(v1::SubscribeResponse { subscription: Some(self.render(answer)?), revision }))
    }

    async fn unsubscribe(
        &self,
        request: Request<v1::UnsubscribeRequest>,
    ) -> Result<Response<v1::UnsubscribeResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("Unsubscribe", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let one_way = if message.acknowledge_one_way { OneWay::Acknowledged } else { OneWay::NotAcknowledged };
        let command = Unsubscribe { application, version, one_way, reason, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        Ok(Response::new(v1::UnsubscribeResponse { subscription: Some(self.render(answer)?), revision }))
    }

    async fn undo_unsubscribe(
        &self,
        request: Request<v1::UndoUnsubscribeRequest>,
    ) -> Result<Response<v1::UndoUnsubscribeResponse>, Status> {
        self.undo_one_unsubscription(request).await
    }

    async fn move_subscription(
        &self,
        request: Request<v1::MoveSubscriptionRequest>,
    ) -> Result<Response<v1::MoveSubscriptionResponse>, Status> {
        self.move_one(request).await
    }

    async fn undo_move(&self, request: Request<v1::UndoMoveRequest>) -> Result<Response<v1::UndoMoveResponse>, Status> {
        self.undo_one_move(request).await
    }

    type MoveSubscriptionsStream = Messages<v1::MoveSubscriptionsResponse>;

    async fn move_subscriptions(
        &self,
        request: Request<v1::MoveSubscriptionsRequest>,
    ) -> Result<Response<Self::MoveSubscriptionsStream>, Status> {
        self.move_many(request).await
    }

    type UndoMoveSubscriptionsStream = Messages<v1::UndoMoveSubscriptionsResponse>;

    async fn undo_move_subscriptions(
        &self,
        request: Request<v1::UndoMoveSubscriptionsRequest>,
    ) -> Result<Response<Self::UndoMoveSubscriptionsStream>, Status> {
        self.undo_many(request).await
    }

    async fn exempt_from_brownouts(
        &self,
        request: Request<v1::ExemptFromBrownoutsRequest>,
    ) -> Result<Response<v1::ExemptFromBrownoutsResponse>, Status> {
        let (exemption, revision) = self.change_part(request).await?;
        Ok(Response::new(v1::ExemptFromBrownoutsResponse { exemption, revision }))
    }

    async fn remove_brownout_exemption(
        &self,
        request: Request<v1::RemoveBrownoutExemptionRequest>,
    ) -> Result<Response<v1::RemoveBrownoutExemptionResponse>, Status> {
        let (exemption, revision) = self.change_part(request).await?;
        Ok(Response::new(v1::RemoveBrownoutExemptionResponse { exemption, revision }))
    }

    async fn get_subscription(
        &self,
        request: Request<v1::GetSubscriptionRequest>,
    ) -> Result<Response<v1::GetSubscriptionResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        let key = RecordKey::Subscription(application.clone(), version.clone());
        let subscription = read(&hub, move |hub| {
            let found = hub.get_one(key)?;
            let stored = found.ok_or(Refusal::SubscriptionNotFound { application, version })?;
            let now = hub.now();
            let shown = show_terms(hub, &stored, show(hub, &stored, now)?, now)?;
            Ok(show_usage(hub, &stored, shown, now))
        })
        .await?;
        Ok(Response::new(v1::GetSubscriptionResponse { subscription: Some(subscription) }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<v1::ListSubscriptionsRequest>,
    ) -> Result<Response<v1::ListSubscriptionsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let wanted = Wanted {
            application: fields.name_or_none("application_id", &message.application_id),
            context: fields.name_or_none("context", &message.context),
            label: fields.name_or_none("version", &message.version),
            environment: fields.word_or_none("environment", message.environment),
            show_ended: message.show_ended,
        };
        if wanted.label.is_some() && message.context.is_empty() {
            fields.violate("context", "is needed when version is given");
        }
        if let Scope::Apis(_) = hub.scope()
            && wanted.label.is_none()
        {
            fields.violate(
                "version",
                "must be given with its context: a publisher lists the subscriptions to one version",
            );
        }
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let (e, d) = (message.show_ended.to_string(), message.environment.to_string());
        let query = Query::new(
            self.hub.page_seals(),
            "ListSubscriptions",
            &[&message.application_id, &message.context, &message.version, &e, &d],
        );
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| wanted.page(hub, cursor, size)).await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListSubscriptionsResponse { subscriptions: page.items, next_page_token }))
    }

    async fn import_subscriptions(
        &self,
        request: Request<v1::ImportSubscriptionsRequest>,
    ) -> Result<Response<v1::ImportSubscriptionsResponse>, Status> {
        let actor: Actor = parse::actor(&request)?.into();
        let message = request.into_inner();
        let mut fields = Fields::default();
        if message.rows.len() > IMPORT_ROWS_MAX {
            fields.violate("rows", "at most 500 rows are accepted; send the rest in further calls");
        }
        fields.check()?;
        let mode = parse::mode(message.validate_only);
        if let Err(refusal) = Since::Elsewhere(self.hub.now()).admits(&actor) {
            // The first row is enough to be refused, and to leave a fact of it.
            let refused = match message.rows.into_iter().next() {
                Some(row) => self.try_import(actor, row, mode).await.err(),
                None => None,
            };
            return Err(status::failed(refused.unwrap_or_else(|| refusal.into())));
        }
        // All rows wait for the disk together: they share its syncs.
        let rows = message.rows.into_iter().map(|row| self.import(actor.clone(), row, mode));
        let verdicts = futures_util::future::join_all(rows).await;
        Ok(Response::new(v1::ImportSubscriptionsResponse { verdicts }))
    }

    async fn request_access(
        &self,
        request: Request<v1::RequestAccessRequest>,
    ) -> Result<Response<v1::RequestAccessResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RequestAccess", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let purpose = fields.text("purpose", &message.purpose, REASON_CHARS_MAX);
        let (Some(application), Some(version)) = (application, version) else { return Err(fields.refuse()) };
        fields.check()?;
        let answer = execute(&self.hub, actor, RequestAccess { application, version, purpose }, request).await?;
        let revision = revision(&answer);
        let access = record!(answer.subject, AccessRequest)?;
        let access_request = Some(render::access_request(&access, answer.revision));
        Ok(Response::new(v1::RequestAccessResponse { access_request, revision }))
    }

    async fn decide_access(
        &self,
        request: Request<v1::DecideAccessRequest>,
    ) -> Result<Response<v1::DecideAccessResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("DecideAccess", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let version = fields.version(&message.context, &message.version);
        let decision = fields.word("decision", message.decision);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(version), Some(decision)) = (application, version, decision) else {
            return Err(fields.refuse());
        };
        fields.check()?;
        let command = DecideAccess { application, version, decision, reason, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let access = record!(answer.subject, AccessRequest)?;
        let access_request = Some(render::access_request(&access, answer.revision));
        Ok(Response::new(v1::DecideAccessResponse { access_request, revision }))
    }

    async fn list_access_requests(
        &self,
        request: Request<v1::ListAccessRequestsRequest>,
    ) -> Result<Response<v1::ListAccessRequestsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let application = fields.name_or_none::<ApplicationId>("application_id", &message.application_id);
        let state = fields.word_or_none::<AccessState>("state", message.state);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new(
            self.hub.page_seals(),
            "ListAccessRequests",
            &[&message.application_id, &message.state.to_string()],
        );
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let page = read(&hub, move |hub| {
            hub.list_of(Kind::AccessRequest, application.as_ref(), cursor, size, |stored| {
                let Record::AccessRequest(request) = &stored.record else { return Err(Failure::Defect) };
                let wanted = state.is_none_or(|state| state == request.state);
                Ok(wanted.then(|| render::access_request(request, stored.revision)))
            })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListAccessRequestsResponse { access_requests: page.items, next_page_token }))
    }
}
