//! Everybody whom a decision may be about: the applications, accounts and versions that bring each reason about.

use chrono::{DateTime, TimeDelta, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::Environment::{Production, Sandbox};
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::app_version_service_client::AppVersionServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::company_service_client::CompanyServiceClient;
use devhub_proto::v1::credential_class_service_client::CredentialClassServiceClient;
use devhub_proto::v1::installation_service_client::InstallationServiceClient;
use devhub_proto::v1::lifecycle_change::Step;
use devhub_proto::v1::schedule_target::Target;
use devhub_proto::v1::service_account_service_client::ServiceAccountServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use devhub_proto::v1::waiver_service_client::WaiverServiceClient;
use tonic::transport::Channel;

use crate::hub::{application, begin, by, change_lifecycle, operator, sandboxed, step, version};

/// Builds the applications.
const ADA: &str = "collaborator:ada@example.com";

/// Administers the companies.
const CAROL: &str = "collaborator:carol@builders.example";

/// When the operation `GET /rest/{id}` of `rest` 1.0 is retired.
pub(crate) fn operation_end() -> DateTime<Utc> {
    begin() + TimeDelta::days(30)
}

/// When the brownout of `ending` 1.0 begins.
pub(crate) fn brownout() -> DateTime<Utc> {
    begin() + TimeDelta::days(100)
}

/// When traditional service accounts reach their sunset.
pub(crate) fn sunset() -> DateTime<Utc> {
    begin() + TimeDelta::days(200)
}

/// When `ending` 1.0 is retired.
pub(crate) fn end() -> DateTime<Utc> {
    begin() + TimeDelta::days(400)
}

/// Brings them all on. The client id of the service account is answered: the hub chooses it.
pub(crate) async fn enter(channel: Channel) -> String {
    publish(&channel).await;
    register(&channel).await;
    end_ending(&channel).await;
    let client_id = settle_companies(&channel).await;
    block_and_delete(&channel).await;
    client_id
}

/// `rest` can end by operations, `open` is open access, `scoped` company-scoped, `live` in both environments, and `ending`
/// will end.
async fn publish(channel: &Channel) {
    let mut apis = ApiServiceClient::new(channel.clone());
    let endpoint = |path: &str, auth_type: v1::AuthType| v1::Endpoint {
        method: "GET".into(),
        path: path.into(),
        auth_type: auth_type.into(),
    };
    for (context, policy) in [
        ("rest", "procore-rest"),
        ("open", "hmrc-mtd"),
        ("scoped", "hmrc-mtd"),
        ("live", "hmrc-mtd"),
        ("ending", "hmrc-mtd"),
    ] {
        let api =
            v1::Api { context: context.into(), title: "An API".into(), policy: policy.into(), ..Default::default() };
        apis.create_api(operator(v1::CreateApiRequest { api: Some(api), request_id: String::new() })).await.unwrap();
        let mut version = version(context, "1.0", v1::Maturity::Stable);
        match context {
            "rest" => {
                version.endpoints = vec![endpoint("/{id}", v1::AuthType::User), endpoint("/", v1::AuthType::User)];
            }
            "open" => version.endpoints = vec![endpoint("/", v1::AuthType::None)],
            "scoped" => version.company_scoped = true,
            "live" => {
                let production = v1::Deployment { environment: Production.into(), ..version.deployments[0].clone() };
                version.deployments.push(production);
            }
            _ => {}
        }
        let request = v1::CreateApiVersionRequest { version: Some(version), ..Default::default() };
        apis.create_api_version(operator(request)).await.unwrap();
    }
    let name = v1::VersionName { context: "rest".into(), version: "1.0".into() };
    let operation = v1::OperationName { version: Some(name), method: "GET".into(), path: "/{id}".into() };
    let deprecated =
        Step::Deprecate(v1::DeprecateStep { retire_time: Some(timestamp(operation_end())), ..Default::default() });
    let change = step(sandboxed(Target::Operation(operation)), deprecated);
    let change = v1::LifecycleChange { override_reason: "agreed with all callers".into(), ..change };
    change_lifecycle(channel, change).await;
}

/// `one` subscribes to what there is; `late` to `ending` only, and may call it past its end; the standing of the others
/// changes later. `pending` waits for its approval.
async fn register(channel: &Channel) {
    let mut applications = ApplicationServiceClient::new(channel.clone());
    for (id, environment) in [("late", Sandbox), ("blocked", Sandbox), ("deleted", Sandbox), ("pending", Production)] {
        applications.create_application(operator(application(id, environment))).await.unwrap();
    }
    let mut subscriptions = SubscriptionServiceClient::new(channel.clone());
    for (id, context) in [
        ("one", "rest"),
        ("one", "scoped"),
        ("one", "ending"),
        ("late", "ending"),
        ("blocked", "hello"),
        ("deleted", "hello"),
    ] {
        let request = v1::SubscribeRequest {
            application_id: id.into(),
            context: context.into(),
            version: "1.0".into(),
            ..Default::default()
        };
        subscriptions.subscribe(operator(request)).await.unwrap();
    }
}

async fn end_ending(channel: &Channel) {
    let target = || sandboxed(Target::Version(v1::VersionName { context: "ending".into(), version: "1.0".into() }));
    let deprecated = Step::Deprecate(v1::DeprecateStep { retire_time: Some(timestamp(end())), ..Default::default() });
    change_lifecycle(channel, step(target(), deprecated)).await;
    let window = v1::ScheduleBrownoutStep {
        start_time: Some(timestamp(brownout())),
        end_time: Some(timestamp(brownout() + TimeDelta::hours(1))),
    };
    change_lifecycle(channel, step(target(), Step::ScheduleBrownout(window))).await;
    let waiver = v1::GrantWaiverRequest {
        application_id: "late".into(),
        context: "ending".into(),
        version: "1.0".into(),
        kind: v1::WaiverKind::CallsPastRetirement.into(),
        until_time: Some(timestamp(end() + TimeDelta::days(30))),
        reason: "contract signed before the deprecation".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    };
    WaiverServiceClient::new(channel.clone()).grant_waiver(operator(waiver)).await.unwrap();
}

/// In `acme`, `one` is installed for its project `north` and there is a service account; `other` has neither.
async fn settle_companies(channel: &Channel) -> String {
    let mut companies = CompanyServiceClient::new(channel.clone());
    for id in ["acme", "other"] {
        let company = v1::Company {
            company_id: id.into(),
            name: format!("Company {id}"),
            tenancy: v1::Tenancy::DevelopmentSandbox.into(),
            administrators: vec![CAROL.trim_start_matches("collaborator:").into()],
            ..Default::default()
        };
        let request = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
        companies.create_company(operator(request)).await.unwrap();
    }
    for id in ["north", "south"] {
        let project = v1::Project {
            company_id: "acme".into(),
            project_id: id.into(),
            name: format!("Project {id}"),
            ..Default::default()
        };
        let request = v1::PutProjectRequest { project: Some(project), ..Default::default() };
        companies.put_project(by(CAROL, request)).await.unwrap();
    }
    let reading = v1::ToolPermission { tool: "Directory".into(), level: v1::ToolPermissionLevel::ReadOnly.into() };
    let made = v1::AppVersion {
        application_id: "one".into(),
        version: "1.0.0".into(),
        components: vec![v1::AppComponent::ServiceAccountConnection.into()],
        permissions: Some(v1::ToolPermissions { company: vec![reading], project: Vec::new() }),
        ..Default::default()
    };
    let request = v1::CreateAppVersionRequest { app_version: Some(made), request_id: String::new() };
    AppVersionServiceClient::new(channel.clone()).create_app_version(by(ADA, request)).await.unwrap();
    let install = v1::InstallRequest {
        application_id: "one".into(),
        company_id: "acme".into(),
        permitted_projects: Some(v1::PermittedProjects { all: false, project_ids: vec!["north".into()] }),
        ..Default::default()
    };
    InstallationServiceClient::new(channel.clone()).install(by(CAROL, install)).await.unwrap();

    let custom = v1::CustomAccount {
        description: "nightly copy".into(),
        developer_name: "Bob".into(),
        developer_email: "bob@example.com".into(),
        application_id: String::new(),
    };
    let account = v1::ServiceAccount {
        account_id: "account".into(),
        company_id: "acme".into(),
        name: "Nightly copy".into(),
        account_type: Some(v1::AccountType { r#type: Some(v1::account_type::Type::Custom(custom)) }),
        ..Default::default()
    };
    let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
    let mut accounts = ServiceAccountServiceClient::new(channel.clone());
    let account = accounts.create_service_account(by(CAROL, request)).await.unwrap().into_inner().account.unwrap();
    let date = |instant| Some(v1::ClassDate { value: Some(v1::class_date::Value::Time(timestamp(instant))) });
    let revision = v1::ReviseCredentialClassRequest {
        deprecate: date(begin()),
        sunset: date(sunset()),
        reason: "announced".into(),
        zone: "America/Los_Angeles".into(),
        ..Default::default()
    };
    CredentialClassServiceClient::new(channel.clone()).revise_credential_class(operator(revision)).await.unwrap();
    account.client_id
}

async fn block_and_delete(channel: &Channel) {
    let mut applications = ApplicationServiceClient::new(channel.clone());
    let block = v1::BlockApplicationRequest { application_id: "blocked".into(), ..Default::default() };
    applications.block_application(operator(block)).await.unwrap();
    let delete = v1::DeleteApplicationRequest { application_id: "deleted".into(), ..Default::default() };
    applications.delete_application(operator(delete)).await.unwrap();
}
