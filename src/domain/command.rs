//! Everything a caller may ask devhub to change, in one list.

use super::access::{DecideAccess, RequestAccess};
use super::actor::Actor;
use super::announcement::{PublishAnnouncement, ReviseAnnouncement, WithdrawAnnouncement};
use super::api::{CreateApi, UpdateApi};
use super::app_version::{ApproveAppVersion, CreateAppVersion, PromoteAppVersion, SubmitAppVersion};
use super::approve::{AdvanceApplication, Block, RestrictDeletion, SetBlocked};
use super::call_limit::{SetIpAllowlist, SetRateLimitTier};
use super::client_secret::{CreateClientSecret, RehashClientSecret, RevokeClientSecret};
use super::collaborate::{AddCollaborator, ChangeCollaboratorRole, RemoveCollaborator};
use super::company::{CreateCompany, PutProject, UpdateCompany};
use super::credential_class::ReviseCredentialClass;
use super::disuse::SettleDisuse;
use super::exemption::{ChangeExemption, Part};
use super::fact::Subject;
use super::gateway::{ChangeGatewayTrust, Trust};
use super::installation::{Install, Installed, NoteFirstUse, SetPermittedProjects, Uninstall, UpdateInstallation};
use super::listing::{ApproveListing, RemoveListing, SubmitListing};
use super::maintenance::{self, CancelMaintenance, ReviseMaintenance, ScheduleMaintenance};
use super::name::{ApplicationId, CompanyId, VersionName};
use super::notice::AcknowledgeNotice;
use super::organisation::SetOrganisation;
use super::outcome::Judgement;
use super::proposal::{AcknowledgeBreakGlass, Dismissal, EndProposal, Propose};
use super::publish::{CreateVersion, DeployVersion, UpdateVersion};
use super::record::{RecordKey, Records};
use super::refusal::Refusal;
use super::register::{CreateApplication, DeleteApplication, RestoreApplication, UpdateApplication};
use super::registered_key::{AddKey, RevokeKey};
use super::relocate::MoveSubscription;
use super::restored::ConfirmRestore;
use super::schedule::ChangeLifecycle;
use super::service_account::{
    ChangeAccountPermissions, ClassifyServiceAccount, CreateServiceAccount, Created, ExtendServiceAccounts,
    RehashServiceAccountSecret, RemoveServiceAccount, RotateServiceAccountSecret, ShortenExtension,
};
use super::setting::Setting;
use super::subscribe::{Since, Subscribe, Unsubscribe};
use super::undo::{UndoMove, UndoUnsubscribe};
use super::uplift::UpliftApplication;
use super::waiver::{GrantWaiver, RevokeWaiver};

macro_rules! commands {
    ($($variant:ident),*) => {
        /// A change that a caller asks for.
        #[derive(Debug, Clone)]
        pub enum Command {
            $(
                #[doc = concat!("See [`", stringify!($variant), "`].")]
                $variant($variant),
            )*
        }

        impl Command {
            /// The keys of all records that the judgement depends on.
            pub fn reads(&self) -> Vec<RecordKey> {
                match self {
                    $(Command::$variant(command) => command.reads(),)*
                }
            }

            fn judge_itself(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
                match self {
                    $(Command::$variant(command) => command.judge(records, setting),)*
                }
            }
        }

        $(
            impl From<$variant> for Command {
                fn from(command: $variant) -> Command {
                    Command::$variant(command)
                }
            }
        )*
    };
}

commands!(
    CreateApi,
    UpdateApi,
    CreateVersion,
    UpdateVersion,
    DeployVersion,
    ChangeLifecycle,
    CreateApplication,
    UpdateApplication,
    DeleteApplication,
    RestoreApplication,
    AddCollaborator,
    RemoveCollaborator,
    ChangeCollaboratorRole,
    AdvanceApplication,
    SetBlocked,
    RestrictDeletion,
    Subscribe,
    Unsubscribe,
    RequestAccess,
    DecideAccess,
    GrantWaiver,
    RevokeWaiver,
    MoveSubscription,
    UndoMove,
    UndoUnsubscribe,
    AcknowledgeNotice,
    PublishAnnouncement,
    ReviseAnnouncement,
    WithdrawAnnouncement,
    UpliftApplication,
    ChangeExemption,
    CreateCompany,
    UpdateCompany,
    PutProject,
    CreateServiceAccount,
    ClassifyServiceAccount,
    ChangeAccountPermissions,
    RotateServiceAccountSecret,
    RehashServiceAccountSecret,
    RemoveServiceAccount,
    ExtendServiceAccounts,
    ShortenExtension,
    ReviseCredentialClass,
    CreateClientSecret,
    RevokeClientSecret,
    RehashClientSecret,
    AddKey,
    RevokeKey,
    SetIpAllowlist,
    SetRateLimitTier,
    SettleDisuse,
    SetOrganisation,
    CreateAppVersion,
    PromoteAppVersion,
    SubmitAppVersion,
    ApproveAppVersion,
    SubmitListing,
    ApproveListing,
    RemoveListing,
    ScheduleMaintenance,
    ReviseMaintenance,
    CancelMaintenance,
    Install,
    UpdateInstallation,
    Uninstall,
    SetPermittedProjects,
    NoteFirstUse,
    Propose,
    EndProposal,
    AcknowledgeBreakGlass,
    ConfirmRestore,
    ChangeGatewayTrust
);

impl Command {
    /// The keys of further records that the judgement depends on, as the records of [`Command::reads`] name them.
    pub fn follows(&self, records: &Records) -> Vec<RecordKey> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all that others depend on is named by the command itself")]
        match self {
            Command::PromoteAppVersion(command) => command.follows(records),
            Command::SubmitAppVersion(command) => command.follows(records),
            Command::SubmitListing(command) => command.follows(records),
            Command::ApproveListing(command) => command.follows(records),
            Command::Install(command) => command.follows(records),
            Command::UpdateInstallation(command) => command.follows(records),
            Command::Propose(command) => command.follows(records),
            _ => Vec::new(),
        }
    }

    /// The key of the record that the gate of maintenance depends on, if the actor has to pass it.
    pub fn gated_by(actor: &Actor) -> Option<RecordKey> {
        (!actor.is_staff()).then_some(RecordKey::MaintenanceAhead)
    }

    /// Judges the command: what to write and record, or why not. Pure.
    ///
    /// # Errors
    /// The reason for which the command is refused.
    pub fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        self.seen_by(setting.actor, records).judge(records, |records| {
            if Command::gated_by(setting.actor).is_some() {
                maintenance::gate(self, records, setting.now)?;
            }
            self.judge_itself(records, setting)
        })
    }

    /// Why the command is refused, for the audit trail: to whoever asked, what belongs to others looks absent.
    pub fn true_refusal(&self, records: &Records, setting: &Setting<'_>) -> Option<Refusal> {
        if self.seen_by(setting.actor, records).is_everything() {
            return None;
        }
        self.judge_itself(records, setting).err()
    }

    /// The name of the call, as the audit trail knows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::CreateApi(_) => "CreateApi",
            Command::UpdateApi(_) => "UpdateApi",
            Command::CreateVersion(_) => "CreateApiVersion",
            Command::UpdateVersion(_) => "UpdateApiVersion",
            Command::DeployVersion(_) => "DeployApiVersion",
            Command::ChangeLifecycle(_) => "ChangeLifecycle",
            Command::CreateApplication(_) => "CreateApplication",
            Command::UpdateApplication(_) => "UpdateApplication",
            Command::DeleteApplication(_) => "DeleteApplication",
            Command::RestoreApplication(_) => "RestoreApplication",
            Command::AddCollaborator(_) => "AddCollaborator",
            Command::RemoveCollaborator(_) => "RemoveCollaborator",
            Command::ChangeCollaboratorRole(_) => "ChangeCollaboratorRole",
            Command::AdvanceApplication(_) => "AdvanceApplication",
            Command::SetBlocked(SetBlocked { block: Block::Set, .. }) => "BlockApplication",
            Command::SetBlocked(SetBlocked { block: Block::Lifted, .. }) => "UnblockApplication",
            Command::RestrictDeletion(_) => "RestrictApplicationDeletion",
            Command::Subscribe(Subscribe { since: Since::Now, .. }) => "Subscribe",
            Command::Subscribe(Subscribe { since: Since::Elsewhere(_), .. }) => "ImportSubscriptions",
            Command::Unsubscribe(_) => "Unsubscribe",
            Command::RequestAccess(_) => "RequestAccess",
            Command::DecideAccess(_) => "DecideAccess",
            Command::GrantWaiver(_) => "GrantWaiver",
            Command::RevokeWaiver(_) => "RevokeWaiver",
            Command::MoveSubscription(_) => "MoveSubscription",
            Command::UndoMove(_) => "UndoMove",
            Command::UndoUnsubscribe(_) => "UndoUnsubscribe",
            Command::AcknowledgeNotice(_) => "AcknowledgeNotice",
            Command::PublishAnnouncement(_) => "PublishAnnouncement",
            Command::ReviseAnnouncement(_) => "ReviseAnnouncement",
            Command::WithdrawAnnouncement(_) => "WithdrawAnnouncement",
            Command::UpliftApplication(_) => "UpliftApplication",
            Command::SettleDisuse(_) => "SettleDisuse",
            Command::ChangeExemption(ChangeExemption { part: Part::Exempt, .. }) => "ExemptFromBrownouts",
            Command::ChangeExemption(ChangeExemption { part: Part::Taken, .. }) => "RemoveBrownoutExemption",
            Command::CreateCompany(_) => "CreateCompany",
            Command::UpdateCompany(_) => "UpdateCompany",
            Command::PutProject(_) => "PutProject",
            Command::CreateServiceAccount(CreateServiceAccount { created: Created::Now(_), .. }) => {
                "CreateServiceAccount"
            }
            Command::CreateServiceAccount(CreateServiceAccount { created: Created::Elsewhere(_), .. }) => {
                "ImportServiceAccounts"
            }
            Command::ClassifyServiceAccount(_) => "ClassifyServiceAccount",
            Command::ChangeAccountPermissions(_) => "ChangeServiceAccountPermissions",
            Command::RotateServiceAccountSecret(_) => "RotateServiceAccountSecret",
            Command::RehashServiceAccountSecret(_) => "RehashServiceAccountSecret",
            Command::RemoveServiceAccount(_) => "RemoveServiceAccount",
            Command::ExtendServiceAccounts(_) => "ExtendServiceAccounts",
            Command::ShortenExtension(_) => "ShortenServiceAccountExtension",
            Command::ReviseCredentialClass(_) => "ReviseCredentialClass",
            Command::CreateClientSecret(_) => "CreateClientSecret",
            Command::RevokeClientSecret(_) => "RevokeClientSecret",
            Command::RehashClientSecret(_) => "RehashClientSecret",
            Command::AddKey(_) => "AddKey",
            Command::RevokeKey(_) => "RevokeKey",
            Command::SetIpAllowlist(_) => "SetIpAllowlist",
            Command::SetRateLimitTier(_) => "SetRateLimitTier",
            Command::SetOrganisation(_) => "SetOrganisation",
            Command::CreateAppVersion(_) => "CreateAppVersion",
            Command::PromoteAppVersion(_) => "PromoteAppVersion",
            Command::SubmitAppVersion(_) => "SubmitAppVersion",
            Command::ApproveAppVersion(_) => "ApproveAppVersion",
            Command::SubmitListing(_) => "SubmitListing",
            Command::ApproveListing(_) => "ApproveListing",
            Command::RemoveListing(_) => "RemoveListing",
            Command::ScheduleMaintenance(_) => "ScheduleMaintenance",
            Command::ReviseMaintenance(_) => "ReviseMaintenance",
            Command::CancelMaintenance(_) => "CancelMaintenance",
            Command::Install(Install { installed: Installed::Now, .. }) => "Install",
            Command::Install(Install { installed: Installed::Elsewhere { .. }, .. }) => "ImportInstallations",
            Command::UpdateInstallation(_) => "UpdateInstallation",
            Command::Uninstall(_) => "Uninstall",
            Command::SetPermittedProjects(_) => "SetPermittedProjects",
            Command::ChangeGatewayTrust(ChangeGatewayTrust { trust: Trust::Revoked, .. }) => "RevokeGateway",
            Command::ChangeGatewayTrust(ChangeGatewayTrust { trust: Trust::Restored, .. }) => "RestoreGateway",
            Command::NoteFirstUse(_) => "NoteFirstUse",
            Command::Propose(_) => "Propose",
            Command::EndProposal(EndProposal { verdict: Dismissal::Reject, .. }) => "RejectProposal",
            Command::EndProposal(EndProposal { verdict: Dismissal::Withdraw, .. }) => "WithdrawProposal",
            Command::AcknowledgeBreakGlass(_) => "AcknowledgeBreakGlass",
            Command::ConfirmRestore(_) => "ConfirmRestore",
        }
    }

    /// What the command is about, for the record of a refusal.
    pub fn subject(&self) -> Subject {
        let version = |name: &VersionName| Subject {
            context: Some(name.context.clone()),
            label: Some(name.label.clone()),
            ..Subject::default()
        };
        let application = |id: &ApplicationId| Subject { application: Some(id.clone()), ..Subject::default() };
        let company = |id: &CompanyId| Subject { company: Some(id.clone()), ..Subject::default() };
        let both = |id: &ApplicationId, name: &VersionName| Subject { application: Some(id.clone()), ..version(name) };
        match self {
            Command::CreateApi(CreateApi { context, .. }) | Command::UpdateApi(UpdateApi { context, .. }) => {
                Subject { context: Some(context.clone()), ..Subject::default() }
            }
            Command::CreateVersion(CreateVersion { name, .. }) | Command::UpdateVersion(UpdateVersion { name, .. }) => {
                version(name)
            }
            Command::DeployVersion(DeployVersion { name, environment, .. }) => {
                Subject { environment: Some(*environment), ..version(name) }
            }
            Command::ChangeLifecycle(command) => command.subject(),
            Command::CreateApplication(CreateApplication { id, .. })
            | Command::UpdateApplication(UpdateApplication { id, .. })
            | Command::UpliftApplication(UpliftApplication { source: id, .. })
            | Command::DeleteApplication(DeleteApplication { id, .. })
            | Command::RestoreApplication(RestoreApplication { id, .. })
            | Command::AddCollaborator(AddCollaborator { id, .. })
            | Command::RemoveCollaborator(RemoveCollaborator { id, .. })
            | Command::ChangeCollaboratorRole(ChangeCollaboratorRole { id, .. })
            | Command::AdvanceApplication(AdvanceApplication { id, .. })
            | Command::SetBlocked(SetBlocked { id, .. })
            | Command::RestrictDeletion(RestrictDeletion { id, .. })
            | Command::CreateClientSecret(CreateClientSecret { application: id, .. })
            | Command::RevokeClientSecret(RevokeClientSecret { application: id, .. })
            | Command::RehashClientSecret(RehashClientSecret { application: id, .. })
            | Command::AddKey(AddKey { application: id, .. })
            | Command::RevokeKey(RevokeKey { application: id, .. })
            | Command::SetIpAllowlist(SetIpAllowlist { application: id, .. })
            | Command::SetRateLimitTier(SetRateLimitTier { application: id, .. })
            | Command::SettleDisuse(SettleDisuse { id, .. }) => application(id),
            Command::Subscribe(Subscribe { application, version, .. })
            | Command::Unsubscribe(Unsubscribe { application, version, .. })
            | Command::RequestAccess(RequestAccess { application, version, .. })
            | Command::DecideAccess(DecideAccess { application, version, .. })
            | Command::GrantWaiver(GrantWaiver { application, version, .. })
            | Command::RevokeWaiver(RevokeWaiver { application, version, .. })
            | Command::MoveSubscription(MoveSubscription { application, from: version, .. })
            | Command::UndoMove(UndoMove { application, from: version, .. })
            | Command::ChangeExemption(ChangeExemption { application, version, .. })
            | Command::UndoUnsubscribe(UndoUnsubscribe { application, version, .. }) => both(application, version),
            Command::AcknowledgeNotice(command) => command.holder.of(Subject::default()),
            Command::PublishAnnouncement(PublishAnnouncement { content, .. })
            | Command::ReviseAnnouncement(ReviseAnnouncement { content, .. }) => {
                content.references.first().map(|target| target.subject()).unwrap_or_default()
            }
            Command::Install(Install { application, company: at, .. })
            | Command::UpdateInstallation(UpdateInstallation { application, company: at, .. })
            | Command::Uninstall(Uninstall { application, company: at, .. })
            | Command::SetPermittedProjects(SetPermittedProjects { application, company: at, .. })
            | Command::NoteFirstUse(NoteFirstUse { application, company: at, .. }) => {
                Subject { application: Some(application.clone()), ..company(at) }
            }
            Command::CreateCompany(CreateCompany { id, .. })
            | Command::UpdateCompany(UpdateCompany { id, .. })
            | Command::PutProject(PutProject { company: id, .. })
            | Command::ExtendServiceAccounts(ExtendServiceAccounts { company: id, .. })
            | Command::ShortenExtension(ShortenExtension { company: id, .. }) => company(id),
            Command::CreateServiceAccount(CreateServiceAccount { company: at, id, .. })
            | Command::ClassifyServiceAccount(ClassifyServiceAccount { company: at, id, .. })
            | Command::ChangeAccountPermissions(ChangeAccountPermissions { company: at, id, .. })
            | Command::RotateServiceAccountSecret(RotateServiceAccountSecret { company: at, id, .. })
            | Command::RehashServiceAccountSecret(RehashServiceAccountSecret { company: at, id, .. })
            | Command::RemoveServiceAccount(RemoveServiceAccount { company: at, id, .. }) => {
                Subject { account: Some(id.clone()), ..company(at) }
            }
            Command::CreateAppVersion(CreateAppVersion { application: id, .. })
            | Command::PromoteAppVersion(PromoteAppVersion { application: id, .. })
            | Command::SubmitAppVersion(SubmitAppVersion { application: id, .. })
            | Command::ApproveAppVersion(ApproveAppVersion { application: id, .. })
            | Command::SubmitListing(SubmitListing { application: id, .. })
            | Command::ApproveListing(ApproveListing { application: id, .. })
            | Command::RemoveListing(RemoveListing { application: id, .. }) => application(id),
            Command::ChangeGatewayTrust(ChangeGatewayTrust { environment, .. }) => {
                Subject { environment: Some(*environment), ..Subject::default() }
            }
            Command::WithdrawAnnouncement(_)
            | Command::ReviseCredentialClass(_)
            | Command::SetOrganisation(_)
            | Command::ScheduleMaintenance(_)
            | Command::ReviseMaintenance(_)
            | Command::CancelMaintenance(_)
            | Command::EndProposal(_)
            | Command::AcknowledgeBreakGlass(_)
            | Command::ConfirmRestore(_) => Subject::default(),
            Command::Propose(command) => command.subject.clone(),
        }
    }
}
