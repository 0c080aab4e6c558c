//! No stream outlives what proved its caller: not the end of a credential, not the trust in whoever vouched for it, and not
//! the word of an operator.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub::agent::Agent;
use devhub::clock::Clock as _;
use devhub::config::agent::AgentConfig;
use devhub::config::{Layer, Sources};
use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::fact_service_client::FactServiceClient;
use devhub_proto::v1::gateway_fleet_service_client::GatewayFleetServiceClient;
use devhub_proto::v1::gateway_sync_service_client::GatewaySyncServiceClient;
use futures_util::StreamExt as _;
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::pki::{Authority, Signer, key_set};
use crate::principals::{Guarded, Shown, check};
use crate::replica::{Clocks, Stream, meet, ping};
use crate::world::{OPERATOR, World, instant, ms, reason, refused};

/// The end of a token that began at the start, and what clocks may differ by.
const TOKEN_MS: i64 = 330_000;

/// The first instant at which a certificate of [`SHORT`] is over.
const OVER: &str = "2027-01-01T00:00:01Z";

const SHORT: crate::pki::Years = (2020, 2027);

/// What happened, for an operator, from the beginning.
async fn facts(hub: &Guarded, channel: Channel, shown: Shown) -> Streaming<v1::FollowFactsResponse> {
    let mut client = FactServiceClient::new(hub.way(channel, shown));
    client.follow_facts(v1::FollowFactsRequest::default()).await.unwrap().into_inner()
}

/// Something happens that every follower hears of.
async fn happen(hub: &Guarded) {
    let shown = Shown::bearer(hub.operator());
    let request = v1::SetOrganisationRequest {
        organisation_id: format!("at {}", hub.now().timestamp_millis()),
        status: v1::OrganisationStatus::Unverified.into(),
        reason: "a test".into(),
        ..Default::default()
    };
    let way = hub.way(hub.channel(None), shown);
    let mut client = v1::organisation_service_client::OrganisationServiceClient::new(way);
    client.set_organisation(request).await.unwrap();
}

/// How a stream ends, whatever is said before.
async fn end<M>(stream: &mut Streaming<M>) -> (Code, String) {
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream ends with a status"),
            Err(status) => return (status.code(), reason(&status)),
        }
    }
}

fn expired() -> (Code, String) {
    (Code::Unauthenticated, "CREDENTIALS_EXPIRED".to_owned())
}

fn withdrawn() -> (Code, String) {
    (Code::Unauthenticated, "CREDENTIALS_REFUSED".to_owned())
}

/// A stream of a gateway that proves itself by a token and goes on saying nothing.
async fn sync(hub: &Guarded, id: &str, token: String) -> Result<Streaming<v1::SyncResponse>, Status> {
    let first = devhub_gateway::replica::start(Environment::Sandbox, id, Vec::new());
    let asked = futures_util::stream::iter([first]).chain(futures_util::stream::pending());
    let mut client = GatewaySyncServiceClient::new(hub.way(hub.channel(None), Shown::bearer(token)));
    Ok(client.sync(asked).await?.into_inner())
}

/// A stream of a gateway that its connection proves.
async fn certified(channel: Channel, id: &str) -> Result<Stream, Status> {
    Stream::open(channel, devhub_gateway::replica::start(Environment::Sandbox, id, Vec::new())).await
}

async fn gone(stream: &mut Stream) -> (Code, String) {
    loop {
        if let Err(status) = stream.next().await {
            return (status.code(), reason(&status));
        }
    }
}

fn gateway_token(hub: &Guarded, id: &str) -> String {
    hub.token("gateway", id, json!({"environment": "sandbox"}))
}

#[tokio::test]
async fn a_stream_ends_at_the_instant_at_which_its_token_ends() {
    for past in [0, 1] {
        let hub = Guarded::new().await;
        let mut told = facts(&hub, hub.channel(None), Shown::bearer(hub.operator())).await;
        told.message().await.unwrap().unwrap();
        let mut synced = sync(&hub, "edge", gateway_token(&hub, "edge")).await.unwrap();
        synced.message().await.unwrap().unwrap();
        hub.world.clock.advance(ms(TOKEN_MS - 1));
        happen(&hub).await;
        assert_eq!(told.message().await.unwrap().unwrap().facts.len(), 1, "a millisecond is left");
        hub.world.clock.advance(ms(1 + past));
        assert_eq!([end(&mut told).await, end(&mut synced).await], [expired(), expired()], "{past} ms after it");
        // And with a new one it goes on.
        facts(&hub, hub.channel(None), Shown::bearer(hub.operator())).await.message().await.unwrap().unwrap();
        assert_eq!(hub.metric(&check("TOKEN_EXPIRED")).await, "2");
    }
}

#[tokio::test]
async fn a_stream_and_then_its_connection_end_with_the_certificate() {
    let hub = Guarded::new().await;
    let over = instant(OVER);
    let pair = hub.ca.caller_of("devhub://gateway/sandbox/edge", SHORT);
    let channel = hub.channel(Some(&pair));
    for past in [0, 1] {
        hub.world.clock.set(over - ms(1));
        let mut stream = certified(hub.channel(Some(&pair)), "edge").await.unwrap();
        stream.group().await;
        stream.ping(0, 0).await;
        hub.world.clock.set(over + ms(past));
        assert_eq!(gone(&mut stream).await, expired(), "{past} ms after it");
    }
    hub.world.clock.set(over - ms(1));
    certified(channel.clone(), "edge").await.unwrap().group().await;
    hub.world.clock.set(over);
    // A call on a connection that is there is refused, and then the connection ends: the next handshake comes to nothing.
    let mut reasons = Vec::new();
    loop {
        let status = certified(channel.clone(), "edge").await.err().unwrap();
        if status.code() != Code::Unauthenticated {
            break;
        }
        reasons.push(reason(&status));
        tokio::task::yield_now().await;
    }
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason == "CREDENTIALS_REFUSED"), "{reasons:?}");
}

#[tokio::test]
async fn a_stream_ends_with_the_key_that_its_token_was_signed_with() {
    let hub = Guarded::new().await;
    let mut told = facts(&hub, hub.channel(None), Shown::bearer(hub.operator())).await;
    told.message().await.unwrap().unwrap();
    let next = Signer::new("second");
    hub.files.write("keys.json", &key_set(&[&next, &hub.signer]));
    hub.world.server().reload_access().await;
    happen(&hub).await;
    assert_eq!(told.message().await.unwrap().unwrap().facts.len(), 1, "the key is still there");
    // What cannot be read changes nothing.
    hub.files.write("keys.json", "none");
    hub.world.server().reload_access().await;
    happen_again(&hub).await;
    assert_eq!(told.message().await.unwrap().unwrap().facts.len(), 1);
    let other = Signer::new("first");
    hub.files.write("keys.json", &key_set(&[&other, &next]));
    hub.world.server().reload_access().await;
    assert_eq!(end(&mut told).await, withdrawn(), "another key of the same name is another key");
    hub.files.write("keys.json", &key_set(&[&next]));
    hub.world.server().reload_access().await;
    assert_eq!(hub.metric(&check("TOKEN_KEY_UNKNOWN")).await, "1");
}

/// The same a millisecond later.
async fn happen_again(hub: &Guarded) {
    hub.world.clock.advance(ms(1));
    happen(hub).await;
}

#[tokio::test]
async fn a_stream_ends_with_the_authority_of_its_certificate() {
    let hub = Guarded::new().await;
    let mut stream = certified(hub.certified("devhub://gateway/sandbox/edge"), "edge").await.unwrap();
    stream.group().await;
    let next = Authority::new("next");
    hub.files.write("ca.pem", &format!("{}{}", hub.ca.pem, next.pem));
    hub.world.server().reload_access().await;
    stream.requests.send(ping(7, 0, 0)).await.unwrap();
    stream.next().await.expect("both are trusted");
    hub.files.write("ca.pem", &next.pem);
    hub.world.server().reload_access().await;
    assert_eq!(gone(&mut stream).await, withdrawn());
}

impl Guarded {
    fn fleet(&self, shown: Shown) -> GatewayFleetServiceClient<crate::principals::Way> {
        GatewayFleetServiceClient::new(self.way(self.channel(None), shown))
    }

    async fn revoke(&self, id: &str, environment: v1::Environment) -> Result<u64, Status> {
        let request = v1::RevokeGatewayRequest {
            gateway_id: id.into(),
            environment: environment.into(),
            reason: "its key was stolen".into(),
            ..Default::default()
        };
        let answer = self.fleet(Shown::bearer(self.operator())).revoke_gateway(request).await?.into_inner();
        Ok(answer.revision)
    }

    async fn restore(&self, id: &str, environment: v1::Environment) -> Result<u64, Status> {
        let request = v1::RestoreGatewayRequest {
            gateway_id: id.into(),
            environment: environment.into(),
            reason: "it has a new key".into(),
            ..Default::default()
        };
        self.restore_with(request).await
    }

    async fn restore_with(&self, request: v1::RestoreGatewayRequest) -> Result<u64, Status> {
        Ok(self.fleet(Shown::bearer(self.operator())).restore_gateway(request).await?.into_inner().revision)
    }

    async fn revoked(&self) -> Vec<String> {
        let request = v1::ListRevokedGatewaysRequest::default();
        let listed = self.fleet(Shown::bearer(self.operator())).list_revoked_gateways(request).await.unwrap();
        let show =
            |gateway: v1::RevokedGateway| format!("{} {} {}", gateway.gateway_id, gateway.revoked_by, gateway.reason);
        listed.into_inner().gateways.into_iter().map(show).collect()
    }
}

#[tokio::test]
async fn a_revoked_gateway_is_out_whatever_proves_it_until_it_is_restored() {
    let mut hub = Guarded::new().await;
    let sandbox = v1::Environment::Sandbox;
    let mut by_token = sync(&hub, "edge", gateway_token(&hub, "edge")).await.unwrap();
    by_token.message().await.unwrap().unwrap();
    let mut by_certificate = certified(hub.certified("devhub://gateway/sandbox/edge"), "edge").await.unwrap();
    by_certificate.group().await;
    let mut other = certified(hub.certified("devhub://gateway/sandbox/edge-2"), "edge-2").await.unwrap();
    other.group().await;
    // The one of that name in the other environment is another one.
    assert!(hub.revoke("edge", v1::Environment::Production).await.unwrap() > 0);
    by_certificate.ping(0, 0).await;
    assert_eq!(refused(hub.restore("edge", sandbox).await), "GATEWAY_NOT_REVOKED");
    assert!(hub.revoke("edge", sandbox).await.unwrap() > 0);
    assert_eq!([end(&mut by_token).await, gone(&mut by_certificate).await], [withdrawn(), withdrawn()]);
    assert_eq!(hub.revoke("edge", sandbox).await.unwrap(), 0, "it is so already");
    other.ping(0, 0).await;
    assert_eq!(hub.revoked().await, ["edge operator:olga its key was stolen"; 2]);
    for round in ["at once", "after a restart"] {
        let fresh = sync(&hub, "edge", gateway_token(&hub, "edge")).await;
        assert_eq!(refused(fresh.map(|_| ())), "CREDENTIALS_REFUSED", "{round}");
        let fresh = certified(hub.certified("devhub://gateway/sandbox/edge"), "edge").await;
        assert_eq!(refused(fresh.map(|_| ())), "CREDENTIALS_REFUSED", "{round}");
        // Whatever it asks.
        let way = hub.way(hub.channel(None), Shown::bearer(gateway_token(&hub, "edge")));
        let asked = v1::authorization_service_client::AuthorizationServiceClient::new(way);
        let question = crate::world::question("app", "1.0");
        assert_eq!(refused(asked.clone().authorize(question).await.map(|_| ())), "CREDENTIALS_REFUSED", "{round}");
        sync(&hub, "edge-2", gateway_token(&hub, "edge-2")).await.unwrap().message().await.unwrap().unwrap();
        hub.world.restart().await;
    }
    let stale = v1::RestoreGatewayRequest {
        gateway_id: "edge".into(),
        environment: sandbox.into(),
        reason: "a test".into(),
        etag: "1".into(),
        ..Default::default()
    };
    assert_eq!(refused(hub.restore_with(stale).await), "ETAG_MISMATCH");
    assert!(hub.restore("edge", sandbox).await.unwrap() > 0);
    assert_eq!(hub.restore("edge", sandbox).await.unwrap(), 0);
    sync(&hub, "edge", gateway_token(&hub, "edge")).await.unwrap().message().await.unwrap().unwrap();
    let kinds = [v1::FactKind::GatewayRevoked, v1::FactKind::GatewayRestored].map(i32::from).into();
    let filter = v1::FactFilter { kinds, ..Default::default() };
    let request = v1::ListFactsRequest { filter: Some(filter), ..Default::default() };
    let operator = Shown::bearer(hub.operator());
    let listed = FactServiceClient::new(hub.way(hub.channel(None), operator)).list_facts(request).await.unwrap();
    let told: Vec<_> =
        listed.into_inner().facts.into_iter().map(|fact| (fact.kind().as_str_name(), fact.actor)).collect();
    let (revoked, restored) = ("FACT_KIND_GATEWAY_REVOKED", "FACT_KIND_GATEWAY_RESTORED");
    assert_eq!(told.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [revoked, revoked, restored]);
    assert!(told.iter().all(|(_, actor)| actor == "operator:olga"), "{told:?}");
}

#[tokio::test]
async fn who_revokes_is_an_operator_and_says_whom_and_why() {
    let world = World::usual().await;
    let request = v1::RevokeGatewayRequest { gateway_id: "a gateway".into(), ..Default::default() };
    let status = world.fleet(OPERATOR).revoke_gateway(request).await.unwrap_err();
    assert_eq!(crate::world::violations(&status), ["gateway_id", "environment", "reason"]);
    let request = v1::RevokeGatewayRequest {
        gateway_id: "edge".into(),
        environment: 1,
        reason: "a test".into(),
        ..Default::default()
    };
    let refusal = refused(world.fleet(crate::world::ADA).revoke_gateway(request).await);
    assert_eq!(refusal, "OPERATOR_REQUIRED");
}

#[tokio::test]
async fn a_gateway_calls_itself_what_it_has_proven_to_be() {
    let hub = Guarded::new().await;
    let status = sync(&hub, "edge-2", gateway_token(&hub, "edge")).await.err().unwrap();
    assert_eq!((status.code(), &*reason(&status)), (Code::PermissionDenied, "GATEWAY_ID_DIFFERS"));
    assert!(status.message().contains("gateway edge;"), "{status:?}");
    let channel = hub.certified("devhub://gateway/sandbox/edge");
    let status = certified(channel.clone(), "Edge").await.err().unwrap();
    assert_eq!(reason(&status), "GATEWAY_ID_DIFFERS");
    certified(channel, "edge").await.unwrap().group().await;
    let listed = hub.fleet(Shown::bearer(hub.operator())).list_gateways(v1::ListGatewaysRequest::default()).await;
    let ids: Vec<_> = listed.unwrap().into_inner().gateways.into_iter().map(|gateway| gateway.gateway_id).collect();
    assert_eq!(ids, ["edge"]);
}

/// An agent of the sandbox that proves itself by the certificate in two files.
async fn agent(hub: &Guarded, clocks: &Clocks) -> Agent {
    let path = |name: &str| hub.files.path(name).display().to_string();
    let flags = Layer::from([
        ("hub", format!("https://{}", hub.world.server().address)),
        ("hub_tls_ca", path("ca.pem")),
        ("hub_tls_cert", path("agent.pem")),
        ("hub_tls_key", path("agent.key")),
        ("environment", "sandbox".to_owned()),
        ("gateway_id", "edge".to_owned()),
        ("listen", "127.0.0.1:0".to_owned()),
        ("admin_listen", "127.0.0.1:0".to_owned()),
    ]);
    let config = AgentConfig::load(&Sources { flags, environment: &|_| None, file: None }).unwrap();
    Agent::start(&config, Arc::new(clocks.clone())).await.unwrap()
}

fn show(hub: &Guarded, years: crate::pki::Years) {
    let pair = hub.ca.caller_of("devhub://gateway/sandbox/edge", years);
    hub.files.write("agent.pem", &pair.certificate);
    hub.files.write("agent.key", &pair.key);
}

#[tokio::test]
async fn an_agent_whose_certificate_was_renewed_goes_on_where_it_was() {
    let hub = Guarded::new().await;
    let over: DateTime<Utc> = instant(OVER);
    hub.world.clock.set(over - ms(1));
    show(&hub, SHORT);
    let agent = agent(&hub, &Clocks::of(&hub.world.clock)).await;
    meet(hub.world.hub(), agent.replica()).await;
    show(&hub, crate::pki::GOOD);
    hub.world.clock.set(over);
    agent.replica().wait_for(|replica| replica.trouble().is_some()).await;
    assert_eq!(agent.replica().health(), devhub_gateway::Health::Serving, "its lease goes on");
    happen(&hub).await;
    meet(hub.world.hub(), agent.replica()).await;
    assert_eq!(agent.replica().figures().snapshots, 1, "it was not away for so long");
    assert_eq!(agent.replica().health(), devhub_gateway::Health::Serving);
    agent.stop().await.unwrap();
    assert!(hub.world.clock.now() >= over);
}
