//! Calls with messages that are bytes, and what their refusals name.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use crate::codec::Raw;

/// Makes a call, `Service/Method`, as an operator.
pub(crate) async fn ask(channel: &Channel, call: &str, message: Vec<u8>) -> Result<Bytes, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path: PathAndQuery = format!("/devhub.v1.{call}").parse().unwrap();
    let mut request = Request::new(message);
    request.set_timeout(std::time::Duration::from_secs(10));
    request.metadata_mut().insert("devhub-actor", MetadataValue::from_static("operator:olga"));
    grpc.unary(request, path, Raw).await.map(tonic::Response::into_inner)
}

/// The fields that a refusal calls malformed.
pub(crate) fn violations(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request();
    details.map(|details| details.field_violations.into_iter().map(|v| v.field).collect()).unwrap_or_default()
}
