//! The judgement of the hub on a plan: clock and policy decide there, so the hub is asked, action by action, what it
//! would say (`validate_only`). What it refuses blocks the plan.

use std::collections::BTreeSet;

use anyhow::Result;
use devhub_proto::v1;

use super::action::Action;
use super::call::{Mode, call, can_be_judged};
use super::entry::VersionRef;
use super::etags::Etags;
use super::plan::{Affected, Blocked, Plan, Step};
use super::read::Actual;
use crate::cli::connection::Hub;
use crate::cli::failure::Failure;

/// How many applications are named one by one.
const NAMED_MAX: usize = 5;

/// The plan as the hub judges it.
///
/// # Errors
/// When the hub does not answer.
pub async fn judge(hub: &Hub, plan: Plan, actual: &Actual) -> Result<Plan> {
    let etags = Etags::of(actual);
    let mut judged = Plan { steps: Vec::new(), blocked: plan.blocked };
    // An action that builds on another one of the plan, on the same version in the same environment, cannot be judged
    // before that one is done.
    let mut moved = BTreeSet::new();
    let created: BTreeSet<VersionRef> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::CreateApiVersion { .. }))
        .filter_map(|step| step.action.version())
        .collect();
    for step in plan.steps {
        let judgeable = can_be_judged(&step.action) && actual.apis.contains_key(step.action.context());
        if !judgeable || !moved.insert((step.action.version(), environment(&step.action))) {
            judged.steps.push(step);
            continue;
        }
        match call(hub, &step.action, etags.get(&step.action), Mode::Judge).await {
            Ok(answer) => {
                let mut step = step;
                if !step.action.successors().into_iter().any(|successor| created.contains(successor)) {
                    step.warnings = answer.warnings;
                }
                step.affected.subscriptions = answer.affected_subscriptions.unwrap_or_default();
                judged.steps.push(step);
            }
            Err(status) => {
                let failure = Failure::of(&status);
                if !failure.is_refusal() {
                    return Err(failure.into());
                }
                judged.blocked.push(blocked(&step, failure, actual));
            }
        }
    }
    for step in &mut judged.steps {
        if step.affected.subscriptions > 0 {
            let environment = environment(&step.action);
            name_applications(hub, step.action.version(), environment, &mut step.affected).await?;
        }
    }
    for blocked in &mut judged.blocked {
        if blocked.affected.subscriptions > 0 {
            let environment = blocked.environment.map(|environment| environment.wire());
            name_applications(hub, blocked.version.clone(), environment, &mut blocked.affected).await?;
        }
    }
    Ok(judged)
}

fn blocked(step: &Step, failure: Failure, actual: &Actual) -> Blocked {
    let version = step.action.version();
    let there = actual.apis.get(step.action.context()).and_then(|api| {
        api.versions.iter().find(|other| version.as_ref().is_some_and(|name| name.version == other.entry.version))
    });
    Blocked {
        subject: step.action.to_string(),
        version,
        environment: environment(&step.action).and_then(|e| crate::cli::words::Environment::from_wire(e.into())),
        reason: failure.reason.clone(),
        message: failure.to_string(),
        affected: super::compare::affected(there.map(|version| version.live_subscriptions).unwrap_or_default()),
    }
}

fn environment(action: &Action) -> Option<v1::Environment> {
    match action {
        Action::DeployApiVersion { deployment, .. } => Some(deployment.environment.wire()),
        Action::PromoteApiVersion { environment, .. }
        | Action::DeprecateApiVersion { environment, .. }
        | Action::RetireApiVersion { environment, .. } => Some(environment.wire()),
        Action::CreateApi { .. }
        | Action::UpdateApi { .. }
        | Action::CreateApiVersion { .. }
        | Action::UpdateApiVersion { .. } => None,
    }
}

async fn name_applications(
    hub: &Hub,
    version: Option<VersionRef>,
    environment: Option<v1::Environment>,
    affected: &mut Affected,
) -> Result<()> {
    let Some(version) = version else { return Ok(()) };
    let request = v1::ListSubscriptionsRequest {
        context: version.context,
        version: version.version,
        environment: environment.map(Into::into).unwrap_or_default(),
        page_size: NAMED_MAX as i32,
        ..Default::default()
    };
    let page = hub.subscriptions().list_subscriptions(request).await.map_err(crate::cli::failure::explained)?;
    let subscriptions = page.into_inner().subscriptions;
    affected.applications = subscriptions.into_iter().map(|subscription| subscription.application_id).collect();
    Ok(())
}
