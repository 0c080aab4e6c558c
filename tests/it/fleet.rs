//! The gateways that follow a hub: who they are and how far, how many there may be, and how their streams are closed.

use chrono::{DateTime, Utc};
use devhub::gateway::GONE_FOR;
use devhub::wire::instant;
use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::GatewayState;
use devhub_proto::v1::sync_response::Message as Told;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::enduring::admin;
use crate::replica::{self, Stream};
use crate::world::{ADA, OPERATOR, World, ms, reason, violations};

impl World {
    /// All gateways that match, page by page.
    async fn gateways(&self, request: v1::ListGatewaysRequest) -> Vec<v1::Gateway> {
        let (mut all, mut request) = (Vec::new(), v1::ListGatewaysRequest { page_size: 2, ..request });
        loop {
            let page = self.fleet("").list_gateways(request.clone()).await.unwrap().into_inner();
            all.extend(page.gateways);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return all;
            }
        }
    }

    /// Waits until the list is so.
    async fn until(&self, mut reached: impl FnMut(&[v1::Gateway]) -> bool) -> Vec<v1::Gateway> {
        loop {
            let all = self.gateways(Default::default()).await;
            if reached(&all) {
                return all;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn disconnect(&self, actor: &'static str, gateway_id: &str, reason: &str) -> Result<u32, Status> {
        let request = v1::DisconnectGatewayRequest {
            gateway_id: gateway_id.into(),
            reason: reason.into(),
            request_id: String::new(),
        };
        Ok(self.fleet(actor).disconnect_gateway(request).await?.into_inner().streams)
    }

    /// Waits until the metrics have these lines.
    async fn measures(&self, lines: &[&str]) {
        loop {
            let text = admin(self.server().admin_address, "/metrics").await;
            if lines.iter().all(|line| text.lines().any(|found| found == *line)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    fn revision(&self) -> u64 {
        self.hub().change_log().newest().revision
    }
}

async fn open(world: &World, environment: Environment, gateway_id: &str) -> Result<Stream, Status> {
    let first = devhub_gateway::replica::start(environment, gateway_id, Vec::new());
    Stream::open(world.channel.clone(), first).await
}

/// A stream that has got as far as the beginning of its snapshot, in a hub that cannot complete one.
async fn begun(world: &World, gateway_id: &str) -> Stream {
    let mut stream = open(world, Environment::Sandbox, gateway_id).await.unwrap();
    let Told::Begin(_) = stream.next().await.unwrap() else { panic!("a begin") };
    stream
}

/// From now on snapshots cannot be completed before the next commit: the table says that it is ahead of the log.
fn hold_snapshots(world: &World) {
    world.hub().table().advance(world.revision() + 1);
}

fn complaint(nonce: u64, applied: u64, digest: u64, error: &str) -> v1::SyncRequest {
    let ping = v1::SyncPing { nonce, applied_revision: applied, applied_digest: digest, error: error.into() };
    v1::SyncRequest { message: Some(v1::sync_request::Message::Ping(ping)) }
}

#[tokio::test]
async fn a_hub_knows_who_follows_and_how_far() {
    let world = World::usual().await;
    assert!(world.gateways(Default::default()).await.is_empty());
    let mut stream = open(&world, Environment::Sandbox, "gateway-1").await.unwrap();
    let commit = stream.group().await.commit;
    let all = world.until(|all| all.first().is_some_and(|gateway| gateway.sent_revision == commit.revision)).await;
    let (first, head) = (&all[0], commit.revision);
    assert_eq!((all.len(), &*first.gateway_id, first.environment()), (1, "gateway-1", v1::Environment::Sandbox));
    assert_eq!((first.state(), first.last_ping_time, first.disconnect_time), (GatewayState::Connected, None, None));
    assert_eq!((first.applied_revision, first.lag), (0, head), "it has said nothing yet");
    world.measures(&["devhub_sync_streams 1", &format!("devhub_sync_lag_max_revisions {head}")]).await;
    stream.requests.send(complaint(1, head, commit.digest, "the disk is full")).await.unwrap();
    let Told::Pong(_) = stream.next().await.unwrap() else { panic!("a pong") };
    let all = world.gateways(Default::default()).await;
    assert_eq!((all[0].applied_revision, all[0].applied_digest, all[0].lag), (head, commit.digest, 0));
    assert_eq!((&*all[0].error, all[0].last_ping_time.is_some()), ("the disk is full", true));
    world.application("other").await;
    let second = stream.group().await.commit;
    let all = world.until(|all| all[0].sent_revision == second.revision).await;
    assert_eq!((all[0].applied_revision, all[0].lag), (head, second.revision - head));
    stream.requests.send(complaint(2, second.revision, second.digest, "")).await.unwrap();
    let Told::Pong(_) = stream.next().await.unwrap() else { panic!("a pong") };
    world.measures(&["devhub_sync_lag_max_revisions 0"]).await;
    assert_eq!(world.gateways(Default::default()).await[0].error, "", "it is well again");
    drop(stream);
    let all = world.until(|all| all[0].state() == GatewayState::Disconnected).await;
    assert_eq!((all.len(), all[0].applied_revision), (1, second.revision));
    let gone: DateTime<Utc> = instant(&all[0].disconnect_time.unwrap()).unwrap();
    for (at, listed) in [(-1, 1), (0, 0), (1, 0)] {
        world.clock.set(gone + GONE_FOR + ms(at));
        assert_eq!(world.gateways(Default::default()).await.len(), listed, "{at} ms");
    }
}

#[tokio::test]
async fn gateways_are_listed_in_order_page_by_page_and_by_state() {
    let world = World::usual().await;
    let mut streams = Vec::new();
    for (environment, id) in [
        (Environment::Sandbox, "c"),
        (Environment::Production, "a"),
        (Environment::Sandbox, "a"),
        (Environment::Sandbox, "b"),
        (Environment::Sandbox, "b"),
    ] {
        let mut stream = open(&world, environment, id).await.unwrap();
        stream.group().await;
        streams.push(stream);
    }
    let ids = |all: &[v1::Gateway]| -> Vec<String> {
        all.iter().map(|gateway| format!("{} {}", gateway.gateway_id, gateway.environment)).collect()
    };
    assert_eq!(ids(&world.gateways(Default::default()).await), ["a 1", "a 2", "b 1", "b 1", "c 1"]);
    drop(streams.remove(0));
    world.until(|all| all[4].state() == GatewayState::Disconnected).await;
    // One of two that call themselves b is still there, so b is not gone.
    drop(streams.pop());
    world.until(|all| all.len() == 4).await;
    let of = async |environment: v1::Environment, state: GatewayState| {
        let request =
            v1::ListGatewaysRequest { environment: environment.into(), state: state.into(), ..Default::default() };
        ids(&world.gateways(request).await)
    };
    assert_eq!(of(v1::Environment::Sandbox, GatewayState::Connected).await, ["a 1", "b 1"]);
    assert_eq!(of(v1::Environment::Production, GatewayState::Unspecified).await, ["a 2"]);
    assert_eq!(of(v1::Environment::Unspecified, GatewayState::Disconnected).await, ["c 1"]);
    let wrong = v1::ListGatewaysRequest { environment: 7, state: 7, page_size: -1, ..Default::default() };
    let status = world.fleet("").list_gateways(wrong).await.unwrap_err();
    assert_eq!(violations(&status), ["environment", "state", "page_size"]);
    let page = v1::ListGatewaysRequest { page_size: 1, ..Default::default() };
    let page_token = world.fleet("").list_gateways(page).await.unwrap().into_inner().next_page_token;
    let other = v1::ListGatewaysRequest { environment: 1, page_token, ..Default::default() };
    assert_eq!(reason(&world.fleet("").list_gateways(other).await.unwrap_err()), "PAGE_TOKEN");
    // It is back, and so it was never away.
    let mut back = open(&world, Environment::Sandbox, "c").await.unwrap();
    back.group().await;
    assert_eq!(of(v1::Environment::Unspecified, GatewayState::Disconnected).await, Vec::<String>::new());
}

#[tokio::test]
async fn one_gateway_too_many_is_refused_until_another_goes() {
    let world = World::with(|config| config.sync.streams_max = 2).await;
    let first = open(&world, Environment::Sandbox, "gateway-1").await.unwrap();
    let _second = open(&world, Environment::Production, "gateway-2").await.unwrap();
    let status = open(&world, Environment::Sandbox, "gateway-3").await.err().unwrap();
    assert_eq!((status.code(), &*reason(&status)), (Code::ResourceExhausted, "OVERLOADED"));
    assert!(status.message().contains("2 gateways") && status.message().contains("gateway_sync_streams_max"));
    assert_eq!(status.get_details_error_info().unwrap().metadata["limit"], "2");
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs(), 5);
    drop(first);
    loop {
        match open(&world, Environment::Sandbox, "gateway-3").await {
            Ok(_) => break,
            Err(status) => assert_eq!(reason(&status), "OVERLOADED"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn as_many_snapshots_are_sent_at_a_time_as_may_be_and_others_wait() {
    let world = World::usual().await;
    let running = world.config.sync.snapshots_max;
    hold_snapshots(&world);
    let mut streams = Vec::new();
    for number in 0..running {
        streams.push(begun(&world, &format!("gateway-{number}")).await);
    }
    let mut waiting = open(&world, Environment::Sandbox, "waiting").await.unwrap();
    let lines = [&*format!("devhub_sync_snapshots_running {running}"), "devhub_sync_snapshots_waiting 1"];
    world.measures(&lines).await;
    // One that goes away makes room, as one that goes on does.
    drop(streams.pop());
    let Told::Begin(_) = waiting.next().await.unwrap() else { panic!("a begin") };
    world.measures(&[&*format!("devhub_sync_snapshots_running {running}"), "devhub_sync_snapshots_waiting 0"]).await;
    world.application("other").await;
    world.measures(&["devhub_sync_snapshots_running 0"]).await;
}

#[tokio::test]
async fn a_snapshot_that_takes_too_long_is_cut_off() {
    let world = World::with(|config| config.sync.snapshot_seconds_max = 1).await;
    world.application("app").await;
    hold_snapshots(&world);
    let mut stream = begun(&world, "gateway-1").await;
    let status = loop {
        if let Err(status) = stream.next().await {
            break status;
        }
    };
    assert_eq!((status.code(), &*reason(&status)), (Code::Aborted, "FOLLOWER_TOO_SLOW"));
    world.measures(&["devhub_syncs_total{what=\"CUT\"} 1", "devhub_sync_snapshots_running 0"]).await;
}

#[tokio::test]
async fn all_streams_of_a_gateway_are_closed_at_once() {
    let world = World::usual().await;
    let mut idle = open(&world, Environment::Production, "gateway-1").await.unwrap();
    idle.group().await;
    let mut other = open(&world, Environment::Sandbox, "gateway-2").await.unwrap();
    other.group().await;
    hold_snapshots(&world);
    // In the middle of its snapshot, which could not go on.
    let mut busy = begun(&world, "gateway-1").await;
    assert_eq!(reason(&world.disconnect(ADA, "gateway-1", "a test").await.unwrap_err()), "OPERATOR_REQUIRED");
    assert_eq!(reason(&world.disconnect("", "gateway-1", "a test").await.unwrap_err()), "ACTOR_REQUIRED");
    let status = world.disconnect(OPERATOR, "a gateway", "").await.unwrap_err();
    assert_eq!(violations(&status), ["gateway_id", "reason"]);
    assert_eq!(world.disconnect(OPERATOR, "gateway-3", "a test").await.unwrap(), 0);
    assert_eq!(world.disconnect(OPERATOR, "gateway-1", "a test").await.unwrap(), 2);
    for stream in [&mut idle, &mut busy] {
        let status = loop {
            if let Err(status) = stream.next().await {
                break status;
            }
        };
        assert_eq!((status.code(), &*reason(&status)), (Code::Aborted, "GATEWAY_DISCONNECTED"));
    }
    world
        .until(|all| {
            all.iter().all(|gateway| {
                let gone = gateway.state() == GatewayState::Disconnected;
                gone == (gateway.gateway_id == "gateway-1")
            })
        })
        .await;
    world.application("more").await;
    assert_eq!(other.group().await.commit.revision, world.revision(), "nobody else is disturbed");
    // It keeps nobody out.
    open(&world, Environment::Sandbox, "gateway-1").await.unwrap().group().await;
}

#[tokio::test]
async fn a_replica_that_is_disconnected_comes_back_and_goes_on_where_it_was() {
    let world = World::usual().await;
    let (replica, _, _wire) = replica::follow(&world).await;
    assert_eq!(world.disconnect(OPERATOR, "gateway-1", "a test").await.unwrap(), 1);
    replica.wait_for(|replica| replica.trouble().is_some_and(|trouble| trouble.contains("operator closed"))).await;
    world.application("other").await;
    replica::meet(world.hub(), &replica).await;
    assert_eq!(replica.figures().snapshots, 1);
    assert_eq!(world.gateways(Default::default()).await[0].state(), GatewayState::Connected);
}
