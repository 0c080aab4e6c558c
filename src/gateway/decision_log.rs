//! The log of decisions: samples for operators who wonder what gateways ask, in a file of JSON lines. Never the audit
//! trail: it is lossy, and says how much it lost.
//!
//! A decision that is not sampled costs one count. One that is sampled costs a few short texts and a place in a bounded
//! queue; when there is none, it is counted as lost and the answer goes out. A thread of its own writes. Paths are left
//! out: they may name people.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use chrono::{DateTime, SecondsFormat, Utc};
use devhub_decision::{Decision, Question, Verdict};
use serde::Serialize;

use crate::secret::PREFIX;
use crate::telemetry::Metrics;

/// Samples that may wait for being written; more are lost.
const QUEUE_MAX: usize = 4096;

/// Bytes that are gathered before they are written, about.
const WAITING_BYTES_MAX: usize = 64 << 10;

/// What is sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampling {
    /// The file. A full one is put aside as `<file>.1`, in place of the one before.
    pub file: PathBuf,
    /// One allowed call among so many; at least 1.
    pub every: u64,
    /// All denials, up to so many in each second; the others are not lost but never looked at.
    pub denials_per_second: u32,
    /// Bytes of a full file.
    pub file_bytes_max: u64,
}

/// One sample.
#[derive(Serialize)]
struct Sample {
    time: String,
    verdict: String,
    reason: String,
    client_id: String,
    application_id: String,
    context: String,
    version: String,
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    revision: u64,
    /// For how many decisions of its kind this one stands.
    stands_for: u64,
    /// Samples lost since the start.
    lost: u64,
}

enum Job {
    Write(Box<Sample>),
    /// Everything before is to be in the file when the other end hears of it.
    Flush(SyncSender<()>),
}

/// Takes samples.
pub struct DecisionLog {
    every: u64,
    denials_per_second: u64,
    allowed: AtomicU64,
    /// The second, and the denials sampled in it: 40 and 24 bits.
    denied: AtomicU64,
    queue: SyncSender<Job>,
    metrics: Metrics,
}

const COUNT_BITS: u32 = 24;

impl DecisionLog {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(sampling: &Sampling, metrics: Metrics) -> std::io::Result<DecisionLog> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let mut lines = Lines::open(&sampling.file, sampling.file_bytes_max)?;
        let counted = metrics.clone();
        let run = move || work(&mut lines, &jobs, &counted);
        std::thread::Builder::new().name("devhub-decisions".to_owned()).spawn(run)?;
        Ok(DecisionLog {
            every: sampling.every.max(1),
            denials_per_second: u64::from(sampling.denials_per_second).min((1 << COUNT_BITS) - 1),
            allowed: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            queue,
            metrics,
        })
    }

    /// Samples a decision, or does not.
    pub fn look(&self, question: &Question<'_>, decision: &Decision<'_>, now: DateTime<Utc>) {
        let stands_for = match decision.verdict() {
            Verdict::Allow if self.allowed.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every) => self.every,
            Verdict::Deny if self.has_room_in(now) => 1,
            Verdict::Allow | Verdict::Deny => return,
        };
        let (_, lost) = self.metrics.decision_samples();
        let sample = sample(question, decision, now, stands_for, lost);
        if self.queue.try_send(Job::Write(Box::new(sample))).is_err() {
            self.metrics.decisions_lost(1);
        }
    }

    /// Whether one more denial is sampled in this second.
    fn has_room_in(&self, now: DateTime<Utc>) -> bool {
        let second = now.timestamp().unsigned_abs() & ((1 << (u64::BITS - COUNT_BITS)) - 1);
        let taken = self.denied.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let count = if held >> COUNT_BITS == second { held & ((1 << COUNT_BITS) - 1) } else { 0 };
            (count < self.denials_per_second).then_some(second << COUNT_BITS | (count + 1))
        });
        taken.is_ok()
    }

    /// Waits until everything that was sampled before is in the file.
    pub fn flush(&self) {
        let (done, heard) = sync_channel(1);
        if self.queue.send(Job::Flush(done)).is_ok() {
            // The thread may have ended; then nothing is written any more.
            let _ = heard.recv();
        }
    }
}

fn sample(question: &Question<'_>, decision: &Decision<'_>, now: DateTime<Utc>, stands_for: u64, lost: u64) -> Sample {
    Sample {
        time: now.to_rfc3339_opts(SecondsFormat::Millis, true),
        verdict: decision.verdict().to_string(),
        reason: decision.reason.to_string(),
        // Who presents a secret where an id belongs has made a mistake, which must not be written down.
        client_id: if question.client_id.contains(PREFIX) { "a secret" } else { question.client_id }.to_owned(),
        application_id: decision.application_id.unwrap_or_default().to_owned(),
        context: question.context.to_owned(),
        version: question.label.to_owned(),
        environment: question.environment.to_string(),
        method: question.operation.map(|operation| operation.method.to_owned()),
        company_id: question.company.map(str::to_owned),
        project_id: question.project.map(str::to_owned),
        revision: decision.revision,
        stands_for,
        lost,
    }
}

fn work(lines: &mut Lines, jobs: &Receiver<Job>, metrics: &Metrics) {
    loop {
        // Written out whenever nothing waits, so that whoever looks at the file sees what there is.
        let job = jobs.try_recv().ok().or_else(|| {
            lines.write_out(metrics);
            jobs.recv().ok()
        });
        match job {
            Some(Job::Write(sample)) => lines.add(&sample, metrics),
            Some(Job::Flush(done)) => {
                lines.write_out(metrics);
                // Whoever asked may be gone.
                let _ = done.send(());
            }
            None => return,
        }
    }
}

/// The file, and lines that are not in it yet.
struct Lines {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
    waiting: Vec<u8>,
    samples: u64,
}

impl Lines {
    fn open(path: &Path, bytes_max: u64) -> std::io::Result<Lines> {
        let (file, bytes) = Lines::file(path)?;
        Ok(Lines { path: path.to_owned(), file, bytes, bytes_max, waiting: Vec::new(), samples: 0 })
    }

    fn file(path: &Path) -> std::io::Result<(File, u64)> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    }

    fn add(&mut self, sample: &Sample, metrics: &Metrics) {
        let line = serde_json::to_string(sample).expect("texts and numbers always become JSON") + "\n";
        let after = self.bytes + (self.waiting.len() + line.len()) as u64;
        let full = after > self.bytes_max && self.bytes + self.waiting.len() as u64 > 0;
        if full || self.waiting.len() >= WAITING_BYTES_MAX {
            self.write_out(metrics);
        }
        if full && let Err(error) = self.put_aside() {
            tracing::warn!(%error, "the full log of decisions could not be put aside; it grows on");
        }
        self.waiting.extend_from_slice(line.as_bytes());
        self.samples += 1;
    }

    /// Writes what waits, or gives it up: nobody waits for a disk because of samples.
    fn write_out(&mut self, metrics: &Metrics) {
        if self.waiting.is_empty() {
            return;
        }
        match self.file.write_all(&self.waiting) {
            Ok(()) => metrics.decisions_logged(self.samples),
            Err(error) => {
                metrics.decisions_lost(self.samples);
                tracing::debug!(%error, "sampled decisions were not written");
            }
        }
        self.bytes += self.waiting.len() as u64;
        self.waiting.clear();
        self.samples = 0;
    }

    fn put_aside(&mut self) -> std::io::Result<()> {
        let mut aside = self.path.as_os_str().to_owned();
        aside.push(".1");
        std::fs::rename(&self.path, PathBuf::from(aside))?;
        (self.file, self.bytes) = Lines::file(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use devhub_decision::{Environment, Limits, Table, decide};

    use super::*;

    const QUESTION: Question<'static> = Question {
        client_id: "client",
        context: "a/b",
        label: "1.0",
        environment: Environment::Sandbox,
        operation: None,
        company: None,
        project: None,
    };

    fn denied<R>(look: impl FnOnce(&Decision<'_>, DateTime<Utc>) -> R) -> R {
        let (now, second) = (DateTime::UNIX_EPOCH, TimeDelta::seconds(1));
        let limits = Limits::new(second, second).expect("a second is enough");
        Table::new().ask(&QUESTION, |facts| look(&decide(facts, now, limits), now))
    }

    #[test]
    fn what_finds_no_room_is_counted_as_lost_and_nobody_waits() {
        let (queue, _never_read) = sync_channel(1);
        let metrics = Metrics::default();
        let (allowed, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        let log =
            DecisionLog { every: 1, denials_per_second: 10, allowed, denied: refused, queue, metrics: metrics.clone() };
        for _ in 0..3 {
            denied(|decision, now| log.look(&QUESTION, decision, now));
        }
        assert_eq!(metrics.decision_samples(), (0, 2));
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_counted_as_lost() {
        let metrics = Metrics::default();
        let mut lines = Lines::open(Path::new("/dev/full"), 1 << 20).expect("it takes no byte, but it opens");
        for _ in 0..3 {
            lines.add(&denied(|decision, now| sample(&QUESTION, decision, now, 1, 0)), &metrics);
        }
        lines.write_out(&metrics);
        lines.write_out(&metrics);
        assert_eq!(metrics.decision_samples(), (0, 3), "each of them once");
    }
}
