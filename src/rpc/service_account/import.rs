//! The call of ServiceAccountService that brings accounts from another system: one command for each account, so every
//! rule is the command's. Here is only the order: side by side over companies, one after the other within one, since
//! each account of a company changes the company's record.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use devhub_proto::v1;
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::ServiceAccountRpc;
use crate::domain::Actor;
use crate::domain::name::ClientId;
use crate::domain::refusal::Refusal;
use crate::domain::register::ClientIdOrigin;
use crate::domain::service_account::{CreateServiceAccount, Created, TEXT_CHARS_MAX};
use crate::hub::{self, Done, Failure, Hub, Mode};
use crate::ids;
use crate::rpc::parse::{self, Fields};
use crate::rpc::{revision, status};

/// Most accounts of one message.
const ACCOUNTS_MAX: usize = 500;

/// Messages of one call that are worked on at a time: what is held of a call does not grow with its length.
const MESSAGES_TOGETHER: usize = 8;

/// Commands of one call that wait for the disk together, so that they share its syncs.
const COMMANDS_TOGETHER: usize = 128;

/// Answers that wait for a slow reader; the call then waits for it.
const STREAM_BUFFER: usize = 4;

/// Calls of this kind at a time.
pub(super) const CALLS_MAX: usize = 4;

/// What the call answers with.
pub(super) type Answers = Pin<Box<dyn Stream<Item = Result<v1::ImportServiceAccountsResponse, Status>> + Send>>;

/// The command that brings an account.
fn command(given: &v1::ServiceAccount) -> Result<CreateServiceAccount, Refusal> {
    let mut fields = Fields::default();
    let company = fields.name("company_id", &given.company_id);
    let client_id = fields.name::<ClientId>("client_id", &given.client_id);
    let id = fields.name_or_none("account_id", &given.account_id);
    let name = fields.needed_text("name", &given.name, TEXT_CHARS_MAX);
    let account_type = super::account_type(&mut fields, "account_type", given.account_type.as_ref());
    let permissions = super::permissions(&mut fields, "permissions", given.permissions.as_ref());
    if given.create_time.is_none() {
        fields.violate("create_time", "must be given: since when the account exists in the other system");
    }
    let created = fields.instant("create_time", given.create_time.as_ref());
    let (Some(company), Some(client_id), Some(created), true) = (company, client_id, created, fields.is_clean()) else {
        return Err(Refusal::InvalidFields(fields.into_violations()));
    };
    Ok(CreateServiceAccount {
        id: id.unwrap_or_else(|| ids::brought_account(&client_id)),
        client_id,
        client_id_origin: ClientIdOrigin::Brought,
        company,
        name,
        account_type,
        permissions,
        created: Created::Elsewhere(created),
    })
}

/// The companies that accounts are being brought for, each with its last in the queue.
#[derive(Default)]
struct Queues(HashMap<String, oneshot::Receiver<()>>);

/// A place in the queue of a company: it is given up when it is dropped, however that comes about.
struct Place {
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

impl Queues {
    fn join(&mut self, company: &str) -> Place {
        let (done, behind) = oneshot::channel();
        Place { before: self.0.insert(company.to_owned(), behind), _done: done }
    }

    /// Forgets the companies that nobody stands in line for any more.
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
    /// Judges, and unless told otherwise commits, one account.
    ///
    /// # Errors
    /// When the hub cannot go on: the others would fare no better.
    async fn one(&self, given: &v1::ServiceAccount, mode: Mode) -> Result<v1::ImportVerdict, Failure> {
        match self.try_one(given, mode).await {
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

    async fn try_one(&self, given: &v1::ServiceAccount, mode: Mode) -> Result<hub::Answer, Failure> {
        let command = command(given)?;
        let _place = self.commands.acquire().await.map_err(|_| Failure::Defect)?;
        let request = hub::Request { mode, ..hub::Request::once() };
        self.hub.execute(self.actor.clone(), command.into(), request).await
    }

    /// The accounts of one company in one message, in order.
    async fn company(
        &self,
        mut place: Place,
        accounts: Vec<(usize, v1::ServiceAccount)>,
        mode: Mode,
    ) -> Result<Vec<(usize, v1::ImportVerdict)>, Failure> {
        place.turn().await;
        let mut verdicts = Vec::with_capacity(accounts.len());
        if mode == Mode::ValidateOnly {
            // What changes nothing need not be done in order.
            let judged = join_all(accounts.iter().map(|(_, account)| self.one(account, mode))).await;
            for ((position, _), verdict) in accounts.iter().zip(judged) {
                verdicts.push((*position, verdict?));
            }
        } else {
            for (position, account) in &accounts {
                verdicts.push((*position, self.one(account, mode).await?));
            }
        }
        Ok(verdicts)
    }

    /// Begins one message: its accounts join the queues at once, so that a later message stands behind it.
    fn message(
        self: Arc<Self>,
        message: v1::ImportServiceAccountsRequest,
        queues: &mut Queues,
    ) -> Result<impl Future<Output = Result<v1::ImportServiceAccountsResponse, Status>> + use<>, Status> {
        let mut fields = Fields::default();
        if message.accounts.len() > ACCOUNTS_MAX {
            fields
                .violate("accounts", format!("at most {ACCOUNTS_MAX} are accepted; send the rest in further messages"));
        }
        fields.check()?;
        let mode = parse::mode(message.validate_only);
        let count = message.accounts.len();
        let mut companies: HashMap<String, Vec<(usize, v1::ServiceAccount)>> = HashMap::new();
        for (position, account) in message.accounts.into_iter().enumerate() {
            companies.entry(account.company_id.clone()).or_default().push((position, account));
        }
        queues.forget();
        let places: Vec<_> = companies.into_iter().map(|(id, accounts)| (queues.join(&id), accounts)).collect();
        Ok(async move {
            let work = places.into_iter().map(|(place, accounts)| self.company(place, accounts, mode));
            let done = try_join_all(work).await.map_err(status::failed)?;
            let mut verdicts = vec![v1::ImportVerdict::default(); count];
            for (position, verdict) in done.into_iter().flatten() {
                verdicts[position] = verdict;
            }
            Ok(v1::ImportServiceAccountsResponse { verdicts })
        })
    }

    /// Refuses a call that no account would be brought by.
    async fn admit(&self, first: &v1::ImportServiceAccountsRequest) -> Result<(), Status> {
        if self.actor.is_staff() {
            return Ok(());
        }
        // The first account is enough to be refused, and to leave a fact of it.
        let refused = match first.accounts.first() {
            Some(account) => self.try_one(account, parse::mode(first.validate_only)).await.err(),
            None => None,
        };
        let by_rule = || Refusal::OperatorRequired("bring service accounts from another system").into();
        Err(status::failed(refused.unwrap_or_else(by_rule)))
    }

    /// Does all, until the caller goes away, the hub stops, or it cannot go on.
    async fn go(
        self: Arc<Self>,
        mut messages: Streaming<v1::ImportServiceAccountsRequest>,
        sender: &mpsc::Sender<Result<v1::ImportServiceAccountsResponse, Status>>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), Status> {
        let mut queues = Queues::default();
        let mut working = FuturesOrdered::new();
        let (mut open, mut admitted) = (true, false);
        while open || !working.is_empty() {
            tokio::select! {
                () = told_to_stop(&mut stopping) => return Err(status::stopping()),
                message = messages.message(), if open && working.len() < MESSAGES_TOGETHER => match message? {
                    Some(message) => {
                        if !admitted {
                            self.admit(&message).await?;
                            admitted = true;
                        }
                        working.push_back(Arc::clone(&self).message(message, &mut queues)?);
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

impl ServiceAccountRpc {
    pub(super) fn import(
        &self,
        request: Request<Streaming<v1::ImportServiceAccountsRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let actor = parse::actor(request.metadata())?;
        let messages = request.into_inner();
        let stopping = self.stopping.clone();
        let hub = self.hub.clone();
        let place = Arc::clone(&self.imports).try_acquire_owned();
        let place = place.map_err(|_| status::too_many_calls(CALLS_MAX))?;
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        tokio::spawn(async move {
            let _place = place;
            let call = Arc::new(Call { hub, actor, commands: Semaphore::new(COMMANDS_TOGETHER) });
            if let Err(status) = call.go(messages, &sender, stopping).await {
                // The caller may be gone; nobody is left to be told then.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
