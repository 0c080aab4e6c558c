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

/// An application's part in the brownouts of a version.
#[derive(Debug, Clone, Serialize)]
pub struct ExemptionView {
    application_id: String,
    context: String,
    version: String,
    exempt: bool,
    since_time: Option<String>,
    decided_by: String,
    reason: String,
    etag: String,
}

impl From<v1::BrownoutExemption> for ExemptionView {
    fn from(exemption: v1::BrownoutExemption) -> ExemptionView {
        ExemptionView {
            application_id: exemption.application_id,
            context: exemption.context,
            version: exemption.version,
            exempt: exemption.exempt,
            since_time: time(exemption.since_time),
            decided_by: exemption.decided_by,
            reason: exemption.reason,
            etag: exemption.etag,
        }
    }
}

impl ExemptionView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let calls = if self.exempt { "pass" } else { "are denied" };
        vec![
            ("application", self.application_id.clone()),
            ("version", format!("{} {}", self.context, self.version)),
            ("calls in brownouts", calls.to_owned()),
            ("since", or_empty(&self.since_time)),
            ("decided by", self.decided_by.clone()),
            ("why", self.reason.clone()),
            ("etag", self.etag.clone()),
        ]
    }
}
