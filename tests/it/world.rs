//! The world that a test plays in: a real server on a free port, a store in a directory that vanishes, a clock that
//! moves when told to, and generated clients.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::access::Admission;
use devhub::clock::ManualClock;
use devhub::config::Config;
use devhub::server::Server;
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::announcement_service_client::AnnouncementServiceClient;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::app_version_service_client::AppVersionServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::approval_service_client::ApprovalServiceClient;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use devhub_proto::v1::call_limit_service_client::CallLimitServiceClient;
use devhub_proto::v1::company_service_client::CompanyServiceClient;
use devhub_proto::v1::credential_class_service_client::CredentialClassServiceClient;
use devhub_proto::v1::credential_service_client::CredentialServiceClient;
use devhub_proto::v1::fact_service_client::FactServiceClient;
use devhub_proto::v1::gateway_fleet_service_client::GatewayFleetServiceClient;
use devhub_proto::v1::installation_service_client::InstallationServiceClient;
use devhub_proto::v1::listing_service_client::ListingServiceClient;
use devhub_proto::v1::maintenance_service_client::MaintenanceServiceClient;
use devhub_proto::v1::migration_service_client::MigrationServiceClient;
use devhub_proto::v1::notice_service_client::NoticeServiceClient;
use devhub_proto::v1::organisation_service_client::OrganisationServiceClient;
use devhub_proto::v1::schedule_service_client::ScheduleServiceClient;
use devhub_proto::v1::service_account_service_client::ServiceAccountServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use devhub_proto::v1::usage_service_client::UsageServiceClient;
use devhub_proto::v1::waiver_service_client::WaiverServiceClient;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt;

pub(crate) const OPERATOR: &str = "operator:olga";
pub(crate) const ADA: &str = "collaborator:ada@example.com";
pub(crate) const BOB: &str = "collaborator:bob@example.com";
pub(crate) const CONTEXT: &str = "individuals/losses";

/// Sends the actor with every call.
#[derive(Clone)]
pub(crate) struct As(&'static str);

impl Interceptor for As {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if !self.0.is_empty() {
            request.metadata_mut().insert("devhub-actor", MetadataValue::from_static(self.0));
        }
        Ok(request)
    }
}

pub(crate) type Caller = InterceptedService<Channel, As>;

pub(crate) struct World {
    pub(crate) server: Option<Server>,
    pub(crate) clock: ManualClock,
    pub(crate) config: Config,
    pub(crate) channel: Channel,
    pub(crate) directory: tempfile::TempDir,
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// When every test begins.
pub(crate) fn start() -> DateTime<Utc> {
    instant("2026-01-01T00:00:00Z")
}

pub(crate) fn ms(milliseconds: i64) -> TimeDelta {
    TimeDelta::milliseconds(milliseconds)
}

pub(crate) fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

/// The reason of a refusal, as clients match on it.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_else(|| format!("no ErrorInfo: {status:?}"))
}

/// The fields that a refusal calls malformed.
pub(crate) fn violations(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request();
    details.map(|details| details.field_violations.into_iter().map(|v| v.field).collect()).unwrap_or_default()
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    reason(&result.expect_err("a refusal"))
}

pub(crate) fn deployment(environment: v1::Environment, maturity: v1::Maturity) -> v1::Deployment {
    v1::Deployment { environment: environment.into(), maturity: maturity.into(), ..Default::default() }
}

pub(crate) fn version(label: &str, deployments: Vec<v1::Deployment>) -> v1::ApiVersion {
    v1::ApiVersion { context: CONTEXT.into(), version: label.into(), deployments, ..Default::default() }
}

impl World {
    pub(crate) async fn new() -> World {
        World::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> World {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(directory.path());
        change(&mut config);
        let clock = ManualClock::at(start());
        let server = Server::start(&config, Arc::new(clock.clone())).await.unwrap();
        let channel = connect(&server);
        World { server: Some(server), clock, config, channel, directory }
    }

    /// A world whose callers are those that `admission` says.
    pub(crate) async fn admitting(admission: Admission, change: impl FnOnce(&mut Config)) -> World {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(directory.path());
        change(&mut config);
        let clock = ManualClock::at(start());
        let data = config.data_dir.clone();
        let open = move || Ok(Arc::new(Embedded::open(data, Options::default())?) as Arc<dyn Store>);
        let server = Server::start_admitting(open, &config, Arc::new(clock.clone()), admission).await.unwrap();
        let channel = connect(&server);
        World { server: Some(server), clock, config, channel, directory }
    }

    /// Stops the server cleanly and starts it again on the same store.
    pub(crate) async fn restart(&mut self) {
        self.server.take().unwrap().stop().await.unwrap();
        self.start_again().await;
        self.cry().await;
    }

    /// Starts a server again, on the store of the one before or on another that the configuration names.
    pub(crate) async fn start_again(&mut self) {
        let server = Server::start(&self.config, Arc::new(self.clock.clone())).await.unwrap();
        self.channel = connect(&server);
        self.server = Some(server);
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn hub(&self) -> &devhub::hub::Hub {
        self.server().hub()
    }

    fn channel_as(&self, actor: &'static str) -> Caller {
        InterceptedService::new(self.channel.clone(), As(actor))
    }

    pub(crate) fn apis(&self, actor: &'static str) -> ApiServiceClient<Caller> {
        ApiServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn applications(&self, actor: &'static str) -> ApplicationServiceClient<Caller> {
        ApplicationServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn subscriptions(&self, actor: &'static str) -> SubscriptionServiceClient<Caller> {
        SubscriptionServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn schedules(&self, actor: &'static str) -> ScheduleServiceClient<Caller> {
        ScheduleServiceClient::new(self.channel_as(actor))
    }

    /// Makes one change of a lifecycle, as an operator.
    pub(crate) async fn change(&self, change: v1::LifecycleChange) -> Result<v1::ChangeLifecycleResponse, Status> {
        self.change_all(vec![change]).await
    }

    /// Makes changes of lifecycles in one commit, as an operator.
    pub(crate) async fn change_all(
        &self,
        changes: Vec<v1::LifecycleChange>,
    ) -> Result<v1::ChangeLifecycleResponse, Status> {
        let request = v1::ChangeLifecycleRequest { changes, ..Default::default() };
        let response = self.schedules(OPERATOR).change_lifecycle(request).await?.into_inner();
        self.cry().await;
        Ok(response)
    }

    /// The schedule of a target as of an instant, by what was announced.
    pub(crate) async fn schedule(
        &self,
        target: v1::ScheduleTarget,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<v1::GetScheduleResponse, Status> {
        let request = v1::GetScheduleRequest { target: Some(target), as_of: as_of.map(timestamp) };
        Ok(self.schedules(ADA).get_schedule(request).await?.into_inner())
    }

    pub(crate) fn gateway(&self) -> AuthorizationServiceClient<Caller> {
        AuthorizationServiceClient::new(self.channel_as(""))
    }

    pub(crate) fn fleet(&self, actor: &'static str) -> GatewayFleetServiceClient<Caller> {
        GatewayFleetServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn waivers(&self, actor: &'static str) -> WaiverServiceClient<Caller> {
        WaiverServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn credentials(&self, actor: &'static str) -> CredentialServiceClient<Caller> {
        CredentialServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn call_limits(&self, actor: &'static str) -> CallLimitServiceClient<Caller> {
        CallLimitServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn organisations(&self, actor: &'static str) -> OrganisationServiceClient<Caller> {
        OrganisationServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn app_versions(&self, actor: &'static str) -> AppVersionServiceClient<Caller> {
        AppVersionServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn listings(&self, actor: &'static str) -> ListingServiceClient<Caller> {
        ListingServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn installations(&self, actor: &'static str) -> InstallationServiceClient<Caller> {
        InstallationServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn maintenance(&self, actor: &'static str) -> MaintenanceServiceClient<Caller> {
        MaintenanceServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn approvals(&self, actor: &'static str) -> ApprovalServiceClient<Caller> {
        ApprovalServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn notices(&self, actor: &'static str) -> NoticeServiceClient<Caller> {
        NoticeServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn companies(&self, actor: &'static str) -> CompanyServiceClient<Caller> {
        CompanyServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn accounts(&self, actor: &'static str) -> ServiceAccountServiceClient<Caller> {
        ServiceAccountServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn migrations(&self) -> MigrationServiceClient<Caller> {
        MigrationServiceClient::new(self.channel_as(""))
    }

    pub(crate) fn classes(&self, actor: &'static str) -> CredentialClassServiceClient<Caller> {
        CredentialClassServiceClient::new(self.channel_as(actor))
    }

    pub(crate) fn announcements(&self, actor: &'static str) -> AnnouncementServiceClient<Caller> {
        AnnouncementServiceClient::new(self.channel_as(actor))
    }

    /// Gives all notices that are due. Changes of lifecycles and restarts do it too: otherwise the server's crier would
    /// commit at a moment that no test knows, and the clock may have moved by then.
    pub(crate) async fn cry(&self) {
        self.hub().cry(self.hub().now()).await.unwrap();
    }

    pub(crate) fn usage(&self) -> UsageServiceClient<Caller> {
        UsageServiceClient::new(self.channel_as(""))
    }

    pub(crate) fn facts(&self) -> FactServiceClient<Caller> {
        FactServiceClient::new(self.channel_as(""))
    }

    /// Registers the API of this world.
    pub(crate) async fn api(&self) {
        self.api_with(CONTEXT, "hmrc-mtd").await;
    }

    pub(crate) async fn api_with(&self, context: &str, policy: &str) {
        let api =
            v1::Api { context: context.into(), title: "An API".into(), policy: policy.into(), ..Default::default() };
        let request = v1::CreateApiRequest { api: Some(api), request_id: String::new() };
        self.apis(OPERATOR).create_api(request).await.unwrap();
    }

    pub(crate) async fn publish(&self, version: v1::ApiVersion) -> Result<v1::CreateApiVersionResponse, Status> {
        let request = v1::CreateApiVersionRequest { version: Some(version), ..Default::default() };
        Ok(self.apis(OPERATOR).create_api_version(request).await?.into_inner())
    }

    /// Publishes a version at one maturity in both environments.
    pub(crate) async fn version(&self, label: &str, maturity: v1::Maturity) {
        let deployments = [v1::Environment::Sandbox, v1::Environment::Production]
            .map(|environment| deployment(environment, maturity));
        self.publish(version(label, deployments.into())).await.unwrap();
    }

    /// The usual beginning: the API, a STABLE version 1.0, and Ada's sandbox application `app`.
    pub(crate) async fn usual() -> World {
        let world = World::new().await;
        world.api().await;
        world.version("1.0", v1::Maturity::Stable).await;
        world.application("app").await;
        world
    }

    /// Registers a sandbox application of Ada's, with a client id that can be guessed.
    pub(crate) async fn application(&self, id: &str) -> v1::Application {
        self.application_with(id, |_| {}).await.unwrap()
    }

    pub(crate) async fn application_with(
        &self,
        id: &str,
        change: impl FnOnce(&mut v1::Application),
    ) -> Result<v1::Application, Status> {
        let mut application = v1::Application {
            application_id: id.into(),
            client_id: client(id),
            name: format!("Application {id}"),
            environment: v1::Environment::Sandbox.into(),
            collaborators: vec![v1::Collaborator {
                email: "ada@example.com".into(),
                role: v1::Role::Administrator.into(),
            }],
            ..Default::default()
        };
        change(&mut application);
        let request = v1::CreateApplicationRequest { application: Some(application), request_id: String::new() };
        let response = self.applications(OPERATOR).create_application(request).await?.into_inner();
        Ok(response.application.unwrap())
    }

    pub(crate) async fn subscribe(
        &self,
        actor: &'static str,
        id: &str,
        label: &str,
    ) -> Result<v1::Subscription, Status> {
        let request = v1::SubscribeRequest {
            application_id: id.into(),
            context: CONTEXT.into(),
            version: label.into(),
            ..Default::default()
        };
        Ok(self.subscriptions(actor).subscribe(request).await?.into_inner().subscription.unwrap())
    }

    pub(crate) async fn unsubscribe(
        &self,
        actor: &'static str,
        id: &str,
        label: &str,
        acknowledge_one_way: bool,
    ) -> Result<v1::Subscription, Status> {
        let request = v1::UnsubscribeRequest {
            application_id: id.into(),
            context: CONTEXT.into(),
            version: label.into(),
            acknowledge_one_way,
            ..Default::default()
        };
        Ok(self.subscriptions(actor).unsubscribe(request).await?.into_inner().subscription.unwrap())
    }

    pub(crate) async fn subscription(&self, id: &str, label: &str) -> Result<v1::Subscription, Status> {
        let request =
            v1::GetSubscriptionRequest { application_id: id.into(), context: CONTEXT.into(), version: label.into() };
        Ok(self.subscriptions(ADA).get_subscription(request).await?.into_inner().subscription.unwrap())
    }

    /// Deprecates a version in the sandbox; `None` means now, and to be announced.
    pub(crate) async fn deprecate(
        &self,
        label: &str,
        deprecated_at: Option<DateTime<Utc>>,
        retires_at: Option<DateTime<Utc>>,
    ) -> Result<v1::DeprecateApiVersionResponse, Status> {
        self.deprecate_with(label, |request| {
            request.deprecate_time = deprecated_at.map(timestamp);
            request.retire_time = retires_at.map(timestamp);
        })
        .await
    }

    pub(crate) async fn deprecate_with(
        &self,
        label: &str,
        change: impl FnOnce(&mut v1::DeprecateApiVersionRequest),
    ) -> Result<v1::DeprecateApiVersionResponse, Status> {
        let mut request = v1::DeprecateApiVersionRequest {
            context: CONTEXT.into(),
            version: label.into(),
            environment: v1::Environment::Sandbox.into(),
            ..Default::default()
        };
        change(&mut request);
        let response = self.apis(OPERATOR).deprecate_api_version(request).await?.into_inner();
        self.cry().await;
        Ok(response)
    }

    pub(crate) async fn retire_with(
        &self,
        label: &str,
        change: impl FnOnce(&mut v1::RetireApiVersionRequest),
    ) -> Result<v1::RetireApiVersionResponse, Status> {
        let mut request = v1::RetireApiVersionRequest {
            context: CONTEXT.into(),
            version: label.into(),
            environment: v1::Environment::Sandbox.into(),
            ..Default::default()
        };
        change(&mut request);
        let response = self.apis(OPERATOR).retire_api_version(request).await?.into_inner();
        self.cry().await;
        Ok(response)
    }

    pub(crate) async fn authorize(&self, id: &str, label: &str) -> v1::AuthorizeResponse {
        self.gateway().authorize(question(id, label)).await.unwrap().into_inner()
    }

    /// Verdict and reason in one word each.
    pub(crate) async fn decision(&self, id: &str, label: &str) -> String {
        words(&self.authorize(id, label).await)
    }

    /// All facts that match, oldest first.
    pub(crate) async fn all_facts(&self, filter: v1::FactFilter) -> Vec<v1::Fact> {
        let mut facts = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListFactsRequest { filter: Some(filter.clone()), page_size: 200, page_token };
            let page = self.facts().list_facts(request).await.unwrap().into_inner();
            facts.extend(page.facts);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return facts;
            }
        }
    }
}

/// Copies a directory with all that lies in it.
pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn connect(server: &Server) -> Channel {
    Channel::from_shared(format!("http://{}", server.address)).unwrap().connect_lazy()
}

/// A version of this world's API in the sandbox, as a target of changes.
pub(crate) fn target(label: &str) -> v1::ScheduleTarget {
    let name = v1::VersionName { context: CONTEXT.into(), version: label.into() };
    v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Version(name)),
    }
}

/// One step for one target.
pub(crate) fn step(target: v1::ScheduleTarget, step: v1::lifecycle_change::Step) -> v1::LifecycleChange {
    v1::LifecycleChange { target: Some(target), step: Some(step), ..Default::default() }
}

/// This date.
pub(crate) fn at(instant: DateTime<Utc>) -> Option<v1::NewInstant> {
    Some(v1::NewInstant { value: Some(v1::new_instant::Value::Time(timestamp(instant))) })
}

/// No date yet.
pub(crate) fn to_be_announced() -> Option<v1::NewInstant> {
    Some(v1::NewInstant { value: Some(v1::new_instant::Value::ToBeAnnounced(true)) })
}

/// The client id of a test's application.
pub(crate) fn client(id: &str) -> String {
    format!("client-{id}")
}

pub(crate) fn question(id: &str, label: &str) -> v1::AuthorizeRequest {
    v1::AuthorizeRequest {
        client_id: client(id),
        context: CONTEXT.into(),
        version: label.into(),
        environment: v1::Environment::Sandbox.into(),
        min_revision: 0,
        ..Default::default()
    }
}

pub(crate) fn words(decision: &v1::AuthorizeResponse) -> String {
    let strip = |text: &str, prefix: &str| text.strip_prefix(prefix).unwrap().to_owned();
    let verdict = strip(decision.verdict().as_str_name(), "VERDICT_");
    format!("{verdict} {}", strip(decision.reason().as_str_name(), "DECISION_REASON_"))
}
