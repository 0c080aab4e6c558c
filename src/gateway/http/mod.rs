//! HTTP for gateways: `/authz/<profile>` for those that ask about a request, and AuthZEN for those that ask in its words.
//!
//! One handler, one decision function; the profiles differ in where they find a request and in what they understand of an
//! answer, and nowhere else.

mod profile;
mod reply;

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use devhub_gateway::Unready;
use hyper::body::Incoming;

pub use profile::Profile;

use super::answer::{Answer, Ruling};
use super::authzen;
use super::bound::Asker;
use super::judge::Judge;
use crate::access::{Door, Peer, Principal};
use crate::config::Gateway;
use crate::ids;

/// Largest head of a request, in bytes: a gateway forwards what its clients send.
pub const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Serves gateways over HTTP.
pub struct Endpoint {
    gateway: Gateway,
    door: Option<Arc<Door>>,
    body_bytes_max: usize,
    within: Duration,
    judge: OnceLock<Judge>,
}

impl Endpoint {
    /// Reads calls as `gateway` says, of gateways that `door` lets in; without one, of whoever can connect. Bodies, of
    /// questions in AuthZEN, have at most `body_bytes_max` bytes and come `within` that time. Until there is a judge, nothing
    /// is judged, and every gateway is told so.
    pub fn new(gateway: Gateway, door: Option<Arc<Door>>, body_bytes_max: usize, within: Duration) -> Endpoint {
        Endpoint { gateway, door, body_bytes_max, within, judge: OnceLock::new() }
    }

    /// Who asks; nobody if that is not proven, which is counted.
    async fn asker(&self, peer: &Peer, headers: &HeaderMap) -> Option<Principal> {
        let Some(door) = &self.door else { return Some(Principal::Anyone) };
        match door.gateway(peer, headers).await {
            Ok(principal) => Some(principal),
            Err(check) => {
                door.refused(check);
                None
            }
        }
    }

    /// From now on calls are judged.
    pub fn serve(&self, judge: Judge) {
        // Nobody else sets it, and the first judge is as good as another.
        let _ = self.judge.set(judge);
    }

    /// How questions are answered on connections.
    pub fn answers(self: &Arc<Self>) -> impl Fn(Peer, Request<Incoming>) -> Answering + Clone + Send + Sync + use<> {
        let endpoint = Arc::clone(self);
        move |peer, request| {
            let endpoint = Arc::clone(&endpoint);
            Box::pin(async move {
                let mut response = endpoint.answer(&peer, request).await;
                // The next connection begins with what the gateway has to show by then.
                if peer.0.is_some_and(|shown| shown.is_over()) {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            })
        }
    }

    /// The answer to a request on a connection of `peer`.
    pub async fn answer(&self, peer: &Peer, request: Request<Incoming>) -> Response {
        let (parts, body) = request.into_parts();
        let Some(principal) = self.asker(peer, &parts.headers).await else {
            return match Profile::of(parts.uri.path()) {
                Some((profile, _)) => reply::unproven(profile, self.gateway.body),
                None => StatusCode::UNAUTHORIZED.into_response(),
            };
        };
        let asker = Asker::known(&principal);
        if let Some((profile, _)) = Profile::of(parts.uri.path()) {
            // Whoever has no judge, or one that does not judge at the moment, is told the same.
            let answer = self.judge.get().and_then(|judge| self.judged(judge, profile, &parts, asker).ok());
            return match answer {
                Some(answer) => reply::reply(profile, answer),
                None => reply::not_ready(profile, self.gateway.body),
            };
        }
        let Some(path) = authzen::Path::of(parts.uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
        let said = self.body(body).await;
        let asked = authzen::Asked { asker, path, method: &parts.method, headers: &parts.headers, body: said };
        authzen::answer(&asked, self.judge.get(), &self.gateway)
    }

    fn judged(&self, judge: &Judge, profile: Profile, parts: &Parts, asker: Asker<'_>) -> Result<Answer, Unready> {
        let body = self.gateway.body;
        let now = judge.now();
        let id = ids::decision(now);
        let misread = |misread| {
            judge.misread(&misread);
            Answer::to_misread(&misread, &id, body)
        };
        judge.ready()?;
        let call = match profile::call(profile, &parts.method, &parts.uri, &parts.headers) {
            Ok(call) => call,
            Err(fault) => return Ok(misread(fault)),
        };
        match judge.read(&self.gateway.reading, &call)?.and_then(|question| asker.bound(question)) {
            Ok(question) => judge.ask(&question, now, |decision| {
                Answer::to(&Ruling { question: &question, decision, id: &id, now }, body)
            }),
            Err(fault) => Ok(misread(fault)),
        }
    }

    /// The body of a request; nothing if it is too large or does not come in time.
    async fn body(&self, body: Incoming) -> Option<Vec<u8>> {
        let read = axum::body::to_bytes(Body::new(body), self.body_bytes_max);
        Some(tokio::time::timeout(self.within, read).await.ok()?.ok()?.to_vec())
    }
}
