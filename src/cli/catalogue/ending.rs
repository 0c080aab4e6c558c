//! One end, file against hub, as the steps of a plan: for versions, for operations and for namespaces alike.

use std::collections::BTreeSet;

use super::action::{Action, EndSuccessor, EndTarget};
use super::compare::affected;
use super::end::{Dates, EndStep};
use super::entry::{
    DeploymentEntry, NamespaceDeploymentEntry, NamespaceEntry, OperationEntry, OperationRef, VersionRef,
};
use super::plan::{BlockReason, Blocked, Change, Plan, Step};
use super::read::{ActualNamespace, ActualVersion};
use crate::cli::date::Moment;
use crate::cli::words::Environment;

/// An end as the file and as the hub have it.
struct End<'a> {
    target: EndTarget,
    environment: Environment,
    there: Dates<'a>,
    wanted: Dates<'a>,
    retired: bool,
    /// The successor that the hub names, and the one of the file; empty for none.
    successors: (String, String),
    successor: Option<EndSuccessor>,
    reasons: (&'a str, &'a str),
    announced_at: Option<&'a Moment>,
    zone: &'a str,
    live_subscriptions: i64,
}

/// Adds to `plan` what the end of a version needs.
pub fn compare_version(
    name: &VersionRef,
    wanted: &DeploymentEntry,
    there: &DeploymentEntry,
    actual: &ActualVersion,
    plan: &mut Plan,
) {
    let text =
        |deployment: &DeploymentEntry| deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default();
    let end = End {
        target: EndTarget::Version(name.clone()),
        environment: wanted.environment,
        there: there.dates(),
        wanted: wanted.dates(),
        retired: actual.retired.contains(&wanted.environment),
        successors: (text(there), text(wanted)),
        successor: wanted.successor.clone().map(EndSuccessor::Version),
        reasons: (&wanted.reason, &wanted.override_reason),
        announced_at: wanted.announced_at.as_ref(),
        zone: &wanted.zone,
        live_subscriptions: actual.live_subscriptions,
    };
    end.plan(plan);
}

/// Adds to `plan` what the operations of a version need; `there` is empty for a version that is about to be created.
pub fn compare_operations(
    name: &VersionRef,
    wanted: &DeploymentEntry,
    there: &[OperationEntry],
    retired: &BTreeSet<OperationRef>,
    plan: &mut Plan,
) {
    let entry = |entries: &[OperationEntry], operation: &OperationEntry| {
        entries.iter().position(|other| (&other.method, &other.path) == (&operation.method, &operation.path))
    };
    let gone = there.iter().filter(|operation| entry(&wanted.operations, operation).is_none());
    let nothing = |operation: &OperationEntry| OperationEntry {
        method: operation.method.clone(),
        path: operation.path.clone(),
        ..OperationEntry::default()
    };
    let gone: Vec<OperationEntry> = gone.map(nothing).collect();
    for operation in wanted.operations.iter().chain(&gone) {
        let named = OperationRef {
            context: name.context.clone(),
            version: name.version.clone(),
            method: operation.method.clone(),
            path: operation.path.clone(),
        };
        let text =
            |operation: &OperationEntry| operation.replacement.as_ref().map(ToString::to_string).unwrap_or_default();
        let known = entry(there, operation).map(|position| &there[position]);
        let replacement = operation.replacement.clone();
        let end = End {
            environment: wanted.environment,
            there: known.map(OperationEntry::dates).unwrap_or_default(),
            wanted: operation.dates(),
            retired: retired.contains(&named),
            successors: (known.map(text).unwrap_or_default(), text(operation)),
            successor: replacement.map(|to| EndSuccessor::Operation(to, operation.replacement_uri.clone())),
            reasons: (&operation.reason, &operation.override_reason),
            announced_at: operation.announced_at.as_ref(),
            zone: &operation.zone,
            live_subscriptions: 0,
            target: EndTarget::Operation(named),
        };
        end.plan(plan);
    }
}

/// Adds to `plan` what a namespace needs; `there` is `None` when the hub knows no dates of it.
pub fn compare_namespace(wanted: &NamespaceEntry, there: Option<&ActualNamespace>, plan: &mut Plan) {
    let known = there.map(|namespace| &namespace.entry.deployments[..]).unwrap_or_default();
    let gone = known.iter().filter(|d| wanted.deployments.iter().all(|other| other.environment != d.environment));
    let gone: Vec<_> = gone.map(|deployment| NamespaceDeploymentEntry::open(deployment.environment)).collect();
    for deployment in wanted.deployments.iter().chain(&gone) {
        let known = known.iter().find(|other| other.environment == deployment.environment);
        let replacement = deployment.replacement.clone();
        let end = End {
            target: EndTarget::Namespace(wanted.namespace.clone()),
            environment: deployment.environment,
            there: known.map(NamespaceDeploymentEntry::dates).unwrap_or_default(),
            wanted: deployment.dates(),
            retired: there.is_some_and(|namespace| namespace.retired.contains(&deployment.environment)),
            successors: (
                known.and_then(|known| known.replacement.clone()).unwrap_or_default(),
                replacement.clone().unwrap_or_default(),
            ),
            successor: replacement.map(|to| EndSuccessor::Namespace(to, deployment.replacement_uri.clone())),
            reasons: (&deployment.reason, &deployment.override_reason),
            announced_at: deployment.announced_at.as_ref(),
            zone: &deployment.zone,
            live_subscriptions: 0,
        };
        end.plan(plan);
    }
}

impl End<'_> {
    fn plan(self, plan: &mut Plan) {
        let (before, after) = &self.successors;
        let names = !after.is_empty() && before != after;
        // A successor without an end says nothing to anybody, so one that is left behind does not stand in the way.
        if after.is_empty() && !before.is_empty() && !self.wanted.is_open() {
            plan.blocked.push(self.successor_omitted());
        }
        let mut steps = self.there.steps_to(&self.wanted, self.retired);
        if steps.is_empty() && names {
            steps.push(EndStep::RENAME);
        }
        let last = steps.len().saturating_sub(1);
        for (position, change) in steps.into_iter().enumerate() {
            let mut changes = Vec::new();
            // What is said of dates that are there already would be said of their change.
            let announced_at = self.announced_at.filter(|_| self.there.is_open() && !self.wanted.is_open());
            if position == last {
                changes = self.there.changes(&self.wanted);
                changes.extend(announced_at.and_then(|moment| Change::between("announced_at", "", moment)));
                changes.extend(names.then(|| Change::between("successor", before, after)).flatten());
            }
            let action = Action::ChangeLifecycle {
                target: self.target.clone(),
                environment: self.environment,
                change: Box::new(change),
                successor: self.successor.clone().filter(|_| names && position == last).map(Box::new),
                reason: self.reasons.0.to_owned(),
                override_reason: self.reasons.1.to_owned(),
                announced_at: announced_at.cloned(),
                zone: self.zone.to_owned(),
            };
            plan.steps.push(Step::new(action, changes));
        }
    }

    fn successor_omitted(&self) -> Blocked {
        Blocked {
            subject: format!("{} in {}", self.target, self.environment),
            version: match &self.target {
                EndTarget::Version(name) => Some(name.clone()),
                EndTarget::Operation(operation) => Some(operation.version_ref()),
                EndTarget::Namespace(_) => None,
            },
            environment: Some(self.environment),
            reason: BlockReason::SuccessorOmitted.name().to_owned(),
            message: format!(
                "its successor is {}, the file names none; a successor that was announced is replaced by another, never \
                 taken back: name it, or another",
                self.successors.0
            ),
            affected: affected(self.live_subscriptions),
        }
    }
}
