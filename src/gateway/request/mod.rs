//! From a request at a gateway to a question: what the call is about, and who calls. Pure, and the same for every
//! protocol by which gateways ask.
//!
//! Each input is read in one place, fixed by the configuration of the endpoint and by what the gateway's route pins. A
//! call that could be read in two ways is a [`Misread`]; nothing is repaired, guessed, or looked for elsewhere instead.

mod accept;
mod header;
mod identity;
mod misread;
mod path;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use devhub_decision::{Environment, Operation, Question};

pub use accept::{AcceptFault, Vendor};
pub use header::{Headers, OWNED_PREFIX, is_header_name};
pub use identity::{Caller, Claim, Presented, Source, Stranger};
pub use misread::Misread;
pub use path::{OddPath, PlainPath};

/// Longest method, in bytes.
const METHOD_BYTES_MAX: usize = 16;

/// Longest context, in bytes.
const CONTEXT_BYTES_MAX: usize = 128;

/// Longest id of a company or a project, in bytes.
const COMPANY_BYTES_MAX: usize = 64;

/// What the path of a call is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathUse {
    /// For nothing: every route names its context, and operations are not told apart.
    Nothing,
    /// For the operation below the context that the route names.
    Operation,
    /// For the operation, and for the context where the route names none.
    Context,
}

impl PathUse {
    /// All of them.
    pub const ALL: [PathUse; 3] = [PathUse::Nothing, PathUse::Operation, PathUse::Context];

    /// The name used in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            PathUse::Nothing => "nothing",
            PathUse::Operation => "operation",
            PathUse::Context => "context",
        }
    }
}

impl fmt::Display for PathUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PathUse {
    type Err = ();

    fn from_str(text: &str) -> Result<PathUse, ()> {
        PathUse::ALL.into_iter().find(|known| known.name() == text).ok_or(())
    }
}

/// How the calls of an endpoint are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Where identities come from, the first first; see [`Source`].
    pub identity: Vec<Source>,
    /// The environment that the endpoint serves; `None` if every route names it.
    pub environment: Option<Environment>,
    /// What the path is read for.
    pub path: PathUse,
    /// The longest path that is read, in bytes.
    pub path_bytes_max: usize,
    /// The vendor whose media types name versions in `Accept`; `None` if every route names the version.
    pub vendor: Option<Vendor>,
    /// The version of calls that name none; `None` if they are refused.
    pub default_version: Option<Box<str>>,
    /// The header that names a company.
    pub company_header: Box<str>,
    /// The header that names a project of the company, if there is one.
    pub project_header: Option<Box<str>>,
}

/// What the gateway's route says about a call: the client has no part in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pinned<'c> {
    /// Context of the API.
    pub context: Option<&'c str>,
    /// Label of the version.
    pub version: Option<&'c str>,
    /// The environment: `sandbox` or `production`.
    pub environment: Option<&'c str>,
    /// The path that the context lies at, where that is not the context itself; `/` for an API with a host of its own.
    pub base_path: Option<&'c str>,
    /// One of the endpoint's sources of identities, as its configuration writes it.
    pub identity: Option<&'c str>,
}

/// A call as a gateway tells of it.
pub struct Call<'c> {
    /// The HTTP method.
    pub method: &'c str,
    /// The request target: path and query string, as they came.
    pub target: &'c str,
    /// Its headers.
    pub headers: Headers<'c>,
    /// What the route says.
    pub pinned: Pinned<'c>,
    /// What the gateway knows of the caller.
    pub caller: &'c dyn Caller<'c>,
}

impl Reading {
    /// The question that a call asks. Whether a context names an API of an environment, `is_api` says.
    ///
    /// # Errors
    /// When it is not clear what the call asks.
    pub fn read<'c>(
        &'c self,
        call: &Call<'c>,
        is_api: &dyn Fn(&str, Environment) -> bool,
    ) -> Result<Question<'c>, Misread> {
        let environment = self.environment(call.pinned.environment)?;
        let (context, operation) = self.called(call, &|context| is_api(context, environment))?;
        let label = self.label(call)?;
        let source = identity::chosen(&self.identity, call.pinned.identity)?;
        let client_id = identity::client_id(source, &call.headers, call.caller)?;
        let company = company_part(&call.headers, Some(&self.company_header))?;
        let project = company_part(&call.headers, self.project_header.as_deref())?;
        Ok(Question { client_id, context, label, environment, operation, company, project })
    }

    fn environment(&self, pinned: Option<&str>) -> Result<Environment, Misread> {
        match pinned {
            Some(text) => text.to_ascii_uppercase().parse().map_err(|_| {
                Misread::misconfigured("the route names an environment that is neither sandbox nor production")
            }),
            None => self
                .environment
                .ok_or_else(|| Misread::misconfigured("neither the endpoint nor the route names an environment")),
        }
    }

    /// The API that is called, and the operation.
    fn called<'c>(
        &'c self,
        call: &Call<'c>,
        is_api: &dyn Fn(&str) -> bool,
    ) -> Result<(&'c str, Option<Operation<'c>>), Misread> {
        let pinned = call.pinned.context;
        if pinned.is_some_and(|context| context.is_empty() || context.len() > CONTEXT_BYTES_MAX) {
            return Err(Misread::misconfigured("the route names a context that is none"));
        }
        let path = match self.path {
            PathUse::Nothing => return Ok((pinned.ok_or(Misread::UnknownContext)?, None)),
            PathUse::Operation | PathUse::Context => {
                PlainPath::of(call.target, self.path_bytes_max).map_err(Misread::OddPath)?
            }
        };
        let parsed = || match self.path {
            PathUse::Context => path.contexts().find(|context| is_api(context)),
            PathUse::Nothing | PathUse::Operation => None,
        };
        let context = pinned.or_else(parsed).ok_or(Misread::UnknownContext)?;
        let below = match call.pinned.base_path {
            Some(base) if !base.starts_with('/') => {
                return Err(Misread::misconfigured("the route names a base path that does not begin with a slash"));
            }
            Some(base) => path.below(base).ok_or_else(|| Misread::OutsideBase { base: base.into() })?,
            None => path
                .below_context(context)
                .ok_or_else(|| Misread::OutsideBase { base: format!("/{context}").into() })?,
        };
        let method = call.method;
        let plain = (1..=METHOD_BYTES_MAX).contains(&method.len()) && method.bytes().all(|b| b.is_ascii_uppercase());
        if !plain {
            return Err(Misread::OddMethod);
        }
        Ok((context, Some(Operation { method, path: below })))
    }

    /// The version that is called. `Accept` is read even where the route names the version: an API may answer by it.
    fn label<'c>(&'c self, call: &Call<'c>) -> Result<&'c str, Misread> {
        let pinned = call.pinned.version;
        if pinned.is_some_and(|label| !accept::is_label(label)) {
            return Err(Misread::misconfigured("the route names a version that is none"));
        }
        let vendor = self.vendor.as_ref();
        let asked = vendor.map(|vendor| accept::version(vendor, call.headers.all("accept"))).transpose();
        match (pinned, asked.map_err(Misread::Accept)?.flatten()) {
            (Some(pinned), Some(asked)) if pinned != asked => Err(Misread::Accept(AcceptFault::Contradicts)),
            (Some(label), _) | (None, Some(label)) => Ok(label),
            (None, None) if vendor.is_none() && self.default_version.is_none() => {
                Err(Misread::misconfigured("the route names no version, and nothing else can"))
            }
            (None, None) => self.default_version.as_deref().ok_or(Misread::Accept(AcceptFault::Missing)),
        }
    }
}

/// The id of a company or a project, if the call names one.
fn company_part<'c>(headers: &Headers<'c>, name: Option<&str>) -> Result<Option<&'c str>, Misread> {
    let Some(name) = name else { return Ok(None) };
    let id = headers.one(name)?;
    let fits = |id: &str| {
        id.len() <= COMPANY_BYTES_MAX && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match id {
        Some(id) if !fits(id) => Err(Misread::MalformedHeader(name.into())),
        Some(_) | None => Ok(id),
    }
}
