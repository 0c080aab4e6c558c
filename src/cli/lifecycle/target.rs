//! What a lifecycle command is about: versions, operations of a version, or namespaces, in one environment or in both.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{ArgGroup, Args};
use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target;

use super::successor::version_name;
use crate::cli::words::Environment;

/// Largest list of versions that is read, in bytes.
const LIST_BYTES_MAX: u64 = 1024 * 1024;

/// Options of every command that changes a lifecycle.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("target").required(true).multiple(true).args(["context", "namespaces", "list"]))]
pub struct Targets {
    /// Context of the API
    #[arg(requires = "version", conflicts_with = "namespaces")]
    context: Option<String>,
    /// Label of the version
    version: Option<String>,
    /// Where; may be repeated
    #[arg(long = "environment", value_enum, required = true, value_name = "ENVIRONMENT")]
    environments: Vec<Environment>,
    /// Only this operation of the version, for example "DELETE /cost_codes/{id}"; may be repeated
    #[arg(long = "operation", value_name = "METHOD PATH", requires = "context", conflicts_with_all = ["also", "list"])]
    operations: Vec<Operation>,
    /// All APIs whose context begins with this name, instead of a version; may be repeated
    #[arg(long = "namespace", value_name = "NAME", conflicts_with_all = ["also", "list"])]
    namespaces: Vec<String>,
    /// A further version, in the same commit; may be repeated
    #[arg(long, num_args = 2, value_names = ["CONTEXT", "VERSION"], requires = "context")]
    also: Vec<String>,
    /// A file with a version on each line, CONTEXT VERSION and perhaps its successor, in the same commit
    #[arg(long = "versions", value_name = "FILE")]
    list: Option<PathBuf>,
}

/// One target with the successor that its list names, if it names one.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The target.
    pub target: v1::ScheduleTarget,
    /// Its own successor, before the one that is meant for all.
    pub successor: Option<v1::VersionName>,
}

impl Targets {
    /// The targets, in the order given.
    ///
    /// # Errors
    /// When the list of versions cannot be read.
    pub fn all(&self) -> Result<Vec<Listed>> {
        let mut things = Vec::new();
        if let (Some(context), Some(version)) = (&self.context, &self.version) {
            let name = version_name(context, version);
            if self.operations.is_empty() {
                things.push((Target::Version(name.clone()), None));
            }
            let operation = |operation: &Operation| (Target::Operation(operation.of(name.clone())), None);
            things.extend(self.operations.iter().map(operation));
        }
        for pair in self.also.chunks(2) {
            if let [context, version] = pair {
                things.push((Target::Version(version_name(context, version)), None));
            }
        }
        if let Some(path) = &self.list {
            let listed = read_list(path)?;
            things.extend(listed.into_iter().map(|(name, successor)| (Target::Version(name), successor)));
        }
        things.extend(self.namespaces.iter().map(|name| (Target::Namespace(name.clone()), None)));
        let targets = things.into_iter().flat_map(|(target, successor)| {
            self.environments.iter().map(move |environment| Listed {
                target: v1::ScheduleTarget { environment: environment.wire().into(), target: Some(target.clone()) },
                successor: successor.clone(),
            })
        });
        Ok(targets.collect())
    }
}

/// One target, of which something is asked.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("of").required(true).args(["context", "namespace"]))]
pub struct OneTarget {
    /// Context of the API
    #[arg(requires = "version")]
    context: Option<String>,
    /// Label of the version
    #[arg(conflicts_with = "namespace")]
    version: Option<String>,
    /// Only this operation of the version, for example "DELETE /cost_codes/{id}"
    #[arg(long, value_name = "METHOD PATH", requires = "context")]
    operation: Option<Operation>,
    /// A namespace, instead of a version
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Where
    #[arg(long, value_enum, default_value_t = Environment::Production)]
    environment: Environment,
}

impl OneTarget {
    /// The target as a message.
    pub fn message(&self) -> v1::ScheduleTarget {
        let name =
            || version_name(self.context.as_deref().unwrap_or_default(), self.version.as_deref().unwrap_or_default());
        let target = match (&self.namespace, &self.operation) {
            (Some(namespace), _) => Target::Namespace(namespace.clone()),
            (None, Some(operation)) => Target::Operation(operation.of(name())),
            (None, None) => Target::Version(name()),
        };
        v1::ScheduleTarget { environment: self.environment.wire().into(), target: Some(target) }
    }
}

/// An operation as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// HTTP method.
    pub method: String,
    /// Path below the context.
    pub path: String,
}

impl Operation {
    /// The operation of a version.
    pub fn of(&self, version: v1::VersionName) -> v1::OperationName {
        v1::OperationName { version: Some(version), method: self.method.clone(), path: self.path.clone() }
    }
}

impl FromStr for Operation {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Operation> {
        match text.split_once(' ') {
            Some((method, path)) if path.starts_with('/') => {
                Ok(Operation { method: method.to_owned(), path: path.to_owned() })
            }
            Some(_) | None => Err(anyhow!(
                "{text:?} names no operation; write method and path, for example \"DELETE /cost_codes/{{id}}\""
            )),
        }
    }
}

/// Versions, each with its successor if the line names one; `-` is standard input. Empty lines and lines that begin
/// with `#` say nothing.
///
/// # Errors
/// When the list cannot be read, is too large, or a line is no version.
fn read_list(path: &Path) -> Result<Vec<(v1::VersionName, Option<v1::VersionName>)>> {
    let name = path.display();
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")?
    } else {
        let size = std::fs::metadata(path).with_context(|| format!("{name} cannot be read"))?.len();
        ensure!(size <= LIST_BYTES_MAX, "{name} has {size} bytes; a list has at most {LIST_BYTES_MAX}; split it");
        std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?
    };
    let versions = parse_list(&text).with_context(|| format!("{name} is no list of versions"))?;
    ensure!(!versions.is_empty(), "{name} names no version; write CONTEXT VERSION on each line");
    Ok(versions)
}

fn parse_list(text: &str) -> Result<Vec<(v1::VersionName, Option<v1::VersionName>)>> {
    let mut versions = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            [context, version] => versions.push((version_name(context, version), None)),
            [context, version, to, label] => {
                versions.push((version_name(context, version), Some(version_name(to, label))));
            }
            _ => bail!(
                "line {}: write CONTEXT VERSION, or CONTEXT VERSION SUCCESSOR-CONTEXT SUCCESSOR-VERSION",
                number + 1
            ),
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_method_and_path() {
        let operation: Operation = "DELETE /cost_codes/{id}".parse().expect("an operation");
        assert_eq!((operation.method.as_str(), operation.path.as_str()), ("DELETE", "/cost_codes/{id}"));
        for text in ["", "GET", "/x", "GET x"] {
            assert!(text.parse::<Operation>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_names_versions_and_perhaps_their_successors() {
        let list = parse_list("# our twenty\n\na/b 1.0\n  a/c 2.0  a/d 1.0\n").expect("a list");
        assert_eq!(list[0], (version_name("a/b", "1.0"), None));
        assert_eq!(list[1], (version_name("a/c", "2.0"), Some(version_name("a/d", "1.0"))));
        let sentence = parse_list("a/b 1.0\na/b").expect_err("half a name").to_string();
        assert!(sentence.starts_with("line 2: write CONTEXT VERSION"), "{sentence}");
    }
}
