//! Changes with what can be worked out about them before readers have to wait: hashes, numbers, headers.

use crate::catalogue::{Key, Regrouping, VersionNumber};
use crate::entry::{ApplicationEntry, SubscriptionEntry};
use crate::facts::VersionFacts;
use crate::terms::{ExemptionEntry, WaiverEntry};

/// What ties a client id to a version.
pub(crate) enum Bond {
    /// A subscription.
    Subscription(SubscriptionEntry),
    /// A waiver of retirement.
    Waiver(WaiverEntry),
    /// An exemption from brownouts.
    Exemption(ExemptionEntry),
}

impl Bond {
    /// Whom it ties.
    pub(crate) fn client_id(&self) -> &str {
        match self {
            Bond::Subscription(entry) => &entry.client_id,
            Bond::Waiver(entry) => &entry.client_id,
            Bond::Exemption(entry) => &entry.client_id,
        }
    }

    /// To which version.
    pub(crate) fn key(&self) -> Key<'_> {
        let (version, environment) = match self {
            Bond::Subscription(entry) => (&entry.version, entry.environment),
            Bond::Waiver(entry) => (&entry.version, entry.environment),
            Bond::Exemption(entry) => (&entry.version, entry.environment),
        };
        (&version.context, &version.label, environment)
    }

    /// It ties; otherwise it loosens what was tied before.
    pub(crate) fn ties(&self) -> bool {
        match self {
            Bond::Subscription(entry) => entry.live,
            Bond::Waiver(entry) => entry.until.is_some(),
            Bond::Exemption(entry) => entry.exempt,
        }
    }
}

/// A change that is ready to be folded.
pub(crate) enum Prepared {
    /// Of the namespaces of a commit, all at once.
    Regrouping(Regrouping),
    /// Of a version.
    Version(Box<VersionFacts>),
    /// Of an application, with the hash of its client id.
    Application {
        /// Hash of the client id.
        hash: u64,
        /// What it is now.
        entry: ApplicationEntry,
    },
    /// Of what ties a client id to a version.
    Bond {
        /// Hash of the client id.
        hash: u64,
        /// The number of the version, if it has one.
        number: Option<VersionNumber>,
        /// What it is now.
        bond: Bond,
    },
}

impl Prepared {
    /// It needs the catalogue: for a version, or for a name that has no number yet.
    pub(crate) fn changes_catalogue(&self) -> bool {
        match self {
            Prepared::Regrouping(_) | Prepared::Version(_) => true,
            Prepared::Application { .. } => false,
            Prepared::Bond { number, bond, .. } => number.is_none() && bond.ties(),
        }
    }

    /// Hash of its client id, if it has one.
    pub(crate) fn hash(&self) -> Option<u64> {
        match self {
            Prepared::Regrouping(_) | Prepared::Version(_) => None,
            Prepared::Application { hash, .. } | Prepared::Bond { hash, .. } => Some(*hash),
        }
    }
}
