//! Reading and writing catalogue files. What can be wrong without asking the hub is refused here, before anything is
//! sent: unknown and duplicate keys, things named twice, and characters that could mislead whoever reviews the plan.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};

use super::check::{check_api, check_names, check_namespace};
use super::entry::Catalogue;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::cli::catalogue::entry::{
        ApiEntry, DeploymentEntry, EndpointEntry, FieldEntry, NamespaceDeploymentEntry, NamespaceEntry, OperationEntry,
        OperationRef, VersionEntry, VersionRef,
    };
    use crate::cli::date::Moment;
    use crate::cli::words::{Access, Auth, Environment, Maturity};
    use crate::domain::name::is_hidden;

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
                announced_at: Some(Moment::at(instant)),
                zone: title.clone(),
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
                company_scoped: true,
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
