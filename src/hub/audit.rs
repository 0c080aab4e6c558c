//! Reading the audit trail: facts in order of revision, out of the journal.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub_decision::{Change, Question, Table};
use devhub_proto::v1;

use super::fold::Fold;
use super::past::concerns;
use super::roster::Roster;
use super::{Failure, Hub, PAGE_BYTES_MAX};
use crate::store::codec::decode_fact;
use crate::store::{Commit, Revision, Sink, Versioned};

/// Commits read from the journal at a time.
const STEP: usize = 512;

/// Most commits that one page looks at.
const LOOKED_AT_MAX: usize = 50_000;

/// Which facts. Empty and absent parts match everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FactFilter {
    /// Of this application.
    pub application: String,
    /// Of this API.
    pub context: String,
    /// Of this version.
    pub label: String,
    /// By this actor.
    pub actor: String,
    /// Of one of these kinds, by number.
    pub kinds: Vec<i32>,
    /// Of this company.
    pub company: String,
    /// Of this service account.
    pub account: String,
    /// Of a command that was refused for this reason, by name.
    pub refusal: String,
    /// Of a refused command of this name.
    pub refused_command: String,
    /// By actors who came through this portal.
    pub via: String,
    /// Judged at or after this instant.
    pub from: Option<DateTime<Utc>>,
    /// Judged before this instant.
    pub until: Option<DateTime<Utc>>,
}

impl FactFilter {
    fn matches_instant(&self, instant: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| instant >= from) && self.until.is_none_or(|until| instant < until)
    }

    fn matches(&self, fact: &v1::Fact) -> bool {
        let is = |wanted: &str, given: &str| wanted.is_empty() || wanted == given;
        is(&self.application, &fact.application_id)
            && is(&self.context, &fact.context)
            && is(&self.label, &fact.version)
            && is(&self.actor, &fact.actor)
            && (self.kinds.is_empty() || self.kinds.contains(&fact.kind))
            && is(&self.company, &fact.company_id)
            && is(&self.account, &fact.account_id)
            && is(&self.refusal, &fact.refusal)
            && is(&self.refused_command, &fact.refused_command)
            && is(&self.via, &fact.via)
    }

    /// Whether a fact that was judged at `instant` is among them.
    pub fn admits(&self, fact: &v1::Fact, instant: DateTime<Utc>) -> bool {
        self.matches_instant(instant) && self.matches(fact)
    }

    /// The matching facts of a commit, with their places.
    fn select(&self, commit: &Commit) -> Result<Vec<v1::Fact>, Failure> {
        if !self.matches_instant(commit.instant) {
            return Ok(Vec::new());
        }
        let mut facts = Vec::new();
        for ordinal in 0..commit.facts.len() {
            let fact = decode_fact(commit, ordinal)?;
            if self.matches(&fact) {
                facts.push(fact);
            }
        }
        Ok(facts)
    }
}

/// Facts of whole commits, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct FactPage {
    /// The facts.
    pub facts: Vec<v1::Fact>,
    /// Every commit up to here was looked at.
    pub revision: Revision,
    /// Whether this is all there is now.
    pub complete: bool,
}

impl Hub {
    /// About `size` matching facts committed after `after`; fewer if they are large, or few among as many commits as one
    /// call may look at. Commits are never split, so a page may be a little longer than `size`.
    ///
    /// # Errors
    /// When the journal cannot be read or understood.
    pub fn facts(&self, filter: &FactFilter, after: Revision, size: usize) -> Result<FactPage, Failure> {
        let mut page = FactPage { facts: Vec::new(), revision: after, complete: false };
        let (mut looked_at, mut bytes) = (0, 0);
        while page.facts.len() < size && bytes < PAGE_BYTES_MAX && looked_at < LOOKED_AT_MAX {
            let commits = self.0.store.changes(page.revision, STEP)?;
            if commits.is_empty() {
                page.complete = true;
                break;
            }
            for commit in &commits {
                let facts = filter.select(commit)?;
                bytes += facts.iter().map(prost::Message::encoded_len).sum::<usize>();
                page.facts.extend(facts);
                page.revision = commit.revision;
                looked_at += 1;
                if page.facts.len() >= size || bytes >= PAGE_BYTES_MAX {
                    break;
                }
            }
        }
        Ok(page)
    }

    /// What the table held about `question` at `revision`, folded from the journal: what "why was this allowed then" is
    /// answered from (rule B93). Costs a read of the journal up to there, and no memory to speak of.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn table_about(&self, question: &Question<'_>, revision: Revision) -> Result<Table, Failure> {
        self.fold_journal(revision, |change| concerns(question, change))
    }

    /// The whole table as it was at `revision`; for tests and for doctors.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn table_at(&self, revision: Revision) -> Result<Table, Failure> {
        self.fold_journal(revision, |_| true)
    }

    fn fold_journal(&self, revision: Revision, wanted: impl Fn(&Change) -> bool) -> Result<Table, Failure> {
        let table = Table::new();
        let fold = Fold::new(Arc::new(Table::new()), Arc::default(), Arc::default(), self.rules().clone());
        self.each_commit(revision, |commit| {
            let mut changes = fold.changes(commit);
            changes.retain(&wanted);
            table.apply(commit.revision, changes);
        })?;
        fold.trouble()?;
        Ok(table)
    }

    /// Calls `each` with every commit up to `revision`, in order.
    fn each_commit(&self, revision: Revision, mut each: impl FnMut(&Commit)) -> Result<(), Failure> {
        let mut after = 0;
        loop {
            let commits = self.0.store.changes(after, STEP)?;
            commits.iter().take_while(|commit| commit.revision <= revision).for_each(&mut each);
            after = match commits.last() {
                Some(last) if last.revision < revision => last.revision,
                _ => return Ok(()),
            };
        }
    }

    /// The roster as it was at `revision`, folded from the journal; for tests and for doctors.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn roster_at(&self, revision: Revision) -> Result<Roster, Failure> {
        let roster = Arc::new(Roster::default());
        let fold = Fold::new(Arc::new(Table::new()), Arc::default(), Arc::clone(&roster), self.rules().clone());
        self.each_commit(revision, |commit| drop(fold.changes(commit)))?;
        fold.trouble()?;
        drop(fold);
        Ok(Arc::into_inner(roster).expect("the fold is gone, and nobody else had it"))
    }

    /// A roster scanned from the current records, the naive way; for tests and for doctors.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn roster_from_records(&self) -> Result<Roster, Failure> {
        let roster = Arc::new(Roster::default());
        let fold = Fold::new(Arc::new(Table::new()), Arc::default(), Arc::clone(&roster), self.rules().clone());
        self.load_records(&fold)?;
        drop(fold);
        Ok(Arc::into_inner(roster).expect("the fold is gone, and nobody else had it"))
    }

    /// A table scanned from the current records, the naive way; for tests and for doctors.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn table_from_records(&self) -> Result<Table, Failure> {
        let table = Arc::new(Table::new());
        let fold = Fold::new(Arc::clone(&table), Arc::default(), Arc::default(), self.rules().clone());
        self.load_records(&fold)?;
        drop(fold);
        Ok(Arc::into_inner(table).expect("the fold is gone, and nobody else had it"))
    }

    fn load_records(&self, fold: &Fold) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let found = self.0.store.scan(b"", after.as_deref(), STEP)?;
            for (key, value) in &found {
                fold.load(key, &Versioned { revision: value.revision, value: value.value.clone() });
            }
            match found.last() {
                Some((key, _)) if found.len() == STEP => after = Some(key.clone()),
                _ => break,
            }
        }
        fold.loaded(self.0.store.head());
        fold.trouble()
    }

    /// Bytes of the store's epoch, as text.
    pub fn epoch(&self) -> String {
        self.0.store.epoch().0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
