//! Maintenance windows.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A maintenance window.
#[derive(Debug, Clone, Serialize)]
pub struct MaintenanceView {
    maintenance_id: String,
    tenancy: String,
    refuses: String,
    state: String,
    start_time: Option<String>,
    end_time: Option<String>,
    zone: String,
    start_local: String,
    end_local: String,
    reason: String,
    planned_by: String,
    plan_time: Option<String>,
    revised_by: String,
    revise_time: Option<String>,
    cancelled_by: String,
    cancel_time: Option<String>,
    cancel_reason: String,
    etag: String,
}

impl From<v1::Maintenance> for MaintenanceView {
    fn from(window: v1::Maintenance) -> MaintenanceView {
        MaintenanceView {
            maintenance_id: window.maintenance_id,
            tenancy: wire_name(window.tenancy, v1::Tenancy::as_str_name, "TENANCY_"),
            refuses: wire_name(window.refuses, v1::MaintenanceRefuses::as_str_name, "MAINTENANCE_REFUSES_"),
            state: wire_name(window.state, v1::MaintenanceState::as_str_name, "MAINTENANCE_STATE_"),
            start_time: time(window.start_time),
            end_time: time(window.end_time),
            zone: window.zone,
            start_local: window.start_local,
            end_local: window.end_local,
            reason: window.reason,
            planned_by: window.planned_by,
            plan_time: time(window.plan_time),
            revised_by: window.revised_by,
            revise_time: time(window.revise_time),
            cancelled_by: window.cancelled_by,
            cancel_time: time(window.cancel_time),
            cancel_reason: window.cancel_reason,
            etag: window.etag,
        }
    }
}

impl MaintenanceView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("maintenance", self.maintenance_id.clone()),
            ("concerns", self.tenancy.clone()),
            ("refuses", self.refuses.clone()),
            ("state", self.state.clone()),
            ("from", self.start_local.clone()),
            ("until", self.end_local.clone()),
            ("why", self.reason.clone()),
            ("planned", or_empty(&self.plan_time)),
            ("planned by", self.planned_by.clone()),
            ("revised", or_empty(&self.revise_time)),
            ("revised by", self.revised_by.clone()),
            ("cancelled", or_empty(&self.cancel_time)),
            ("cancelled by", self.cancelled_by.clone()),
            ("why cancelled", self.cancel_reason.clone()),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for MaintenanceView {
    const HEADER: &'static [&'static str] = &["MAINTENANCE", "CONCERNS", "REFUSES", "STATE", "FROM", "UNTIL", "WHY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.maintenance_id.clone(),
            self.tenancy.clone(),
            self.refuses.clone(),
            self.state.clone(),
            self.start_local.clone(),
            self.end_local.clone(),
            self.reason.clone(),
        ]
    }
}
