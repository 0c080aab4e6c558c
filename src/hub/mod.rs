//! The flow: now, load, judge, commit, publish, acknowledge.
//!
//! ```text
//! Command --execute--> [read the clock] -> [load records] -> judge (pure) -> [commit] -> fold -> Answer
//!                            ^                                                  |
//!                            +------------- conflict: again, bounded -----------+
//! ```
//!
//! A commit is first durable, then folded into the decision table and the index, then answered: nobody is told of a
//! write that a crash can take back, and whoever was told finds it. A crash before the commit is durable leaves
//! nothing; a crash after it leaves everything, and a repeated request id returns the first answer.
//!
//! The hub does not know the wire, and no rule of the business lives here.

mod announcements;
mod apps;
mod assertion;
mod attempts;
mod audit;
mod calendar;
mod caretaker;
mod change_log;
mod changes;
mod checklist;
mod credential;
mod crier;
mod execute;
mod first_use;
mod fold;
mod followed;
mod held;
mod housekeeping;
mod index;
mod installations;
mod instants;
mod last_use;
mod past;
mod plan;
mod preview;
mod proposing;
mod read;
mod refusals;
mod replays;
mod revocations;
mod roster;
mod turns;
mod usage;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use chrono::{DateTime, Utc};
use devhub_decision::Table;

use crate::clock::Clock;
use crate::domain::Rules;
use crate::secret::Seals;
use crate::store::codec::Undecodable;
use crate::store::{Store, StoreError};

pub use announcements::{AnnouncementFilter, AnnouncementPlace};
pub use assertion::{Asserted, AssertionBearer};
pub use attempts::Attempts;
pub use audit::{FactFilter, FactPage};
pub use calendar::CalendarPlace;
pub use caretaker::Round;
pub use change_log::{ChangeLog, LOG_AGE_MAX, LOG_ROWS_MAX, Stand, Step};
pub use changes::ChangeRate;
pub use checklist::{
    CompanyReport, Delisting, DeveloperReport, INSTALLATIONS_MAX, LiveAccount, Replacement, Replacing, ShortOfProjects,
    WaitingRelease, WaitingUpdate,
};
pub use credential::{AccountBearer, Bearer, Verified};
pub use crier::{Acknowledged, Cried, MilestoneProgress, NoticeFilter, NoticePage, NoticeProgress, Progress};
pub use execute::{Answer, Done, Mode, Request};
pub use first_use::FirstUses;
pub use followed::Followed;
pub use index::{Index, Standings};
pub use installations::{AvailableUpdate, Updates};
pub use last_use::LastUses;
pub use past::Past;
pub use plan::{PlanToken, Planned};
pub use preview::{Affected, AnswerFrom, Place, PlannedNotice, Preview, Rehearsed};
pub use proposing::{Asked, Word};
pub use read::{PAGE_BYTES_MAX, Page, Stored};
pub use refusals::{REFUSALS_RECORDED_MAX, WINDOW as REFUSALS_WINDOW};
pub use roster::{Migration, MigrationFilter, Pace, Party, PhaseCounts, Roster};
pub use usage::{Figures, Meter, Reported, SUMMARY_MAX, Summary, UsageOf, UsageRow};
pub use view::View;

use change_log::{SEED_COMMITS, SEED_STEP};
use fold::Fold;
use instants::Instants;
use refusals::Refusals;
use replays::Replays;
use revocations::Revocations;
use turns::Turns;

/// Why the hub could not do what it was asked to, other than by the rules of the business.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The business says no.
    #[error(transparent)]
    Refused(#[from] crate::domain::Refusal),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored bytes make no sense.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// Others kept changing the same records.
    #[error("others keep changing the same records; nothing was done; retry in a moment")]
    Contention,
    /// Something must have panicked.
    #[error("a defect of devhub stopped this call; what it did, if anything, is recorded as a whole")]
    Defect,
}

/// A hub over one store.
#[derive(Clone)]
pub struct Hub(Arc<Parts>);

struct Parts {
    store: Arc<dyn Store>,
    table: Arc<Table>,
    index: Arc<Index>,
    roster: Arc<Roster>,
    log: Arc<ChangeLog>,
    revocations: Arc<Revocations>,
    rules: Rules,
    instants: Instants,
    turns: Turns,
    usage: Meter,
    first_uses: Arc<FirstUses>,
    last_uses: LastUses,
    refusals: Refusals,
    /// From when on every assertion that was used is remembered.
    opened_at: DateTime<Utc>,
    replays: Replays,
    attempts: Attempts,
    change_rate: ChangeRate,
    page_seals: parking_lot::RwLock<Arc<Seals>>,
    /// Held by the crier.
    crying: tokio::sync::Mutex<()>,
    /// Notices given.
    notices_given: AtomicU64,
    /// Applications that the caretaker has deleted.
    deleted_unused: AtomicU64,
    /// Set while a restore waits to be confirmed.
    held: AtomicBool,
}

impl Hub {
    /// Opens a hub: reads the whole state of the store into the table and the index, and follows it from then on.
    ///
    /// # Errors
    /// When the state cannot be read or understood, or names a lifecycle policy that `rules` lacks.
    pub fn open(store: Arc<dyn Store>, rules: Rules, clock: Arc<dyn Clock>) -> Result<Hub, Failure> {
        let table = Arc::new(Table::new());
        let index = Arc::new(Index::default());
        let roster = Arc::new(Roster::default());
        let log = Arc::new(ChangeLog::default());
        let fold = Fold::new(Arc::clone(&table), Arc::clone(&index), Arc::clone(&roster), rules.clone());
        let revocations = Arc::new(Revocations::default());
        let fold = Arc::new(fold.remembering(Arc::clone(&log)).revoking(Arc::clone(&revocations)));
        store.attach(Arc::clone(&fold) as Arc<dyn crate::store::Sink>)?;
        fold.trouble()?;
        let held = proposing::waits(store.as_ref())?;
        remember(&log, store.as_ref(), &rules)?;
        let instants = Instants::new(clock, store.head().instant);
        let first_uses = Arc::new(FirstUses::default());
        let opened_at = instants.now();
        let usage = Meter::open(Arc::clone(&store), Arc::clone(&first_uses), opened_at);
        let last_uses = LastUses::new(Arc::clone(&store));
        Ok(Hub(Arc::new(Parts {
            store,
            table,
            index,
            roster,
            log,
            revocations,
            rules,
            instants,
            turns: Turns::default(),
            usage,
            first_uses,
            last_uses,
            refusals: Refusals::default(),
            opened_at,
            replays: Replays::default(),
            attempts: Attempts::default(),
            change_rate: ChangeRate::default(),
            page_seals: parking_lot::RwLock::new(Arc::new(Seals::generate())),
            crying: tokio::sync::Mutex::default(),
            notices_given: AtomicU64::new(0),
            deleted_unused: AtomicU64::new(0),
            held: AtomicBool::new(held),
        })))
    }

    /// Who has to migrate.
    pub fn roster(&self) -> &Roster {
        &self.0.roster
    }

    /// The decision table.
    pub fn table(&self) -> &Table {
        &self.0.table
    }

    /// What the latest commits told the table.
    pub fn change_log(&self) -> &ChangeLog {
        &self.0.log
    }

    /// Names the history that revisions count in: a restore from a backup begins another.
    pub fn history(&self) -> [u8; 16] {
        self.0.store.epoch().0
    }

    /// What is found by something else than its key.
    pub fn index(&self) -> &Index {
        &self.0.index
    }

    /// Who still calls what.
    pub fn usage(&self) -> &Meter {
        &self.0.usage
    }

    /// First uses that wait for being recorded.
    pub fn first_uses(&self) -> &FirstUses {
        &self.0.first_uses
    }

    /// When secrets were last verified.
    pub fn last_uses(&self) -> &LastUses {
        &self.0.last_uses
    }

    /// What the places of lists are sealed with that callers are given. Until somebody says otherwise, a restart ends them.
    pub fn page_seals(&self) -> Arc<Seals> {
        Arc::clone(&self.0.page_seals.read())
    }

    /// Seals the places of lists with what outlasts a restart.
    pub fn set_page_seals(&self, seals: Seals) {
        *self.0.page_seals.write() = Arc::new(seals);
    }

    /// How often verifications of credentials failed lately.
    pub fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }

    /// How fast callers change things.
    pub fn change_rate(&self) -> &ChangeRate {
        &self.0.change_rate
    }

    /// Writes what was counted and remembered since the last time to the notes of the store.
    ///
    /// # Errors
    /// When some of it could not be written; that is kept for the next time.
    pub fn flush_notes(&self) -> Result<(), StoreError> {
        let usage = self.usage().flush(self.now());
        self.last_uses().flush().and(usage)
    }

    /// The same for the last time, after the last call.
    ///
    /// # Errors
    /// When some of it could not be written: that is lost.
    pub fn close_notes(&self) -> Result<(), StoreError> {
        let remembered = self.last_uses().flush();
        self.usage().close(self.now()).and(remembered)
    }

    /// The rules of this hub.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Tells of each new revision, once the journal can be read up to it.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.store.watch()
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The instant at which a question that comes in now is judged: the clock's, but never before the latest commit,
    /// so that a clock that was set back reopens nothing.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.instants.now()
    }
}

/// Has the log remember the latest commits of the journal, which nobody adds to before the hub is open.
fn remember(log: &ChangeLog, store: &dyn Store, rules: &Rules) -> Result<(), Failure> {
    let head = store.head().revision;
    let mut after = head.saturating_sub(SEED_COMMITS);
    log.reach_back(after);
    // What these commits say is in the table, the index and the roster already.
    let fold = Fold::new(Arc::new(Table::new()), Arc::default(), Arc::default(), rules.clone());
    while after < head {
        let commits = store.changes(after, SEED_STEP)?;
        for commit in &commits {
            log.seed(commit.revision, commit.instant, fold.changes(commit));
        }
        match commits.last() {
            Some(last) => after = last.revision,
            // Some are missing, so none is worth anything.
            None => {
                log.begin_again();
                break;
            }
        }
    }
    Ok(())
}
