//! Operations of a version that have a schedule of their own, and how a call is matched to one.

use crate::entry::{Links, VersionName};
use crate::header::RenderedHeaders;
use crate::lifecycle::{Lifecycle, Schedule};

/// What to call instead of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The version that has it; often the same one.
    pub version: VersionName,
    /// Its method.
    pub method: Box<str>,
    /// Its path template, below the context.
    pub path: Box<str>,
}

/// One operation of a version with dates, a replacement or links of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationEntry {
    /// Its method, in upper case.
    pub method: Box<str>,
    /// Its path template below the context, as `/{id}/losses`: a segment in braces stands for any one segment.
    pub path: Box<str>,
    /// The dates that end it; those of its version end it too.
    pub schedule: Schedule,
    /// What to call instead.
    pub replacement: Option<Replacement>,
    /// The pages that its headers point to, before those of the version.
    pub links: Links,
}

/// The call that a question is about: its actual method and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path below the context; a query string is ignored.
    pub path: &'a str,
}

impl Operation<'_> {
    /// The path without a query string.
    fn bare_path(&self) -> &str {
        self.path.split_once('?').map_or(self.path, |(path, _)| path)
    }
}

/// An operation as the table holds it: what it was told, under the schedule of its version, with the headers made from
/// that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationFacts {
    told: OperationEntry,
    lifecycle: Lifecycle,
    headers: RenderedHeaders,
}

impl OperationFacts {
    /// Puts an operation under the lifecycle and the links of its version.
    pub(crate) fn new(told: &OperationEntry, version: Lifecycle, links: &Links) -> Self {
        let lifecycle = version.scheduled(told.schedule.under(version.schedule));
        let headers = RenderedHeaders::new(&lifecycle.schedule, &told.links.or(links));
        Self { told: told.clone(), lifecycle, headers }
    }

    /// What the table was told.
    pub fn told(&self) -> &OperationEntry {
        &self.told
    }

    /// Its lifecycle, under that of its version.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// The headers of its responses.
    pub fn headers(&self) -> &RenderedHeaders {
        &self.headers
    }

    /// It is the one that the call names.
    fn covers(&self, call: &Operation<'_>) -> bool {
        *self.told.method == *call.method && matches(&self.told.path, call.bare_path())
    }
}

/// Operations in the order in which they are tried: the first that covers a call is the most literal one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations(Box<[OperationFacts]>);

impl Operations {
    /// Sorts literal segments before parameters, from left to right; templates of one shape keep their order.
    pub(crate) fn new(operations: impl IntoIterator<Item = OperationFacts>) -> Self {
        let mut operations: Vec<OperationFacts> = operations.into_iter().collect();
        operations.sort_by_cached_key(|operation| operation.told.path.split('/').map(is_parameter).collect::<Vec<_>>());
        Self(operations.into_boxed_slice())
    }

    /// The operation that a call is about, if it has an entry.
    pub fn find(&self, call: &Operation<'_>) -> Option<&OperationFacts> {
        self.0.iter().find(|operation| operation.covers(call))
    }

    /// Each of them, in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &OperationFacts> {
        self.0.iter()
    }
}

/// Only a whole segment in braces is a parameter; `{id}.json` stands for itself.
fn is_parameter(segment: &str) -> bool {
    segment.len() > 2 && segment.starts_with('{') && segment.ends_with('}')
}

/// The path has as many segments as the template, and each is the same or fills a parameter.
fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let each = template.split('/').all(|wanted| {
        segments.next().is_some_and(|given| wanted == given || (is_parameter(wanted) && !given.is_empty()))
    });
    each && segments.next().is_none()
}
