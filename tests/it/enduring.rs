//! Faults: clients that go away, disks that fill and fail, processes that are killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use devhub::clock::ManualClock;
use devhub::config::Config;
use devhub::server::Server;
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub::store::fault::{Fault, Faults};
use devhub_proto::v1;
use devhub_proto::v1::application_service_client::ApplicationServiceClient;
use tonic::Code;

use crate::world::*;

/// A usual world over a store that can be made to fail.
pub(crate) async fn failing() -> (World, Arc<Faults>) {
    let faults = Faults::new();
    let directory = tempfile::tempdir().unwrap();
    let config = Config::for_testing(directory.path());
    let clock = ManualClock::at(start());
    let (path, injected) = (directory.path().to_owned(), Arc::clone(&faults));
    let open = move || {
        let options = Options { faults: Some(injected), ..Options::default() };
        Ok(Arc::new(Embedded::open(path, options)?) as Arc<dyn Store>)
    };
    let server = Server::start_with(open, &config, Arc::new(clock.clone())).await.unwrap();
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", server.address)).unwrap().connect_lazy();
    let world = World { server: Some(server), clock, config, channel, directory };
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    (world, faults)
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else_and_heals_by_itself() {
    let (world, faults) = failing().await;
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    faults.start(Fault::DiskFull);
    let status = world.subscribe(ADA, "app", "2.0").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "STORE_FULL"));
    assert!(status.message().contains("no space"), "{}", status.message());
    assert!(!status.message().contains('/'), "no path leaks: {}", status.message());
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("app", "2.0").await, "DENY NOT_SUBSCRIBED");
    assert_eq!(refused(world.subscribe(ADA, "app", "1.0").await), "DUPLICATE_SUBSCRIPTION", "a no stays a no");
    faults.stop(Fault::DiskFull);
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn a_failed_sync_is_never_acknowledged_and_a_restart_settles_it() {
    let (mut world, faults) = failing().await;
    faults.start(Fault::SyncFails);
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        request_id: "unsure".into(),
        ..Default::default()
    };
    let status = world.subscriptions(ADA).subscribe(request.clone()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED", "nobody sees what is not durable");
    faults.stop(Fault::SyncFails);
    let status = world.subscriptions(ADA).subscribe(request.clone()).await.unwrap_err();
    assert_eq!(
        status.code(),
        Code::Unavailable,
        "a sync that failed is not tried again: the cache may be clean by now"
    );
    world.restart().await;
    // The same request id settles the unknown outcome: done once, whether it was there or not.
    world.subscriptions(ADA).subscribe(request).await.unwrap();
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    let kinds = vec![v1::FactKind::Subscribed.into()];
    assert_eq!(world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_the_middle_of_a_write_leaves_no_half() {
    let (world, faults) = failing().await;
    let held = Arc::new(AtomicBool::new(true));
    let (reached, waits) = (Arc::new(tokio::sync::Notify::new()), Arc::clone(&held));
    let signal = Arc::clone(&reached);
    faults.before_sync(Some(Arc::new(move || {
        signal.notify_one();
        while waits.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    })));
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        request_id: "left".into(),
        ..Default::default()
    };
    let mut client = world.subscriptions(ADA);
    let call = tokio::spawn({
        let request = request.clone();
        async move { client.subscribe(request).await }
    });
    reached.notified().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED", "decisions do not wait for the disk");
    held.store(false, Ordering::Release);
    faults.before_sync(None);
    // The write went on without its caller; repeating the request finds it done.
    let again = world.subscriptions(ADA).subscribe(request).await.unwrap().into_inner();
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    let filter = v1::FactFilter { application_id: "app".into(), ..Default::default() };
    let facts = world.all_facts(filter).await;
    assert_eq!(facts.iter().filter(|fact| fact.kind() == v1::FactKind::Subscribed).count(), 1);
    assert_eq!(facts.last().unwrap().revision, again.revision);
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused() {
    let world = World::usual().await;
    let config = Config::for_testing(world.directory.path());
    let error = match Server::start(&config, Arc::new(ManualClock::at(start()))).await {
        Ok(_) => panic!("two processes share a directory"),
        Err(error) => format!("{error:#}"),
    };
    assert!(error.contains("another process") || error.contains("in use"), "{error}");
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED", "the first one is unharmed");
}

/// What the admin port answers.
pub(crate) async fn admin(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_is_alive_but_not_ready_while_its_store_is_verified() {
    let directory = tempfile::tempdir().unwrap();
    // The test must know the port before the server says it: a free one below those that systems give out by themselves.
    let from = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap();
    let bind = |port| std::net::TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    let free = (from..30_000).find_map(|port| bind(port).ok()).unwrap();
    let config = Config { admin_listen: free, ..Config::for_testing(directory.path()) };
    let (opening, opened) = (Arc::new(tokio::sync::Notify::new()), std::sync::mpsc::channel::<()>());
    let (release, held) = opened;
    let (signal, path) = (Arc::clone(&opening), directory.path().to_owned());
    let open = move || {
        signal.notify_one();
        held.recv().expect("the test releases the store");
        Ok(Arc::new(Embedded::open(path, Options::default())?) as Arc<dyn Store>)
    };
    let starting =
        tokio::spawn(
            async move { Server::start_with(open, &config, Arc::new(ManualClock::at(start()))).await.unwrap() },
        );
    opening.notified().await;
    assert!(admin(free, "/livez").await.starts_with("HTTP/1.1 200"));
    for path in ["/readyz", "/metrics"] {
        let answer = admin(free, path).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("verified"), "{answer}");
    }
    release.send(()).unwrap();
    let server = starting.await.unwrap();
    assert!(admin(free, "/readyz").await.starts_with("HTTP/1.1 200"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn metrics_count_decisions() {
    let world = World::usual().await;
    world.authorize("app", "1.0").await;
    world.authorize("nobody", "1.0").await;
    let get = async |path: &str| admin(world.server().admin_address, path).await;
    assert!(get("/livez").await.starts_with("HTTP/1.1 200"));
    assert!(get("/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = get("/metrics").await;
    for line in [
        "devhub_decisions_total{verdict=\"DENY\",reason=\"NOT_SUBSCRIBED\"} 1",
        "devhub_decisions_total{verdict=\"DENY\",reason=\"UNKNOWN_CLIENT\"} 1",
        "devhub_table_applications 1",
        "devhub_store_writable 1",
        "devhub_versions{environment=\"SANDBOX\",stage=\"STABLE\"} 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn health_is_told_by_service() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
    let world = World::new().await;
    let mut health = HealthClient::new(world.channel.clone());
    for service in ["", "devhub.v1.AuthorizationService", "devhub.v1.FactService"] {
        let response = health.check(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner();
        assert_eq!(response.status(), ServingStatus::Serving, "{service:?}");
    }
    // A client that names nobody is told so, and writes need an actor.
    let mut applications = ApplicationServiceClient::new(world.channel.clone());
    let status = applications.create_application(v1::CreateApplicationRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}
