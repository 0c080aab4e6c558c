//! The rules of a decision in their order, each in one place.
//!
//! `judge` walks them until one decides. `decide` takes its answer, `explain` its position: so the trail cannot tell
//! a story other than the one that happened.

use std::fmt;

use crate::entry::Standing;
use crate::facts::Facts;
use crate::reason::Reason;
use crate::stage::Stage;

/// One rule of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The version exists in the environment of the gateway.
    VersionKnown,
    /// The version is not retired.
    NotRetired,
    /// The policy lets calls pass in the stage of the version.
    Callable,
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
    pub const ALL: [Rule; 8] = [
        Rule::VersionKnown,
        Rule::NotRetired,
        Rule::Callable,
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

/// The rule that decides, and its reason. `stage` is that of the version, if the version is known.
///
/// The version comes before the application: whoever calls a retired version learns that it is retired.
pub(crate) fn judge(facts: &Facts<'_>, stage: Option<Stage>) -> (Rule, Reason) {
    let (Some(version), Some(stage)) = (facts.version, stage) else {
        return (Rule::VersionKnown, Reason::UnknownVersion);
    };
    if stage == Stage::Retired {
        return (Rule::NotRetired, Reason::VersionRetired);
    }
    if !version.permissions().of(stage).calls {
        return (Rule::Callable, Reason::VersionNotCallable);
    }
    if version.open_access() {
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
    (Rule::Subscription, if facts.subscribed { Reason::Subscribed } else { Reason::NotSubscribed })
}
