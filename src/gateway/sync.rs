//! GatewaySyncService: gateways follow the decision table.
//!
//! One task serves one gateway, so that what it sends is in order: it answers a ping only after everything up to that
//! moment was sent. It holds a position in the change log and no copy of anything; a gateway that is slow costs that
//! position, a few messages, and after a while its stream.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use devhub_decision::{Change, Limits, Table, Verdict};
use devhub_proto::v1;
use devhub_proto::v1::gateway_sync_service_server::GatewaySyncService;
use devhub_proto::v1::sync_request::Message as Asked;
use devhub_proto::v1::sync_response::Message as Told;
use devhub_sync::RowsWriter;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::bound::Asker;
use super::fleet::{Fleet, Member};
use super::token::Tokens;
use crate::domain::name::Context;
use crate::hub::{Followed, Hub, Step};
use crate::rpc::parse::Fields;
use crate::rpc::status;
use crate::secret::Seals;
use crate::telemetry::{Metrics, SyncCount, SyncGauge};
use crate::wire::timestamp;

/// Messages that wait for a slow gateway.
const STREAM_BUFFER: usize = 16;

/// About how many rows of a delta are committed together.
const DELTA_ROWS: usize = 10_000;

/// Most contexts that a gateway may ask for.
const CONTEXTS_MAX: usize = 1000;

/// Longest id of a gateway, in bytes.
const GATEWAY_ID_BYTES_MAX: usize = 64;

/// How long the hub waits for gateways, and how many it lets begin anew at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a gateway may take nothing of what is sent to it.
    pub patience: Duration,
    /// Snapshots at a time: each walks the whole table.
    pub snapshots_max: usize,
    /// How long a snapshot may take: whoever is slower would keep others waiting for theirs.
    pub snapshot_time_max: Duration,
}

/// Serves GatewaySyncService.
pub struct SyncRpc {
    shared: Arc<Shared>,
}

struct Shared {
    hub: Hub,
    tokens: Tokens,
    /// How long an answer may be cached, and a gateway be trusted without a word: both bound how stale an answer gets.
    ttl: Duration,
    pace: Pace,
    fleet: Fleet,
    metrics: Metrics,
    stopping: watch::Receiver<bool>,
    snapshots: Semaphore,
}

impl SyncRpc {
    /// Serves the table of `hub` to `fleet`. Tokens are sealed with `seals`; an answer is good for as long as `limits` say;
    /// a gateway that does not keep the pace is cut off.
    pub fn new(
        hub: Hub,
        limits: Limits,
        seals: Seals,
        pace: Pace,
        fleet: Fleet,
        metrics: Metrics,
        stopping: watch::Receiver<bool>,
    ) -> SyncRpc {
        let tokens = Tokens::new(seals, hub.history(), &hub.rules().policies);
        let ttl = limits.ttl(Verdict::Allow).to_std().unwrap_or_default();
        let snapshots = Semaphore::new(pace.snapshots_max);
        SyncRpc { shared: Arc::new(Shared { hub, tokens, ttl, pace, fleet, metrics, stopping, snapshots }) }
    }
}

/// Checks what a gateway calls itself.
pub(super) fn check_gateway_id(fields: &mut Fields, field: &str, id: &str) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(1..=GATEWAY_ID_BYTES_MAX).contains(&id.len()) || !id.bytes().all(fits) {
        let sentence = format!("must have 1 to {GATEWAY_ID_BYTES_MAX} letters, digits, '-', '_' and '.'");
        fields.violate(field, sentence);
    }
}

/// What a start says.
struct Start {
    view: Followed,
    gateway_id: String,
    token: Vec<u8>,
}

/// The contexts that a gateway asks for; `None` for all.
fn contexts(fields: &mut Fields, asked: Vec<String>) -> Option<Arc<BTreeSet<Box<str>>>> {
    if asked.len() > CONTEXTS_MAX {
        let remedy = "leave them out to follow all";
        fields.violate("start.contexts", format!("has {}, at most {CONTEXTS_MAX}; {remedy}", asked.len()));
        return None;
    }
    for (position, context) in asked.iter().enumerate() {
        let _ = fields.name::<Context>(&format!("start.contexts[{position}]"), context);
    }
    (!asked.is_empty()).then(|| Arc::new(asked.into_iter().map(String::into_boxed_str).collect()))
}

fn parse(first: Option<v1::SyncRequest>) -> Result<Start, Status> {
    let mut fields = Fields::default();
    let Some(Asked::Start(start)) = first.and_then(|first| first.message) else {
        fields.violate("start", "must be the first message");
        return Err(fields.refuse());
    };
    check_gateway_id(&mut fields, "start.gateway_id", &start.gateway_id);
    match devhub_sync::environment(start.environment) {
        Ok(environment) => {
            let contexts = contexts(&mut fields, start.contexts);
            fields.check()?;
            let view = Followed { environment, contexts };
            Ok(Start { view, gateway_id: start.gateway_id, token: start.resume_token })
        }
        Err(_) => {
            fields.violate("start.environment", "must be ENVIRONMENT_SANDBOX or ENVIRONMENT_PRODUCTION");
            Err(fields.refuse())
        }
    }
}

#[tonic::async_trait]
impl GatewaySyncService for SyncRpc {
    type SyncStream = Pin<Box<dyn Stream<Item = Result<v1::SyncResponse, Status>> + Send>>;

    async fn sync(&self, request: Request<Streaming<v1::SyncRequest>>) -> Result<Response<Self::SyncStream>, Status> {
        let (_, extensions, mut requests) = request.into_parts();
        let Start { view, gateway_id, token } = parse(requests.message().await?)?;
        let asker = Asker::of(&extensions);
        asker.check(view.environment)?;
        asker.check_name(&gateway_id)?;
        let shared = Arc::clone(&self.shared);
        // Whoever has no stream decides nothing once the lease runs out.
        if shared.hub.is_held() {
            return Err(status::undecided(devhub_gateway::Unready::Unconfirmed));
        }
        let joined = shared.fleet.join(&gateway_id, view.environment, shared.hub.now());
        let member = joined.ok_or_else(|| status::too_many_gateways(shared.fleet.streams_max()))?;
        let present = Arc::new(Present { hub: shared.hub.clone(), member });
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        // Beside the buffer, because that may be full when the end has to be told.
        let (ending, end) = oneshot::channel();
        tokio::spawn(async move {
            let _counted = shared.metrics.sync_gauge(SyncGauge::Streams);
            let (mut stopping, taking) = (shared.stopping.clone(), sender.clone());
            let member = Arc::clone(&present);
            let mut session = Session { shared, view, present, sender, position: 0, checked_from: 0 };
            let over = tokio::select! {
                () = member.member.closed() => Err(Some(status::gateway_disconnected())),
                () = stopped(&mut stopping) => Err(Some(status::stopping())),
                () = taking.closed() => Err(None),
                over = session.serve(requests, &token) => over,
            };
            if let Err(Some(status)) = over {
                let _ = ending.send(status);
            }
        });
        let end = end.shared();
        let ended = end.clone().then(async |end| {
            // Whoever ends without a status is still sent what waits.
            if end.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let told = ReceiverStream::new(receiver).map(Ok).take_until(Box::pin(ended));
        let end = futures_util::stream::once(end).filter_map(async |end| end.ok().map(Err));
        Ok(Response::new(Box::pin(told.chain(end))))
    }
}

/// Waits until the hub stops; the end of whoever would say so is a stop as well.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// A gateway that has a stream, for as long as this lives.
struct Present {
    hub: Hub,
    member: Member,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.member.leave(self.hub.now());
    }
}

/// The stream is over: with a status, or because nobody is there.
type Over = Option<Status>;

/// One gateway.
struct Session {
    shared: Arc<Shared>,
    view: Followed,
    present: Arc<Present>,
    sender: mpsc::Sender<v1::SyncResponse>,
    /// Everything up to this revision was sent.
    position: u64,
    /// Digests of older revisions are not compared: a snapshot has replaced what they were of.
    checked_from: u64,
}

impl Session {
    async fn serve(&mut self, mut requests: Streaming<v1::SyncRequest>, token: &[u8]) -> Result<(), Over> {
        let mut newest = self.shared.hub.change_log().watch();
        match self.resumable(token) {
            Ok(revision) => {
                self.shared.metrics.synced(SyncCount::Resumed);
                self.position = revision;
                self.delta(v1::SyncReason::Resumed).await?;
            }
            Err(reason) => self.snapshot(reason).await?,
        }
        loop {
            tokio::select! {
                asked = requests.message() => match asked {
                    Ok(Some(v1::SyncRequest { message: Some(Asked::Ping(ping)) })) => self.answer(ping).await?,
                    Ok(Some(v1::SyncRequest { message: Some(Asked::Start(_)) | None })) => {
                        let mut fields = Fields::default();
                        fields.violate("message", "must be a ping after the first one");
                        return Err(Some(fields.refuse()));
                    }
                    Ok(None) | Err(_) => return Err(None),
                },
                changed = newest.changed() => match changed {
                    Ok(()) => self.catch_up().await?,
                    Err(_) => return Err(None),
                },
            }
        }
    }

    /// The revision to go on from.
    fn resumable(&self, token: &[u8]) -> Result<u64, v1::SyncReason> {
        let revision = self.shared.tokens.read(&self.view, token)?;
        let found = self.shared.hub.change_log().after(revision, 1, &self.view);
        found.map(|_| revision).ok_or(v1::SyncReason::TooOld)
    }

    /// Sends what was committed since the position.
    async fn catch_up(&mut self) -> Result<(), Over> {
        while self.position < self.shared.hub.change_log().newest().revision {
            self.delta(v1::SyncReason::Commits).await?;
        }
        Ok(())
    }

    /// Sends one delta, even if there is nothing in it.
    async fn delta(&mut self, reason: v1::SyncReason) -> Result<(), Over> {
        let step = self.step(DELTA_ROWS)?;
        self.send(Told::Begin(self.begin(v1::SyncKind::Delta, reason, 0))).await?;
        let mut writer = RowsWriter::default();
        self.write(&mut writer, step.changes.iter().flat_map(|changes| changes.iter())).await?;
        self.finish(writer, &step).await
    }

    /// Sends all rows. They are copied part by part, and what is committed meanwhile is sent in between, so a snapshot
    /// never falls behind by more than a part; at its commit each row is as of the revision of that.
    async fn snapshot(&mut self, reason: v1::SyncReason) -> Result<(), Over> {
        let shared = Arc::clone(&self.shared);
        let waiting = shared.metrics.sync_gauge(SyncGauge::SnapshotsWaiting);
        let _turn = shared.snapshots.acquire().await.map_err(|_| None)?;
        drop(waiting);
        let _running = shared.metrics.sync_gauge(SyncGauge::SnapshotsRunning);
        shared.metrics.synced(SyncCount::Snapshot);
        let sending = tokio::time::timeout(shared.pace.snapshot_time_max, self.send_snapshot(&shared, reason));
        sending.await.unwrap_or_else(|_| Err(Some(self.cut())))
    }

    async fn send_snapshot(&mut self, shared: &Shared, reason: v1::SyncReason) -> Result<(), Over> {
        let (table, log) = (shared.hub.table(), shared.hub.change_log());
        self.position = log.newest().revision;
        let counts = table.counts();
        let rows_hint = counts.versions + counts.applications + counts.subscriptions + counts.service_accounts;
        let begin = self.begin(v1::SyncKind::Snapshot, reason, (rows_hint + counts.installations) as u64);
        self.send(Told::Begin(begin)).await?;
        let mut writer = RowsWriter::default();
        for part in 0..Table::PARTS {
            let rows = table.part(part, self.view.environment);
            self.write(&mut writer, rows.iter()).await?;
            let Step { changes, stand, .. } = self.step(usize::MAX)?;
            self.write(&mut writer, changes.iter().flat_map(|changes| changes.iter())).await?;
            self.position = stand.revision;
        }
        // A part may be newer than the log for a moment: its commit must be in the log before this one is told.
        let reached = table.revision();
        let mut newest = log.watch();
        let waited = newest.wait_for(|revision| *revision >= reached).await.map(|_| ());
        waited.map_err(|_| None)?;
        let step = self.step(usize::MAX)?;
        self.write(&mut writer, step.changes.iter().flat_map(|changes| changes.iter())).await?;
        self.checked_from = step.stand.revision;
        self.finish(writer, &step).await
    }

    /// What came after the position.
    fn step(&self, rows_max: usize) -> Result<Step, Over> {
        self.shared.hub.change_log().after(self.position, rows_max, &self.view).ok_or_else(|| Some(self.cut()))
    }

    /// Writes rows, and sends what is full.
    async fn write(&self, writer: &mut RowsWriter, rows: impl Iterator<Item = &Change>) -> Result<(), Over> {
        for row in rows.filter(|row| self.view.shows(row)) {
            writer.write(row);
            if writer.is_full()
                && let Some(rows) = writer.take()
            {
                self.send(Told::Rows(rows)).await?;
            }
        }
        Ok(())
    }

    /// Sends the last rows of a group, and its commit.
    async fn finish(&mut self, mut writer: RowsWriter, Step { stand, digest, .. }: &Step) -> Result<(), Over> {
        if let Some(rows) = writer.take() {
            self.send(Told::Rows(rows)).await?;
        }
        self.position = stand.revision;
        self.send(Told::Commit(v1::SyncCommit {
            revision: stand.revision,
            resume_token: self.shared.tokens.at(&self.view, stand.revision),
            digest: *digest,
            latest_time: (stand.revision > 0).then(|| timestamp(stand.latest)),
        }))
        .await?;
        self.present.member.sent(stand.revision);
        Ok(())
    }

    async fn answer(&mut self, ping: v1::SyncPing) -> Result<(), Over> {
        let now = self.shared.hub.now();
        self.present.member.pinged(ping.applied_revision, ping.applied_digest, &ping.error, now);
        let log = self.shared.hub.change_log();
        let held = log.digest_at(ping.applied_revision, &self.view);
        let differs = held.is_some_and(|held| held != ping.applied_digest);
        if ping.applied_revision > 0 && ping.applied_revision >= self.checked_from && differs {
            tracing::warn!(
                revision = ping.applied_revision,
                "a gateway holds other rows than the hub; it gets them anew"
            );
            self.snapshot(v1::SyncReason::DigestMismatch).await?;
        }
        // Whoever was told of a commit before the ping was sent: here it is on the wire before the answer.
        self.catch_up().await?;
        self.send(Told::Pong(v1::SyncPong {
            nonce: ping.nonce,
            revision: self.position,
            resume_token: self.shared.tokens.at(&self.view, self.position),
            server_time: Some(timestamp(self.shared.hub.now())),
            trust_for: prost_types::Duration::try_from(self.shared.ttl).ok(),
        }))
        .await
    }

    fn begin(&self, kind: v1::SyncKind, reason: v1::SyncReason, rows_hint: u64) -> v1::SyncBegin {
        let decision_ttl = prost_types::Duration::try_from(self.shared.ttl).ok();
        v1::SyncBegin { kind: kind.into(), reason: reason.into(), rows_hint, decision_ttl }
    }

    /// Puts a message into the buffer; one that stays full is the end of the stream.
    async fn send(&self, message: Told) -> Result<(), Over> {
        let message = v1::SyncResponse { message: Some(message) };
        match tokio::time::timeout(self.shared.pace.patience, self.sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(self.cut())),
        }
    }

    fn cut(&self) -> Status {
        self.shared.metrics.synced(SyncCount::Cut);
        status::follower_too_slow()
    }
}
