//! Calls that bring what exists in another system: one command for each item, so every rule is the command's. Here is
//! only the order: side by side, but one after the other where commands would change the same record.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use devhub_proto::v1;
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::{FuturesOrdered, StreamExt};
use prost::Message;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::parse::{self, Fields};
use super::{revision, status};
use crate::domain::refusal::Refusal;
use crate::domain::{Actor, Command};
use crate::hub::{self, Done, Failure, Hub, Mode};

/// Most items of one message.
const ITEMS_MAX: usize = 500;

/// Messages of one call that are worked on at a time: what is held of a call does not grow with its length.
const MESSAGES_TOGETHER: usize = 8;

/// Commands of one call that wait for the disk together, so that they share its syncs.
const COMMANDS_TOGETHER: usize = 128;

/// Answers that wait for a slow reader; the call then waits for it.
const STREAM_BUFFER: usize = 4;

/// Calls of one kind at a time.
const CALLS_MAX: usize = 4;

/// What is brought one by one, in messages.
pub(super) trait Brought: Send + Sync + 'static {
    /// A message of the call.
    type Message: Message + Default + 'static;
    /// The answer to one message.
    type Answer: Send + 'static;
    /// The field that the items of a message stand in.
    const FIELD: &'static str;
    /// What only operators may do, as the refusal of others says it.
    const VERB: &'static str;

    /// The items of a message, and whether to judge only.
    fn items(message: Self::Message) -> (Vec<Self>, bool)
    where
        Self: Sized;
    /// The record that commands about this item would change together.
    fn queue(&self) -> String;
    /// The command that brings the item.
    fn command(&self, hub: &Hub) -> Result<Command, Refusal>;
    /// The answer that has these verdicts.
    fn answer(verdicts: Vec<v1::ImportVerdict>) -> Self::Answer;
}

/// What a call answers with.
pub(super) type Answers<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// The records that items are being brought for, each with its last in the queue.
#[derive(Default)]
struct Queues(HashMap<String, oneshot::Receiver<()>>);

/// A place in the queue of a record: it is given up when it is dropped, however that comes about.
struct Place {
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

impl Queues {
    fn join(&mut self, record: &str) -> Place {
        let (done, behind) = oneshot::channel();
        Place { before: self.0.insert(record.to_owned(), behind), _done: done }
    }

    /// Forgets the records that nobody stands in line for any more.
    fn forget(&mut self) {
        self.0.retain(|_, last| last.try_recv() == Err(TryRecvError::Empty));
    }
}

impl Place {
    /// Waits for those before.
    async fn turn(&mut self) {
        if let Some(before) = self.before.take() {
            // Nothing is ever sent: that the other end is gone is the message.
            let _ = before.await;
        }
    }
}

/// One call.
struct Call {
    hub: Hub,
    actor: Actor,
    /// Places for commands.
    commands: Semaphore,
}

impl Call {
    /// Judges, and unless told otherwise commits, one item.
    ///
    /// # Errors
    /// When the hub cannot go on: the others would fare no better.
    async fn one<B: Brought>(&self, item: &B, mode: Mode) -> Result<v1::ImportVerdict, Failure> {
        match self.try_one(item, mode).await {
            Ok(answer) => {
                let outcome = match answer.done {
                    Done::Committed | Done::Judged => v1::ImportOutcome::Imported,
                    Done::AlreadySo => v1::ImportOutcome::Unchanged,
                };
                let revision = revision(&answer);
                Ok(v1::ImportVerdict { outcome: outcome.into(), revision, ..Default::default() })
            }
            Err(failure @ (Failure::Refused(_) | Failure::Contention)) => {
                let (reason, message) = status::told(failure);
                let outcome = v1::ImportOutcome::Refused.into();
                Ok(v1::ImportVerdict { outcome, reason: reason.to_owned(), message, revision: 0 })
            }
            Err(failure @ (Failure::Store(_) | Failure::Undecodable(_) | Failure::Defect)) => Err(failure),
        }
    }

    async fn try_one<B: Brought>(&self, item: &B, mode: Mode) -> Result<hub::Answer, Failure> {
        let command = item.command(&self.hub)?;
        let _place = self.commands.acquire().await.map_err(|_| Failure::Defect)?;
        let request = hub::Request { mode, ..hub::Request::once() };
        self.hub.execute(self.actor.clone(), command, request).await
    }

    /// The items of one message that would change the same record, in order.
    async fn queued<B: Brought>(
        &self,
        mut place: Place,
        items: Vec<(usize, B)>,
        mode: Mode,
    ) -> Result<Vec<(usize, v1::ImportVerdict)>, Failure> {
        place.turn().await;
        let mut verdicts = Vec::with_capacity(items.len());
        if mode == Mode::ValidateOnly {
            // What changes nothing need not be done in order.
            let judged = join_all(items.iter().map(|(_, item)| self.one(item, mode))).await;
            for ((position, _), verdict) in items.iter().zip(judged) {
                verdicts.push((*position, verdict?));
            }
        } else {
            for (position, item) in &items {
                verdicts.push((*position, self.one(item, mode).await?));
            }
        }
        Ok(verdicts)
    }

    /// Begins one message: its items join the queues at once, so that a later message stands behind it.
    fn message<B: Brought>(
        self: Arc<Self>,
        message: B::Message,
        queues: &mut Queues,
    ) -> Result<impl Future<Output = Result<B::Answer, Status>> + use<B>, Status> {
        let (items, validate_only) = B::items(message);
        let mut fields = Fields::default();
        if items.len() > ITEMS_MAX {
            fields.violate(B::FIELD, format!("at most {ITEMS_MAX} are accepted; send the rest in further messages"));
        }
        fields.check()?;
        let mode = parse::mode(validate_only);
        let count = items.len();
        let mut records: HashMap<String, Vec<(usize, B)>> = HashMap::new();
        for (position, item) in items.into_iter().enumerate() {
            records.entry(item.queue()).or_default().push((position, item));
        }
        queues.forget();
        let places: Vec<_> = records.into_iter().map(|(record, items)| (queues.join(&record), items)).collect();
        Ok(async move {
            let work = places.into_iter().map(|(place, items)| self.queued(place, items, mode));
            let done = try_join_all(work).await.map_err(status::failed)?;
            let mut verdicts = vec![v1::ImportVerdict::default(); count];
            for (position, verdict) in done.into_iter().flatten() {
                verdicts[position] = verdict;
            }
            Ok(B::answer(verdicts))
        })
    }

    /// Refuses a call that nothing would be brought by.
    async fn admit<B: Brought>(&self, first: B::Message) -> Result<B::Message, Status> {
        if self.actor.is_staff() {
            return Ok(first);
        }
        let (items, validate_only) = B::items(first);
        // The first item is enough to be refused, and to leave a fact of it.
        let refused = match items.first() {
            Some(item) => self.try_one(item, parse::mode(validate_only)).await.err(),
            None => None,
        };
        Err(status::failed(refused.unwrap_or_else(|| Refusal::OperatorRequired(B::VERB).into())))
    }

    /// Does all, until the caller goes away, the hub stops, or it cannot go on.
    async fn go<B: Brought>(
        self: Arc<Self>,
        mut messages: Streaming<B::Message>,
        sender: &mpsc::Sender<Result<B::Answer, Status>>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), Status> {
        let mut queues = Queues::default();
        let mut working = FuturesOrdered::new();
        let (mut open, mut admitted) = (true, false);
        while open || !working.is_empty() {
            tokio::select! {
                () = told_to_stop(&mut stopping) => return Err(status::stopping()),
                message = messages.message(), if open && working.len() < MESSAGES_TOGETHER => match message? {
                    Some(mut message) => {
                        if !admitted {
                            message = self.admit::<B>(message).await?;
                            admitted = true;
                        }
                        working.push_back(Arc::clone(&self).message::<B>(message, &mut queues)?);
                    }
                    None => open = false,
                },
                Some(answer) = working.next() => {
                    if sender.send(Ok(answer?)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // The sender lives as long as the server; its end is a stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// The calls of one kind.
#[derive(Clone)]
pub(super) struct Imports {
    hub: Hub,
    stopping: watch::Receiver<bool>,
    places: Arc<Semaphore>,
}

impl Imports {
    /// None so far; they end when `stopping` becomes true.
    pub(super) fn new(hub: Hub, stopping: watch::Receiver<bool>) -> Imports {
        Imports { hub, stopping, places: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    /// Begins a call.
    pub(super) fn begin<B: Brought>(
        &self,
        request: Request<Streaming<B::Message>>,
    ) -> Result<Response<Answers<B::Answer>>, Status> {
        let actor = parse::actor(&request)?;
        let messages = request.into_inner();
        let stopping = self.stopping.clone();
        let hub = self.hub.clone();
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| status::too_many_calls(CALLS_MAX))?;
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        tokio::spawn(async move {
            let _place = place;
            let call = Arc::new(Call { hub, actor: actor.into(), commands: Semaphore::new(COMMANDS_TOGETHER) });
            if let Err(status) = call.go::<B>(messages, &sender, stopping).await {
                // The caller may be gone; nobody is left to be told then.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
