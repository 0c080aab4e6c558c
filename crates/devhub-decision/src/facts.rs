//! A question, and what the table knows about it: all that a decision depends on besides the instant.

use crate::entry::{Standing, VersionEntry};
use crate::header::RenderedHeaders;
use crate::operation::Operation;
use crate::stage::Environment;
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
    /// The operation that is called, when the gateway says it; without it the answer is that for the whole version.
    pub operation: Option<Operation<'a>>,
}

/// A version as the table holds it: what it was told, and the headers made from that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFacts {
    entry: VersionEntry,
    headers: RenderedHeaders,
}

impl VersionFacts {
    /// Renders the headers of the version once, for all calls to come.
    pub fn new(entry: VersionEntry) -> Self {
        let headers = RenderedHeaders::new(&entry);
        Self { entry, headers }
    }

    /// What the table was told.
    pub fn entry(&self) -> &VersionEntry {
        &self.entry
    }

    /// The headers made from it.
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
    /// The application of the client id, if there is one.
    pub application: Option<ApplicationFacts<'t>>,
    /// A subscription that nobody ended joins the two.
    pub subscribed: bool,
    /// What else holds between the two.
    pub terms: Terms,
}
