//! A gRPC request to a whole hub, of any call.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::{Extension, Router};
use devhub_decision::Limits;
use devhub_proto::v1;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tonic::codegen::Service as _;

use crate::access::Principal;
use crate::clock::ManualClock;
use crate::config::Config;
use crate::domain::policy::Policies;
use crate::domain::setting::{ProductionDeletion, ProductionSubscriptions, Rules};
use crate::gateway::Judge;
use crate::hub::Hub;
use crate::secret::{Pepper, Peppers};
use crate::server::{self, Parts};
use crate::store::memory::Memory;
use crate::telemetry::Metrics;

/// Requests that one hub gets: what they write must not grow for ever.
const REQUESTS_MAX: u32 = 10_000;

/// A hub with nothing in it, and a way to call it.
struct World {
    runtime: Runtime,
    services: Router,
    paths: Vec<String>,
    asked: u32,
    _stop: watch::Sender<bool>,
}

/// The paths of all calls, in the order in which the contract declares them.
fn paths() -> Vec<String> {
    let set = FileDescriptorSet::decode(v1::DESCRIPTORS).expect("the compiled contract");
    let mut paths = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let of = |method: &prost_types::MethodDescriptorProto| {
                format!("/{}.{}/{}", file.package(), service.name(), method.name())
            };
            paths.extend(service.method.iter().map(of));
        }
    }
    paths
}

impl World {
    fn new() -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let rules = Rules {
            policies: Policies::built_in(),
            restore_window_days: 30,
            production_subscriptions: ProductionSubscriptions::Open,
            production_deletion: ProductionDeletion::Restricted,
            disuse: None,
            quotas: crate::domain::quota::Quotas::default(),
        };
        let (stop, stopping) = watch::channel(false);
        let services = runtime.block_on(async {
            let store = Arc::new(Memory::open().expect("a store in memory"));
            let hub = Hub::open(store, rules, Arc::new(ManualClock::at(now))).expect("an empty hub");
            let ttl = chrono::TimeDelta::seconds(30);
            let limits = Limits::new(ttl, ttl).expect("half a minute is a limit");
            let metrics = Metrics::default();
            let judge = Judge::new(hub.clone(), limits, metrics.clone());
            let peppers = Arc::new(Peppers::new(Vec::new(), Pepper::generate()));
            let config = Config::for_testing("unused");
            let parts = Parts { hub, judge, limits, peppers: Some(peppers), standing: None, metrics };
            // Nobody is asked for a proof here: what is behind the door is what has to stand.
            server::services(parts, &config, &stopping).into_axum_router().layer(Extension(Principal::Anyone))
        });
        World { runtime, services, paths: paths(), asked: 0, _stop: stop }
    }

    fn ask(&mut self, path: usize, message: &[u8]) {
        let path = &self.paths[path % self.paths.len()];
        let length = u32::try_from(message.len()).expect("fuzzers make short inputs");
        let frame: Bytes = [&[0][..], &length.to_be_bytes(), message].concat().into();
        let request = Request::post(path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header(crate::rpc::parse::ACTOR, "operator:fuzz")
            // Some calls wait for a revision that may never come.
            .header("grpc-timeout", "5m")
            .body(Body::from(frame))
            .expect("the path of a call is a path");
        let services = &mut self.services;
        let response = self.runtime.block_on(services.call(request));
        let Ok(response) = response;
        assert_eq!(response.status(), 200, "gRPC tells of errors elsewhere");
        let said = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // What is no message at all is told so by the transport, with the code that gRPC has for it.
        let undecodable = said("grpc-message").starts_with("failed%20to%20decode%20Protobuf%20message");
        assert!(undecodable || !["2", "13"].contains(&said("grpc-status")), "{path}: {:?}", response.headers());
    }
}

/// The first two bytes choose the call, the rest is its message. No message is a defect of the hub: UNKNOWN and INTERNAL
/// are answers to none.
pub(super) fn request(bytes: &[u8]) {
    static WORLD: Mutex<Option<World>> = Mutex::new(None);
    let Some((path, message)) = bytes.split_first_chunk::<2>() else { return };
    let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    if world.as_ref().is_none_or(|world| world.asked >= REQUESTS_MAX) {
        *world = Some(World::new());
    }
    if let Some(world) = world.as_mut() {
        world.asked += 1;
        world.ask(usize::from(u16::from_be_bytes(*path)), message);
    }
}
