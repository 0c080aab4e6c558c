//! Clients in other languages against the real server: the tours of `examples/`, and what a browser does before and
//! around a gRPC-Web call.
//!
//! The tours need Python and Node.js, and packages from their registries. Where those are missing, a test says on
//! standard error that it was skipped, and why; under `CI=true` it fails instead.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "peers/http.rs"]
mod http;
#[path = "clients/peer.rs"]
mod peer;
#[path = "peers/process.rs"]
mod process;
#[path = "peers/provision.rs"]
mod provision;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use devhub::clock::SystemClock;
use devhub::config::Config;
use devhub::server::Server;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::http::Answer;
use crate::process::Finished;

/// An origin that the hub is configured for.
const PORTAL: &str = "https://portal.example";

/// An origin that it is not configured for.
const STRANGER: &str = "https://stranger.example";

/// The whole of a tour takes about a second.
const TOUR_LIMIT: Duration = Duration::from_secs(120);

/// A real server on free ports over an empty store.
struct World {
    address: SocketAddr,
    admin_address: SocketAddr,
    server: Server,
    runtime: Runtime,
    directory: TempDir,
}

impl World {
    fn start() -> World {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(directory.path().join("data"));
        config.cors_origins = vec![PORTAL.to_owned()];
        // What the tours show is what clients do: they send deadlines.
        config.limits.deadline_required = true;
        // Its workers serve while the test itself waits for a child process.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(&config, Arc::new(SystemClock))).unwrap();
        World { address: server.address, admin_address: server.admin_address, server, runtime, directory }
    }

    /// A directory for what a client makes.
    fn room(&self, name: &str) -> PathBuf {
        let room = self.directory.path().join(name);
        std::fs::create_dir(&room).unwrap();
        room
    }

    fn stop(self) {
        self.runtime.block_on(self.server.stop()).unwrap();
    }
}

/// A directory of this repository.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a process that must succeed.
fn succeed(command: &mut Command, limit: Duration) {
    let finished = process::run(command, limit).unwrap();
    assert!(finished.success, "{finished}");
}

/// The transcript of a tour that must have gone well and said all of `lines`, in this order.
fn check(tour: &Finished, lines: &[&str]) {
    assert!(tour.success, "the tour failed:\n{tour}");
    let mut said = tour.output.lines();
    for line in lines {
        assert!(said.any(|said| said.contains(line)), "the tour did not say {line:?} where expected:\n{tour}");
    }
}

/// A tour that must have failed with one sentence that names `word`.
fn check_refusal(tour: &Finished, word: &str) {
    assert!(!tour.success, "the tour went well:\n{tour}");
    let complaint = tour.complaints.trim();
    assert!(complaint.starts_with("tour: ") && complaint.lines().count() == 1, "not one sentence:\n{tour}");
    assert!(complaint.contains(word), "the sentence does not name {word:?}:\n{tour}");
}

#[test]
fn a_process_that_hangs_is_killed_with_its_children() {
    // The shell and its child hold the pipe open until both are gone.
    let mut hanging = Command::new("sh");
    hanging.args(["-c", "echo begun; tail -f /dev/null & wait"]);
    let finished = process::run(&mut hanging, Duration::from_millis(200)).unwrap();
    assert!(!finished.success && finished.output == "begun\n", "{finished}");
}

#[test]
fn the_python_tour_goes_well() {
    let Some(python) = provision::or_skip("the_python_tour_goes_well", peer::python()) else { return };
    let world = World::start();
    let (proto, generated) = (source("proto"), world.room("generated"));
    let contract = std::fs::read_dir(proto.join("devhub/v1")).unwrap().map(|file| file.unwrap().path());
    let mut generate = Command::new(&python.interpreter);
    generate.args(["-m", "grpc_tools.protoc", "-I"]).arg(&proto).args(contract);
    for option in ["--python_out", "--pyi_out", "--grpc_python_out"] {
        generate.arg(format!("{option}={}", generated.display()));
    }
    succeed(&mut generate, TOUR_LIMIT);

    let tour = |address: SocketAddr| {
        let mut tour = Command::new(&python.interpreter);
        tour.arg(source("examples/python/tour.py")).args(["--server", &address.to_string()]);
        // Nothing is written into the sources, and nothing of the caller's environment is looked at.
        tour.env("PYTHONPATH", &generated).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
        // A proxy that the environment names does not know this hub.
        tour.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        process::run(&mut tour, TOUR_LIMIT).unwrap()
    };
    let lines = [
        "health: server SERVING",
        "health: devhub.v1.AuthorizationService SERVING",
        "reflection: devhub.v1.ApiService",
        "operator: published 1.10 STABLE",
        "ada: subscribed to 1.10, ACTIVE",
        "ada: replayed the request, same answer",
        "gateway: 1.10 ALLOW SUBSCRIBED 200",
        "gateway: 2.0 DENY NOT_SUBSCRIBED 403",
        "operator: deprecated 1.10 in favour of 2.0",
        "ada: refused with FAILED_PRECONDITION: version tour/python-",
        "ada: refused because of VERSION_DEPRECATED",
        "ada:   deprecate_time = ",
        "ada:   successor_version = 2.0",
        "gateway: 1.10 ALLOW SUBSCRIBED 200, 365 days left",
        "gateway:   Deprecation: @",
        "gateway:   Sunset: ",
        "rel=\"successor-version\"",
        "explain: in 366 days DENY VERSION_RETIRED 410",
        "explain:   NOT_RETIRED DECIDED: ",
        "operator:python VERSION_DEPRECATED 1.10",
        "COMMAND_REFUSED 1.10 (Subscribe: VERSION_DEPRECATED)",
        "ada: subscribed the second application to 2.0 instead",
        "SUBSCRIBED 2.0",
        "preview: Tour first",
        "preview:   DENY VERSION_RETIRED from ",
        "preview: 1 affected",
        "operator: put off the retirement of 1.10",
        "notice: The dates of tour/python-",
        "notice: Reason: some need more time",
        "ada: acknowledged the notice, as ada@example.com",
        "ada: moved the first application from 1.10 to 2.0",
        "gateway: 1.10 DENY NOT_SUBSCRIBED 403 after the move",
        "gateway: 2.0 ALLOW SUBSCRIBED 200 after the move",
        "mistakes: INVALID_ARGUMENT INVALID_FIELD",
        "mistakes:   application.environment: ",
        "mistakes: UNAUTHENTICATED ACTOR_REQUIRED",
        "tour: done",
    ];
    check(&tour(world.address), &lines);
    // A hub that has been used is as good as an empty one.
    check(&tour(world.address), &lines);
    // Something that listens and is no hub.
    check_refusal(&tour(world.admin_address), "UNIMPLEMENTED");
    world.stop();
}

#[test]
fn the_typescript_tour_goes_well_over_grpc_web() {
    let name = "the_typescript_tour_goes_well_over_grpc_web";
    let Some(node) = provision::or_skip(name, peer::typescript()) else { return };
    let world = World::start();
    let proto = source("proto");
    let contract = proto.join("devhub/v1");
    succeed(node.npm("generate").arg(&proto).arg("--path").arg(contract), TOUR_LIMIT);
    succeed(&mut node.npm("build"), TOUR_LIMIT);

    let tour = |address: SocketAddr| {
        let mut tour = node.npm("tour");
        tour.args(["--server", &format!("http://{address}")]);
        process::run(&mut tour, TOUR_LIMIT).unwrap()
    };
    let lines = [
        "operator: published 1.10",
        "ada: subscribed to 1.10",
        "ada: replayed the request, same answer",
        "gateway: ALLOW SUBSCRIBED 200",
        "operator: deprecated 1.10 in favour of 2.0",
        "ada: refused: version tour/typescript-",
        "ada: refused because of VERSION_DEPRECATED, successor 2.0",
        "gateway: ALLOW SUBSCRIBED 200",
        "gateway:   Deprecation: @",
        "operator:typescript API_CREATED",
        "COMMAND_REFUSED 1.10 (Subscribe: VERSION_DEPRECATED)",
        "ada: subscribed the second application to 2.0 instead",
        "SUBSCRIBED 2.0",
        "mistakes: InvalidArgument INVALID_FIELD",
        "mistakes:   application.environment: ",
        "tour: done",
    ];
    check(&tour(world.address), &lines);
    check(&tour(world.address), &lines);
    // Something that listens and is no hub.
    check_refusal(&tour(world.admin_address), "unimplemented");
    world.stop();
}

/// An empty message in a gRPC-Web frame: no flags, no bytes.
const EMPTY: &[u8] = &[0; 5];

/// The flag of the frame that holds the trailers.
const TRAILERS: u8 = 0x80;

/// The gRPC-Web frames of a body: a flag byte and the bytes of each.
fn frames(answer: &Answer) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut rest = answer.body.as_slice();
    while let Some((&[flag, a, b, c, d], after)) = rest.split_first_chunk() {
        let (frame, next) = after.split_at(u32::from_be_bytes([a, b, c, d]) as usize);
        frames.push((flag, frame.to_vec()));
        rest = next;
    }
    assert!(rest.is_empty(), "a torn frame: {rest:?}");
    frames
}

const CALL: [(&str, &str); 3] =
    [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1"), ("grpc-timeout", "9S")];

const PREFLIGHT: [(&str, &str); 2] = [
    ("access-control-request-method", "POST"),
    (
        "access-control-request-headers",
        "content-type,devhub-actor,devhub-user-token,grpc-timeout,x-grpc-web,x-user-agent",
    ),
];

#[test]
fn a_browser_may_call_from_a_configured_origin_only() {
    let world = World::start();
    let path = "/devhub.v1.ApiService/ListPolicies";
    let from = |method: &str, origin: &str, headers: &[(&str, &str)], body: &[u8]| {
        let headers: Vec<_> = headers.iter().copied().chain([("origin", origin)]).collect();
        http::call(world.address, method, path, &headers, body)
    };

    let preflight = from("OPTIONS", PORTAL, &PREFLIGHT, &[]);
    assert_eq!(preflight.status, 200, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), Some(PORTAL), "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST"), "{preflight:?}");
    let allowed = preflight.header("access-control-allow-headers").unwrap();
    for asked in PREFLIGHT[1].1.split(',') {
        assert!(allowed.split(',').any(|allowed| allowed == asked), "{asked} is not allowed: {preflight:?}");
    }
    // An answer for one origin must not be cached for another.
    assert!(preflight.header("vary").is_some_and(|vary| vary.contains("origin")), "{preflight:?}");

    let call = from("POST", PORTAL, &CALL, EMPTY);
    assert_eq!(call.status, 200, "{call:?}");
    assert_eq!(call.header("content-type"), Some("application/grpc-web+proto"), "{call:?}");
    assert_eq!(call.header("access-control-allow-origin"), Some(PORTAL), "{call:?}");
    let exposed = call.header("access-control-expose-headers").unwrap();
    for header in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        assert!(exposed.split(',').any(|exposed| exposed == header), "{header} is not exposed: {call:?}");
    }
    let frames = frames(&call);
    let [(0, message), (TRAILERS, trailers)] = frames.as_slice() else { panic!("not an answer: {frames:?}") };
    assert!(!message.is_empty());
    let trailers = String::from_utf8_lossy(trailers);
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    for answer in [from("OPTIONS", STRANGER, &PREFLIGHT, &[]), from("POST", STRANGER, &CALL, EMPTY)] {
        assert_eq!(answer.header("access-control-allow-origin"), None, "{answer:?}");
    }
    world.stop();
}

#[test]
fn a_browser_can_read_why_it_was_refused() {
    let world = World::start();
    let headers = [CALL[0], CALL[1], CALL[2], ("origin", PORTAL)];
    let refused = http::call(world.address, "POST", "/devhub.v1.ApiService/CreateApi", &headers, EMPTY);
    assert_eq!((refused.status, refused.header("grpc-status")), (200, Some("16")), "{refused:?}");
    assert!(refused.header("grpc-message").is_some_and(|message| message.contains("devhub-actor")), "{refused:?}");
    assert!(refused.header("grpc-status-details-bin").is_some(), "{refused:?}");
    assert_eq!(refused.header("access-control-allow-origin"), Some(PORTAL), "{refused:?}");
    world.stop();
}
