//! The way to a hub: where it is, who asks, how long to wait.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use devhub_proto::v1::announcement_service_client::AnnouncementServiceClient;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::app_version_service_client::AppVersionServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::approval_service_client::ApprovalServiceClient;
use devhub_proto::v1::audit_service_client::AuditServiceClient;
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
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::access::refuse_address;

/// Largest answer that is read, in bytes: a page of versions with all their endpoints.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Options of every command that talks to a hub.
#[derive(Debug, Clone, Args)]
pub struct Connection {
    /// The hub to talk to
    #[arg(long, env = "DEVHUB_SERVER", default_value = "http://127.0.0.1:50051", value_name = "URL")]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub server: String,
    /// Who you are: operator:NAME, collaborator:E-MAIL or process:NAME [default: operator:$USER]
    #[arg(long, env = "DEVHUB_ACTOR", value_name = "ACTOR")]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub actor: Option<String>,
    /// How long to wait for an answer, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub timeout: u64,
    /// File of the token that proves who you are; --actor then says nothing
    #[arg(long, env = "DEVHUB_TOKEN_FILE", value_name = "FILE")]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub token_file: Option<PathBuf>,
    /// Who signs the certificate of the hub (PEM) [default: whom the operating system trusts]
    #[arg(long, env = "DEVHUB_TLS_CA", value_name = "FILE")]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub tls_ca: Option<PathBuf>,
    /// Certificate that proves who you are (PEM), for https:// addresses
    #[arg(long, env = "DEVHUB_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub tls_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, env = "DEVHUB_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    #[arg(global = true, help_heading = super::EVERYWHERE)]
    pub tls_key: Option<PathBuf>,
}

/// A connected hub.
#[derive(Debug, Clone)]
pub struct Hub {
    channel: Channel,
    stamp: ActorStamp,
    actor: String,
}

/// A channel on which every call says who makes it.
pub type Stamped = InterceptedService<Channel, ActorStamp>;

impl Connection {
    /// Connects to the hub.
    ///
    /// # Errors
    /// When the options are wrong or nobody answers.
    pub async fn hub(&self) -> Result<Hub> {
        self.connect(Some(Duration::from_secs(self.timeout))).await
    }

    /// Connects to the hub for a stream that may be silent for any time.
    ///
    /// # Errors
    /// When the options are wrong or nobody answers.
    pub async fn hub_without_timeout(&self) -> Result<Hub> {
        self.connect(None).await
    }

    async fn connect(&self, timeout: Option<Duration>) -> Result<Hub> {
        let actor = self.actor()?;
        let said = actor.parse().map_err(|_| anyhow!("the actor {actor:?} is not plain ASCII"))?;
        let stamp = ActorStamp { actor: said, bearer: self.bearer()?, deadline: timeout };
        let tls = self.tls()?;
        let endpoint = Endpoint::from_shared(self.server.clone())
            .ok()
            .filter(|endpoint| endpoint.uri().scheme().is_some() && endpoint.uri().host().is_some())
            .with_context(|| format!("--server {:?} is no address; write it like http://127.0.0.1:50051", self.server))?
            .connect_timeout(Duration::from_secs(self.timeout));
        let endpoint = match tls {
            Some(tls) => endpoint.tls_config(tls).context("--tls-ca, --tls-cert and --tls-key cannot be used")?,
            None => endpoint,
        };
        let endpoint = match timeout {
            Some(timeout) => endpoint.timeout(timeout),
            None => endpoint,
        };
        let channel = endpoint.connect().await.with_context(|| {
            format!(
                "no hub answers at {}; start one with `devhub serve` or `devhub demo`, or name another with --server \
                 or DEVHUB_SERVER",
                self.server
            )
        })?;
        Ok(Hub { channel, stamp, actor })
    }

    /// The token, as it is sent.
    fn bearer(&self) -> Result<Option<MetadataValue<Ascii>>> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let server = self.server.parse().ok();
        ensure!(
            server.is_none_or(|server| refuse_address(&server).is_none()),
            "--token-file is for https:// and loopback addresses; on the way to {} everybody could read the token",
            self.server
        );
        let text =
            std::fs::read_to_string(path).with_context(|| format!("--token-file {} cannot be read", path.display()))?;
        let token = text.trim();
        let mut bearer: MetadataValue<Ascii> = format!("Bearer {token}")
            .parse()
            .ok()
            .filter(|_| !token.is_empty() && !token.contains(char::is_whitespace))
            .with_context(|| format!("--token-file {} holds no token; write it there alone", path.display()))?;
        bearer.set_sensitive(true);
        Ok(Some(bearer))
    }

    /// How to speak TLS, where the address asks for it.
    fn tls(&self) -> Result<Option<ClientTlsConfig>> {
        let given = self.tls_ca.is_some() || self.tls_cert.is_some();
        if !self.server.starts_with("https://") {
            // What would be sent unprotected was meant to be protected.
            ensure!(!given, "--tls-ca and --tls-cert are for https:// addresses, and --server is {}", self.server);
            return Ok(None);
        }
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
        let tls = match &self.tls_ca {
            Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                Ok(Some(tls.identity(Identity::from_pem(read(certificate)?, read(key)?))))
            }
            (None, None) => Ok(Some(tls)),
            (Some(_), None) | (None, Some(_)) => bail!("--tls-cert and --tls-key belong together; give both"),
        }
    }

    fn actor(&self) -> Result<String> {
        let actor = match &self.actor {
            Some(actor) => actor.clone(),
            None => default_actor(std::env::var("USER").ok()),
        };
        let known = ["operator:", "collaborator:", "process:"].into_iter().any(|kind| {
            actor.strip_prefix(kind).is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()))
        });
        if known {
            return Ok(actor);
        }
        bail!(
            "--actor {actor:?} says nobody; write operator:NAME, collaborator:E-MAIL or process:NAME, for example \
             operator:jane"
        )
    }
}

/// An operator with the name of the account; characters that an actor cannot have are left out.
fn default_actor(user: Option<String>) -> String {
    let name: String = user
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(64)
        .collect();
    format!("operator:{}", if name.is_empty() { "unnamed" } else { &name })
}

/// Says on every call who makes it and how long it is waited for, and proves who it is where there is a token.
#[derive(Debug, Clone)]
pub struct ActorStamp {
    actor: MetadataValue<Ascii>,
    bearer: Option<MetadataValue<Ascii>>,
    deadline: Option<Duration>,
}

impl Interceptor for ActorStamp {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("devhub-actor", self.actor.clone());
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        Ok(request)
    }
}

macro_rules! clients {
    ($($(#[$doc:meta])* $method:ident: $client:ident),+ $(,)?) => {
        impl Hub {
            $(
                $(#[$doc])*
                pub fn $method(&self) -> $client<Stamped> {
                    $client::new(InterceptedService::new(self.channel.clone(), self.stamp.clone()))
                        .max_decoding_message_size(ANSWER_BYTES_MAX)
                }
            )+
        }
    };
}

clients!(
    /// APIs and their versions.
    apis: ApiServiceClient,
    /// Applications.
    applications: ApplicationServiceClient,
    /// Subscriptions and access requests.
    subscriptions: SubscriptionServiceClient,
    /// Decisions.
    authorization: AuthorizationServiceClient,
    /// The audit trail.
    facts: FactServiceClient,
    /// What proves that it was not changed.
    audit: AuditServiceClient,
    /// Who still calls what.
    usage: UsageServiceClient,
    /// Lifecycles and their ledger.
    schedules: ScheduleServiceClient,
    /// Dated exceptions.
    waivers: WaiverServiceClient,
    /// Announcements.
    announcements: AnnouncementServiceClient,
    /// Notices.
    notices: NoticeServiceClient,
    /// Secrets of applications.
    credentials: CredentialServiceClient,
    /// What gateways enforce for an application.
    call_limits: CallLimitServiceClient,
    /// Developer organisations.
    organisations: OrganisationServiceClient,
    /// Versions of applications.
    app_versions: AppVersionServiceClient,
    /// The marketplace.
    listings: ListingServiceClient,
    /// What companies run.
    installations: InstallationServiceClient,
    /// Gateways that follow.
    gateways: GatewayFleetServiceClient,
    /// What takes two persons.
    approvals: ApprovalServiceClient,
    /// Maintenance windows.
    maintenance: MaintenanceServiceClient,
    /// Companies and their projects.
    companies: CompanyServiceClient,
    /// Traditional service accounts.
    service_accounts: ServiceAccountServiceClient,
    /// The dates of traditional service accounts.
    credential_class: CredentialClassServiceClient,
    /// Who is how far away from traditional service accounts.
    migrations: MigrationServiceClient,
);

impl Hub {
    /// Who asks.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

/// A request id that nobody has used: what is asked for again is asked for anew.
pub fn new_request_id() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    format!("{:032x}", u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_names_the_operator() {
        assert_eq!(default_actor(Some("jane".to_owned())), "operator:jane");
        assert_eq!(default_actor(Some("CORP\\jane doe".to_owned())), "operator:CORPjanedoe");
        assert_eq!(default_actor(None), "operator:unnamed");
    }

    #[test]
    fn an_actor_must_say_somebody() {
        let connection = |actor: &str| Connection {
            server: "http://127.0.0.1:1".to_owned(),
            actor: Some(actor.to_owned()),
            timeout: 1,
            token_file: None,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        };
        for actor in ["jane", "operator:", "admin:jane", "operator:jane doe", "operator:j\u{e9}"] {
            let sentence = connection(actor).actor().expect_err(actor).to_string();
            assert!(sentence.contains("operator:jane"), "{sentence}");
        }
        assert!(connection("collaborator:ada@example.com").actor().is_ok());
    }
}
