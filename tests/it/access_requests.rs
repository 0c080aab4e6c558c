//! A request of every call that some role makes of its own things only, naming whose things they are.
#![expect(clippy::needless_update, reason = "one macro writes requests of one field and of many")]

use devhub_proto::v1;
use devhub_proto::v1::lifecycle_change::Step;
use devhub_proto::v1::schedule_target::Target;
use prost::Message as _;

use crate::promoting::app_version;
use crate::world::{days, start, step};

/// The names that a request is about. Those of one kind have one length, so that a reply about others can be compared byte
/// by byte.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// An application, and a person who works on it.
    pub(crate) application: String,
    pub(crate) person: String,
    /// A secret and a notice of the application.
    pub(crate) secret: String,
    pub(crate) notice: String,
    /// A company and a service account of it.
    pub(crate) company: String,
    pub(crate) account: String,
    /// An API.
    pub(crate) context: String,
    /// An announcement to its subscribers.
    pub(crate) announcement: String,
    /// The application that companies install; the same for all.
    pub(crate) installed: String,
}

impl Names {
    /// A short description of the differences, from these to others.
    pub(crate) fn pairs<'n>(&'n self, to: &'n Names) -> [(&'n str, &'n str); 8] {
        [
            (&self.application, &to.application),
            (&self.person, &to.person),
            (&self.secret, &to.secret),
            (&self.notice, &to.notice),
            (&self.company, &to.company),
            (&self.account, &to.account),
            (&self.context, &to.context),
            (&self.announcement, &to.announcement),
        ]
    }

    fn target(&self, label: &str) -> v1::ScheduleTarget {
        let name = v1::VersionName { context: self.context.clone(), version: label.into() };
        v1::ScheduleTarget { environment: v1::Environment::Sandbox.into(), target: Some(Target::Version(name)) }
    }

    fn retirement(&self) -> Vec<v1::LifecycleChange> {
        let retire = v1::RetireStep { retire_time: Some(devhub::wire::timestamp(start() + days(2000))) };
        vec![step(self.target("1.0"), Step::Retire(retire))]
    }

    pub(crate) fn content(&self) -> v1::AnnouncementContent {
        v1::AnnouncementContent {
            category: v1::AnnouncementCategory::Change.into(),
            audience: Some(v1::AnnouncementAudience {
                kind: v1::AnnouncementAudienceKind::Subscribers.into(),
                environment: v1::Environment::Sandbox.into(),
                scopes: vec![v1::AnnouncementScope { context: self.context.clone(), version: String::new() }],
            }),
            title: "Something works differently".into(),
            ..Default::default()
        }
    }
}

/// A public key that nobody signs with, and its id.
const KEY: &str = r#"{"crv":"Ed25519","kty":"OKP","x":"id8f-32_HXJKbdDV76-Jqhg0nVCX-xZ7Rta8FcCEbm8"}"#;
const KEY_ID: &str = "XY4GDHk4YVs_o1XxuIjZw1_cXkMH-Q_f-_16ZnsSvKg";

macro_rules! request {
    ($message:ident { $($field:ident: $value:expr),* $(,)? }) => {
        v1::$message { $($field: $value.into(),)* ..Default::default() }.encode_to_vec()
    };
}

/// What a request to `call` says about the things of `names`; none for a call that the matrix does not know.
pub(crate) fn request(call: &str, names: &Names, catalogue: &str) -> Option<Vec<u8>> {
    let Names { application, person, secret, notice, company, account, context, announcement, installed } = names;
    let context = if catalogue.is_empty() { context } else { catalogue };
    let (sandbox, production) = (i32::from(v1::Environment::Sandbox), i32::from(v1::Environment::Production));
    let until = Some(devhub::wire::timestamp(start() + days(30)));
    let collaborator = |email: &str, role: v1::Role| v1::Collaborator { email: email.into(), role: role.into() };
    let named = |label: &str| Some(v1::VersionName { context: context.to_owned(), version: label.into() });
    Some(match call {
        // Applications.
        "ApplicationService/GetApplication" => request!(GetApplicationRequest { application_id: application }),
        "ApplicationService/ListApplications" => request!(ListApplicationsRequest { collaborator: person }),
        "ApplicationService/UpdateApplication" => {
            v1::UpdateApplicationRequest { application_id: application.into(), etag: "7".into(), ..Default::default() }
                .encode_to_vec()
        }
        "ApplicationService/DeleteApplication" => {
            request!(DeleteApplicationRequest { application_id: application, reason: "over" })
        }
        "ApplicationService/AddCollaborator" => request!(AddCollaboratorRequest {
            application_id: application,
            collaborator: collaborator("new@example.com", v1::Role::Developer),
        }),
        "ApplicationService/RemoveCollaborator" => {
            request!(RemoveCollaboratorRequest { application_id: application, email: "new@example.com" })
        }
        "ApplicationService/ChangeCollaboratorRole" => request!(ChangeCollaboratorRoleRequest {
            application_id: application,
            collaborator: collaborator("new@example.com", v1::Role::Administrator),
        }),
        "ApplicationService/AdvanceApplication" => {
            request!(AdvanceApplicationRequest { application_id: application, step: v1::ApplicationStep::Submit })
        }
        "ApplicationService/UpliftApplication" => {
            request!(UpliftApplicationRequest { application_id: application, name: "Live one" })
        }
        // What belongs to applications.
        "SubscriptionService/Subscribe" => {
            request!(SubscribeRequest { application_id: application, context: context, version: "1.0" })
        }
        "SubscriptionService/Unsubscribe" => {
            request!(UnsubscribeRequest {
                application_id: application,
                context: context,
                version: "1.0",
                acknowledge_one_way: true
            })
        }
        "SubscriptionService/UndoUnsubscribe" => {
            request!(UndoUnsubscribeRequest { application_id: application, context: context, version: "1.0" })
        }
        "SubscriptionService/MoveSubscription" => {
            request!(MoveSubscriptionRequest { application_id: application, from: named("1.0"), to: named("2.0") })
        }
        "SubscriptionService/UndoMove" => {
            request!(UndoMoveRequest { application_id: application, from: named("1.0"), to: named("2.0") })
        }
        "SubscriptionService/ExemptFromBrownouts" => request!(ExemptFromBrownoutsRequest {
            application_id: application,
            context: context,
            version: "1.0",
            reason: "migrating"
        }),
        "SubscriptionService/RemoveBrownoutExemption" => request!(RemoveBrownoutExemptionRequest {
            application_id: application,
            context: context,
            version: "1.0",
            reason: "migrated"
        }),
        "SubscriptionService/GetSubscription" => {
            request!(GetSubscriptionRequest { application_id: application, context: context, version: "1.0" })
        }
        "SubscriptionService/ListSubscriptions" => {
            request!(ListSubscriptionsRequest {
                application_id: application,
                context: context,
                version: "1.0",
                show_ended: true
            })
        }
        "SubscriptionService/RequestAccess" => {
            request!(RequestAccessRequest {
                application_id: application,
                context: context,
                version: "4.0",
                purpose: "work"
            })
        }
        "SubscriptionService/ListAccessRequests" => request!(ListAccessRequestsRequest { application_id: application }),
        "WaiverService/GetWaiver" => request!(GetWaiverRequest {
            application_id: application,
            context: context,
            version: "3.0",
            kind: v1::WaiverKind::NewSubscription
        }),
        "WaiverService/ListWaivers" => request!(ListWaiversRequest { application_id: application }),
        "CallLimitService/SetIpAllowlist" => request!(SetIpAllowlistRequest {
            application_id: application,
            ip_allowlist: v1::IpAllowlist { required: false, networks: vec!["192.0.2.0/24".into()] },
        }),
        "CallLimitService/GetCallLimits" => request!(GetCallLimitsRequest { application_id: application }),
        "CallLimitService/ListCallLimits" => request!(ListCallLimitsRequest { environment: sandbox }),
        "CredentialService/CreateClientSecret" => {
            request!(CreateClientSecretRequest { application_id: application, name: "Machine" })
        }
        "CredentialService/ListClientSecrets" => request!(ListClientSecretsRequest { application_id: application }),
        "CredentialService/RevokeClientSecret" => {
            request!(RevokeClientSecretRequest { application_id: application, client_secret_id: secret })
        }
        "CredentialService/AddKey" => {
            request!(AddKeyRequest { application_id: application, name: "Machine", jwk: KEY })
        }
        "CredentialService/ListKeys" => request!(ListKeysRequest { application_id: application }),
        "CredentialService/RevokeKey" => request!(RevokeKeyRequest { application_id: application, key_id: KEY_ID }),
        "ListingService/SubmitListing" => {
            request!(SubmitListingRequest { application_id: application, version: "1.0.0" })
        }
        "ListingService/RemoveListing" => {
            request!(RemoveListingRequest { application_id: application, reason: "over" })
        }
        "ListingService/GetListing" => request!(GetListingRequest { application_id: application }),
        "ListingService/ListListings" => request!(ListListingsRequest {}),
        "MigrationService/ListDeveloperChecklists" => {
            request!(ListDeveloperChecklistsRequest { application_id: application })
        }
        "AppVersionService/CreateAppVersion" => {
            request!(CreateAppVersionRequest { app_version: app_version(application, "1.1.0") })
        }
        "AppVersionService/PromoteAppVersion" => {
            request!(PromoteAppVersionRequest { application_id: application, version: "1.0.0" })
        }
        "AppVersionService/SubmitAppVersion" => {
            request!(SubmitAppVersionRequest { application_id: application, version: "1.0.0" })
        }
        "AppVersionService/GetAppVersion" => {
            request!(GetAppVersionRequest { application_id: application, version: "1.0.0" })
        }
        "AppVersionService/ListAppVersions" => request!(ListAppVersionsRequest { application_id: application }),
        "NoticeService/ListNotices" if catalogue.is_empty() && !company.is_empty() && application.is_empty() => {
            request!(ListNoticesRequest { company_id: company })
        }
        "NoticeService/ListNotices" => request!(ListNoticesRequest { application_id: application }),
        "NoticeService/AcknowledgeNotice" => {
            request!(AcknowledgeNoticeRequest { application_id: application, notice_id: notice })
        }
        // What belongs to companies.
        "CompanyService/GetCompany" => request!(GetCompanyRequest { company_id: company }),
        "CompanyService/ListCompanies" => request!(ListCompaniesRequest { administrator: person }),
        "CompanyService/UpdateCompany" => v1::UpdateCompanyRequest {
            company_id: company.into(),
            name: Some("Other name".into()),
            ..Default::default()
        }
        .encode_to_vec(),
        "CompanyService/PutProject" => request!(PutProjectRequest {
            project: v1::Project {
                company_id: company.into(),
                project_id: "p1".into(),
                name: "One".into(),
                ..Default::default()
            }
        }),
        "CompanyService/ListProjects" => request!(ListProjectsRequest { company_id: company }),
        "ServiceAccountService/CreateServiceAccount" => request!(CreateServiceAccountRequest {
            account: v1::ServiceAccount { company_id: company.into(), name: "Sync".into(), ..Default::default() }
        }),
        "ServiceAccountService/ClassifyServiceAccount" => request!(ClassifyServiceAccountRequest {
            company_id: company,
            account_id: account,
            account_type: v1::AccountType {
                r#type: Some(v1::account_type::Type::Marketplace(v1::MarketplaceAccount {
                    application_id: installed.into()
                })),
            },
        }),
        "ServiceAccountService/ChangeServiceAccountPermissions" => {
            request!(ChangeServiceAccountPermissionsRequest { company_id: company, account_id: account, etag: "7" })
        }
        "ServiceAccountService/RotateServiceAccountSecret" => {
            request!(RotateServiceAccountSecretRequest { company_id: company, account_id: account })
        }
        "ServiceAccountService/RemoveServiceAccount" => {
            request!(RemoveServiceAccountRequest { company_id: company, account_id: account })
        }
        "ServiceAccountService/GetServiceAccount" => request!(GetServiceAccountRequest { account_id: account }),
        "ServiceAccountService/ListServiceAccounts" => request!(ListServiceAccountsRequest { company_id: company }),
        "MigrationService/GetCompanyChecklist" => request!(GetCompanyChecklistRequest { company_id: company }),
        "InstallationService/Install" => request!(InstallRequest {
            application_id: installed,
            company_id: company,
            permitted_projects: crate::installing::all()
        }),
        "InstallationService/UpdateInstallation" => {
            request!(UpdateInstallationRequest { application_id: installed, company_id: company, etag: "7" })
        }
        "InstallationService/Uninstall" => {
            request!(UninstallRequest { application_id: installed, company_id: company })
        }
        "InstallationService/SetPermittedProjects" => request!(SetPermittedProjectsRequest {
            application_id: installed,
            company_id: company,
            permitted_projects: crate::installing::all()
        }),
        "InstallationService/GetInstallation" => {
            request!(GetInstallationRequest { application_id: installed, company_id: company })
        }
        "InstallationService/ListInstallations" => request!(ListInstallationsRequest { company_id: company }),
        // What belongs to publishers.
        "ApiService/CreateApiVersion" => request!(CreateApiVersionRequest {
            version: v1::ApiVersion {
                context: context.to_owned(),
                version: "5.0".into(),
                deployments: vec![crate::world::deployment(v1::Environment::Sandbox, v1::Maturity::Stable)],
                ..Default::default()
            }
        }),
        "ApiService/UpdateApiVersion" => v1::UpdateApiVersionRequest {
            context: context.to_owned(),
            version: "1.0".into(),
            description: Some("Said better".into()),
            ..Default::default()
        }
        .encode_to_vec(),
        "ApiService/DeployApiVersion" => request!(DeployApiVersionRequest {
            context: context,
            version: "3.0",
            deployment: crate::world::deployment(v1::Environment::Production, v1::Maturity::Beta),
        }),
        "ApiService/PromoteApiVersion" => request!(PromoteApiVersionRequest {
            context: context,
            version: "3.0",
            environment: sandbox,
            maturity: v1::Maturity::Beta
        }),
        "ApiService/DeprecateApiVersion" => {
            request!(DeprecateApiVersionRequest { context: context, version: "2.0", environment: sandbox })
        }
        "ApiService/RetireApiVersion" => request!(RetireApiVersionRequest {
            context: context,
            version: "2.0",
            environment: production,
            retire_time: devhub::wire::timestamp(start() + days(2000))
        }),
        "ScheduleService/ChangeLifecycle" => request!(ChangeLifecycleRequest { changes: names.retirement() }),
        "ScheduleService/PreviewLifecycleChange" => {
            request!(PreviewLifecycleChangeRequest { changes: names.retirement() })
        }
        "AnnouncementService/PublishAnnouncement" => {
            request!(PublishAnnouncementRequest { announcement_id: "ann-new", content: names.content() })
        }
        "AnnouncementService/ReviseAnnouncement" => {
            let mut content = names.content();
            content.body = "Said better".into();
            request!(ReviseAnnouncementRequest { announcement_id: announcement, content: content })
        }
        "AnnouncementService/WithdrawAnnouncement" => {
            request!(WithdrawAnnouncementRequest { announcement_id: announcement })
        }
        "UsageService/ListUsage" if application.is_empty() => {
            request!(ListUsageRequest { context: context, version: "1.0" })
        }
        "UsageService/ListUsage" => request!(ListUsageRequest { application_id: application }),
        "UsageService/GetUsageSummary" => request!(GetUsageSummaryRequest { context: context, version: "1.0" }),
        // What everybody reads who is verified.
        "ApiService/GetApi" => request!(GetApiRequest { context: context }),
        "ApiService/ListApis" => request!(ListApisRequest {}),
        "ApiService/GetApiVersion" => request!(GetApiVersionRequest { context: context, version: "1.0" }),
        "ApiService/ListApiVersions" => request!(ListApiVersionsRequest {}),
        "ApiService/ListPolicies" => v1::ListPoliciesRequest {}.encode_to_vec(),
        "ScheduleService/GetSchedule" => request!(GetScheduleRequest { target: names.target("1.0") }),
        "ScheduleService/ListScheduleRevisions" => {
            request!(ListScheduleRevisionsRequest { target: names.target("1.0") })
        }
        "ScheduleService/ListChangelog" => request!(ListChangelogRequest { context: context }),
        "ScheduleService/ListCalendar" => request!(ListCalendarRequest { until_time: until }),
        "ScheduleService/GetNamespace" => request!(GetNamespaceRequest { namespace: context }),
        "ScheduleService/ListNamespaces" => request!(ListNamespacesRequest {}),
        "AnnouncementService/GetAnnouncement" => request!(GetAnnouncementRequest { announcement_id: announcement }),
        "AnnouncementService/ListAnnouncements" => request!(ListAnnouncementsRequest {}),
        "AnnouncementService/ListAnnouncementRevisions" => {
            request!(ListAnnouncementRevisionsRequest { announcement_id: announcement })
        }
        "CredentialClassService/GetCredentialClass" => request!(GetCredentialClassRequest {}),
        "CredentialClassService/ListCredentialClassRevisions" => request!(ListCredentialClassRevisionsRequest {}),
        "MaintenanceService/ListMaintenance" => request!(ListMaintenanceRequest {}),
        // A new thing is nobody's yet.
        "ApplicationService/CreateApplication" => request!(CreateApplicationRequest {
            application: v1::Application {
                name: "A new one".into(),
                environment: v1::Environment::Sandbox.into(),
                collaborators: vec![collaborator("ada@example.com", v1::Role::Administrator)],
                ..Default::default()
            }
        }),
        // What staff, gateways and auditors call is of everything: whether they get through is all that the matrix asks.
        "ApiService/CreateApi"
        | "ApiService/UpdateApi"
        | "ApplicationService/RestoreApplication"
        | "ApplicationService/BlockApplication"
        | "ApplicationService/UnblockApplication"
        | "ApplicationService/RestrictApplicationDeletion"
        | "SubscriptionService/MoveSubscriptions"
        | "SubscriptionService/UndoMoveSubscriptions"
        | "SubscriptionService/ImportSubscriptions"
        | "SubscriptionService/DecideAccess"
        | "WaiverService/GrantWaiver"
        | "WaiverService/RevokeWaiver"
        | "CallLimitService/SetRateLimitTier"
        | "CredentialService/VerifyCredentials"
        | "CredentialService/VerifyAssertion"
        | "ServiceAccountService/ImportServiceAccounts"
        | "ServiceAccountService/ExtendServiceAccounts"
        | "ServiceAccountService/ShortenServiceAccountExtension"
        | "CredentialClassService/ReviseCredentialClass"
        | "ListingService/ApproveListing"
        | "AppVersionService/ApproveAppVersion"
        | "MigrationService/GetMigrationFunnel"
        | "MigrationService/GetMigrationBurnDown"
        | "MigrationService/ListMigrations"
        | "MigrationService/GetMigrationForecast"
        | "MigrationService/ListReopenedAccounts"
        | "MigrationService/ListDelistings"
        | "CompanyService/CreateCompany"
        | "InstallationService/ImportInstallations"
        | "NoticeService/FollowNotices"
        | "NoticeService/GetNoticeProgress"
        | "OrganisationService/SetOrganisation"
        | "OrganisationService/GetOrganisation"
        | "OrganisationService/ListOrganisations"
        | "MaintenanceService/ScheduleMaintenance"
        | "MaintenanceService/ReviseMaintenance"
        | "MaintenanceService/CancelMaintenance"
        | "UsageService/ReportUsage"
        | "AuthorizationService/Authorize"
        | "AuthorizationService/BatchAuthorize"
        | "AuthorizationService/Explain"
        | "GatewaySyncService/Sync"
        | "GatewayFleetService/ListGateways"
        | "GatewayFleetService/DisconnectGateway"
        | "GatewayFleetService/RevokeGateway"
        | "GatewayFleetService/RestoreGateway"
        | "GatewayFleetService/ListRevokedGateways"
        | "AuditService/GetAuditHead"
        | "ApprovalService/ListProposals"
        | "ApprovalService/GetProposal"
        | "ApprovalService/ApproveProposal"
        | "ApprovalService/RejectProposal"
        | "ApprovalService/WithdrawProposal"
        | "ApprovalService/BreakGlass"
        | "ApprovalService/AcknowledgeBreakGlass"
        | "ApprovalService/GetRestore"
        | "ApprovalService/ConfirmRestore"
        | "FactService/ListFacts"
        | "FactService/FollowFacts" => Vec::new(),
        _ => return None,
    })
}
