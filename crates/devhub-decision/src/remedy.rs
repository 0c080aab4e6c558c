//! What would turn a denial into an allow, and who can do it.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::entry::VersionName;
use crate::facts::VersionFacts;
use crate::lifecycle::Schedule;
use crate::reason::Reason;
use crate::stage::Stage;

/// What kind of thing turns a denial into an allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemedyAction {
    /// Subscribe to the version.
    Subscribe,
    /// Move to the successor version.
    MoveToSuccessor,
    /// Check context and version, or the environment they are deployed in.
    CheckVersion,
    /// Register the client, or check its id.
    RegisterClient,
    /// Use the credentials of an application of this environment.
    UseOwnEnvironment,
    /// Finish the approval process of the application.
    CompleteApproval,
    /// Ask an operator.
    AskOperator,
    /// Have the application restored.
    RestoreApplication,
    /// Wait until the version leaves ALPHA.
    WaitForRelease,
}

impl RemedyAction {
    /// All of them.
    pub const ALL: [RemedyAction; 9] = [
        RemedyAction::Subscribe,
        RemedyAction::MoveToSuccessor,
        RemedyAction::CheckVersion,
        RemedyAction::RegisterClient,
        RemedyAction::UseOwnEnvironment,
        RemedyAction::CompleteApproval,
        RemedyAction::AskOperator,
        RemedyAction::RestoreApplication,
        RemedyAction::WaitForRelease,
    ];

    /// The name used on the wire and in listings.
    pub const fn name(self) -> &'static str {
        match self {
            RemedyAction::Subscribe => "SUBSCRIBE",
            RemedyAction::MoveToSuccessor => "MOVE_TO_SUCCESSOR",
            RemedyAction::CheckVersion => "CHECK_VERSION",
            RemedyAction::RegisterClient => "REGISTER_CLIENT",
            RemedyAction::UseOwnEnvironment => "USE_OWN_ENVIRONMENT",
            RemedyAction::CompleteApproval => "COMPLETE_APPROVAL",
            RemedyAction::AskOperator => "ASK_OPERATOR",
            RemedyAction::RestoreApplication => "RESTORE_APPLICATION",
            RemedyAction::WaitForRelease => "WAIT_FOR_RELEASE",
        }
    }
}

impl fmt::Display for RemedyAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What to do about a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy<'t> {
    /// What kind of thing.
    pub action: RemedyAction,
    /// The version to move to, when one is named.
    pub successor: Option<&'t VersionName>,
    /// The first instant at which it can help, when a date stands in its way; no fact known today is such a date.
    pub earliest: Option<DateTime<Utc>>,
}

impl<'t> Remedy<'t> {
    /// The remedy for `reason` on a version that is in `stage`; none for an allow.
    pub(crate) fn of(reason: Reason, version: Option<(&'t VersionFacts, Stage)>) -> Option<Self> {
        let successor = version.and_then(|(entry, _)| entry.successor());
        // Where a version is on its way out, its successor is the way on; without one only an operator can help.
        let onwards = if successor.is_some() { RemedyAction::MoveToSuccessor } else { RemedyAction::AskOperator };
        let closed = version.map_or(RemedyAction::CheckVersion, |(entry, stage)| match stage {
            // An ALPHA that is going to be dropped is not worth waiting for.
            Stage::Alpha if entry.lifecycle().schedule == Schedule::Open => RemedyAction::WaitForRelease,
            Stage::Beta | Stage::Stable => RemedyAction::AskOperator,
            Stage::Alpha | Stage::Deprecated | Stage::Retired => onwards,
        });
        let action = match reason {
            Reason::Subscribed | Reason::OpenAccess => return None,
            Reason::UnknownVersion => RemedyAction::CheckVersion,
            Reason::VersionRetired | Reason::VersionNotCallable => closed,
            Reason::UnknownClient => RemedyAction::RegisterClient,
            Reason::EnvironmentMismatch => RemedyAction::UseOwnEnvironment,
            Reason::ApplicationNotApproved => RemedyAction::CompleteApproval,
            Reason::ApplicationBlocked => RemedyAction::AskOperator,
            Reason::ApplicationDeleted => RemedyAction::RestoreApplication,
            Reason::NotSubscribed => match version {
                Some((entry, stage)) if entry.permissions().of(stage).new_subscriptions => RemedyAction::Subscribe,
                Some(_) | None => closed,
            },
        };
        let successor = successor.filter(|_| action == RemedyAction::MoveToSuccessor);
        Some(Self { action, successor, earliest: None })
    }

    /// The same for a person.
    pub fn sentence(&self) -> String {
        match self.action {
            RemedyAction::Subscribe => "Subscribe the application to this version.".to_owned(),
            RemedyAction::MoveToSuccessor => match self.successor {
                Some(successor) => format!("Move the application to the successor version {successor}."),
                None => "Move the application to the successor version.".to_owned(),
            },
            RemedyAction::CheckVersion => {
                "Check the context and the version, and whether the version is deployed in this environment.".to_owned()
            }
            RemedyAction::RegisterClient => "Check the client id, or register an application.".to_owned(),
            RemedyAction::UseOwnEnvironment => {
                "Use the credentials of an application that lives in this environment.".to_owned()
            }
            RemedyAction::CompleteApproval => "Complete the approval of the application.".to_owned(),
            RemedyAction::AskOperator => "Ask an operator of the hub.".to_owned(),
            RemedyAction::RestoreApplication => "Ask an operator to restore the application.".to_owned(),
            RemedyAction::WaitForRelease => {
                "Wait until the version is released; ALPHA is documentation only.".to_owned()
            }
        }
    }
}
