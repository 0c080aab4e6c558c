//! The schedule ledger: every date that was ever announced, revision by revision. Never changed, never removed.
//!
//! What is true now stands in the version or namespace; the ledger says how it came to be, so that "which date was
//! public then?" has one answer (rule B71, defect X11).

use std::fmt;

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Environment, Lifecycle};

use super::fact::Subject;
use super::name::{Context, VersionName, Zone};

/// One operation of a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationName {
    /// The version.
    pub version: VersionName,
    /// HTTP method.
    pub method: String,
    /// Path below the context, as the version's endpoints state it.
    pub path: String,
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.method, self.path, self.version)
    }
}

/// What has a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A version in an environment.
    Version(VersionName, Environment),
    /// One operation of a version in an environment.
    Operation(OperationName, Environment),
    /// Every API whose context is this or begins with this and a `/`.
    Namespace(Context, Environment),
}

impl Target {
    /// Where.
    pub const fn environment(&self) -> Environment {
        match self {
            Target::Version(_, environment) | Target::Operation(_, environment) | Target::Namespace(_, environment) => {
                *environment
            }
        }
    }

    /// The version that it is, or is part of.
    pub const fn version(&self) -> Option<&VersionName> {
        match self {
            Target::Version(name, _) => Some(name),
            Target::Operation(operation, _) => Some(&operation.version),
            Target::Namespace(..) => None,
        }
    }

    /// The context of its API, or the namespace itself.
    pub const fn context(&self) -> &Context {
        match self {
            Target::Version(name, _) => &name.context,
            Target::Operation(operation, _) => &operation.version.context,
            Target::Namespace(namespace, _) => namespace,
        }
    }

    /// What a fact about it is about.
    pub fn subject(&self) -> Subject {
        Subject {
            context: Some(self.context().clone()),
            label: self.version().map(|name| name.label.clone()),
            environment: Some(self.environment()),
            ..Subject::default()
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Version(name, environment) => write!(f, "{name} in {environment}"),
            Target::Operation(operation, environment) => write!(f, "{operation} in {environment}"),
            Target::Namespace(namespace, environment) => write!(f, "namespace {namespace} in {environment}"),
        }
    }
}

/// What a revision did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevisionKind {
    /// Published, or brought to this environment.
    Published,
    /// Maturity raised.
    Promoted,
    /// Deprecation planned or begun.
    Deprecated,
    /// Dates changed.
    Revised,
    /// The planned or begun end taken back.
    Withdrawn,
    /// Retirement planned or begun.
    Retired,
    /// Brought back after retirement.
    Reinstated,
    /// A brownout planned.
    BrownoutScheduled,
    /// A brownout cancelled.
    BrownoutCancelled,
}

impl RevisionKind {
    /// Whether subscribers are told of such a revision (rule B91). A publication has none yet, and a promotion takes
    /// nothing from anybody.
    pub const fn is_noticed(self) -> bool {
        match self {
            RevisionKind::Published | RevisionKind::Promoted => false,
            RevisionKind::Deprecated
            | RevisionKind::Revised
            | RevisionKind::Withdrawn
            | RevisionKind::Retired
            | RevisionKind::Reinstated
            | RevisionKind::BrownoutScheduled
            | RevisionKind::BrownoutCancelled => true,
        }
    }
}

/// One revision of a target's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// What it is about.
    pub target: Target,
    /// 1 for the first revision of the target, then one more each time.
    pub number: u32,
    /// What it did.
    pub kind: RevisionKind,
    /// Before; `None` for the first revision.
    pub before: Option<Lifecycle>,
    /// After.
    pub after: Lifecycle,
    /// The brownout concerned, for the two kinds that have one.
    pub brownout: Option<Brownout>,
    /// Where to move to, from this revision on; empty for none.
    pub successor: String,
    /// When it was made public; never later than `recorded_at`, never before that of the revision before.
    pub announced_at: DateTime<Utc>,
    /// When it was committed.
    pub recorded_at: DateTime<Utc>,
    /// The zone that the dates were announced in.
    pub zone: Option<Zone>,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Why the policy's minimum was overridden; empty if it was not.
    pub override_reason: String,
}

/// How far the ledger of a target has come; kept beside its dates, so that the next revision needs no look into the
/// ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerEnd {
    /// How many revisions there are.
    pub revisions: u32,
    /// When the last one was announced.
    pub announced_at: Option<DateTime<Utc>>,
    /// When the last one was committed; not known of one that was committed before this was kept.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The zone that its dates were announced in.
    pub zone: Option<Zone>,
}
