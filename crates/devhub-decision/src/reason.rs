//! Verdicts and the one reason for each, with the words and numbers that the wires use.

use std::fmt;

/// May the call pass?
///
/// There is no default on purpose: an empty answer must not be readable as an allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

impl Verdict {
    /// The name used on the wire and in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Allow => "ALLOW",
            Verdict::Deny => "DENY",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The one reason for a verdict (rule B63).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Allow: the application holds a live subscription.
    Subscribed,
    /// Allow: the version is open access.
    OpenAccess,
    /// Allow: the version is retired, but the application holds a live subscription and a waiver.
    Waived,
    /// Allow: a traditional service account calls a company-scoped version for its own company.
    ServiceAccount,
    /// Deny: no such version in this environment.
    UnknownVersion,
    /// Deny: the version is retired.
    VersionRetired,
    /// Deny: the operation is retired by dates of its own; the version is not, or the application holds a waiver for it.
    OperationRetired,
    /// Deny: the policy lets no call pass in the version's stage, which is ALPHA in the built-in policies.
    VersionNotCallable,
    /// Deny: the version is deprecated, and this is one of its planned short denials.
    Brownout,
    /// Deny: no application and no service account has this client id.
    UnknownClient,
    /// Deny: the application or the service account lives in the other environment.
    EnvironmentMismatch,
    /// Deny: the approval of the application is not complete.
    ApplicationNotApproved,
    /// Deny: the application is blocked.
    ApplicationBlocked,
    /// Deny: the application is deleted.
    ApplicationDeleted,
    /// Deny: traditional service accounts have reached their sunset, and no extension keeps this one.
    ServiceAccountSunset,
    /// Deny: the version is company-scoped, and the call of the application names no company.
    CompanyRequired,
    /// Deny: the service account belongs to another company than the one that its call names.
    CompanyMismatch,
    /// Deny: the application is not installed in the company.
    NotInstalled,
    /// Deny: the application is installed in the company, but not for the project.
    ProjectNotPermitted,
    /// Deny: the application holds no live subscription; or a service account, which cannot hold one, calls a version
    /// that is not company-scoped.
    NotSubscribed,
}

impl Reason {
    /// All, allows first, then denials in the order in which they are judged.
    pub const ALL: [Reason; 20] = [
        Reason::Subscribed,
        Reason::OpenAccess,
        Reason::Waived,
        Reason::ServiceAccount,
        Reason::UnknownVersion,
        Reason::VersionRetired,
        Reason::OperationRetired,
        Reason::VersionNotCallable,
        Reason::Brownout,
        Reason::UnknownClient,
        Reason::EnvironmentMismatch,
        Reason::ApplicationNotApproved,
        Reason::ApplicationBlocked,
        Reason::ApplicationDeleted,
        Reason::ServiceAccountSunset,
        Reason::CompanyRequired,
        Reason::CompanyMismatch,
        Reason::NotInstalled,
        Reason::ProjectNotPermitted,
        Reason::NotSubscribed,
    ];

    /// The name used on the wire and in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Subscribed => "SUBSCRIBED",
            Reason::OpenAccess => "OPEN_ACCESS",
            Reason::Waived => "WAIVED",
            Reason::ServiceAccount => "SERVICE_ACCOUNT",
            Reason::UnknownVersion => "UNKNOWN_VERSION",
            Reason::VersionRetired => "VERSION_RETIRED",
            Reason::OperationRetired => "OPERATION_RETIRED",
            Reason::VersionNotCallable => "VERSION_ALPHA",
            Reason::Brownout => "BROWNOUT",
            Reason::UnknownClient => "UNKNOWN_CLIENT",
            Reason::EnvironmentMismatch => "ENVIRONMENT_MISMATCH",
            Reason::ApplicationNotApproved => "APPLICATION_NOT_APPROVED",
            Reason::ApplicationBlocked => "APPLICATION_BLOCKED",
            Reason::ApplicationDeleted => "APPLICATION_DELETED",
            Reason::ServiceAccountSunset => "SERVICE_ACCOUNT_SUNSET",
            Reason::CompanyRequired => "COMPANY_REQUIRED",
            Reason::CompanyMismatch => "COMPANY_MISMATCH",
            Reason::NotInstalled => "NOT_INSTALLED",
            Reason::ProjectNotPermitted => "PROJECT_NOT_PERMITTED",
            Reason::NotSubscribed => "NOT_SUBSCRIBED",
        }
    }

    /// What the reason comes to.
    pub const fn verdict(self) -> Verdict {
        match self {
            Reason::Subscribed | Reason::OpenAccess | Reason::Waived | Reason::ServiceAccount => Verdict::Allow,
            Reason::UnknownVersion
            | Reason::VersionRetired
            | Reason::OperationRetired
            | Reason::VersionNotCallable
            | Reason::Brownout
            | Reason::UnknownClient
            | Reason::EnvironmentMismatch
            | Reason::ApplicationNotApproved
            | Reason::ApplicationBlocked
            | Reason::ApplicationDeleted
            | Reason::ServiceAccountSunset
            | Reason::CompanyRequired
            | Reason::CompanyMismatch
            | Reason::NotInstalled
            | Reason::ProjectNotPermitted
            | Reason::NotSubscribed => Verdict::Deny,
        }
    }

    /// The call may pass.
    pub const fn allows(self) -> bool {
        match self.verdict() {
            Verdict::Allow => true,
            Verdict::Deny => false,
        }
    }

    /// The HTTP status that a gateway answers with; 200 for an allow.
    pub const fn http_status(self) -> u16 {
        match self {
            Reason::Subscribed | Reason::OpenAccess | Reason::Waived | Reason::ServiceAccount => 200,
            Reason::UnknownVersion => 404,
            Reason::VersionRetired | Reason::OperationRetired => 410,
            // Temporary by nature: 503 is the one status that says so, and the operation is still there.
            Reason::Brownout => 503,
            Reason::UnknownClient => 401,
            // Nobody has to grant anything: the call itself lacks a part.
            Reason::CompanyRequired => 400,
            // Not 401, even though the credentials are at an end: that asks clients to fetch a new token and call again,
            // which these would do for ever.
            Reason::ServiceAccountSunset => 403,
            Reason::VersionNotCallable
            | Reason::EnvironmentMismatch
            | Reason::ApplicationNotApproved
            | Reason::ApplicationBlocked
            | Reason::ApplicationDeleted
            | Reason::CompanyMismatch
            | Reason::NotInstalled
            | Reason::ProjectNotPermitted
            | Reason::NotSubscribed => 403,
        }
    }

    /// The number of the gRPC code that a gateway answers with; 0 (OK) for an allow.
    pub const fn grpc_code(self) -> i32 {
        match self {
            Reason::Subscribed | Reason::OpenAccess | Reason::Waived | Reason::ServiceAccount => 0,
            // NOT_FOUND
            Reason::UnknownVersion => 5,
            // FAILED_PRECONDITION: the call was right once, and no retry will help.
            Reason::VersionRetired | Reason::OperationRetired => 9,
            // UNAVAILABLE: the same call passes again when the window is over, so a retry is right.
            Reason::Brownout => 14,
            // UNAUTHENTICATED
            Reason::UnknownClient => 16,
            // INVALID_ARGUMENT
            Reason::CompanyRequired => 3,
            // PERMISSION_DENIED
            Reason::VersionNotCallable
            | Reason::EnvironmentMismatch
            | Reason::ApplicationNotApproved
            | Reason::ApplicationBlocked
            | Reason::ApplicationDeleted
            | Reason::ServiceAccountSunset
            | Reason::CompanyMismatch
            | Reason::NotInstalled
            | Reason::ProjectNotPermitted
            | Reason::NotSubscribed => 7,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
