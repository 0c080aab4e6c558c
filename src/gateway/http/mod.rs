//! HTTP for gateways: `/authz/<profile>` for those that ask about a request, and AuthZEN for those that ask in its words.
//!
//! One handler, one decision function; the profiles differ in where they find a request and in what they understand of an
//! answer, and nowhere else.

mod listener;
mod profile;
mod reply;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;

pub use listener::listen;
pub use profile::Profile;

use super::answer::{Answer, Ruling};
use super::authzen;
use super::bound::Asker;
use super::judge::Judge;
use crate::access::{Door, Peer};
use crate::config::Gateway;
use crate::ids;

/// Serves gateways over HTTP.
pub struct Endpoint {
    gateway: Gateway,
    door: Arc<Door>,
    body_bytes_max: usize,
    within: Duration,
    judge: OnceLock<Judge>,
}

impl Endpoint {
    /// Reads calls as `gateway` says, of gateways that `door` lets in. Bodies, of questions in AuthZEN, have at most `body_bytes_max` bytes and come
    /// `within` that time. Until there is a judge, nothing is judged, and every gateway is told so.
    pub fn new(gateway: Gateway, door: Arc<Door>, body_bytes_max: usize, within: Duration) -> Endpoint {
        Endpoint { gateway, door, body_bytes_max, within, judge: OnceLock::new() }
    }

    /// Who may ask.
    fn door(&self) -> &Door {
        &self.door
    }

    /// From now on calls are judged.
    pub fn serve(&self, judge: Judge) {
        // Nobody else sets it, and the first judge is as good as another.
        let _ = self.judge.set(judge);
    }

    /// The answer to a request on a connection of `peer`.
    pub async fn answer(&self, peer: &Peer, request: Request<Incoming>) -> Response {
        let (parts, body) = request.into_parts();
        let principal = match self.door.gateway(peer, &parts.headers).await {
            Ok(principal) => principal,
            Err(check) => {
                self.door.refused(check);
                return match Profile::of(parts.uri.path()) {
                    Some((profile, _)) => reply::unproven(profile, self.gateway.body),
                    None => StatusCode::UNAUTHORIZED.into_response(),
                };
            }
        };
        let asker = Asker::known(&principal);
        if let Some((profile, _)) = Profile::of(parts.uri.path()) {
            let Some(judge) = self.judge.get() else { return reply::not_ready(profile, self.gateway.body) };
            let now = judge.hub().now();
            let id = ids::decision(now);
            let call = profile::call(profile, &parts.method, &parts.uri, &parts.headers);
            let answer = call.and_then(|call| {
                let question = self.gateway.reading.read(&call, &|context| judge.hub().index().is_api(context))?;
                let question = asker.bound(question)?;
                Ok(judge.ask(&question, now, |decision| {
                    Answer::to(&Ruling { question: &question, decision, id: &id, now }, self.gateway.body)
                }))
            });
            let answer = answer.unwrap_or_else(|misread| {
                judge.misread(&misread);
                Answer::to_misread(&misread, &id, self.gateway.body)
            });
            return reply::reply(profile, answer);
        }
        match authzen::Path::of(parts.uri.path()) {
            Some(_) if parts.method != Method::POST => StatusCode::METHOD_NOT_ALLOWED.into_response(),
            Some(path) => {
                let said = self.body(body).await;
                let default = self.gateway.reading.environment;
                authzen::answer(path, &parts.headers, said, self.judge.get(), authzen::Bounds { asker, default })
            }
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// The body of a request; nothing if it is too large or does not come in time.
    async fn body(&self, body: Incoming) -> Option<Vec<u8>> {
        let read = axum::body::to_bytes(Body::new(body), self.body_bytes_max);
        Some(tokio::time::timeout(self.within, read).await.ok()?.ok()?.to_vec())
    }
}
