//! What a replica makes of the messages of its hub, with no network and no clock of its own: messages, instants and
//! decisions come in as arguments.

mod ready;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{Change, Decision, Environment, Facts, Limits, Question, Table, Verdict, decide};
use devhub_proto::v1;
use devhub_proto::v1::sync_request::Message as Asked;
use devhub_proto::v1::sync_response::Message as Told;
use devhub_sync::RowsWriter;
use parking_lot::{Mutex, RwLock};
use prost::Message as _;

use crate::fault::{DeltaBounds, Fault};
use crate::health::{Counters, Figures, Health, Unready};
use crate::lease::Lease;
use crate::touched::Touched;

/// Pings whose answer is still waited for: more are not remembered.
const PINGS_MAX: usize = 64;

/// What is decided from.
struct Held {
    table: Arc<Table>,
    limits: Option<Limits>,
    /// No question is judged at an earlier instant.
    latest: DateTime<Utc>,
    token: Vec<u8>,
    /// There was a commit.
    complete: bool,
    diverged: bool,
    clock_off: bool,
}

/// What is on its way.
enum Group {
    /// Nothing.
    None,
    /// A new table, which takes the place of the old one at its commit.
    Snapshot { table: Arc<Table>, limits: Limits },
    /// Changes, which are applied all at once.
    Delta { changes: Vec<Change>, bytes: usize, limits: Limits },
}

/// A ping that was not answered yet.
struct Sent {
    nonce: u64,
    elapsed: Duration,
    now: DateTime<Utc>,
}

/// The stream as it stands.
struct Stream {
    group: Group,
    pings: VecDeque<Sent>,
    nonce: u64,
    trust_for: Option<Duration>,
}

/// Follows the decision table of a hub, and decides from it.
pub struct Follower {
    environment: Environment,
    /// The APIs that it follows; none for all.
    contexts: BTreeSet<Box<str>>,
    gateway_id: String,
    clock_offset_max: TimeDelta,
    serve_stale: Duration,
    delta_bounds: DeltaBounds,
    held: RwLock<Held>,
    stream: Mutex<Stream>,
    lease: Lease,
    /// Kept from the first time on that somebody looks.
    touched: Mutex<Option<Touched>>,
    pub(crate) counters: Counters,
}

fn ttl(begin: &v1::SyncBegin) -> Option<Limits> {
    let ttl = Duration::try_from(begin.decision_ttl?).ok()?;
    let ttl = TimeDelta::from_std(ttl).ok()?;
    Limits::new(ttl, ttl).ok()
}

impl Follower {
    /// Knows nothing yet. A wall clock that is off by more than `clock_offset_max` stops it; it goes on for `serve_stale`
    /// after its lease has run out.
    pub fn new(
        environment: Environment,
        gateway_id: impl Into<String>,
        clock_offset_max: Duration,
        serve_stale: Duration,
    ) -> Follower {
        let held = Held {
            table: Arc::default(),
            limits: None,
            latest: DateTime::<Utc>::MIN_UTC,
            token: Vec::new(),
            complete: false,
            diverged: false,
            clock_off: false,
        };
        let stream = Stream { group: Group::None, pings: VecDeque::new(), nonce: 0, trust_for: None };
        Follower {
            environment,
            contexts: BTreeSet::new(),
            gateway_id: gateway_id.into(),
            clock_offset_max: TimeDelta::from_std(clock_offset_max).unwrap_or(TimeDelta::MAX),
            serve_stale,
            delta_bounds: DeltaBounds::default(),
            held: RwLock::new(held),
            stream: Mutex::new(stream),
            lease: Lease::default(),
            touched: Mutex::new(None),
            counters: Counters::default(),
        }
    }

    /// The same with other bounds of what waits for a commit.
    pub fn bounded(self, delta_bounds: DeltaBounds) -> Follower {
        Follower { delta_bounds, ..self }
    }

    /// The same for the APIs with these contexts alone; for all if there are none.
    pub fn about(self, contexts: BTreeSet<Box<str>>) -> Follower {
        Follower { contexts, ..self }
    }

    /// How long it may still decide without another word of the hub, at this reading of the clock that nobody sets; zero if
    /// it may not. What it goes on for afterwards, if its gateway chose so, is no part of it.
    pub fn lease_left(&self, elapsed: Duration) -> Duration {
        self.lease.left(elapsed, Duration::ZERO)
    }

    /// The environment that it follows.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// A new stream begins: what was on its way comes no more. The message goes first.
    pub fn start(&self) -> v1::SyncRequest {
        let mut stream = self.stream.lock();
        stream.group = Group::None;
        stream.pings.clear();
        let held = self.held.read();
        let resume_token = if held.diverged { Vec::new() } else { held.token.clone() };
        let environment = devhub_sync::environment_number(self.environment);
        let contexts = self.contexts.iter().map(|context| context.to_string()).collect();
        let start = v1::SyncStart { environment, gateway_id: self.gateway_id.clone(), resume_token, contexts };
        self.counters.connects.add(1);
        v1::SyncRequest { message: Some(Asked::Start(start)) }
    }

    /// A ping that is sent at these readings of the two clocks.
    pub fn ping(&self, elapsed: Duration, now: DateTime<Utc>) -> v1::SyncRequest {
        self.complain(elapsed, now, String::new())
    }

    /// The same, with what is wrong here, for people.
    pub fn complain(&self, elapsed: Duration, now: DateTime<Utc>, error: String) -> v1::SyncRequest {
        let mut stream = self.stream.lock();
        stream.nonce += 1;
        let nonce = stream.nonce;
        if stream.pings.len() == PINGS_MAX {
            stream.pings.pop_front();
        }
        stream.pings.push_back(Sent { nonce, elapsed, now });
        let held = self.held.read();
        let (applied_revision, applied_digest) = if held.complete && !held.diverged {
            let (revision, digests) = held.table.stand();
            (revision, digests.of(self.environment))
        } else {
            (0, 0)
        };
        let ping = v1::SyncPing { nonce, applied_revision, applied_digest, error };
        v1::SyncRequest { message: Some(Asked::Ping(ping)) }
    }

    /// How often to ping, once the hub has said how long it may be trusted.
    pub fn trust_for(&self) -> Option<Duration> {
        self.stream.lock().trust_for
    }

    /// Takes a message that came at `now` of the wall clock.
    ///
    /// # Errors
    /// When the stream cannot go on.
    pub fn receive(&self, message: v1::SyncResponse, now: DateTime<Utc>) -> Result<(), Fault> {
        let mut stream = self.stream.lock();
        match message.message.ok_or(Fault::Senseless("a message"))? {
            Told::Begin(begin) => self.begin(&mut stream, &begin),
            Told::Rows(rows) => self.rows(&mut stream, rows),
            Told::Commit(commit) => self.commit(&mut stream, commit),
            Told::Pong(pong) => self.pong(&mut stream, pong, now),
        }
    }

    fn begin(&self, stream: &mut Stream, begin: &v1::SyncBegin) -> Result<(), Fault> {
        let limits = ttl(begin).ok_or(Fault::Senseless("a time to live"))?;
        let Group::None = stream.group else { return Err(Fault::OutOfTurn("a begin")) };
        let held = self.held.read();
        stream.group = match begin.kind() {
            v1::SyncKind::Snapshot => Group::Snapshot { table: Arc::default(), limits },
            v1::SyncKind::Delta if held.complete && !held.diverged => {
                Group::Delta { changes: Vec::new(), bytes: 0, limits }
            }
            v1::SyncKind::Delta => return Err(Fault::OutOfTurn("a delta to nothing")),
            v1::SyncKind::Unspecified => return Err(Fault::Senseless("a begin")),
        };
        Ok(())
    }

    fn rows(&self, stream: &mut Stream, rows: v1::SyncRows) -> Result<(), Fault> {
        let size = rows.encoded_len();
        let read = devhub_sync::read(rows, self.environment)?;
        self.counters.rows.add(read.len() as u64);
        match &mut stream.group {
            Group::None => return Err(Fault::OutOfTurn("rows")),
            Group::Snapshot { table, .. } => table.load_all(read),
            Group::Delta { changes, bytes, .. } => {
                *bytes += size;
                if changes.len() + read.len() > self.delta_bounds.rows_max || *bytes > self.delta_bounds.bytes_max {
                    stream.group = Group::None;
                    // With it the hub would send the same once more.
                    self.held.write().token.clear();
                    return Err(Fault::DeltaTooLarge(self.delta_bounds));
                }
                changes.extend(read);
            }
        }
        Ok(())
    }

    fn commit(&self, stream: &mut Stream, commit: v1::SyncCommit) -> Result<(), Fault> {
        let v1::SyncCommit { revision, resume_token, digest, latest_time } = commit;
        let latest = latest_time.as_ref().map(devhub_sync::instant).transpose()?.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let group = std::mem::replace(&mut stream.group, Group::None);
        let (table, changes, limits) = match group {
            Group::None => return Err(Fault::OutOfTurn("a commit")),
            Group::Snapshot { table, limits } => (Some(table), Vec::new(), limits),
            Group::Delta { changes, limits, .. } => (None, changes, limits),
        };
        let mut touched = self.touched.lock();
        if let Some(touched) = touched.as_mut() {
            if table.is_some() {
                *touched = Touched::everything();
            }
            touched.note(&changes);
        }
        // Nobody decides from it before it is known to be the hub's.
        let mut held = self.held.write();
        match &table {
            Some(table) => table.advance(revision),
            None if revision < held.table.revision() => {
                return Err(Fault::Gap { hub: revision, replica: held.table.revision() });
            }
            None => held.table.apply(revision, changes),
        }
        let sum = table.as_ref().unwrap_or(&held.table).stand().1.of(self.environment);
        if sum != digest {
            held.diverged = true;
            held.token.clear();
            self.counters.divergences.add(1);
            return Err(Fault::Diverged { revision, held: sum, told: digest });
        }
        (held.limits, held.token) = (Some(limits), resume_token);
        match table {
            Some(table) => {
                self.counters.snapshots.add(1);
                // Another history may have begun: what the one before said of time does not hold in it.
                (held.latest, held.complete, held.diverged) = (latest, true, false);
                let replaced = std::mem::replace(&mut held.table, table);
                // A large one takes a while to go, and nobody should wait for that.
                drop(held);
                drop(replaced);
            }
            None => {
                self.counters.deltas.add(1);
                held.latest = held.latest.max(latest);
            }
        }
        Ok(())
    }

    fn pong(&self, stream: &mut Stream, pong: v1::SyncPong, now: DateTime<Utc>) -> Result<(), Fault> {
        let v1::SyncPong { nonce, revision, resume_token, server_time, trust_for } = pong;
        let Group::None = stream.group else { return Err(Fault::OutOfTurn("a pong")) };
        // One of an older stream, or one that came twice: it says nothing.
        let Some(at) = stream.pings.iter().position(|sent| sent.nonce == nonce) else { return Ok(()) };
        let trust_for = trust_for.and_then(|trust_for| Duration::try_from(trust_for).ok());
        let trust_for = trust_for.ok_or(Fault::Senseless("a duration"))?;
        let server_time = server_time.ok_or(Fault::Senseless("no instant"))?;
        let server_time = devhub_sync::instant(&server_time)?;
        let mut held = self.held.write();
        let replica = held.table.revision();
        if !held.complete || revision != replica {
            // It must not go on from here: what lies between is lost.
            held.diverged = true;
            held.token.clear();
            return Err(Fault::Gap { hub: revision, replica });
        }
        let sent = stream.pings.drain(..=at).next_back().ok_or(Fault::Senseless("a pong"))?;
        // The hub read its clock between the two readings of ours.
        let (least, most) = (server_time - now, server_time - sent.now);
        held.clock_off = least > self.clock_offset_max || most < -self.clock_offset_max;
        held.token = resume_token;
        stream.trust_for = Some(trust_for);
        self.lease.extend(sent.elapsed, trust_for);
        self.counters.pongs.add(1);
        Ok(())
    }

    /// What has changed since this was asked the last time; everything, the first time. Whoever looks at the table
    /// afterwards sees these changes, and perhaps later ones, which are told the next time.
    pub fn take_touched(&self) -> Touched {
        self.touched.lock().replace(Touched::default()).unwrap_or_else(Touched::everything)
    }

    /// The earliest instant at which a question is judged: a clock that is behind the latest command does not reach
    /// behind it.
    pub fn latest(&self) -> DateTime<Utc> {
        self.held.read().latest
    }

    /// How long it goes on deciding at this reading of the clock that nobody sets if the hub says nothing more; zero if
    /// it does not decide.
    pub fn trusted_for(&self, elapsed: Duration) -> Duration {
        match self.health(elapsed) {
            Health::Serving | Health::Stale => self.lease.left(elapsed, self.serve_stale),
            Health::Unready(_) => Duration::ZERO,
        }
    }

    /// Whether it decides at this reading of the clock that nobody sets.
    pub fn health(&self, elapsed: Duration) -> Health {
        self.health_of(&self.held.read(), elapsed)
    }

    fn health_of(&self, held: &Held, elapsed: Duration) -> Health {
        if !held.complete {
            Health::Unready(Unready::NoSnapshot)
        } else if held.diverged {
            Health::Unready(Unready::Diverged)
        } else if held.clock_off {
            Health::Unready(Unready::ClockOff)
        } else if self.lease.holds(elapsed) {
            Health::Serving
        } else if self.lease.holds_within(elapsed, self.serve_stale) {
            Health::Stale
        } else {
            Health::Unready(Unready::LeaseExpired)
        }
    }

    /// Judges a call, and lends what the decision was made of and the decision to `answer`; at `now` of the wall clock and `elapsed` of the one that nobody sets.
    ///
    /// # Errors
    /// When it does not decide.
    pub fn decide<R>(
        &self,
        question: &Question<'_>,
        now: DateTime<Utc>,
        elapsed: Duration,
        answer: impl FnOnce(&Facts<'_>, &Decision<'_>) -> R,
    ) -> Result<R, Unready> {
        self.is_ours(question.environment, 1)?;
        self.is_followed(question.context, 1)?;
        let held = self.held.read();
        match self.health_of(&held, elapsed) {
            Health::Serving => {}
            Health::Stale => self.counters.decided_stale.add(1),
            Health::Unready(unready) => {
                self.counters.stand_aside(unready, 1);
                return Err(unready);
            }
        }
        let Some(limits) = held.limits else { return Err(Unready::NoSnapshot) };
        // A clock that is behind the latest command does not reach behind it, as at the hub.
        let now = now.max(held.latest);
        Ok(held.table.ask(question, |facts| {
            let decision = decide(facts, now, limits);
            self.counters.decide(decision.reason);
            answer(facts, &decision)
        }))
    }

    /// Tells what it holds as a stream would, in a snapshot that another follower takes with [`Follower::receive`]: with the
    /// place to resume at, and without a lease. Says whether there was something to tell. No commit is applied meanwhile,
    /// and decisions go on.
    ///
    /// # Errors
    /// Those of `tell`.
    pub fn copy<E>(&self, mut tell: impl FnMut(v1::SyncResponse) -> Result<(), E>) -> Result<bool, E> {
        let _stream = self.stream.lock();
        let (table, resume_token, latest, limits) = {
            let held = self.held.read();
            match held.limits {
                Some(limits) if held.complete && !held.diverged => {
                    (Arc::clone(&held.table), held.token.clone(), held.latest, limits)
                }
                Some(_) | None => return Ok(false),
            }
        };
        let mut tell = |message| tell(v1::SyncResponse { message: Some(message) });
        let decision_ttl = limits.ttl(Verdict::Allow).to_std().ok();
        tell(Told::Begin(v1::SyncBegin {
            kind: v1::SyncKind::Snapshot.into(),
            decision_ttl: decision_ttl.and_then(|ttl| prost_types::Duration::try_from(ttl).ok()),
            ..Default::default()
        }))?;
        let mut writer = RowsWriter::default();
        for row in (0..Table::PARTS).flat_map(|part| table.part(part, self.environment)) {
            writer.write(&row);
            if writer.is_full()
                && let Some(rows) = writer.take()
            {
                tell(Told::Rows(rows))?;
            }
        }
        if let Some(rows) = writer.take() {
            tell(Told::Rows(rows))?;
        }
        let (revision, digests) = table.stand();
        let latest_time = (latest > DateTime::<Utc>::MIN_UTC).then(|| devhub_sync::timestamp(latest));
        let digest = digests.of(self.environment);
        tell(Told::Commit(v1::SyncCommit { revision, resume_token, digest, latest_time }))?;
        Ok(true)
    }

    /// The table, whether or not it may be decided from.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.held.read().table)
    }

    /// The revision that it has applied, and the digest of what it holds.
    pub fn stand(&self) -> (u64, u64) {
        let (revision, digests) = self.table().stand();
        (revision, digests.of(self.environment))
    }

    /// Where it would resume.
    pub fn token(&self) -> Vec<u8> {
        self.held.read().token.clone()
    }

    /// What it has done so far.
    pub fn figures(&self) -> Figures {
        self.counters.figures()
    }
}
