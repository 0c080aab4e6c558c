//! Organisations, versions of applications, their listings, and installations.

use std::collections::BTreeMap;

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A developer organisation.
#[derive(Debug, Clone, Serialize)]
pub struct OrganisationView {
    organisation_id: String,
    title: String,
    status: String,
    status_time: Option<String>,
    status_by: String,
    etag: String,
}

impl From<v1::Organisation> for OrganisationView {
    fn from(organisation: v1::Organisation) -> OrganisationView {
        OrganisationView {
            organisation_id: organisation.organisation_id,
            title: organisation.title,
            status: wire_name(organisation.status, v1::OrganisationStatus::as_str_name, "ORGANISATION_STATUS_"),
            status_time: time(organisation.status_time),
            status_by: organisation.status_by,
            etag: organisation.etag,
        }
    }
}

impl OrganisationView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("organisation", self.organisation_id.clone()),
            ("title", self.title.clone()),
            ("status", self.status.clone()),
            ("since", or_empty(&self.status_time)),
            ("set by", self.status_by.clone()),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for OrganisationView {
    const HEADER: &'static [&'static str] = &["ORGANISATION", "TITLE", "STATUS", "SINCE", "SET BY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.organisation_id.clone(),
            self.title.clone(),
            self.status.clone(),
            or_empty(&self.status_time),
            self.status_by.clone(),
        ]
    }
}

/// Who took a step, and when.
#[derive(Debug, Clone, Serialize)]
pub struct StepView {
    actor: String,
    time: Option<String>,
}

impl From<v1::AppVersionStep> for StepView {
    fn from(step: v1::AppVersionStep) -> StepView {
        StepView { actor: step.actor, time: time(step.time) }
    }
}

impl StepView {
    fn text(step: &Option<StepView>) -> String {
        step.as_ref().map(|step| format!("{} {}", or_empty(&step.time), step.actor)).unwrap_or_default()
    }
}

/// A version of an application.
#[derive(Debug, Clone, Serialize)]
pub struct AppVersionView {
    application_id: String,
    version: String,
    state: String,
    components: Vec<String>,
    company_tools: BTreeMap<String, String>,
    project_tools: BTreeMap<String, String>,
    release_notes: String,
    post_install_notes: String,
    post_install_uri: String,
    install_key: String,
    created: Option<StepView>,
    promoted: Option<StepView>,
    submitted: Option<StepView>,
    approved: Option<StepView>,
    etag: String,
}

fn tools(tools: Vec<v1::ToolPermission>) -> BTreeMap<String, String> {
    let name = |level: i32| wire_name(level, v1::ToolPermissionLevel::as_str_name, "TOOL_PERMISSION_LEVEL_");
    tools.into_iter().map(|tool| (tool.tool, name(tool.level))).collect()
}

impl From<v1::AppVersion> for AppVersionView {
    fn from(version: v1::AppVersion) -> AppVersionView {
        let component = |number| wire_name(number, v1::AppComponent::as_str_name, "APP_COMPONENT_");
        let permissions = version.permissions.unwrap_or_default();
        AppVersionView {
            application_id: version.application_id,
            version: version.version,
            state: wire_name(version.state, v1::AppVersionState::as_str_name, "APP_VERSION_STATE_"),
            components: version.components.into_iter().map(component).collect(),
            company_tools: tools(permissions.company),
            project_tools: tools(permissions.project),
            release_notes: version.release_notes,
            post_install_notes: version.post_install_notes,
            post_install_uri: version.post_install_uri,
            install_key: version.install_key,
            created: version.created.map(StepView::from),
            promoted: version.promoted.map(StepView::from),
            submitted: version.submitted.map(StepView::from),
            approved: version.approved.map(StepView::from),
            etag: version.etag,
        }
    }
}

impl AppVersionView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let lines = |tools: &BTreeMap<String, String>| {
            tools.iter().map(|(tool, level)| format!("{tool}: {level}")).collect::<Vec<_>>().join("\n")
        };
        vec![
            ("application", self.application_id.clone()),
            ("version", self.version.clone()),
            ("state", self.state.clone()),
            ("components", self.components.join("\n")),
            ("company tools", lines(&self.company_tools)),
            ("project tools", lines(&self.project_tools)),
            ("release notes", self.release_notes.clone()),
            ("after installing", self.post_install_notes.clone()),
            ("see", self.post_install_uri.clone()),
            ("install key", self.install_key.clone()),
            ("created", StepView::text(&self.created)),
            ("promoted", StepView::text(&self.promoted)),
            ("submitted", StepView::text(&self.submitted)),
            ("approved", StepView::text(&self.approved)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for AppVersionView {
    const HEADER: &'static [&'static str] = &["VERSION", "STATE", "COMPONENTS", "CREATED", "PROMOTED", "APPROVED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.version.clone(),
            self.state.clone(),
            self.components.join("\n"),
            StepView::text(&self.created),
            StepView::text(&self.promoted),
            StepView::text(&self.approved),
        ]
    }
}

/// The listing of an application.
#[derive(Debug, Clone, Serialize)]
pub struct ListingView {
    application_id: String,
    state: String,
    version: String,
    submitted: Option<StepView>,
    approved: Option<StepView>,
    removed: Option<StepView>,
    removal_reason: String,
    first_list_time: Option<String>,
    delist_time: Option<String>,
    etag: String,
}

impl From<v1::Listing> for ListingView {
    fn from(listing: v1::Listing) -> ListingView {
        ListingView {
            application_id: listing.application_id,
            state: wire_name(listing.state, v1::ListingState::as_str_name, "LISTING_STATE_"),
            version: listing.version,
            submitted: listing.submitted.map(StepView::from),
            approved: listing.approved.map(StepView::from),
            removed: listing.removed.map(StepView::from),
            removal_reason: listing.removal_reason,
            first_list_time: time(listing.first_list_time),
            delist_time: time(listing.delist_time),
            etag: listing.etag,
        }
    }
}

impl ListingView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("application", self.application_id.clone()),
            ("state", self.state.clone()),
            ("version", self.version.clone()),
            ("submitted", StepView::text(&self.submitted)),
            ("approved", StepView::text(&self.approved)),
            ("removed", StepView::text(&self.removed)),
            ("why removed", self.removal_reason.clone()),
            ("first listed", or_empty(&self.first_list_time)),
            ("delisted from", or_empty(&self.delist_time)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for ListingView {
    const HEADER: &'static [&'static str] =
        &["APPLICATION", "STATE", "VERSION", "SUBMITTED", "APPROVED", "DELISTED FROM"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.state.clone(),
            self.version.clone(),
            StepView::text(&self.submitted),
            StepView::text(&self.approved),
            or_empty(&self.delist_time),
        ]
    }
}
