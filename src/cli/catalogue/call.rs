//! An action as a call to the hub.

use anyhow::Result;
use devhub_proto::v1;
use tonic::Status;

use super::action::Action;
use super::{message, wire};
use crate::cli::connection::Hub;
use crate::cli::date::stated_zone;
use crate::wire::timestamp;

/// What the hub answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The etag of what was changed.
    pub etag: String,
    /// Revision of the commit; 0 when it was only judged.
    pub revision: u64,
    /// What an operator should know.
    pub warnings: Vec<String>,
    /// Live subscriptions that feel it, when the hub counts them.
    pub affected_subscriptions: Option<i64>,
}

/// How an action is sent.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// The hub judges it and changes nothing.
    Judge,
    /// The hub does it, once per request id.
    Commit {
        /// The request id.
        request_id: &'a str,
    },
}

impl Mode<'_> {
    fn validate_only(self) -> bool {
        match self {
            Mode::Judge => true,
            Mode::Commit { .. } => false,
        }
    }

    fn request_id(self) -> String {
        match self {
            // The hub asks for a request id even when nothing can be replayed.
            Mode::Judge => "judge".to_owned(),
            Mode::Commit { request_id } => request_id.to_owned(),
        }
    }
}

/// Whether the hub can judge this action without doing it.
pub const fn can_be_judged(action: &Action) -> bool {
    match action {
        Action::CreateApi { .. } | Action::UpdateApi { .. } | Action::UpdateApiVersion { .. } => false,
        Action::CreateApiVersion { .. }
        | Action::DeployApiVersion { .. }
        | Action::PromoteApiVersion { .. }
        | Action::ChangeLifecycle { .. } => true,
    }
}

macro_rules! answer {
    ($response:expr, $subject:ident) => {{
        let response = $response;
        let etag = response.$subject.map(|subject| subject.etag).unwrap_or_default();
        Answer { etag, revision: response.revision, ..Answer::default() }
    }};
    ($response:expr, $subject:ident, warnings) => {{
        let response = $response;
        let etag = response.$subject.map(|subject| subject.etag).unwrap_or_default();
        Answer { etag, revision: response.revision, warnings: response.warnings, affected_subscriptions: None }
    }};
}

/// Sends `action`; `etag` is that of what it changes, empty for what it creates.
///
/// # Errors
/// What the hub answers.
pub async fn call(hub: &Hub, action: &Action, etag: &str, mode: Mode<'_>) -> Result<Answer, Status> {
    let (etag, request_id, validate_only) = (etag.to_owned(), mode.request_id(), mode.validate_only());
    match action {
        Action::CreateApi { api } => {
            let request = v1::CreateApiRequest { api: Some(wire::api_message(api)), request_id };
            Ok(answer!(hub.apis().create_api(request).await?.into_inner(), api))
        }
        Action::UpdateApi { context, title, description, categories } => {
            let request = v1::UpdateApiRequest {
                context: context.clone(),
                title: title.clone(),
                description: description.clone(),
                categories: categories.clone().unwrap_or_default(),
                replace_categories: categories.is_some(),
                etag,
                request_id,
            };
            Ok(answer!(hub.apis().update_api(request).await?.into_inner(), api))
        }
        Action::CreateApiVersion { context, entry } => {
            let request = v1::CreateApiVersionRequest {
                version: Some(wire::version_message(context, entry)),
                override_reason: wire::override_reason(entry),
                validate_only,
                request_id,
            };
            Ok(answer!(hub.apis().create_api_version(request).await?.into_inner(), version, warnings))
        }
        Action::UpdateApiVersion {
            name,
            description,
            access,
            company_scoped,
            endpoints,
            fields,
            documentation_uri,
        } => {
            let request = v1::UpdateApiVersionRequest {
                context: name.context.clone(),
                version: name.version.clone(),
                description: description.clone(),
                access_type: access.map(|access| access.wire().into()).unwrap_or_default(),
                company_scoped: *company_scoped,
                endpoints: wire::endpoint_messages(endpoints.as_deref().unwrap_or_default()),
                replace_endpoints: endpoints.is_some(),
                fields: wire::field_messages(fields.as_deref().unwrap_or_default()),
                replace_fields: fields.is_some(),
                documentation_uri: documentation_uri.clone(),
                etag,
                request_id,
            };
            Ok(answer!(hub.apis().update_api_version(request).await?.into_inner(), version))
        }
        Action::DeployApiVersion { name, deployment } => {
            let request = v1::DeployApiVersionRequest {
                context: name.context.clone(),
                version: name.version.clone(),
                deployment: Some(wire::deployment_message(deployment)),
                override_reason: deployment.override_reason.clone(),
                validate_only,
                etag,
                request_id,
            };
            Ok(answer!(hub.apis().deploy_api_version(request).await?.into_inner(), version, warnings))
        }
        Action::PromoteApiVersion { name, environment, maturity, endpoints_enabled, reason } => {
            let request = v1::PromoteApiVersionRequest {
                context: name.context.clone(),
                version: name.version.clone(),
                environment: environment.wire().into(),
                maturity: maturity.wire().into(),
                endpoints_enabled: *endpoints_enabled,
                validate_only,
                etag,
                request_id,
                reason: reason.clone(),
            };
            Ok(answer!(hub.apis().promote_api_version(request).await?.into_inner(), version, warnings))
        }
        Action::ChangeLifecycle { .. } => change_lifecycles(hub, &[(action, &etag)], mode).await,
    }
}

/// Sends changes of lifecycles as one command: all of them are done, or none. Each comes with the etag of what it
/// changes; actions of other kinds are left out.
///
/// # Errors
/// What the hub answers.
pub async fn change_lifecycles(hub: &Hub, actions: &[(&Action, &str)], mode: Mode<'_>) -> Result<Answer, Status> {
    let request = v1::ChangeLifecycleRequest {
        changes: actions.iter().filter_map(|(action, etag)| lifecycle_change(action, etag)).collect(),
        plan_token: String::new(),
        validate_only: mode.validate_only(),
        request_id: mode.request_id(),
    };
    let response = hub.schedules().change_lifecycle(request).await?.into_inner();
    Ok(Answer {
        etag: String::new(),
        revision: response.revision,
        warnings: response.warnings,
        affected_subscriptions: Some(response.affected_subscriptions),
    })
}

fn lifecycle_change(action: &Action, etag: &str) -> Option<v1::LifecycleChange> {
    let Action::ChangeLifecycle { target, environment, change, successor, reason, override_reason, announced_at, zone } =
        action
    else {
        return None;
    };
    let zone = Some(zone.clone()).filter(|zone| !zone.is_empty()).or_else(|| stated_zone(change.moments()));
    Some(v1::LifecycleChange {
        target: Some(message::schedule_target(target, *environment)),
        step: Some(message::lifecycle_step(change)),
        successor: successor.as_deref().map(message::successor),
        reason: reason.clone(),
        override_reason: override_reason.clone(),
        announce_time: announced_at.as_ref().map(|moment| timestamp(moment.instant)),
        zone: zone.unwrap_or_default(),
        etag: etag.to_owned(),
    })
}
