//! Terms: what holds between one application and one version besides the subscription itself. They are rare.

use chrono::{DateTime, Utc};

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
