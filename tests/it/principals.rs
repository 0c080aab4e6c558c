//! Who calls: each kind of caller is who its credentials say, and nobody becomes one by what it says itself.

use chrono::{DateTime, Utc};
use devhub::access::ClientCertificates;
use devhub::access::proof::Portals;
use devhub::config::Config;
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::fact_service_client::FactServiceClient;
use serde_json::json;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::enduring::admin;
use crate::pki::{Authority, Files, Pair, Signer, key_set, secure, trusted_file};
use crate::world::{World, ms, reason, refused};

/// What a caller shows with every call, and what it says of itself besides.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    pub(crate) bearer: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) says: Option<&'static str>,
}

impl Shown {
    pub(crate) fn bearer(token: String) -> Shown {
        Shown { bearer: Some(token), ..Shown::default() }
    }

    pub(crate) fn user(token: String) -> Shown {
        Shown { user: Some(token), ..Shown::default() }
    }

    fn and_user(self, token: String) -> Shown {
        Shown { user: Some(token), ..self }
    }

    fn saying(self, actor: &'static str) -> Shown {
        Shown { says: Some(actor), ..self }
    }
}

impl Interceptor for Shown {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        if let Some(token) = &self.bearer {
            metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        if let Some(token) = &self.user {
            metadata.insert("devhub-user-token", token.parse().unwrap());
        }
        if let Some(actor) = self.says {
            metadata.insert("devhub-actor", actor.parse().unwrap());
        }
        Ok(request)
    }
}

pub(crate) type Way = InterceptedService<Channel, Shown>;

/// A hub whose callers prove who they are, an authority and an issuer that it trusts.
pub(crate) struct Guarded {
    pub(crate) world: World,
    pub(crate) files: Files,
    pub(crate) ca: Authority,
    pub(crate) signer: Signer,
}

impl Guarded {
    pub(crate) async fn new() -> Guarded {
        Guarded::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Guarded {
        let (files, ca, signer) = (Files::new(), Authority::new("ours"), Signer::new("first"));
        files.write_server(&ca.server(), &ca.pem);
        files.write("keys.json", &key_set(&[&signer]));
        let world = World::with(|config| {
            config.access.issuers = vec![trusted_file(&files.path("keys.json"))];
            config.access.tls = Some(files.tls(ClientCertificates::Optional));
            config.access.portals = Portals::Needed;
            config.gateway.listen = "127.0.0.1:0".parse().ok();
            config.gateway.reading.identity = vec!["header:x-client-id".parse().unwrap()];
            change(config);
        })
        .await;
        Guarded { world, files, ca, signer }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        devhub::clock::Clock::now(&self.world.clock)
    }

    /// A connection with a certificate or without.
    pub(crate) fn channel(&self, pair: Option<&Pair>) -> Channel {
        secure(self.world.server().address, &self.ca.pem, pair)
    }

    /// A connection of a caller that its certificate names.
    pub(crate) fn certified(&self, uri: &str) -> Channel {
        self.channel(Some(&self.ca.caller(uri)))
    }

    pub(crate) fn way(&self, channel: Channel, shown: Shown) -> Way {
        InterceptedService::new(channel, shown)
    }

    pub(crate) fn token(&self, role: &str, sub: &str, more: serde_json::Value) -> String {
        self.signer.token(role, sub, more, self.now())
    }

    pub(crate) fn operator(&self) -> String {
        self.token("operator", "olga", json!({}))
    }

    pub(crate) fn developer(&self) -> String {
        self.token("developer", "7", json!({"email": "ada@example.com"}))
    }

    pub(crate) fn portal(&self) -> String {
        self.token("portal", "main", json!({}))
    }

    pub(crate) fn gateway(&self, environment: &str) -> String {
        self.token("gateway", "edge", json!({"environment": environment}))
    }

    /// Lists APIs: what everybody may who is somebody.
    pub(crate) async fn list(&self, channel: Channel, shown: Shown) -> Result<(), Status> {
        ApiServiceClient::new(self.way(channel, shown)).list_apis(v1::ListApisRequest::default()).await.map(|_| ())
    }

    /// Who is said to have registered an application with these credentials.
    async fn registers(&self, channel: Channel, shown: Shown, id: &str) -> Result<String, Status> {
        let email = "ada@example.com".to_owned();
        let application = v1::Application {
            application_id: id.into(),
            client_id: format!("client-{id}"),
            name: format!("Application {id}"),
            environment: v1::Environment::Sandbox.into(),
            collaborators: vec![v1::Collaborator { email, role: v1::Role::Administrator.into() }],
            ..Default::default()
        };
        let request = v1::CreateApplicationRequest { application: Some(application), request_id: String::new() };
        ApplicationServiceClient::new(self.way(channel, shown)).create_application(request).await?;
        let auditor = Shown::bearer(self.token("auditor", "ann", json!({})));
        let filter = v1::FactFilter { application_id: id.into(), ..Default::default() };
        let request = v1::ListFactsRequest { filter: Some(filter), ..Default::default() };
        let facts = FactServiceClient::new(self.way(self.channel(None), auditor)).list_facts(request).await?;
        Ok(facts.into_inner().facts[0].actor.clone())
    }

    pub(crate) async fn metric(&self, line: &str) -> String {
        let text = admin(self.world.server().admin_address, "/metrics").await;
        let value = text.lines().find_map(|have| have.strip_prefix(line)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {line}")).to_owned()
    }
}

pub(crate) fn check(label: &str) -> String {
    format!("devhub_callers_refused_total{{check=\"{label}\"}}")
}

#[tokio::test]
async fn what_is_proven_acts_whatever_is_said() {
    let hub = Guarded::new().await;
    let developer = hub.developer();
    let company = hub.token("company_administrator", "8", json!({"email": "Carol@example.com", "company": "acme"}));
    let machine = hub.token("machine", "release", json!({"scopes": ["devhub.v1.ApplicationService/*"]}));
    let publisher = hub.token("publisher", "pat", json!({"apis": ["hello"]}));
    let (open, portal) = (|| hub.channel(None), || hub.certified("devhub://portal/main"));
    let mallory = "operator:mallory";
    for (id, channel, shown, expected) in [
        ("app-a", open(), Shown::bearer(hub.operator()), Ok("operator:olga")),
        ("app-b", hub.certified("devhub://operator/otto"), Shown::default(), Ok("operator:otto")),
        ("app-c", open(), Shown::bearer(machine), Ok("process:release")),
        ("app-d", hub.certified("devhub://machine/deploy"), Shown::default(), Err("SCOPE_NOT_GRANTED")),
        ("app-e", open(), Shown::bearer(publisher.clone()), Err("ROLE_NOT_PERMITTED")),
        // The domain says so, and of the one who was proven: an operator might have chosen the id.
        ("app-f", portal(), Shown::user(developer.clone()), Err("OPERATOR_REQUIRED")),
        ("app-g", open(), Shown::bearer(hub.portal()).and_user(developer.clone()), Err("OPERATOR_REQUIRED")),
        ("app-h", portal(), Shown::user(company), Err("ROLE_NOT_PERMITTED")),
        ("app-i", portal(), Shown::user(publisher), Err("ROLE_NOT_PERMITTED")),
    ] {
        let acted = hub.registers(channel.clone(), shown.clone().saying(mallory), id).await;
        let acted = acted.map_err(|status| reason(&status));
        assert_eq!(acted.as_deref().map_err(String::as_str), expected, "{id}");
    }
    for (shown, channel) in [
        (Shown::bearer(hub.gateway("sandbox")), open()),
        (Shown::default(), hub.certified("devhub://gateway/sandbox/edge")),
        (Shown::bearer(hub.token("auditor", "ann", json!({}))), open()),
        (Shown::default(), hub.certified("devhub://auditor/ann")),
    ] {
        let acted = hub.registers(channel, shown.saying(mallory), "app-z").await;
        assert_eq!(refused(acted), "ROLE_NOT_PERMITTED", "gateways and auditors command nothing");
    }
}

#[tokio::test]
async fn a_portal_and_its_user_can_do_nothing_without_each_other() {
    let hub = Guarded::new().await;
    let (open, portal) = (|| hub.channel(None), || hub.certified("devhub://portal/main"));
    let shown = |bearer: &str, user: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Shown { bearer: some(bearer), user: some(user), says: Some("operator:mallory") }
    };
    let (developer, token, operator) = (hub.developer(), hub.portal(), hub.operator());
    hub.list(portal(), shown("", &developer)).await.unwrap();
    hub.list(open(), shown(&token, &developer)).await.unwrap();
    for (channel, shown, failed) in [
        (portal(), shown("", ""), "PORTAL_ALONE"),
        (open(), shown(&token, ""), "PORTAL_ALONE"),
        (open(), shown("", &developer), "USER_WITHOUT_PORTAL"),
        (open(), shown(&developer, ""), "PORTAL_NEEDED"),
        (open(), shown(&developer, &developer), "USER_WITHOUT_PORTAL"),
        (open(), shown(&operator, &developer), "USER_WITHOUT_PORTAL"),
        (portal(), shown(&developer, ""), "TWO_CALLERS"),
        (portal(), shown(&token, &developer), "TWO_CALLERS"),
        (hub.certified("devhub://operator/olga"), shown(&operator, ""), "TWO_CALLERS"),
        (portal(), shown("", &operator), "USER_KIND"),
        (portal(), shown("", &token), "USER_KIND"),
        (
            portal(),
            shown("", &hub.token("developer", "7", json!({"email": "ada@example.com", "aud": "shop"}))),
            "TOKEN_AUDIENCE",
        ),
        (open(), shown("e30.e30.e30", ""), "TOKEN_ALGORITHM"),
    ] {
        let before: u64 = hub.metric(&check(failed)).await.parse().unwrap();
        let status = hub.list(channel, shown).await.unwrap_err();
        assert_eq!((status.code(), reason(&status)), (Code::Unauthenticated, "CREDENTIALS_REFUSED".into()), "{failed}");
        assert!(!status.message().to_lowercase().contains("portal"), "which check it was is not told: {status:?}");
        let after: u64 = hub.metric(&check(failed)).await.parse().unwrap();
        assert_eq!(after, before + 1, "{failed}");
    }
    let status = hub.list(open(), shown("", "")).await.unwrap_err();
    assert_eq!(reason(&status), "CREDENTIALS_REQUIRED", "{status:?}");
    let alone = Guarded::with(|config| config.access.portals = Portals::NotNeeded).await;
    alone.list(alone.channel(None), Shown::bearer(alone.developer())).await.unwrap();
}

#[tokio::test]
async fn a_token_is_accepted_until_the_instant_at_which_it_ends() {
    let hub = Guarded::new().await;
    let (operator, channel) = (hub.operator(), hub.channel(None));
    let shown = || Shown::bearer(operator.clone());
    // Five minutes, and what clocks may differ by.
    hub.world.clock.advance(ms(330_000 - 1));
    hub.list(channel.clone(), shown()).await.unwrap();
    for _ in 0..2 {
        hub.world.clock.advance(ms(1));
        assert_eq!(refused(hub.list(channel.clone(), shown()).await), "CREDENTIALS_REFUSED");
    }
}

#[tokio::test]
async fn nobody_signs_with_what_is_published() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let hub = Guarded::new().await;
    let good = hub.operator();
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, hub.signer.public_key());
    let forged = |alg: &str| {
        let header = json!({"alg": alg, "kid": hub.signer.kid, "typ": "JWT"}).to_string();
        let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
        let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    hub.list(hub.channel(None), Shown::bearer(good.clone())).await.unwrap();
    for (what, token) in [
        ("HS256 with the public key", forged("HS256")),
        ("none, signed", forged("none")),
        ("none, unsigned", format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"first"}"#))),
        ("a stranger's key of the same name", Signer::new("first").token("operator", "olga", json!({}), hub.now())),
        ("another's claims", format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode("{}"))),
    ] {
        assert_eq!(refused(hub.list(hub.channel(None), Shown::bearer(token)).await), "CREDENTIALS_REFUSED", "{what}");
    }
}

#[tokio::test]
async fn health_is_open_and_nothing_else_is() {
    let hub = Guarded::new().await;
    let request = HealthCheckRequest { service: String::new() };
    HealthClient::new(hub.channel(None)).check(request).await.unwrap();
    let mut client = tonic::client::Grpc::new(hub.channel(None));
    for path in ["/grpc.health.v1.HealthX/Check", "/devhub.v1.ApiService/Nothing", "/x", "/grpc.health.v1.Health/../x"]
    {
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckRequest>::default();
        let path = path.parse().unwrap();
        let status = client.unary(Request::new(HealthCheckRequest::default()), path, codec).await.unwrap_err();
        assert!(matches!(status.code(), Code::Unauthenticated | Code::Unimplemented), "{status:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_heard_over_grpc_web_too() {
    // Without TLS, so that bytes can be read: that is for the loopback address only.
    let (files, signer) = (Files::new(), Signer::new("first"));
    files.write("keys.json", &key_set(&[&signer]));
    let world = World::with(|config| config.access.issuers = vec![trusted_file(&files.path("keys.json"))]).await;
    let address = world.server().address;
    let token = signer.token("operator", "olga", json!({}), crate::world::start());
    for (bearer, status) in [("", "16"), (token.as_str(), "0")] {
        let bearer = format!("Bearer {bearer}");
        let answer = tokio::task::spawn_blocking(move || {
            let headers = [("content-type", "application/grpc-web+proto"), ("authorization", bearer.as_str())];
            let headers = if bearer.len() > 7 { &headers[..] } else { &headers[..1] };
            crate::http::call(address, "POST", "/devhub.v1.ApiService/ListApis", headers, &[0; 5])
        })
        .await
        .unwrap();
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let told = answer.header("grpc-status").map(str::to_owned).unwrap_or(body);
        assert!(told == status || told.contains(&format!("grpc-status:{status}")), "{answer:?}");
    }
}
