//! What can be wrong in a catalogue without asking a hub: things named twice, characters that could mislead whoever
//! reviews the plan, dates in the wrong order.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

use super::end::Dates;
use super::entry::{ApiEntry, Catalogue, DeploymentEntry, NamespaceEntry, VersionEntry};
use crate::domain::name::is_hidden;
use crate::domain::schedule::check_order;

/// Refuses what is named twice.
///
/// # Errors
/// When an API or a namespace is.
pub fn check_names(catalogue: &Catalogue) -> Result<()> {
    check_unique("the API", catalogue.apis.iter().map(|api| api.context.clone()), "")?;
    check_unique("the namespace", catalogue.namespaces.iter().map(|entry| entry.namespace.clone()), "")
}

fn check_unique(what: &str, names: impl Iterator<Item = String>, place: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        ensure!(!seen.contains(&name), "{what} {name} is listed twice{place}; list it once");
        seen.insert(name);
    }
    Ok(())
}

/// What can be wrong about an API without asking a hub.
///
/// # Errors
/// When something is named twice, holds hidden characters, or has dates in the wrong order.
pub fn check_api(api: &ApiEntry) -> Result<()> {
    let place = format!("API {:?}", api.context);
    let named = [("context", &api.context), ("title", &api.title), ("policy", &api.policy)];
    check_lines(&place, named.into_iter().chain(api.categories.iter().map(|category| ("categories", category))))?;
    check_paragraph(&place, &api.description)?;
    check_unique("version", api.versions.iter().map(|v| v.version.clone()), &format!(" under API {}", api.context))?;
    api.versions.iter().try_for_each(|version| check_version(api, version))
}

fn check_version(api: &ApiEntry, version: &VersionEntry) -> Result<()> {
    let place = format!("version {:?} of API {}", version.version, api.context);
    check_lines(
        &place,
        [("version", &version.version), ("documentation_uri", &version.documentation_uri)].into_iter(),
    )?;
    check_paragraph(&place, &version.description)?;
    for endpoint in &version.endpoints {
        check_lines(&place, [("method", &endpoint.method), ("path", &endpoint.path)].into_iter())?;
    }
    for field in &version.fields {
        let texts = [("name", &field.name), ("default", &field.default), ("pattern", &field.pattern)];
        check_lines(&place, texts.into_iter())?;
        check_paragraph(&place, &field.description)?;
    }
    ensure!(!version.deployments.is_empty(), "{place} is deployed nowhere; list at least one environment");
    let environments = version.deployments.iter().map(|d| d.environment.to_string());
    check_unique("environment", environments, &format!(" for {place}"))?;
    version.deployments.iter().try_for_each(|deployment| check_deployment(&place, deployment))
}

fn check_deployment(place: &str, deployment: &DeploymentEntry) -> Result<()> {
    let place = format!("{place} in {}", deployment.environment);
    if let Some(successor) = &deployment.successor {
        check_lines(&place, [("context", &successor.context), ("version", &successor.version)].into_iter())?;
    }
    check_end(&place, deployment.dates(), &deployment.zone, &deployment.reason, &deployment.override_reason)?;
    let operations = deployment.operations.iter().map(|operation| format!("{} {}", operation.method, operation.path));
    check_unique("operation", operations, &format!(" for {place}"))?;
    for operation in &deployment.operations {
        let place = format!("operation {:?} {:?} of {place}", operation.method, operation.path);
        let texts =
            [("method", &operation.method), ("path", &operation.path), ("replacement_uri", &operation.replacement_uri)];
        check_lines(&place, texts.into_iter())?;
        if let Some(to) = &operation.replacement {
            let texts =
                [("context", &to.context), ("version", &to.version), ("method", &to.method), ("path", &to.path)];
            check_lines(&place, texts.into_iter())?;
        }
        ensure!(!operation.dates().is_open(), "{place} has no dates; give it some, or leave it out");
        check_end(&place, operation.dates(), &operation.zone, &operation.reason, &operation.override_reason)?;
    }
    Ok(())
}

/// What can be wrong about a namespace without asking a hub.
///
/// # Errors
/// See [`check_api`].
pub fn check_namespace(namespace: &NamespaceEntry) -> Result<()> {
    let place = format!("namespace {:?}", namespace.namespace);
    check_lines(&place, [("namespace", &namespace.namespace)].into_iter())?;
    let environments = namespace.deployments.iter().map(|deployment| deployment.environment.to_string());
    check_unique("environment", environments, &format!(" for {place}"))?;
    for deployment in &namespace.deployments {
        let place = format!("{place} in {}", deployment.environment);
        let replacement = deployment.replacement.iter().map(|name| ("replacement", name));
        check_lines(&place, replacement.chain([("replacement_uri", &deployment.replacement_uri)]))?;
        ensure!(!deployment.dates().is_open(), "{place} has no dates; give it some, or leave it out");
        check_end(&place, deployment.dates(), &deployment.zone, &deployment.reason, &deployment.override_reason)?;
    }
    Ok(())
}

fn check_end(place: &str, dates: Dates<'_>, zone: &String, reason: &str, override_reason: &str) -> Result<()> {
    check_lines(place, [("zone", zone)].into_iter())?;
    check_paragraph(place, reason)?;
    check_paragraph(place, override_reason)?;
    if let (Some(deprecated_at), Some(retires_at)) = (dates.deprecated_at, dates.retires_at) {
        check_order(deprecated_at.instant, retires_at.instant, override_reason).with_context(|| place.to_owned())?;
    }
    Ok(())
}

fn check_lines<'a>(place: &str, texts: impl Iterator<Item = (&'static str, &'a String)>) -> Result<()> {
    for (field, text) in texts {
        if let Some(c) = text.chars().find(|c| is_hidden(*c)) {
            bail!(
                "{place}: {field} holds the character {}, which is not shown as it is; remove it",
                c.escape_unicode()
            );
        }
    }
    Ok(())
}

fn check_paragraph(place: &str, text: &str) -> Result<()> {
    if let Some(c) = text.chars().find(|c| is_hidden(*c) && *c != '\n') {
        bail!("{place}: a text holds the character {}, which is not shown as it is; remove it", c.escape_unicode());
    }
    Ok(())
}
