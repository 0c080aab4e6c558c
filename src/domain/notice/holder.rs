//! Whose administrators a notice is given to.

use std::fmt;

use super::super::fact::Subject;
use super::super::name::{ApplicationId, CompanyId, NoticeId};
use super::super::record::RecordKey;

/// Whose administrators a notice is given to: an application's or a company's. Applications come first, so that a run
/// that is cut knows by the last holder told who is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// An application.
    Application(ApplicationId),
    /// A company.
    Company(CompanyId),
}

impl Holder {
    /// Where its record is kept.
    pub fn key(&self) -> RecordKey {
        match self {
            Holder::Application(id) => RecordKey::Application(id.clone()),
            Holder::Company(id) => RecordKey::Company(id.clone()),
        }
    }

    /// What a fact about `subject` and this holder is about.
    pub fn of(&self, subject: Subject) -> Subject {
        match self {
            Holder::Application(id) => Subject { application: Some(id.clone()), ..subject },
            Holder::Company(id) => Subject { company: Some(id.clone()), ..subject },
        }
    }

    /// Where one of its notices is kept.
    pub fn notice(&self, id: NoticeId) -> RecordKey {
        RecordKey::Notice(self.clone(), id)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Application(id) => write!(f, "application {id}"),
            Holder::Company(id) => write!(f, "company {id}"),
        }
    }
}
