//! Calls that are refused before they are judged, because it is not clear what they ask.

use std::fmt;

use super::accept::AcceptFault;
use super::path::OddPath;

/// Why no question could be made of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misread {
    /// The path is odd.
    OddPath(OddPath),
    /// The method is not 1 to 16 upper-case letters.
    OddMethod,
    /// No API lies at the path, or the endpoint does not look for one there and the route names none.
    UnknownContext,
    /// The path does not lie below the one that the route is for.
    OutsideBase {
        /// The path that the route is for.
        base: Box<str>,
    },
    /// `Accept` names no version, or not one version.
    Accept(AcceptFault),
    /// A header that must stand once at most stands there more often.
    RepeatedHeader(Box<str>),
    /// A header has no acceptable value.
    MalformedHeader(Box<str>),
    /// What the call presents as its identity is none.
    MalformedIdentity,
    /// The gateway, or this endpoint, is configured so that nothing can be judged.
    Misconfigured {
        /// What is wrong, for operators.
        what: &'static str,
    },
}

impl Misread {
    /// A fault of configuration.
    pub(crate) fn misconfigured(what: &'static str) -> Misread {
        Misread::Misconfigured { what }
    }

    /// All names.
    pub const NAMES: [&'static str; 12] = [
        "ODD_PATH",
        "ODD_METHOD",
        "UNKNOWN_CONTEXT",
        "OUTSIDE_BASE_PATH",
        "ACCEPT_MISSING",
        "ACCEPT_MALFORMED",
        "ACCEPT_AMBIGUOUS",
        "ACCEPT_CONTRADICTORY",
        "REPEATED_HEADER",
        "MALFORMED_HEADER",
        "MALFORMED_IDENTITY",
        "GATEWAY_MISCONFIGURED",
    ];

    /// The name used in bodies, logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Misread::OddPath(_) => "ODD_PATH",
            Misread::OddMethod => "ODD_METHOD",
            Misread::UnknownContext => "UNKNOWN_CONTEXT",
            Misread::OutsideBase { .. } => "OUTSIDE_BASE_PATH",
            Misread::Accept(AcceptFault::Missing) => "ACCEPT_MISSING",
            Misread::Accept(AcceptFault::Malformed) => "ACCEPT_MALFORMED",
            Misread::Accept(AcceptFault::Several) => "ACCEPT_AMBIGUOUS",
            Misread::Accept(AcceptFault::Contradicts) => "ACCEPT_CONTRADICTORY",
            Misread::RepeatedHeader(_) => "REPEATED_HEADER",
            Misread::MalformedHeader(_) => "MALFORMED_HEADER",
            Misread::MalformedIdentity => "MALFORMED_IDENTITY",
            Misread::Misconfigured { .. } => "GATEWAY_MISCONFIGURED",
        }
    }

    /// What the caller, or the operator, can do.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Misread::OddPath(_) => "Send the path in its plain form, as the documentation of the API writes it.",
            Misread::OddMethod => "Use a method that the documentation of the API names.",
            Misread::UnknownContext | Misread::OutsideBase { .. } => "Check the path.",
            Misread::Accept(AcceptFault::Missing | AcceptFault::Malformed) => {
                "Name one version, as in application/vnd.VENDOR.1.0+json."
            }
            Misread::Accept(AcceptFault::Several) => "Name one version only.",
            Misread::Accept(AcceptFault::Contradicts) => "Name the version that the path is for, or none.",
            Misread::RepeatedHeader(_) => "Send the header once, with one value.",
            Misread::MalformedHeader(_) => "Send one value in visible ASCII, or leave the header out.",
            Misread::MalformedIdentity => "Call with the credentials of a registered application.",
            Misread::Misconfigured { .. } => "Ask an operator of the gateway.",
        }
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misread::OddPath(odd) => write!(f, "The path is refused: {odd}."),
            Misread::OddMethod => f.write_str("The method is refused: it must have 1 to 16 upper-case letters."),
            Misread::UnknownContext => f.write_str("No API lies at this path."),
            Misread::OutsideBase { base } => write!(f, "The path does not lie below {base}."),
            Misread::Accept(fault) => fault.fmt(f),
            Misread::RepeatedHeader(name) => write!(f, "The header {name} stands there more than once."),
            Misread::MalformedHeader(name) => write!(f, "The header {name} has no acceptable value."),
            Misread::MalformedIdentity => f.write_str("The presented identity is malformed."),
            // Which setting it is is nothing for callers; the hub logs it.
            Misread::Misconfigured { .. } => f.write_str("The gateway cannot judge this call."),
        }
    }
}
