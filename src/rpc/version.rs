//! The parts of an API and its versions, from messages to the words of the domain.

use std::collections::BTreeMap;

use devhub_decision::{Environment, Lifecycle, Schedule};
use devhub_proto::v1;

use super::parse::Fields;
use super::schedule::parse::zone;
use crate::domain::field::{FieldDefinition, VALUE_CHARS_MAX, compile};
use crate::domain::ledger::LedgerEnd;
use crate::domain::name::{check_url, is_hidden};
use crate::domain::version::{Deployment, Endpoint};

const TITLE_CHARS: std::ops::RangeInclusive<usize> = 2..=100;
pub(super) const DESCRIPTION_CHARS_MAX: usize = 2000;
const CATEGORIES_MAX: usize = 10;
const CATEGORY_CHARS_MAX: usize = 50;
const ENDPOINTS_MAX: usize = 500;
const PATH_CHARS_MAX: usize = 500;
const FIELDS_MAX: usize = 20;
const FIELD_NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=50;
const PATTERN_CHARS_MAX: usize = 200;

/// The title of an API.
pub(super) fn title(fields: &mut Fields, field: &str, title: &str) -> String {
    if !TITLE_CHARS.contains(&title.chars().count()) {
        fields.violate(field, "a title has 2 to 100 characters");
    }
    fields.text(field, title, *TITLE_CHARS.end())
}

/// The categories of an API.
pub(super) fn categories(fields: &mut Fields, field: &str, categories: &[String]) -> Vec<String> {
    if categories.len() > CATEGORIES_MAX {
        fields.violate(field, "at most 10 categories are accepted; leave some out");
    }
    categories
        .iter()
        .enumerate()
        .take(CATEGORIES_MAX)
        .map(|(position, category)| fields.text(&format!("{field}[{position}]"), category, CATEGORY_CHARS_MAX))
        .collect()
}

/// A URL that may be left out.
pub(super) fn uri(fields: &mut Fields, field: &str, uri: &str) -> String {
    if !uri.is_empty()
        && let Err(error) = check_url(uri)
    {
        fields.violate(field, error.to_string());
    }
    uri.to_owned()
}

/// The method of an operation.
pub(super) fn method(fields: &mut Fields, field: &str, method: &str) {
    if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method) {
        fields.violate(field, "must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in upper case");
    }
}

/// The path of an operation.
pub(super) fn path(fields: &mut Fields, field: &str, path: &str) {
    let plain = path.bytes().all(|b| b.is_ascii_graphic());
    if !path.starts_with('/') || path.len() > PATH_CHARS_MAX || !plain {
        fields.violate(field, "a path begins with '/' and has at most 500 visible ASCII characters");
    }
}

/// The endpoints of a version.
pub(super) fn endpoints(fields: &mut Fields, field: &str, endpoints: &[v1::Endpoint]) -> Vec<Endpoint> {
    if endpoints.len() > ENDPOINTS_MAX {
        fields.violate(field, "at most 500 endpoints are accepted; split the API");
    }
    let mut parsed = Vec::new();
    for (position, endpoint) in endpoints.iter().enumerate().take(ENDPOINTS_MAX) {
        let at = |part: &str| format!("{field}[{position}].{part}");
        method(fields, &at("method"), &endpoint.method);
        path(fields, &at("path"), &endpoint.path);
        if let Some(auth_type) = fields.word(&at("auth_type"), endpoint.auth_type) {
            parsed.push(Endpoint { method: endpoint.method.clone(), path: endpoint.path.clone(), auth_type });
        }
    }
    parsed
}

/// What the name of a subscription field looks like.
pub(super) const FIELD_NAME_RULE: &str = "a field name has 1 to 50 letters";

/// Whether a text can be the name of a subscription field.
pub(super) fn is_field_name(name: &str) -> bool {
    FIELD_NAME_CHARS.contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic())
}

/// The subscription fields of a version.
pub(super) fn definitions(
    fields: &mut Fields,
    field: &str,
    definitions: &[v1::FieldDefinition],
) -> Vec<FieldDefinition> {
    if definitions.len() > FIELDS_MAX {
        fields.violate(field, "at most 20 subscription fields are accepted; leave some out");
    }
    let mut parsed: Vec<FieldDefinition> = Vec::new();
    for (position, definition) in definitions.iter().enumerate().take(FIELDS_MAX) {
        let at = |part: &str| format!("{field}[{position}].{part}");
        if !is_field_name(&definition.name) {
            fields.violate(at("name"), FIELD_NAME_RULE);
        }
        if parsed.iter().any(|known| known.name == definition.name) {
            fields.violate(at("name"), "is defined twice; remove one");
        }
        let pattern = compile(&definition.pattern);
        // It is shown to whoever gives a value that it does not match.
        let plain = !definition.pattern.chars().any(is_hidden);
        if definition.pattern.chars().count() > PATTERN_CHARS_MAX || !plain || pattern.is_err() {
            let sentence = "must be a regular expression of at most 200 characters that can be seen; escape others";
            fields.violate(at("pattern"), sentence);
        } else if !definition.default_value.is_empty()
            && !definition.pattern.is_empty()
            && !pattern.is_ok_and(|pattern| pattern.is_match(&definition.default_value))
        {
            fields.violate(at("default_value"), "must match the pattern");
        }
        parsed.push(FieldDefinition {
            name: definition.name.clone(),
            description: fields.text(&at("description"), &definition.description, 500),
            default_value: fields.text(&at("default_value"), &definition.default_value, VALUE_CHARS_MAX),
            required: definition.required,
            pattern: definition.pattern.clone(),
        });
    }
    parsed
}

/// One deployment, with its environment.
pub(super) fn deployment(
    fields: &mut Fields,
    field: &str,
    given: &v1::Deployment,
) -> Option<(Environment, Deployment)> {
    let at = |part: &str| format!("{field}.{part}");
    let environment = fields.word(&at("environment"), given.environment);
    let maturity = fields.word(&at("maturity"), given.maturity);
    let deprecated_at = fields.instant(&at("deprecate_time"), given.deprecate_time.as_ref());
    let sunset_begins_at = fields.instant(&at("sunset_begin_time"), given.sunset_begin_time.as_ref());
    let retires_at = fields.instant(&at("retire_time"), given.retire_time.as_ref());
    let successor = fields.version_or_none(&at("successor"), given.successor.as_ref());
    let schedule = match (deprecated_at, retires_at) {
        (Some(deprecated_at), retires_at) => Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at },
        (None, Some(retires_at)) => Schedule::Retirement { retires_at },
        (None, None) => Schedule::Open,
    };
    let announced_at = fields.instant(&at("announce_time"), given.announce_time.as_ref());
    let zone = zone(fields, &at("zone"), &given.zone);
    let lifecycle = Lifecycle { maturity: maturity?, schedule };
    let deployment = Deployment {
        successor,
        endpoints_enabled: given.endpoints_enabled,
        ledger: LedgerEnd { announced_at, zone, ..LedgerEnd::default() },
        ..Deployment::new(lifecycle)
    };
    Some((environment?, deployment))
}

/// The deployments of a new version.
pub(super) fn deployments(fields: &mut Fields, given: &[v1::Deployment]) -> BTreeMap<Environment, Deployment> {
    if given.is_empty() {
        fields.violate("version.deployments", "at least one environment is needed");
    }
    if given.len() > Environment::ALL.len() {
        fields.violate("version.deployments", "there are two environments; give each at most once");
    }
    let mut parsed = BTreeMap::new();
    for (position, one) in given.iter().enumerate().take(Environment::ALL.len()) {
        let field = format!("version.deployments[{position}]");
        if let Some((environment, deployment)) = deployment(fields, &field, one)
            && parsed.insert(environment, deployment).is_some()
        {
            fields.violate(format!("{field}.environment"), "is given twice; keep one");
        }
    }
    parsed
}
