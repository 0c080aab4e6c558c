//! The sentences of the store: which file, what is wrong, what to do.

use std::fmt::Display;
use std::path::Path;

use super::StoreError;

/// The way out that every refusal of damaged data names.
pub(crate) const WAY_OUT: &str = "run `devhub doctor` on the directory, then repair it or restore a backup";

/// A file operation that failed.
pub(crate) fn io(action: &str, path: &Path, error: impl Display) -> StoreError {
    StoreError::Io(format!("could not {action} {}: {error}", path.display()))
}

/// A file whose content cannot be trusted.
pub(crate) fn damaged(path: &Path, problem: impl Display) -> StoreError {
    StoreError::Damaged(format!("{}: {problem}; {WAY_OUT}", path.display()))
}

/// A file written by a release that knows more than this one.
pub(crate) fn newer(path: &Path, format: u64, known: u64) -> StoreError {
    StoreError::Newer(format!(
        "{} has format {format}, and this release of devhub reads up to format {known}; use the release that wrote it, \
         or a later one",
        path.display()
    ))
}
