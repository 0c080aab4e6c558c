//! File against hub: a pure function from the two to a plan. What it cannot know, because it depends on the clock or
//! the policy, it leaves to the judgement of the hub.

use std::collections::BTreeSet;

use super::action::Action;
use super::deployment::compare_deployments;
use super::ending::{compare_namespace, compare_operations};
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
    for (api, version) in &created {
        let name = VersionRef { context: api.context.clone(), version: version.version.clone() };
        for deployment in &version.deployments {
            compare_operations(&name, deployment, &[], &BTreeSet::new(), &mut changed);
        }
    }
    for namespace in &wanted.namespaces {
        compare_namespace(namespace, actual.namespaces.get(&namespace.namespace), &mut changed);
    }
    plan.steps.extend(successors_first(created).into_iter().map(|(api, version)| {
        let action = Action::CreateApiVersion { context: api.context.clone(), entry: Box::new(version.clone()) };
        Step::new(action, Vec::new())
    }));
    // Ends come last, together: they are one commit, and what they are about is there by then.
    let is_end = |step: &Step| matches!(step.action, Action::ChangeLifecycle { .. });
    let (ends, others): (Vec<Step>, Vec<Step>) = changed.steps.into_iter().partition(is_end);
    plan.steps.extend(others.into_iter().chain(ends));
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
                "its policy is {}, the file says {}; the policy of an API never changes, since promises were made \
                 under it: keep {}",
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
        Change::between("company_scoped", there.company_scoped, wanted.company_scoped),
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
            company_scoped: (wanted.company_scoped != there.company_scoped).then_some(wanted.company_scoped),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::catalogue::file;
    use crate::cli::catalogue::fingerprint::fingerprint;
    use crate::cli::catalogue::read::ActualNamespace;

    const EXAMPLES: [&str; 2] = [
        include_str!("../../../examples/hmrc-mtd/catalogue.yaml"),
        include_str!("../../../examples/procore-rest/catalogue.yaml"),
    ];

    const FILE: &str = "\
apis:
  - context: a/b
    title: A
    policy: hmrc-mtd
    versions:
      - version: 1.0
        deployments:
          - {environment: SANDBOX, maturity: STABLE}
          - environment: PRODUCTION
            maturity: BETA
            deprecated_at: 2027-02-01T00:00:00Z
            successor: {context: a/b, version: 2.0}
      - version: 2.0
        deployments:
          - {environment: SANDBOX, maturity: BETA}
          - {environment: PRODUCTION, maturity: BETA}
";

    /// The hub that says exactly what `text` says.
    fn hub(text: &str) -> Actual {
        let catalogue = file::parse(text).expect("a catalogue");
        let mut actual = Actual::default();
        for entry in catalogue.namespaces {
            let name = entry.namespace.clone();
            let retired = BTreeSet::new();
            actual.namespaces.insert(name, ActualNamespace { entry, etag: "3".to_owned(), retired });
        }
        for api in catalogue.apis {
            let version = |entry: &VersionEntry| ActualVersion {
                entry: entry.clone(),
                etag: "7".to_owned(),
                live_subscriptions: 3,
                retired: BTreeSet::new(),
                retired_operations: BTreeSet::new(),
            };
            let versions = api.versions.iter().map(version).collect();
            let entry = ApiEntry { versions: Vec::new(), ..api };
            actual.apis.insert(entry.context.clone(), ActualApi { entry, etag: "5".to_owned(), versions });
        }
        actual
    }

    fn plan(text: &str, actual: &Actual) -> Plan {
        compare(&file::parse(text).expect(text), actual)
    }

    fn actions(plan: &Plan) -> Vec<String> {
        plan.steps.iter().map(|step| step.action.to_string()).collect()
    }

    fn reasons(plan: &Plan) -> Vec<&str> {
        plan.blocked.iter().map(|blocked| blocked.reason.as_str()).collect()
    }

    /// The plan for [`FILE`] with one text replaced, on a hub that says [`FILE`].
    fn changed(from: &str, to: &str) -> Plan {
        assert!(FILE.contains(from), "{from}");
        plan(&FILE.replacen(from, to, 1), &hub(FILE))
    }

    #[test]
    fn a_hub_that_says_the_same_needs_nothing() {
        for text in EXAMPLES.into_iter().chain([FILE]) {
            assert!(plan(text, &hub(text)).is_empty());
            assert_eq!(hub(text).into_catalogue().apis.len(), file::parse(text).expect("a catalogue").apis.len());
        }
    }

    #[test]
    fn an_empty_hub_needs_apis_first_then_versions_with_successors_first() {
        for text in EXAMPLES.into_iter().chain([FILE]) {
            let plan = plan(text, &Actual::default());
            assert!(plan.blocked.is_empty());
            let first_version = plan.steps.iter().position(|step| step.action.version().is_some()).expect("a version");
            let is_api = |step: &Step| matches!(step.action, Action::CreateApi { .. });
            assert!(plan.steps[..first_version].iter().all(is_api) && !plan.steps[first_version..].iter().any(is_api));
            let mut created = Vec::new();
            for step in &plan.steps {
                assert!(
                    step.action.successors().into_iter().all(|successor| created.contains(successor)),
                    "{}",
                    step.action
                );
                created.extend(step.action.version());
            }
        }
    }

    #[test]
    fn versions_that_name_each_other_are_created_all_the_same() {
        let circle = FILE.replace(
            "{environment: PRODUCTION, maturity: BETA}",
            "{environment: PRODUCTION, maturity: BETA, successor: {context: a/b, version: 1.0}}",
        );
        assert_eq!(actions(&plan(&circle, &Actual::default())).len(), 3);
    }

    #[test]
    fn a_difference_becomes_the_verb_that_brings_it_about() {
        for (from, to, action) in [
            ("title: A", "title: B", "API a/b"),
            ("- version: 2.0", "- version: 2.0\n        access: INTERNAL", "version a/b 2.0"),
            (
                "{environment: SANDBOX, maturity: BETA}",
                "{environment: SANDBOX, maturity: STABLE}",
                "version a/b 2.0 in SANDBOX: promote to STABLE",
            ),
            (
                "PRODUCTION, maturity: BETA}",
                "PRODUCTION, maturity: BETA, deprecated_at: 2027-02-01T00:00:00Z}",
                "version a/b 2.0 in PRODUCTION: deprecate",
            ),
            (
                "2027-02-01T00:00:00Z",
                "2027-02-01T00:00:00Z\n            retires_at: 2027-09-01T00:00:00Z",
                "version a/b 1.0 in PRODUCTION: retire",
            ),
            (
                "PRODUCTION, maturity: BETA}",
                "PRODUCTION, maturity: BETA, retires_at: 2027-02-01T00:00:00Z}",
                "version a/b 2.0 in PRODUCTION: retire",
            ),
            ("2027-02-01", "2027-02-02", "version a/b 1.0 in PRODUCTION: revise"),
            (
                "successor: {context: a/b, version: 2.0}",
                "successor: {context: a/c, version: 1.0}",
                "version a/b 1.0 in PRODUCTION: revise",
            ),
            ("            deprecated_at: 2027-02-01T00:00:00Z\n", "", "version a/b 1.0 in PRODUCTION: withdraw"),
        ] {
            let plan = changed(from, to);
            assert_eq!((actions(&plan), reasons(&plan)), (vec![action.to_owned()], Vec::new()), "{to}");
            assert!(!plan.steps[0].changes.is_empty() && !plan.steps[0].action.creates());
        }
    }

    #[test]
    fn what_has_no_verb_is_blocked() {
        for (from, to, reason) in [
            ("policy: hmrc-mtd", "policy: procore-rest", BlockReason::PolicyChanged),
            (
                "SANDBOX, maturity: STABLE}",
                "SANDBOX, maturity: STABLE, endpoints_enabled: true}",
                BlockReason::EndpointsSwitched,
            ),
            ("            successor: {context: a/b, version: 2.0}\n", "", BlockReason::SuccessorOmitted),
            ("          - {environment: SANDBOX, maturity: BETA}\n", "", BlockReason::DeploymentOmitted),
        ] {
            let plan = changed(from, to);
            assert_eq!((actions(&plan), reasons(&plan)), (Vec::new(), vec![reason.name()]), "{to}");
            assert_eq!(
                plan.blocked[0].affected.subscriptions,
                if reason == BlockReason::PolicyChanged { 6 } else { 3 }
            );
        }
        let renamed = changed("- version: 2.0", "- version: 3.0");
        assert_eq!(
            (actions(&renamed), reasons(&renamed)),
            (vec!["version a/b 3.0".to_owned()], vec!["VERSION_OMITTED"])
        );
    }

    #[test]
    fn the_moment_counts_and_not_its_words() {
        assert!(changed("2027-02-01T00:00:00Z", "2027-02-01 start-of-day Europe/London").is_empty());
        assert!(changed("2027-02-01T00:00:00Z", "2027-02-01T01:00:00+01:00").is_empty());
    }

    #[test]
    fn the_fingerprint_follows_actions_and_etags() {
        let (file, same) = (FILE.replace("title: A", "title: B"), hub(FILE));
        let first = fingerprint(&plan(&file, &same), &same);
        assert_eq!(fingerprint(&plan(&file, &same), &same), first);
        let mut moved = hub(FILE);
        moved.apis.get_mut("a/b").expect("there").versions[1].etag = "8".to_owned();
        assert_ne!(fingerprint(&plan(&file, &moved), &moved), first, "the hub moved");
        let other = FILE.replace("title: A", "title: C");
        assert_ne!(fingerprint(&plan(&other, &same), &same), first, "the file moved");
    }
}
