//! The rules of a decision in their order, each in one place.
//!
//! `judge` walks them until one decides. `decide` takes its answer, `explain` its position: so the trail cannot tell
//! a story other than the one that happened.

use std::fmt;

use chrono::{DateTime, Utc};

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
    /// The client id belongs to an application.
    ClientKnown,
    /// The application lives in the environment of the gateway.
    OwnEnvironment,
    /// The application is approved, not blocked and not deleted.
    Standing,
    /// The application holds a live subscription.
    Subscription,
}

impl Rule {
    /// All, in the order in which they are judged.
    pub const ALL: [Rule; 9] = [
        Rule::VersionKnown,
        Rule::NotRetired,
        Rule::Callable,
        Rule::NoBrownout,
        Rule::OpenAccess,
        Rule::ClientKnown,
        Rule::OwnEnvironment,
        Rule::Standing,
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
/// for everybody, ends all the same.
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
    let Some(application) = facts.application else {
        return (Rule::ClientKnown, Reason::UnknownClient);
    };
    if application.environment != facts.environment {
        return (Rule::OwnEnvironment, Reason::EnvironmentMismatch);
    }
    match application.standing {
        Standing::Usable => {}
        Standing::NotApproved => return (Rule::Standing, Reason::ApplicationNotApproved),
        Standing::Blocked => return (Rule::Standing, Reason::ApplicationBlocked),
        Standing::Deleted => return (Rule::Standing, Reason::ApplicationDeleted),
    }
    let reason = match (facts.subscribed && facts.terms.lasts(now), waived) {
        (true, false) => Reason::Subscribed,
        (true, true) => Reason::Waived,
        (false, _) => Reason::NotSubscribed,
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
