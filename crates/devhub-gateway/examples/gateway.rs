//! A gateway for one API that decides by itself: `gateway HUB UPSTREAM CONTEXT`, as in
//!
//! ```text
//! cargo run -p devhub-gateway --example gateway -- http://127.0.0.1:50051 http://127.0.0.1:9300 individuals/losses
//! ```
//!
//! The context is pinned here and never read out of a path. Who calls is said by `x-client-id`, which whatever verifies
//! tokens in front of this must set, and strip from what comes from outside. What Prometheus reads is served on a port of
//! its own, 127.0.0.1:8081.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use devhub_decision::{Decision, Environment, Question};
use devhub_gateway::{Replica, Settings, SystemClock};
use hyper_util::{client::legacy::Client, client::legacy::connect::HttpConnector, rt::TokioExecutor};

#[derive(Clone)]
struct Gateway {
    replica: Replica,
    upstream: String,
    context: String,
    http: Client<HttpConnector, Body>,
}

/// The only value of a header: one that comes twice is refused, because nobody knows which of them the API would read.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
}

/// The label in `application/vnd.hmrc.1.0+json`.
fn label(headers: &HeaderMap) -> Option<&str> {
    only(headers, "accept")?.strip_prefix("application/vnd.hmrc.")?.split_once('+').map(|(label, _)| label)
}

/// Whether the call may pass, the status if not, and the headers to answer with in both cases.
fn judged(decision: &Decision<'_>) -> (bool, u16, HeaderMap) {
    let header =
        |(name, value): (&str, &str)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?));
    let headers = decision.headers.iter().filter_map(header).collect();
    (decision.reason.allows(), decision.reason.http_status(), headers)
}

async fn call(State(gateway): State<Gateway>, mut request: Request) -> Response {
    let Some(client_id) = only(request.headers(), "x-client-id") else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Some(label) = label(request.headers()) else { return StatusCode::NOT_ACCEPTABLE.into_response() };
    let (context, environment) = (&*gateway.context, Environment::Production);
    let question = Question { client_id, context, label, environment, operation: None, company: None, project: None };
    let (allowed, status, headers) = match gateway.replica.decide(&question, judged) {
        Ok(judged) => judged,
        Err(unready) => return (StatusCode::SERVICE_UNAVAILABLE, unready.to_string()).into_response(),
    };
    if !allowed {
        return (StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), headers).into_response();
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("{}{path}", gateway.upstream).parse() else { return StatusCode::BAD_REQUEST.into_response() };
    *request.uri_mut() = uri;
    match gateway.http.request(request).await {
        Ok(mut response) => {
            response.headers_mut().extend(headers);
            response.into_response()
        }
        Err(_) => (StatusCode::BAD_GATEWAY, headers).into_response(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [hub, upstream, context] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HUB UPSTREAM CONTEXT")?;
    let channel = tonic::transport::Channel::from_shared(hub)?.connect_lazy();
    let replica =
        Replica::follow(channel, Settings::new(Environment::Production, "example"), Arc::new(SystemClock::start()));
    let measured = replica.clone();
    let metrics = axum::Router::new().route("/metrics", axum::routing::get(async move || measured.prometheus()));
    let admin = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
    tokio::spawn(async move { axum::serve(admin, metrics).await });
    let http = Client::builder(TokioExecutor::new()).build_http();
    let app = axum::Router::new().fallback(call).with_state(Gateway { replica, upstream, context, http });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app).await?)
}
