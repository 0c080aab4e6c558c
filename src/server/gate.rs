//! The gate before the services: until the hub is ready, every call is told so at once.
//!
//! "Not ready" is a status and never an answer: a gateway takes it to another hub, or does what its operator chose for an
//! hub that is away.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use tonic::codegen::Service;

use crate::access::Peer;
use crate::rpc::status;

/// An answer on its way.
pub(super) type Passing = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Opened once, by putting the services behind it.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<OnceLock<Router>>);

impl Gate {
    /// Lets calls through to `services`, from now on.
    pub(super) fn open(&self, services: Router) {
        // It is opened in one place; a second time would change nothing.
        let _ = self.0.set(services);
    }

    /// How calls are answered from the beginning.
    pub(super) fn answers(&self) -> impl Fn(Peer, Request<Incoming>) -> Passing + Clone + Send + Sync + use<> {
        let gate = self.clone();
        move |peer, request| {
            let gate = gate.clone();
            Box::pin(async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                gate.pass(request).await
            })
        }
    }

    async fn pass(&self, request: Request<Body>) -> Response {
        match self.0.get() {
            Some(services) => {
                let Ok(response) = services.clone().call(request).await;
                response
            }
            None => status::not_ready().into_http::<Body>(),
        }
    }
}
