//! Subscription fields: values that a version asks of its subscribers (rule B14).

use std::collections::BTreeMap;

use regex::Regex;

use super::name::check_text;
use super::refusal::Violation;

/// Longest value of a field, in characters.
pub const VALUE_CHARS_MAX: usize = 500;

/// A value that a subscriber must or may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDefinition {
    /// Its name: letters only.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Value used when the subscriber gives none.
    pub default_value: String,
    /// Refuse the subscription when the value is empty.
    pub required: bool,
    /// Regular expression that a non-empty value must match in whole; empty for none.
    pub pattern: String,
}

/// Compiles a pattern so that it matches whole values only. Bounded in size, so that a definition cannot exhaust memory.
///
/// # Errors
/// When the pattern is no regular expression or compiles to something huge.
pub fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    // By itself first: a stray parenthesis must not escape from the group around it.
    let build = |pattern: &str| regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
    build(pattern)?;
    build(&format!("^(?:{pattern})$"))
}

/// Whether a definition accepts a value; if not, the sentence that says why.
fn check(definition: &FieldDefinition, value: &str) -> Result<(), String> {
    check_text(value, VALUE_CHARS_MAX).map_err(|problem| problem.to_string())?;
    if value.is_empty() {
        // HMRC's rule: an empty value passes every pattern; being required is a separate question.
        return if definition.required { Err("a value is required".to_owned()) } else { Ok(()) };
    }
    if !definition.pattern.is_empty() && !compile(&definition.pattern).is_ok_and(|pattern| pattern.is_match(value)) {
        return Err(format!("the value must match {}", definition.pattern));
    }
    Ok(())
}

/// The values of an old subscription that these definitions accept under the same name, and the names of those that
/// they do not (rule B48).
pub fn carried(
    definitions: &[FieldDefinition],
    old: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let accepted = |name: &str, value: &str| {
        definitions.iter().any(|definition| definition.name == name && check(definition, value).is_ok())
    };
    let (carried, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
        old.clone().into_iter().partition(|(name, value)| accepted(name, value));
    (carried, left.into_keys().collect())
}

/// The values of a new subscription: those given, defaults for the rest; all problems at once.
///
/// # Errors
/// A violation for each unknown name, malformed value and missing required value.
pub fn resolve(
    definitions: &[FieldDefinition],
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut violate = |name: &str, sentence: String| {
        violations.push(Violation { field: format!("field_values[{name:?}]"), sentence });
    };
    for name in given.keys() {
        if !definitions.iter().any(|definition| &definition.name == name) {
            violate(name, "the version has no such subscription field; leave it out".to_owned());
        }
    }
    let mut values = BTreeMap::new();
    for definition in definitions {
        let value = given.get(&definition.name).unwrap_or(&definition.default_value);
        if let Err(sentence) = check(definition, value) {
            violate(&definition.name, sentence);
        }
        values.insert(definition.name.clone(), value.clone());
    }
    if violations.is_empty() { Ok(values) } else { Err(violations) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, default_value: &str, required: bool, pattern: &str) -> FieldDefinition {
        FieldDefinition {
            name: name.into(),
            description: String::new(),
            default_value: default_value.into(),
            required,
            pattern: pattern.into(),
        }
    }

    #[test]
    fn b14_all_problems_are_named_at_once() {
        let definitions = [definition("callback", "", true, ""), definition("vrn", "", false, "[0-9]{9}")];
        let given = BTreeMap::from([("vrn".to_owned(), "12".to_owned()), ("colour".to_owned(), "red".to_owned())]);
        let fields: Vec<String> =
            resolve(&definitions, &given).expect_err("three problems").into_iter().map(|v| v.field).collect();
        assert_eq!(fields, ["field_values[\"colour\"]", "field_values[\"callback\"]", "field_values[\"vrn\"]"]);
    }

    #[test]
    fn defaults_fill_what_is_not_given_and_empty_passes_a_pattern() {
        let definitions = [definition("callback", "none", true, ""), definition("vrn", "", false, "[0-9]{9}")];
        let values = resolve(&definitions, &BTreeMap::new()).expect("valid");
        assert_eq!(values["callback"], "none");
        assert_eq!(values["vrn"], "");
    }
}
