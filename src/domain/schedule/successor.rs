//! Where to move to: what is refused, and what an operator should know of it.

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Schedule, Stage};

use crate::domain::fact::instant_text;
use crate::domain::name::VersionName;
use crate::domain::record::{RecordKey, Records, namespace_keys};
use crate::domain::refusal::{Refusal, Violation};
use crate::domain::version::Deployment;

/// The keys that a judgement reads of a successor: whether it ends is the word of its namespaces too.
pub(in crate::domain) fn successor_keys(name: &VersionName) -> impl Iterator<Item = RecordKey> {
    [RecordKey::Version(name.clone())].into_iter().chain(namespace_keys(&name.context))
}

/// Refuses a version as its own successor.
pub(in crate::domain) fn check_successor(name: &VersionName, successor: Option<&VersionName>) -> Result<(), Refusal> {
    if successor != Some(name) {
        return Ok(());
    }
    Err(invalid("a version cannot be its own successor; name the one to move to, or none"))
}

pub(super) fn invalid(sentence: &str) -> Refusal {
    Refusal::InvalidFields(vec![Violation { field: "successor".to_owned(), sentence: sentence.to_owned() }])
}

/// The deployment with a successor, if one is given, and where that one's documentation is.
pub(in crate::domain) fn name_successor(
    deployment: &Deployment,
    successor: Option<&VersionName>,
    records: &Records,
) -> Deployment {
    let Some(successor) = successor else { return deployment.clone() };
    let uri = records.version(successor).map(|version| version.documentation_uri.clone()).unwrap_or_default();
    Deployment { successor: Some(successor.clone()), successor_uri: uri, ..deployment.clone() }
}

/// What an operator should know of the successor of a version that ends (rule B41).
pub(in crate::domain) fn successor_warnings(
    deployment: &Deployment,
    environment: Environment,
    records: &Records,
    now: DateTime<Utc>,
) -> Vec<String> {
    let schedule = deployment.lifecycle.schedule;
    if schedule == Schedule::Open {
        return Vec::new();
    }
    let Some(successor) = &deployment.successor else {
        return vec![format!("no successor is named in {environment}: subscribers are not told where to move to")];
    };
    let Ok(version) = records.effective_version(successor) else {
        return vec![format!("successor {successor} does not exist yet")];
    };
    let mut warnings = Vec::new();
    if !version.deployments.contains_key(&Environment::Sandbox) {
        warnings.push(format!("successor {successor} is not deployed in SANDBOX, where subscribers would test it"));
    }
    let Some(next) = version.deployments.get(&environment) else {
        warnings.push(format!("successor {successor} is not deployed in {environment}"));
        return warnings;
    };
    match next.lifecycle.stage(now) {
        Stage::Alpha => warnings.push(format!("successor {successor} is ALPHA and takes no subscriptions yet")),
        Stage::Deprecated => warnings.push(format!("successor {successor} is deprecated itself")),
        Stage::Retired => warnings.push(format!("successor {successor} is retired")),
        Stage::Beta | Stage::Stable => {
            if let (Some(ours), Some(theirs)) = (schedule.retires_at(), next.lifecycle.schedule.retires_at())
                && theirs <= ours
            {
                warnings.push(format!("successor {successor} is retired sooner, at {}", instant_text(Some(theirs))));
            }
        }
    }
    warnings
}
