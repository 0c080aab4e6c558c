//! Who calls: the sources of a client id that a configuration lists, of which each call is judged by one.
//!
//! The source is the first of the list, unless the gateway's route names another of the list. Which one it is never
//! depends on what the client sent: a call that lacks it is a call without an identity, whatever else it carries.

use std::fmt;
use std::str::FromStr;

use super::header::{Headers, OWNED_PREFIX, is_header_name};
use super::misread::Misread;

/// Longest client id, in bytes.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// A claim of a verified token, in the metadata of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key under which the gateway keeps the payload of the token (Envoy: `payload_in_metadata`).
    pub payload: Box<str>,
    /// The name of the claim, as it stands in the token; dots in it are part of the name.
    pub name: Box<str>,
}

/// Where a client id comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A claim of a token that the gateway verified.
    Claim(Claim),
    /// The name in a client certificate that the gateway verified, without this prefix, which it must have.
    Principal {
        /// The prefix, for example `spiffe://example.org/client/`; often empty.
        prefix: Box<str>,
    },
    /// A request header. The gateway must have set or removed it, or clients could assert any identity.
    Header(Box<str>),
}

impl Source {
    /// The rule that every value keeps.
    pub const RULE: &'static str = "a source of identities is claim:PAYLOAD.CLAIM, principal, principal:PREFIX or header:NAME, in visible ASCII without \
         commas; names of headers are lower-case and do not begin with x-devhub-";
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Claim(Claim { payload, name }) => write!(f, "claim:{payload}.{name}"),
            Source::Principal { prefix } if prefix.is_empty() => f.write_str("principal"),
            Source::Principal { prefix } => write!(f, "principal:{prefix}"),
            Source::Header(name) => write!(f, "header:{name}"),
        }
    }
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Source, &'static str> {
        let plain = text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let source = match (kind, rest) {
            ("claim", path) => path
                .split_once('.')
                .filter(|(payload, name)| !payload.is_empty() && !name.is_empty())
                .map(|(payload, name)| Source::Claim(Claim { payload: payload.into(), name: name.into() })),
            ("principal", prefix) => Some(Source::Principal { prefix: prefix.into() }),
            ("header", name) => {
                (is_header_name(name) && !name.starts_with(OWNED_PREFIX)).then(|| Source::Header(name.into()))
            }
            _ => None,
        };
        source.filter(|_| plain).ok_or(Source::RULE)
    }
}

/// What a call carries of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented<'c> {
    /// Nothing.
    Nothing,
    /// This text.
    Text(&'c str),
    /// Something that is no text: a claim that is a number or a list.
    NotText,
}

/// What a gateway knows of the caller, besides headers.
pub trait Caller<'c> {
    /// A claim of the verified token.
    fn claim(&self, claim: &Claim) -> Presented<'c>;

    /// The name in the verified client certificate.
    fn principal(&self) -> Presented<'c>;
}

/// A caller of whom the gateway tells nothing but headers.
#[derive(Debug, Clone, Copy)]
pub struct Stranger;

impl<'c> Caller<'c> for Stranger {
    fn claim(&self, _: &Claim) -> Presented<'c> {
        Presented::Nothing
    }

    fn principal(&self) -> Presented<'c> {
        Presented::Nothing
    }
}

/// The source that judges a call: the first of the list, or the one of the list that the route names.
pub(super) fn chosen<'r>(sources: &'r [Source], named: Option<&str>) -> Result<&'r Source, Misread> {
    match named {
        None => sources.first().ok_or_else(|| Misread::misconfigured("no source of identities is configured")),
        Some(named) => sources
            .iter()
            .find(|source| source.to_string() == named)
            .ok_or_else(|| Misread::misconfigured("the route names a source of identities that is not configured")),
    }
}

/// The client id that a call presents; empty if it presents none.
pub(super) fn client_id<'c>(
    source: &Source,
    headers: &Headers<'c>,
    caller: &dyn Caller<'c>,
) -> Result<&'c str, Misread> {
    let presented = match source {
        Source::Claim(claim) => caller.claim(claim),
        Source::Principal { prefix } => match caller.principal() {
            Presented::Text(text) => text.strip_prefix(&**prefix).map_or(Presented::NotText, Presented::Text),
            other @ (Presented::Nothing | Presented::NotText) => other,
        },
        Source::Header(name) => headers.one(name)?.map_or(Presented::Nothing, Presented::Text),
    };
    match presented {
        Presented::Nothing => Ok(""),
        Presented::Text(text)
            if (1..=CLIENT_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(text)
        }
        Presented::Text(_) | Presented::NotText => Err(Misread::MalformedIdentity),
    }
}
