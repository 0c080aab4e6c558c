//! Installations.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A time during which an application was installed.
#[derive(Debug, Clone, Serialize)]
pub struct IntervalView {
    start_time: Option<String>,
    end_time: Option<String>,
    first_use_time: Option<String>,
}

/// An application in a company.
#[derive(Debug, Clone, Serialize)]
pub struct InstallationView {
    application_id: String,
    company_id: String,
    state: String,
    version: String,
    all_projects: bool,
    project_ids: Vec<String>,
    service_user_id: String,
    intervals: Vec<IntervalView>,
    changed_by: String,
    change_time: Option<String>,
    update_available: String,
    update_needs_approval: bool,
    update_widens: Vec<String>,
    etag: String,
}

impl From<v1::Installation> for InstallationView {
    fn from(installation: v1::Installation) -> InstallationView {
        let projects = installation.permitted_projects.unwrap_or_default();
        let interval = |interval: v1::InstallationInterval| IntervalView {
            start_time: time(interval.start_time),
            end_time: time(interval.end_time),
            first_use_time: time(interval.first_use_time),
        };
        InstallationView {
            application_id: installation.application_id,
            company_id: installation.company_id,
            state: wire_name(installation.state, v1::InstallationState::as_str_name, "INSTALLATION_STATE_"),
            version: installation.version,
            all_projects: projects.all,
            project_ids: projects.project_ids,
            service_user_id: installation.service_user_id,
            intervals: installation.intervals.into_iter().map(interval).collect(),
            changed_by: installation.changed_by,
            change_time: time(installation.change_time),
            update_available: installation.update_available,
            update_needs_approval: installation.update_needs_approval,
            update_widens: installation.update_widens,
            etag: installation.etag,
        }
    }
}

impl InstallationView {
    fn projects(&self) -> String {
        match (self.all_projects, self.project_ids.len()) {
            (true, _) => "all".to_owned(),
            (false, 0) => "none".to_owned(),
            (false, _) => self.project_ids.join("\n"),
        }
    }

    /// The update that there is, and what stands before it.
    fn update(&self) -> String {
        let approval = if self.update_needs_approval { " (needs approval)" } else { "" };
        format!("{}{approval}", self.update_available)
    }

    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let interval = |interval: &IntervalView| {
            let until = interval.end_time.as_deref().unwrap_or("now");
            let used = interval.first_use_time.as_ref().map(|at| format!(", first used {at}")).unwrap_or_default();
            format!("{} to {until}{used}", or_empty(&interval.start_time))
        };
        vec![
            ("application", self.application_id.clone()),
            ("company", self.company_id.clone()),
            ("state", self.state.clone()),
            ("version", self.version.clone()),
            ("projects", self.projects()),
            ("service user", self.service_user_id.clone()),
            ("installed", self.intervals.iter().map(interval).collect::<Vec<_>>().join("\n")),
            ("changed", or_empty(&self.change_time)),
            ("changed by", self.changed_by.clone()),
            ("update", self.update()),
            ("it widens", self.update_widens.join("\n")),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for InstallationView {
    const HEADER: &'static [&'static str] = &["APPLICATION", "COMPANY", "STATE", "VERSION", "PROJECTS", "UPDATE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.company_id.clone(),
            self.state.clone(),
            self.version.clone(),
            if self.project_ids.is_empty() { self.projects() } else { self.project_ids.len().to_string() },
            self.update(),
        ]
    }
}
