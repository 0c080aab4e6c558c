//! What asking costs an Envoy, and a call that goes through it: the same Envoy before the same API, asking in one way after the
//! other, and not at all.
//!
//! All ways are listeners of one Envoy, asked in turns; a way that is added to [`ways`] is measured beside the others. The
//! calls come in a closed loop from this process, which also is the API; Envoy and the hub are processes of their own, so
//! that their CPU time is told apart.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use devhub_proto::v1;
use devhub_proto::v1::api_service_client::ApiServiceClient;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;

use crate::child::{self, Served};
use crate::keepalive::{Caller, upstream};
use crate::population::{self, EACH, Numbers, VERSIONS};

const APPLICATIONS: usize = 1_000;
const REPETITIONS: usize = 5;
const CONNECTIONS: [usize; 2] = [1, 16];

/// Calls of one measurement on one connection: enough for CPU time that is counted in hundredths of a second. On many
/// connections, there are twice as many altogether.
const CALLS: usize = 5_000;

/// How many tries Envoy has to listen, and the time between two.
const TRIES: usize = 500;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A way in which Envoy asks before it lets a call pass.
struct Way {
    name: &'static str,
    /// By which protocol, and where as Envoy writes an address; nobody is asked without it.
    asks: Option<(Protocol, String)>,
    /// Whose CPU time the answers take.
    answers: Answers,
}

/// Who answers Envoy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Hub,
    Agent,
}

#[derive(Clone, Copy)]
enum Protocol {
    Grpc,
    Http,
}

/// Every way that is measured; the first is what the others are compared with.
fn ways(hub: &child::Asked, agent: &Path) -> Vec<Way> {
    let socket = |address: SocketAddr| {
        format!("{{socket_address: {{address: {}, port_value: {}}}}}", address.ip(), address.port())
    };
    let pipe = format!("{{pipe: {{path: {}}}}}", agent.display());
    vec![
        Way { name: "without", asks: None, answers: Answers::Hub },
        Way { name: "hub, gRPC over TCP", asks: Some((Protocol::Grpc, socket(hub.grpc))), answers: Answers::Hub },
        Way { name: "hub, http_service", asks: Some((Protocol::Http, socket(hub.http))), answers: Answers::Hub },
        Way { name: "agent, gRPC over its socket", asks: Some((Protocol::Grpc, pipe)), answers: Answers::Agent },
    ]
}

impl Way {
    /// The filter that asks.
    fn filter(&self, cluster: &str) -> String {
        let Some((protocol, _)) = &self.asks else { return String::new() };
        let service = match protocol {
            Protocol::Grpc => format!("grpc_service: {{timeout: 5s, envoy_grpc: {{cluster_name: {cluster}}}}}"),
            Protocol::Http => format!(
                "http_service: {{server_uri: {{uri: \"http://hub\", cluster: {cluster}, timeout: 5s}}, path_prefix: /authz/envoy, \
                 authorization_response: {{allowed_upstream_headers: {{patterns: [{{prefix: x-devhub-}}]}}, \
                 allowed_client_headers_on_success: {{patterns: [{{exact: deprecation}}, {{exact: sunset}}, {{exact: link}}]}}}}}}"
            ),
        };
        format!(
            "\n          - {{name: envoy.filters.http.ext_authz, typed_config: {{
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz,
              transport_api_version: V3, failure_mode_allow: false, status_on_error: {{code: ServiceUnavailable}},
              allowed_headers: {{patterns: [{{exact: accept}}, {{exact: x-client-id}}]}}, {service}}}}}"
        )
    }

    fn listener(&self, cluster: &str, port: u16) -> String {
        format!(
            r#"
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {cluster}
          http_filters:{filter}
          - {{name: envoy.filters.http.router, typed_config: {{
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}
          route_config: {{virtual_hosts: [{{name: all, domains: ["*"], routes: [
            {{match: {{prefix: /}}, route: {{cluster: api}}}}]}}]}}"#,
            filter = self.filter(cluster),
        )
    }

    fn cluster(&self, name: &str) -> String {
        let Some((protocol, address)) = &self.asks else { return String::new() };
        let options = match protocol {
            Protocol::Grpc => {
                "\n    typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
      \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions,
      explicit_http_config: {http2_protocol_options: {}}}}"
            }
            Protocol::Http => "",
        };
        cluster(name, address, options)
    }
}

fn cluster(name: &str, address: &str, options: &str) -> String {
    format!(
        "
  - name: {name}
    type: STATIC
    connect_timeout: 5s{options}
    load_assignment: {{cluster_name: {name}, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {address}}}}}]}}]}}"
    )
}

/// The configuration of an Envoy with a listener for each way, on these ports.
fn configuration(ways: &[Way], ports: &[u16], api: SocketAddr) -> String {
    let (mut listeners, mut clusters) = (String::new(), String::new());
    for (number, (way, port)) in ways.iter().zip(ports).enumerate() {
        let name = format!("way_{number}");
        listeners.push_str(&way.listener(&name, *port));
        clusters.push_str(&way.cluster(&name));
    }
    let api = format!("{{socket_address: {{address: {}, port_value: {}}}}}", api.ip(), api.port());
    clusters.push_str(&cluster("api", &api, ""));
    format!("static_resources:\n  listeners:{listeners}\n  clusters:{clusters}\n")
}

/// The newest Envoy that the tests have fetched, beside the build.
fn envoy() -> Option<PathBuf> {
    let build = std::env::current_exe().ok()?.parent()?.parent()?.to_owned();
    let found = std::fs::read_dir(build.join("peers")).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let version: Option<Vec<u32>> = name.strip_prefix("envoy-")?.split('.').map(|part| part.parse().ok()).collect();
        Some((version?, entry.path().join("site/envoy/_bin/envoy")))
    });
    found.filter(|(_, path)| path.exists()).max().map(|(_, path)| path)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts Envoy and waits for its listeners.
async fn start(program: &Path, directory: &Path, ways: &[Way], api: SocketAddr) -> Result<(Served, Vec<SocketAddr>)> {
    let ports = ways.iter().map(|_| free_port()).collect::<Result<Vec<u16>>>()?;
    let file = directory.join("envoy.yaml");
    std::fs::write(&file, configuration(ways, &ports, api))?;
    let log = directory.join("envoy.log");
    let file = file.display().to_string();
    let arguments = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c", &file];
    let mut served = Served::program(program, &arguments, &log)?;
    let addresses: Vec<SocketAddr> = ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect();
    for address in &addresses {
        let mut tries = 0;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tries += 1;
            if tries == TRIES || served.has_ended()? {
                bail!("Envoy does not listen:\n{}", std::fs::read_to_string(&log)?);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
    Ok((served, addresses))
}

/// Deprecates every version of the population, so that every answer has something to say.
async fn deprecate(hub: SocketAddr) -> Result<()> {
    let channel = Endpoint::from_shared(format!("http://{hub}"))?.connect().await?;
    let mut apis = ApiServiceClient::new(channel);
    for number in 0..VERSIONS {
        let mut request = Request::new(v1::DeprecateApiVersionRequest {
            context: population::context(number),
            version: "1.0".to_owned(),
            environment: v1::Environment::Sandbox.into(),
            ..Default::default()
        });
        request.metadata_mut().insert("devhub-actor", MetadataValue::from_static("operator:bench"));
        apis.deprecate_api_version(request).await?;
    }
    Ok(())
}

/// Waits until the hub has told everybody of the deprecations, so that nobody pays for that who calls.
async fn settle(hub: &Served) -> Result<()> {
    for _ in 0..TRIES {
        let before = hub.cpu_of_all()?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if hub.cpu_of_all()? - before <= Duration::from_millis(10) {
            return Ok(());
        }
    }
    bail!("the hub does not come to rest")
}

/// A call of a random application to a random version of those that it subscribes to.
fn call(random: u64) -> String {
    let application = usize::try_from(random >> 8).unwrap_or(0) % APPLICATIONS;
    let nth = usize::try_from(random % EACH as u64).unwrap_or(0);
    let context = population::context(population::version_of(application, nth));
    format!(
        "GET /{context}/things/1 HTTP/1.1\r\nhost: gateway\r\naccept: application/vnd.hmrc.1.0+json\r\nx-client-id: {}\r\n\r\n",
        population::client(application)
    )
}

struct Measured {
    p50: f64,
    p99: f64,
    envoy: f64,
    hub: f64,
}

/// Microseconds.
fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Makes `calls` calls on each of `connections` connections, each call when the one before it is answered.
async fn measure(
    (envoy, hub): (&Served, &Served),
    (way, address): (&Way, SocketAddr),
    (connections, calls): (usize, usize),
    seed: u64,
) -> Result<Measured> {
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(Caller::connect(address).await?);
    }
    let asks = way.asks.is_some();
    let before = (envoy.cpu_of_all()?, hub.cpu_of_all()?);
    let mut tasks = Vec::new();
    for (lane, mut caller) in callers.into_iter().enumerate() {
        let mut numbers = Numbers::new(seed * 1000 + lane as u64 + 1);
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::with_capacity(calls);
            for _ in 0..calls {
                let request = call(numbers.next());
                let begin = Instant::now();
                let answer = caller.ask(&request).await?;
                latencies.push(begin.elapsed());
                ensure!(answer.status == 200, "{request}: {answer:?}");
                ensure!(answer.has("deprecation") == asks, "who was asked says that it ends: {answer:?}");
            }
            anyhow::Ok(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let each = |before: Duration, after: Duration| micros(after - before) / latencies.len() as f64;
    let (envoy, hub) = (each(before.0, envoy.cpu_of_all()?), each(before.1, hub.cpu_of_all()?));
    latencies.sort_unstable();
    let at = |hundredths: usize| micros(latencies[(latencies.len() - 1) * hundredths / 100]);
    Ok(Measured { p50: at(50), p99: at(99), envoy, hub })
}

/// Median, least and greatest.
fn median(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

/// Asks in each way in turns and prints a row for each. `calls` are those of one measurement on one connection.
pub(crate) async fn run(calls: Option<usize>) -> Result<()> {
    let calls = calls.unwrap_or(CALLS).max(100);
    let Some(program) = envoy() else {
        println!(
            "there is no Envoy in target/peers: `cargo test --test gateways` fetches it, and then this measures with it"
        );
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let store = directory.path().join("store");
    population::lay_out(&store, APPLICATIONS, EACH).await?;
    let hub = Served::start(&["serve-asked-hub", &store.display().to_string()]).await?;
    let asked = child::Asked::parsed(&hub.address).context("two addresses")?;
    deprecate(asked.grpc).await?;
    settle(&hub).await?;
    let api = upstream().await?;
    let socket = directory.path().join("agent.sock");
    let agent = Served::start(&["serve-agent", &asked.grpc.to_string(), &socket.display().to_string()]).await?;
    let ways = ways(&asked, &socket);
    let (envoy, addresses) = start(&program, directory.path(), &ways, api).await?;

    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{}", program.display());
    println!("{APPLICATIONS} applications x {EACH}, every version deprecated, load average {}", load().trim());
    println!(
        "| connections | asks | p50 us | p99 us | p50, ratio (range) | Envoy CPU us | ratio (range) | CPU us of who answers |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for connections in CONNECTIONS {
        let each = if connections == 1 { calls } else { (2 * calls / connections).max(1) };
        let mut rounds: Vec<Vec<Measured>> = Vec::new();
        for repetition in 0..=REPETITIONS {
            let mut round: Vec<Option<Measured>> = ways.iter().map(|_| None).collect();
            for turn in 0..ways.len() {
                // Another one begins each time.
                let number = (turn + repetition) % ways.len();
                let seed = (repetition * ways.len() + number) as u64 + 1;
                let way = (&ways[number], addresses[number]);
                let answers = match way.0.answers {
                    Answers::Hub => &hub,
                    Answers::Agent => &agent,
                };
                round[number] = Some(measure((&envoy, answers), way, (connections, each), seed).await?);
            }
            // The first round only warms up.
            if repetition > 0 {
                rounds.push(round.into_iter().flatten().collect());
            }
        }
        for (number, way) in ways.iter().enumerate() {
            let middle = |pick: fn(&Measured) -> f64| median(rounds.iter().map(|round| pick(&round[number]))).0;
            let ratio = |pick: fn(&Measured) -> f64| {
                let (middle, low, high) = median(rounds.iter().map(|round| pick(&round[number]) / pick(&round[0])));
                format!("{middle:.2} ({low:.2}-{high:.2})")
            };
            println!(
                "| {connections} | {} | {:.0} | {:.0} | {} | {:.0} | {} | {:.0} |",
                way.name,
                middle(|measured| measured.p50),
                middle(|measured| measured.p99),
                ratio(|measured| measured.p50),
                middle(|measured| measured.envoy),
                ratio(|measured| measured.envoy),
                middle(|measured| measured.hub),
            );
        }
    }
    println!("load average {}", load().trim());
    envoy.kill().await?;
    agent.stop().await?;
    hub.stop().await
}
