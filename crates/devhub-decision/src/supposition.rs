//! The table as it would be: what a change of a lifecycle does is seen before it is made.

use crate::catalogue::Catalogue;
use crate::facts::{Facts, Question};
use crate::table::Table;

/// A table with a catalogue of its own: versions, namespaces and the credential class as they would be, applications,
/// subscriptions, terms, service accounts and installations as they are at each question.
pub struct Supposition<'t> {
    table: &'t Table,
    catalogue: Catalogue,
}

impl<'t> Supposition<'t> {
    pub(crate) fn new(table: &'t Table, catalogue: Catalogue) -> Self {
        Self { table, catalogue }
    }

    /// Lends the facts of one question to `answer`, as [`Table::ask`] does.
    pub fn ask<R>(&self, question: &Question<'_>, answer: impl FnOnce(&Facts<'_>) -> R) -> R {
        self.table.ask_supposing(question, Some(&self.catalogue), answer)
    }
}
