//! What is no hub, and answers what a hub must not.

use std::net::SocketAddr;

use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::hub::runtime;

/// It answers each check with the same reply.
pub(crate) struct Impostor {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

struct Same(v3::CheckResponse);

#[tonic::async_trait]
impl Authorization for Same {
    async fn check(&self, _: Request<v3::CheckRequest>) -> Result<Response<v3::CheckResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }
}

impl Impostor {
    /// Starts it; it ends with the test.
    pub(crate) fn start(reply: v3::CheckResponse) -> Impostor {
        let runtime = runtime();
        let incoming = runtime.block_on(async { TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap() });
        let address = incoming.local_addr().unwrap();
        runtime.spawn(async move {
            let (health, service) = tonic_health::server::health_reporter();
            health.set_serving::<AuthorizationServer<Same>>().await;
            let authorization = AuthorizationServer::new(Same(reply));
            Server::builder().add_service(service).add_service(authorization).serve_with_incoming(incoming).await
        });
        Impostor { address, _runtime: runtime }
    }
}
