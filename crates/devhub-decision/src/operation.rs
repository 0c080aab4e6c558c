//! Operations: one method and path of a version, with dates of its own.

use crate::entry::{Links, VersionName};
use crate::lifecycle::Schedule;

/// One operation as a call names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation<'a> {
    /// The HTTP method of the call, in upper case.
    pub method: &'a str,
    /// Its path below the context; a query string, from `?` on, does not count.
    pub path: &'a str,
}

/// The operation to use instead of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The version that it belongs to.
    pub version: VersionName,
    /// Its HTTP method.
    pub method: Box<str>,
    /// Its path template below the context.
    pub path: Box<str>,
}

/// One operation of a version that ends before its version does, or is about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationEntry {
    /// Its HTTP method, in upper case.
    pub method: Box<str>,
    /// Its path template below the context: `/{id}/losses`.
    pub path: Box<str>,
    /// The dates that end it; those of its version end it too.
    pub schedule: Schedule,
    /// The operation to use instead, when one is named.
    pub replacement: Option<Replacement>,
    /// The pages that its lifecycle headers point to; where one is missing, the version's.
    pub links: Links,
}
