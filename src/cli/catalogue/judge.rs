//! The judgement of the hub on a plan: clock and policy decide there, so the hub is asked, action by action, what it
//! would say (`validate_only`). What it refuses blocks the plan.

use std::collections::BTreeSet;

use anyhow::Result;
use devhub_proto::v1;

use super::action::{Action, EndTarget};
use super::call::{Mode, call, can_be_judged, change_lifecycles};
use super::entry::VersionRef;
use super::etags::Etags;
use super::plan::{Affected, Blocked, Plan, Step};
use super::read::Actual;
use crate::cli::connection::Hub;
use crate::cli::failure::Failure;
use crate::cli::words::Environment;

/// How many applications are named one by one.
const NAMED_MAX: usize = 5;

/// The plan as the hub judges it.
///
/// # Errors
/// When the hub does not answer.
pub async fn judge(hub: &Hub, plan: Plan, actual: &Actual) -> Result<Plan> {
    let etags = Etags::of(actual);
    let coming = Coming::of(&plan);
    let mut judged = Plan { steps: Vec::new(), blocked: plan.blocked };
    // An action that builds on another one of the plan, on the same version in the same environment, cannot be judged
    // before that one is done.
    let mut moved = BTreeSet::new();
    for group in plan.steps.chunk_by(|a, b| target(&a.action).is_some() && target(&a.action) == target(&b.action)) {
        let first = &group[0];
        let judgeable = can_be_judged(&first.action) && !coming.concerns(&first.action, actual);
        if !judgeable || !moved.insert((first.action.version(), part(&first.action), environment(&first.action))) {
            judged.steps.extend(group.iter().cloned());
            continue;
        }
        // Steps for one target build on each other, so they are judged together.
        let actions: Vec<(&Action, &str)> = group.iter().map(|step| (&step.action, etags.get(&step.action))).collect();
        let answer = match &actions[..] {
            [(action, etag)] => call(hub, action, etag, Mode::Judge).await,
            _ => change_lifecycles(hub, &actions, Mode::Judge).await,
        };
        match answer {
            Ok(answer) => {
                judged.steps.extend(group.iter().cloned());
                if let Some(step) = judged.steps.last_mut() {
                    if !step.action.successors().into_iter().any(|successor| coming.versions.contains(successor)) {
                        step.warnings = answer.warnings;
                    }
                    step.affected.subscriptions = answer.affected_subscriptions.unwrap_or_default();
                }
            }
            Err(status) => {
                let failure = Failure::of(&status);
                if !failure.is_refusal() {
                    return Err(failure.into());
                }
                judged.blocked.push(blocked(first, failure, actual));
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

/// What the plan brings before anything that builds on it can be judged.
#[derive(Default)]
struct Coming {
    apis: BTreeSet<String>,
    versions: BTreeSet<VersionRef>,
    deployments: BTreeSet<(VersionRef, Environment)>,
    /// Versions whose endpoints change.
    endpoints: BTreeSet<VersionRef>,
}

impl Coming {
    fn of(plan: &Plan) -> Coming {
        let mut coming = Coming::default();
        for step in &plan.steps {
            match &step.action {
                Action::CreateApi { api } => drop(coming.apis.insert(api.context.clone())),
                Action::CreateApiVersion { .. } => coming.versions.extend(step.action.version()),
                Action::DeployApiVersion { name, deployment } => {
                    coming.deployments.insert((name.clone(), deployment.environment));
                }
                Action::UpdateApiVersion { name, endpoints: Some(_), .. } => {
                    coming.endpoints.insert(name.clone());
                }
                Action::UpdateApi { .. }
                | Action::UpdateApiVersion { .. }
                | Action::PromoteApiVersion { .. }
                | Action::ChangeLifecycle { .. } => {}
            }
        }
        coming
    }

    /// Whether `action` builds on something that is not there yet.
    fn concerns(&self, action: &Action, actual: &Actual) -> bool {
        match target(action) {
            None => !actual.apis.contains_key(action.context()),
            Some((EndTarget::Namespace(name), _)) => self.apis.iter().any(|context| lies_in(name, context)),
            Some((EndTarget::Version(name), environment)) => self.brings(name, environment),
            Some((EndTarget::Operation(operation), environment)) => {
                let name = operation.version_ref();
                self.brings(&name, environment) || self.endpoints.contains(&name)
            }
        }
    }

    fn brings(&self, name: &VersionRef, environment: Environment) -> bool {
        self.versions.contains(name) || self.deployments.contains(&(name.clone(), environment))
    }
}

/// What a change of a lifecycle is about, and where.
fn target(action: &Action) -> Option<(&EndTarget, Environment)> {
    match action {
        Action::ChangeLifecycle { target, environment, .. } => Some((target, *environment)),
        Action::CreateApi { .. }
        | Action::UpdateApi { .. }
        | Action::CreateApiVersion { .. }
        | Action::UpdateApiVersion { .. }
        | Action::DeployApiVersion { .. }
        | Action::PromoteApiVersion { .. } => None,
    }
}

/// The part of a version, or the namespace, that an action is about by itself; empty for the version.
fn part(action: &Action) -> String {
    match target(action) {
        Some((target @ (EndTarget::Operation(_) | EndTarget::Namespace(_)), _)) => target.to_string(),
        Some((EndTarget::Version(_), _)) | None => String::new(),
    }
}

fn lies_in(namespace: &str, context: &str) -> bool {
    context.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn blocked(step: &Step, failure: Failure, actual: &Actual) -> Blocked {
    let version = step.action.version();
    let there = actual.apis.get(step.action.context()).and_then(|api| {
        api.versions.iter().find(|other| version.as_ref().is_some_and(|name| name.version == other.entry.version))
    });
    Blocked {
        subject: step.action.to_string(),
        version,
        environment: environment(&step.action).and_then(|e| Environment::from_wire(e.into())),
        reason: failure.reason.clone(),
        message: failure.to_string(),
        affected: super::compare::affected(there.map(|version| version.live_subscriptions).unwrap_or_default()),
    }
}

fn environment(action: &Action) -> Option<v1::Environment> {
    match action {
        Action::DeployApiVersion { deployment, .. } => Some(deployment.environment.wire()),
        Action::PromoteApiVersion { environment, .. } | Action::ChangeLifecycle { environment, .. } => {
            Some(environment.wire())
        }
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
