//! Refusals: every reason to say no has a name, its own data and a sentence that says what to do.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use devhub_decision::{Environment, Maturity, Stage};

use super::app_version::{AppVersionNumber, AppVersionState, Widening};
use super::application::State;
use super::client_secret::SecretRefusal;
use super::company::Tenancy;
use super::ledger::OperationName;
use super::listing::ListingState;
use super::maintenance::Maintenance;
use super::name::{
    AccountId, AnnouncementId, ApplicationId, CompanyId, Context, Email, GatewayId, MaintenanceId, NoticeId,
    OrganisationId, PolicyName, ProjectId, ProposalId, VersionName,
};
use super::notice::{Holder, zoned};
use super::organisation::OrganisationStatus;
use super::policy::Period;
use super::proposal::{Danger, ProposalState};
use super::registered_key::KeyRefusal;
use super::waiver::WaiverKind;

/// One malformed field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, for example `version.endpoints[2].path`.
    pub field: String,
    /// The limit and the remedy, in a sentence.
    pub sentence: String,
}

/// Something that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// An API of this context.
    Api,
    /// A version of this label.
    Version,
    /// A deployment in this environment.
    Deployment,
    /// An application of this id.
    Application,
    /// A client id.
    ClientId,
    /// The name of a production application.
    ApplicationName,
    /// An announcement of this id.
    Announcement,
    /// A company of this id.
    Company,
    /// A service account of this id.
    ServiceAccount,
    /// A version of an application.
    AppVersion,
    /// A maintenance window of this id.
    Maintenance,
}

impl Taken {
    /// The thing, as a sentence calls it.
    pub const fn noun(self) -> &'static str {
        match self {
            Taken::Api => "an API with context",
            Taken::Version => "version",
            Taken::Deployment => "a deployment in",
            Taken::Application => "an application with id",
            Taken::ClientId => "an application or a service account with client id",
            Taken::ApplicationName => "a production application with name",
            Taken::Announcement => "an announcement with id",
            Taken::Company => "a company with id",
            Taken::ServiceAccount => "a service account with id",
            Taken::AppVersion => "version",
            Taken::Maintenance => "a maintenance window with id",
        }
    }
}

fn at(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn successor_hint(successor: Option<&VersionName>) -> String {
    successor.map(|version| format!("; subscribe to {version} instead")).unwrap_or_default()
}

fn undo_hint(hours: u32) -> String {
    match hours {
        0 => "this cannot be undone".to_owned(),
        hours => format!("this can be undone for {hours} hours, and no longer"),
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn join(violations: &[Violation]) -> String {
    violations.iter().map(|v| format!("{}: {}", v.field, v.sentence)).collect::<Vec<_>>().join("; ")
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fields are malformed.
    #[error("{}", join(.0))]
    InvalidFields(Vec<Violation>),
    /// Only an operator may do this.
    #[error("only an operator may {0}; ask one")]
    OperatorRequired(&'static str),
    /// The actor is not a collaborator of the application.
    #[error("the actor is not a collaborator of application {0}; ask one of its administrators to be added")]
    NotACollaborator(ApplicationId),
    /// Only an administrator may do this.
    #[error("only a collaborator with the ADMINISTRATOR role may {0}; ask one")]
    AdministratorRequired(&'static str),
    /// No such API.
    #[error("there is no API with context {0}; list the APIs to see which there are")]
    ApiNotFound(Context),
    /// No such version.
    #[error("there is no version {0}; list the versions of the API to see which there are")]
    VersionNotFound(VersionName),
    /// The version is not deployed in the environment (rule B13).
    #[error("version {version} is not deployed in {environment}; use an environment that it is deployed in")]
    VersionNotInEnvironment {
        /// The version.
        version: VersionName,
        /// The environment.
        environment: Environment,
    },
    /// No such application.
    #[error("there is no application {0}; check the id")]
    ApplicationNotFound(ApplicationId),
    /// No live subscription (rule B42).
    #[error("application {application} holds no live subscription to {version}; there is nothing to end")]
    SubscriptionNotFound {
        /// The application.
        application: ApplicationId,
        /// The version.
        version: VersionName,
    },
    /// No access request.
    #[error("application {application} has not asked for access to {version}")]
    AccessRequestNotFound {
        /// The application.
        application: ApplicationId,
        /// The version.
        version: VersionName,
    },
    /// The name is taken.
    #[error("{} {name} exists already; choose another, or read the one that is there", .what.noun())]
    AlreadyExists {
        /// What exists.
        what: Taken,
        /// Its name.
        name: String,
    },
    /// A live subscription exists (rule B05).
    #[error("application {application} is subscribed to {version} already, since {}", at(.since))]
    DuplicateSubscription {
        /// The application.
        application: ApplicationId,
        /// The version.
        version: VersionName,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The request id was used for another request.
    #[error("request id was used before for a different request; use a new one for each new request")]
    RequestIdReused,
    /// The etag is stale.
    #[error(
        "the resource has changed since it was read (its etag is now {current}); read it again and repeat the change"
    )]
    EtagMismatch {
        /// The current etag.
        current: u64,
    },
    /// The version is ALPHA (rule B02).
    #[error("version {0} is ALPHA, for documentation only, and takes no subscriptions yet; wait until it is BETA")]
    VersionAlpha(VersionName),
    /// The version is deprecated (rule B03).
    #[error("version {version} is deprecated since {} and takes no new subscriptions{}", at(.since), successor_hint(.successor.as_ref()))]
    VersionDeprecated {
        /// The version.
        version: VersionName,
        /// Since when.
        since: DateTime<Utc>,
        /// The version to move to.
        successor: Option<VersionName>,
    },
    /// The version is retired (rule B04).
    #[error("version {version} is retired since {}{}", at(.since), successor_hint(.successor.as_ref()))]
    VersionRetired {
        /// The version.
        version: VersionName,
        /// Since when.
        since: DateTime<Utc>,
        /// The version to move to.
        successor: Option<VersionName>,
    },
    /// The policy closes this stage to new subscriptions.
    #[error("policy {policy} takes no new subscriptions to a version in stage {stage}; wait for the next stage")]
    StageTakesNoSubscriptions {
        /// The policy.
        policy: PolicyName,
        /// The stage.
        stage: Stage,
    },
    /// The version is open access (rule B12).
    #[error("version {0} is open access: calls pass without a subscription, so none is needed")]
    SubscriptionNotNeeded(VersionName),
    /// The version is CONTROLLED and access was not granted (rules B07, B08).
    #[error("access to version {0} is controlled and must be requested: call RequestAccess and wait for the grant")]
    AccessNotGranted(VersionName),
    /// The version is INTERNAL (rule B07).
    #[error("version {0} is INTERNAL: only an operator can subscribe an application to it")]
    VersionInternal(VersionName),
    /// Operators manage this application's subscriptions (rule B10).
    #[error("subscriptions of a PRIVILEGED or ROPC application are changed by operators only; ask one")]
    ApplicationNotStandard,
    /// Subscriptions are locked by policy (rule B11).
    #[error("subscriptions of an approved production application are locked here; ask an operator to change them")]
    SubscriptionsLocked,
    /// The application is blocked (rule B19).
    #[error("application {0} is blocked; ask an operator to unblock it first")]
    ApplicationBlocked(ApplicationId),
    /// The application is deleted (rule B20).
    #[error("application {0} is deleted; ask an operator to restore it first")]
    ApplicationDeleted(ApplicationId),
    /// Values of subscription fields were refused (rule B14).
    #[error("{}", join(.0))]
    SubscriptionFields(Vec<Violation>),
    /// The lifecycle move is not legal.
    #[error("cannot {verb} a version in stage {from}: {hint}")]
    IllegalMove {
        /// What was tried.
        verb: &'static str,
        /// The stage it was tried in.
        from: Stage,
        /// What would be legal.
        hint: &'static str,
    },
    /// Retirement at or before deprecation (rule B30).
    #[error("retire_time {} is not later than deprecate_time {}; choose a later instant, or give an override reason to retire without a deprecation period", at(.retires_at), at(.deprecated_at))]
    RetirementBeforeDeprecation {
        /// First instant of DEPRECATED.
        deprecated_at: DateTime<Utc>,
        /// First instant of RETIRED.
        retires_at: DateTime<Utc>,
    },
    /// The policy demands more time between deprecation and retirement.
    #[error("policy {policy} demands at least {period} between deprecation and retirement of a {maturity} version: retire_time must be {} or later; or give an override reason", at(.earliest))]
    PeriodTooShort {
        /// The policy.
        policy: PolicyName,
        /// The maturity that the version is deprecated from.
        maturity: Maturity,
        /// The least time.
        period: Period,
        /// The first legal instant.
        earliest: DateTime<Utc>,
    },
    /// The policy does not use this stage.
    #[error("policy {policy} does not use stage {stage}; use one of its own stages")]
    StageNotInPolicy {
        /// The policy.
        policy: PolicyName,
        /// The stage.
        stage: Stage,
    },
    /// ALPHA with endpoints enabled (rule B39).
    #[error("an ALPHA version cannot have its endpoints enabled; set endpoints_enabled to false or raise the maturity")]
    AlphaEndpointsEnabled,
    /// The instant is in the past.
    #[error("{field} {} lies in the past; leave it out for \"now\" or choose a later instant", at(.given))]
    InstantInPast {
        /// Name of the field.
        field: &'static str,
        /// As given.
        given: DateTime<Utc>,
    },
    /// No such policy.
    #[error("there is no lifecycle policy {0}; list the policies to see which there are")]
    PolicyNotFound(PolicyName),
    /// The last administrator must stay (rule B50).
    #[error("{0} is the last administrator; make somebody else an administrator first")]
    LastAdministrator(Email),
    /// The person is a collaborator already (rule B51).
    #[error("{0} is a collaborator already; change the role instead")]
    CollaboratorExists(Email),
    /// The person is no collaborator.
    #[error("{0} is not a collaborator of this application")]
    CollaboratorNotFound(Email),
    /// Deletion is restricted (rule B56).
    #[error("this application cannot be deleted by a collaborator: {0}; ask an operator")]
    DeletionRestricted(String),
    /// The application's state does not allow this (rule B59).
    #[error("{verb} needs an application in state {expected}, but it is in {actual}")]
    IllegalState {
        /// What was tried.
        verb: &'static str,
        /// The states in which it is legal.
        expected: &'static str,
        /// The state it is in.
        actual: State,
    },
    /// The application is already as asked, or is not what the call undoes.
    #[error("{0}")]
    NothingToDo(&'static str),
    /// The restore window has passed (rule B57).
    #[error("the application was deleted at {}; it could be restored until {}", at(.deleted_at), at(.until))]
    RestoreWindowPassed {
        /// When it was deleted.
        deleted_at: DateTime<Utc>,
        /// Until when it could be restored.
        until: DateTime<Utc>,
    },
    /// A limit on the number of items.
    #[error("at most {limit} {what} are accepted; remove one first")]
    LimitReached {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The owner has as many of something as it may have.
    #[error(
        "{quota} is {limit}, and there are {count} already; {remedy}, or ask an operator of the hub, who is not bound by it"
    )]
    QuotaExceeded {
        /// The setting that says it.
        quota: &'static str,
        /// How many there are.
        count: u32,
        /// How many there may be.
        limit: u32,
        /// How to have fewer.
        remedy: &'static str,
    },
    /// The actor changes more than it may in this time.
    #[error(
        "one caller makes at most {limit} changes in a minute (changes_per_minute); go on in {} ms, or more slowly",
        .wait.num_milliseconds()
    )]
    RateExceeded {
        /// How many it may.
        limit: u32,
        /// How long it takes until the next one is accepted.
        wait: TimeDelta,
    },
    /// The access request is not in a state that allows this.
    #[error("{0}")]
    IllegalAccessRequestState(&'static str),
    /// Ending this subscription cannot be undone and was not acknowledged (rule B43).
    #[error(
        "version {version} is deprecated: once unsubscribed, the application cannot subscribe to it again; {}; set acknowledge_one_way to go on", undo_hint(*.undo_hours)
    )]
    AcknowledgementRequired {
        /// The version.
        version: VersionName,
        /// For how many hours it could be undone.
        undo_hours: u32,
    },
    /// The policy demands more notice.
    #[error("policy {policy} demands notice of at least {notice} from the announcement: the date must be {} or later; or give an override reason", at(.earliest))]
    NoticeTooShort {
        /// The policy.
        policy: PolicyName,
        /// The least time.
        notice: Period,
        /// The first legal instant.
        earliest: DateTime<Utc>,
    },
    /// An announcement is dated into the future, or before the one that it follows.
    #[error("announce_time {} must not be later than now, {}{}", at(.given), at(.now), .earliest.map(|earliest| format!(", and not before the last announcement about the same target, {}", at(&earliest))).unwrap_or_default())]
    AnnouncementOutOfOrder {
        /// As given.
        given: DateTime<Utc>,
        /// When the last one was made, if this one would come before it.
        earliest: Option<DateTime<Utc>>,
        /// The instant of the judgement.
        now: DateTime<Utc>,
    },
    /// The policy has no schedules for parts of an API.
    #[error(
        "policy {0} deprecates whole versions only; to change part of an API, publish a new major version and deprecate the old one"
    )]
    PartsNotInPolicy(PolicyName),
    /// The version lists no such operation.
    #[error("version {} lists no operation {} {}; list its endpoints to see which there are", .0.version, .0.method, .0.path)]
    OperationUnknown(OperationName),
    /// No API lies in the namespace.
    #[error("no API has a context that is {0} or begins with it and a '/'; list the APIs to see which there are")]
    NamespaceEmpty(Context),
    /// The brownout cannot be so.
    #[error("{0}")]
    BrownoutRefused(String),
    /// Nothing was ever announced about the target, or not yet at the instant asked for.
    #[error("there is no schedule of {target}; nothing was announced about it{}", .as_of.map(|as_of| format!(" by {}", at(&as_of))).unwrap_or_default())]
    ScheduleNotFound {
        /// The target.
        target: String,
        /// The instant asked for, if one was.
        as_of: Option<DateTime<Utc>>,
    },
    /// What a plan stands on has changed.
    #[error("the plan no longer holds: {0}; preview the changes again")]
    PlanStale(String),
    /// No such announcement, or none yet at the instant asked for.
    #[error(
        "there is no announcement {0}, or it was not published by then; list the announcements to see which there are"
    )]
    AnnouncementNotFound(AnnouncementId),
    /// A revision is dated into the future, or before the one that it follows.
    #[error("publish_time {} must not be later than now, {}{}", at(.given), at(.now), .earliest.map(|earliest| format!(", and not before that of the revision before it, {}", at(&earliest))).unwrap_or_default())]
    PublicationOutOfOrder {
        /// As given.
        given: DateTime<Utc>,
        /// When the revision before it was published, if this one would come before it.
        earliest: Option<DateTime<Utc>>,
        /// The instant of the judgement.
        now: DateTime<Utc>,
    },
    /// No such notice.
    #[error("{holder} has no notice {id}; list its notices to see which there are")]
    NoticeNotFound {
        /// The application or company.
        holder: Holder,
        /// The notice.
        id: NoticeId,
    },
    /// The notice was not given to the actor.
    #[error("only a recipient can acknowledge a notice, for themself; the notice names its recipients")]
    NotARecipient,
    /// One change of several is refused, so all are.
    #[error("change {position} ({target}): {refusal}; none of the changes was made")]
    InBatch {
        /// Its place, from 0.
        position: usize,
        /// What it is about.
        target: String,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// The waiver would last longer than the policy allows.
    #[error("policy {policy} allows no waiver until {}: until_time must be {} or earlier", at(.given), at(.latest))]
    WaiverTooLong {
        /// The policy.
        policy: PolicyName,
        /// As given.
        given: DateTime<Utc>,
        /// The last legal instant.
        latest: DateTime<Utc>,
    },
    /// The time to undo is over (rules B44, B47).
    #[error("this could be undone until {}, and no longer; subscribe anew if the version takes new subscriptions, or ask an operator for a waiver", at(.until))]
    UndoWindowPassed {
        /// Until when it could be undone.
        until: DateTime<Utc>,
    },
    /// There is nothing that this call undoes.
    #[error("there is nothing to undo: {0}")]
    NothingToUndo(&'static str),
    /// The old subscription of a move cannot be kept until then.
    #[error("overlap_until {} must lie ahead and be {} or earlier; leave it out to end the old subscription with the move", at(.given), at(.latest))]
    OverlapOutOfRange {
        /// As given.
        given: DateTime<Utc>,
        /// The last legal instant.
        latest: DateTime<Utc>,
    },
    /// The subscription to move to ends soon itself.
    #[error("the subscription to {version} ends at {}, because it was moved itself; undo that move first", at(.ends_at))]
    SubscriptionEnding {
        /// The version to move to.
        version: VersionName,
        /// When its subscription ends.
        ends_at: DateTime<Utc>,
    },
    /// The application lives in another environment.
    #[error("application {application} does not live in {environment}; name one that does")]
    ApplicationNotInEnvironment {
        /// The application.
        application: ApplicationId,
        /// The environment that was meant.
        environment: Environment,
    },
    /// No waiver of this kind.
    #[error("application {application} has no {} waiver for {version}; list its waivers to see which there are", .kind.name())]
    WaiverNotFound {
        /// The application.
        application: ApplicationId,
        /// The version.
        version: VersionName,
        /// What it would permit.
        kind: WaiverKind,
    },
    /// No such company, or none that the actor may see.
    #[error("there is no company {0}; list the companies to see which there are")]
    CompanyNotFound(CompanyId),
    /// The actor does not decide for the company.
    #[error("only an administrator of company {0} or an operator may do this")]
    NotACompanyAdministrator(CompanyId),
    /// No such traditional service account.
    #[error("there is no service account {0}; list those of the company to see which there are")]
    ServiceAccountNotFound(AccountId),
    /// The traditional service account was removed.
    #[error("service account {id} was removed at {}; it cannot be brought back", at(.since))]
    ServiceAccountRemoved {
        /// The account.
        id: AccountId,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The account was brought before, and is described otherwise now.
    #[error(
        "service account {id} is there already, with another {field}; see which is right, then correct the file, or change the account"
    )]
    ServiceAccountDiffers {
        /// The account.
        id: AccountId,
        /// Name of the field.
        field: &'static str,
    },
    /// The installation is there, and is described otherwise now.
    #[error(
        "application {application} is installed in company {company} already, with another {field}; see which is right, then correct the file, or change the installation"
    )]
    InstallationDiffers {
        /// The application.
        application: ApplicationId,
        /// The company.
        company: CompanyId,
        /// Name of the field.
        field: &'static str,
    },
    /// Traditional service accounts can no longer be created (rule B67).
    #[error("service accounts of the traditional kind cannot be created since {}: declare a service account in a version of the application and have the company install that; the secret of an account that exists can still be rotated", at(.since))]
    CreationClosed {
        /// The first instant at which it was closed.
        since: DateTime<Utc>,
    },
    /// A date of service accounts would come earlier than announced (rule B72).
    #[error("{field} {} comes earlier than {}, which was announced: set accept_earlier if that is meant", at(.given), at(.announced))]
    EarlierNotAccepted {
        /// Name of the field.
        field: &'static str,
        /// As given.
        given: DateTime<Utc>,
        /// The date that people know.
        announced: DateTime<Utc>,
    },
    /// An earlier date of service accounts leaves too little notice (rule B72).
    #[error("{field} comes earlier than announced and needs notice of at least {days} days: it must be {} or later; or give an override reason", at(.earliest))]
    ClassNoticeTooShort {
        /// Name of the field.
        field: &'static str,
        /// The least notice.
        days: i64,
        /// The first legal instant.
        earliest: DateTime<Utc>,
    },
    /// The account was used lately (rule B84).
    #[error("service account {id} was last used at {}: whoever uses it will be denied at once; see that its application is installed and used in its place, then set acknowledge_recent_use to go on", at(.last_used))]
    RecentUse {
        /// The account.
        id: AccountId,
        /// When it was last used, about.
        last_used: DateTime<Utc>,
    },
    /// The company has its one extension.
    #[error("the service accounts of company {company} may be used until {} already; there is one extension per company", at(.until))]
    ExtensionGranted {
        /// The company.
        company: CompanyId,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The extension would last too long, or no sunset is known that it could extend.
    #[error("{0}")]
    ExtensionRefused(String),
    /// The company has no extension.
    #[error("company {0} has no extension of its service accounts; read the company to see what it has")]
    ExtensionNotFound(CompanyId),
    /// About a secret of an application (rules B52 to B54).
    #[error(transparent)]
    ClientSecret(#[from] SecretRefusal),
    /// There is nothing to restore.
    #[error("gateway {0} of {1} is not revoked; check its id and environment")]
    GatewayNotRevoked(GatewayId, Environment),
    /// About a public key of an application.
    #[error(transparent)]
    RegisteredKey(#[from] KeyRefusal),
    /// No such organisation.
    #[error("nothing is known of organisation {0}; an operator can set its status")]
    OrganisationNotFound(OrganisationId),
    /// The owner of the application is not verified (rule B80).
    #[error(
        "organisation {0:?}, which owns the application, is not verified: its applications stay in the sandbox; ask an operator to verify it"
    )]
    OrganisationNotVerified(String),
    /// The owner of the application is not a partner.
    #[error(
        "organisation {owner:?}, which owns the application, is {status}: only applications of a VERIFIED_PARTNER are listed; ask an operator"
    )]
    OrganisationNotAPartner {
        /// The owner.
        owner: String,
        /// Its status.
        status: OrganisationStatus,
    },
    /// The application is not approved for production (rule B80).
    #[error("application {0} is not approved for production; complete its approval first")]
    ApplicationNotApproved(ApplicationId),
    /// No such version of the application.
    #[error("application {application} has no version {number}; list its versions to see which there are")]
    AppVersionNotFound {
        /// The application.
        application: ApplicationId,
        /// The number.
        number: AppVersionNumber,
    },
    /// Versions rise.
    #[error("version {given} is not higher than {newest}, the newest of the application; choose a higher number")]
    AppVersionNotIncreasing {
        /// As given.
        given: AppVersionNumber,
        /// The newest.
        newest: AppVersionNumber,
    },
    /// A version of a sandbox application stays there.
    #[error(
        "application {0} lives in SANDBOX, and its versions stay READY_FOR_TESTING; uplift the application, create the version in the production application and promote that"
    )]
    AppVersionInSandbox(ApplicationId),
    /// The version has not come far enough, or too far.
    #[error("{verb} needs a version in state {expected}, but it is {actual}")]
    IllegalAppVersionState {
        /// What was tried.
        verb: &'static str,
        /// The state in which it is legal.
        expected: &'static str,
        /// The state it is in.
        actual: AppVersionState,
    },
    /// The application has no listing.
    #[error("application {0} has never been submitted for the marketplace; submit a listing first")]
    ListingNotFound(ApplicationId),
    /// The listing does not allow this.
    #[error("cannot {verb} an application whose listing is {actual}: it must be {expected}")]
    IllegalListingState {
        /// What was tried.
        verb: &'static str,
        /// The state in which it is legal.
        expected: &'static str,
        /// The state it is in.
        actual: &'static str,
    },
    /// The application is not installed in the company, or never was.
    #[error("application {application} is not installed in company {company}; install it first")]
    InstallationNotFound {
        /// The application.
        application: ApplicationId,
        /// The company.
        company: CompanyId,
    },
    /// The application is installed.
    #[error(
        "application {application} is installed in company {company} already, in version {number}; update the installation instead"
    )]
    AlreadyInstalled {
        /// The application.
        application: ApplicationId,
        /// The company.
        company: CompanyId,
        /// The version that runs.
        number: AppVersionNumber,
    },
    /// The application's credentials do not open the company (rule B90).
    #[error(
        "company {company} is a {tenancy} company, which takes {needed} credentials, and application {application} has {has} ones; use an application of {needed}"
    )]
    CredentialsMismatch {
        /// The application.
        application: ApplicationId,
        /// Its credentials.
        has: Environment,
        /// The company.
        company: CompanyId,
        /// What its data is.
        tenancy: Tenancy,
        /// The credentials that open it.
        needed: Environment,
    },
    /// The version has not come far enough for real data (rules B79, B80).
    #[error(
        "version {number} is {actual}: company {company} has real data, and takes versions that are {needed}; wait until it is, or choose another version"
    )]
    AppVersionNotAvailable {
        /// The version.
        number: AppVersionNumber,
        /// The company.
        company: CompanyId,
        /// The state that it needs.
        needed: &'static str,
        /// The state that it is in.
        actual: AppVersionState,
    },
    /// No version can be installed.
    #[error(
        "application {application} has no version that is available to company {company}; ask its developer to release one"
    )]
    NoVersionAvailable {
        /// The application.
        application: ApplicationId,
        /// The company.
        company: CompanyId,
    },
    /// The application was listed and is not: nobody installs it anew (rules B86, B87).
    #[error(
        "the listing of application {application} is {state}: companies that have installed it go on, and nobody installs it anew; ask its developer to have it listed again"
    )]
    ListingClosed {
        /// The application.
        application: ApplicationId,
        /// Where its listing stands.
        state: ListingState,
    },
    /// The version may do more than the one before, and nobody approved of that (rule B78).
    #[error("version {number} may do more than the one before: {}; an administrator of the company approves with approve_wider_permissions", list(.widenings))]
    WiderPermissions {
        /// The version.
        number: AppVersionNumber,
        /// What more.
        widenings: Vec<Widening>,
    },
    /// Somebody approved of wider permissions who does not decide for the company (rule B78).
    #[error("only an administrator of company {company} approves of wider permissions, not an operator: {}; ask one", list(.widenings))]
    CompanyApprovalRequired {
        /// The company.
        company: CompanyId,
        /// What would be approved.
        widenings: Vec<Widening>,
    },
    /// Projects that the company does not have.
    #[error("company {company} has no project {}; register it first, or leave it out", list(.projects))]
    ProjectsUnknown {
        /// The company.
        company: CompanyId,
        /// The projects.
        projects: Vec<ProjectId>,
    },
    /// Maintenance is on.
    #[error("the {} data is under maintenance, which refuses {}, until {}; repeat this then", .0.tenancy, .0.refuses.noun(), zoned(.0.until, Some(&.0.zone)))]
    Maintenance(Box<Maintenance>, DateTime<Utc>),
    /// No such window.
    #[error("there is no maintenance window {0}; list the windows to see which there are")]
    MaintenanceNotFound(MaintenanceId),
    /// One person alone must not do this.
    #[error("{} takes two persons; {}", danger.noun(), match proposal {
        Some((id, expires_at)) => format!(
            "proposal {id} waits until {} for another operator to approve it", at(expires_at)
        ),
        None => "make the call by itself, so that it can be proposed".to_owned(),
    })]
    SecondPersonRequired {
        /// What it is.
        danger: Danger,
        /// The proposal that it was kept as, and until when it waits.
        proposal: Option<(ProposalId, DateTime<Utc>)>,
    },
    /// No such proposal.
    #[error("there is no proposal {0}; list the proposals to see which there are")]
    ProposalNotFound(ProposalId),
    /// The proposal is over.
    #[error("proposal {id} is {}, which does not permit this; list the proposals that wait, or make the call anew", state.name())]
    ProposalNotOpen {
        /// The proposal.
        id: ProposalId,
        /// Where it stands.
        state: ProposalState,
    },
    /// What a proposal stands on is different now.
    #[error("the proposal is not what was proposed any more: {0}; make the call anew, and have that approved")]
    ProposalStale(&'static str),
    /// Somebody else has to do this.
    #[error("{0}")]
    WrongPerson(&'static str),
    /// A code opens nothing.
    #[error("{0}; ask another operator to approve the proposal")]
    BreakGlassRefused(&'static str),
    /// The hub was restored, and nobody has confirmed that.
    #[error(
        "this hub was restored from a backup and waits for operators to confirm that; until then it takes only what takes something away; see `devhub confirm-restore`"
    )]
    RestoreUnconfirmed,
    /// A history that only grows is full.
    #[error("there are {limit} {what} already, the most that are kept; {remedy}")]
    HistoryFull {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// An imported installation states a beginning before the end of the one before.
    #[error("the installation cannot have begun at {}: the one before it ended here at {}; leave the row out if it is that one, or state when the application was installed again", at(.since), at(.ended_at))]
    InstalledOutOfRange {
        /// As given.
        since: DateTime<Utc>,
        /// When the one before ended.
        ended_at: DateTime<Utc>,
    },
    /// An imported subscription states a beginning that cannot be.
    #[error("a subscription cannot have begun at {}: {why}", at(.since))]
    SinceOutOfRange {
        /// As given.
        since: DateTime<Utc>,
        /// Why not.
        why: &'static str,
    },
}

impl Refusal {
    /// One malformed field.
    pub(crate) fn invalid(field: impl Into<String>, sentence: impl Into<String>) -> Refusal {
        Refusal::InvalidFields(vec![Violation { field: field.into(), sentence: sentence.into() }])
    }
}
