//! The fold: every committed record into the decision table and the index. Start-up, a running hub and a test that
//! replays the journal all come through here, so that they agree.

use std::sync::Arc;

use bytes::Bytes;
use devhub_decision::{Change, Table};
use parking_lot::Mutex;

use super::Failure;
use super::change_log::{ChangeLog, Stand};
use super::index::Index;
use super::revocations::Revocations;
use super::roster::Roster;
use crate::domain::projection::project;
use crate::domain::record::{Record, RecordKey};
use crate::domain::{Refusal, Rules};
use crate::store::codec::{self, Kind};
use crate::store::{Commit, Head, Key, Sink, Versioned};

/// Folds records into a table and an index.
pub(super) struct Fold {
    table: Arc<Table>,
    index: Arc<Index>,
    roster: Arc<Roster>,
    log: Arc<ChangeLog>,
    revocations: Arc<Revocations>,
    rules: Rules,
    /// The first problem with the loaded state; a hub with one does not open.
    trouble: Mutex<Option<Failure>>,
}

/// The key under which a decoded record stands. Only its kind matters to the fold, so names are not parsed twice.
fn key_of(kind: Kind, record: &Record) -> Option<RecordKey> {
    Some(match record {
        Record::Api(api) => RecordKey::Api(api.context.clone()),
        Record::Version(version) => RecordKey::Version(version.name.clone()),
        Record::Application(application) => RecordKey::Application(application.id.clone()),
        Record::Subscription(s) if kind == Kind::Subscription => {
            RecordKey::Subscription(s.application.clone(), s.version.clone())
        }
        Record::Subscription(s) => RecordKey::EndedSubscription(s.application.clone(), s.version.clone(), s.id.clone()),
        Record::Revision(revision) => RecordKey::Revision(revision.target.clone(), revision.number),
        Record::Namespace(namespace) => RecordKey::Namespace(namespace.name.clone()),
        Record::Waiver(waiver) => waiver.key(),
        Record::NoticeRun(run) => RecordKey::NoticeRun(run.occasion.clone()),
        Record::Announcement(announcement) => RecordKey::Announcement(announcement.current.id.clone()),
        Record::AnnouncementRevision(revision) => RecordKey::AnnouncementRevision(revision.id.clone(), revision.number),
        Record::AccessRequest(_)
        | Record::Name(_)
        | Record::Notice(_)
        | Record::ClientSecrets(_)
        | Record::RegisteredKeys(_)
        | Record::CallLimits(_) => return None,
        Record::Exemption(exemption) => exemption.key(),
        Record::Company(company) => company.key(),
        Record::Project(project) => RecordKey::Project(project.company.clone(), project.id.clone()),
        Record::ServiceAccount(account) => account.key(),
        Record::CredentialClass(_) => RecordKey::CredentialClass,
        Record::ClassRevision(revision) => RecordKey::ClassRevision(revision.number),
        Record::Disuse(disuse) => disuse.key(),
        Record::Installation(installation) => installation.key(),
        Record::Gateway(gateway) => gateway.key(),
        Record::Organisation(_)
        | Record::AppVersion(_)
        | Record::Releases(_)
        | Record::Listing(_)
        | Record::Maintenance(_)
        | Record::MaintenanceAhead(_)
        | Record::Proposal(_)
        | Record::ProposalBook(_)
        | Record::RestoreConfirmation(_) => return None,
    })
}

impl Fold {
    pub(super) fn new(table: Arc<Table>, index: Arc<Index>, roster: Arc<Roster>, rules: Rules) -> Fold {
        Fold {
            table,
            index,
            roster,
            log: Arc::default(),
            revocations: Arc::default(),
            rules,
            trouble: Mutex::new(None),
        }
    }

    /// The same, which also tells which gateways are to stay away.
    pub(super) fn revoking(self, revocations: Arc<Revocations>) -> Fold {
        Fold { revocations, ..self }
    }

    /// The same, which also remembers what commits told the table.
    pub(super) fn remembering(self, log: Arc<ChangeLog>) -> Fold {
        Fold { log, ..self }
    }

    /// The first problem that was met.
    pub(super) fn trouble(&self) -> Result<(), Failure> {
        self.trouble.lock().take().map_or(Ok(()), Err)
    }

    fn meet(&self, failure: impl Into<Failure>) {
        let failure = failure.into();
        tracing::error!(%failure, "a committed record cannot be folded into the decision table");
        self.trouble.lock().get_or_insert(failure);
    }

    /// What one written value means to the table; the index learns it at once.
    fn fold(&self, key: &Key, value: &Bytes, revision: Option<u64>, changes: &mut Vec<Change>) {
        let Some(kind) = codec::key_kind(key) else { return };
        match kind {
            Kind::Answer
            | Kind::ClientId
            | Kind::ApplicationName
            | Kind::AccessRequest
            | Kind::Notice
            | Kind::CompanyNotice
            | Kind::ClientSecrets
            | Kind::RegisteredKeys
            | Kind::CallLimits
            | Kind::Organisation
            | Kind::Listing
            | Kind::Maintenance
            | Kind::Proposal
            | Kind::RestoreConfirmation => return,
            Kind::Api
            | Kind::Version
            | Kind::Application
            | Kind::Subscription
            | Kind::EndedSubscription
            | Kind::Waiver
            | Kind::Revision
            | Kind::Namespace
            | Kind::NoticeRun
            | Kind::Announcement
            | Kind::AnnouncementRevision
            | Kind::Exemption
            | Kind::Company
            | Kind::Project
            | Kind::ServiceAccount
            | Kind::CredentialClass
            | Kind::ClassRevision
            | Kind::Disuse
            | Kind::AppVersion
            | Kind::Installation
            | Kind::Gateway => {}
        }
        let record = match codec::decode_record(value) {
            Ok(record) => record,
            Err(error) => return self.meet(error),
        };
        if let Record::Version(version) = &record
            && self.rules.policies.get(&version.policy).is_none()
        {
            self.meet(Refusal::PolicyNotFound(version.policy.clone()));
        }
        self.roster.learn(&record);
        if let Record::Gateway(gateway) = &record {
            self.revocations.learn(gateway);
        }
        if let Some(key) = key_of(kind, &record) {
            project(&key, &record, &self.rules, changes);
            self.index.learn(&key, &record, revision);
        }
    }
}

impl Fold {
    /// What a commit means to the table; the index learns it at once.
    pub(super) fn changes(&self, commit: &Commit) -> Vec<Change> {
        let mut changes = Vec::new();
        for write in &commit.writes {
            if let Some(value) = &write.value {
                self.fold(&write.key, value, Some(commit.revision), &mut changes);
            }
        }
        changes
    }
}

impl Sink for Fold {
    fn load(&self, key: &Key, value: &Versioned) {
        let mut changes = Vec::new();
        self.fold(key, &value.value, None, &mut changes);
        for change in changes {
            self.table.load(change);
        }
    }

    fn loaded(&self, head: Head) {
        self.index.loaded(head.revision);
        self.table.advance(head.revision);
        let stand = Stand { revision: head.revision, digests: self.table.stand().1, latest: head.instant };
        self.log.begin(stand, self.table.context_digests());
    }

    fn apply(&self, commit: &Commit) {
        let changes = self.changes(commit);
        let told = Arc::from(changes.as_slice());
        let added = self.table.apply_and_tell(commit.revision, changes);
        // Only this thread changes the table: what it holds now is what this commit led to.
        self.log.push(commit.revision, commit.instant, told, self.table.stand().1, added);
    }
}
