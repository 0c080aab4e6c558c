//! The words of the contract as the command line, the catalogue and machine-readable output spell them.

use clap::ValueEnum;
use devhub_proto::v1;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $wire:path, { $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
        #[value(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $text)] $word),+
        }

        impl $name {
            /// The word of a number on the wire; `None` for a number that this release does not know.
            pub fn from_wire(number: i32) -> Option<$name> {
                let wire = <$wire>::try_from(number).ok()?;
                [$($name::$word),+].into_iter().find(|word| word.wire() == wire)
            }

            /// The value on the wire.
            pub const fn wire(self) -> $wire {
                match self {
                    $($name::$word => <$wire>::$word),+
                }
            }

            /// The word, as files and sentences spell it.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$word => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

words!(
    /// One of the two separate worlds that applications and lifecycles live in.
    Environment, v1::Environment, {
        /// For building and testing.
        Sandbox = "SANDBOX",
        /// For live traffic.
        Production = "PRODUCTION",
    }
);

words!(
    /// How finished a version is while no date has ended it.
    Maturity, v1::Maturity, {
        /// Early prototype, documentation only.
        Alpha = "ALPHA",
        /// Live but may still change.
        Beta = "BETA",
        /// Live and stable.
        Stable = "STABLE",
    }
);

words!(
    /// What a maintenance window refuses.
    Refuses, v1::MaintenanceRefuses, {
        /// New versions of applications.
        #[value(name = "manifest-creation")]
        ManifestCreation = "MANIFEST_CREATION",
        /// Every change.
        Writes = "WRITES",
    }
);

words!(
    /// Where a version stands at one instant.
    Stage, v1::Stage, {
        /// Early prototype, documentation only.
        Alpha = "ALPHA",
        /// Live but may still change.
        Beta = "BETA",
        /// Live and stable.
        Stable = "STABLE",
        /// Takes no new subscription.
        Deprecated = "DEPRECATED",
        /// Gone.
        Retired = "RETIRED",
    }
);

words!(
    /// Who may subscribe to a version.
    Access, v1::AccessType, {
        /// Any application.
        Public = "PUBLIC",
        /// Applications with a granted access request.
        Controlled = "CONTROLLED",
        /// Applications that an operator subscribes.
        Internal = "INTERNAL",
    }
);

words!(
    /// What a caller of an endpoint must present.
    Auth, v1::AuthType, {
        /// Nothing.
        None = "NONE",
        /// The application's credentials.
        Application = "APPLICATION",
        /// A user's grant.
        User = "USER",
    }
);

words!(
    /// Where an access request stands.
    AccessRequestState, v1::AccessRequestState, {
        /// Waiting for an operator.
        Pending = "PENDING",
        /// On the access list.
        Granted = "GRANTED",
        /// Refused.
        Rejected = "REJECTED",
        /// Withdrawn.
        Cancelled = "CANCELLED",
        /// Granted once, taken back since.
        Revoked = "REVOKED",
    }
);

words!(
    /// How regularly an application calls a version.
    UsageClass, v1::UsageClass, {
        /// On at least 20 of the last 28 days.
        Daily = "DAILY",
        /// In at least 3 of the last 4 weeks.
        Weekly = "WEEKLY",
        /// At some time in the last 63 days.
        Monthly = "MONTHLY",
        /// Once, but not in the last 63 days.
        Idle = "IDLE",
        /// Never, as far as is known.
        Never = "NEVER",
    }
);

words!(
    /// How fast an application may call.
    RateLimitTier, v1::RateLimitTier, {
        /// The usual one.
        Bronze = "BRONZE",
        /// Above BRONZE.
        Silver = "SILVER",
        /// Above SILVER.
        Gold = "GOLD",
        /// Above GOLD.
        Platinum = "PLATINUM",
        /// Above PLATINUM.
        Rhodium = "RHODIUM",
    }
);

words!(
    /// What a company's data is.
    Tenancy, v1::Tenancy, {
        /// Real data.
        Production = "PRODUCTION",
        /// A copy of real data, refreshed every month.
        #[value(name = "monthly-sandbox")]
        MonthlySandbox = "MONTHLY_SANDBOX",
        /// Made-up data for developers.
        #[value(name = "development-sandbox")]
        DevelopmentSandbox = "DEVELOPMENT_SANDBOX",
    }
);

words!(
    /// How much of a tool is open to a machine identity.
    ToolLevel, v1::ToolPermissionLevel, {
        /// Nothing.
        None = "NONE",
        /// Reading.
        ReadOnly = "READ_ONLY",
        /// Reading and everyday writing.
        Standard = "STANDARD",
        /// Everything.
        Admin = "ADMIN",
    }
);

words!(
    /// How far a migration is.
    Phase, v1::MigrationPhase, {
        /// Nobody has said whose the account is.
        BlockedUnknownOwner = "BLOCKED_UNKNOWN_OWNER",
        /// The developer has nothing to install yet.
        NotStarted = "NOT_STARTED",
        /// The company has to install.
        DeveloperReady = "DEVELOPER_READY",
        /// Installed beside the old account.
        Installed = "INSTALLED",
        /// The new identity has called; the old account is still there.
        CutoverConfirmed = "CUTOVER_CONFIRMED",
        /// Complete: the old account is removed.
        OldAccountRemoved = "OLD_ACCOUNT_REMOVED",
        /// Complete: the sunset ended the old account.
        CompleteBySunset = "COMPLETE_BY_SUNSET",
        /// Complete, but only after the sunset.
        CompleteLate = "COMPLETE_LATE",
        /// The sunset came first: calls fail.
        Expired = "EXPIRED",
        /// The old account is removed and nothing is installed.
        Discontinued = "DISCONTINUED",
    }
);

words!(
    /// What an announcement is about.
    Category, v1::AnnouncementCategory, {
        /// The beginning of an end.
        Deprecation = "DEPRECATION",
        /// An end.
        Sunset = "SUNSET",
        /// Something works differently.
        Change = "CHANGE",
        /// Something must be done.
        Requirement = "REQUIREMENT",
        /// Something is not available for a time.
        Maintenance = "MAINTENANCE",
        /// Something new.
        Release = "RELEASE",
        /// Anything else.
        Other = "OTHER",
    }
);

words!(
    /// Who is addressed by an announcement.
    Audience, v1::AnnouncementAudienceKind, {
        /// Everybody.
        Everybody = "EVERYBODY",
        /// Administrators of subscribed applications, who get a notice.
        Subscribers = "SUBSCRIBERS",
        /// Platform staff.
        Operators = "OPERATORS",
    }
);

words!(
    /// Whether a gateway follows.
    GatewayState, v1::GatewayState, {
        /// It has a stream.
        Connected = "CONNECTED",
        /// It had one in the last 24 hours.
        Disconnected = "DISCONNECTED",
    }
);

/// The name of a value on the wire without the prefix that repeats its type; `UNKNOWN_<number>` for a value that a
/// newer server sends.
pub fn wire_name<E>(number: i32, name: fn(&E) -> &'static str, prefix: &str) -> String
where
    E: TryFrom<i32>,
{
    match E::try_from(number) {
        Ok(value) => {
            let name = name(&value);
            name.strip_prefix(prefix).unwrap_or(name).to_owned()
        }
        Err(_) => format!("UNKNOWN_{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_round_trip() {
        for word in [Environment::Sandbox, Environment::Production] {
            assert_eq!(Environment::from_wire(word.wire() as i32), Some(word));
        }
        assert_eq!(Environment::from_wire(0), None);
        assert_eq!(Maturity::from_wire(99), None);
        let stage = |number| wire_name(number, v1::Stage::as_str_name, "STAGE_");
        assert_eq!((stage(4).as_str(), stage(99).as_str()), ("DEPRECATED", "UNKNOWN_99"));
    }
}
