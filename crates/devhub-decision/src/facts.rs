//! A question, and what the table knows about it: all that a decision depends on besides the instant.

use crate::brownout::Brownouts;
use crate::entry::{Standing, VersionEntry, VersionName};
use crate::header::RenderedHeaders;
use crate::lifecycle::Lifecycle;
use crate::namespace::NamespaceEntry;
use crate::operation::{Operation, OperationFacts, Operations};
use crate::stage::{Environment, StagePermissions};
use crate::terms::Terms;

/// May a call of this client to this version, through a gateway of this environment, pass?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question<'a> {
    /// What the caller presented.
    pub client_id: &'a str,
    /// Context of the API.
    pub context: &'a str,
    /// Label of the version.
    pub label: &'a str,
    /// The environment of the gateway.
    pub environment: Environment,
    /// The method and path that are called, when the gateway tells them.
    pub operation: Option<Operation<'a>>,
}

/// A version as the table holds it: what it was told, under the namespaces that cover it, with the headers made from
/// that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFacts {
    told: VersionEntry,
    lifecycle: Lifecycle,
    brownouts: Brownouts,
    successor_namespace: Option<Box<str>>,
    operations: Operations,
    headers: RenderedHeaders,
}

impl VersionFacts {
    /// A version that no namespace covers.
    pub fn new(told: VersionEntry) -> Self {
        Self::within(told, &[])
    }

    /// A version under the namespaces that cover it, innermost first. Renders its headers once, for all calls to come.
    pub fn within(told: VersionEntry, namespaces: &[NamespaceEntry]) -> Self {
        let outer = namespaces.iter().fold(told.lifecycle.schedule, |inner, outer| inner.under(outer.schedule));
        let lifecycle = told.lifecycle.scheduled(outer);
        let links = namespaces.iter().fold(told.links.clone(), |links, namespace| links.or(&namespace.links));
        let own = told.brownouts.iter().copied();
        let outer = namespaces.iter().flat_map(|namespace| namespace.brownouts.iter().copied());
        // A version that names its successor knows better than the namespace where its callers should go.
        let successors = namespaces.iter().filter(|_| told.successor.is_none());
        Self {
            lifecycle,
            brownouts: Brownouts::joined(own.chain(outer)),
            successor_namespace: successors.filter_map(|namespace| namespace.successor.clone()).next(),
            operations: Operations::new(told.operations.iter().map(|o| OperationFacts::new(o, lifecycle, &links))),
            headers: RenderedHeaders::new(&lifecycle.schedule, &links),
            told,
        }
    }

    /// What the table was told, the namespaces left aside.
    pub fn told(&self) -> &VersionEntry {
        &self.told
    }

    /// Its lifecycle, under that of its namespaces.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// What its policy permits in each stage.
    pub fn permissions(&self) -> &StagePermissions {
        &self.told.permissions
    }

    /// Calls pass without a client or a subscription.
    pub fn open_access(&self) -> bool {
        self.told.open_access
    }

    /// Its brownouts and those of its namespaces.
    pub fn brownouts(&self) -> &Brownouts {
        &self.brownouts
    }

    /// The version to move to, when one is named.
    pub fn successor(&self) -> Option<&VersionName> {
        self.told.successor.as_ref()
    }

    /// The namespace to move to, when no version is named but a namespace is.
    pub fn successor_namespace(&self) -> Option<&str> {
        self.successor_namespace.as_deref()
    }

    /// Those of its operations that have dates, a replacement or links of their own.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The headers of its responses.
    pub fn headers(&self) -> &RenderedHeaders {
        &self.headers
    }
}

/// What is known about the application of a client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationFacts<'t> {
    /// Its id in the hub.
    pub application_id: &'t str,
    /// The environment that it lives in.
    pub environment: Environment,
    /// Whether it may call at all.
    pub standing: Standing,
}

/// All that the table knows about one question, at one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'t> {
    /// The newest revision that these facts take into account.
    pub revision: u64,
    /// The environment that was asked about.
    pub environment: Environment,
    /// The version in that environment, if there is one.
    pub version: Option<&'t VersionFacts>,
    /// The operation that was asked about, if the version has an entry for it.
    pub operation: Option<&'t OperationFacts>,
    /// The application of the client id, if there is one.
    pub application: Option<ApplicationFacts<'t>>,
    /// A subscription that nobody ended joins the two.
    pub subscribed: bool,
    /// What is out of the ordinary between the two.
    pub terms: Terms,
}
