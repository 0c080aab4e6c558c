//! The calls of SubscriptionService that move the subscriptions of many applications, and undo that: one command for
//! each application, one message of a stream for each result.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;
use devhub_proto::v1;
use futures_util::stream::{StreamExt, iter};
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::SubscriptionRpc;
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::domain::relocate::{MoveSubscription, Scope};
use crate::domain::subscription::EndReason;
use crate::domain::undo::UndoMove;
use crate::domain::{Actor, Command, Refusal};
use crate::hub::{self, Done, Failure, Hub};
use crate::ids;
use crate::rpc::parse::{self, Fields, REASON_CHARS_MAX};
use crate::rpc::{read, revision, status};

/// Most applications that one call names.
const APPLICATIONS_MAX: usize = 1000;

/// Applications looked up at a time: what is held of a call does not grow with the number of subscribers.
const STEP: usize = 256;

/// Commands of one call that wait for the disk together, so that they share its syncs.
const TOGETHER: usize = 16;

/// Results that wait for a slow reader; the call then waits for it.
const STREAM_BUFFER: usize = 64;

/// Calls of this kind at a time.
pub(super) const CALLS_MAX: usize = 4;

/// A stream of messages.
pub(super) type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What is done with each application.
#[derive(Clone)]
enum Direction {
    Move { overlap_until: Option<DateTime<Utc>> },
    Undo,
}

/// One call.
#[derive(Clone)]
struct Call {
    actor: Actor,
    from: VersionName,
    to: VersionName,
    environment: Environment,
    /// The applications that are named; none means all concerned.
    named: BTreeSet<ApplicationId>,
    direction: Direction,
    reason: String,
    request: hub::Request,
}

/// What one message tells, whichever call it is of.
struct Told {
    result: Option<v1::MoveResult>,
    done: i64,
    total: i64,
    summary: Option<v1::MoveSummary>,
}

impl From<Told> for v1::MoveSubscriptionsResponse {
    fn from(Told { result, done, total, summary }: Told) -> Self {
        Self { result, done, total, summary }
    }
}

impl From<Told> for v1::UndoMoveSubscriptionsResponse {
    fn from(Told { result, done, total, summary }: Told) -> Self {
        Self { result, done, total, summary }
    }
}

impl Call {
    /// Whether an application is among all those concerned.
    fn concerns(&self, hub: &Hub, id: &ApplicationId, now: DateTime<Utc>) -> Result<bool, Failure> {
        let keys = [
            RecordKey::Subscription(id.clone(), self.from.clone()),
            RecordKey::Application(id.clone()),
            RecordKey::Version(self.from.clone()),
        ];
        let mut found = hub.get(&keys)?.into_iter().map(|stored| stored.map(|stored| stored.record));
        let (Some(Record::Subscription(subscription)), application, version) =
            (found.next().flatten(), found.next().flatten(), found.next().flatten())
        else {
            return Ok(false);
        };
        if subscription.environment != self.environment {
            return Ok(false);
        }
        let moved = subscription.moved.as_ref().is_some_and(|moved| moved.to == self.to)
            && subscription.ended.as_ref().is_none_or(|end| end.reason == EndReason::Moved);
        let (Some(Record::Application(application)), Some(Record::Version(version))) = (application, version) else {
            return Ok(false);
        };
        let version = hub.index().effective(&version);
        let live = subscription.end(Some(&application), Some(&version), now).is_none();
        Ok(match self.direction {
            // Those moved before are told of again: a repeated call then tells of everybody.
            Direction::Move { .. } => live || moved,
            Direction::Undo => moved,
        })
    }

    /// The next of all applications concerned, and where to go on; `None` after the last.
    fn next(&self, hub: &Hub, after: Option<&str>) -> Result<(Vec<ApplicationId>, Option<String>), Failure> {
        if !self.named.is_empty() {
            return Ok((self.named.iter().cloned().collect(), None));
        }
        let now = hub.now();
        let candidates = hub.index().subscribers(&self.from, after, STEP);
        let next = candidates.last().filter(|_| candidates.len() == STEP).map(ToString::to_string);
        let mut concerned = Vec::new();
        for id in candidates {
            if self.concerns(hub, &id, now)? {
                concerned.push(id);
            }
        }
        Ok((concerned, next))
    }

    /// How many applications are concerned.
    fn count(&self, hub: &Hub) -> Result<usize, Failure> {
        let (mut count, mut after) = (0, None);
        loop {
            let (step, next) = self.next(hub, after.as_deref())?;
            count += step.len();
            match next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    fn command(&self, hub: &Hub, application: ApplicationId) -> Command {
        let (from, to, reason) = (self.from.clone(), self.to.clone(), self.reason.clone());
        let scope = Scope::Many(self.environment);
        match self.direction {
            Direction::Move { overlap_until } => {
                let id = ids::subscription(hub.now());
                let field_values = Default::default();
                MoveSubscription { id, application, from, to, overlap_until, field_values, scope, reason, etag: None }
                    .into()
            }
            Direction::Undo => UndoMove { application, from, to, scope, reason, etag: None }.into(),
        }
    }

    /// One application, by itself.
    ///
    /// # Errors
    /// When the hub cannot go on: the others would fare no better.
    async fn run(&self, hub: &Hub, application: ApplicationId) -> Result<v1::MoveResult, Failure> {
        let application_id = application.to_string();
        let request = parse::derived(&self.request, &application_id);
        let answer = hub.execute(self.actor.clone(), self.command(hub, application), request).await;
        match answer {
            Ok(answer) => {
                let outcome = match (&self.direction, answer.done) {
                    (Direction::Undo, _) => v1::MoveOutcome::Undone,
                    (Direction::Move { .. }, Done::AlreadySo) => v1::MoveOutcome::AlreadyMoved,
                    (Direction::Move { .. }, Done::Committed | Done::Judged) => v1::MoveOutcome::Moved,
                };
                let revision = revision(&answer);
                Ok(v1::MoveResult { application_id, outcome: outcome.into(), revision, ..Default::default() })
            }
            Err(failure @ (Failure::Refused(_) | Failure::Contention)) => {
                let (reason, message) = status::told(failure);
                let outcome = v1::MoveOutcome::Refused.into();
                Ok(v1::MoveResult { application_id, outcome, reason: reason.to_owned(), message, revision: 0 })
            }
            Err(failure @ (Failure::Store(_) | Failure::Undecodable(_) | Failure::Defect)) => Err(failure),
        }
    }

    /// Does all, until the reader goes away, the hub stops, or it cannot go on.
    async fn go<T: From<Told> + Send + 'static>(
        self,
        hub: Hub,
        sender: mpsc::Sender<Result<T, Status>>,
        stopping: watch::Receiver<bool>,
    ) {
        if let Err(status) = self.try_go(&hub, &sender, stopping).await {
            // The reader may be gone; nobody is left to be told then.
            let _ = sender.send(Err(status)).await;
        }
    }

    async fn try_go<T: From<Told>>(
        &self,
        hub: &Hub,
        sender: &mpsc::Sender<Result<T, Status>>,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Status> {
        let call = Arc::new(self.clone());
        let counting = Arc::clone(&call);
        let total = read(hub, move |hub| counting.count(hub)).await?;
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let mut summary = v1::MoveSummary::default();
        let (mut done, mut after) = (0, None::<String>);
        loop {
            let (finding, from) = (Arc::clone(&call), after.take());
            let (step, next) = read(hub, move |hub| finding.next(hub, from.as_deref())).await?;
            let mut results = iter(step).map(|id| call.run(hub, id)).buffered(TOGETHER);
            while let Some(result) = results.next().await {
                let result = result.map_err(status::failed)?;
                match result.outcome() {
                    v1::MoveOutcome::Moved => summary.moved += 1,
                    v1::MoveOutcome::AlreadyMoved => summary.already_moved += 1,
                    v1::MoveOutcome::Refused => summary.refused += 1,
                    v1::MoveOutcome::Undone => summary.undone += 1,
                    v1::MoveOutcome::Unspecified => {}
                }
                done += 1;
                let told = Told { result: Some(result), done, total: total.max(done), summary: None };
                if sender.send(Ok(told.into())).await.is_err() {
                    return Ok(());
                }
                if *stopping.borrow() {
                    return Err(status::stopping());
                }
            }
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let told = Told { result: None, done, total: total.max(done), summary: Some(summary) };
        // Whoever asked may have gone just now; everything is done all the same.
        let _ = sender.send(Ok(told.into())).await;
        Ok(())
    }
}

/// The parts that both calls have.
struct Given<'m> {
    from: Option<&'m v1::VersionName>,
    to: Option<&'m v1::VersionName>,
    environment: i32,
    application_ids: &'m [String],
    reason: &'m str,
}

impl SubscriptionRpc {
    /// Begins a call: refuses what is malformed and whom it is not for, and streams the rest.
    async fn begin<T: From<Told> + Send + 'static>(
        &self,
        actor: Actor,
        request: hub::Request,
        mut fields: Fields,
        given: Given<'_>,
        direction: Direction,
    ) -> Result<Response<Messages<T>>, Status> {
        let from = fields.needed_version("from", given.from);
        let to = fields.needed_version("to", given.to);
        let environment = fields.word::<Environment>("environment", given.environment);
        if given.application_ids.len() > APPLICATIONS_MAX {
            fields
                .violate("application_ids", "at most 1,000 applications are accepted; name the rest in further calls");
        }
        let named = given.application_ids.iter().take(APPLICATIONS_MAX);
        let named: BTreeSet<ApplicationId> = named.filter_map(|id| fields.name("application_ids", id)).collect();
        let reason = fields.text("reason", given.reason, REASON_CHARS_MAX);
        let (Some(from), Some(to), Some(environment)) = (from, to, environment) else { return Err(fields.refuse()) };
        fields.check()?;
        let call = Call { actor, from, to, environment, named, direction, reason, request };
        self.admit(&call).await?;
        let place = Arc::clone(self.calls()).try_acquire_owned();
        let place = place.map_err(|_| status::too_many_calls(CALLS_MAX))?;
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        let going = call.go(self.hub().clone(), sender, self.stopping());
        tokio::spawn(async move {
            going.await;
            drop(place);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    /// Refuses a call that no application would be moved by.
    async fn admit(&self, call: &Call) -> Result<(), Status> {
        for version in [&call.from, &call.to] {
            let found = self.hub().get_one(RecordKey::Version(version.clone())).map_err(status::failed)?;
            found.ok_or_else(|| status::refused(&Refusal::VersionNotFound(version.clone())))?;
        }
        let Err(refusal) = Scope::Many(call.environment).admits(&call.actor) else { return Ok(()) };
        // The first application is enough to be refused, and to leave a fact of it.
        let (first, _) = call.next(self.hub(), None).map_err(status::failed)?;
        let refused = match first.into_iter().next() {
            Some(id) => {
                let (mode, via) = (call.request.mode, call.request.via.clone());
                let request = hub::Request { mode, via, ..hub::Request::once() };
                self.hub().execute(call.actor.clone(), call.command(self.hub(), id), request).await.err()
            }
            None => None,
        };
        Err(status::failed(refused.unwrap_or_else(|| refusal.into())))
    }

    pub(super) async fn move_many(
        &self,
        request: Request<v1::MoveSubscriptionsRequest>,
    ) -> Result<Response<Messages<v1::MoveSubscriptionsResponse>>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("MoveSubscriptions", &actor, &message, &message.request_id, mode);
        let overlap_until = fields.instant("overlap_until", message.overlap_until.as_ref());
        let given = Given {
            from: message.from.as_ref(),
            to: message.to.as_ref(),
            environment: message.environment,
            application_ids: &message.application_ids,
            reason: &message.reason,
        };
        self.begin(actor.into(), request, fields, given, Direction::Move { overlap_until }).await
    }

    pub(super) async fn undo_many(
        &self,
        request: Request<v1::UndoMoveSubscriptionsRequest>,
    ) -> Result<Response<Messages<v1::UndoMoveSubscriptionsResponse>>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("UndoMoveSubscriptions", &actor, &message, &message.request_id, mode);
        let given = Given {
            from: message.from.as_ref(),
            to: message.to.as_ref(),
            environment: message.environment,
            application_ids: &message.application_ids,
            reason: &message.reason,
        };
        self.begin(actor.into(), request, fields, given, Direction::Undo).await
    }
}
