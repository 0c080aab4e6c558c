//! Where callers are to move to, as options.

use anyhow::{Result, bail};
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target;

use super::target::{Listed, Operation};

/// Options that say where to move to.
#[derive(Debug, Clone, Default, Args)]
pub struct Successors {
    /// The version to move to; for an operation, the version of the one that replaces it
    #[arg(long, num_args = 2, value_names = ["CONTEXT", "VERSION"])]
    successor: Vec<String>,
    /// What replaces an operation ("METHOD PATH") or a namespace (its name)
    #[arg(long, value_name = "OPERATION|NAME")]
    replacement: Option<String>,
    /// Where the replacement is documented
    #[arg(long, value_name = "URL", requires = "replacement")]
    replacement_uri: Option<String>,
}

/// Names a version.
pub fn version_name(context: &str, version: &str) -> v1::VersionName {
    v1::VersionName { context: context.to_owned(), version: version.to_owned() }
}

impl Successors {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.successor.is_empty() && self.replacement.is_none()
    }

    /// The successor of one target; `None` keeps what is named.
    ///
    /// # Errors
    /// When an option does not go with the target, or names no operation.
    pub fn of(&self, listed: &Listed) -> Result<Option<v1::Successor>> {
        use v1::successor::Successor;

        let version = match &self.successor[..] {
            [context, version] => Some(version_name(context, version)),
            _ => None,
        };
        let uri = self.replacement_uri.clone().unwrap_or_default();
        let replacement = self.replacement.as_deref();
        let successor = match (&listed.target.target, replacement) {
            (Some(Target::Version(_)), Some(_)) => {
                bail!("--replacement is for operations and namespaces; use --successor")
            }
            (Some(Target::Version(_)), None) => listed.successor.clone().or(version).map(Successor::Version),
            (Some(Target::Operation(old)), Some(text)) => {
                let version = version.or_else(|| old.version.clone()).unwrap_or_default();
                Some(Successor::Operation(text.parse::<Operation>()?.of(version)))
            }
            (Some(Target::Operation(_)), None) if version.is_some() => {
                bail!("--successor says the version only; say which operation of it with --replacement \"METHOD PATH\"")
            }
            (Some(Target::Namespace(_)), _) if version.is_some() => {
                bail!("--successor names a version; say which namespace replaces this one with --replacement NAME")
            }
            (Some(Target::Namespace(_)), Some(name)) => Some(Successor::Namespace(name.to_owned())),
            (Some(Target::Operation(_) | Target::Namespace(_)) | None, _) => None,
        };
        Ok(successor.map(|successor| v1::Successor { successor: Some(successor), uri }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(target: Target) -> Listed {
        let target = v1::ScheduleTarget { environment: 2, target: Some(target) };
        Listed { target, successor: None }
    }

    #[test]
    fn a_successor_is_of_the_kind_of_its_target() {
        let old = version_name("a/b", "1.0");
        let next = Successors { successor: vec!["a/b".into(), "2.0".into()], ..Default::default() };
        let version = listed(Target::Version(old.clone()));
        let named = next.of(&version).expect("fits").expect("one").successor;
        assert_eq!(named, Some(v1::successor::Successor::Version(version_name("a/b", "2.0"))));
        let own = Listed { successor: Some(version_name("a/c", "3.0")), ..version.clone() };
        let named = next.of(&own).expect("fits").expect("one").successor;
        assert_eq!(named, Some(v1::successor::Successor::Version(version_name("a/c", "3.0"))));

        let operation = Operation { method: "GET".into(), path: "/x".into() };
        let operation = listed(Target::Operation(operation.of(old.clone())));
        assert!(next.of(&operation).is_err() && next.of(&listed(Target::Namespace("a".into()))).is_err());
        let other = Successors { replacement: Some("GET /y".into()), ..Default::default() };
        let Some(v1::successor::Successor::Operation(named)) =
            other.of(&operation).expect("fits").expect("one").successor
        else {
            panic!("an operation")
        };
        assert_eq!((named.version, named.path.as_str()), (Some(old), "/y"));
        assert!(other.of(&version).is_err());
        assert!(Successors::default().is_empty() && Successors::default().of(&version).expect("fits").is_none());
    }
}
