//! Carrying out a plan, action by action. It may be stopped anywhere and begun again: what was done is no longer in the
//! next plan, and a call whose answer was lost is the same request when it is made again.

use anyhow::{Context, Result};
use serde::Serialize;

use super::action::Action;
use super::call::{Mode, call, change_lifecycles};
use super::etags::{Etags, key};
use super::fingerprint::request_id;
use super::plan::{Plan, Step};
use super::read::Actual;
use crate::cli::connection::Hub;
use crate::cli::failure::explained;

/// Most changes of lifecycles that the hub takes in one call.
const CHANGES_MAX: usize = 100;

/// One action that was carried out.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// The action.
    #[serde(flatten)]
    pub step: Step,
    /// Revision of its commit.
    pub revision: u64,
}

/// Carries out `plan`, telling `report` of each action that is done.
///
/// # Errors
/// When the hub refuses an action or does not answer; the actions before it are done.
pub async fn apply(
    hub: &Hub,
    plan: &Plan,
    actual: &Actual,
    mut report: impl FnMut(&Done) -> Result<()>,
) -> Result<Vec<Done>> {
    let mut etags = Etags::of(actual);
    let mut all = Vec::new();
    for steps in calls(&plan.steps) {
        let actions: Vec<(&Action, &str)> = steps.iter().map(|step| (&step.action, etags.get(&step.action))).collect();
        let request_id = request_id(&actions, hub.actor());
        let mode = Mode::Commit { request_id: &request_id };
        let answer = match &actions[..] {
            [(action, etag)] => call(hub, action, etag, mode).await,
            _ => change_lifecycles(hub, &actions, mode).await,
        };
        let answer = answer.map_err(explained).with_context(|| {
            let (done, of) = (all.len(), plan.steps.len());
            let what = match steps {
                [step] => format!("{} was not applied", step.action),
                _ => format!("{} changes of lifecycles were not applied, since they are one commit", steps.len()),
            };
            format!("{what}; {done} of {of} actions are done; run `devhub plan` to see the rest")
        })?;
        for step in steps {
            etags.put(&step.action, answer.etag.clone());
            // What is said of many is told with the last of them.
            let is_last = std::ptr::eq(step, &steps[steps.len() - 1]);
            let warnings = if is_last { answer.warnings.clone() } else { Vec::new() };
            let done = Done { step: Step { warnings, ..step.clone() }, revision: answer.revision };
            report(&done)?;
            all.push(done);
        }
    }
    Ok(all)
}

/// The steps of each call: changes of lifecycles are one commit as far as one call takes them, everything else is a
/// call by itself. What shares an etag stays together, since a commit changes the etag.
fn calls(steps: &[Step]) -> Vec<&[Step]> {
    let mut calls: Vec<&[Step]> = Vec::new();
    let mut rest = steps;
    while let Some(first) = rest.first() {
        let together = if changes_lifecycle(first) { lifecycles(rest) } else { 1 };
        let (call, others) = rest.split_at(together);
        calls.push(call);
        rest = others;
    }
    calls
}

/// How many of the first steps are one call.
fn lifecycles(steps: &[Step]) -> usize {
    let mut taken = 0;
    for group in steps.chunk_by(|a, b| changes_lifecycle(b) && key(&a.action) == key(&b.action)) {
        if !group.iter().all(changes_lifecycle) || (taken > 0 && taken + group.len() > CHANGES_MAX) {
            break;
        }
        taken += group.len();
    }
    taken.max(1)
}

fn changes_lifecycle(step: &Step) -> bool {
    matches!(step.action, Action::ChangeLifecycle { .. })
}
