//! Reading and writing catalogue files. What can be wrong without asking the hub is refused here, before anything is
//! sent: unknown and duplicate keys, things named twice, and characters that could mislead whoever reviews the plan.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::end::Dates;
use super::entry::{ApiEntry, Catalogue, DeploymentEntry, NamespaceEntry, VersionEntry};
use crate::domain::name::is_hidden;
use crate::domain::schedule::check_order;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Reads the files as one catalogue; `-` is standard input.
///
/// # Errors
/// When a file cannot be read, is malformed, or names an API that another one names too.
pub fn read(paths: &[std::path::PathBuf]) -> Result<Catalogue> {
    let mut whole = Catalogue::default();
    for path in paths {
        let name = path.display();
        let catalogue = parse(&text(path)?).map_err(|error| {
            // The parser knows no file name; in its picture of the place, `<input>` stands for it.
            anyhow!("{name} is not a catalogue: {}", error.to_string().replace("<input>", &name.to_string()))
        })?;
        whole.apis.extend(catalogue.apis);
        whole.namespaces.extend(catalogue.namespaces);
    }
    check_names(&whole)?;
    Ok(whole)
}

fn text(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("standard input cannot be read");
    }
    let name = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{name} cannot be read"))?.len();
    ensure!(size <= FILE_BYTES_MAX, "{name} has {size} bytes; a catalogue has at most {FILE_BYTES_MAX}; split it");
    std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))
}

/// Parses the text of one file.
///
/// # Errors
/// When it is malformed; the error shows the place.
pub fn parse(text: &str) -> Result<Catalogue> {
    // The error's text says it all; its causes would say it again.
    let catalogue: Catalogue = serde_saphyr::from_str(text).map_err(|error| anyhow!("{error}"))?;
    check_names(&catalogue)?;
    catalogue.apis.iter().try_for_each(check_api)?;
    catalogue.namespaces.iter().try_for_each(check_namespace)?;
    Ok(catalogue)
}

fn check_names(catalogue: &Catalogue) -> Result<()> {
    check_unique("the API", catalogue.apis.iter().map(|api| api.context.clone()), "")?;
    check_unique("the namespace", catalogue.namespaces.iter().map(|entry| entry.namespace.clone()), "")
}

/// The text of a file that says `catalogue`.
///
/// # Errors
/// When it cannot be written as YAML, which would be a defect.
pub fn write(catalogue: &Catalogue) -> Result<String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(catalogue, options).context("the catalogue cannot be written")?;
    ensure!(
        parse(&text).context("the written catalogue cannot be read back")? == *catalogue,
        "the written catalogue reads back differently; this is a defect of devhub, please report it"
    );
    Ok(text)
}

fn check_unique(what: &str, names: impl Iterator<Item = String>, place: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        ensure!(!seen.contains(&name), "{what} {name} is listed twice{place}; list it once");
        seen.insert(name);
    }
    Ok(())
}

fn check_api(api: &ApiEntry) -> Result<()> {
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
    check_end(&place, deployment.dates(), &deployment.reason, &deployment.override_reason)?;
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
        check_end(&place, operation.dates(), &operation.reason, &operation.override_reason)?;
    }
    Ok(())
}

fn check_namespace(namespace: &NamespaceEntry) -> Result<()> {
    let place = format!("namespace {:?}", namespace.namespace);
    check_lines(&place, [("namespace", &namespace.namespace)].into_iter())?;
    let environments = namespace.deployments.iter().map(|deployment| deployment.environment.to_string());
    check_unique("environment", environments, &format!(" for {place}"))?;
    for deployment in &namespace.deployments {
        let place = format!("{place} in {}", deployment.environment);
        let replacement = deployment.replacement.iter().map(|name| ("replacement", name));
        check_lines(&place, replacement.chain([("replacement_uri", &deployment.replacement_uri)]))?;
        ensure!(!deployment.dates().is_open(), "{place} has no dates; give it some, or leave it out");
        check_end(&place, deployment.dates(), &deployment.reason, &deployment.override_reason)?;
    }
    Ok(())
}

fn check_end(place: &str, dates: Dates<'_>, reason: &str, override_reason: &str) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::cli::catalogue::entry::{
        EndpointEntry, FieldEntry, NamespaceDeploymentEntry, OperationEntry, OperationRef, VersionRef,
    };
    use crate::cli::date::Moment;
    use crate::cli::words::{Access, Auth, Environment, Maturity};

    const SMALL: &str = "\
apis:
  - context: individuals/losses
    title: Individual Losses
    policy: hmrc-mtd
    versions:
      - version: 1.10
        deployments:
          - environment: PRODUCTION
            maturity: STABLE
            deprecated_at: {date: 2024-06-28, zone: Europe/London, boundary: start-of-day}
            retires_at: 2025-01-06T00:00:00Z
            successor: {context: individuals/losses, version: 2.0}
";

    fn refusal(from: &str, to: &str) -> String {
        assert!(SMALL.contains(from), "{from}");
        format!("{:#}", parse(&SMALL.replacen(from, to, 1)).expect_err(to))
    }

    #[test]
    fn a_label_is_text() {
        let catalogue = parse(SMALL).expect("a catalogue");
        assert_eq!(catalogue.apis[0].versions[0].version, "1.10");
        let text = write(&catalogue).expect("text");
        assert!(text.contains("version: \"1.10\"") || text.contains("version: '1.10'"), "{text}");
    }

    #[test]
    fn a_date_is_read_with_its_zone_and_boundary() {
        let catalogue = parse(SMALL).expect("a catalogue");
        let deployment = &catalogue.apis[0].versions[0].deployments[0];
        let deprecated_at = deployment.deprecated_at.clone().expect("a date");
        assert_eq!(deprecated_at.to_string(), "2024-06-27T23:00:00Z (2024-06-28 start-of-day Europe/London)");
        let date = "{date: 2024-06-28, zone: Europe/London, boundary: start-of-day}";
        assert_eq!(parse(&SMALL.replace(date, "2024-06-28 start-of-day Europe/London")).expect("text"), catalogue);
        assert_eq!(parse(&SMALL.replace(date, "2024-06-27T23:00:00Z")).expect("an instant"), catalogue);
    }

    #[test]
    fn b24_a_bare_date_is_refused_at_its_place() {
        let sentence = refusal("{date: 2024-06-28, zone: Europe/London, boundary: start-of-day}", "2024-06-28");
        assert!(sentence.contains("does not say which instant it means"), "{sentence}");
        assert!(sentence.contains("10"), "the line is shown: {sentence}");
        let sentence = refusal(", boundary: start-of-day", "");
        assert!(sentence.contains("boundary"), "{sentence}");
    }

    #[test]
    fn unknown_and_duplicate_keys_are_refused_with_their_place() {
        let sentence = refusal("title:", "titel:");
        assert!(sentence.contains("titel") && sentence.contains('^'), "{sentence}");
        let sentence = refusal("    policy: hmrc-mtd", "    policy: hmrc-mtd\n    policy: procore-rest");
        assert!(sentence.contains("duplicate") && sentence.contains('^'), "{sentence}");
        let sentence = refusal("maturity: STABLE", "maturity: FINISHED");
        assert!(sentence.contains("FINISHED") && sentence.contains("STABLE"), "{sentence}");
    }

    #[test]
    fn what_is_named_twice_is_refused() {
        let twice = SMALL.replace("apis:\n", "") + &SMALL.replace("apis:\n", "");
        let sentence = parse(&format!("apis:\n{twice}")).expect_err("twice").to_string();
        assert_eq!(sentence, "the API individuals/losses is listed twice; list it once");
    }

    #[test]
    fn characters_that_mislead_are_refused() {
        for (text, code) in
            [("\"Bell\\a\"", "\\u{7}"), ("\"over\\u202Eride\"", "\\u{202e}"), ("\"esc\\e[2J\"", "\\u{1b}")]
        {
            let sentence = refusal("Individual Losses", text);
            assert!(sentence.contains(code), "{sentence}");
        }
    }

    #[test]
    fn b30_retirement_before_deprecation_is_refused() {
        let sentence = refusal("2025-01-06T00:00:00Z", "2024-01-06T00:00:00Z");
        assert!(sentence.contains("is not later than deprecate_time"), "{sentence}");
    }

    /// Texts that YAML could take for something else.
    const TRICKY: &[&str] = &[
        "",
        " ",
        "yes",
        "null",
        "~",
        "1.10",
        "1e3",
        "0x1F",
        "- a",
        "a: b",
        "# a",
        "a #b",
        "'",
        "\"",
        "{}",
        "[a]",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "2024-06-28",
        "<<",
        "=",
        "---",
        "...",
        "\u{2028}",
    ];

    /// Tricky texts, and any other text without hidden characters.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![select(TRICKY).prop_map(str::to_owned), any::<String>()]
            .prop_map(|text| text.chars().filter(|c| !is_hidden(*c)).collect())
    }

    fn paragraph() -> impl Strategy<Value = String> {
        proptest::collection::vec(text(), 0..4).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Writing refuses by itself what would read back differently; here it must never have to.
        #[test]
        fn what_is_written_reads_back(
            (context, title, category, path) in (text(), text(), text(), text()),
            (description, reason, pattern) in (paragraph(), paragraph(), text()),
            (seconds, nanos, enabled) in (-62_000_000_000i64..250_000_000_000, 0u32..1_000_000_000, any::<bool>()),
        ) {
            let instant = chrono::DateTime::from_timestamp(seconds, nanos).expect("within the years 1 to 9999");
            let deployment = DeploymentEntry {
                environment: Environment::Sandbox,
                maturity: Maturity::Beta,
                endpoints_enabled: enabled,
                deprecated_at: Some(Moment::at(instant)),
                sunset_begins_at: None,
                retires_at: None,
                successor: Some(VersionRef { context: context.clone(), version: path.clone() }),
                reason: reason.clone(),
                override_reason: String::new(),
                operations: vec![OperationEntry {
                    method: category.clone(),
                    path: path.clone(),
                    deprecated_at: Some(Moment::at(instant)),
                    replacement: Some(OperationRef {
                        context: context.clone(),
                        version: title.clone(),
                        method: pattern.clone(),
                        path: path.clone(),
                    }),
                    replacement_uri: title.clone(),
                    reason: reason.clone(),
                    ..OperationEntry::default()
                }],
            };
            let namespace = NamespaceEntry {
                namespace: context.clone(),
                deployments: vec![NamespaceDeploymentEntry {
                    sunset_begins_at: Some(Moment::at(instant)),
                    replacement: Some(title.clone()),
                    reason,
                    ..NamespaceDeploymentEntry::open(Environment::Production)
                }],
            };
            let field = FieldEntry { name: title.clone(), default: pattern.clone(), pattern, ..FieldEntry::default() };
            let version = VersionEntry {
                version: path.clone(),
                description: description.clone(),
                access: Access::Internal,
                documentation_uri: title.clone(),
                endpoints: vec![EndpointEntry { method: category.clone(), path, auth: Auth::None }],
                fields: vec![field],
                deployments: vec![deployment],
            };
            let api = ApiEntry {
                policy: title.clone(),
                categories: vec![category],
                versions: vec![version],
                context,
                title,
                description,
            };
            let written = write(&Catalogue { apis: vec![api], namespaces: vec![namespace] });
            prop_assert!(written.is_ok(), "{:#}", written.expect_err("not ok"));
        }
    }
}
