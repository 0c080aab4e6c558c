//! A replica in a test: clocks that move when told to, a way to the hub that can be cut, and streams of one's own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::clock::{Clock as _, ManualClock};
use devhub::hub::Hub;
use devhub_decision::{Decision, Digests, Environment, Limits, Question, Reason, Table, decide};
use devhub_gateway::{Clock, Replica, Settings};
use devhub_proto::v1;
use devhub_proto::v1::gateway_sync_service_client::GatewaySyncServiceClient;
use devhub_proto::v1::sync_request::Message as Asked;
use devhub_proto::v1::sync_response::Message as Told;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::world::*;

/// The clocks of a gateway: on the wall it reads what the hub reads, off by something; the other stands until it is moved.
#[derive(Clone)]
pub(crate) struct Clocks {
    wall: ManualClock,
    offset: TimeDelta,
    elapsed: Arc<Mutex<Duration>>,
}

impl Clocks {
    pub(crate) fn of(wall: &ManualClock) -> Clocks {
        Clocks { wall: wall.clone(), offset: TimeDelta::zero(), elapsed: Arc::default() }
    }

    pub(crate) fn off_by(self, offset: TimeDelta) -> Clocks {
        Clocks { offset, ..self }
    }

    pub(crate) fn set(&self, elapsed: Duration) {
        *self.elapsed.lock() = elapsed;
    }
}

impl Clock for Clocks {
    fn now(&self) -> DateTime<Utc> {
        self.wall.now() + self.offset
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock()
    }
}

/// A way to a hub, which may move to another address.
pub(crate) struct Wire {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    cuts: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    pub(crate) async fn to(target: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, target) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Some(target))));
        let (cuts, cut) = watch::channel(0);
        let to = Arc::clone(&target);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut cut) = (*to.lock(), cut.clone());
                cut.mark_unchanged();
                connections.spawn(async move {
                    let Some(target) = target else { return };
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Wire { address, target, cuts, task }
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts every connection; new ones go on being made.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts every connection, and new ones lead to this address, or nowhere.
    pub(crate) fn lead_to(&self, target: Option<SocketAddr>) {
        *self.target.lock() = target;
        self.cut();
    }
}

/// How replicas of tests behave: they are in a hurry.
pub(crate) fn settings(environment: Environment) -> Settings {
    Settings {
        backoff: (Duration::from_millis(1), Duration::from_millis(50)),
        report_every: None,
        ..Settings::new(environment, "gateway-1")
    }
}

/// A replica for the sandbox, behind a wire.
pub(crate) async fn follow(world: &World) -> (Replica, Clocks, Wire) {
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    let replica = Replica::follow(wire.channel(), settings(Environment::Sandbox), Arc::new(clocks.clone()));
    replica.reach(world.hub().change_log().newest().revision).await;
    (replica, clocks, wire)
}

/// Waits until the replica is where the hub is, and compares digests: kept, computed the long way, on both sides.
pub(crate) async fn meet(hub: &Hub, replica: &Replica) {
    let environment = replica.follower().environment();
    let stand = |hub: &Hub| {
        let (revision, digests) = hub.table().stand();
        (revision, digests.of(environment))
    };
    // A crier may commit at any moment: they meet when both stand still.
    replica.wait_for(|replica| replica.follower().stand().0 >= stand(hub).0).await;
    replica.ping();
    replica
        .wait_for(|replica| {
            matches!(replica.health(), devhub_gateway::Health::Serving) && replica.follower().stand() == stand(hub)
        })
        .await;
    let (held, told) = (rows(&replica.follower().table(), environment), rows(hub.table(), environment));
    assert_eq!(held, told);
    assert_eq!(replica.figures().divergences, 0);
}

/// The digest computed the long way.
fn rows(table: &Table, environment: Environment) -> u64 {
    let rows: Vec<_> = (0..Table::PARTS).flat_map(|part| table.part(part, environment)).collect();
    Digests::of_rows(&rows).of(environment)
}

/// A decision with all that belongs to it, as text.
fn whole(decision: &Decision<'_>) -> String {
    format!("{decision:?}")
}

/// What the hub decides at an instant and what the replica does, and the reason of the hub.
pub(crate) fn both(hub: &Hub, replica: &Replica, question: &Question<'_>, now: DateTime<Utc>) -> ([String; 2], Reason) {
    let ttl = TimeDelta::seconds(30);
    let limits = Limits::new(ttl, ttl).unwrap();
    let (theirs, reason) = hub.table().ask(question, |facts| {
        let decision = decide(facts, now, limits);
        (whole(&decision), decision.reason)
    });
    let ours = replica.follower().decide(question, now, replica_elapsed(replica), |_, decision| whole(decision));
    ([theirs, ours.unwrap()], reason)
}

/// A moment at which the lease holds.
fn replica_elapsed(replica: &Replica) -> Duration {
    assert_eq!(replica.health(), devhub_gateway::Health::Serving);
    Duration::ZERO
}

pub(crate) fn asked<'a>(client_id: &'a str, label: &'a str, environment: Environment) -> Question<'a> {
    Question { client_id, context: CONTEXT, label, environment, operation: None, company: None, project: None }
}

/// The reason of the replica's decision, or why there is none.
pub(crate) fn decided(replica: &Replica, id: &str, label: &str) -> String {
    let client_id = client(id);
    let question = asked(&client_id, label, Environment::Sandbox);
    match replica.decide(&question, |decision| format!("{} {}", decision.verdict(), decision.reason)) {
        Ok(words) => words,
        Err(unready) => format!("{unready:?}"),
    }
}

/// A stream that a test speaks itself.
pub(crate) struct Stream {
    pub(crate) requests: mpsc::Sender<v1::SyncRequest>,
    pub(crate) inbound: Streaming<v1::SyncResponse>,
    nonce: u64,
}

/// A snapshot or a delta.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) begin: v1::SyncBegin,
    pub(crate) rows: Vec<v1::SyncRows>,
    pub(crate) commit: v1::SyncCommit,
}

impl Group {
    pub(crate) fn kind(&self) -> (v1::SyncKind, v1::SyncReason) {
        (self.begin.kind(), self.begin.reason())
    }

    pub(crate) fn messages(&self) -> Vec<v1::SyncResponse> {
        let rows = self.rows.iter().cloned().map(Told::Rows);
        let told = std::iter::once(Told::Begin(self.begin)).chain(rows).chain([Told::Commit(self.commit.clone())]);
        told.map(message).collect()
    }
}

pub(crate) fn message(told: Told) -> v1::SyncResponse {
    v1::SyncResponse { message: Some(told) }
}

pub(crate) fn ping(nonce: u64, applied_revision: u64, applied_digest: u64) -> v1::SyncRequest {
    let ping = v1::SyncPing { nonce, applied_revision, applied_digest, error: String::new() };
    v1::SyncRequest { message: Some(Asked::Ping(ping)) }
}

impl Stream {
    pub(crate) async fn open(channel: Channel, first: v1::SyncRequest) -> Result<Stream, Status> {
        let (requests, receiver) = mpsc::channel(1024);
        requests.send(first).await.unwrap();
        let mut client = GatewaySyncServiceClient::new(channel);
        let inbound = client.sync(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Stream { requests, inbound, nonce: 0 })
    }

    /// A stream for the sandbox.
    pub(crate) async fn resume(world: &World, token: Vec<u8>) -> Stream {
        let first = devhub_gateway::replica::start(Environment::Sandbox, "gateway-1", token);
        Stream::open(world.channel.clone(), first).await.unwrap()
    }

    pub(crate) async fn next(&mut self) -> Result<Told, Status> {
        Ok(self.inbound.message().await?.expect("the stream goes on").message.unwrap())
    }

    /// The next group.
    pub(crate) async fn group(&mut self) -> Group {
        let Told::Begin(begin) = self.next().await.unwrap() else { panic!("a begin") };
        self.rest(begin).await
    }

    async fn rest(&mut self, begin: v1::SyncBegin) -> Group {
        let mut rows = Vec::new();
        loop {
            match self.next().await.unwrap() {
                Told::Rows(more) => rows.push(more),
                Told::Commit(commit) => return Group { begin, rows, commit },
                Told::Begin(_) | Told::Pong(_) => panic!("within a group"),
            }
        }
    }

    /// All groups up to the answer to a ping, and that.
    pub(crate) async fn ping(&mut self, applied_revision: u64, applied_digest: u64) -> (Vec<Group>, v1::SyncPong) {
        self.nonce += 1;
        self.requests.send(ping(self.nonce, applied_revision, applied_digest)).await.unwrap();
        let mut groups = Vec::new();
        loop {
            match self.next().await.unwrap() {
                Told::Begin(begin) => groups.push(self.rest(begin).await),
                Told::Pong(pong) if pong.nonce == self.nonce => return (groups, pong),
                Told::Pong(_) => {}
                Told::Rows(_) | Told::Commit(_) => panic!("outside of a group"),
            }
        }
    }
}
