//! Service accounts, companies and the dates of the class as messages carry them.

use std::collections::BTreeMap;

use devhub_proto::v1;

use super::{Word, instant, timestamp};
use crate::domain::company::{Extension, Shortening};
use crate::domain::credential_class::ClassSchedule;
use crate::domain::service_account::AccountType;
use crate::domain::tool::{ToolPermission, ToolPermissions};

fn level(tools: &BTreeMap<String, ToolPermission>) -> Vec<v1::ToolPermission> {
    tools.iter().map(|(tool, level)| v1::ToolPermission { tool: tool.clone(), level: level.number() }).collect()
}

/// What a machine identity may do.
pub fn tool_permissions(permissions: &ToolPermissions) -> v1::ToolPermissions {
    v1::ToolPermissions { company: level(&permissions.company), project: level(&permissions.project) }
}

fn parse_level(tools: Vec<v1::ToolPermission>) -> Option<BTreeMap<String, ToolPermission>> {
    tools.into_iter().map(|tool| Some((tool.tool, Word::from_number(tool.level)?))).collect()
}

/// What a machine identity may do, unless a word is unknown.
pub fn parse_tool_permissions(permissions: v1::ToolPermissions) -> Option<ToolPermissions> {
    Some(ToolPermissions { company: parse_level(permissions.company)?, project: parse_level(permissions.project)? })
}

/// Whose application an account is for.
pub fn account_type(account_type: &AccountType) -> v1::AccountType {
    use v1::account_type::Type;
    let which = match account_type {
        AccountType::Undefined => None,
        AccountType::Marketplace(application) => {
            Some(Type::Marketplace(v1::MarketplaceAccount { application_id: application.to_string() }))
        }
        AccountType::Custom { description, developer_name, developer_email, application } => {
            Some(Type::Custom(v1::CustomAccount {
                description: description.clone(),
                developer_name: developer_name.clone(),
                developer_email: developer_email.to_string(),
                application_id: application.as_ref().map(ToString::to_string).unwrap_or_default(),
            }))
        }
    };
    v1::AccountType { r#type: which }
}

/// Whose application an account is for, unless a name is malformed.
pub fn parse_account_type(message: v1::AccountType) -> Option<AccountType> {
    use v1::account_type::Type;
    Some(match message.r#type {
        None => AccountType::Undefined,
        Some(Type::Marketplace(account)) => AccountType::Marketplace(account.application_id.parse().ok()?),
        Some(Type::Custom(account)) => AccountType::Custom {
            description: account.description,
            developer_name: account.developer_name,
            developer_email: account.developer_email.parse().ok()?,
            application: match account.application_id.as_str() {
                "" => None,
                id => Some(id.parse().ok()?),
            },
        },
    })
}

/// The dates of the class.
pub fn class_schedule(schedule: &ClassSchedule) -> v1::ClassSchedule {
    v1::ClassSchedule {
        deprecate_time: schedule.deprecated_at.map(timestamp),
        creation_cutoff_time: schedule.cutoff_at.map(timestamp),
        sunset_time: schedule.sunset_at.map(timestamp),
    }
}

/// The dates of the class, unless one is no instant.
pub fn parse_class_schedule(message: Option<v1::ClassSchedule>) -> Option<ClassSchedule> {
    let message = message.unwrap_or_default();
    let date = |given: Option<prost_types::Timestamp>| match given {
        Some(given) => instant(&given).map(Some),
        None => Some(None),
    };
    Some(ClassSchedule {
        deprecated_at: date(message.deprecate_time)?,
        cutoff_at: date(message.creation_cutoff_time)?,
        sunset_at: date(message.sunset_time)?,
    })
}

/// The extension of a company's accounts.
pub fn account_extension(extension: &Extension) -> v1::AccountExtension {
    let shortened = extension.shortened.as_ref();
    v1::AccountExtension {
        until_time: Some(timestamp(extension.until)),
        reason: extension.reason.clone(),
        approver: extension.approver.clone(),
        granted_by: extension.granted_by.clone(),
        grant_time: Some(timestamp(extension.granted_at)),
        granted_until_time: shortened.map(|shortening| timestamp(shortening.granted_until)),
        shorten_time: shortened.map(|shortening| timestamp(shortening.at)),
        shortened_by: shortened.map(|shortening| shortening.by.clone()).unwrap_or_default(),
        shorten_reason: shortened.map(|shortening| shortening.reason.clone()).unwrap_or_default(),
    }
}

/// The extension of a company's accounts, unless an instant is missing.
pub fn parse_account_extension(message: v1::AccountExtension) -> Option<Extension> {
    let shortened = match &message.shorten_time {
        Some(at) => Some(Shortening {
            granted_until: instant(message.granted_until_time.as_ref()?)?,
            at: instant(at)?,
            by: message.shortened_by,
            reason: message.shorten_reason,
        }),
        None => None,
    };
    Some(Extension {
        until: instant(message.until_time.as_ref()?)?,
        reason: message.reason,
        approver: message.approver,
        granted_by: message.granted_by,
        granted_at: instant(message.grant_time.as_ref()?)?,
        shortened,
    })
}
