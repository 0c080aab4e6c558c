//! The gRPC health protocol, worked out when somebody asks: no answer depends on whether a task has run since the lease
//! ended.

use std::pin::Pin;
use std::time::Duration;

use devhub_gateway::{Health as ReplicaHealth, Replica};
use futures_util::Stream;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Names under which health is asked for: of the agent as a whole, and of what Envoy asks.
const SERVICES: [&str; 2] = ["", "envoy.service.auth.v3.Authorization"];

/// How often is looked for somebody who watches whether anything has changed.
const LOOKED_EVERY: Duration = Duration::from_millis(250);

/// Tells whether an agent judges.
#[derive(Clone)]
pub(super) struct HealthRpc {
    replica: Replica,
    stopping: watch::Receiver<bool>,
}

impl HealthRpc {
    /// Tells it of `replica`, until the agent stops.
    pub(super) fn new(replica: Replica, stopping: watch::Receiver<bool>) -> HealthRpc {
        HealthRpc { replica, stopping }
    }

    fn status(&self) -> ServingStatus {
        match self.replica.health() {
            _ if *self.stopping.borrow() => ServingStatus::NotServing,
            ReplicaHealth::Serving | ReplicaHealth::Stale => ServingStatus::Serving,
            ReplicaHealth::Unready(_) => ServingStatus::NotServing,
        }
    }

    /// The next status that differs from `told`; nothing once that is the last one.
    async fn next(mut self, told: Option<ServingStatus>) -> Option<(ServingStatus, HealthRpc)> {
        loop {
            let status = self.status();
            if told != Some(status) {
                return Some((status, self));
            }
            if *self.stopping.borrow() {
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOKED_EVERY) => {}
                _ = self.stopping.wait_for(|stopping| *stopping) => {}
            }
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for HealthRpc {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if SERVICES.contains(&request.get_ref().service.as_str()) {
            Ok(Response::new(response(self.status())))
        } else {
            Err(Status::not_found("no service of this name is served here"))
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        if !SERVICES.contains(&request.get_ref().service.as_str()) {
            // What is not served now never is.
            let unknown = futures_util::stream::iter([Ok(response(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(Box::pin(unknown)));
        }
        let begun = (self.clone(), None);
        let told = futures_util::stream::unfold(begun, async |(health, told)| {
            let (status, health) = health.next(told).await?;
            Some((Ok(response(status)), (health, Some(status))))
        });
        Ok(Response::new(Box::pin(told)))
    }
}
