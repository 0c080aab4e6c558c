//! How far the notices of a revision have come.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::{Failure, Hub};
use super::Told;
use crate::domain::name::ApplicationId;
use crate::domain::notice::{Due, Holder, Milestone, NoticeRun, NoticeSubject, Occasion, RunState, verdicts};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;

/// Notices that one call looks at to count acknowledgements.
const LOOKED_AT_MAX: usize = 200_000;

/// Applications or companies looked at together.
const STEP: usize = 256;

/// How far the notices of a milestone have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not due yet, or due and not begun.
    Pending,
    /// Some holders were told, and the others will be.
    Running,
    /// All were told.
    Given,
    /// Passed over, for all holders or for those that were not told when a later milestone came.
    Skipped,
    /// It will not come, or not to those that were not told when its revision was replaced.
    Dropped,
}

/// The notices of one milestone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilestoneProgress {
    /// The milestone.
    pub milestone: Milestone,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// How far it has come.
    pub progress: Progress,
    /// Its run, if it was begun.
    pub run: Option<NoticeRun>,
    /// Administrators who have acknowledged.
    pub acknowledged: u64,
}

/// The notices of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeProgress {
    /// Number of the revision.
    pub revision: u32,
    /// Its milestones, in order of time.
    pub milestones: Vec<MilestoneProgress>,
    /// There were more notices than one call looks at.
    pub truncated: bool,
}

impl Hub {
    fn latest_revision(&self, subject: &NoticeSubject) -> Result<u32, Failure> {
        match subject {
            NoticeSubject::Schedule(target) => {
                let found = self.revision_as_of(target, DateTime::<Utc>::MAX_UTC)?;
                Ok(found.map(|(_, count)| count).unwrap_or_default())
            }
            NoticeSubject::Announcement(id) => {
                let found = self.get_one(RecordKey::Announcement(id.clone()))?;
                match found.map(|stored| stored.record) {
                    Some(Record::Announcement(announcement)) => Ok(announcement.current.number),
                    _ => Ok(0),
                }
            }
            NoticeSubject::Disuse(_) => Ok(0),
            NoticeSubject::CredentialClass => {
                let found = self.get_one(RecordKey::CredentialClass)?;
                match found.map(|stored| stored.record) {
                    Some(Record::CredentialClass(class)) => Ok(class.ledger.revisions),
                    _ => Ok(0),
                }
            }
        }
    }

    /// How far the notices of a revision have come; of the latest one, for 0.
    ///
    /// # Errors
    /// When there is no such revision, or records cannot be read.
    pub fn notice_progress(&self, subject: &NoticeSubject, revision: u32) -> Result<NoticeProgress, Failure> {
        let number = if revision == 0 { self.latest_revision(subject)? } else { revision };
        let Some(told) = self.told(subject, number)? else {
            return Err(Failure::Refused(match subject {
                NoticeSubject::Schedule(target) => {
                    Refusal::ScheduleNotFound { target: target.to_string(), as_of: None }
                }
                NoticeSubject::Announcement(id) => Refusal::AnnouncementNotFound(id.clone()),
                NoticeSubject::Disuse(id) => {
                    Refusal::ScheduleNotFound { target: format!("the deletion of application {id}"), as_of: None }
                }
                NoticeSubject::CredentialClass => {
                    Refusal::ScheduleNotFound { target: subject.to_string(), as_of: None }
                }
            }));
        };
        let now = self.now();
        let superseded_at = self.told(subject, number + 1)?.map(|next| next.recorded_at());
        let mut milestones = Vec::new();
        let plan = self.plan_of(&told);
        let verdicts = verdicts(&plan, superseded_at, now);
        for ((milestone, due_at), verdict) in plan.into_iter().zip(verdicts) {
            let occasion = Occasion { subject: subject.clone(), revision: number, milestone };
            let run = match self.get_one(RecordKey::NoticeRun(occasion))?.map(|stored| stored.record) {
                Some(Record::NoticeRun(run)) => Some(run),
                _ => None,
            };
            let progress = match (run.as_ref().map(|run| &run.state), verdict) {
                (Some(RunState::Given), _) => Progress::Given,
                (Some(RunState::Skipped), _) => Progress::Skipped,
                // A run that was cut and overtaken does not go on: the rest of them is told what came after it.
                (Some(RunState::Running(_)), Due::Skip) if superseded_at.is_some() => Progress::Dropped,
                (Some(RunState::Running(_)), Due::Skip) => Progress::Skipped,
                (Some(RunState::Running(_)) | None, Due::Drop) => Progress::Dropped,
                (Some(RunState::Running(_)), Due::Give | Due::Later) => Progress::Running,
                (None, Due::Give | Due::Later | Due::Skip) => Progress::Pending,
            };
            milestones.push(MilestoneProgress { milestone, due_at, progress, run, acknowledged: 0 });
        }
        let truncated = self.count_acknowledgements(&told, subject, number, &mut milestones)?;
        Ok(NoticeProgress { revision: number, milestones, truncated })
    }

    /// Counts who has acknowledged; whether there were more notices than one call looks at.
    fn count_acknowledgements(
        &self,
        told: &Told,
        subject: &NoticeSubject,
        number: u32,
        milestones: &mut [MilestoneProgress],
    ) -> Result<bool, Failure> {
        let has_run =
            |m: &&mut MilestoneProgress| m.run.as_ref().is_some_and(|run| run.applications + run.companies > 0);
        let begun = milestones.iter_mut().filter(has_run).collect::<Vec<_>>();
        if begun.is_empty() {
            return Ok(false);
        }
        let mut count = Count { hub: self, subject, number, begun, looked_at: 0 };
        match told {
            Told::Schedule(_) | Told::Announcement(_) => self.count_subscribers(told, &mut count),
            Told::Class(_) => self.count_dependants(&mut count),
        }
    }

    fn count_subscribers(&self, told: &Told, count: &mut Count<'_>) -> Result<bool, Failure> {
        // Of the versions as they are now, ended ones too: whoever was told was subscribed to one of them, or had a waiver.
        let versions = self.versions_told(told);
        let mut seen: BTreeSet<ApplicationId> = BTreeSet::new();
        for version in &versions {
            let mut after: Option<ApplicationId> = None;
            loop {
                let found = self.index().subscribers(version, after.as_ref().map(ApplicationId::as_str), STEP);
                after = found.last().cloned();
                let complete = found.len() < STEP;
                let waived = if complete { self.index().waived(version) } else { Vec::new() };
                let fresh = found.into_iter().chain(waived).filter(|id| seen.insert(id.clone()));
                if count.add(fresh.map(Holder::Application).collect())? {
                    return Ok(true);
                }
                if complete {
                    break;
                }
            }
        }
        Ok(false)
    }

    /// Of whoever has or had accounts, or replaces or replaced them: whoever was told is one of those, unless the only
    /// account was given to another application since.
    fn count_dependants(&self, count: &mut Count<'_>) -> Result<bool, Failure> {
        let mut after = None;
        loop {
            let found = self.roster().applications_known(after.as_ref(), STEP);
            let Some(last) = found.last().cloned() else { break };
            after = Some(last);
            if count.add(found.into_iter().map(Holder::Application).collect())? {
                return Ok(true);
            }
        }
        let mut after = None;
        loop {
            let found = self.roster().companies_known(after.as_ref(), STEP);
            let Some(last) = found.last().cloned() else { return Ok(false) };
            after = Some(last);
            if count.add(found.into_iter().map(Holder::Company).collect())? {
                return Ok(true);
            }
        }
    }
}

/// Acknowledgements counted so far.
struct Count<'c> {
    hub: &'c Hub,
    subject: &'c NoticeSubject,
    number: u32,
    begun: Vec<&'c mut MilestoneProgress>,
    looked_at: usize,
}

impl Count<'_> {
    /// Adds those of some holders; whether one call looks at no more.
    fn add(&mut self, holders: Vec<Holder>) -> Result<bool, Failure> {
        for milestone in &mut self.begun {
            let occasion =
                Occasion { subject: self.subject.clone(), revision: self.number, milestone: milestone.milestone };
            let id = occasion.notice_id(milestone.due_at);
            let keys: Vec<_> = holders.iter().map(|holder| holder.notice(id.clone())).collect();
            self.looked_at += keys.len();
            for stored in self.hub.get(&keys)?.into_iter().flatten() {
                if let Record::Notice(notice) = stored.record {
                    milestone.acknowledged += notice.acknowledgements.len() as u64;
                }
            }
        }
        Ok(self.looked_at >= LOOKED_AT_MAX)
    }
}
