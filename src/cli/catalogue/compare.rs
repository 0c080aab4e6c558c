//! File against hub: a pure function from the two to a plan. What it cannot know, because it depends on the clock or
//! the policy, it leaves to the judgement of the hub.

use super::action::Action;
use super::deployment::compare_deployments;
use super::entry::{ApiEntry, Catalogue, VersionEntry, VersionRef};
use super::order::successors_first;
use super::plan::{Affected, BlockReason, Blocked, Change, Plan, Step};
use super::read::{Actual, ActualApi, ActualVersion};

/// What must be done so that the hub says what the file says, and what cannot be done.
pub fn compare(wanted: &Catalogue, actual: &Actual) -> Plan {
    let mut plan = Plan::default();
    let mut created = Vec::new();
    let mut changed = Plan::default();
    for api in &wanted.apis {
        match actual.apis.get(&api.context) {
            None => {
                let bare = ApiEntry { versions: Vec::new(), ..api.clone() };
                plan.steps.push(Step::new(Action::CreateApi { api: bare }, Vec::new()));
                created.extend(api.versions.iter().map(|version| (api, version)));
            }
            Some(there) => {
                compare_api(api, there, &mut plan);
                for version in &api.versions {
                    match there.versions.iter().find(|other| other.entry.version == version.version) {
                        None => created.push((api, version)),
                        Some(other) => compare_version(api, version, other, &mut changed),
                    }
                }
                block_omitted(api, there, &mut changed);
            }
        }
    }
    plan.steps.extend(successors_first(created).into_iter().map(|(api, version)| {
        let action = Action::CreateApiVersion { context: api.context.clone(), entry: Box::new(version.clone()) };
        Step::new(action, Vec::new())
    }));
    plan.steps.extend(changed.steps);
    plan.blocked.extend(changed.blocked);
    plan
}

fn compare_api(wanted: &ApiEntry, actual: &ActualApi, plan: &mut Plan) {
    let there = &actual.entry;
    if wanted.policy != there.policy {
        plan.blocked.push(Blocked {
            subject: format!("API {}", wanted.context),
            version: None,
            environment: None,
            reason: BlockReason::PolicyChanged.name().to_owned(),
            message: format!(
                "its policy is {}, the file says {}; the policy of an API never changes, since promises were made under it: \
                 keep {}",
                there.policy, wanted.policy, there.policy
            ),
            affected: affected(actual.versions.iter().map(|version| version.live_subscriptions).sum()),
        });
    }
    let changes: Vec<Change> = [
        Change::between("title", &there.title, &wanted.title),
        Change::between("description", &there.description, &wanted.description),
        Change::between("categories", there.categories.join(", "), wanted.categories.join(", ")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let action = Action::UpdateApi {
        context: wanted.context.clone(),
        title: (wanted.title != there.title).then(|| wanted.title.clone()),
        description: (wanted.description != there.description).then(|| wanted.description.clone()),
        categories: (wanted.categories != there.categories).then(|| wanted.categories.clone()),
    };
    if !changes.is_empty() {
        plan.steps.push(Step::new(action, changes));
    }
}

fn compare_version(api: &ApiEntry, wanted: &VersionEntry, actual: &ActualVersion, plan: &mut Plan) {
    let there = &actual.entry;
    let name = VersionRef { context: api.context.clone(), version: wanted.version.clone() };
    let changes: Vec<Change> = [
        Change::between("description", &there.description, &wanted.description),
        Change::between("access", there.access, wanted.access),
        Change::between("documentation_uri", &there.documentation_uri, &wanted.documentation_uri),
        Change::between("endpoints", endpoints_text(there), endpoints_text(wanted)),
        Change::between("fields", fields_text(there), fields_text(wanted)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !changes.is_empty() {
        let action = Action::UpdateApiVersion {
            name: name.clone(),
            description: (wanted.description != there.description).then(|| wanted.description.clone()),
            access: (wanted.access != there.access).then_some(wanted.access),
            endpoints: (wanted.endpoints != there.endpoints).then(|| wanted.endpoints.clone()),
            fields: (wanted.fields != there.fields).then(|| wanted.fields.clone()),
            documentation_uri: (wanted.documentation_uri != there.documentation_uri)
                .then(|| wanted.documentation_uri.clone()),
        };
        plan.steps.push(Step::new(action, changes));
    }
    compare_deployments(&name, wanted, actual, plan);
}

fn block_omitted(wanted: &ApiEntry, actual: &ActualApi, plan: &mut Plan) {
    for version in &actual.versions {
        if wanted.versions.iter().any(|other| other.version == version.entry.version) {
            continue;
        }
        let label = &version.entry.version;
        let name = VersionRef { context: wanted.context.clone(), version: label.clone() };
        plan.blocked.push(Blocked {
            subject: format!("version {name}"),
            version: Some(name),
            environment: None,
            reason: BlockReason::VersionOmitted.name().to_owned(),
            message: format!(
                "it is published but the file leaves it out; a published version never disappears: list {label} again \
                 and, to end it, give it retires_at"
            ),
            affected: affected(version.live_subscriptions),
        });
    }
}

/// Live subscriptions whose applications nobody has asked for yet.
pub(super) fn affected(subscriptions: i64) -> Affected {
    Affected { subscriptions, applications: Vec::new() }
}

fn endpoints_text(version: &VersionEntry) -> String {
    let lines = version.endpoints.iter().map(|e| format!("{} {} ({})", e.method, e.path, e.auth));
    lines.collect::<Vec<_>>().join(", ")
}

fn fields_text(version: &VersionEntry) -> String {
    let field = |f: &super::entry::FieldEntry| {
        let required = if f.required { " required" } else { "" };
        format!("{}{required} default {:?} pattern {:?}: {}", f.name, f.default, f.pattern, f.description)
    };
    version.fields.iter().map(field).collect::<Vec<_>>().join(", ")
}
