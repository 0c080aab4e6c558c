//! Companies and their projects.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A company.
#[derive(Debug, Clone, Serialize)]
pub struct CompanyView {
    company_id: String,
    name: String,
    tenancy: String,
    region: String,
    zone: String,
    administrators: Vec<String>,
    account_count: u32,
    extension: Option<ExtensionView>,
    create_time: Option<String>,
    etag: String,
}

#[derive(Debug, Clone, Serialize)]
struct ExtensionView {
    until_time: Option<String>,
    reason: String,
    approver: String,
    granted_by: String,
    grant_time: Option<String>,
    granted_until_time: Option<String>,
    shorten_time: Option<String>,
    shortened_by: String,
    shorten_reason: String,
}

impl From<v1::Company> for CompanyView {
    fn from(company: v1::Company) -> CompanyView {
        CompanyView {
            company_id: company.company_id,
            name: company.name,
            tenancy: wire_name(company.tenancy, v1::Tenancy::as_str_name, "TENANCY_"),
            region: company.region,
            zone: company.zone,
            administrators: company.administrators,
            account_count: company.account_count,
            extension: company.extension.map(|extension| ExtensionView {
                until_time: time(extension.until_time),
                reason: extension.reason,
                approver: extension.approver,
                granted_by: extension.granted_by,
                grant_time: time(extension.grant_time),
                granted_until_time: time(extension.granted_until_time),
                shorten_time: time(extension.shorten_time),
                shortened_by: extension.shortened_by,
                shorten_reason: extension.shorten_reason,
            }),
            create_time: time(company.create_time),
            etag: company.etag,
        }
    }
}

impl CompanyView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let extension = self.extension.as_ref();
        let text = |part: fn(&ExtensionView) -> String| extension.map(part).unwrap_or_default();
        vec![
            ("company", self.company_id.clone()),
            ("name", self.name.clone()),
            ("tenancy", self.tenancy.clone()),
            ("region", self.region.clone()),
            ("zone", self.zone.clone()),
            ("administrators", self.administrators.join("\n")),
            ("accounts made", self.account_count.to_string()),
            ("extended until", text(|extension| or_empty(&extension.until_time))),
            ("why extended", text(|extension| extension.reason.clone())),
            ("approved by", text(|extension| extension.approver.clone())),
            ("granted by", text(|extension| extension.granted_by.clone())),
            ("granted until", text(|extension| or_empty(&extension.granted_until_time))),
            ("shortened by", text(|extension| extension.shortened_by.clone())),
            ("why shortened", text(|extension| extension.shorten_reason.clone())),
            ("registered", or_empty(&self.create_time)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for CompanyView {
    const HEADER: &'static [&'static str] = &["COMPANY", "NAME", "TENANCY", "REGION", "ACCOUNTS", "ADMINISTRATORS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.company_id.clone(),
            self.name.clone(),
            self.tenancy.clone(),
            self.region.clone(),
            self.account_count.to_string(),
            self.administrators.join("\n"),
        ]
    }
}

/// A project of a company.
#[derive(Debug, Clone, Serialize)]
pub struct ProjectView {
    company_id: String,
    project_id: String,
    name: String,
    create_time: Option<String>,
}

impl From<v1::Project> for ProjectView {
    fn from(project: v1::Project) -> ProjectView {
        let v1::Project { company_id, project_id, name, create_time } = project;
        ProjectView { company_id, project_id, name, create_time: time(create_time) }
    }
}

impl ProjectView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("company", self.company_id.clone()),
            ("project", self.project_id.clone()),
            ("name", self.name.clone()),
            ("registered", or_empty(&self.create_time)),
        ]
    }
}

impl Row for ProjectView {
    const HEADER: &'static [&'static str] = &["PROJECT", "NAME", "REGISTERED"];

    fn cells(&self) -> Vec<String> {
        vec![self.project_id.clone(), self.name.clone(), or_empty(&self.create_time)]
    }
}
