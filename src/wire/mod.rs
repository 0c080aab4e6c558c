//! The words of the domain and their numbers in the protocol: one map for each, both ways, used by the records on disk
//! and by the calls alike. No rule lives here.

mod announcement;
mod app;
mod notice;
pub mod reason;
mod service_account;
mod target;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Maturity, Reason, RemedyAction, Stage, Verdict};
use devhub_proto::v1;
use prost_types::Timestamp;

use crate::domain::access::{AccessDecision, AccessState};
use crate::domain::announcement::{AudienceKind, Category};
use crate::domain::app_version::{AppVersionState, Component};
use crate::domain::application::{Kind, Persona, Role, State};
use crate::domain::approve::Step;
use crate::domain::calendar::CalendarKind;
use crate::domain::call_limit::RateLimitTier;
use crate::domain::company::Tenancy;
use crate::domain::fact::FactKind;
use crate::domain::field::FieldDefinition;
use crate::domain::ledger::RevisionKind;
use crate::domain::listing::ListingState;
use crate::domain::maintenance::{MaintenanceState, Refuses};
use crate::domain::migration::{Phase, RemovalVerdict, StepKind, StepState, Sureness};
use crate::domain::name::{Email, VersionName};
use crate::domain::organisation::OrganisationStatus;
use crate::domain::proposal::{Danger, Ended, ProposalState};
use crate::domain::subscription::EndReason;
use crate::domain::tool::ToolPermission;
use crate::domain::usage::Class;
use crate::domain::version::{AccessType, AuthType, Endpoint};
use crate::domain::waiver::{WaiverKind, WaiverState};

pub use announcement::{announcement_revision, parse_announcement_revision};
pub use app::step;
pub use notice::{
    holder, milestone, notice, notice_subject, parse_holder, parse_milestone, parse_notice, parse_notice_subject,
};
pub use service_account::{
    account_extension, account_type, class_schedule, parse_account_extension, parse_account_type, parse_class_schedule,
    parse_tool_permissions, tool_permissions,
};
pub use target::{brownout, operation_name, parse_operation_name, parse_target, parse_version_name, target};

/// A word that the protocol knows too.
pub trait Word: Sized + Copy {
    /// The generated enum.
    type Wire: TryFrom<i32> + Into<i32> + Copy;

    /// The word as the protocol has it.
    fn to_wire(self) -> Self::Wire;

    /// The word, unless the protocol's is "unspecified".
    fn from_wire(wire: Self::Wire) -> Option<Self>;

    /// The number that messages carry.
    fn number(self) -> i32 {
        self.to_wire().into()
    }

    /// The word of a number, unless it is unknown or "unspecified".
    fn from_number(number: i32) -> Option<Self> {
        Self::Wire::try_from(number).ok().and_then(Self::from_wire)
    }
}

macro_rules! words {
    ($($domain:ident <=> $wire:ident { $($a:ident = $b:ident),* $(,)? } $(besides $($other:ident),*)?;)*) => {$(
        impl Word for $domain {
            type Wire = v1::$wire;

            fn to_wire(self) -> v1::$wire {
                match self {
                    $($domain::$a => v1::$wire::$b,)*
                }
            }

            fn from_wire(wire: v1::$wire) -> Option<$domain> {
                match wire {
                    v1::$wire::Unspecified $($(| v1::$wire::$other)*)? => None,
                    $(v1::$wire::$b => Some($domain::$a),)*
                }
            }
        }
    )*};
}

words! {
    Environment <=> Environment { Sandbox = Sandbox, Production = Production };
    Maturity <=> Maturity { Alpha = Alpha, Beta = Beta, Stable = Stable };
    Stage <=> Stage { Alpha = Alpha, Beta = Beta, Stable = Stable, Deprecated = Deprecated, Retired = Retired };
    Verdict <=> Verdict { Allow = Allow, Deny = Deny };
    Reason <=> DecisionReason {
        Subscribed = Subscribed, OpenAccess = OpenAccess, UnknownVersion = UnknownVersion,
        VersionRetired = VersionRetired, VersionNotCallable = VersionAlpha, UnknownClient = UnknownClient,
        EnvironmentMismatch = EnvironmentMismatch, ApplicationNotApproved = ApplicationNotApproved,
        ApplicationBlocked = ApplicationBlocked, ApplicationDeleted = ApplicationDeleted, NotSubscribed = NotSubscribed,
        Waived = Waived, OperationRetired = OperationRetired, Brownout = Brownout, ServiceAccount = ServiceAccount,
        ServiceAccountSunset = ServiceAccountSunset, CompanyRequired = CompanyRequired,
        CompanyMismatch = CompanyMismatch, NotInstalled = NotInstalled, ProjectNotPermitted = ProjectNotPermitted,
    };
    RemedyAction <=> RemedyAction {
        Subscribe = Subscribe, MoveToSuccessor = MoveToSuccessor, CheckVersion = CheckVersion,
        RegisterClient = RegisterClient, UseOwnEnvironment = UseOwnEnvironment, CompleteApproval = CompleteApproval,
        AskOperator = AskOperator, RestoreApplication = RestoreApplication, WaitForRelease = WaitForRelease,
        WaitForBrownoutEnd = WaitForBrownoutEnd, UseReplacement = UseReplacement, NameCompany = NameCompany,
        UseOwnCompany = UseOwnCompany, InstallApplication = InstallApplication, PermitProject = PermitProject,
        ReplaceServiceAccount = ReplaceServiceAccount, UseApplication = UseApplication,
    };
    AccessType <=> AccessType { Public = Public, Controlled = Controlled, Internal = Internal };
    AuthType <=> AuthType { None = None, Application = Application, User = User };
    Role <=> Role { Administrator = Administrator, Developer = Developer };
    Kind <=> ApplicationKind { Standard = Standard, Privileged = Privileged, Ropc = Ropc };
    Persona <=> Persona { CustomIntegration = CustomIntegration, TechnologyPartner = TechnologyPartner };
    State <=> ApplicationState {
        Testing = Testing,
        PendingResponsibleIndividualVerification = PendingResponsibleIndividualVerification,
        PendingGatekeeperApproval = PendingGatekeeperApproval,
        PendingRequesterVerification = PendingRequesterVerification,
        PreProduction = PreProduction,
        Production = Production,
    } besides Deleted;
    Step <=> ApplicationStep {
        AskResponsibleIndividual = AskResponsibleIndividual, Submit = Submit, Approve = Approve, Confirm = Confirm,
        GoLive = GoLive, ReturnToTesting = ReturnToTesting,
    };
    EndReason <=> EndReason {
        Unsubscribed = Unsubscribed, Revoked = Revoked, VersionRetired = VersionRetired,
        ApplicationDeleted = ApplicationDeleted, Moved = Moved, MoveUndone = MoveUndone,
    };
    AccessState <=> AccessRequestState {
        Pending = Pending, Granted = Granted, Rejected = Rejected, Cancelled = Cancelled, Revoked = Revoked,
    };
    AccessDecision <=> AccessDecision { Grant = Grant, Reject = Reject, Revoke = Revoke, Cancel = Cancel };
    Class <=> UsageClass { Daily = Daily, Weekly = Weekly, Monthly = Monthly, Idle = Idle, Never = Never };
    FactKind <=> FactKind {
        ApiCreated = ApiCreated, ApiUpdated = ApiUpdated, VersionCreated = VersionCreated,
        VersionUpdated = VersionUpdated, VersionDeployed = VersionDeployed, VersionPromoted = VersionPromoted,
        VersionDeprecated = VersionDeprecated, VersionRetired = VersionRetired,
        ApplicationCreated = ApplicationCreated, ApplicationUpdated = ApplicationUpdated,
        ApplicationDeleted = ApplicationDeleted, ApplicationRestored = ApplicationRestored,
        CollaboratorAdded = CollaboratorAdded, CollaboratorRemoved = CollaboratorRemoved,
        CollaboratorRoleChanged = CollaboratorRoleChanged, ApplicationAdvanced = ApplicationAdvanced,
        ApplicationBlocked = ApplicationBlocked, ApplicationUnblocked = ApplicationUnblocked,
        DeletionRestricted = DeletionRestricted, Subscribed = Subscribed, Unsubscribed = Unsubscribed,
        SubscriptionImported = SubscriptionImported, AccessRequested = AccessRequested,
        AccessGranted = AccessGranted, AccessRejected = AccessRejected, AccessRevoked = AccessRevoked,
        AccessCancelled = AccessCancelled, CommandRefused = CommandRefused,
        AnswersForgotten = AnswersForgotten, ScheduleRevised = ScheduleRevised, EndWithdrawn = EndWithdrawn,
        Reinstated = Reinstated, BrownoutScheduled = BrownoutScheduled, BrownoutCancelled = BrownoutCancelled,
        WaiverGranted = WaiverGranted, WaiverRevoked = WaiverRevoked, SubscriptionMoved = SubscriptionMoved,
        MoveUndone = MoveUndone, UnsubscriptionUndone = UnsubscriptionUndone,
        NoticeGiven = NoticeGiven, NoticeSkipped = NoticeSkipped, NoticeAcknowledged = NoticeAcknowledged,
        NoticesCompleted = NoticesCompleted, AnnouncementPublished = AnnouncementPublished,
        AnnouncementRevised = AnnouncementRevised, AnnouncementWithdrawn = AnnouncementWithdrawn,
        ApplicationUplifted = ApplicationUplifted, ExemptedFromBrownouts = ExemptedFromBrownouts,
        CompanyCreated = CompanyCreated, CompanyUpdated = CompanyUpdated, ProjectCreated = ProjectCreated,
        ProjectRenamed = ProjectRenamed, ServiceAccountCreated = ServiceAccountCreated,
        ServiceAccountImported = ServiceAccountImported, ServiceAccountClassified = ServiceAccountClassified,
        ServiceAccountPermissionsChanged = ServiceAccountPermissionsChanged,
        ServiceAccountSecretRotated = ServiceAccountSecretRotated, ServiceAccountRemoved = ServiceAccountRemoved,
        ServiceAccountsExtended = ServiceAccountsExtended, CredentialClassRevised = CredentialClassRevised,
        BrownoutExemptionRemoved = BrownoutExemptionRemoved, ClientSecretCreated = ClientSecretCreated,
        ClientSecretRevoked = ClientSecretRevoked, ClientSecretRehashed = ClientSecretRehashed,
        KeyAdded = KeyAdded, KeyRevoked = KeyRevoked,
        IpAllowlistChanged = IpAllowlistChanged, RateLimitTierChanged = RateLimitTierChanged,
        DisuseAnnounced = DisuseAnnounced,
        DisuseCancelled = DisuseCancelled,
        OrganisationSet = OrganisationSet,
        AppVersionCreated = AppVersionCreated,
        AppVersionPromoted = AppVersionPromoted,
        AppVersionSubmitted = AppVersionSubmitted,
        AppVersionApproved = AppVersionApproved,
        ListingSubmitted = ListingSubmitted,
        ListingApproved = ListingApproved,
        ListingRemoved = ListingRemoved,
        AppInstalled = AppInstalled,
        InstallationImported = InstallationImported,
        ServiceAccountsExtensionShortened = ServiceAccountsExtensionShortened,
        InstallationUpdated = InstallationUpdated,
        AppUninstalled = AppUninstalled,
        PermittedProjectsChanged = PermittedProjectsChanged,
        MaintenanceScheduled = MaintenanceScheduled,
        MaintenanceRevised = MaintenanceRevised,
        MaintenanceCancelled = MaintenanceCancelled,
        GatewayRevoked = GatewayRevoked,
        GatewayRestored = GatewayRestored,
        RefusalsLeftOut = RefusalsLeftOut,
        InstallationFirstUsed = InstallationFirstUsed,
        Proposed = Proposed,
        ProposalApproved = ProposalApproved,
        ProposalRejected = ProposalRejected,
        ProposalWithdrawn = ProposalWithdrawn,
        BrokeGlass = BrokeGlass,
        BreakGlassAcknowledged = BreakGlassAcknowledged,
        RestoreConfirmed = RestoreConfirmed,
    };
    Danger <=> ProposalDanger {
        RetiresAtOnce = RetiresAtOnce, WithoutNotice = WithoutNotice, WaiverPastCap = WaiverPastCap,
        RestoredData = RestoredData,
    };
    ProposalState <=> ProposalState {
        Waiting = Waiting, Expired = Expired, Approved = Approved, Rejected = Rejected, Withdrawn = Withdrawn,
        BrokeGlass = BrokeGlass, Acknowledged = Acknowledged,
    };
    Ended <=> ProposalState {
        Approved = Approved, Rejected = Rejected, Withdrawn = Withdrawn, BrokeGlass = BrokeGlass,
    } besides Waiting, Expired, Acknowledged;
    Category <=> AnnouncementCategory {
        Deprecation = Deprecation, Sunset = Sunset, Change = Change, Requirement = Requirement,
        Maintenance = Maintenance, Release = Release, Other = Other,
    };
    AudienceKind <=> AnnouncementAudienceKind {
        Everybody = Everybody, Subscribers = Subscribers, Operators = Operators,
    };
    Tenancy <=> Tenancy {
        Production = Production, MonthlySandbox = MonthlySandbox, DevelopmentSandbox = DevelopmentSandbox,
    };
    ToolPermission <=> ToolPermissionLevel {
        None = None, ReadOnly = ReadOnly, Standard = Standard, Admin = Admin,
    };
    Phase <=> MigrationPhase {
        BlockedUnknownOwner = BlockedUnknownOwner, NotStarted = NotStarted, DeveloperReady = DeveloperReady,
        Installed = Installed, CutoverConfirmed = CutoverConfirmed, OldAccountRemoved = OldAccountRemoved,
        CompleteBySunset = CompleteBySunset, CompleteLate = CompleteLate, Expired = Expired,
        Discontinued = Discontinued,
    };
    StepKind <=> ChecklistStepKind {
        Uplift = Uplift, ProductionApproval = ProductionApproval, Organisation = Organisation, Declare = Declare,
        Promote = Promote, Submit = Submit, List = List, Install = Install, Update = Update, CutOver = CutOver,
        Classify = Classify, PermitProjects = PermitProjects, Remove = Remove,
    };
    StepState <=> ChecklistStepState { Done = Done, Open = Open, Waiting = Waiting, Later = Later };
    Sureness <=> Sureness { Possible = Possible, Likely = Likely };
    RemovalVerdict <=> RemovalVerdict { Safe = Safe, AskFirst = AskFirst, NotYet = NotYet };
    RateLimitTier <=> RateLimitTier {
        Bronze = Bronze, Silver = Silver, Gold = Gold, Platinum = Platinum, Rhodium = Rhodium,
    };
    WaiverKind <=> WaiverKind { NewSubscription = NewSubscription, CallsPastRetirement = CallsPastRetirement };
    OrganisationStatus <=> OrganisationStatus {
        Unverified = Unverified, VerifiedPrivate = VerifiedPrivate, VerifiedPartner = VerifiedPartner,
    };
    Component <=> AppComponent {
        UserLevelConnection = UserLevelConnection, ServiceAccountConnection = ServiceAccountConnection,
        Embedded = Embedded, SidePanel = SidePanel,
    };
    AppVersionState <=> AppVersionState {
        ReadyForTesting = ReadyForTesting, Promoted = Promoted, Submitted = Submitted, Approved = Approved,
    };
    ListingState <=> ListingState {
        Submitted = Submitted, Listed = Listed, Removed = Removed, Delisted = Delisted,
    } besides None;
    Refuses <=> MaintenanceRefuses { ManifestCreation = ManifestCreation, Writes = Writes };
    MaintenanceState <=> MaintenanceState {
        Planned = Planned, Running = Running, Over = Over, Cancelled = Cancelled,
    };
    WaiverState <=> WaiverState { Live = Live, Expired = Expired, Revoked = Revoked };
    CalendarKind <=> CalendarKind {
        Deprecates = Deprecates, SunsetBegins = SunsetBegins, Retires = Retires, BrownoutBegins = BrownoutBegins,
        BrownoutEnds = BrownoutEnds,
    };
    RevisionKind <=> RevisionKind {
        Published = Published, Promoted = Promoted, Deprecated = Deprecated, Revised = Revised, Withdrawn = Withdrawn,
        Retired = Retired, Reinstated = Reinstated, BrownoutScheduled = BrownoutScheduled,
        BrownoutCancelled = BrownoutCancelled,
    };
}

/// The name of a version as messages carry it.
pub fn version_name(name: &VersionName) -> v1::VersionName {
    v1::VersionName { context: name.context.to_string(), version: name.label.to_string() }
}

/// Endpoints as messages carry them.
pub fn endpoints(endpoints: &[Endpoint]) -> Vec<v1::Endpoint> {
    let endpoint = |endpoint: &Endpoint| v1::Endpoint {
        method: endpoint.method.clone(),
        path: endpoint.path.clone(),
        auth_type: endpoint.auth_type.number(),
    };
    endpoints.iter().map(endpoint).collect()
}

/// Definitions of subscription fields as messages carry them.
pub fn fields(definitions: &[FieldDefinition]) -> Vec<v1::FieldDefinition> {
    let field = |definition: &FieldDefinition| v1::FieldDefinition {
        name: definition.name.clone(),
        description: definition.description.clone(),
        default_value: definition.default_value.clone(),
        required: definition.required,
        pattern: definition.pattern.clone(),
    };
    definitions.iter().map(field).collect()
}

/// Collaborators as messages carry them.
pub fn collaborators(people: &BTreeMap<Email, Role>) -> Vec<v1::Collaborator> {
    people.iter().map(|(email, role)| v1::Collaborator { email: email.to_string(), role: role.number() }).collect()
}

/// An instant as messages carry it.
pub fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: instant.timestamp(),
        // A leap second is counted into the second before it, as Unix time does.
        nanos: i32::try_from(instant.timestamp_subsec_nanos().min(999_999_999)).expect("below 10^9"),
    }
}

/// The instant of a message; `None` when it lies outside the years 1 to 9999 or its nanoseconds are out of range.
pub fn instant(timestamp: &Timestamp) -> Option<DateTime<Utc>> {
    const YEAR_1: i64 = -62_135_596_800;
    const YEAR_10_000: i64 = 253_402_300_800;
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    (YEAR_1..YEAR_10_000).contains(&timestamp.seconds).then_some(())?;
    DateTime::from_timestamp(timestamp.seconds, nanos)
}
