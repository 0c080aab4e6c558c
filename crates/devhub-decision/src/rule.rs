//! The rules of a decision in their order, each in one place.
//!
//! `judge` walks them until one decides. `decide` takes its answer, `explain` its position: so the trail cannot tell
//! a story other than the one that happened.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::company::CompanyAccess;
use crate::entry::Standing;
use crate::facts::Facts;
use crate::reason::Reason;
use crate::stage::Stage;

/// One rule of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The version exists in the environment of the gateway.
    VersionKnown,
    /// Neither the version nor the operation is retired, or a waiver lets the application call the version all the same.
    NotRetired,
    /// The policy lets calls pass in the stage of the version.
    Callable,
    /// No brownout holds, or the application is exempt from it.
    NoBrownout,
    /// An open-access version needs no client.
    OpenAccess,
    /// The client id belongs to an application or to a traditional service account.
    ClientKnown,
    /// The caller lives in the environment of the gateway.
    OwnEnvironment,
    /// The application is approved, not blocked and not deleted.
    Standing,
    /// The caller is no traditional service account, or these have not reached their sunset, or an extension keeps it.
    CredentialClass,
    /// The version is not company-scoped; or the application is installed in the company that the call names; or the
    /// service account belongs to it, which it does where the call names none.
    Company,
    /// The installation permits the project that the call names, or the call names none.
    Project,
    /// The application holds a live subscription; a service account needs none where the version is company-scoped.
    Subscription,
}

impl Rule {
    /// All, in the order in which they are judged.
    pub const ALL: [Rule; 12] = [
        Rule::VersionKnown,
        Rule::NotRetired,
        Rule::Callable,
        Rule::NoBrownout,
        Rule::OpenAccess,
        Rule::ClientKnown,
        Rule::OwnEnvironment,
        Rule::Standing,
        Rule::CredentialClass,
        Rule::Company,
        Rule::Project,
        Rule::Subscription,
    ];

    /// The name used in trails.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::VersionKnown => "VERSION_KNOWN",
            Rule::NotRetired => "NOT_RETIRED",
            Rule::Callable => "CALLABLE",
            Rule::NoBrownout => "NO_BROWNOUT",
            Rule::OpenAccess => "OPEN_ACCESS",
            Rule::ClientKnown => "CLIENT_KNOWN",
            Rule::OwnEnvironment => "OWN_ENVIRONMENT",
            Rule::Standing => "STANDING",
            Rule::CredentialClass => "CREDENTIAL_CLASS",
            Rule::Company => "COMPANY",
            Rule::Project => "PROJECT",
            Rule::Subscription => "SUBSCRIPTION",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The rule that decides at `now`, and its reason.
///
/// The version comes before the application: whoever calls a retired version learns that it is retired. A waiver is
/// for the end of the version: it brings back no operation that ended by dates of its own, and open access, which is
/// for everybody, ends all the same. A service account holds no subscription, so no waiver goes on from one.
///
/// What is wrong with the caller itself comes before the company: whoever repairs the one seldom has the other in hand.
pub(crate) fn judge(facts: &Facts<'_>, now: DateTime<Utc>) -> (Rule, Reason) {
    let (Some(version), Some(stage)) = (facts.version, facts.stage(now)) else {
        return (Rule::VersionKnown, Reason::UnknownVersion);
    };
    if let Some(reason) = ended(facts, now) {
        return (Rule::NotRetired, reason);
    }
    // What is retired and comes this far holds a waiver.
    let waived = stage == Stage::Retired;
    if !waived && facts.closed_stage(now).is_some() {
        return (Rule::Callable, Reason::VersionNotCallable);
    }
    if facts.brownout(now).is_some() {
        return (Rule::NoBrownout, Reason::Brownout);
    }
    if !waived && version.entry().open_access {
        return (Rule::OpenAccess, Reason::OpenAccess);
    }
    let Some(home) = facts.home() else {
        return (Rule::ClientKnown, Reason::UnknownClient);
    };
    if home != facts.environment {
        return (Rule::OwnEnvironment, Reason::EnvironmentMismatch);
    }
    match facts.application.map(|application| application.standing) {
        Some(Standing::Usable) | None => {}
        Some(Standing::NotApproved) => return (Rule::Standing, Reason::ApplicationNotApproved),
        Some(Standing::Blocked) => return (Rule::Standing, Reason::ApplicationBlocked),
        Some(Standing::Deleted) => return (Rule::Standing, Reason::ApplicationDeleted),
    }
    if facts.calling_account().is_some_and(|account| account.has_ended(now)) {
        return (Rule::CredentialClass, Reason::ServiceAccountSunset);
    }
    match facts.access {
        CompanyAccess::NotScoped | CompanyAccess::Permitted => {}
        CompanyAccess::Unnamed => return (Rule::Company, Reason::CompanyRequired),
        CompanyAccess::OtherCompany => return (Rule::Company, Reason::CompanyMismatch),
        CompanyAccess::NotInstalled => return (Rule::Company, Reason::NotInstalled),
        CompanyAccess::ProjectNotPermitted => return (Rule::Project, Reason::ProjectNotPermitted),
    }
    let reason = if facts.calling_account().is_some() {
        if version.entry().company_scoped && !waived { Reason::ServiceAccount } else { Reason::NotSubscribed }
    } else {
        match (facts.subscribed && facts.terms.lasts(now), waived) {
            (true, false) => Reason::Subscribed,
            (true, true) => Reason::Waived,
            (false, _) => Reason::NotSubscribed,
        }
    };
    (Rule::Subscription, reason)
}

/// Why the call is refused as one to what is gone, if it is.
pub(crate) fn ended(facts: &Facts<'_>, now: DateTime<Utc>) -> Option<Reason> {
    if facts.version_stage(now) == Some(Stage::Retired) && !facts.is_waived(now) {
        Some(Reason::VersionRetired)
    } else if facts.operation.is_some_and(|operation| operation.has_ended(now)) {
        Some(Reason::OperationRetired)
    } else {
        None
    }
}
