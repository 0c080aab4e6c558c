//! Access requests.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// An access request.
#[derive(Debug, Clone, Serialize)]
pub struct AccessRequestView {
    application_id: String,
    context: String,
    version: String,
    state: String,
    requested_by: String,
    request_time: Option<String>,
    purpose: String,
    decided_by: String,
    decide_time: Option<String>,
    decision_reason: String,
    etag: String,
}

impl From<v1::AccessRequest> for AccessRequestView {
    fn from(request: v1::AccessRequest) -> AccessRequestView {
        AccessRequestView {
            application_id: request.application_id,
            context: request.context,
            version: request.version,
            state: wire_name(request.state, v1::AccessRequestState::as_str_name, "ACCESS_REQUEST_STATE_"),
            requested_by: request.requested_by,
            request_time: time(request.request_time),
            purpose: request.purpose,
            decided_by: request.decided_by,
            decide_time: time(request.decide_time),
            decision_reason: request.decision_reason,
            etag: request.etag,
        }
    }
}

impl Row for AccessRequestView {
    const HEADER: &'static [&'static str] =
        &["APPLICATION", "CONTEXT", "VERSION", "STATE", "REQUESTED", "BY", "DECIDED", "BY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.context.clone(),
            self.version.clone(),
            self.state.clone(),
            or_empty(&self.request_time),
            self.requested_by.clone(),
            or_empty(&self.decide_time),
            self.decided_by.clone(),
        ]
    }
}
