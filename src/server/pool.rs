//! Places for calls: each class has so many, so that no class takes those of another; a few more calls wait, and the others
//! are told at once to come back. A call that was not done by its deadline is not begun any more.
//!
//! Nothing of a call is begun before its whole message is there, so nobody keeps a place by sending slowly. What changes
//! something, or reads much, goes on when its caller goes away, and keeps its place until it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::deadline::{self, Malformed};
use crate::access::class::{Class, class};
use crate::config::{Config, Crowding};
use crate::hub::Failure;
use crate::rpc::status;
use crate::telemetry::Metrics;

/// Bytes before a message that say how long it is.
const PREFIX: usize = 5;

/// The places of one class.
struct Pool {
    class: Class,
    crowding: Crowding,
    running: Arc<Semaphore>,
    waiting: Semaphore,
    /// Longest time that a call takes; longer deadlines are shortened.
    within: Duration,
    /// Largest message, in bytes, and the setting that says so.
    bytes_max: (usize, &'static str),
}

impl Pool {
    fn new(class: Class, crowding: Crowding, within: Duration, bytes_max: (usize, &'static str)) -> Pool {
        let running = Arc::new(Semaphore::new(crowding.running as usize));
        let waiting = Semaphore::new(crowding.waiting as usize);
        Pool { class, crowding, running, waiting, within, bytes_max }
    }

    /// A place, after those who came before; none if too many wait already.
    async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.running).try_acquire_owned() {
            return Some(place);
        }
        let _turn = self.waiting.try_acquire().ok()?;
        // Nobody closes a pool.
        Arc::clone(&self.running).acquire_owned().await.ok()
    }
}

/// The places of all classes.
pub(super) struct Pools {
    decisions: Pool,
    portal: Pool,
    operators: Pool,
    lists: Pool,
    /// How long a stream may take to begin.
    streams_within: Duration,
    deadline_required: bool,
    metrics: Metrics,
}

impl Pools {
    pub(super) fn new(config: &Config, metrics: Metrics) -> Pools {
        let limits = &config.limits;
        let calls = Duration::from_secs(u64::from(config.request_timeout_seconds));
        let lists = Duration::from_secs(u64::from(limits.list_seconds_max));
        let decisions = Duration::from_millis(u64::from(limits.decision_milliseconds_max));
        let bytes = (config.max_request_bytes, "max_request_bytes");
        let question = (limits.decision_bytes_max.min(config.max_request_bytes), "limits_decision_bytes_max");
        Pools {
            decisions: Pool::new(Class::Decisions, limits.decisions, decisions, question),
            portal: Pool::new(Class::Portal, limits.portal, calls, bytes),
            operators: Pool::new(Class::Operators, limits.operators, calls, bytes),
            lists: Pool::new(Class::Lists, limits.lists, lists, bytes),
            streams_within: calls,
            deadline_required: limits.deadline_required,
            metrics,
        }
    }

    fn of(&self, class: Class) -> Option<&Pool> {
        match class {
            Class::Decisions => Some(&self.decisions),
            Class::Portal => Some(&self.portal),
            Class::Operators => Some(&self.operators),
            Class::Lists => Some(&self.lists),
            Class::Streams => None,
        }
    }

    async fn serve(&self, pool: Option<&Pool>, request: Request, next: Next) -> Result<Response, Status> {
        let Some(pool) = pool else { return Ok(next.run(request).await) };
        let (parts, body) = request.into_parts();
        let (bytes_max, setting) = pool.bytes_max;
        let message = message(body, bytes_max).await.map_err(|size| status::too_large(size, bytes_max, setting))?;
        let Some(place) = pool.enter().await else {
            self.metrics.shed(pool.class);
            return Err(status::crowded(pool.class.name(), pool.crowding.running, pool.crowding.waiting));
        };
        let request = Request::from_parts(parts, Body::from(message));
        let running = self.metrics.running(pool.class);
        let work = async move {
            let response = next.run(request).await;
            drop((place, running));
            response
        };
        match pool.class {
            // Nothing is lost if nobody waits for the answer any more.
            Class::Decisions => Ok(work.await),
            Class::Portal | Class::Operators | Class::Lists | Class::Streams => {
                tokio::spawn(work).await.map_err(|_| status::failed(Failure::Defect))
            }
        }
    }
}

/// The message of a call with one, as it was sent; how large it is if it has more bytes than that.
async fn message(body: Body, bytes_max: usize) -> Result<Bytes, u64> {
    let mut frames = body.into_data_stream();
    let mut held = Vec::new();
    let mut only = Bytes::new();
    // A message that breaks off is whatever the service takes it for.
    while let Some(Ok(frame)) = frames.next().await {
        if held.is_empty() && only.is_empty() {
            only = frame;
        } else {
            if held.is_empty() {
                held.extend_from_slice(&only);
            }
            held.extend_from_slice(&frame);
        }
        let read: &[u8] = if held.is_empty() { &only } else { &held };
        let told = read.get(1..PREFIX).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        let size = u64::from(told.unwrap_or_default()).max(read.len().saturating_sub(PREFIX) as u64);
        if size > bytes_max as u64 {
            return Err(size);
        }
    }
    Ok(if held.is_empty() { only } else { held.into() })
}

/// The layer before the services, behind the admission.
pub(super) async fn bound(State(pools): State<Arc<Pools>>, request: Request, next: Next) -> Response {
    let Some(class) = class(request.uri().path()) else { return next.run(request).await };
    let pool = pools.of(class);
    let stated = match deadline::stated(request.headers()) {
        Ok(None) if pools.deadline_required && pool.is_some() => Err(status::deadline_required()),
        Ok(stated) => Ok(stated),
        Err(Malformed) => Err(status::deadline_malformed()),
    };
    let stated = match stated {
        Ok(stated) => stated,
        Err(status) => return status.into_http::<Body>(),
    };
    let most = pool.map_or(pools.streams_within, |pool| pool.within);
    let within = stated.unwrap_or(most).min(most);
    match timeout_at(Instant::now() + within, pools.serve(pool, request, next)).await {
        Ok(Ok(response)) => response,
        Ok(Err(status)) => status.into_http::<Body>(),
        Err(_) => {
            pools.metrics.late(class);
            status::deadline_passed(within).into_http::<Body>()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use tokio::task::JoinHandle;
    use tonic::codegen::Service as _;

    use super::*;

    fn pool(running: u32, waiting: u32) -> Pool {
        let crowding = Crowding { running, waiting };
        Pool::new(Class::Lists, crowding, Duration::from_secs(1), (10, "max_request_bytes"))
    }

    #[tokio::test]
    async fn places_are_taken_in_turn_and_only_so_many_wait() {
        let pool = Arc::new(pool(1, 1));
        let first = pool.enter().await.expect("a place");
        let second = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.enter().await }
        });
        while pool.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.enter().await.is_none(), "one waits already");
        drop(first);
        let second = second.await.expect("no panic").expect("its turn");
        drop(second);
        assert!(pool.enter().await.is_some(), "given back");
    }

    async fn read(frames: &[&'static [u8]]) -> Result<Bytes, u64> {
        let frames: Vec<Result<_, std::io::Error>> = frames.iter().map(|frame| Ok(Bytes::from_static(frame))).collect();
        message(Body::from_stream(futures_util::stream::iter(frames)), 3).await
    }

    #[tokio::test]
    async fn a_message_is_read_whole_and_one_that_is_too_large_is_not() {
        let whole: &[u8] = &[0, 0, 0, 0, 3, 7, 8, 9];
        assert_eq!(read(&[whole]).await, Ok(whole.into()));
        assert_eq!(read(&[&[0, 0], &[0, 0, 3, 7], &[8, 9]]).await, Ok(whole.into()));
        assert_eq!(read(&[]).await, Ok(Bytes::new()));
        assert_eq!(read(&[&[0, 0]]).await, Ok(Bytes::from_static(&[0, 0])));
        // By what it says, before it is there; and by what there is.
        assert_eq!(read(&[&[0, 255, 255, 255, 255]]).await, Err(u64::from(u32::MAX)));
        assert_eq!(read(&[&[0, 0, 0, 0, 4]]).await, Err(4));
        assert_eq!(read(&[&[0, 0, 0, 0, 0, 1, 2, 3], &[4]]).await, Err(4));
    }

    const LIST: &str = "/devhub.v1.ApiService/ListApis";

    const CHANGE: &str = "/devhub.v1.ApiService/CreateApi";

    const QUESTION: &str = "/devhub.v1.AuthorizationService/Authorize";

    /// Services that begin a call by counting it, and end it when they are let.
    struct House {
        services: Router,
        begun: Arc<AtomicUsize>,
        let_go: Arc<Semaphore>,
        metrics: Metrics,
    }

    impl House {
        fn new(change: impl FnOnce(&mut Config)) -> House {
            let mut config = Config::for_testing("unused");
            let few = Crowding { running: 1, waiting: 0 };
            (config.limits.lists, config.limits.operators) = (few, few);
            change(&mut config);
            let (begun, let_go, metrics) =
                (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)), Metrics::default());
            let pools = Arc::new(Pools::new(&config, metrics.clone()));
            let (counted, held) = (Arc::clone(&begun), Arc::clone(&let_go));
            let service = async move || {
                counted.fetch_add(1, Ordering::SeqCst);
                held.acquire().await.expect("nobody closes it").forget();
                Response::new(Body::empty())
            };
            let services = Router::new().fallback(service).layer(from_fn_with_state(pools, bound));
            House { services, begun, let_go, metrics }
        }

        fn call(&self, path: &str, deadline: &str) -> JoinHandle<String> {
            let mut request = Request::post(path);
            if !deadline.is_empty() {
                request = request.header("grpc-timeout", deadline);
            }
            let (mut services, request) =
                (self.services.clone(), request.body(Body::from(vec![0; 5])).expect("a call"));
            tokio::spawn(async move {
                let Ok(response) = services.call(request).await;
                let status = Status::from_header_map(response.headers());
                status.map(|status| format!("{:?}", status.code())).unwrap_or_else(|| "Ok".to_owned())
            })
        }

        /// Waits until so many calls were begun.
        async fn begin(&self, calls: usize) {
            while self.begun.load(Ordering::SeqCst) < calls {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn said(call: JoinHandle<String>) -> String {
        call.await.expect("no panic")
    }

    #[tokio::test]
    async fn a_full_class_is_told_so_and_the_others_go_on() {
        let house = House::new(|_| {});
        let held = house.call(LIST, "");
        house.begin(1).await;
        assert_eq!(said(house.call(LIST, "")).await, "ResourceExhausted");
        let others = [house.call(QUESTION, ""), house.call(CHANGE, "")];
        house.begin(3).await;
        house.let_go.add_permits(3);
        for call in others.into_iter().chain([held]) {
            assert_eq!(said(call).await, "Ok");
        }
        house.let_go.add_permits(1);
        assert_eq!(said(house.call(LIST, "")).await, "Ok", "the place is given back");
    }

    #[tokio::test]
    async fn a_call_whose_deadline_passes_while_it_waits_is_never_begun() {
        let house = House::new(|config| config.limits.lists.waiting = 8);
        let held = house.call(LIST, "");
        house.begin(1).await;
        assert_eq!(said(house.call(LIST, "1m")).await, "DeadlineExceeded");
        assert_eq!(said(house.call(LIST, "0n")).await, "DeadlineExceeded");
        house.let_go.add_permits(9);
        assert_eq!(said(held).await, "Ok");
        assert_eq!(said(house.call(LIST, "")).await, "Ok");
        assert_eq!(house.begun.load(Ordering::SeqCst), 2, "the first and the last");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_keeps_its_place_until_it_is_done() {
        for (path, others) in [(CHANGE, "ResourceExhausted"), (LIST, "ResourceExhausted"), (QUESTION, "Ok")] {
            let house = House::new(|config| config.limits.decisions = Crowding { running: 1, waiting: 0 });
            let held = house.call(path, "");
            house.begin(1).await;
            held.abort();
            assert!(held.await.is_err_and(|error| error.is_cancelled()));
            if path == QUESTION {
                // Nothing would be lost: its place is free at once.
                house.let_go.add_permits(1);
                assert_eq!(said(house.call(path, "")).await, others);
                continue;
            }
            assert_eq!(said(house.call(path, "")).await, others, "{path}");
            house.let_go.add_permits(2);
            // As soon as it is done, and not before.
            while said(house.call(path, "")).await != "Ok" {}
            assert_eq!(house.begun.load(Ordering::SeqCst), 2);
        }
    }

    #[tokio::test]
    async fn a_deadline_is_shortened_to_what_the_class_may_take() {
        let house = House::new(|config| config.limits.decision_milliseconds_max = 1);
        assert_eq!(said(house.call(QUESTION, "10S")).await, "DeadlineExceeded");
        let list = house.call(LIST, "10S");
        house.begin(2).await;
        house.let_go.add_permits(1);
        assert_eq!(said(list).await, "Ok");
        let late = house.metrics.crowds();
        assert!(late.contains("devhub_calls_late_total{class=\"DECISIONS\"} 1\n"), "{late}");
        assert!(late.contains("devhub_calls_late_total{class=\"LISTS\"} 0\n"), "{late}");
    }

    #[tokio::test]
    async fn a_call_says_how_long_its_caller_waits_where_that_is_required() {
        let house = House::new(|config| config.limits.deadline_required = true);
        house.let_go.add_permits(3);
        for (path, deadline, expected) in [
            (LIST, "", "InvalidArgument"),
            (QUESTION, "", "InvalidArgument"),
            (QUESTION, "soon", "InvalidArgument"),
            (LIST, "9S", "Ok"),
            ("/devhub.v1.FactService/FollowFacts", "", "Ok"),
            ("/grpc.health.v1.Health/Check", "", "Ok"),
        ] {
            assert_eq!(said(house.call(path, deadline)).await, expected, "{path} {deadline}");
        }
    }
}
