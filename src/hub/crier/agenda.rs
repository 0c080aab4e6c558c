//! What is still to be told: a fold of revisions and runs, in whatever order they come.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::notice::{Milestone, NoticeRun, NoticeSubject, RunState};

/// Subjects with something to come. Holds nothing of a subject of which all is told.
#[derive(Debug, Default)]
pub(in crate::hub) struct Agenda {
    /// The revisions that may have something to come, with what is settled of each.
    open: HashMap<NoticeSubject, BTreeMap<u32, BTreeSet<Milestone>>>,
    /// Subjects to look at now.
    fresh: BTreeSet<NoticeSubject>,
    /// Subjects to look at later, each at most once.
    waiting: BTreeSet<(DateTime<Utc>, NoticeSubject)>,
    /// When each of those is to be looked at.
    until: HashMap<NoticeSubject, DateTime<Utc>>,
    /// What the crier is at; it stays so, if the crier is cut off, until it is done.
    at_work: Option<NoticeSubject>,
}

impl Agenda {
    /// A revision was committed.
    pub(in crate::hub) fn add(&mut self, subject: NoticeSubject, revision: u32) {
        self.open.entry(subject.clone()).or_default().entry(revision).or_default();
        self.look_at(subject);
    }

    /// The giving of notices was committed, in whole or in part.
    pub(in crate::hub) fn learn(&mut self, run: &NoticeRun) {
        match run.state {
            RunState::Running(_) => {}
            RunState::Given | RunState::Skipped => {
                let subject = &run.occasion.subject;
                let revisions = self.open.entry(subject.clone()).or_default();
                // Where the revision is not known yet, or no more, the next look finds out.
                let settled = revisions.entry(run.occasion.revision).or_default();
                settled.insert(run.occasion.milestone);
                self.look_at(subject.clone());
            }
        }
    }

    /// A subject is to be looked at now.
    pub(in crate::hub) fn look_at(&mut self, subject: NoticeSubject) {
        self.wait_no_more(&subject);
        self.fresh.insert(subject);
    }

    fn wait_no_more(&mut self, subject: &NoticeSubject) {
        if let Some(until) = self.until.remove(subject) {
            self.waiting.remove(&(until, subject.clone()));
        }
    }

    pub(in crate::hub) fn wait_for(&mut self, subject: &NoticeSubject, until: DateTime<Utc>) {
        // What became fresh meanwhile is looked at before that.
        if !self.fresh.contains(subject) {
            self.wait_no_more(subject);
            self.until.insert(subject.clone(), until);
            self.waiting.insert((until, subject.clone()));
        }
    }

    /// When there is something to look at next; the beginning of time when at once, or when it is being looked at.
    pub(in crate::hub) fn next(&self) -> Option<DateTime<Utc>> {
        if self.fresh.is_empty() && self.at_work.is_none() {
            self.waiting.first().map(|(at, _)| *at)
        } else {
            Some(DateTime::<Utc>::MIN_UTC)
        }
    }

    /// How many subjects have something that is due at `now`, and how many only something that comes later.
    pub(in crate::hub) fn counts(&self, now: DateTime<Utc>) -> (usize, usize) {
        let come = self.waiting.iter().take_while(|(at, _)| *at <= now).count();
        let at_work = usize::from(self.at_work.as_ref().is_some_and(|subject| !self.fresh.contains(subject)));
        (self.fresh.len() + come + at_work, self.waiting.len() - come)
    }

    /// A subject to look at now: the same one until it is done.
    pub(in crate::hub) fn take(&mut self, now: DateTime<Utc>) -> Option<NoticeSubject> {
        if self.at_work.is_none() {
            self.at_work = self.fresh.pop_first().or_else(|| {
                let (_, subject) = self.waiting.first().filter(|(at, _)| *at <= now).cloned()?;
                self.wait_no_more(&subject);
                Some(subject)
            });
        }
        self.at_work.clone()
    }

    /// The subject that was taken is done, for now.
    pub(in crate::hub) fn done(&mut self) {
        self.at_work = None;
    }

    /// The revisions of a subject that may have something to come, with what is settled of each.
    pub(in crate::hub) fn open_revisions(&self, subject: &NoticeSubject) -> BTreeMap<u32, BTreeSet<Milestone>> {
        self.open.get(subject).cloned().unwrap_or_default()
    }

    /// A revision has nothing more to come.
    pub(in crate::hub) fn close(&mut self, subject: &NoticeSubject, revision: u32) {
        if let Some(revisions) = self.open.get_mut(subject) {
            revisions.remove(&revision);
            if revisions.is_empty() {
                self.open.remove(subject);
            }
        }
    }
}
