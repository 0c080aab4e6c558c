//! The past as a table: what "why was this allowed then" is answered from (rule B93), whoever tells of the commits: the
//! journal, or an exported trail.

use std::sync::Arc;

use devhub_decision::{Change, Question, Table, namespace};

use super::Failure;
use super::fold::Fold;
use crate::domain::Rules;
use crate::store::Commit;

/// Whether an answer to `question` may depend on `change`.
pub(super) fn concerns(question: &Question<'_>, change: &Change) -> bool {
    match change {
        Change::Version(version) => {
            &*version.name.context == question.context && &*version.name.label == question.label
        }
        Change::Application(application) => &*application.client_id == question.client_id,
        Change::Subscription(subscription) => &*subscription.client_id == question.client_id,
        Change::Waiver(waiver) => &*waiver.client_id == question.client_id,
        Change::Exemption(exemption) => &*exemption.client_id == question.client_id,
        Change::ServiceAccount(account) => &*account.client_id == question.client_id,
        Change::Installation(installation) => &*installation.client_id == question.client_id,
        Change::CredentialClass(_) => true,
        Change::Namespace(entry) => namespace::covers(&entry.namespace, question.context),
    }
}

/// A table that is told of commits in order, and keeps what one question is about.
pub struct Past<'q> {
    question: Question<'q>,
    table: Table,
    fold: Fold,
}

impl<'q> Past<'q> {
    /// A past of which nothing is known yet.
    pub fn about(question: Question<'q>, rules: Rules) -> Past<'q> {
        let fold = Fold::new(Arc::new(Table::new()), Arc::default(), Arc::default(), rules);
        Past { question, table: Table::new(), fold }
    }

    /// Adds the next commit.
    pub fn add(&self, commit: &Commit) {
        let mut changes = self.fold.changes(commit);
        changes.retain(|change| concerns(&self.question, change));
        self.table.apply(commit.revision, changes);
    }

    /// The table after the commits so far.
    ///
    /// # Errors
    /// When a record of one of them could not be understood.
    pub fn table(&self) -> Result<&Table, Failure> {
        self.fold.trouble().map(|()| &self.table)
    }
}
