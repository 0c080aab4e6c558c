//! One version's deployments, file against hub. The lifecycle has verbs, not fields: a difference is turned into the
//! verb that would bring it about, and blocks the plan when there is none.

use super::action::Action;
use super::compare::affected;
use super::entry::{DeploymentEntry, VersionEntry, VersionRef};
use super::plan::{BlockReason, Blocked, Change, Plan, Step};
use super::read::ActualVersion;
use crate::cli::date::Moment;

/// Adds to `plan` what the deployments of one version need.
pub fn compare_deployments(name: &VersionRef, wanted: &VersionEntry, actual: &ActualVersion, plan: &mut Plan) {
    for deployment in &wanted.deployments {
        match actual.entry.deployments.iter().find(|other| other.environment == deployment.environment) {
            None => {
                let action = Action::DeployApiVersion { name: name.clone(), deployment: Box::new(deployment.clone()) };
                plan.steps.push(Step::new(action, Vec::new()));
            }
            Some(there) => {
                Pair { name, wanted: deployment, there, live_subscriptions: actual.live_subscriptions }.compare(plan);
            }
        }
    }
    for there in &actual.entry.deployments {
        if wanted.deployments.iter().all(|other| other.environment != there.environment) {
            let pair = Pair { name, wanted: there, there, live_subscriptions: actual.live_subscriptions };
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
    live_subscriptions: i64,
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
        self.compare_dates(plan);
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

    fn compare_dates(&self, plan: &mut Plan) {
        let (wanted, there) = (self.wanted, self.there);
        match (&there.deprecated_at, &wanted.deprecated_at) {
            (Some(before), None) => plan.blocked.push(self.blocked(
                BlockReason::DeprecationWithdrawn,
                format!(
                    "it is deprecated at {before}, the file says nothing; no call withdraws a deprecation: say it again"
                ),
            )),
            (Some(before), Some(after)) if before != after => plan.blocked.push(self.blocked(
                BlockReason::DeprecationMoved,
                format!(
                    "it is deprecated at {before}, the file says {after}; no call moves a deprecation: say {before}"
                ),
            )),
            (None, Some(after)) => self.deprecate(after, plan),
            (None, None) | (Some(_), Some(_)) => self.compare_retirement(plan),
        }
    }

    fn deprecate(&self, deprecated_at: &Moment, plan: &mut Plan) {
        let (wanted, there) = (self.wanted, self.there);
        let action = Action::DeprecateApiVersion {
            name: self.name.clone(),
            environment: wanted.environment,
            deprecated_at: deprecated_at.clone(),
            retires_at: wanted.retires_at.clone(),
            successor: wanted.successor.clone(),
            reason: wanted.reason.clone(),
            override_reason: wanted.override_reason.clone(),
        };
        let changes = [
            Change::between("deprecated_at", "", deprecated_at),
            Change::between("retires_at", moment_text(&there.retires_at), moment_text(&wanted.retires_at)),
            Change::between("successor", successor_text(there), successor_text(wanted)),
        ];
        plan.steps.push(Step::new(action, changes.into_iter().flatten().collect()));
    }

    fn compare_retirement(&self, plan: &mut Plan) {
        let (wanted, there) = (self.wanted, self.there);
        match (&there.retires_at, &wanted.retires_at) {
            (Some(before), None) => plan.blocked.push(self.blocked(
                BlockReason::RetirementWithdrawn,
                format!("it retires at {before}, the file says nothing; no call withdraws a retirement: say it again"),
            )),
            (_, Some(after)) if there.retires_at != wanted.retires_at || self.names_another_successor() => {
                self.retire(after, plan);
            }
            (None, None) | (Some(_) | None, Some(_)) => {
                if there.successor != wanted.successor {
                    plan.blocked.push(self.blocked(
                        BlockReason::SuccessorChanged,
                        format!(
                            "its successor is {}, the file says {}; a successor is named when a version is deprecated \
                             or retired and is not taken back: say what it is",
                            or_none(successor_text(there)),
                            or_none(successor_text(wanted))
                        ),
                    ));
                }
            }
        }
    }

    fn names_another_successor(&self) -> bool {
        self.wanted.successor.is_some() && self.wanted.successor != self.there.successor
    }

    fn retire(&self, retires_at: &Moment, plan: &mut Plan) {
        let (wanted, there) = (self.wanted, self.there);
        let action = Action::RetireApiVersion {
            name: self.name.clone(),
            environment: wanted.environment,
            retires_at: retires_at.clone(),
            successor: wanted.successor.clone(),
            reason: wanted.reason.clone(),
            override_reason: wanted.override_reason.clone(),
        };
        let changes = [
            Change::between("retires_at", moment_text(&there.retires_at), retires_at),
            wanted.successor.as_ref().and_then(|s| Change::between("successor", successor_text(there), s)),
        ];
        plan.steps.push(Step::new(action, changes.into_iter().flatten().collect()));
    }

    fn blocked(&self, reason: BlockReason, message: String) -> Blocked {
        Blocked {
            subject: format!("version {} in {}", self.name, self.wanted.environment),
            version: Some(self.name.clone()),
            environment: Some(self.wanted.environment),
            reason: reason.name().to_owned(),
            message,
            affected: affected(self.live_subscriptions),
        }
    }
}

fn moment_text(moment: &Option<Moment>) -> String {
    moment.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn successor_text(deployment: &DeploymentEntry) -> String {
    deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}
