//! No secret leaves the place where it belongs. The real hub and an agent run through a story in which every kind of secret
//! is made, presented and refused, and log all that can be logged; then all that they wrote and told is searched for each of
//! the secrets as it is, in hexadecimal digits, in base64 and in base64url.
//!
//! In every place that is searched, something that is no secret is found, so that no place is searched in vain.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[path = "it/pki.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod pki;

use std::fmt::{Debug, Display};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use chrono::{DateTime, Utc};
use devhub::access::ClientCertificates;
use devhub::clock::{Clock as _, SystemClock};
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use devhub_proto::v1::company_service_client::CompanyServiceClient;
use devhub_proto::v1::credential_service_client::CredentialServiceClient;
use devhub_proto::v1::service_account_service_client::ServiceAccountServiceClient;
use devhub_proto::v1::subscription_service_client::SubscriptionServiceClient;
use pki::{AUDIENCE, Authority, Files, ISSUER, Signer, key_set, secure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Does not compile if a type has a trait: a call of `some` is ambiguous then.
macro_rules! lacks {
    ($type:ty: $($bound:path),+) => {
        $(const _: () = {
            trait Ambiguous<Which> {
                fn some() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $bound> Ambiguous<Has> for T {}
            let _ = <$type as Ambiguous<_>>::some;
        };)+
    };
}

lacks!(devhub::secret::Secret: Debug, Display, serde::Serialize);
lacks!(devhub::secret::Pepper: Debug, Display, serde::Serialize);
lacks!(devhub::secret::Peppers: Debug, Display, serde::Serialize);
lacks!(devhub::secret::Presented: Debug, Display, serde::Serialize);
lacks!(devhub::secret::Seals: Debug, Display, serde::Serialize);
lacks!(devhub::audit::AuditKey: Debug, Display, serde::Serialize);
lacks!(devhub::store::backup::Identities: Debug, Display, serde::Serialize);
// A decision is made: none is there because nobody made one.
lacks!(devhub_decision::Decision: Default);
lacks!(devhub_decision::Verdict: Default);
lacks!(devhub_decision::Reason: Default);

/// The API of the story.
const CATALOGUE: &str = "\
apis:
  - context: canary/api
    title: Canary API
    policy: hmrc-mtd
    versions:
      - version: 1.0
        documentation_uri: https://example.com/canary
        endpoints:
          - {method: GET, path: /x, auth: USER}
        deployments:
          - {environment: SANDBOX, maturity: STABLE, endpoints_enabled: true}
          - {environment: PRODUCTION, maturity: STABLE, endpoints_enabled: true}
";

/// What is no secret, and must be found.
const APPLICATION: &str = "canary-application";
const CLIENT: &str = "canary-client";
const NAME: &str = "Canary marker";

/// A running `devhub`, its log, and where it listens.
struct Running {
    child: Child,
    log: JoinHandle<Vec<u8>>,
    said: serde_json::Value,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts it, and waits until it says in its log that it is there.
    fn start(args: &[String], message: &'static str) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command.env_clear().args(args).args(["--log-format", "json", "--log-filter", "trace"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (tell, told) = mpsc::channel();
        let log = std::thread::spawn(move || {
            let (mut log, mut line) = (Vec::new(), Vec::new());
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&line)
                    && json["fields"]["message"] == message
                {
                    // Nobody waits any more when the test has failed.
                    let _ = tell.send(json["fields"].clone());
                }
                log.append(&mut line);
            }
            log
        });
        let said = told.recv().expect("it starts");
        Running { child, log, said }
    }

    fn address(&self, field: &str) -> SocketAddr {
        self.said[field].as_str().unwrap().parse().unwrap()
    }

    /// Asks one of its listeners over HTTP.
    fn get(&self, listener: &str, path: &str, headers: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address(listener)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    /// The limit of its core dumps, as the system tells it.
    fn core_limit(&self) -> String {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap().trim().to_owned()
    }

    /// Stops it in order, and gives its log.
    fn stop(mut self) -> Vec<u8> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "told to stop, it stops cleanly");
        let log = std::mem::replace(&mut self.log, std::thread::spawn(Vec::new));
        log.join().unwrap()
    }
}

/// What a caller shows with every call.
#[derive(Clone, Default)]
struct Shown {
    bearer: String,
    user: String,
}

impl Interceptor for Shown {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.set_timeout(Duration::from_secs(10));
        if !self.bearer.is_empty() {
            request.metadata_mut().insert("authorization", format!("Bearer {}", self.bearer).parse().unwrap());
        }
        if !self.user.is_empty() {
            request.metadata_mut().insert("devhub-user-token", self.user.parse().unwrap());
        }
        Ok(request)
    }
}

/// What must not be found, by what it is.
#[derive(Default)]
struct Planted(Vec<(String, Vec<u8>)>);

impl Planted {
    fn plant(&mut self, what: &str, secret: impl AsRef<[u8]>) {
        assert!(secret.as_ref().len() >= 16, "{what} is too short to be told from chance");
        self.0.push((what.to_owned(), secret.as_ref().to_owned()));
    }

    /// A token as it is sent, and its signature alone: its claims are no secret.
    fn plant_token(&mut self, what: &str, token: &str) {
        let signature = token.rsplit('.').next().unwrap();
        self.plant(what, token);
        self.plant(&format!("the signature of {what}"), signature);
    }

    /// Lines of a key file: their keys as digits and as bytes.
    fn plant_digits(&mut self, what: &str, text: &str) {
        for digits in text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(1)) {
            let bytes = (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
            self.plant(what, bytes.collect::<Vec<u8>>());
            self.plant(what, digits);
        }
    }

    /// A private key in PEM: each line of its text, and the whole of it as bytes.
    fn plant_key(&mut self, what: &str, pem: &str) {
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
        for line in lines.iter().filter(|line| line.len() >= 32) {
            // The first line begins with the algorithm, which is no secret.
            self.plant(what, &line[line.len() - 24..]);
        }
        let bytes = base64::engine::general_purpose::STANDARD.decode(lines.concat()).unwrap();
        self.plant(what, &bytes[36..68]);
    }
}

/// Bytes as they are, and as other texts would carry them, whatever stands before and after them.
fn disguises(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![secret.to_owned(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for alphabet in [&STANDARD, &URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        for skipped in 0..3 {
            let whole = (secret.len() - skipped) / 3 * 3;
            all.push(engine.encode(&secret[skipped..skipped + whole]).into_bytes());
        }
    }
    all
}

/// All files below a directory, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The places that were searched, with what must be found in each.
#[derive(Default)]
struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    fn add(&mut self, name: &str, bytes: Vec<u8>, marker: &str) {
        let begins = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]);
        assert!(holds(&bytes, marker), "{name} does not hold {marker:?}: it is searched in vain; it begins {begins:?}");
        self.0.push((name.to_owned(), bytes));
    }

    /// All files below a directory; some of them hold the marker.
    fn add_all(&mut self, name: &str, directory: &Path, marker: &str) {
        let found: Vec<_> = files(directory).into_iter().map(|path| std::fs::read(path).unwrap()).collect();
        self.add(name, found.concat(), marker);
    }

    fn search(&self, planted: &Planted) {
        let mut needles: Vec<(&str, Vec<u8>)> = Vec::new();
        for (what, secret) in &planted.0 {
            needles.extend(disguises(secret).into_iter().map(|disguise| (what.as_str(), disguise)));
        }
        // By their first two bytes, so that each place is walked through once.
        let start = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        let mut by_start = vec![Vec::new(); 1 << 16];
        for (what, needle) in &needles {
            by_start[start(needle)].push((*what, needle.as_slice()));
        }
        for (name, bytes) in &self.0 {
            for place in 0..bytes.len().saturating_sub(1) {
                let rest = &bytes[place..];
                if let Some((what, _)) = by_start[start(rest)].iter().find(|(_, needle)| rest.starts_with(needle)) {
                    let before = String::from_utf8_lossy(&bytes[place.saturating_sub(160)..place]);
                    panic!("{name} holds {what}, after {before:?}");
                }
            }
        }
    }
}

/// Files of everything that the story needs.
struct Stage {
    directory: tempfile::TempDir,
    tls: Files,
    authority: Authority,
    signer: Signer,
    planted: Planted,
    places: Places,
}

impl Stage {
    fn new() -> Stage {
        let (tls, authority, signer) = (Files::new(), Authority::new("ours"), Signer::new("first"));
        let mut planted = Planted::default();
        let server = authority.server();
        planted.plant_key("the key of the hub's certificate", &server.key);
        tls.write_server(&server, &authority.pem);
        let gateway = authority.caller("devhub://gateway/sandbox/edge");
        planted.plant_key("the key of the gateway's certificate", &gateway.key);
        tls.write("gateway.pem", &gateway.certificate);
        tls.write("gateway.key", &gateway.key);
        tls.write("keys.json", &key_set(&[&signer]));
        let directory = tempfile::tempdir().unwrap();
        let mut stage = Stage { directory, tls, authority, signer, planted, places: Places::default() };
        stage.devhub(&["pepper", "new", &stage.path("peppers")]);
        stage.devhub(&["audit", "key", &stage.path("audit.key")]);
        let [peppers, key] = ["peppers", "audit.key"].map(|name| std::fs::read_to_string(stage.path(name)).unwrap());
        stage.planted.plant_digits("a pepper", &peppers);
        stage.planted.plant_digits("the key of the trail", &key);
        stage
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Runs the command line to its end; what it prints is searched.
    fn devhub(&mut self, args: &[&str]) {
        let ran = Command::new(env!("CARGO_BIN_EXE_devhub")).env_clear().args(args).output().unwrap();
        let printed = [ran.stdout, ran.stderr].concat();
        assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&printed));
        self.places.add(&format!("what {:?} prints", &args[..2]), printed, "");
    }

    fn hub(&self) -> Running {
        let tls = self.tls.tls(ClientCertificates::Optional);
        let roles = ["operator", "developer", "company_administrator", "portal", "machine"];
        let keys = self.tls.path("keys.json");
        let issuers = json!([{"issuer": ISSUER, "audience": AUDIENCE, "jwks": keys, "roles": roles}]);
        let any = "127.0.0.1:0".to_owned();
        let args = [
            ("listen", any.clone()),
            ("admin-listen", any),
            ("data-dir", self.path("data")),
            ("pepper-file", self.path("peppers")),
            ("audit-key-file", self.path("audit.key")),
            ("audit-heads-file", self.path("heads")),
            ("audit-head-commits", "1".to_owned()),
            ("decision-log-file", self.path("decisions")),
            ("decision-log-every", "1".to_owned()),
            ("access-issuers", issuers.to_string()),
            ("access-tls-cert", tls.certificate.display().to_string()),
            ("access-tls-key", tls.key.display().to_string()),
            ("access-client-ca", tls.client_ca.unwrap().display().to_string()),
            ("access-client-certificates", "optional".to_owned()),
        ];
        let args = args.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]);
        Running::start(&["serve".to_owned()].into_iter().chain(args).collect::<Vec<_>>(), "serving")
    }

    fn agent(&self, hub: SocketAddr) -> Running {
        let file = |name: &str| self.tls.path(name).display().to_string();
        let args = [
            ("hub", format!("https://{hub}")),
            ("hub-tls-ca", file("ca.pem")),
            ("hub-tls-cert", file("gateway.pem")),
            ("hub-tls-key", file("gateway.key")),
            ("environment", "sandbox".to_owned()),
            ("gateway-id", "edge".to_owned()),
            ("gateway-listen", "127.0.0.1:0".to_owned()),
            ("gateway-identity", "header:x-client-id".to_owned()),
            ("gateway-vendor", "hmrc".to_owned()),
            ("admin-listen", "127.0.0.1:0".to_owned()),
            ("copy-file", self.path("copy")),
        ];
        let args = args.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]);
        Running::start(&["agent".to_owned()].into_iter().chain(args).collect::<Vec<_>>(), "following")
    }

    fn token(&mut self, role: &str, sub: &str, more: serde_json::Value) -> String {
        let token = self.signer.token(role, sub, more, now());
        self.planted.plant_token(&format!("a token of a {role}"), &token);
        token
    }
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// What callers are told besides the secrets that they are told once.
async fn story(stage: &mut Stage, hub: SocketAddr) -> Vec<u8> {
    let channel = secure(hub, &stage.authority.pem, None);
    let operator = Shown { bearer: stage.token("operator", "olga", json!({})), ..Shown::default() };
    let (portal, user) =
        (stage.token("portal", "main", json!({})), stage.token("developer", "7", json!({"email": "ada@example.com"})));
    let ada = Shown { bearer: portal.clone(), user };
    let carol = stage.token("company_administrator", "8", json!({"email": "carol@example.com", "company": "canary"}));
    let carol = Shown { bearer: portal, user: carol };
    let way = |shown: &Shown| -> InterceptedService<Channel, Shown> {
        InterceptedService::new(channel.clone(), shown.clone())
    };
    let mut told = Vec::new();
    let mut tell = |what: &dyn Debug| told.extend(format!("{what:?}\n").into_bytes());

    let application = v1::Application {
        application_id: APPLICATION.into(),
        client_id: CLIENT.into(),
        name: NAME.into(),
        environment: v1::Environment::Sandbox.into(),
        collaborators: vec![v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Administrator.into() }],
        ..Default::default()
    };
    let make = v1::CreateApplicationRequest { application: Some(application), request_id: "make".into() };
    tell(&ApplicationServiceClient::new(way(&operator)).create_application(make).await.unwrap());
    let subscribe = v1::SubscribeRequest {
        application_id: APPLICATION.into(),
        context: "canary/api".into(),
        version: "1.0".into(),
        ..Default::default()
    };
    tell(&SubscriptionServiceClient::new(way(&ada)).subscribe(subscribe).await.unwrap());

    // Secrets of clients: one that stays, one that is revoked, one that is asked for twice.
    let mut credentials = CredentialServiceClient::new(way(&ada));
    let mut secrets = Vec::new();
    for name in ["first", "second"] {
        let request = v1::CreateClientSecretRequest {
            application_id: APPLICATION.into(),
            name: format!("{NAME} {name}"),
            request_id: format!("secret-{name}"),
            ..Default::default()
        };
        let made = credentials.create_client_secret(request.clone()).await.unwrap().into_inner();
        stage.planted.plant("the secret of a client", &made.secret);
        stage.planted.plant("the random part of a client's secret", &made.secret[4..47]);
        secrets.push(made.secret);
        tell(&credentials.create_client_secret(request).await.unwrap());
        if name == "second" {
            let revoke = v1::RevokeClientSecretRequest {
                application_id: APPLICATION.into(),
                client_secret_id: made.client_secret.unwrap().client_secret_id,
                ..Default::default()
            };
            tell(&credentials.revoke_client_secret(revoke).await.unwrap());
        }
    }
    let company = v1::Company {
        company_id: "canary".into(),
        name: NAME.into(),
        tenancy: v1::Tenancy::DevelopmentSandbox.into(),
        administrators: vec!["carol@example.com".into()],
        ..Default::default()
    };
    let request = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
    tell(&CompanyServiceClient::new(way(&operator)).create_company(request).await.unwrap());
    let account = v1::ServiceAccount {
        account_id: "canary-account".into(),
        company_id: "canary".into(),
        name: NAME.into(),
        ..Default::default()
    };
    let request = v1::CreateServiceAccountRequest { account: Some(account), request_id: "account".into() };
    let mut accounts = ServiceAccountServiceClient::new(way(&carol));
    let made = accounts.create_service_account(request.clone()).await.unwrap().into_inner();
    stage.planted.plant("the secret of a service account", &made.secret);
    let account_client = made.account.unwrap().client_id;
    tell(&accounts.create_service_account(request).await.unwrap());

    // What is presented: right, revoked, for another, wrong, too long, in the wrong place, and as nobody.
    let wrong = format!("wrong-{}", devhub::secret::Secret::generate().reveal());
    stage.planted.plant("a wrong secret", &wrong);
    let mut verifier = CredentialServiceClient::new(way(&operator));
    let mut verdicts = Vec::new();
    for (client_id, secret) in [
        (CLIENT, secrets[0].clone()),
        (CLIENT, secrets[1].clone()),
        (account_client.as_str(), made.secret.clone()),
        (CLIENT, made.secret.clone()),
        (CLIENT, wrong.clone()),
        ("nobody", wrong.clone()),
        (secrets[0].as_str(), secrets[0].clone()),
        (CLIENT, wrong.repeat(9)),
    ] {
        let request = v1::VerifyCredentialsRequest { client_id: client_id.into(), secret, source: String::new() };
        let answer = verifier.verify_credentials(request).await;
        verdicts.extend(answer.as_ref().map(|answer| answer.get_ref().verdict()));
        match answer {
            Ok(answer) => tell(&answer),
            Err(status) => tell(&(status.code(), status.message(), status.details())),
        }
    }
    let valid = verdicts.iter().filter(|verdict| **verdict == v1::CredentialVerdict::Valid).count();
    assert_eq!((verdicts.len(), valid), (7, 2), "{verdicts:?}");

    // Tokens that are refused, and secrets where none belongs.
    let forged = Signer::new("first").token("operator", "mallory", json!({}), now());
    stage.planted.plant_token("a forged token", &forged);
    for bearer in [forged, wrong.clone(), format!("{wrong}.{wrong}.{wrong}")] {
        let shown = Shown { bearer, ..Shown::default() };
        let refused = ApiServiceClient::new(way(&shown)).list_apis(v1::ListApisRequest::default()).await.unwrap_err();
        tell(&refused);
    }
    let odd = v1::GetApplicationRequest { application_id: wrong.clone() };
    tell(&ApplicationServiceClient::new(way(&operator)).get_application(odd).await.unwrap_err().code());

    let gateway = secure(hub, &stage.authority.pem, Some(&stage.authority.caller("devhub://gateway/sandbox/other")));
    let mut gateway = AuthorizationServiceClient::new(gateway);
    for client_id in [CLIENT, "canary-nobody"] {
        let question = v1::AuthorizeRequest {
            client_id: client_id.into(),
            context: "canary/api".into(),
            version: "1.0".into(),
            environment: v1::Environment::Sandbox.into(),
            ..Default::default()
        };
        let mut question = Request::new(question);
        question.set_timeout(Duration::from_secs(10));
        tell(&gateway.authorize(question).await.unwrap());
    }
    told
}

#[test]
fn no_secret_is_found_in_anything_that_a_hub_and_an_agent_write_or_tell() {
    let mut stage = Stage::new();
    let hub = stage.hub();
    let address = hub.address("listen");
    std::fs::write(stage.path("catalogue.yaml"), CATALOGUE).unwrap();
    let token = stage.token("operator", "otto", json!({}));
    std::fs::write(stage.path("token"), &token).unwrap();
    std::fs::set_permissions(stage.path("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (catalogue, token, server) = (stage.path("catalogue.yaml"), stage.path("token"), format!("https://{address}"));
    let ca = stage.tls.path("ca.pem").display().to_string();
    stage.devhub(&["apply", "-f", &catalogue, "--server", &server, "--token-file", &token, "--tls-ca", &ca]);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(story(&mut stage, address));
    stage.places.add("what callers are told", told, CLIENT);
    let agent = stage.agent(address);
    // It has what it copies once it judges.
    while !agent.get("admin", "/readyz", "").starts_with(b"HTTP/1.1 200") {
        std::thread::yield_now();
    }
    let call = "x-client-id: canary-client\r\naccept: application/vnd.hmrc.1.0+json\r\nx-forwarded-method: GET\r\n\
                x-forwarded-uri: /canary/api/x\r\n";
    let asked = agent.get("gateways", "/authz/pinned?context=canary/api", call);
    stage.places.add("what an agent answers", asked, "HTTP/1.1 200");
    for (name, running) in [("the hub", &hub), ("the agent", &agent)] {
        let soft_and_hard: Vec<String> = running.core_limit().split_whitespace().map(str::to_owned).collect();
        assert_eq!(soft_and_hard[..2], ["0", "0"], "{name} leaves core dumps");
    }
    let [metrics, agents] = [&hub, &agent].map(|running| running.get("admin", "/metrics", ""));
    stage.places.add("the hub's figures", metrics, "devhub_credentials_verified_total");
    stage.places.add("the agent's figures", agents, "devhub_decisions_total");
    let log = agent.stop();
    stage.places.add("the agent's log", log, "TRACE");
    let log = hub.stop();
    for deep in ["h2::codec::framed_read", "h2::codec::framed_write"] {
        assert!(holds(&log, deep), "the log goes as deep as {deep}");
    }
    stage.places.add("the hub's log", log, "TRACE");

    let identity = age::x25519::Identity::generate();
    let (recipient, text) = (identity.to_public().to_string(), identity.to_string());
    stage.planted.plant("the identity of the backup", text.expose_secret());
    std::fs::write(stage.path("identity"), text.expose_secret()).unwrap();
    std::fs::set_permissions(stage.path("identity"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let [data, plain, sealed, restored, identity, trail, key, heads] =
        ["data", "plain", "sealed", "restored", "identity", "trail", "audit.key", "heads"].map(|name| stage.path(name));
    stage.devhub(&["backup", "--data-dir", &data, &plain]);
    stage.devhub(&["backup", "--data-dir", &data, &sealed, "--recipient", &recipient]);
    stage.devhub(&["restore", "--data-dir", &restored, &sealed, "--identity", &identity]);
    stage.devhub(&["audit", "export", &trail, "--data-dir", &data, "--audit-key-file", &key]);
    // The hub may have been stopped before it signed.
    stage.devhub(&["audit", "head", "--append-to", &heads, "--data-dir", &data, "--audit-key-file", &key]);
    stage.devhub(&["doctor", "--data-dir", &data]);

    for part in ["journal", "state"] {
        let directory = Path::new(&data).join(part);
        stage.places.add_all(part, &directory, NAME);
    }
    stage.places.add_all("the data directory", Path::new(&data), NAME);
    stage.places.add_all("what an encrypted backup holds", Path::new(&restored), NAME);
    for (name, marker) in [
        ("plain", NAME),
        ("sealed", "age-encryption.org/v1"),
        ("trail", NAME),
        ("heads", "\"signature\""),
        ("decisions", APPLICATION),
        ("copy", CLIENT),
    ] {
        let bytes = std::fs::read(stage.path(name)).expect(name);
        assert!(name != "sealed" || !holds(&bytes, NAME), "an encrypted backup tells nothing");
        stage.places.add(name, bytes, marker);
    }
    let witness = std::fs::read(Path::new(&data).join("HEAD")).unwrap();
    stage.places.add("the witness", witness, "");
    assert!(stage.planted.0.len() >= 25, "{} secrets are planted", stage.planted.0.len());
    stage.places.search(&stage.planted);
}

#[test]
fn a_secret_in_any_disguise_would_be_found() {
    let mut planted = Planted::default();
    planted.plant("a secret", "dhs_0123456789abcdefghijklmnopqrstuvwxyz?>~");
    for disguise in disguises(&planted.0[0].1) {
        let mut places = Places::default();
        places.add("a place", [b"marker before ", &disguise[..], b" after"].concat(), "marker");
        assert!(std::panic::catch_unwind(|| places.search(&planted)).is_err());
    }
    let mut places = Places::default();
    places.add("a place", b"marker alone".to_vec(), "marker");
    places.search(&planted);
    for before in 0..3 {
        let text = format!("{}{}!", "x".repeat(before), "dhs_0123456789abcdefghijklmnopqrstuvwxyz?>~");
        let mut places = Places::default();
        places.add("a text", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text).into_bytes(), "");
        assert!(std::panic::catch_unwind(|| places.search(&planted)).is_err(), "{before} bytes before it");
    }
}
