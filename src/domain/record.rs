//! Records: the current state of one entity under one key, and the view of them that a judgement gets.

use std::borrow::Cow;

use devhub_decision::Environment;

use super::access::AccessRequest;
use super::announcement::{Announcement, AnnouncementRevision};
use super::api::Api;
use super::app_version::{AppVersion, AppVersionNumber, Releases};
use super::application::Application;
use super::call_limit::CallLimits;
use super::client_secret::ClientSecrets;
use super::company::{Company, Project};
use super::credential_class::{ClassRevision, CredentialClass};
use super::disuse::Disuse;
use super::exemption::Exemption;
use super::gateway::Gateway;
use super::installation::Installation;
use super::ledger::{Revision, Target};
use super::listing::Listing;
use super::maintenance::{Maintenance, MaintenanceAhead};
use super::name::{
    AccountId, AnnouncementId, ApplicationId, ClientId, CompanyId, Context, GatewayId, MaintenanceId, NoticeId,
    OrganisationId, ProjectId, ProposalId, SubscriptionId, VersionName,
};
use super::namespace::{self, Namespace};
use super::notice::{Holder, Notice, NoticeRun, Occasion};
use super::organisation::Organisation;
use super::proposal::{Proposal, ProposalBook};
use super::refusal::Refusal;
use super::registered_key::RegisteredKeys;
use super::restored::RestoreConfirmation;
use super::service_account::ServiceAccount;
use super::subscription::Subscription;
use super::version::Version;
use super::waiver::{Waiver, WaiverKind};

/// Where a record is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RecordKey {
    /// An API.
    Api(Context),
    /// A version with all its deployments.
    Version(VersionName),
    /// An application.
    Application(ApplicationId),
    /// The latest subscription of an application to a version: at most one can be live.
    Subscription(ApplicationId, VersionName),
    /// An ended subscription that a later one has followed.
    EndedSubscription(ApplicationId, VersionName, SubscriptionId),
    /// An application's place on, or way to, the access list of a version.
    AccessRequest(ApplicationId, VersionName),
    /// The application or service account that presents a client id.
    ClientId(ClientId),
    /// The production application that bears a name, in lower case.
    ApplicationName(String),
    /// One revision of a target's schedule.
    Revision(Target, u32),
    /// A namespace that has a schedule.
    Namespace(Context),
    /// The last word on an application's part in the brownouts of a version.
    Exemption(ApplicationId, VersionName),
    /// The latest waiver of a kind for an application and a version.
    Waiver(ApplicationId, VersionName, WaiverKind),
    /// A notice of an application or a company.
    Notice(Holder, NoticeId),
    /// The giving of the notices of an occasion.
    NoticeRun(Occasion),
    /// An announcement.
    Announcement(AnnouncementId),
    /// One revision of an announcement.
    AnnouncementRevision(AnnouncementId, u32),
    /// A company.
    Company(CompanyId),
    /// A project of a company.
    Project(CompanyId, ProjectId),
    /// A traditional service account.
    ServiceAccount(AccountId),
    /// The class of traditional service accounts.
    CredentialClass,
    /// One revision of the dates of the class.
    ClassRevision(u32),
    /// The secrets of an application.
    ClientSecrets(ApplicationId),
    /// The public keys of an application.
    RegisteredKeys(ApplicationId),
    /// What a gateway enforces for an application.
    CallLimits(ApplicationId),
    /// The latest announced deletion of an application that nobody uses.
    Disuse(ApplicationId),
    /// A developer organisation.
    Organisation(OrganisationId),
    /// A version of an application.
    AppVersion(ApplicationId, AppVersionNumber),
    /// All versions of an application in brief.
    Releases(ApplicationId),
    /// The listing of an application.
    Listing(ApplicationId),
    /// A maintenance window.
    Maintenance(MaintenanceId),
    /// The maintenance windows that have not ended.
    MaintenanceAhead,
    /// An application in a company.
    Installation(ApplicationId, CompanyId),
    /// A proposal.
    Proposal(ProposalId),
    /// The proposals that wait.
    ProposalBook,
    /// That the restored hub serves again.
    RestoreConfirmation,
    /// A gateway that was revoked at least once.
    Gateway(Environment, GatewayId),
}

/// Who bears a name that nobody else can bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    /// An application.
    Application(ApplicationId),
    /// A traditional service account.
    Account(AccountId),
}

/// The current state of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An API.
    Api(Api),
    /// A version.
    Version(Version),
    /// An application.
    Application(Application),
    /// A subscription.
    Subscription(Subscription),
    /// An access request.
    AccessRequest(AccessRequest),
    /// Who bears a name.
    Name(Bearer),
    /// One revision of a schedule.
    Revision(Revision),
    /// A namespace.
    Namespace(Namespace),
    /// A waiver.
    Waiver(Waiver),
    /// A notice.
    Notice(Notice),
    /// The giving of notices.
    NoticeRun(NoticeRun),
    /// An announcement.
    Announcement(Announcement),
    /// One revision of an announcement.
    AnnouncementRevision(AnnouncementRevision),
    /// An exemption.
    Exemption(Exemption),
    /// A company.
    Company(Company),
    /// A project of a company.
    Project(Project),
    /// A traditional service account.
    ServiceAccount(ServiceAccount),
    /// The class of traditional service accounts.
    CredentialClass(CredentialClass),
    /// One revision of the dates of the class.
    ClassRevision(ClassRevision),
    /// The secrets of an application.
    ClientSecrets(ClientSecrets),
    /// The public keys of an application.
    RegisteredKeys(RegisteredKeys),
    /// What a gateway enforces for an application.
    CallLimits(CallLimits),
    /// The announced deletion of an application that nobody uses.
    Disuse(Disuse),
    /// A developer organisation.
    Organisation(Organisation),
    /// A version of an application.
    AppVersion(AppVersion),
    /// All versions of an application in brief.
    Releases(Releases),
    /// A listing.
    Listing(Listing),
    /// An application in a company.
    Installation(Installation),
    /// A maintenance window.
    Maintenance(Maintenance),
    /// The maintenance windows that have not ended.
    MaintenanceAhead(MaintenanceAhead),
    /// A proposal.
    Proposal(Proposal),
    /// The proposals that wait.
    ProposalBook(ProposalBook),
    /// That a restored hub serves again.
    RestoreConfirmation(RestoreConfirmation),
    /// A gateway that was revoked at least once.
    Gateway(Gateway),
}

/// What was found under a key: a record with its revision, if there is one.
pub type Found = Option<(u64, Record)>;

/// The records that a judgement depends on, with their revisions.
#[derive(Debug, Clone, Default)]
pub struct Records(Vec<(RecordKey, Found)>);

impl Records {
    /// A view of the given records; `None` says that the key has none.
    pub fn new(records: Vec<(RecordKey, Found)>) -> Records {
        Records(records)
    }

    /// Whether the view was asked for a key.
    pub fn has(&self, key: &RecordKey) -> bool {
        self.0.iter().any(|(known, _)| known == key)
    }

    /// The view with further records.
    #[must_use]
    pub fn and(mut self, further: Vec<(RecordKey, Found)>) -> Records {
        self.0.extend(further);
        self
    }

    /// The record under `key` with its revision.
    ///
    /// # Panics
    /// When the command did not announce the key: its expectation would be missing from the commit.
    pub fn find(&self, key: &RecordKey) -> Option<&(u64, Record)> {
        let (_, found) = self.0.iter().find(|(k, _)| k == key).expect("a command announces every key that it reads");
        found.as_ref()
    }

    /// The same view after `writes`, for a judgement that follows another in one command. Written records keep the
    /// revision that was loaded: the commit expects that one.
    #[must_use]
    pub(super) fn after(mut self, writes: &[(RecordKey, Record)]) -> Records {
        for (key, record) in writes {
            match self.0.iter_mut().find(|(known, _)| known == key) {
                Some((_, Some((_, known)))) => *known = record.clone(),
                Some((_, absent)) => *absent = Some((0, record.clone())),
                None => self.0.push((key.clone(), Some((0, record.clone())))),
            }
        }
        self
    }

    /// Every key of the view, with the revision of its record if there is one.
    pub fn revisions(&self) -> impl Iterator<Item = (&RecordKey, Option<u64>)> {
        self.0.iter().map(|(key, found)| (key, found.as_ref().map(|(revision, _)| *revision)))
    }

    /// Every record of the view.
    pub fn all(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().filter_map(|(_, found)| found.as_ref().map(|(_, record)| record))
    }

    /// Every record of the view, with its key.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&RecordKey, &Record)> {
        self.0.iter().filter_map(|(key, found)| found.as_ref().map(|(_, record)| (key, record)))
    }

    /// The same view, in which there is nothing under `hidden`.
    #[must_use]
    pub(super) fn without(&self, hidden: &[RecordKey]) -> Records {
        let seen = |(key, found): &(RecordKey, Found)| {
            let found = found.as_ref().filter(|_| !hidden.contains(key));
            (key.clone(), found.cloned())
        };
        Records(self.0.iter().map(seen).collect())
    }

    /// The revision of the record under `key`, if there is one.
    pub fn revision(&self, key: &RecordKey) -> Option<u64> {
        self.find(key).map(|(revision, _)| *revision)
    }

    /// The version with the dates that count; see [`namespace::effective`]. The command must have announced
    /// [`namespace_keys`] of it.
    ///
    /// # Errors
    /// When there is no such version.
    pub(super) fn effective_version(&self, name: &VersionName) -> Result<Cow<'_, Version>, Refusal> {
        let version = self.version(name).ok_or_else(|| Refusal::VersionNotFound(name.clone()))?;
        Ok(namespace::effective(version, |name| self.namespace(name)))
    }

    /// Refuses when the caller read another revision than the current one.
    pub(super) fn check_etag(&self, key: &RecordKey, etag: Option<u64>) -> Result<(), Refusal> {
        // A record that is not there has no etag that anybody could have read.
        let current = self.revision(key).unwrap_or_default();
        if etag.is_none_or(|read| read == current) { Ok(()) } else { Err(Refusal::EtagMismatch { current }) }
    }
}

/// The keys of the namespaces that a context lies in.
pub(super) fn namespace_keys(context: &Context) -> impl Iterator<Item = RecordKey> {
    namespace::enclosing(context).into_iter().map(RecordKey::Namespace)
}

macro_rules! typed {
    ($($name:ident($($arg:ident: $arg_type:ty),*) -> $variant:ident($type:ty) at $key:expr;)*) => {
        impl Records {
            $(
                #[doc = concat!("The ", stringify!($variant), " record, if there is one.")]
                pub fn $name(&self, $($arg: &$arg_type),*) -> Option<&$type> {
                    let (_, record) = self.find(&$key)?;
                    if let Record::$variant(record) = record { Some(record) } else { None }
                }
            )*
        }
    };
}

typed! {
    api(context: Context) -> Api(Api) at RecordKey::Api(context.clone());
    version(name: VersionName) -> Version(Version) at RecordKey::Version(name.clone());
    application(id: ApplicationId) -> Application(Application) at RecordKey::Application(id.clone());
    subscription(id: ApplicationId, name: VersionName) -> Subscription(Subscription)
        at RecordKey::Subscription(id.clone(), name.clone());
    access_request(id: ApplicationId, name: VersionName) -> AccessRequest(AccessRequest)
        at RecordKey::AccessRequest(id.clone(), name.clone());
    exemption(id: ApplicationId, name: VersionName) -> Exemption(Exemption)
        at RecordKey::Exemption(id.clone(), name.clone());
    disuse(id: ApplicationId) -> Disuse(Disuse) at RecordKey::Disuse(id.clone());
    waiver(id: ApplicationId, name: VersionName, kind: WaiverKind) -> Waiver(Waiver)
        at RecordKey::Waiver(id.clone(), name.clone(), *kind);
    namespace(name: Context) -> Namespace(Namespace) at RecordKey::Namespace(name.clone());
    notice(holder: Holder, id: NoticeId) -> Notice(Notice) at holder.notice(id.clone());
    client_secrets(id: ApplicationId) -> ClientSecrets(ClientSecrets) at ClientSecrets::key(id);
    registered_keys(id: ApplicationId) -> RegisteredKeys(RegisteredKeys) at RegisteredKeys::key(id);
    call_limits(id: ApplicationId) -> CallLimits(CallLimits) at CallLimits::key(id);
    announcement(id: AnnouncementId) -> Announcement(Announcement) at RecordKey::Announcement(id.clone());
    client_id(id: ClientId) -> Name(Bearer) at RecordKey::ClientId(id.clone());
    application_name(name: str) -> Name(Bearer) at RecordKey::ApplicationName(name.to_lowercase());
    company(id: CompanyId) -> Company(Company) at RecordKey::Company(id.clone());
    project(company: CompanyId, id: ProjectId) -> Project(Project)
        at RecordKey::Project(company.clone(), id.clone());
    service_account(id: AccountId) -> ServiceAccount(ServiceAccount) at RecordKey::ServiceAccount(id.clone());
    credential_class() -> CredentialClass(CredentialClass) at RecordKey::CredentialClass;
    organisation(id: OrganisationId) -> Organisation(Organisation) at RecordKey::Organisation(id.clone());
    app_version(id: ApplicationId, number: AppVersionNumber) -> AppVersion(AppVersion)
        at RecordKey::AppVersion(id.clone(), number.clone());
    releases(id: ApplicationId) -> Releases(Releases) at RecordKey::Releases(id.clone());
    listing(id: ApplicationId) -> Listing(Listing) at RecordKey::Listing(id.clone());
    maintenance(id: MaintenanceId) -> Maintenance(Maintenance) at RecordKey::Maintenance(id.clone());
    maintenance_ahead() -> MaintenanceAhead(MaintenanceAhead) at RecordKey::MaintenanceAhead;
    proposal(id: ProposalId) -> Proposal(Proposal) at RecordKey::Proposal(id.clone());
    proposal_book() -> ProposalBook(ProposalBook) at RecordKey::ProposalBook;
    restore_confirmation() -> RestoreConfirmation(RestoreConfirmation) at RecordKey::RestoreConfirmation;
    installation(id: ApplicationId, company: CompanyId) -> Installation(Installation)
        at RecordKey::Installation(id.clone(), company.clone());
    gateway(environment: Environment, id: GatewayId) -> Gateway(Gateway)
        at RecordKey::Gateway(*environment, id.clone());
}
