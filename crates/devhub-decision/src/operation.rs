//! Operations: one method and path of a version, with dates of its own.

use chrono::{DateTime, Utc};

use crate::entry::{Links, VersionName};
use crate::header::RenderedHeaders;
use crate::lifecycle::{Lifecycle, Schedule};

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

/// An operation as the table holds it: what it was told, and what follows from that within its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationFacts {
    entry: OperationEntry,
    lifecycle: Lifecycle,
    headers: RenderedHeaders,
}

impl OperationFacts {
    /// The operation within a version of this lifecycle and with these links.
    pub(crate) fn new(entry: OperationEntry, version: &Lifecycle, links: &Links) -> Self {
        let lifecycle = Lifecycle { schedule: entry.schedule.under(version.schedule), ..*version };
        let headers = RenderedHeaders::new(&lifecycle.schedule, &entry.links.or(links));
        Self { entry, lifecycle, headers }
    }

    /// What the table was told.
    pub fn entry(&self) -> &OperationEntry {
        &self.entry
    }

    /// The lifecycle of the version, with the dates of the operation.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// The headers made from it.
    pub fn headers(&self) -> &RenderedHeaders {
        &self.headers
    }

    /// Its own dates, not those of its version, have retired it.
    pub(crate) fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.entry.schedule.retires_at().is_some_and(|retires_at| retires_at <= now)
    }

    /// Whether a path is one of this operation.
    fn matches(&self, path: &str) -> bool {
        let same = |(segment, expected): (&str, &str)| {
            if is_parameter(expected) { !segment.is_empty() } else { segment == expected }
        };
        segments(path).zip(segments(&self.entry.path)).all(same)
    }

    /// Operations with the same method and as many segments stand together.
    fn group(&self) -> (&str, usize) {
        (&self.entry.method, segments(&self.entry.path).count())
    }
}

/// The operations in the order in which they are tried: where two templates match, the first segment in which they
/// differ decides, and a literal goes before a parameter.
pub(crate) fn ordered(mut operations: Vec<OperationFacts>) -> Box<[OperationFacts]> {
    operations.sort_by_cached_key(|operation| {
        let (method, count) = operation.group();
        let parameters: Vec<bool> = segments(&operation.entry.path).map(is_parameter).collect();
        (Box::<str>::from(method), count, parameters)
    });
    operations.into_boxed_slice()
}

/// The operation that a call is one of, among ordered ones.
pub(crate) fn find<'o>(ordered: &'o [OperationFacts], called: &Operation<'_>) -> Option<&'o OperationFacts> {
    let path = called.path.split_once('?').map_or(called.path, |(path, _)| path);
    let group = (called.method, segments(path).count());
    let first = ordered.partition_point(|operation| operation.group() < group);
    let candidates = ordered[first..].iter().take_while(|operation| operation.group() == group);
    candidates.into_iter().find(|operation| operation.matches(path))
}

fn segments(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// `{id}` stands for exactly one segment that is not empty.
fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}
