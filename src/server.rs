//! Puts the rooms together: opens the store, loads the hub, listens, and drains when told to stop.

mod asked;
mod deadline;
mod gate;
mod pool;
mod rounds;
mod sealing;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use chrono::TimeDelta;
use devhub_decision::Limits;
use devhub_proto::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use devhub_proto::v1;
use devhub_proto::v1::announcement_service_server::AnnouncementServiceServer;
use devhub_proto::v1::api_service_server::ApiServiceServer;
use devhub_proto::v1::app_version_service_server::AppVersionServiceServer;
use devhub_proto::v1::application_service_server::ApplicationServiceServer;
use devhub_proto::v1::approval_service_server::ApprovalServiceServer;
use devhub_proto::v1::audit_service_server::AuditServiceServer;
use devhub_proto::v1::authorization_service_server::AuthorizationServiceServer;
use devhub_proto::v1::call_limit_service_server::CallLimitServiceServer;
use devhub_proto::v1::company_service_server::CompanyServiceServer;
use devhub_proto::v1::credential_class_service_server::CredentialClassServiceServer;
use devhub_proto::v1::credential_service_server::CredentialServiceServer;
use devhub_proto::v1::fact_service_server::FactServiceServer;
use devhub_proto::v1::gateway_fleet_service_server::GatewayFleetServiceServer;
use devhub_proto::v1::gateway_sync_service_server::GatewaySyncServiceServer;
use devhub_proto::v1::installation_service_server::InstallationServiceServer;
use devhub_proto::v1::listing_service_server::ListingServiceServer;
use devhub_proto::v1::maintenance_service_server::MaintenanceServiceServer;
use devhub_proto::v1::migration_service_server::MigrationServiceServer;
use devhub_proto::v1::notice_service_server::NoticeServiceServer;
use devhub_proto::v1::organisation_service_server::OrganisationServiceServer;
use devhub_proto::v1::schedule_service_server::ScheduleServiceServer;
use devhub_proto::v1::service_account_service_server::ServiceAccountServiceServer;
use devhub_proto::v1::subscription_service_server::SubscriptionServiceServer;
use devhub_proto::v1::usage_service_server::UsageServiceServer;
use devhub_proto::v1::waiver_service_server::WaiverServiceServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::access::{self, Admission, Door, Spoken, USER_TOKEN};
use crate::audit::Standing;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::policy::Policies;
use crate::domain::setting::{ProductionDeletion, ProductionSubscriptions, Rules};
use crate::gateway::{AuthorizationRpc, DecisionLog, EnvoyRpc, Fleet, GatewayFleetRpc, Judge, Pace, SyncRpc};
use crate::hub::Hub;
use crate::listener::{Listener, Manners, drained, listen, wait};
use crate::rpc::{
    AnnouncementRpc, ApiRpc, AppVersionRpc, ApplicationRpc, ApprovalRpc, AuditRpc, CallLimitRpc, CompanyRpc,
    CredentialClassRpc, CredentialRpc, FactRpc, InstallationRpc, ListingRpc, MaintenanceRpc, MigrationRpc, NoticeRpc,
    OrganisationRpc, ScheduleRpc, ServiceAccountRpc, SubscriptionRpc, UsageRpc, WaiverRpc,
};
use crate::secret::{self, Peppers, Seals};
use crate::store::embedded::{Embedded, Options};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

/// Names under which health is reported, besides that of the whole server.
const SERVICES: [&str; 26] = [
    "devhub.v1.ApiService",
    "devhub.v1.ApplicationService",
    "devhub.v1.SubscriptionService",
    "devhub.v1.AuthorizationService",
    "devhub.v1.FactService",
    "devhub.v1.ScheduleService",
    "devhub.v1.UsageService",
    "devhub.v1.WaiverService",
    "devhub.v1.CompanyService",
    "devhub.v1.MigrationService",
    "devhub.v1.ServiceAccountService",
    "devhub.v1.CredentialClassService",
    "devhub.v1.AnnouncementService",
    "devhub.v1.NoticeService",
    "devhub.v1.CredentialService",
    "devhub.v1.CallLimitService",
    "devhub.v1.OrganisationService",
    "devhub.v1.InstallationService",
    "devhub.v1.AppVersionService",
    "devhub.v1.ListingService",
    "devhub.v1.MaintenanceService",
    "envoy.service.auth.v3.Authorization",
    "devhub.v1.GatewaySyncService",
    "devhub.v1.AuditService",
    "devhub.v1.GatewayFleetService",
    "devhub.v1.ApprovalService",
];

/// Largest reply, in bytes. Pages are closed at a quarter of it, so that one more large item still fits.
const REPLY_BYTES_MAX: usize = 4 << 20;

/// A running server.
pub struct Server {
    /// Where gRPC and gRPC-Web are served.
    pub address: SocketAddr,
    /// Where metrics and health are served.
    pub admin_address: SocketAddr,
    /// Where gateways ask by HTTP, if they can.
    pub gateway_address: Option<SocketAddr>,
    hub: Hub,
    door: Arc<Door>,
    drain: Duration,
    stop: watch::Sender<bool>,
    health: HealthReporter,
    decisions: Option<Arc<DecisionLog>>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

/// The rules that a configuration states.
///
/// # Errors
/// When the policies file cannot be read or is not acceptable.
pub fn rules(config: &Config) -> anyhow::Result<Rules> {
    let mut policies = Policies::built_in();
    if let Some(file) = &config.policies {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read policies file {}", file.display()))?;
        policies.extend(&text).with_context(|| format!("policies file {}", file.display()))?;
    }
    let production_subscriptions = if config.lock_production_subscriptions {
        ProductionSubscriptions::Locked
    } else {
        ProductionSubscriptions::Open
    };
    let production_deletion =
        if config.production_deletion { ProductionDeletion::Open } else { ProductionDeletion::Restricted };
    Ok(Rules {
        policies,
        restore_window_days: config.restore_window_days,
        production_subscriptions,
        production_deletion,
        disuse: config.disuse.clone(),
        two_persons: config.two_persons(),
        quotas: config.bounds.quotas,
    })
}

/// The peppers that a configuration names, if it names any.
///
/// # Errors
/// When they cannot be read, or lie where a copy of the data takes them along.
fn peppers(config: &Config) -> anyhow::Result<Option<Arc<Peppers>>> {
    let Some(file) = &config.pepper_file else { return Ok(None) };
    sealing::apart("pepper_file", file, &config.data_dir)?;
    Ok(Some(Arc::new(secret::read(file).context("pepper_file")?)))
}

/// The log of decisions that a configuration names, if it names one.
///
/// # Errors
/// When its file cannot be written.
fn decision_log(config: &Config, metrics: &Metrics) -> anyhow::Result<Option<Arc<DecisionLog>>> {
    let Some(sampling) = &config.audit.sampling else { return Ok(None) };
    let started = DecisionLog::start(sampling, metrics.clone());
    let log = started.with_context(|| format!("cannot write {} (decision_log_file)", sampling.file.display()))?;
    Ok(Some(Arc::new(log)))
}

impl Server {
    /// Opens the store in the data directory, verifies it, loads the hub, and serves.
    ///
    /// # Errors
    /// When the store cannot be opened, a policy is missing, or an address cannot be listened on.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Server> {
        let options = Options {
            queue_batches_max: config.write_queue,
            free_bytes_min: config.low_water_bytes,
            ..Options::default()
        };
        let directory = config.data_dir.clone();
        Server::start_with(move || Ok(Arc::new(Embedded::open(directory, options)?)), config, clock).await
    }

    /// Serves the store that `open` opens. Liveness is told while it is being opened; readiness, and the first answer
    /// to a gateway, wait until it is verified and the table is loaded.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(
        open: impl FnOnce() -> Result<Arc<dyn Store>, StoreError> + Send + 'static,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Server> {
        Server::start_admitting(open, config, clock, Admission::proven()).await
    }

    /// As [`Server::start_with`], for the callers that `admission` lets through.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_admitting(
        open: impl FnOnce() -> Result<Arc<dyn Store>, StoreError> + Send + 'static,
        config: &Config,
        clock: Arc<dyn Clock>,
        admission: Admission,
    ) -> anyhow::Result<Server> {
        let (rules, peppers) = (rules(config)?, peppers(config)?);
        let admin = TcpListener::bind(config.admin_listen)
            .await
            .with_context(|| format!("cannot listen on {} (admin_listen)", config.admin_listen))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {} (listen)", config.listen))?;
        let (address, admin_address) = (listener.local_addr()?, admin.local_addr()?);
        let (stop, stopping) = watch::channel(false);
        let metrics = Metrics::default();
        let door = Arc::new(Door::open(config.access.clone(), Arc::clone(&clock), metrics.clone()).await?);
        let asked = asked::Asked::start(config, &door, &metrics, &stopping).await?;
        let gateway_address = asked.as_ref().map(|asked| asked.address);
        let ready = Arc::new(OnceLock::new());
        let admin_app = admin_routes(Arc::clone(&ready), metrics.clone(), stopping.clone());
        let signal = wait(stopping.clone());
        let administering = tokio::spawn(async move {
            axum::serve(admin, admin_app).with_graceful_shutdown(signal).await.context("the admin listener failed")
        });

        let gate = gate::Gate::default();
        let manners = Manners {
            bounds: config.limits.calls(config),
            spoken: Spoken::Calls,
            door: Some(Arc::clone(&door)),
            metrics: metrics.clone(),
        };
        let serving = tokio::spawn(listen(Listener::Tcp(listener), manners, gate.answers(), stopping.clone()));

        let needed = peppers.clone();
        let opening = tokio::task::spawn_blocking(move || -> anyhow::Result<Hub> {
            let hub = Hub::open(open()?, rules, clock)?;
            for (pepper, secrets) in hub.missing_peppers(needed.as_deref())? {
                tracing::error!(%pepper, secrets, "pepper_file lacks a pepper: the secrets under it do not verify");
            }
            Ok(hub)
        });
        let hub = opening.await??;
        if let Some(peppers) = peppers.as_deref() {
            hub.set_page_seals(Seals::of_pages(peppers));
        }
        hub.usage().set_held_max(config.usage_entries_max);
        let bounds = &config.bounds;
        let failures = TimeDelta::seconds(i64::from(bounds.verification_failures_seconds));
        hub.attempts().set_limits(bounds.verification_failures_max, failures);
        hub.change_rate().set(bounds.changes_per_minute);
        let ttl = TimeDelta::seconds(i64::from(config.decision_ttl_seconds));
        let limits = Limits::new(ttl, ttl).context("decision_ttl_seconds must be at least 1")?;
        let (health, health_service) = tonic_health::server::health_reporter();
        let decisions = decision_log(config, &metrics)?;
        let judge = Judge::new(hub.clone(), limits, metrics.clone()).logging(decisions.clone());
        let sealing = sealing::Sealing::of(config, &hub)?;
        let standing = sealing.as_ref().map(sealing::Sealing::standing);
        let pools = Arc::new(pool::Pools::new(config, metrics.clone()));
        let parts = Parts { hub: hub.clone(), judge: judge.clone(), limits, peppers, standing, metrics };
        let services = services(parts, config, &stopping).add_service(health_service);
        let services = web(services, &door, admission, pools, config)?;
        door.heed(hub.revoked());

        let housekeeping = tokio::spawn(rounds::keep_house(hub.clone(), stopping.clone()));
        let every = Duration::from_secs(u64::from(config.usage_flush_seconds));
        let noting = tokio::spawn(rounds::note_usage(hub.clone(), every, stopping.clone()));
        let recording = tokio::spawn(rounds::record_first_uses(hub.clone(), every, stopping.clone()));
        let crying = tokio::spawn(rounds::cry(hub.clone(), stopping.clone()));
        let sealing = sealing.map(|sealing| tokio::spawn(sealing.run(hub.clone(), stopping.clone())));
        let watching = tokio::spawn(rounds::watch_access(Arc::clone(&door), stopping.clone()));
        let caring = tokio::spawn(rounds::take_care(hub.clone(), stopping));

        for service in SERVICES {
            health.set_service_status(service, ServingStatus::Serving).await;
        }
        health.set_service_status("", ServingStatus::Serving).await;
        gate.open(services);
        let asking = asked.map(|asked| asked.open(judge));
        let _ = ready.set(hub.clone());
        let drain = Duration::from_secs(u64::from(config.drain_seconds));
        Ok(Server {
            address,
            admin_address,
            gateway_address,
            hub,
            door,
            drain,
            stop,
            health,
            decisions,
            tasks: [serving, administering, housekeeping, noting, recording, crying, watching, caring]
                .into_iter()
                .chain(asking)
                .chain(sealing)
                .collect(),
        })
    }

    /// The hub behind the server.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Reads certificates and the keys of issuers again, now. Who is served and proved by what is replaced is not any more.
    pub async fn reload_access(&self) {
        self.door.reload().await;
    }

    /// Stops: health says so first, calls in flight may finish within the drain time, streams end with a status that
    /// tells followers to resume elsewhere.
    ///
    /// # Errors
    /// When a listener had failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        for service in SERVICES {
            self.health.set_service_status(service, ServingStatus::NotServing).await;
        }
        self.health.set_service_status("", ServingStatus::NotServing).await;
        self.stop.send_replace(true);
        // A call that is cut off may still be answered, and nobody counts it then.
        let drained = drained(self.tasks, self.drain, || self.hub.usage().lose()).await;
        // However the rest ended: after the last call that could be counted.
        rounds::record_last_first_uses(&self.hub, self.drain).await;
        rounds::note_refusals(&self.hub, None).await;
        rounds::close_usage(&self.hub).await;
        if let Some(decisions) = self.decisions {
            // Its thread answers as soon as it has written what waits.
            let _ = tokio::task::spawn_blocking(move || decisions.flush()).await;
        }
        drained
    }
}

/// What services are made of.
pub(crate) struct Parts {
    pub(crate) hub: Hub,
    pub(crate) judge: Judge,
    pub(crate) limits: Limits,
    pub(crate) peppers: Option<Arc<Peppers>>,
    pub(crate) standing: Option<Arc<Standing>>,
    pub(crate) metrics: Metrics,
}

pub(crate) fn services(parts: Parts, config: &Config, stopping: &watch::Receiver<bool>) -> Routes {
    let Parts { hub, judge, limits, peppers, standing, metrics } = parts;
    macro_rules! bounded {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(config.max_request_bytes)
                .max_encoding_message_size(REPLY_BYTES_MAX)
        };
    }
    let envoy = EnvoyRpc::new(judge.clone(), config.gateway.clone());
    let authorization = AuthorizationRpc::new(judge, hub.clone(), limits);
    let seals = peppers.as_deref().map_or_else(Seals::generate, Seals::of);
    let followed = &config.sync;
    let fleet = Fleet::new(followed.streams_max as usize);
    metrics.tell_of(fleet.clone());
    let pace = Pace {
        patience: Duration::from_secs(u64::from(config.request_timeout_seconds)),
        snapshots_max: followed.snapshots_max as usize,
        snapshot_time_max: Duration::from_secs(u64::from(followed.snapshot_seconds_max)),
    };
    let sync = SyncRpc::new(hub.clone(), limits, seals, pace, fleet.clone(), metrics.clone(), stopping.clone());
    let account = ServiceAccountRpc::new(hub.clone(), peppers.clone(), stopping.clone());
    let credential = CredentialRpc::new(hub.clone(), peppers, metrics.clone());
    let mut routes = Routes::new(bounded!(AuthorizationServiceServer, authorization))
        .add_service(bounded!(AuthorizationServer, envoy))
        .add_service(bounded!(GatewaySyncServiceServer, sync))
        .add_service(bounded!(GatewayFleetServiceServer, GatewayFleetRpc::new(hub.clone(), fleet)))
        .add_service(bounded!(ApiServiceServer, ApiRpc::new(hub.clone())))
        .add_service(bounded!(ApplicationServiceServer, ApplicationRpc::new(hub.clone())))
        .add_service(bounded!(SubscriptionServiceServer, SubscriptionRpc::new(hub.clone(), stopping.clone())))
        .add_service(bounded!(ScheduleServiceServer, ScheduleRpc::new(hub.clone(), limits)))
        .add_service(bounded!(UsageServiceServer, UsageRpc::new(hub.clone())))
        .add_service(bounded!(WaiverServiceServer, WaiverRpc::new(hub.clone())))
        .add_service(bounded!(MigrationServiceServer, MigrationRpc::new(hub.clone())))
        .add_service(bounded!(CompanyServiceServer, CompanyRpc::new(hub.clone())))
        .add_service(bounded!(ServiceAccountServiceServer, account))
        .add_service(bounded!(CredentialClassServiceServer, CredentialClassRpc::new(hub.clone())))
        .add_service(bounded!(AnnouncementServiceServer, AnnouncementRpc::new(hub.clone())))
        .add_service(bounded!(CredentialServiceServer, credential))
        .add_service(bounded!(CallLimitServiceServer, CallLimitRpc::new(hub.clone())))
        .add_service(bounded!(InstallationServiceServer, InstallationRpc::new(hub.clone(), stopping.clone())))
        .add_service(bounded!(OrganisationServiceServer, OrganisationRpc::new(hub.clone())))
        .add_service(bounded!(AppVersionServiceServer, AppVersionRpc::new(hub.clone())))
        .add_service(bounded!(ListingServiceServer, ListingRpc::new(hub.clone())))
        .add_service(bounded!(MaintenanceServiceServer, MaintenanceRpc::new(hub.clone())))
        .add_service(bounded!(NoticeServiceServer, NoticeRpc::new(hub.clone(), stopping.clone())))
        .add_service(bounded!(ApprovalServiceServer, ApprovalRpc::new(hub.clone(), config.break_glass_file.clone())))
        .add_service(bounded!(AuditServiceServer, AuditRpc::new(standing)))
        .add_service(bounded!(FactServiceServer, FactRpc::new(hub.clone(), stopping.clone())));
    if config.reflection {
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(v1::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes = routes
            .add_service(builder().build_v1().expect("the compiled descriptors are complete"))
            .add_service(builder().build_v1alpha().expect("the compiled descriptors are complete"));
    }
    routes
}

/// gRPC and gRPC-Web on the same routes, the latter for the configured origins.
fn web(
    services: Routes,
    door: &Arc<Door>,
    admission: Admission,
    pools: Arc<pool::Pools>,
    config: &Config,
) -> anyhow::Result<Router> {
    let origins = config
        .cors_origins
        .iter()
        .map(|origin| origin.parse::<HeaderValue>().with_context(|| format!("cors_origins: {origin:?} is no origin")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let exposed = ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
    let allowed =
        ["content-type", "x-grpc-web", "x-user-agent", "grpc-timeout", "authorization", crate::rpc::parse::ACTOR]
            .map(HeaderName::from_static)
            .into_iter()
            .chain([USER_TOKEN]);
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers(allowed.collect::<Vec<_>>())
        .expose_headers(exposed)
        .max_age(Duration::from_secs(3600));
    let admit = from_fn(move |request, next| admission.clone().admit(request, next));
    let door = from_fn_with_state(Arc::clone(door), access::admit);
    let bound = from_fn_with_state(pools, pool::bound);
    Ok(services
        .into_axum_router()
        .layer(bound)
        .layer(admit)
        .layer(door)
        .layer(tonic_web::GrpcWebLayer::new())
        .layer(cors))
}

fn admin_routes(ready: Arc<OnceLock<Hub>>, metrics: Metrics, stopping: watch::Receiver<bool>) -> Router {
    let unavailable = |text: &str| (StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
    let for_metrics = Arc::clone(&ready);
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route(
            "/readyz",
            get(async move || {
                let Some(hub) = ready.get() else { return unavailable("the store is being verified and loaded\n") };
                if *stopping.borrow() {
                    return unavailable("stopping\n");
                }
                // Decisions go on while writes do not: that is a warning to operators, not a reason to take the hub
                // out of service.
                if hub.is_held() {
                    return unavailable("restored, waits for operators to confirm that: devhub confirm-restore\n");
                }
                match hub.store().write_trouble() {
                    Some(trouble) => (StatusCode::OK, format!("ready for decisions; writes are refused: {trouble}\n")),
                    None => (StatusCode::OK, "ready\n".to_owned()),
                }
            }),
        )
        .route(
            "/metrics",
            get(async move || match for_metrics.get() {
                Some(hub) => (StatusCode::OK, metrics.render(hub)),
                None => unavailable("the store is being verified and loaded\n"),
            }),
        )
}
