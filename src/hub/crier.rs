//! The crier: turns milestones that have come into notices, each exactly once (rules B33, B91, defect X5).
//!
//! ```text
//! revision committed --fold--> agenda --cry(now)--> plan, verdicts (pure) --> run: 256 holders, one commit; again
//! ```
//!
//! The change itself is committed first, by its command; the crier follows. What it still has to do is a function of the
//! records: the revisions, minus the runs that are recorded. So nothing is lost when it dies, at any moment: after a
//! start the agenda is folded from the records like everything else. And nothing is told twice: each commit of a run
//! holds the notices of some applications or companies together with how far the run has come, and it expects the run to stand where
//! it was read; of two criers one goes on, and the other reads again.
//!
//! No answer depends on the crier, but the feed of notices.

mod affected;
mod agenda;
mod dependence;
mod errand;
mod feed;
mod listing;
mod progress;

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Failure, Hub};
use crate::domain::announcement::{self, AnnouncementRevision};
use crate::domain::credential_class::{self, ClassRevision};
use crate::domain::ledger::{Revision, Target};
use crate::domain::notice::{
    Due, Milestone, NoticeSubject, Occasion, Said, joint_guards, of_announcement, of_class, of_revision, plan, verdicts,
};
use crate::domain::policy::Guards;
use crate::domain::record::{Record, RecordKey};

pub use feed::{NoticeFilter, NoticePage};
pub use listing::Acknowledged;
pub use progress::{MilestoneProgress, NoticeProgress, Progress};

pub(super) use agenda::Agenda;
use errand::Errand;

/// What the crier did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cried {
    /// Notices given.
    pub notices: u64,
    /// Commits made.
    pub commits: u64,
    /// Milestones of which everybody affected is told now.
    pub completed: u64,
    /// Milestones passed over.
    pub skipped: u64,
}

/// A revision of whatever notices are about.
pub(super) enum Told {
    /// Of a schedule.
    Schedule(Box<Revision>),
    /// Of an announcement.
    Announcement(Box<AnnouncementRevision>),
    /// Of the dates of service accounts.
    Class(Box<ClassRevision>),
}

impl Told {
    fn recorded_at(&self) -> DateTime<Utc> {
        match self {
            Told::Schedule(revision) => revision.recorded_at,
            Told::Announcement(revision) => revision.recorded_at,
            Told::Class(revision) => revision.recorded_at,
        }
    }

    /// What somebody who was away when dates were announced is told later; an announcement is read where it stands.
    fn said(&self) -> Option<Said> {
        match self {
            Told::Schedule(revision) => {
                Some(Said { at: revision.recorded_at, zone: revision.zone.clone(), reason: revision.reason.clone() })
            }
            Told::Announcement(_) => None,
            Told::Class(revision) => {
                Some(Said { at: revision.recorded_at, zone: revision.zone.clone(), reason: revision.reason.clone() })
            }
        }
    }
}

impl Hub {
    /// What protects the subscribers of a target: its policy's guards, or, for a namespace, every notice that a policy
    /// in it owes. What a preview plans with, and what the crier plans with.
    pub fn guards_of(&self, target: &Target) -> Guards {
        let policies = self.index().policies_of(target);
        let guards = policies.iter().filter_map(|name| self.rules().policies.get(name)).map(|policy| &policy.guards);
        joint_guards(guards).unwrap_or_default()
    }

    /// Gives every notice that is due at `now`.
    ///
    /// # Errors
    /// The first failure, when the notices of some subject could not be given. What was given stays given, the other
    /// subjects were told, and the rest stays due.
    pub async fn cry(&self, now: DateTime<Utc>) -> Result<Cried, Failure> {
        let mut cried = Cried::default();
        // Whoever is told should be told what is so; that is not known before the restore is confirmed.
        if self.is_held() || !self.index().is_due(now) {
            return Ok(cried);
        }
        // One at a time: a second one would only find the runs of the first in its way.
        let _turn = self.0.crying.lock().await;
        let mut failed: Vec<(NoticeSubject, Failure)> = Vec::new();
        while let Some(subject) = self.index().take_due(now) {
            let told = self.cry_about(&subject, now, &mut cried).await;
            self.index().done();
            if let Err(failure) = told {
                tracing::warn!(%failure, %subject, "notices were not given; the others are");
                failed.push((subject, failure));
            }
        }
        // Only now: a subject that cannot be told must not come again before the others have had their turn.
        let mut first = None;
        for (subject, failure) in failed {
            self.index().look_again(subject);
            first = first.or(Some(failure));
        }
        first.map_or(Ok(cried), Err)
    }

    /// Notices given since the start.
    pub fn notices_given(&self) -> u64 {
        self.0.notices_given.load(Ordering::Relaxed)
    }

    /// How long until the next milestone after `now` comes; `None` when there is none.
    pub fn until_next_cry(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.index().next_due(now).map(|at| (at - now).max(TimeDelta::zero()))
    }

    async fn cry_about(&self, subject: &NoticeSubject, now: DateTime<Utc>, cried: &mut Cried) -> Result<(), Failure> {
        let mut wait_until: Option<DateTime<Utc>> = None;
        for (number, settled) in self.index().open_revisions(subject) {
            let Some(told) = self.told(subject, number)? else {
                self.index().close(subject, number);
                continue;
            };
            let superseded_at = self.told(subject, number + 1)?.map(|next| next.recorded_at());
            let plan = self.plan_of(&told);
            let mut later = None;
            for ((milestone, due_at), verdict) in plan.iter().zip(verdicts(&plan, superseded_at, now)) {
                let occasion = Occasion { subject: subject.clone(), revision: number, milestone: *milestone };
                match verdict {
                    Due::Later => later = later.or(Some(*due_at)),
                    Due::Drop => {}
                    Due::Give | Due::Skip if settled.contains(milestone) => {}
                    Due::Skip => self.skip(occasion, *due_at, now, cried).await?,
                    Due::Give => self.give(self.errand(&told, occasion, *due_at, now), cried).await?,
                }
            }
            match later {
                None => self.index().close(subject, number),
                Some(later) => wait_until = Some(wait_until.map_or(later, |until| until.min(later))),
            }
        }
        if let Some(until) = wait_until {
            self.index().wait_for(subject, until);
        }
        Ok(())
    }

    /// A revision of a subject.
    fn told(&self, subject: &NoticeSubject, number: u32) -> Result<Option<Told>, Failure> {
        let key = match subject {
            NoticeSubject::Schedule(target) => RecordKey::Revision(target.clone(), number),
            NoticeSubject::Announcement(id) => RecordKey::AnnouncementRevision(id.clone(), number),
            // Its notices are given in the commits that announce and end it.
            NoticeSubject::Disuse(_) => return Ok(None),
            NoticeSubject::CredentialClass => RecordKey::ClassRevision(number),
        };
        match self.get_one(key)?.map(|stored| stored.record) {
            None => Ok(None),
            Some(Record::Revision(revision)) => Ok(Some(Told::Schedule(Box::new(revision)))),
            Some(Record::AnnouncementRevision(revision)) => Ok(Some(Told::Announcement(Box::new(revision)))),
            Some(Record::ClassRevision(revision)) => Ok(Some(Told::Class(Box::new(revision)))),
            Some(_) => Err(Failure::Defect),
        }
    }

    fn plan_of(&self, told: &Told) -> Vec<(Milestone, DateTime<Utc>)> {
        match told {
            Told::Schedule(revision) => plan(revision, &self.guards_of(&revision.target)),
            Told::Announcement(revision) => announcement::plan(revision),
            Told::Class(revision) => credential_class::plan(revision),
        }
    }

    fn errand(&self, told: &Told, occasion: Occasion, due_at: DateTime<Utc>, now: DateTime<Utc>) -> Errand {
        let affected = self.affected(told, now);
        let wording = match told {
            Told::Schedule(revision) => of_revision(revision, occasion.milestone, now),
            Told::Announcement(revision) => of_announcement(revision, now),
            Told::Class(revision) => of_class(revision, occasion.milestone, now),
        };
        Errand { occasion, due_at, now, affected, wording, said: told.said() }
    }
}
