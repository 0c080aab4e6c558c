//! A replica: a follower, its clocks, and the task that keeps it connected.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{Decision, Environment, Facts, Question};
use devhub_proto::v1;
use devhub_proto::v1::gateway_sync_service_client::GatewaySyncServiceClient;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::copy;
use crate::fault::{DeltaBounds, Fault};
use crate::follower::Follower;
use crate::health::{Figures, Health, Unready};
use crate::metrics;
use crate::usage::{COUNTS_MAX, UsageTally};

/// How a replica behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The environment of the gateway.
    pub environment: Environment,
    /// The contexts of the APIs that the gateway serves, exactly; at most 1,000. Of others nothing is sent, and questions
    /// about them are not decided. None at all, the default: everything is sent.
    pub contexts: BTreeSet<Box<str>>,
    /// What operators call it: 1 to 64 letters, digits, '-', '_' and '.'.
    pub gateway_id: String,
    /// How long it goes on after its lease has run out, instead of refusing to decide. Default zero. Whoever sets it
    /// publishes the sum of both as the bound on how stale a decision can be.
    pub serve_stale: Duration,
    /// The difference from the hub's clock from which on it does not decide. Default 5 seconds.
    pub clock_offset_max: Duration,
    /// How often it pings; none, the default, for a third of the time that the hub may be trusted. At least three times in
    /// [`Settings::silence_max`] in any case.
    pub ping_every: Option<Duration>,
    /// Without a word of the hub for as long as this, it connects anew. Default 20 seconds.
    pub silence_max: Duration,
    /// The shortest and the longest bound of the wait between two attempts to connect. Default 100 ms and 10 s.
    pub backoff: (Duration, Duration),
    /// Where a copy of what it holds is kept, for a fast restart; none, the default, for nowhere. See [`crate::copy`].
    pub copy_file: Option<PathBuf>,
    /// How often that is written. Default one minute.
    pub copy_every: Duration,
    /// How often calls of subscribers are reported; none for never. Default one minute.
    pub report_every: Option<Duration>,
    /// How many subscriptions and days are counted between two reports; calls of more are lost, and counted as such.
    /// Default 1,048,576.
    pub usage_counts_max: usize,
    /// Largest message of the hub that is accepted, in bytes. Default 16 MiB; a message of rows is far smaller, unless one
    /// version alone is large.
    pub message_bytes_max: usize,
    /// How much of a delta may wait for its commit. One that is larger is given up for a snapshot.
    pub delta_bounds: DeltaBounds,
}

impl Settings {
    /// The defaults.
    pub fn new(environment: Environment, gateway_id: impl Into<String>) -> Settings {
        Settings {
            environment,
            contexts: BTreeSet::new(),
            gateway_id: gateway_id.into(),
            serve_stale: Duration::ZERO,
            clock_offset_max: Duration::from_secs(5),
            ping_every: None,
            silence_max: Duration::from_secs(20),
            backoff: (Duration::from_millis(100), Duration::from_secs(10)),
            copy_file: None,
            copy_every: Duration::from_secs(60),
            report_every: Some(Duration::from_secs(60)),
            usage_counts_max: COUNTS_MAX,
            message_bytes_max: 16 << 20,
            delta_bounds: DeltaBounds::default(),
        }
    }
}

struct Shared {
    follower: Follower,
    clock: Arc<dyn Clock>,
    settings: Settings,
    tally: UsageTally,
    /// Counts messages, for whoever waits for something.
    heard: watch::Sender<u64>,
    /// The sentence of the last end of a stream.
    trouble: parking_lot::Mutex<Option<String>>,
    nudge: Notify,
}

/// A copy of the decision table that decides by itself. Cheap to share; it ends with the last handle.
#[derive(Clone)]
pub struct Replica(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Replica {
    /// Follows the hub behind `channel` from now on, connecting again whenever it has to.
    pub fn follow(channel: Channel, settings: Settings, clock: Arc<dyn Clock>) -> Replica {
        let follower = Follower::new(
            settings.environment,
            settings.gateway_id.clone(),
            settings.clock_offset_max,
            settings.serve_stale,
        )
        .bounded(settings.delta_bounds)
        .about(settings.contexts.clone());
        // Without a copy that can be used, it begins anew.
        let trouble = settings.copy_file.as_ref().and_then(|file| copy::read(&follower, file, clock.now()).err());
        let tally = UsageTally::new(settings.environment, settings.gateway_id.clone(), settings.clock_offset_max);
        let shared = Arc::new(Shared {
            follower,
            clock,
            tally: tally.bounded(settings.usage_counts_max),
            settings,
            heard: watch::Sender::new(0),
            trouble: parking_lot::Mutex::new(trouble.map(|error| format!("the copy cannot be used: {error}"))),
            nudge: Notify::new(),
        });
        let mut tasks = vec![tokio::spawn(keep_following(Arc::clone(&shared), channel.clone()))];
        if shared.settings.copy_file.is_some() {
            tasks.push(tokio::spawn(keep_copying(Arc::clone(&shared))));
        }
        if let Some(every) = shared.settings.report_every {
            tasks.push(tokio::spawn(keep_reporting(Arc::clone(&shared), channel, every)));
        }
        Replica(Arc::new(Handle { shared, tasks }))
    }

    /// Judges a call, and lends the decision to `answer`. `answer` must not call back into the replica, and should only
    /// render.
    ///
    /// # Errors
    /// When it does not decide: the gateway answers 503.
    pub fn decide<R>(&self, question: &Question<'_>, answer: impl FnOnce(&Decision<'_>) -> R) -> Result<R, Unready> {
        self.decide_at(question, self.now(), answer)
    }

    /// The same at an instant that [`Replica::instant`] gave for the call, so that all that is said of it is of one moment.
    ///
    /// # Errors
    /// When it does not decide: the gateway answers 503.
    pub fn decide_at<R>(
        &self,
        question: &Question<'_>,
        now: DateTime<Utc>,
        answer: impl FnOnce(&Decision<'_>) -> R,
    ) -> Result<R, Unready> {
        let shared = &self.0.shared;
        shared.follower.decide(question, now, shared.clock.elapsed(), |facts, decision| {
            shared.count(question, facts, decision, now);
            answer(decision)
        })
    }

    /// The same for many calls at one revision; `answer` gets the index of each.
    ///
    /// # Errors
    /// When it does not decide one of them: then it decides none.
    pub fn decide_all_at<R>(
        &self,
        questions: &[Question<'_>],
        now: DateTime<Utc>,
        mut answer: impl FnMut(usize, &Decision<'_>) -> R,
    ) -> Result<Vec<R>, Unready> {
        let shared = &self.0.shared;
        shared.follower.decide_all(questions, now, shared.clock.elapsed(), |index, facts, decision| {
            shared.count(&questions[index], facts, decision, now);
            answer(index, decision)
        })
    }

    /// The instant at which a call that comes in now is judged: by the clock on the wall, and never before the latest
    /// command.
    pub fn instant(&self) -> DateTime<Utc> {
        self.now().max(self.follower().latest())
    }

    /// Whether it decides a call that comes in now; one that it does not is counted.
    ///
    /// # Errors
    /// When it does not.
    pub fn ready(&self) -> Result<(), Unready> {
        self.follower().ready(self.0.shared.clock.elapsed())
    }

    /// Whether an API lies at this context.
    ///
    /// # Errors
    /// When it does not decide, or the environment is the other one: then it does not know.
    pub fn has_api(&self, context: &str, environment: Environment) -> Result<bool, Unready> {
        self.follower().has_api(context, environment, self.0.shared.clock.elapsed())
    }

    /// How long it may still decide without another word of the hub; zero if it may not.
    pub fn lease_left(&self) -> Duration {
        self.follower().lease_left(self.0.shared.clock.elapsed())
    }

    /// Whether it decides.
    pub fn health(&self) -> Health {
        self.0.shared.follower.health(self.0.shared.clock.elapsed())
    }

    /// The instant of the wall clock up to which it goes on deciding if the hub says nothing more; none if it does not
    /// decide. It is what a lease comes to for those who only read a wall clock, as long as nobody sets that.
    pub fn trusted_until(&self) -> Option<DateTime<Utc>> {
        let shared = &self.0.shared;
        // In this order: what passes between the two readings shortens it.
        let now = shared.clock.now();
        let left = shared.follower.trusted_for(shared.clock.elapsed());
        let left = TimeDelta::from_std(left).ok().filter(|left| *left > TimeDelta::zero())?;
        now.checked_add_signed(left)
    }

    /// Changes with each message of the hub, and with each end of a stream.
    pub fn heard(&self) -> watch::Receiver<u64> {
        self.0.shared.heard.subscribe()
    }

    /// What follows the hub.
    pub fn follower(&self) -> &Follower {
        &self.0.shared.follower
    }

    /// What it has done so far.
    pub fn figures(&self) -> Figures {
        self.0.shared.follower.figures()
    }

    /// What it has done so far and how it stands, as Prometheus text. All labels are words of closed sets.
    pub fn prometheus(&self) -> String {
        metrics::render(&self.figures(), self.health(), self.lease_left(), self.follower().stand().0)
    }

    /// Why the last stream ended, if one did.
    pub fn trouble(&self) -> Option<String> {
        self.0.shared.trouble.lock().clone()
    }

    /// Pings the hub now, or as soon as it is connected.
    pub fn ping(&self) {
        self.0.shared.nudge.notify_one();
    }

    /// Waits until `reached` holds. It is looked at after each message of the hub, and each end of a stream.
    pub async fn wait_for(&self, mut reached: impl FnMut(&Replica) -> bool) {
        let mut heard = self.0.shared.heard.subscribe();
        loop {
            heard.mark_unchanged();
            // The sender lives as long as this handle.
            if reached(self) || heard.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until it decides from at least this revision.
    pub async fn reach(&self, revision: u64) {
        self.wait_for(|replica| replica.follower().stand().0 >= revision && replica.health() == Health::Serving).await;
    }
}

/// Why a stream ended.
enum End {
    Status(Status),
    Fault(Fault),
    Silence,
}

impl End {
    fn sentence(&self) -> String {
        match self {
            End::Status(status) => status.message().to_owned(),
            End::Fault(fault) => fault.to_string(),
            End::Silence => "the hub said nothing for too long".to_owned(),
        }
    }
}

async fn keep_following(shared: Arc<Shared>, channel: Channel) {
    let (least, most) = shared.settings.backoff;
    let mut backoff = Backoff::new(least, most);
    let client = GatewaySyncServiceClient::new(channel).max_decoding_message_size(shared.settings.message_bytes_max);
    loop {
        let before = shared.follower.figures();
        let end = follow(&shared, client.clone()).await;
        *shared.trouble.lock() = Some(end.sentence());
        shared.heard.send_modify(|heard| *heard += 1);
        let after = shared.follower.figures();
        if after.snapshots + after.deltas > before.snapshots + before.deltas {
            backoff.succeed();
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// One stream, until it ends.
async fn follow(shared: &Shared, mut client: GatewaySyncServiceClient<Channel>) -> End {
    let Shared { follower, clock, settings, nudge, heard, .. } = shared;
    let (sender, receiver) = mpsc::channel(4);
    let ping = || follower.complain(clock.elapsed(), clock.now(), shared.complaint());
    // Both fit: the channel is empty.
    let _ = sender.try_send(follower.start());
    let _ = sender.try_send(ping());
    let opening = tokio::time::timeout(settings.silence_max, client.sync(ReceiverStream::new(receiver))).await;
    let mut inbound = match opening {
        Ok(Ok(response)) => response.into_inner(),
        Ok(Err(status)) => return End::Status(status),
        Err(_) => return End::Silence,
    };
    let mut pinged = tokio::time::Instant::now();
    let mut spoken = pinged;
    loop {
        let every = settings.ping_every.or(follower.trust_for().map(|trust_for| trust_for / 3));
        // A hub that has nothing to tell answers pings: without them its silence would say nothing.
        let next = pinged + every.unwrap_or(Duration::from_secs(1)).min(settings.silence_max / 3);
        tokio::select! {
            message = tokio::time::timeout_at(spoken + settings.silence_max, inbound.message()) => match message {
                Ok(Ok(Some(message))) => {
                    let received = follower.receive(message, clock.now());
                    spoken = tokio::time::Instant::now();
                    heard.send_modify(|heard| *heard += 1);
                    if let Err(fault) = received {
                        return End::Fault(fault);
                    }
                    continue;
                }
                Ok(Ok(None)) => return End::Status(Status::unavailable("the hub ended the stream")),
                Ok(Err(status)) => return End::Status(status),
                Err(_) => return End::Silence,
            },
            () = tokio::time::sleep_until(next) => {}
            () = nudge.notified() => {}
        }
        // If the hub takes nothing, it is asked next time.
        let _ = sender.try_send(ping());
        pinged = tokio::time::Instant::now();
    }
}

async fn keep_copying(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.settings.copy_every).await;
        let copying = Arc::clone(&shared);
        // A copy that cannot be written is missed at the next start and not before.
        let _ = tokio::task::spawn_blocking(move || copying.save()).await;
    }
}

impl Shared {
    /// What operators of the hub should know: why this gateway does not decide, if it does not.
    fn complaint(&self) -> String {
        let trouble = || self.trouble.lock().clone().unwrap_or_default();
        match self.follower.health(self.clock.elapsed()) {
            Health::Serving => String::new(),
            Health::Unready(unready @ (Unready::ClockOff | Unready::OtherEnvironment | Unready::OtherContext)) => {
                unready.to_string()
            }
            // What made it so says more than that it is so.
            Health::Stale
            | Health::Unready(Unready::NoSnapshot | Unready::Diverged | Unready::LeaseExpired | Unready::Unconfirmed) => {
                trouble()
            }
        }
    }

    fn count(&self, question: &Question<'_>, facts: &Facts<'_>, decision: &Decision<'_>, now: DateTime<Utc>) {
        if self.settings.report_every.is_some() {
            self.tally.count(question, facts, decision, now);
        }
    }

    fn save(&self) -> io::Result<bool> {
        match &self.settings.copy_file {
            Some(file) => copy::write(&self.follower, file),
            None => Ok(false),
        }
    }
}

async fn keep_reporting(shared: Arc<Shared>, channel: Channel, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let (reported, lost) = shared.tally.report(channel.clone()).await;
        shared.follower.counters.calls_reported.add(reported);
        shared.follower.counters.calls_lost.add(lost);
    }
}

impl Replica {
    /// Writes the copy now, if one is kept; says whether there was something to copy. For the end of a gateway.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> io::Result<bool> {
        self.0.shared.save()
    }

    /// Reports the calls of subscribers that were counted since the last time, now.
    pub async fn report(&self, channel: Channel) -> (u64, u64) {
        let shared = &self.0.shared;
        let (reported, lost) = shared.tally.report(channel).await;
        shared.follower.counters.calls_reported.add(reported);
        shared.follower.counters.calls_lost.add(lost);
        (reported, lost)
    }

    /// The instant at which a call that comes in now is judged, unless the latest command is later.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.shared.clock.now()
    }
}

/// The message that begins a stream, for those who speak with a hub themselves.
pub fn start(environment: Environment, gateway_id: &str, resume_token: Vec<u8>) -> v1::SyncRequest {
    let environment = devhub_sync::environment_number(environment);
    let start = v1::SyncStart { environment, gateway_id: gateway_id.to_owned(), resume_token, contexts: Vec::new() };
    v1::SyncRequest { message: Some(v1::sync_request::Message::Start(start)) }
}
