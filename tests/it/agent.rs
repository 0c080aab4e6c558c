//! An agent beside a gateway: asked what its hub is asked it replies the same, byte for byte, or it says that it does not
//! judge. Real gateways ask one in `tests/gateways`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use devhub::agent::Agent;
use devhub::config::agent::AgentConfig;
use devhub::config::{Layer, Sources};
use devhub::gateway::request::Source;
use devhub_decision::Environment;
use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use devhub_proto::v1;
use prost::Message as _;
use prost_types::value::Kind;
use serde_json::{Value, json};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::authz;
use crate::enduring::admin;
use crate::envoy::{ACCEPT, APP, LOSSES, pinned, raw, request};
use crate::http::{self, Answer};
use crate::replica::{Clocks, Wire, meet};
use crate::world::*;

const MOMENT: Duration = Duration::from_millis(1);
const TRUST: Duration = Duration::from_secs(30);

/// What Envoy asks about when it asks whether an agent judges.
const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";

/// A hub that gateways ask in every way, with identities from a header.
async fn world() -> World {
    let world = authz::world(|config| {
        config.gateway.reading.identity = ["header:x-client-id", "principal:spiffe://example.org/"]
            .map(|text| text.parse::<Source>().unwrap())
            .into();
    })
    .await;
    world.application("stranger").await;
    world.version("2.0", v1::Maturity::Alpha).await;
    world
}

/// An agent that reads calls as the hub of a world does, and its way to that.
struct Beside {
    agent: Agent,
    clocks: Clocks,
    wire: Wire,
    channel: Channel,
}

async fn start_beside(world: &World, target: Option<SocketAddr>, settings: &[(&'static str, &str)]) -> Beside {
    let (wire, clocks) = (Wire::to(world.server().address).await, Clocks::of(&world.clock));
    wire.lead_to(target);
    let any = "127.0.0.1:0".to_owned();
    let mut flags = Layer::from([
        ("hub", wire.url()),
        ("environment", "sandbox".to_owned()),
        ("gateway_id", "edge-1".to_owned()),
        ("listen", any.clone()),
        ("gateway_listen", any.clone()),
        ("admin_listen", any),
    ]);
    flags.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let mut config = AgentConfig::load(&Sources { flags, environment: &|_| None, file: None }).unwrap();
    config.gateway.reading = world.config.gateway.reading.clone();
    let agent = Agent::start(&config, Arc::new(clocks.clone())).await.unwrap();
    let channel = Channel::from_shared(format!("http://{}", agent.address.unwrap())).unwrap().connect_lazy();
    Beside { agent, clocks, wire, channel }
}

/// One that holds what the hub holds.
async fn beside(world: &World) -> Beside {
    let beside = start_beside(world, Some(world.server().address), &[]).await;
    beside.agent.replica().reach(world.hub().table().revision()).await;
    beside
}

async fn check(channel: &Channel, check: v3::CheckRequest) -> Result<v3::CheckResponse, Status> {
    Ok(AuthorizationClient::new(channel.clone()).check(check).await?.into_inner())
}

/// The bytes of a reply, with the same decision id in all.
fn bytes(reply: &v3::CheckResponse) -> Vec<u8> {
    let id = reply.dynamic_metadata.as_ref().unwrap().fields["decision_id"].kind.clone();
    let Some(Kind::StringValue(id)) = id else { panic!("{reply:?}") };
    let (mut bytes, id) = (reply.encode_to_vec(), id.into_bytes());
    while let Some(at) = bytes.windows(id.len()).position(|window| window == id) {
        bytes[at..at + id.len()].fill(b'-');
    }
    bytes
}

async fn serves(channel: &Channel, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let health = HealthClient::new(channel.clone()).check(request).await;
    health.map(|health| health.into_inner().status()).map_err(|status| status.code())
}

async fn call(address: SocketAddr, method: &'static str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (path, body) = (path.to_owned(), body.to_owned());
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // The servers run on the thread of the test.
    tokio::task::spawn_blocking(move || {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http::call(address, method, &path, &headers, body.as_bytes())
    })
    .await
    .unwrap()
}

/// An answer without what is another in each: the decision's id and the day on which it was given.
fn same(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut body = String::from_utf8(answer.body.clone()).unwrap();
    let mut ids: Vec<String> = answer.header("x-devhub-decision").map(str::to_owned).into_iter().collect();
    if let Ok(Value::Object(said)) = serde_json::from_str(&body) {
        let several = said.get("evaluations").and_then(Value::as_array).cloned().unwrap_or_default();
        let all = [&[Value::Object(said)][..], &several].concat();
        ids.extend(all.iter().filter_map(|one| one["context"]["id"].as_str().map(str::to_owned)));
    }
    let without =
        |text: &str| ids.iter().filter(|id| id.len() == 36).fold(text.to_owned(), |text, id| text.replace(id, "ID"));
    body = without(&body);
    let headers = answer.headers.iter().filter(|(name, _)| name != "date");
    (answer.status, headers.map(|(name, value)| (name.clone(), without(value))).collect(), body)
}

/// Everything that can be read of a check in more than one way, and what cannot.
fn checks() -> Vec<v3::CheckRequest> {
    let mut checks = Vec::new();
    let v2 = ("accept", "application/vnd.hmrc.2.0+json");
    let v9 = ("accept", "application/vnd.hmrc.9.0+json");
    for path in [
        LOSSES,
        "/individuals/losses",
        "/nothing/here",
        "/individuals",
        "/individuals/losses/inner/1",
        "/individuals/losses/../x",
        "/individuals/losses/a%2fb",
        "/individuals//losses",
    ] {
        for headers in [
            &[ACCEPT, APP][..],
            &[ACCEPT],
            &[APP],
            &[ACCEPT, ("x-client-id", "client-stranger")],
            &[ACCEPT, ("x-client-id", "client-nobody")],
            &[v2, APP],
            &[v9, APP],
            &[("accept", "*/*"), APP],
            &[ACCEPT, APP, ("procore-company-id", "42")],
            &[ACCEPT, APP, ("procore-company-id", "4/2")],
            &[ACCEPT, ("x-client-id", "client-app,client-app")],
        ] {
            checks.push(request(path, headers));
        }
    }
    checks.push(raw(LOSSES, &[("accept", ACCEPT.1.as_bytes()), ("x-client-id", b"client-app"), ("x-client-id", b"x")]));
    checks.push(raw(LOSSES, &[("accept", ACCEPT.1.as_bytes()), ("x-client-id", b"client-\xff")]));
    for extensions in [
        &[("api-context", CONTEXT)][..],
        &[("api-context", CONTEXT), ("api-version", "1.0")],
        &[("api-context", CONTEXT), ("api-version", "2.0")],
        &[("api-context", "individuals/losses/inner")],
        &[("api-context", CONTEXT), ("api-base-path", "/elsewhere")],
        &[("environment", "moon")],
        &[("identity", "principal:spiffe://example.org/")],
        &[("identity", "header:x-other")],
    ] {
        checks.push(pinned(request(LOSSES, &[ACCEPT, APP]), extensions));
    }
    checks.push(v3::CheckRequest::default());
    checks
}

#[tokio::test]
async fn b60_b61_b62_b63_an_agent_replies_to_envoy_as_its_hub_does() {
    let world = world().await;
    let (deprecated, retired) = (start() + days(1), start() + days(200));
    world.deprecate("1.0", Some(deprecated), Some(retired)).await.unwrap();
    // An API without a version lies at no path yet: neither for the hub nor for the agent, which cannot know of it.
    world.api_with("individuals/losses/inner", "hmrc-mtd").await;
    let beside = beside(&world).await;
    meet(world.hub(), beside.agent.replica()).await;
    let mut reasons = std::collections::BTreeSet::new();
    for now in [start(), deprecated, retired - ms(1), retired, retired + ms(1)] {
        world.clock.set(now);
        // What is told of a date is a commit, and a reply says which one was the latest.
        world.cry().await;
        meet(world.hub(), beside.agent.replica()).await;
        for asked in checks() {
            let hub = check(&world.channel, asked.clone()).await.unwrap();
            let agent = check(&beside.channel, asked.clone()).await.unwrap();
            assert_eq!(
                agent.dynamic_metadata.as_ref().unwrap().fields["reason"],
                hub.dynamic_metadata.as_ref().unwrap().fields["reason"],
                "{asked:?} at {now}"
            );
            assert_eq!(bytes(&agent), bytes(&hub), "{asked:?} at {now}:\n{agent:?}\n{hub:?}");
            reasons.insert(format!("{:?}", hub.dynamic_metadata.unwrap().fields["reason"].kind));
        }
    }
    assert!(reasons.len() >= 12, "the cases come to many replies: {reasons:?}");
    // Of the other environment an agent knows nothing: that is no denial.
    let production = pinned(request(LOSSES, &[ACCEPT, APP]), &[("environment", "production")]);
    assert_eq!(check(&beside.channel, production).await.unwrap_err().code(), Code::Unavailable);
    beside.agent.stop().await.unwrap();
}

#[tokio::test]
async fn b60_b61_b63_an_agent_answers_over_http_as_its_hub_does() {
    let world = world().await;
    let end = start() + days(200);
    world.deprecate("1.0", None, Some(end)).await.unwrap();
    let beside = beside(&world).await;
    meet(world.hub(), beside.agent.replica()).await;
    let (hub, agent) = (authz::address(&world), beside.agent.gateway_address.unwrap());
    let evaluation = |client: &str, label: &str| {
        json!({"subject": {"type": "application", "id": client}, "action": {"name": "invoke"},
               "resource": {"type": "api_version", "id": format!("{CONTEXT}/{label}")}})
    };
    let several = |semantic: &str| {
        let evaluations =
            [evaluation("client-app", "1.0"), evaluation("nobody", "1.0"), json!({}), evaluation("client-app", "2.0")];
        json!({"evaluations": evaluations, "options": {"evaluations_semantic": semantic}}).to_string()
    };
    for now in [start(), end - ms(1), end, end + ms(1)] {
        world.clock.set(now);
        world.cry().await;
        meet(world.hub(), beside.agent.replica()).await;
        for profile in ["nginx", "pinned", "forwarded", "envoy"] {
            for target in [LOSSES, "/individuals/losses/../x", "/nothing"] {
                for headers in [
                    &[ACCEPT, APP][..],
                    &[ACCEPT],
                    &[APP],
                    &[ACCEPT, ("x-client-id", "client-stranger")],
                    &[ACCEPT, APP, APP],
                ] {
                    let (path, told): (String, &[_]) = match profile {
                        "envoy" => (format!("/authz/envoy{target}"), &[]),
                        "nginx" => {
                            ("/authz/nginx".to_owned(), &[("x-original-method", "GET"), ("x-original-uri", target)])
                        }
                        _ => (
                            format!("/authz/{profile}?context={CONTEXT}"),
                            &[("x-forwarded-method", "GET"), ("x-forwarded-uri", target)],
                        ),
                    };
                    let headers = [headers, told].concat();
                    let answers =
                        [call(hub, "GET", &path, &headers, "").await, call(agent, "GET", &path, &headers, "").await];
                    assert_eq!(same(&answers[0]), same(&answers[1]), "{path} {headers:?} at {now}");
                }
            }
        }
        let json = [("content-type", "application/json")];
        for (path, body) in [
            ("/access/v1/evaluation", evaluation("client-app", "1.0").to_string()),
            ("/access/v1/evaluation", evaluation("client-app", "9.0").to_string()),
            ("/access/v1/evaluation", "{}".to_owned()),
            ("/access/v1/evaluations", several("execute_all")),
            ("/access/v1/evaluations", several("deny_on_first_deny")),
            ("/access/v1/evaluations", several("permit_on_first_permit")),
            ("/access/v1/evaluations", several("best_of_three")),
        ] {
            let answers = [call(hub, "POST", path, &json, &body).await, call(agent, "POST", path, &json, &body).await];
            assert_eq!(same(&answers[0]), same(&answers[1]), "{path} {body} at {now}");
        }
    }
    // One evaluation of the other environment, and nothing definite can be said of the whole.
    let mut elsewhere = evaluation("client-app", "1.0");
    elsewhere["resource"]["properties"] = json!({"environment": "production"});
    let body = json!({"evaluations": [evaluation("client-app", "1.0"), elsewhere]}).to_string();
    let answer = call(agent, "POST", "/access/v1/evaluations", &[("content-type", "application/json")], &body).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    beside.agent.stop().await.unwrap();
}

/// In no way does it judge: not even what would be refused whatever the table says.
async fn judges_nothing(beside: &Beside) {
    for asked in [
        request(LOSSES, &[ACCEPT, APP]),
        request("/nothing", &[ACCEPT]),
        request("/a/../b", &[]),
        v3::CheckRequest::default(),
    ] {
        let status = check(&beside.channel, asked).await.unwrap_err();
        assert_eq!((status.code(), &*reason(&status)), (Code::Unavailable, "HUB_NOT_READY"), "{status:?}");
    }
    let address = beside.agent.gateway_address.unwrap();
    for (profile, status) in [("nginx", 500), ("pinned?context=a", 503), ("forwarded", 503), ("envoy/nothing", 503)] {
        let answer = call(address, "GET", &format!("/authz/{profile}"), &[ACCEPT, APP], "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, Some("5")), "{profile}: {answer:?}");
    }
    let json = [("content-type", "application/json")];
    for body in ["{}", "no JSON"] {
        let answer = call(address, "POST", "/access/v1/evaluation", &json, body).await;
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    for service in ["", AUTHORIZATION] {
        assert_eq!(serves(&beside.channel, service).await, Ok(ServingStatus::NotServing), "{service:?}");
    }
    assert!(admin(beside.agent.admin_address, "/readyz").await.starts_with("HTTP/1.1 503 "));
    assert!(admin(beside.agent.admin_address, "/livez").await.starts_with("HTTP/1.1 200 "));
}

async fn judges(beside: &Beside) {
    check(&beside.channel, request(LOSSES, &[ACCEPT, APP])).await.unwrap();
    for service in ["", AUTHORIZATION] {
        assert_eq!(serves(&beside.channel, service).await, Ok(ServingStatus::Serving), "{service:?}");
    }
    assert!(admin(beside.agent.admin_address, "/readyz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn b61_b64_an_agent_judges_from_its_first_snapshot_until_its_lease_runs_out() {
    let world = world().await;
    let beside = start_beside(&world, None, &[]).await;
    let watched = HealthCheckRequest { service: AUTHORIZATION.to_owned() };
    let mut watched = HealthClient::new(beside.channel.clone()).watch(watched).await.unwrap().into_inner();
    let mut next = async || watched.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::NotServing);
    judges_nothing(&beside).await;
    assert_eq!(serves(&beside.channel, "devhub.v1.ApiService").await, Err(Code::NotFound));

    beside.wire.lead_to(Some(world.server().address));
    beside.agent.replica().reach(world.hub().table().revision()).await;
    judges(&beside).await;
    assert_eq!(next().await, ServingStatus::Serving);

    // The hub is gone. Nothing changes until the instant at which the lease ends, and then everything does.
    beside.wire.lead_to(None);
    beside.clocks.set(TRUST - MOMENT);
    judges(&beside).await;
    for at in [TRUST, TRUST + MOMENT] {
        beside.clocks.set(at);
        judges_nothing(&beside).await;
    }
    assert_eq!(next().await, ServingStatus::NotServing);

    beside.wire.lead_to(Some(world.server().address));
    beside.agent.replica().reach(world.hub().table().revision()).await;
    judges(&beside).await;
    assert_eq!(next().await, ServingStatus::Serving);
    drop(watched);
    beside.agent.stop().await.unwrap();
}

#[tokio::test]
async fn b64_an_agent_goes_on_for_as_long_as_its_operator_chose() {
    let world = world().await;
    let beside = start_beside(&world, Some(world.server().address), &[("serve_stale_seconds", "60")]).await;
    beside.agent.replica().reach(world.hub().table().revision()).await;
    beside.wire.lead_to(None);
    for at in [TRUST, TRUST + Duration::from_secs(60) - MOMENT] {
        beside.clocks.set(at);
        judges(&beside).await;
    }
    let metrics = admin(beside.agent.admin_address, "/metrics").await;
    for line in
        ["devhub_replica_health{state=\"STALE\"} 1", "devhub_replica_serving 0", "devhub_replica_lease_seconds 0.000"]
    {
        assert!(metrics.lines().any(|known| known == line), "{line} is missing in\n{metrics}");
    }
    beside.clocks.set(TRUST + Duration::from_secs(60));
    judges_nothing(&beside).await;
    beside.agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_counts_and_tells_its_hub_at_the_end() {
    let world = world().await;
    let beside = beside(&world).await;
    for asked in [
        request(LOSSES, &[ACCEPT, APP]),
        request(LOSSES, &[ACCEPT, APP]),
        request(LOSSES, &[ACCEPT]),
        request("/a/../b", &[]),
    ] {
        check(&beside.channel, asked).await.unwrap();
    }
    let metrics = admin(beside.agent.admin_address, "/metrics").await;
    let revision = world.hub().table().revision();
    for line in [
        "devhub_decisions_total{verdict=\"ALLOW\",reason=\"SUBSCRIBED\"} 2",
        "devhub_decisions_total{verdict=\"DENY\",reason=\"UNKNOWN_CLIENT\"} 1",
        "devhub_calls_misread_total{reason=\"ODD_PATH\"} 1",
        "devhub_replica_serving 1",
        "devhub_replica_health{state=\"STALE\"} 0",
        "devhub_replica_lease_seconds 30.000",
        &format!("devhub_replica_revision {revision}"),
        "devhub_replica_snapshots_total 1",
        "devhub_replica_divergences_total 0",
        "devhub_replica_undecided_total{reason=\"LEASE_EXPIRED\"} 0",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is missing in\n{metrics}");
    }
    assert_eq!(world.hub().usage().figures().counted, 0);
    beside.agent.stop().await.unwrap();
    assert_eq!(world.hub().usage().figures().counted, 2, "the two calls that passed");
}

#[tokio::test]
async fn an_agent_keeps_a_copy_and_resumes_from_it() {
    let world = world().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy").display().to_string();
    let settings = [("copy_file", &*file)];
    let first = start_beside(&world, Some(world.server().address), &settings).await;
    first.agent.replica().reach(world.hub().table().revision()).await;
    first.agent.stop().await.unwrap();
    // The copy is a table and no lease.
    let second = start_beside(&world, None, &settings).await;
    assert_eq!(second.agent.replica().follower().stand().0, world.hub().table().revision());
    assert_eq!(second.agent.replica().follower().environment(), Environment::Sandbox);
    judges_nothing(&second).await;
    second.wire.lead_to(Some(world.server().address));
    second.agent.replica().reach(world.hub().table().revision()).await;
    judges(&second).await;
    second.agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_listens_where_it_is_told_or_says_which_setting_is_wrong() {
    let world = world().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    std::fs::write(&path, "").unwrap();
    let load = |name: &'static str, value: String| {
        let flags = Layer::from([
            ("hub", format!("http://{}", world.server().address)),
            ("environment", "sandbox".to_owned()),
            ("gateway_id", "edge-1".to_owned()),
            ("admin_listen", "127.0.0.1:0".to_owned()),
            (name, value),
        ]);
        AgentConfig::load(&Sources { flags, environment: &|_| None, file: None }).unwrap()
    };
    let start = async |config: AgentConfig| Agent::start(&config, Arc::new(Clocks::of(&world.clock))).await;
    for (config, setting) in [
        (load("listen_uds", path.display().to_string()), "listen_uds"),
        (load("gateway_listen", format!("unix:{}", path.display())), "gateway_listen"),
        (load("listen", world.server().address.to_string()), "listen"),
    ] {
        let sentence = format!("{:#}", start(config).await.err().unwrap());
        assert!(sentence.contains(&format!("({setting})")), "{sentence}");
    }
    std::fs::remove_file(&path).unwrap();
    let agent = start(load("listen_uds", path.display().to_string())).await.unwrap();
    agent.replica().reach(world.hub().table().revision()).await;
    let channel = Endpoint::from_shared(format!("unix://{}", path.display())).unwrap().connect().await.unwrap();
    assert_eq!(serves(&channel, AUTHORIZATION).await, Ok(ServingStatus::Serving));
    drop(channel);
    agent.stop().await.unwrap();
    assert!(!path.exists(), "the socket goes with the agent");
}

#[tokio::test]
async fn b60_an_agent_proves_to_its_hub_which_gateway_it_is() {
    let hub = crate::principals::Guarded::new().await;
    let pair = |environment: &str| {
        let pair = hub.ca.caller(&format!("devhub://gateway/{environment}/edge-1"));
        hub.files.write("edge.pem", &pair.certificate);
        hub.files.write("edge.key", &pair.key);
    };
    let start = async |identity: bool| {
        let path = |name: &str| hub.files.path(name).display().to_string();
        let any = "127.0.0.1:0".to_owned();
        let mut flags = Layer::from([
            ("hub", format!("https://{}", hub.world.server().address)),
            ("hub_tls_ca", path("ca.pem")),
            ("environment", "sandbox".to_owned()),
            ("gateway_id", "edge-1".to_owned()),
            ("listen", any.clone()),
            ("admin_listen", any),
        ]);
        if identity {
            flags.extend([("hub_tls_cert", path("edge.pem")), ("hub_tls_key", path("edge.key"))]);
        }
        let config = AgentConfig::load(&Sources { flags, environment: &|_| None, file: None }).unwrap();
        Agent::start(&config, Arc::new(Clocks::of(&hub.world.clock))).await.unwrap()
    };
    pair("sandbox");
    let agent = start(true).await;
    agent.replica().reach(hub.world.hub().table().revision()).await;
    agent.stop().await.unwrap();
    for (identity, environment, why) in
        [(false, "sandbox", "nothing proves who calls"), (true, "production", "its own environment")]
    {
        pair(environment);
        let agent = start(identity).await;
        agent.replica().wait_for(|replica| replica.trouble().is_some_and(|trouble| trouble.contains(why))).await;
        assert_eq!(agent.replica().follower().stand().0, 0, "it was told nothing");
        agent.stop().await.unwrap();
    }
}
