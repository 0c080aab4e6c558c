//! Carrying out a plan, action by action. It may be stopped anywhere and begun again: what was done is no longer in the
//! next plan, and a call whose answer was lost is the same request when it is made again.

use anyhow::{Context, Result};
use serde::Serialize;

use super::call::{Mode, call};
use super::etags::Etags;
use super::fingerprint::request_id;
use super::plan::{Plan, Step};
use super::read::Actual;
use crate::cli::connection::Hub;
use crate::cli::failure::explained;

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
    for step in &plan.steps {
        let etag = etags.get(&step.action).to_owned();
        let request_id = request_id(&step.action, &etag, hub.actor());
        let answer = call(hub, &step.action, &etag, Mode::Commit { request_id: &request_id })
            .await
            .map_err(explained)
            .with_context(|| {
                let (done, of) = (all.len(), plan.steps.len());
                format!(
                    "{} was not applied; {done} of {of} actions are done; run `devhub plan` to see the rest",
                    step.action
                )
            })?;
        etags.put(&step.action, answer.etag);
        let done = Done { step: Step { warnings: answer.warnings, ..step.clone() }, revision: answer.revision };
        report(&done)?;
        all.push(done);
    }
    Ok(all)
}
