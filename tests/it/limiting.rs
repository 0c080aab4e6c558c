//! What connections and calls may cost: each limit bites, and where it is not set the same attack gets through.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use devhub::access::class::{Class, class};
use devhub::access::{ClientCertificates, table};
use devhub::config::{Config, Crowding};
use devhub_proto::v1;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::frames::*;
use crate::golden::compare;
use crate::pki::{Authority, Files};
use crate::world::*;

const AUTHORIZE: &str = "/devhub.v1.AuthorizationService/Authorize";

const FOLLOW: &str = "/devhub.v1.FactService/FollowFacts";

fn address(world: &World) -> SocketAddr {
    world.server().address
}

/// Two hubs: one with a limit, and one with a limit that nobody meets.
async fn pair(tight: impl FnOnce(&mut Config), loose: impl FnOnce(&mut Config)) -> (World, World) {
    (World::with(tight).await, World::with(loose).await)
}

fn metadata(status: &Status, key: &str) -> String {
    status.get_details_error_info().and_then(|info| info.metadata.get(key).cloned()).unwrap_or_default()
}

#[test]
fn every_call_is_of_a_class_and_changes_it_only_on_purpose() {
    let mut text = String::new();
    for (path, callers) in table::table() {
        let class = class(path).map(Class::name);
        assert!(class.is_some() || callers == table::Callers::Everybody, "{path}");
        text.push_str(&format!("{path} {}\n", class.unwrap_or("-")));
    }
    compare("tests/it/golden/classes.txt", &text);
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_takes_none_from_others() {
    let (tight, loose) = pair(|config| config.limits.connections_per_peer = 2, |_| {}).await;
    for (world, third) in [(&tight, false), (&loose, true)] {
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut line = Line::to(address(world)).await;
            assert!(line.calls(1, HEALTH).await);
            held.push(line);
        }
        assert_eq!(Line::to(address(world)).await.calls(1, HEALTH).await, third);
        assert!(Line::from(Ipv4Addr::new(127, 0, 0, 2), address(world)).await.calls(1, HEALTH).await);
    }
}

#[tokio::test]
async fn all_addresses_together_have_so_many_connections() {
    let (tight, loose) = pair(|config| config.access.connections_max = 2, |_| {}).await;
    for (world, third) in [(&tight, false), (&loose, true)] {
        let mut held = Vec::new();
        for number in 2..4 {
            let mut line = Line::from(Ipv4Addr::new(127, 0, 0, number), address(world)).await;
            assert!(line.calls(1, HEALTH).await);
            held.push(line);
        }
        assert_eq!(Line::from(Ipv4Addr::new(127, 0, 0, 4), address(world)).await.calls(1, HEALTH).await, third);
        drop(held);
        // Their places are free as soon as the hub has seen that they are gone.
        while !Line::to(address(world)).await.calls(1, HEALTH).await {}
    }
    let figures = crate::enduring::admin(tight.server().admin_address, "/metrics").await;
    assert!(figures.contains("devhub_connections_turned_away_total{limit=\"TOTAL\"}"), "{figures}");
}

#[tokio::test]
async fn who_says_nothing_in_the_handshake_is_let_go() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    files.write_server(&ca.server(), &ca.pem);
    let tls = Some(files.tls(ClientCertificates::Optional));
    let with = |seconds: u32, config: &mut Config| {
        config.access.tls = tls.clone();
        config.limits.handshake_seconds = seconds;
        config.limits.first_request_seconds = 3600;
    };
    let (tight, loose) = pair(|config| with(1, config), |config| with(60, config)).await;
    let silent = |world: &World| {
        let stream = std::net::TcpStream::connect(address(world)).unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    };
    let (let_go, mut kept) = (silent(&tight), silent(&loose));
    let ended = tokio::task::spawn_blocking(move || {
        let mut stream = let_go;
        stream.read(&mut [0]).map_or(0, |bytes| bytes)
    });
    assert_eq!(ended.await.unwrap(), 0);
    kept.set_nonblocking(true).unwrap();
    assert_eq!(kept.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "it is still there");
}

#[tokio::test]
async fn who_asks_nothing_is_let_go_however_much_else_is_said() {
    let (tight, loose) =
        pair(|config| config.limits.first_request_seconds = 1, |config| config.limits.first_request_seconds = 3600)
            .await;
    let mut kept = Line::to(address(&loose)).await;
    let mut let_go = Line::to(address(&tight)).await;
    assert!(!let_go.ends().await, "nothing is under way that it could finish");
    // A connection of which not even the protocol is known.
    let bare = std::net::TcpStream::connect(address(&tight)).unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        let mut bare = bare;
        bare.write_all(b"PRI * HT").unwrap();
        bare.read(&mut [0]).unwrap_or_default()
    });
    assert_eq!(ended.await.unwrap(), 0);
    assert!(kept.calls(1, HEALTH).await, "it is still there");
}

#[tokio::test]
async fn who_has_nothing_more_to_ask_is_asked_to_go_and_who_follows_is_not() {
    let (tight, loose) = pair(|config| config.limits.idle_seconds = 1, |_| {}).await;
    let mut kept = Line::to(address(&loose)).await;
    let mut follower = Line::to(address(&tight)).await;
    let mut idle = Line::to(address(&tight)).await;
    follower.send(&call(1, FOLLOW)).await;
    assert!(kept.calls(1, HEALTH).await && idle.calls(1, HEALTH).await);
    assert!(idle.ends().await, "it is told that it should go");
    assert!(kept.calls(3, HEALTH).await, "it is still there");
    assert!(follower.calls(3, HEALTH).await, "it is still there");
}

#[tokio::test]
async fn an_old_connection_is_asked_to_go_and_its_calls_are_made_on_another() {
    let (tight, loose) = pair(
        |config| (config.limits.age_seconds, config.limits.grace_seconds) = (1, 1),
        |config| config.limits.age_seconds = 0,
    )
    .await;
    tight.api().await;
    let mut kept = Line::to(address(&loose)).await;
    assert!(kept.calls(1, HEALTH).await);
    let mut follower = Line::to(address(&tight)).await;
    follower.send(&call(1, FOLLOW)).await;
    let mut deaf = Line::to(address(&tight)).await;
    assert!(deaf.calls(1, HEALTH).await);
    deaf.deaf = true;
    let mut old = Line::to(address(&tight)).await;
    assert!(old.calls(1, HEALTH).await);
    assert!(old.ends().await);
    assert!(deaf.ends().await, "who does not go when it is asked to is cut off");
    assert!(follower.until(|frame| frame.kind == GOAWAY).await.is_some(), "new calls go elsewhere");
    // A client of the library notices nothing, and what follows goes on.
    tight.application("after").await;
    let told = follower.until(|frame| frame.kind == DATA && String::from_utf8_lossy(&frame.payload).contains("after"));
    assert!(told.await.is_some());
    assert!(kept.calls(3, HEALTH).await);
}

#[tokio::test]
async fn a_connection_has_so_many_calls_at_a_time() {
    let (tight, loose) = pair(|config| config.max_streams_per_connection = 2, |_| {}).await;
    for (world, refused) in [(&tight, true), (&loose, false)] {
        let mut line = Line::to(address(world)).await;
        for stream in [1, 3] {
            line.send(&head(stream, AUTHORIZE, &[])).await;
        }
        line.send(&call(5, HEALTH)).await;
        let answer = line.until(|frame| frame.stream == 5).await.unwrap();
        assert_eq!(answer.kind == RESET, refused, "{answer:?}");
        if refused {
            assert_eq!(answer.payload, 7_u32.to_be_bytes(), "REFUSED_STREAM: it was not begun, and may be repeated");
        }
    }
}

#[tokio::test]
async fn a_connection_is_told_what_it_may_cost() {
    let world = World::new().await;
    let mut line = Line::to(address(&world)).await;
    let told = line.until(|frame| frame.kind == SETTINGS).await.unwrap();
    let settings: Vec<(u16, u32)> = told
        .payload
        .chunks(6)
        .map(|chunk| (u16::from_be_bytes([chunk[0], chunk[1]]), u32::from_be_bytes(chunk[2..].try_into().unwrap())))
        .collect();
    // Calls at a time, the window of a call, and the largest head.
    for expected in [(3, 256), (4, 262_144), (6, 16_384)] {
        assert!(settings.contains(&expected), "{expected:?} in {settings:?}");
    }
    let widened = line.until(|frame| frame.kind == WINDOW).await.unwrap();
    assert_eq!((widened.stream, widened.payload), (0, ((1_u32 << 20) - 65_535).to_be_bytes().to_vec()));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_not_read() {
    let (tight, loose) =
        pair(|config| config.limits.head_bytes_max = 2048, |config| config.limits.head_bytes_max = 65_536).await;
    for (world, answered) in [(&tight, false), (&loose, true)] {
        let long = "a".repeat(3000);
        let mut line = Line::to(address(world)).await;
        line.send(&[head(1, HEALTH, &[("x-long", &long)]), frame(DATA, END, 1, &[0; 5])].concat()).await;
        let head = line.until(|frame| frame.stream == 1).await;
        let data = line.until(|frame| frame.stream == 1 && matches!(frame.kind, DATA | RESET)).await;
        let got = data.is_some_and(|frame| frame.kind == DATA && !frame.payload.is_empty());
        assert_eq!(got, answered, "{head:?}");
    }
}

#[tokio::test]
async fn calls_say_how_long_they_are_waited_for() {
    let (tight, loose) = pair(|config| config.limits.deadline_required = true, |_| {}).await;
    let request = || v1::ListApisRequest::default();
    loose.apis(OPERATOR).list_apis(request()).await.unwrap();
    let status = tight.apis(OPERATOR).list_apis(request()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "DEADLINE_REQUIRED"));
    assert_eq!(violations(&status), ["grpc-timeout"]);
    let mut asked = Request::new(request());
    asked.set_timeout(Duration::from_secs(10));
    tight.apis(OPERATOR).list_apis(asked).await.unwrap();
    let mut asked = Request::new(request());
    asked.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    let status = tight.apis(OPERATOR).list_apis(asked).await.unwrap_err();
    assert_eq!((reason(&status), violations(&status)), ("INVALID_FIELD".into(), vec!["grpc-timeout".into()]));
    tight.facts().follow_facts(v1::FollowFactsRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_never_sent_whole_ends_when_calls_of_its_class_do() {
    let (tight, loose) = pair(|config| config.limits.decision_milliseconds_max = 1, |_| {}).await;
    let begin = async |world: &World, deadline: &str| {
        let mut line = Line::to(address(world)).await;
        line.send(&head(1, AUTHORIZE, &[("grpc-timeout", deadline)])).await;
        line
    };
    let mut open = begin(&loose, "9S").await;
    for (world, deadline) in [(&tight, "9S"), (&loose, "2m")] {
        let answer = begin(world, deadline).await.until(|frame| frame.stream == 1 && frame.kind == HEADERS).await;
        assert!(answer.is_some_and(|answer| answer.flags & END != 0), "a status, and no message");
    }
    open.send(&call(3, HEALTH)).await;
    let first = open.until(|frame| frame.kind == HEADERS).await.unwrap();
    assert_eq!(first.stream, 3, "the other one still waits");
    let mut asked = Request::new(question("app", "1.0"));
    asked.get_mut().min_revision = 1_000_000;
    asked.set_timeout(Duration::from_secs(9));
    let status = tight.gateway().authorize(asked).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    assert_eq!(metadata(&status, "milliseconds"), "1");
}

#[tokio::test]
async fn a_question_is_small_and_one_that_is_not_is_refused_before_it_is_there() {
    let (tight, loose) = pair(|_| {}, |config| config.limits.decision_bytes_max = 1 << 18).await;
    let long = || v1::AuthorizeRequest { path: Some("a".repeat(70_000)), ..question("app", "1.0") };
    let status = tight.gateway().authorize(long()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "REQUEST_TOO_LARGE"), "{status:?}");
    assert!(status.message().contains("limits_decision_bytes_max"), "{status:?}");
    let other = loose.gateway().authorize(long()).await;
    assert_ne!(other.err().map(|status| reason(&status)), Some("REQUEST_TOO_LARGE".to_owned()));
    // Four gigabytes are announced, and none of them is waited for.
    let mut line = Line::to(address(&tight)).await;
    line.send(&[head(1, AUTHORIZE, &[]), frame(DATA, 0, 1, &[0, 255, 255, 255, 255])].concat()).await;
    assert!(line.until(|frame| frame.stream == 1 && frame.kind == HEADERS).await.is_some());
}

#[tokio::test]
async fn nothing_is_compressed() {
    let world = World::new().await;
    let mut line = Line::to(address(&world)).await;
    let compressed = frame(DATA, END, 1, &[1, 0, 0, 0, 0]);
    line.send(&[head(1, HEALTH, &[("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")]), compressed].concat())
        .await;
    let answer = line.until(|frame| frame.stream == 1).await.unwrap();
    assert_eq!((answer.kind, answer.flags & END), (HEADERS, END), "a refusal, and no message");
    // And an answer to somebody who could read it.
    line.send(&[head(3, HEALTH, &[("grpc-accept-encoding", "gzip")]), frame(DATA, END, 3, &[0; 5])].concat()).await;
    let answer = line.until(|frame| frame.stream == 3 && frame.kind == DATA).await.unwrap();
    assert_eq!(answer.payload[0], 0, "the flag says that the message is as it is");
}

/// Keeps the places of lists taken: each of these waits a while for a revision that does not come.
async fn flood(world: &World) {
    loop {
        let question = v1::AuthorizeRequest { min_revision: 1_000_000, ..question("app", "1.0") };
        let request = v1::ExplainRequest { question: Some(question), ..Default::default() };
        let status = world.gateway().explain(request).await.unwrap_err();
        assert!(matches!(reason(&status).as_str(), "REVISION_NOT_REACHED" | "OVERLOADED"), "{status:?}");
    }
}

#[tokio::test]
async fn who_floods_the_hub_with_lists_keeps_nobody_else_from_anything() {
    let few = Crowding { running: 1, waiting: 1 };
    let (tight, loose) = pair(|config| config.limits.lists = few, |_| {}).await;
    for world in [&tight, &loose] {
        world.api().await;
        world.version("1.0", v1::Maturity::Stable).await;
        world.application("app").await;
        world.subscribe(ADA, "app", "1.0").await.unwrap();
    }
    let refused = async |world: &World, most: usize| {
        for _ in 0..most {
            // Whatever becomes of lists, decisions are made and changes too.
            assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
            match world.apis(OPERATOR).list_apis(v1::ListApisRequest::default()).await {
                Ok(_) => {}
                Err(status) => return Some(status),
            }
        }
        None
    };
    let status = tokio::select! {
        status = refused(&tight, usize::MAX) => status.unwrap(),
        _ = async { tokio::join!(flood(&tight), flood(&tight), flood(&tight), flood(&tight)) } => unreachable!(),
    };
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    assert_eq!((metadata(&status, "class"), metadata(&status, "limit")), ("LISTS".into(), "1".into()));
    assert!(status.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()), "{status:?}");
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"), "{status:?}");
    tight.application("another").await;
    let figures = crate::enduring::admin(tight.server().admin_address, "/metrics").await;
    assert!(!figures.contains("devhub_calls_shed_total{class=\"LISTS\"} 0"), "{figures}");
    assert!(figures.contains("devhub_calls_shed_total{class=\"DECISIONS\"} 0"), "{figures}");
    // Where there is room, the same flood is no matter.
    tokio::select! {
        status = refused(&loose, 20) => assert!(status.is_none(), "{status:?}"),
        _ = async { tokio::join!(flood(&loose), flood(&loose), flood(&loose), flood(&loose)) } => unreachable!(),
    };
}
