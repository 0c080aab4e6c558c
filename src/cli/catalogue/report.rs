//! A plan as people read it.

use std::fmt::Write;

use super::action::Action;
use super::entry::{DeploymentEntry, VersionEntry};
use super::plan::{Affected, Blocked, Plan, Step};
use crate::cli::output::visible;

/// The whole plan, with its fingerprint.
pub fn plan_text(plan: &Plan, fingerprint: &str) -> String {
    if plan.is_empty() {
        return "Nothing to do: hub and file agree.\n".to_owned();
    }
    let mut text = String::new();
    for step in &plan.steps {
        step_lines(&mut text, step);
    }
    for blocked in &plan.blocked {
        blocked_lines(&mut text, blocked);
    }
    let creates = plan.steps.iter().filter(|step| step.action.creates()).count();
    let changes = plan.steps.len() - creates;
    line(&mut text, 0, &format!("\nPlan: {creates} to create, {changes} to change, {} blocked.", plan.blocked.len()));
    if plan.blocked.is_empty() {
        line(&mut text, 0, &format!("Fingerprint: {fingerprint}"));
        line(&mut text, 0, "Apply exactly this with `devhub apply` and --fingerprint.");
    } else {
        line(&mut text, 0, "Nothing can be applied until what is blocked is resolved.");
    }
    text
}

/// One action and what it changes.
pub fn step_lines(text: &mut String, step: &Step) {
    let sign = if step.action.creates() { "+ create" } else { "~ change" };
    line(text, 0, &format!("{sign}  {}", step.action));
    match &step.action {
        Action::CreateApiVersion { entry, .. } => version_lines(text, entry),
        Action::DeployApiVersion { deployment, .. } => deployment_line(text, deployment),
        Action::CreateApi { .. }
        | Action::UpdateApi { .. }
        | Action::UpdateApiVersion { .. }
        | Action::PromoteApiVersion { .. }
        | Action::ChangeLifecycle { .. } => {}
    }
    for change in &step.changes {
        line(text, 10, &format!("{}: {} -> {}", change.field, quoted(&change.before), quoted(&change.after)));
    }
    if let Some(affected) = affected_text(&step.affected) {
        line(text, 10, &format!("affects {affected}"));
    }
    for warning in &step.warnings {
        line(text, 10, &format!("warning: {warning}"));
    }
}

fn version_lines(text: &mut String, entry: &VersionEntry) {
    let (endpoints, fields) = (entry.endpoints.len(), entry.fields.len());
    let mut facts = vec![entry.access.to_string()];
    facts.extend(entry.company_scoped.then(|| "company-scoped".to_owned()));
    facts.extend((endpoints > 0).then(|| plural(endpoints, "endpoint")));
    facts.extend((fields > 0).then(|| plural(fields, "subscription field")));
    line(text, 10, &facts.join(", "));
    entry.deployments.iter().for_each(|deployment| deployment_line(text, deployment));
}

fn deployment_line(text: &mut String, deployment: &DeploymentEntry) {
    let mut facts = vec![format!("{:10}  {}", deployment.environment, deployment.maturity)];
    facts.extend(deployment.deprecated_at.as_ref().map(|moment| format!("deprecated at {moment}")));
    facts.extend(deployment.sunset_begins_at.as_ref().map(|moment| format!("sunset begins at {moment}")));
    facts.extend(match (&deployment.deprecated_at, &deployment.retires_at) {
        (_, Some(moment)) => Some(format!("retired at {moment}")),
        (Some(_), None) => Some("retirement to be announced".to_owned()),
        (None, None) => None,
    });
    facts.extend(deployment.successor.as_ref().map(|successor| format!("successor {successor}")));
    line(text, 10, &facts.join(", "));
}

fn blocked_lines(text: &mut String, blocked: &Blocked) {
    line(text, 0, &format!("! blocked {} ({})", blocked.subject, blocked.reason));
    for sentence in blocked.message.lines() {
        line(text, 10, sentence.trim_start());
    }
    if let Some(affected) = affected_text(&blocked.affected) {
        line(text, 10, &format!("in use by {affected}"));
    }
}

fn affected_text(affected: &Affected) -> Option<String> {
    let Affected { subscriptions, applications } = affected;
    let count = usize::try_from(*subscriptions).ok().filter(|count| *count > 0)?;
    let named = applications.join(", ");
    let more = count.saturating_sub(applications.len());
    Some(match (applications.is_empty(), more) {
        (true, _) => plural(count, "live subscription"),
        (false, 0) => format!("{}: {named}", plural(count, "live subscription")),
        (false, more) => format!("{}: {named} and {more} more", plural(count, "live subscription")),
    })
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "(none)".to_owned() } else { format!("{text:?}") }
}

fn line(text: &mut String, indent: usize, content: &str) {
    for part in content.split('\n') {
        writeln!(text, "{:indent$}{}", "", visible(part)).expect("writing to a string does not fail");
    }
}
