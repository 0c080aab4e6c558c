//! The gate before the services: until the hub is ready, every call is told so at once.
//!
//! "Not ready" is a status and never an answer: a gateway takes it to another hub, or does what its operator chose for an
//! hub that is away.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use tonic::codegen::Service;

use crate::rpc::status;

/// Opened once, by putting the services behind it.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<OnceLock<Router>>);

impl Gate {
    /// Lets calls through to `services`, from now on.
    pub(super) fn open(&self, services: Router) {
        // It is opened in one place; a second time would change nothing.
        let _ = self.0.set(services);
    }

    /// What is listened with from the beginning.
    pub(super) fn routes(&self) -> Router {
        let gate = self.clone();
        Router::new().fallback(async move |request: Request| gate.pass(request).await)
    }

    async fn pass(&self, request: Request) -> Result<Response, Infallible> {
        match self.0.get() {
            Some(services) => services.clone().call(request).await,
            None => Ok(status::not_ready().into_http::<Body>()),
        }
    }
}
