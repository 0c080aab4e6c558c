//! AuditService: the latest signed head of the audit trail.

use std::sync::Arc;

use devhub_proto::v1;
use devhub_proto::v1::audit_service_server::AuditService;
use tonic::{Request, Response, Status};

use crate::audit::{SignedHead, Standing, hex};
use crate::wire::timestamp;

/// Serves AuditService.
pub struct AuditRpc(Option<Arc<Standing>>);

impl AuditRpc {
    /// Tells how the signing of heads stands, if this hub signs any.
    pub fn new(standing: Option<Arc<Standing>>) -> AuditRpc {
        AuditRpc(standing)
    }
}

fn render(signed: SignedHead) -> v1::AuditHead {
    v1::AuditHead {
        epoch: hex(&signed.head.epoch),
        sequence: signed.head.sequence,
        link: hex(&signed.head.link),
        time: Some(timestamp(signed.head.time)),
        key_id: signed.key_id,
        signature: hex(&signed.signature),
    }
}

#[tonic::async_trait]
impl AuditService for AuditRpc {
    async fn get_audit_head(
        &self,
        _request: Request<v1::GetAuditHeadRequest>,
    ) -> Result<Response<v1::GetAuditHeadResponse>, Status> {
        let standing = self.0.as_ref();
        Ok(Response::new(v1::GetAuditHeadResponse {
            head: standing.and_then(|standing| standing.latest()).map(render),
            signing: standing.is_some(),
            trouble: standing.and_then(|standing| standing.trouble()).unwrap_or_default(),
        }))
    }
}
