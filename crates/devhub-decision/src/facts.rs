//! A question, and what the table knows about it: all that a decision depends on besides the instant.

use chrono::{DateTime, Utc};

use crate::account::AccountFacts;
use crate::brownout::{self, Brownout};
use crate::company::CompanyAccess;
use crate::entry::{Links, Standing, VersionEntry};
use crate::header::RenderedHeaders;
use crate::lifecycle::Lifecycle;
use crate::namespace::NamespaceEntry;
use crate::operation::{self, Operation, OperationFacts};
use crate::stage::{Environment, Maturity, Stage};
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
    /// The company that the call is about, when it names one. It matters to company-scoped versions only.
    pub company: Option<&'a str>,
    /// The project of that company, when the call names one.
    pub project: Option<&'a str>,
}

/// A version as the table holds it: what it was told, with the dates and links of its namespaces, and the headers made
/// from that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFacts {
    entry: VersionEntry,
    successor_namespace: Option<Box<str>>,
    headers: RenderedHeaders,
    operations: Box<[OperationFacts]>,
}

impl VersionFacts {
    /// A version that lies in no namespace.
    pub fn new(entry: VersionEntry) -> Self {
        Self::within(entry, &[])
    }

    /// A version that lies in these namespaces, innermost first. All their dates and brownouts hold for it; its links
    /// and its successor are its own, else those of the innermost that has some. Renders the headers once, for all calls
    /// to come.
    pub fn within(told: VersionEntry, namespaces: &[&NamespaceEntry]) -> Self {
        let own_successor = told.successor.is_some();
        let mut entry = told;
        let windows = namespaces.iter().flat_map(|namespace| &namespace.brownouts);
        entry.brownouts = brownout::joined(entry.brownouts.iter().chain(windows).copied());
        for namespace in namespaces {
            entry.lifecycle.schedule = entry.lifecycle.schedule.under(namespace.schedule);
            // The page of another successor would contradict the one that the version names.
            let successor = namespace.links.successor.clone().filter(|_| !own_successor);
            entry.links = entry.links.or(&Links { successor, ..namespace.links.clone() });
        }
        let named = namespaces.iter().find_map(|namespace| namespace.successor.clone());
        let operations = entry.operations.iter().cloned();
        let operations = operations.map(|operation| OperationFacts::new(operation, &entry.lifecycle, &entry.links));
        Self {
            successor_namespace: named.filter(|_| !own_successor),
            headers: RenderedHeaders::new(&entry.lifecycle.schedule, &entry.links),
            operations: operation::ordered(operations.collect()),
            entry,
        }
    }

    /// What the table was told, with what its namespaces add; its brownouts in order, joined where they touch.
    pub fn entry(&self) -> &VersionEntry {
        &self.entry
    }

    /// The namespace that replaces that of the version, when the version names no successor itself.
    pub fn successor_namespace(&self) -> Option<&str> {
        self.successor_namespace.as_deref()
    }

    /// The headers made from it.
    pub fn headers(&self) -> &RenderedHeaders {
        &self.headers
    }

    /// The operation with dates of its own that a call is one of, if there is one.
    pub fn operation(&self, called: &Operation<'_>) -> Option<&OperationFacts> {
        operation::find(&self.operations, called)
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
    /// The operation of the version that was asked about, if it has dates of its own.
    pub operation: Option<&'t OperationFacts>,
    /// The application of the client id, if there is one.
    pub application: Option<ApplicationFacts<'t>>,
    /// The service account of the client id, if there is one and no application has it.
    pub account: Option<AccountFacts<'t>>,
    /// How the caller stands to the company and the project that the call names.
    pub access: CompanyAccess,
    /// The application is installed in the company with an identity of its own, and nobody has recorded yet that it was
    /// used: an allowed call would be its first. It changes no answer.
    pub awaits_use: bool,
    /// A subscription that nobody ended joins the two; whether it still holds, its terms say.
    pub subscribed: bool,
    /// What else holds between the two.
    pub terms: Terms,
}

impl<'t> Facts<'t> {
    /// The lifecycle that the call is judged by: that of the operation, else that of the version.
    pub(crate) fn lifecycle(&self) -> Option<&'t Lifecycle> {
        let version = self.version.map(|version| &version.entry().lifecycle);
        self.operation.map(OperationFacts::lifecycle).or(version)
    }

    /// The headers of what the call is judged by.
    pub(crate) fn headers(&self) -> Option<&'t RenderedHeaders> {
        self.operation.map(OperationFacts::headers).or(self.version.map(VersionFacts::headers))
    }

    /// The stage that the call is judged by, if the version is known.
    pub(crate) fn stage(&self, now: DateTime<Utc>) -> Option<Stage> {
        self.lifecycle().map(|lifecycle| lifecycle.stage(now))
    }

    /// The stage of the version, whatever its operations.
    pub(crate) fn version_stage(&self, now: DateTime<Utc>) -> Option<Stage> {
        self.version.map(|version| version.entry().lifecycle.stage(now))
    }

    /// A stage in which the policy lets no call pass, if one stands in the way at `now`. The one that the version had
    /// before any date ended it counts too: the deprecation of an operation or of a whole namespace opens nothing that
    /// was closed.
    pub(crate) fn closed_stage(&self, now: DateTime<Utc>) -> Option<Stage> {
        let VersionEntry { lifecycle, permissions, .. } = self.version?.entry();
        let stages = [Some(lifecycle.maturity.stage()), self.version_stage(now), self.stage(now)];
        stages.into_iter().flatten().find(|stage| !permissions.of(*stage).calls)
    }

    /// A waiver lets the application go on after the retirement of the version. It covers no ALPHA: that was never open
    /// to calls, so there is nothing to go on with.
    pub(crate) fn is_waived(&self, now: DateTime<Utc>) -> bool {
        let released = self.version.is_some_and(|version| match version.entry().lifecycle.maturity {
            Maturity::Alpha => false,
            Maturity::Beta | Maturity::Stable => true,
        });
        released && self.version_stage(now) == Some(Stage::Retired) && self.terms.waives(now)
    }

    /// The brownout that denies the call at `now`, if one does: only a DEPRECATED version has any.
    pub(crate) fn brownout(&self, now: DateTime<Utc>) -> Option<Brownout> {
        let window = self.version.and_then(|version| brownout::at(&version.entry().brownouts, now));
        window.filter(|_| !self.terms.exempt && self.stage(now) == Some(Stage::Deprecated))
    }

    /// The service account, if it is the one that calls: an application with the same client id goes before it.
    pub(crate) fn calling_account(&self) -> Option<&AccountFacts<'t>> {
        self.account.as_ref().filter(|_| self.application.is_none())
    }

    /// The environment that the caller lives in, if it is known.
    pub(crate) fn home(&self) -> Option<Environment> {
        let of_account = self.account.map(|account| account.environment);
        self.application.map(|application| application.environment).or(of_account)
    }

    /// The first instant after `now` at which a date of these facts is reached, whether or not it changes the answer.
    pub(crate) fn next_date(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let version = self.version?.entry();
        let of_version = &version.lifecycle.schedule;
        let of_operation = self.operation.map(|operation| &operation.entry().schedule);
        let dates = [
            of_version.deprecated_at(),
            of_version.retires_at(),
            of_operation.and_then(|schedule| schedule.deprecated_at()),
            of_operation.and_then(|schedule| schedule.retires_at()),
            brownout::next_edge(&version.brownouts, now),
            self.terms.ends_at,
            self.terms.waived_until,
        ];
        let next = dates.into_iter().flatten().filter(|date| *date > now).min();
        let Some(account) = self.calling_account() else {
            return next;
        };
        let of_account = [account.sunset_at, account.ends_at()].into_iter().flatten().filter(|date| *date > now);
        of_account.chain(next).min()
    }
}
