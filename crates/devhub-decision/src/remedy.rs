//! What would turn a denial into an allow, and who can do it.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::company::COMPANY_HEADER;
use crate::entry::VersionName;
use crate::facts::{Facts, VersionFacts};
use crate::lifecycle::Schedule;
use crate::operation::Replacement;
use crate::reason::Reason;
use crate::rule;
use crate::stage::Stage;
use crate::trail::written;

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
    /// Call again when the brownout is over.
    WaitForBrownoutEnd,
    /// Use the operation that replaces this one.
    UseReplacement,
    /// Name the company that the call is about.
    NameCompany,
    /// Name the company of the service account, or none.
    UseOwnCompany,
    /// Have an administrator of the company install the application.
    InstallApplication,
    /// Have an administrator of the company permit the project.
    PermitProject,
    /// Have the company install the version of the application that replaces its service account, or ask an operator for
    /// an extension.
    ReplaceServiceAccount,
    /// Call with an application instead of a service account.
    UseApplication,
}

impl RemedyAction {
    /// All of them.
    pub const ALL: [RemedyAction; 17] = [
        RemedyAction::Subscribe,
        RemedyAction::MoveToSuccessor,
        RemedyAction::CheckVersion,
        RemedyAction::RegisterClient,
        RemedyAction::UseOwnEnvironment,
        RemedyAction::CompleteApproval,
        RemedyAction::AskOperator,
        RemedyAction::RestoreApplication,
        RemedyAction::WaitForRelease,
        RemedyAction::WaitForBrownoutEnd,
        RemedyAction::UseReplacement,
        RemedyAction::NameCompany,
        RemedyAction::UseOwnCompany,
        RemedyAction::InstallApplication,
        RemedyAction::PermitProject,
        RemedyAction::ReplaceServiceAccount,
        RemedyAction::UseApplication,
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
            RemedyAction::WaitForBrownoutEnd => "WAIT_FOR_BROWNOUT_END",
            RemedyAction::UseReplacement => "USE_REPLACEMENT",
            RemedyAction::NameCompany => "NAME_COMPANY",
            RemedyAction::UseOwnCompany => "USE_OWN_COMPANY",
            RemedyAction::InstallApplication => "INSTALL_APPLICATION",
            RemedyAction::PermitProject => "PERMIT_PROJECT",
            RemedyAction::ReplaceServiceAccount => "REPLACE_SERVICE_ACCOUNT",
            RemedyAction::UseApplication => "USE_APPLICATION",
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
    /// The namespace to move to, when the version names no successor and its namespace does.
    pub successor_namespace: Option<&'t str>,
    /// The operation to use instead, when one is named.
    pub replacement: Option<&'t Replacement>,
    /// The first instant at which it can help, when a date stands in its way: the end of a brownout.
    pub earliest: Option<DateTime<Utc>>,
}

impl<'t> Remedy<'t> {
    /// The remedy for `reason` at `now`; none for an allow.
    pub(crate) fn of(reason: Reason, facts: &Facts<'t>, now: DateTime<Utc>) -> Option<Self> {
        let version = facts.version.map(VersionFacts::entry);
        let successor = version.and_then(|entry| entry.successor.as_ref());
        let successor_namespace = facts.version.and_then(VersionFacts::successor_namespace);
        let replacement = facts.operation.and_then(|operation| operation.entry().replacement.as_ref());
        let leaving = Self {
            action: RemedyAction::MoveToSuccessor,
            successor,
            successor_namespace,
            replacement: None,
            earliest: None,
        };
        let only = |action| Self { action, successor: None, successor_namespace: None, ..leaving };
        // Where a version is on its way out, its successor is the way on; without one only an operator can help.
        let named = successor.is_some() || successor_namespace.is_some();
        let onwards = if named { leaving } else { only(RemedyAction::AskOperator) };
        let closed = |stage: Option<Stage>| match (version, stage) {
            // An ALPHA that is going to be dropped is not worth waiting for.
            (Some(entry), Some(Stage::Alpha)) if entry.lifecycle.schedule == Schedule::Open => {
                only(RemedyAction::WaitForRelease)
            }
            (Some(_), Some(Stage::Beta | Stage::Stable)) => only(RemedyAction::AskOperator),
            (Some(_), Some(Stage::Alpha | Stage::Deprecated | Stage::Retired)) => onwards,
            (None, _) | (_, None) => only(RemedyAction::CheckVersion),
        };
        Some(match reason {
            Reason::Subscribed | Reason::OpenAccess | Reason::Waived | Reason::ServiceAccount => return None,
            Reason::UnknownVersion => only(RemedyAction::CheckVersion),
            Reason::VersionRetired | Reason::VersionNotCallable => closed(facts.stage(now)),
            Reason::OperationRetired if replacement.is_some() => {
                Self { replacement, ..only(RemedyAction::UseReplacement) }
            }
            Reason::OperationRetired => onwards,
            Reason::Brownout => match brownout_end(facts, now) {
                Some(end) => Self { action: RemedyAction::WaitForBrownoutEnd, earliest: Some(end), ..leaving },
                None => onwards,
            },
            Reason::UnknownClient => only(RemedyAction::RegisterClient),
            Reason::EnvironmentMismatch => only(RemedyAction::UseOwnEnvironment),
            Reason::ApplicationNotApproved => only(RemedyAction::CompleteApproval),
            Reason::ApplicationBlocked => only(RemedyAction::AskOperator),
            Reason::ApplicationDeleted => only(RemedyAction::RestoreApplication),
            Reason::ServiceAccountSunset => only(RemedyAction::ReplaceServiceAccount),
            Reason::CompanyRequired => only(RemedyAction::NameCompany),
            Reason::CompanyMismatch => only(RemedyAction::UseOwnCompany),
            Reason::NotInstalled => only(RemedyAction::InstallApplication),
            Reason::ProjectNotPermitted => only(RemedyAction::PermitProject),
            // A subscription is to the version: the dates of one operation do not matter to it.
            Reason::NotSubscribed => match (version, facts.version_stage(now)) {
                (Some(entry), Some(stage)) if entry.permissions.of(stage).new_subscriptions => {
                    let account = facts.calling_account();
                    only(account.map_or(RemedyAction::Subscribe, |_| RemedyAction::UseApplication))
                }
                (Some(_) | None, stage) => closed(stage),
            },
        })
    }

    /// The same for a person.
    pub fn sentence(&self) -> String {
        match self.action {
            RemedyAction::Subscribe => "Subscribe the application to this version.".to_owned(),
            RemedyAction::MoveToSuccessor => format!("Move the application to {}.", self.way_on()),
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
            RemedyAction::WaitForBrownoutEnd => {
                let end = self.earliest.map_or_else(|| "the end of the brownout".to_owned(), written);
                let named = self.successor.is_some() || self.successor_namespace.is_some();
                let onwards =
                    if named { format!("; move the application to {}", self.way_on()) } else { String::new() };
                format!("Call again from {end} on{onwards}.")
            }
            RemedyAction::UseReplacement => match self.replacement {
                Some(Replacement { version, method, path }) => format!("Use {method} {path} of {version} instead."),
                None => "Use the operation that replaces this one.".to_owned(),
            },
            RemedyAction::NameCompany => {
                format!("Send the header that names the company ({COMPANY_HEADER}) with every call.")
            }
            RemedyAction::UseOwnCompany => {
                format!(
                    "Name the company of the service account in the header that names the company ({COMPANY_HEADER}), or \
                     leave the header out."
                )
            }
            RemedyAction::InstallApplication => "Have an administrator of the company install the application.".to_owned(),
            RemedyAction::PermitProject => {
                "Have an administrator of the company permit the project to the application.".to_owned()
            }
            RemedyAction::ReplaceServiceAccount => {
                "Have an administrator of the company install the version of the application that uses a Developer Managed \
                 Service Account (DMSA), and call with its credentials; or ask an operator for an extension."
                    .to_owned()
            }
            RemedyAction::UseApplication => {
                "Call with an application that is subscribed to this version; service accounts reach company-scoped \
                 versions only."
                    .to_owned()
            }
        }
    }

    fn way_on(&self) -> String {
        match (self.successor, self.successor_namespace) {
            (Some(successor), _) => format!("the successor version {successor}"),
            (None, Some(namespace)) => format!("the namespace {namespace}"),
            (None, None) => "the successor version".to_owned(),
        }
    }
}

/// When calls pass again after the brownout that holds at `now`: never, if it lasts until retirement and no waiver goes
/// beyond that.
fn brownout_end(facts: &Facts<'_>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let window = facts.brownout(now)?;
    let retires_at = facts.lifecycle()?.schedule.retires_at();
    let end = retires_at.map_or(window.until, |retires_at| window.until.min(retires_at));
    let gone = rule::ended(facts, end).is_some();
    (!gone).then_some(end)
}
