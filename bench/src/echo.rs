//! The baseline: a bare tonic unary call with the same messages, that looks nothing up.

use anyhow::Result;
use devhub_proto::v1;
use devhub_proto::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Echo;

#[tonic::async_trait]
impl AuthorizationService for Echo {
    async fn authorize(
        &self,
        request: Request<v1::AuthorizeRequest>,
    ) -> Result<Response<v1::AuthorizeResponse>, Status> {
        let application_id = request.into_inner().client_id;
        Ok(Response::new(v1::AuthorizeResponse { application_id, ..v1::AuthorizeResponse::default() }))
    }

    async fn batch_authorize(
        &self,
        _request: Request<v1::BatchAuthorizeRequest>,
    ) -> Result<Response<v1::BatchAuthorizeResponse>, Status> {
        Err(Status::unimplemented("the baseline answers Authorize only"))
    }

    async fn explain(&self, _request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        Err(Status::unimplemented("the baseline answers Authorize only"))
    }
}

/// Serves until the parent goes away.
pub(crate) async fn serve() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .add_service(AuthorizationServiceServer::new(Echo))
        .serve_with_incoming_shutdown(incoming, crate::child::parent_gone())
        .await?;
    Ok(())
}
