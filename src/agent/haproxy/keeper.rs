//! Keeps files and a running HAProxy current, round by round.
//!
//! A round reads the lease first, then looks at what has changed, tells the rows, and only then the lease: so nobody is
//! told a lease that reaches further than the rows that were told before. What goes wrong ends with a lease that is not
//! renewed, and is tried again in the next round.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_gateway::{Replica, Touched};
use tokio::sync::watch;
use tokio::time::Instant;

use super::delta::Step;
use super::files::{self, DECISIONS, LEASE};
use super::maps::{Changed, Maps};
use super::runtime::{Runtime, Trouble};

/// Up to as many rows, the file is written whenever one of them changes.
const ROWS_AT_ONCE: usize = 20_000;

/// HAProxy 2.6 looks through all its rows for each one that is set or deleted: among a million, that stops a thread of it
/// for some tenths of a second, and it takes some twenty seconds to tell it all of them anew. Up to this product, it is
/// asked to look.
const LOOKS_MAX: usize = 20_000_000;

/// An end of a lease that differs by less is told as it was: two readings of clocks are never taken at once.
const SAME_MS: i64 = 50;

/// How HAProxy is kept current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the map files are, as HAProxy's configuration says it.
    pub directory: PathBuf,
    /// The runtime socket of HAProxy, with the level admin. None if HAProxy is started anew for each change.
    pub socket: Option<PathBuf>,
    /// How often it is looked at all there is, though nobody has said anything. Default one second.
    pub every: Duration,
    /// How often a large file is written. Until it is, a HAProxy that starts lets nobody in. Default 5 seconds.
    pub files_every: Duration,
    /// How far the clock on the wall may be set back while nobody renews the lease: the lease ends so much earlier.
    /// Default one second.
    pub step_max: Duration,
    /// How long HAProxy may take for one command. Default 30 seconds: it takes five to put a million rows in the place of
    /// as many.
    pub command_limit: Duration,
}

impl Settings {
    /// The defaults.
    pub fn new(directory: impl Into<PathBuf>) -> Settings {
        Settings {
            directory: directory.into(),
            socket: None,
            every: Duration::from_secs(1),
            files_every: Duration::from_secs(5),
            step_max: Duration::from_secs(1),
            command_limit: Duration::from_secs(30),
        }
    }
}

/// The files cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the map files cannot be written to {}: {source}", directory.display())]
pub struct Unwritable {
    /// Where they should be.
    directory: PathBuf,
    source: io::Error,
}

/// Keeps HAProxy current until `stop` says so or is dropped. What it was told last it goes by until its lease ends: an
/// agent that is started again in time is not missed.
///
/// # Errors
/// When it cannot even begin, because the directory is none that files can be written to.
pub async fn keep(replica: Replica, settings: Settings, mut stop: watch::Receiver<bool>) -> Result<(), Unwritable> {
    let directory = settings.directory.clone();
    let begun = tokio::task::spawn_blocking(move || files::begin(&directory)).await;
    let begun = begun.unwrap_or_else(|error| Err(io::Error::other(error)));
    begun.map_err(|source| Unwritable { directory: settings.directory.clone(), source })?;
    let mut heard = replica.heard();
    let mut keeper = Keeper::new(replica, settings);
    while !*stop.borrow_and_update() {
        keeper.round().await;
        tokio::select! {
            _ = tokio::time::sleep(keeper.settings.every) => {}
            // The replica is in our hands, so it goes on.
            _ = heard.changed() => {}
            stopped = stop.changed() => if stopped.is_err() { return Ok(()) },
        }
    }
    Ok(())
}

struct Keeper {
    replica: Replica,
    settings: Settings,
    maps: Maps,
    /// The replica has decided once: before that, the files may know more than it.
    begun: bool,
    /// The latest instant from which on rows were told.
    looked: Option<DateTime<Utc>>,
    /// The rows of the file are not those of `maps`.
    file_behind: bool,
    file_written: Option<Instant>,
    file_lease: Option<i64>,
    /// Steps that the running HAProxy is still to make; none if it is to be told everything.
    steps: Option<Vec<Step>>,
    /// The number by which a process is known that was told everything by us.
    holder: u64,
    trouble: Option<String>,
}

impl Keeper {
    fn new(replica: Replica, settings: Settings) -> Keeper {
        Keeper {
            replica,
            settings,
            maps: Maps::default(),
            begun: false,
            looked: None,
            file_behind: true,
            file_written: None,
            file_lease: None,
            steps: None,
            holder: 0,
            trouble: None,
        }
    }

    async fn round(&mut self) {
        let until = self.replica.trusted_until();
        self.begun |= until.is_some();
        if !self.begun {
            return;
        }
        self.look().await;
        let until = until.map_or(0, |until| self.lease(until));
        let files = self.keep_files(until).await.map_err(|error| format!("the map files: {error}"));
        let running = self.keep_running(until).await.map_err(|trouble| format!("the running HAProxy: {trouble}"));
        if running.is_err() {
            // Nobody knows how far it came, and steps for one that does not come back would pile up.
            self.steps = None;
        }
        let trouble = files.and(running).err();
        if trouble != self.trouble {
            match &trouble {
                Some(trouble) => tracing::warn!(trouble, "HAProxy is not kept current"),
                None => tracing::info!(rows = self.maps.len(), "HAProxy is kept current"),
            }
            self.trouble = trouble;
        }
    }

    /// The end of the lease in milliseconds, as it was told before if it is the same.
    fn lease(&self, until: DateTime<Utc>) -> i64 {
        let step_max = TimeDelta::from_std(self.settings.step_max).unwrap_or(TimeDelta::MAX);
        let until = until.checked_sub_signed(step_max).map_or(0, |until| until.timestamp_millis());
        self.file_lease.filter(|told| (until - told).abs() < SAME_MS).unwrap_or(until)
    }

    /// Tells the rows anew that somebody has changed, or whose first answer has ended.
    async fn look(&mut self) {
        let follower = self.replica.follower();
        let now = self.replica.now().max(follower.latest());
        let mut touched = follower.take_touched();
        // What was told at a later instant may leave out an answer that holds again.
        let step_max = TimeDelta::from_std(self.settings.step_max).unwrap_or(TimeDelta::MAX);
        let back = self.looked.is_some_and(|looked| looked - now > step_max);
        if back {
            touched = Touched::everything();
        }
        self.looked = self.looked.filter(|_| !back).max(Some(now));
        if touched.is_empty() && !self.maps.is_due(now) {
            return;
        }
        let (table, environment) = (follower.table(), follower.environment());
        let mut maps = std::mem::take(&mut self.maps);
        let looking = tokio::task::spawn_blocking(move || {
            let changed = maps.refresh(&table, environment, &touched, now);
            (maps, changed)
        });
        // It does not panic; if it did, there would be no rows, and the rest of this process would not be any better off.
        let Ok((maps, changed)) = looking.await else { return };
        self.maps = maps;
        match (changed, &mut self.steps) {
            (Changed::Some(new), _) if new.is_empty() => {}
            (Changed::Some(new), Some(steps)) => {
                self.file_behind = true;
                steps.extend(new);
            }
            (Changed::Some(_), None) => self.file_behind = true,
            (Changed::All, _) => {
                self.file_behind = true;
                self.steps = None;
            }
        }
    }

    /// The files before the running process: one that starts meanwhile must not know less than the one before it.
    async fn keep_files(&mut self, until: i64) -> io::Result<()> {
        let due = self.maps.len() <= ROWS_AT_ONCE
            || self.file_written.is_none_or(|written| written.elapsed() >= self.settings.files_every);
        if self.file_behind && due {
            let (maps, directory) = (std::mem::take(&mut self.maps), self.settings.directory.clone());
            let writing = tokio::task::spawn_blocking(move || {
                let written = files::write_decisions(&directory, maps.texts());
                (maps, written)
            });
            let (maps, written) = writing.await.map_err(io::Error::other)?;
            self.maps = maps;
            self.file_written = Some(Instant::now());
            self.file_behind = written.is_err();
            if let Err(error) = written {
                self.write_lease(0).await?;
                return Err(error);
            }
        }
        // Rows that are behind let nobody in.
        self.write_lease(if self.file_behind { 0 } else { until }).await
    }

    async fn write_lease(&mut self, until: i64) -> io::Result<()> {
        if self.file_lease == Some(until) {
            return Ok(());
        }
        self.file_lease = None;
        let directory = self.settings.directory.clone();
        let writing = tokio::task::spawn_blocking(move || files::write_lease(&directory, until));
        writing.await.map_err(io::Error::other)??;
        self.file_lease = Some(until);
        Ok(())
    }

    async fn keep_running(&mut self, until: i64) -> Result<(), Trouble> {
        let Some(socket) = &self.settings.socket else {
            self.steps = None;
            return Ok(());
        };
        let path = |name| self.settings.directory.join(name).display().to_string();
        let (decisions, lease) = (path(DECISIONS), path(LEASE));
        let mut runtime = Runtime::connect(socket, self.settings.command_limit).await?;
        let known = runtime.holder(&lease).await? == self.holder && self.holder != 0;
        // What is not made to its end leaves it behind: then it is told everything.
        match self.steps.take().filter(|_| known) {
            Some(steps) if looks(&steps).saturating_mul(self.maps.len()) <= LOOKS_MAX => {
                runtime.make(&decisions, &steps).await?;
            }
            Some(_) | None => {
                runtime.replace(&decisions, self.maps.texts()).await?;
                self.holder = fresh_number()?;
                runtime.set(&lease, "holder", &self.holder.to_string()).await?;
            }
        }
        runtime.set(&lease, "until", &until.to_string()).await?;
        self.steps = Some(Vec::new());
        Ok(())
    }
}

/// How often HAProxy has to look for a row.
fn looks(steps: &[Step]) -> usize {
    let sought = |step: &&Step| match step {
        Step::Set { .. } | Step::Delete { .. } => true,
        Step::Add { .. } => false,
    };
    steps.iter().filter(sought).count()
}

/// A number that no other agent, and none of our own before, has given a process.
fn fresh_number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    // It fits a signed number, and is not zero.
    Ok((u64::from_le_bytes(bytes) >> 2) | 1)
}
