//! What the latest commits told the decision table, for those who keep a copy of it: every change since a revision, as
//! long as it is remembered. It lies in memory, bounded by rows and by age; whoever comes from further back copies the
//! table anew.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::{Change, ContextDigests, Digests};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::followed::Followed;

/// Most rows that are remembered, besides those of the newest commit: about 40 MB.
pub const LOG_ROWS_MAX: usize = 100_000;

/// How long they are remembered at most, by the instants of commits.
pub const LOG_AGE_MAX: TimeDelta = TimeDelta::hours(24);

/// Commits that are read out of the journal at a start, so that nobody has to begin anew because of it.
pub(super) const SEED_COMMITS: u64 = 1024;

/// Of them, those that are read at a time: each may be large.
pub(super) const SEED_STEP: usize = 64;

/// A moment of the decision table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// Its revision.
    pub revision: u64,
    /// The digests of what the table holds then.
    pub digests: Digests,
    /// The latest instant of any commit so far.
    pub latest: DateTime<Utc>,
}

/// What came after a revision.
#[derive(Debug, Clone)]
pub struct Step {
    /// The changes of each commit, in order.
    pub changes: Vec<Arc<[Change]>>,
    /// The moment that they lead to.
    pub stand: Stand,
    /// The digest of the rows of the view then.
    pub digest: u64,
}

struct Entry {
    revision: u64,
    /// The latest instant of any commit up to this one.
    latest: DateTime<Utc>,
    changes: Arc<[Change]>,
    /// Not known of commits before the start.
    digests: Option<Digests>,
    /// What it added to the digests of the contexts that it is about; not known either.
    added: ContextDigests,
}

struct Log {
    /// Every change after this revision is there.
    floor: u64,
    entries: VecDeque<Entry>,
    rows: usize,
    newest: Stand,
    /// The digests of each context after the newest commit.
    contexts: ContextDigests,
}

/// The changes of the latest commits.
pub struct ChangeLog {
    log: Mutex<Log>,
    newest: watch::Sender<u64>,
}

impl Default for ChangeLog {
    fn default() -> Self {
        let newest = Stand { revision: 0, digests: Digests::default(), latest: DateTime::<Utc>::MIN_UTC };
        let log = Log { floor: 0, entries: VecDeque::new(), rows: 0, newest, contexts: ContextDigests::default() };
        Self { log: Mutex::new(log), newest: watch::Sender::new(0) }
    }
}

impl Log {
    /// The digest of a view at a revision whose digests are these, and after which every commit is remembered.
    fn digest_of(&self, view: &Followed, revision: u64, digests: Digests) -> u64 {
        let Some(parts) = view.parts() else { return digests.of(view.environment) };
        let newest = parts.filter_map(|part| self.contexts.get(part));
        let newest = newest.fold(Digests::default(), |sum, digests| sum.plus(*digests));
        let from = self.entries.partition_point(|entry| entry.revision <= revision);
        let later = self.entries.range(from..).flat_map(|entry| &entry.added);
        let shown = later.filter(|(context, _)| view.is_about(context));
        shown.fold(newest, |sum, (_, added)| sum.minus(*added)).of(view.environment)
    }

    fn forget(&mut self) {
        let oldest = self.newest.latest.checked_sub_signed(LOG_AGE_MAX).unwrap_or(DateTime::<Utc>::MIN_UTC);
        while self.entries.len() > 1
            && let Some(first) = self.entries.front()
            && (self.rows > LOG_ROWS_MAX || first.latest < oldest)
        {
            self.floor = first.revision;
            self.rows -= first.changes.len();
            self.entries.pop_front();
        }
    }
}

impl ChangeLog {
    /// The table was loaded: nothing before this moment is remembered.
    pub(super) fn begin(&self, newest: Stand, contexts: ContextDigests) {
        *self.log.lock() = Log { floor: newest.revision, entries: VecDeque::new(), rows: 0, newest, contexts };
        self.newest.send_replace(newest.revision);
    }

    /// Nothing before the newest moment is remembered.
    pub(super) fn begin_again(&self) {
        let mut log = self.log.lock();
        (log.floor, log.rows) = (log.newest.revision, 0);
        log.entries.clear();
    }

    /// Every commit after `floor`, up to that moment, will be told by [`ChangeLog::seed`] in order.
    pub(super) fn reach_back(&self, floor: u64) {
        self.log.lock().floor = floor;
    }

    /// Remembers one of the commits that led to that moment.
    pub(super) fn seed(&self, revision: u64, instant: DateTime<Utc>, changes: Vec<Change>) {
        let mut log = self.log.lock();
        let before = log.entries.back().map_or(DateTime::<Utc>::MIN_UTC, |entry| entry.latest);
        let digests = (revision == log.newest.revision).then_some(log.newest.digests);
        log.rows += changes.len();
        let (latest, changes) = (before.max(instant), changes.into());
        log.entries.push_back(Entry { revision, latest, changes, digests, added: ContextDigests::default() });
        log.forget();
    }

    /// Remembers a commit that the table has just folded. Whoever is told of it finds it here.
    pub(super) fn push(
        &self,
        revision: u64,
        instant: DateTime<Utc>,
        changes: Arc<[Change]>,
        digests: Digests,
        added: ContextDigests,
    ) {
        let mut log = self.log.lock();
        for (context, added) in &added {
            match log.contexts.get_mut(context) {
                Some(sum) => *sum = sum.plus(*added),
                None => drop(log.contexts.insert(context.clone(), *added)),
            }
        }
        let latest = log.newest.latest.max(instant);
        log.rows += changes.len();
        log.newest = Stand { revision, digests, latest };
        log.entries.push_back(Entry { revision, latest, changes, digests: Some(digests), added });
        log.forget();
        drop(log);
        self.newest.send_replace(revision);
    }

    /// Tells of each new revision.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The moment after the newest commit.
    pub fn newest(&self) -> Stand {
        self.log.lock().newest
    }

    /// What came after `revision`: whole commits, of about `rows_max` rows if there are more, with rows that are not in the
    /// view among them. `None` when that is not remembered, or when there never was such a revision.
    pub fn after(&self, revision: u64, rows_max: usize, view: &Followed) -> Option<Step> {
        let log = self.log.lock();
        if revision < log.floor || revision > log.newest.revision {
            return None;
        }
        let from = log.entries.partition_point(|entry| entry.revision <= revision);
        let (mut changes, mut rows, mut stand) = (Vec::new(), 0, log.newest);
        for entry in log.entries.range(from..) {
            changes.push(Arc::clone(&entry.changes));
            rows += entry.changes.len();
            if let Some(digests) = entry.digests
                && rows >= rows_max
            {
                stand = Stand { revision: entry.revision, digests, latest: entry.latest };
                break;
            }
        }
        Some(Step { changes, stand, digest: log.digest_of(view, stand.revision, stand.digests) })
    }

    /// The digest of a view at a revision, if it is remembered.
    pub fn digest_at(&self, revision: u64, view: &Followed) -> Option<u64> {
        let log = self.log.lock();
        let digests = if revision == log.newest.revision {
            log.newest.digests
        } else {
            let at = log.entries.binary_search_by_key(&revision, |entry| entry.revision).ok()?;
            log.entries[at].digests?
        };
        Some(log.digest_of(view, revision, digests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use devhub_decision::{CredentialClassEntry, Environment, Table};

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn change(hours: i64) -> Change {
        Change::CredentialClass(CredentialClassEntry { sunset_at: Some(at(hours)) })
    }

    fn view() -> Followed {
        Followed::whole(Environment::Sandbox)
    }

    /// Digests that tell one moment from another.
    fn digests(hours: i64) -> Digests {
        let table = Table::new();
        table.load(change(hours));
        table.stand().1
    }

    fn push(log: &ChangeLog, revision: u64, hours: i64) {
        log.push(revision, at(hours), [change(hours)].into(), digests(hours), ContextDigests::default());
    }

    #[test]
    fn what_came_after_is_told_in_whole_commits() {
        let log = ChangeLog::default();
        log.begin(Stand { revision: 7, digests: digests(0), latest: at(0) }, ContextDigests::default());
        for (revision, hours) in [(8, 1), (10, 2), (11, 3)] {
            push(&log, revision, hours);
        }
        let step = |revision, rows_max| {
            log.after(revision, rows_max, &view())
                .map(|step| (step.changes.concat(), step.stand.revision, step.stand.digests))
        };
        assert_eq!(step(6, 100), None, "before the start");
        assert_eq!(step(12, 100), None, "it never was");
        assert_eq!(step(7, 100), Some((vec![change(1), change(2), change(3)], 11, digests(3))));
        assert_eq!(step(7, 1), Some((vec![change(1)], 8, digests(1))));
        assert_eq!(step(9, 1), Some((vec![change(2)], 10, digests(2))), "revisions have gaps");
        assert_eq!(step(11, 100), Some((vec![], 11, digests(3))));
        let digest = |revision| log.digest_at(revision, &view());
        assert_eq!([digest(10), digest(9), digest(7)], [Some(digests(2).of(Environment::Sandbox)), None, None]);
        assert_eq!(log.newest().latest, at(3));
    }

    #[test]
    fn age_and_rows_are_bounded_and_the_newest_commit_stays() {
        let log = ChangeLog::default();
        push(&log, 1, 0);
        push(&log, 2, 24);
        assert!(log.after(0, 1, &view()).is_some(), "24 hours old");
        push(&log, 3, 25);
        assert!(log.after(0, 1, &view()).is_none() && log.after(1, 1, &view()).is_some());
        let many: Arc<[Change]> = vec![change(0); LOG_ROWS_MAX + 1].into();
        log.push(4, at(25), many, digests(0), ContextDigests::default());
        assert!(log.after(2, 1, &view()).is_none() && log.after(3, 1, &view()).is_some());
    }

    #[test]
    fn commits_before_a_start_are_told_up_to_the_start() {
        let log = ChangeLog::default();
        log.begin(Stand { revision: 3, digests: digests(3), latest: at(3) }, ContextDigests::default());
        log.reach_back(1);
        log.seed(2, at(2), vec![change(2)]);
        log.seed(3, at(3), vec![change(3)]);
        let step = log.after(1, 1, &view()).expect("it is remembered");
        assert_eq!((step.changes.concat(), step.stand.revision), (vec![change(2), change(3)], 3));
        assert!(log.after(0, 1, &view()).is_none());
        let digest = |revision| log.digest_at(revision, &view());
        assert_eq!((digest(2), digest(3)), (None, Some(digests(3).of(Environment::Sandbox))));
    }
}
