//! From records to messages. What depends on the clock is computed here, from the instant of the reply.

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Stage};
use devhub_proto::v1;

use crate::domain::access::AccessRequest;
use crate::domain::api::Api;
use crate::domain::application::Application;
use crate::domain::policy::Policy;
use crate::domain::setting::Rules;
use crate::domain::subscription::Subscription;
use crate::domain::version::{Version, default_version};
use crate::hub::Hub;
use crate::wire::{self, Word, timestamp};

/// The default version of each environment.
pub(super) fn default_versions(versions: &[Version], now: DateTime<Utc>) -> Vec<v1::DefaultVersion> {
    Environment::ALL
        .into_iter()
        .filter_map(|environment| {
            let version = default_version(versions, environment, now)?;
            Some(v1::DefaultVersion { environment: environment.number(), version: version.name.label.to_string() })
        })
        .collect()
}

/// An API.
pub(super) fn api(hub: &Hub, api: &Api, revision: u64, now: DateTime<Utc>) -> v1::Api {
    v1::Api {
        context: api.context.to_string(),
        title: api.title.clone(),
        description: api.description.clone(),
        policy: api.policy.to_string(),
        categories: api.categories.clone(),
        default_versions: default_versions(&hub.index().versions(&api.context), now),
        create_time: Some(timestamp(api.created_at)),
        etag: revision.to_string(),
    }
}

/// A version.
pub(super) fn api_version(hub: &Hub, version: &Version, revision: u64, now: DateTime<Utc>) -> v1::ApiVersion {
    let policy = hub.rules().policies.get(&version.policy);
    let effective = hub.index().effective(version);
    let live: u64 = hub.index().live_subscriptions(&version.name, now).values().sum();
    v1::ApiVersion {
        context: version.name.context.to_string(),
        version: version.name.label.to_string(),
        description: version.description.clone(),
        access_type: version.access_type.number(),
        endpoints: wire::endpoints(&version.endpoints),
        fields: wire::fields(&version.fields),
        deployments: version
            .deployments
            .iter()
            .map(|(environment, deployment)| {
                let stage = effective.stage(*environment, now).unwrap_or_else(|| deployment.lifecycle.stage(now));
                let permitted = policy.map(|policy| policy.permissions().of(stage));
                let before = policy.map(|policy| policy.permissions().of(deployment.lifecycle.maturity.stage()));
                v1::Deployment {
                    environment: environment.number(),
                    maturity: deployment.lifecycle.maturity.number(),
                    stage: stage.number(),
                    stage_title: policy.map(|policy| policy.title(stage).to_owned()).unwrap_or_default(),
                    endpoints_enabled: deployment.endpoints_enabled,
                    deprecate_time: deployment.lifecycle.schedule.deprecated_at().map(timestamp),
                    retire_time: deployment.lifecycle.schedule.retires_at().map(timestamp),
                    sunset_begin_time: deployment.lifecycle.schedule.sunset_begins_at().map(timestamp),
                    revisions: deployment.ledger.revisions,
                    announce_time: deployment.ledger.announced_at.map(timestamp),
                    zone: deployment.ledger.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
                    ended_by_namespace: hub
                        .index()
                        .ended_by(version, *environment)
                        .map(|namespace| namespace.to_string())
                        .unwrap_or_default(),
                    successor: deployment.successor.as_ref().map(wire::version_name),
                    documentation_visible: permitted.is_some_and(|p| p.documentation),
                    takes_subscriptions: permitted.is_some_and(|p| p.new_subscriptions),
                    // No date opens what was closed before it.
                    calls_pass: permitted.is_some_and(|p| p.calls) && before.is_some_and(|p| p.calls),
                }
            })
            .collect(),
        documentation_uri: version.documentation_uri.clone(),
        open_access: version.is_open_access(),
        create_time: Some(timestamp(version.created_at)),
        etag: revision.to_string(),
        live_subscriptions: i64::try_from(live).unwrap_or(i64::MAX),
        company_scoped: version.company_scoped,
    }
}

/// A policy with its matrix.
pub(super) fn policy(policy: &Policy) -> v1::Policy {
    v1::Policy {
        name: policy.name.to_string(),
        description: policy.description.clone(),
        stages: policy
            .stages
            .iter()
            .map(|(stage, rules)| v1::PolicyStage {
                stage: stage.number(),
                title: rules.title.clone(),
                meaning: rules.meaning.clone(),
                documentation: rules.documentation,
                new_subscriptions: rules.new_subscriptions,
                calls: rules.calls,
                support: rules.support.clone(),
                notices: rules.notices.clone(),
            })
            .collect(),
        matrix: policy.matrix(),
    }
}

/// An application.
pub(super) fn application(hub: &Hub, application: &Application, revision: u64) -> v1::Application {
    // What a policy that was switched off had announced does not come.
    let disuse = hub.index().disuse(&application.id);
    let disuse = disuse.filter(|_| application.deletion.is_none() && hub.rules().disuse.is_some());
    let state = match application.deletion {
        Some(_) => v1::ApplicationState::Deleted,
        None => application.state.to_wire(),
    };
    v1::Application {
        application_id: application.id.to_string(),
        client_id: application.client_id.to_string(),
        name: application.name.clone(),
        description: application.description.clone(),
        environment: application.environment.number(),
        owner: application.owner.clone(),
        kind: application.kind.number(),
        persona: application.persona.number(),
        state: state.into(),
        collaborators: wire::collaborators(&application.collaborators),
        blocked: application.blocked,
        deletion_restriction: application.deletion_restriction.clone(),
        create_time: Some(timestamp(application.created_at)),
        delete_time: application.deletion.as_ref().map(|deletion| timestamp(deletion.at)),
        restorable_until: application.restorable_until(hub.rules().restore_window_days).map(timestamp),
        etag: revision.to_string(),
        uplifted_from: application.uplifted_from.as_ref().map(ToString::to_string).unwrap_or_default(),
        disuse: disuse.map(|disuse| v1::Disuse {
            idle_since: Some(timestamp(disuse.idle_since)),
            announce_time: Some(timestamp(disuse.announced_at)),
            delete_time: Some(timestamp(disuse.deletes_at)),
        }),
    }
}

/// A subscription, as of `now`, given the two that it joins.
pub(super) fn subscription(
    subscription: &Subscription,
    revision: u64,
    application: Option<&Application>,
    version: Option<&Version>,
    rules: &Rules,
    now: DateTime<Utc>,
) -> v1::Subscription {
    let policy = version.and_then(|version| rules.policies.get(&version.policy));
    let undoable_until =
        policy.and_then(|policy| subscription.undoable_until(policy.guards.undo_window(), version?, now));
    let end = subscription.end(application, version, now);
    let state = match end {
        Some(_) => v1::SubscriptionState::Ended,
        None => v1::SubscriptionState::Active,
    };
    let deployment = version.and_then(|version| version.deployments.get(&subscription.environment));
    let schedule = deployment.map(|deployment| deployment.lifecycle.schedule);
    let stage: Option<Stage> = deployment.map(|deployment| deployment.lifecycle.stage(now));
    v1::Subscription {
        subscription_id: subscription.id.to_string(),
        application_id: subscription.application.to_string(),
        context: subscription.version.context.to_string(),
        version: subscription.version.label.to_string(),
        environment: subscription.environment.number(),
        state: state.into(),
        start_time: Some(timestamp(subscription.since)),
        subscribed_by: subscription.subscribed_by.clone(),
        end_time: end.as_ref().map(|end| timestamp(end.at)),
        end_reason: end.as_ref().map(|end| end.reason.number()).unwrap_or_default(),
        ended_by: end.map(|end| end.by).unwrap_or_default(),
        field_values: subscription.field_values.clone(),
        stage: stage.map(Word::number).unwrap_or_default(),
        deprecate_time: schedule.and_then(|schedule| schedule.deprecated_at()).map(timestamp),
        retire_time: schedule.and_then(|schedule| schedule.retires_at()).map(timestamp),
        successor: deployment.and_then(|deployment| deployment.successor.as_ref()).map(wire::version_name),
        etag: revision.to_string(),
        last_call_time: None,
        usage_class: v1::UsageClass::Unspecified.into(),
        waiver_id: subscription.waiver.as_ref().map(ToString::to_string).unwrap_or_default(),
        waived_until: None,
        planned_end_time: subscription.ends_at().map(timestamp),
        moved_to: subscription.moved.as_ref().map(|moved| wire::version_name(&moved.to)),
        move_time: subscription.moved.as_ref().map(|moved| timestamp(moved.at)),
        undoable_until: undoable_until.map(timestamp),
        brownout_exempt: false,
    }
}

/// An access request.
pub(super) fn access_request(request: &AccessRequest, revision: u64) -> v1::AccessRequest {
    let decided = request.decided.as_ref();
    v1::AccessRequest {
        application_id: request.application.to_string(),
        context: request.version.context.to_string(),
        version: request.version.label.to_string(),
        state: request.state.number(),
        requested_by: request.requested_by.clone(),
        request_time: Some(timestamp(request.requested_at)),
        purpose: request.purpose.clone(),
        decided_by: decided.map(|decided| decided.by.clone()).unwrap_or_default(),
        decide_time: decided.map(|decided| timestamp(decided.at)),
        decision_reason: decided.map(|decided| decided.reason.clone()).unwrap_or_default(),
        etag: revision.to_string(),
    }
}
