//! Waivers.

use devhub_proto::v1;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A dated exception.
#[derive(Debug, Clone, Serialize)]
pub struct WaiverView {
    waiver_id: String,
    application_id: String,
    context: String,
    version: String,
    environment: String,
    kind: String,
    state: String,
    from_time: Option<String>,
    until_time: Option<String>,
    reason: String,
    approver: String,
    granted_by: String,
    revoke_time: Option<String>,
    revoked_by: String,
    revoke_reason: String,
    etag: String,
}

impl From<v1::Waiver> for WaiverView {
    fn from(waiver: v1::Waiver) -> WaiverView {
        WaiverView {
            waiver_id: waiver.waiver_id,
            application_id: waiver.application_id,
            context: waiver.context,
            version: waiver.version,
            environment: environment(waiver.environment),
            kind: wire_name(waiver.kind, v1::WaiverKind::as_str_name, "WAIVER_KIND_"),
            state: wire_name(waiver.state, v1::WaiverState::as_str_name, "WAIVER_STATE_"),
            from_time: time(waiver.from_time),
            until_time: time(waiver.until_time),
            reason: waiver.reason,
            approver: waiver.approver,
            granted_by: waiver.granted_by,
            revoke_time: time(waiver.revoke_time),
            revoked_by: waiver.revoked_by,
            revoke_reason: waiver.revoke_reason,
            etag: waiver.etag,
        }
    }
}

impl WaiverView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("application", self.application_id.clone()),
            ("version", format!("{} {}", self.context, self.version)),
            ("environment", self.environment.clone()),
            ("permits", self.kind.clone()),
            ("state", self.state.clone()),
            ("from", or_empty(&self.from_time)),
            ("until", or_empty(&self.until_time)),
            ("why", self.reason.clone()),
            ("approved by", self.approver.clone()),
            ("granted by", self.granted_by.clone()),
            ("revoked", or_empty(&self.revoke_time)),
            ("revoked by", self.revoked_by.clone()),
            ("why revoked", self.revoke_reason.clone()),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for WaiverView {
    const HEADER: &'static [&'static str] =
        &["APPLICATION", "VERSION", "ENVIRONMENT", "PERMITS", "STATE", "UNTIL", "WHY", "APPROVED BY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            format!("{} {}", self.context, self.version),
            self.environment.clone(),
            self.kind.clone(),
            self.state.clone(),
            // One that was revoked did not last as long as it was granted for.
            or_empty(if self.revoke_time.is_some() { &self.revoke_time } else { &self.until_time }),
            self.reason.clone(),
            self.approver.clone(),
        ]
    }
}
