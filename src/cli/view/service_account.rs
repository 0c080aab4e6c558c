//! Traditional service accounts.

use devhub_proto::v1;
use devhub_proto::v1::account_type::Type;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A traditional service account.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceAccountView {
    account_id: String,
    company_id: String,
    client_id: String,
    environment: String,
    name: String,
    account_type: &'static str,
    application_id: String,
    description: String,
    developer_name: String,
    developer_email: String,
    company_tools: Vec<ToolView>,
    project_tools: Vec<ToolView>,
    create_time: Option<String>,
    created_by: String,
    classify_time: Option<String>,
    end_time: Option<String>,
    remove_time: Option<String>,
    removed_by: String,
    remove_reason: String,
    last_use_time: Option<String>,
    secret_create_time: Option<String>,
    secret_last_four: String,
    secret_pepper_id: String,
    etag: String,
}

#[derive(Debug, Clone, Serialize)]
struct ToolView {
    tool: String,
    level: String,
}

impl ToolView {
    fn all(tools: Vec<v1::ToolPermission>) -> Vec<ToolView> {
        let name = |level| wire_name(level, v1::ToolPermissionLevel::as_str_name, "TOOL_PERMISSION_LEVEL_");
        tools.into_iter().map(|tool| ToolView { tool: tool.tool, level: name(tool.level) }).collect()
    }

    fn text(tools: &[ToolView]) -> String {
        tools.iter().map(|tool| format!("{}: {}", tool.tool, tool.level)).collect::<Vec<_>>().join("\n")
    }
}

impl From<v1::ServiceAccount> for ServiceAccountView {
    fn from(account: v1::ServiceAccount) -> ServiceAccountView {
        let (account_type, custom) = match account.account_type.and_then(|account_type| account_type.r#type) {
            None => ("UNDEFINED", v1::CustomAccount::default()),
            Some(Type::Marketplace(v1::MarketplaceAccount { application_id })) => {
                ("MARKETPLACE", v1::CustomAccount { application_id, ..Default::default() })
            }
            Some(Type::Custom(custom)) => ("CUSTOM", custom),
        };
        let permissions = account.permissions.unwrap_or_default();
        ServiceAccountView {
            account_id: account.account_id,
            company_id: account.company_id,
            client_id: account.client_id,
            environment: environment(account.environment),
            name: account.name,
            account_type,
            application_id: custom.application_id,
            description: custom.description,
            developer_name: custom.developer_name,
            developer_email: custom.developer_email,
            company_tools: ToolView::all(permissions.company),
            project_tools: ToolView::all(permissions.project),
            create_time: time(account.create_time),
            created_by: account.created_by,
            classify_time: time(account.classify_time),
            end_time: time(account.end_time),
            remove_time: time(account.remove_time),
            removed_by: account.removed_by,
            remove_reason: account.remove_reason,
            last_use_time: time(account.last_use_time),
            secret_create_time: time(account.secret_create_time),
            secret_last_four: account.secret_last_four,
            secret_pepper_id: account.secret_pepper_id,
            etag: account.etag,
        }
    }
}

impl ServiceAccountView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let developer = match (self.developer_name.as_str(), self.developer_email.as_str()) {
            ("", "") => String::new(),
            (name, email) => format!("{name} <{email}>"),
        };
        vec![
            ("account", self.account_id.clone()),
            ("company", self.company_id.clone()),
            ("client id", self.client_id.clone()),
            ("environment", self.environment.clone()),
            ("name", self.name.clone()),
            ("type", self.account_type.to_owned()),
            ("application", self.application_id.clone()),
            ("description", self.description.clone()),
            ("developer", developer),
            ("company tools", ToolView::text(&self.company_tools)),
            ("project tools", ToolView::text(&self.project_tools)),
            ("created", or_empty(&self.create_time)),
            ("created by", self.created_by.clone()),
            ("type said", or_empty(&self.classify_time)),
            ("accepted until", or_empty(&self.end_time)),
            ("removed", or_empty(&self.remove_time)),
            ("removed by", self.removed_by.clone()),
            ("why removed", self.remove_reason.clone()),
            ("last used", or_empty(&self.last_use_time)),
            ("secret made", or_empty(&self.secret_create_time)),
            ("secret ends in", self.secret_last_four.clone()),
            ("secret's pepper", self.secret_pepper_id.clone()),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for ServiceAccountView {
    const HEADER: &'static [&'static str] =
        &["ACCOUNT", "COMPANY", "NAME", "TYPE", "APPLICATION", "CREATED", "UNTIL", "LAST USED"];

    fn cells(&self) -> Vec<String> {
        // One that was removed did not last as long as its class.
        let until = self.remove_time.as_ref().map(|at| format!("{at} (removed)"));
        vec![
            self.account_id.clone(),
            self.company_id.clone(),
            self.name.clone(),
            self.account_type.to_owned(),
            self.application_id.clone(),
            or_empty(&self.create_time),
            until.unwrap_or_else(|| or_empty(&self.end_time)),
            or_empty(&self.last_use_time),
        ]
    }
}
