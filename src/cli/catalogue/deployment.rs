//! One version's deployments, file against hub: where it is, how finished it is, and how it ends.

use std::collections::BTreeSet;

use super::action::Action;
use super::compare::affected;
use super::ending;
use super::entry::{DeploymentEntry, VersionEntry, VersionRef};
use super::plan::{BlockReason, Blocked, Change, Plan, Step};
use super::read::ActualVersion;

/// Adds to `plan` what the deployments of one version need.
pub fn compare_deployments(name: &VersionRef, wanted: &VersionEntry, actual: &ActualVersion, plan: &mut Plan) {
    for deployment in &wanted.deployments {
        match actual.entry.deployments.iter().find(|other| other.environment == deployment.environment) {
            None => {
                let action = Action::DeployApiVersion { name: name.clone(), deployment: Box::new(deployment.clone()) };
                plan.steps.push(Step::new(action, Vec::new()));
                ending::compare_operations(name, deployment, &[], &BTreeSet::new(), plan);
            }
            Some(there) => {
                Pair { name, wanted: deployment, there, actual }.compare(plan);
            }
        }
    }
    for there in &actual.entry.deployments {
        if wanted.deployments.iter().all(|other| other.environment != there.environment) {
            let pair = Pair { name, wanted: there, there, actual };
            plan.blocked.push(pair.blocked(
                BlockReason::DeploymentOmitted,
                "it is deployed there but the file leaves it out; a deployment never disappears: list it again and, to \
                 end it, give it retires_at"
                    .to_owned(),
            ));
        }
    }
}

/// One deployment as the file and as the hub have it.
struct Pair<'a> {
    name: &'a VersionRef,
    wanted: &'a DeploymentEntry,
    there: &'a DeploymentEntry,
    actual: &'a ActualVersion,
}

impl Pair<'_> {
    fn compare(&self, plan: &mut Plan) {
        let (wanted, there) = (self.wanted, self.there);
        // Which way maturity may go is the hub's to judge.
        let promoted = wanted.maturity != there.maturity;
        self.compare_switch(promoted, plan);
        if promoted {
            let changes = [
                Change::between("maturity", there.maturity, wanted.maturity),
                Change::between("endpoints_enabled", there.endpoints_enabled, wanted.endpoints_enabled),
            ];
            let action = Action::PromoteApiVersion {
                name: self.name.clone(),
                environment: wanted.environment,
                maturity: wanted.maturity,
                endpoints_enabled: wanted.endpoints_enabled,
                reason: wanted.reason.clone(),
            };
            plan.steps.push(Step::new(action, changes.into_iter().flatten().collect()));
        }
        ending::compare_version(self.name, wanted, there, self.actual, plan);
        ending::compare_operations(
            self.name,
            wanted,
            &there.operations,
            &self.actual.retired_operations_in(wanted.environment),
            plan,
        );
    }

    /// The endpoints switch can only be turned on, and only by a promotion.
    fn compare_switch(&self, promoted: bool, plan: &mut Plan) {
        let (wanted, there) = (self.wanted.endpoints_enabled, self.there.endpoints_enabled);
        if wanted != there && !(promoted && wanted) {
            plan.blocked.push(self.blocked(
                BlockReason::EndpointsSwitched,
                format!(
                    "endpoints_enabled is {there}, the file says {wanted}; it is turned on with a promotion and never \
                     off: say {there}"
                ),
            ));
        }
    }

    fn blocked(&self, reason: BlockReason, message: String) -> Blocked {
        Blocked {
            subject: format!("version {} in {}", self.name, self.wanted.environment),
            version: Some(self.name.clone()),
            environment: Some(self.wanted.environment),
            reason: reason.name().to_owned(),
            message,
            affected: affected(self.actual.live_subscriptions),
        }
    }
}
