//! Terms: what holds between one application and one version besides the subscription itself. They are rare.

use chrono::{DateTime, Utc};

use crate::catalogue::VersionNumber;
use crate::entry::VersionName;
use crate::stage::Environment;

/// Calls of an application to a version pass after the retirement of the version, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverEntry {
    /// Whose it is.
    pub client_id: Box<str>,
    /// The environment of the version.
    pub environment: Environment,
    /// For which version.
    pub version: VersionName,
    /// The first instant at which it no longer holds; none removes it.
    pub until: Option<DateTime<Utc>>,
}

/// An application takes no part in the brownouts of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionEntry {
    /// Whose it is.
    pub client_id: Box<str>,
    /// The environment of the version.
    pub environment: Environment,
    /// From the brownouts of which version.
    pub version: VersionName,
    /// It holds; `false` removes it.
    pub exempt: bool,
}

/// What holds between one application and one version besides the subscription itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// The first instant at which the subscription no longer holds, when it is kept only for a while.
    pub ends_at: Option<DateTime<Utc>>,
    /// The first instant at which the waiver no longer holds, when there is one.
    pub waived_until: Option<DateTime<Utc>>,
    /// The application takes no part in brownouts.
    pub exempt: bool,
}

impl Terms {
    /// The subscription, if there is one, has not ended by itself.
    pub fn lasts(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|ends_at| now < ends_at)
    }

    /// The waiver holds.
    pub fn waives(&self, now: DateTime<Utc>) -> bool {
        self.waived_until.is_some_and(|until| now < until)
    }
}

/// The terms of one client id, by version number.
pub(crate) struct ClientTerms {
    client_id: Box<str>,
    /// Sorted by number.
    terms: Vec<(VersionNumber, Terms)>,
}

impl ClientTerms {
    /// Those for a single version.
    pub(crate) fn new(client_id: &str, number: VersionNumber, terms: Terms) -> Self {
        Self { client_id: client_id.into(), terms: vec![(number, terms)] }
    }

    /// The client id.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// All of them, by version.
    pub(crate) fn terms(&self) -> &[(VersionNumber, Terms)] {
        &self.terms
    }

    fn position(&self, number: VersionNumber) -> Result<usize, usize> {
        self.terms.binary_search_by_key(&number, |(number, _)| *number)
    }

    /// Those for a version, if there are any.
    pub(crate) fn of(&self, number: VersionNumber) -> Option<Terms> {
        self.position(number).ok().map(|position| self.terms[position].1)
    }

    /// Sets those for a version; the default ones are not held.
    pub(crate) fn set(&mut self, number: VersionNumber, terms: Terms) {
        match (self.position(number), terms == Terms::default()) {
            (Ok(position), false) => self.terms[position].1 = terms,
            (Ok(position), true) => {
                self.terms.remove(position);
            }
            (Err(position), false) => self.terms.insert(position, (number, terms)),
            (Err(_), true) => {}
        }
    }
}
