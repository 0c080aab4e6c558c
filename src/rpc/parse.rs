//! From strings and numbers to the words of the domain, once, collecting every malformed field.

use std::fmt;
use std::fmt::Display;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_proto::v1;
use prost::Message;
use prost_types::Timestamp;
use sha2::{Digest, Sha256};
use tonic::Extensions;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::status;
use crate::access::Principal;
use crate::domain::name::{RequestId, VersionName, check_text};
use crate::domain::refusal::Violation;
use crate::domain::{Actor, Scope};
use crate::hub::{Asked, Failure, Mode, Request};
use crate::secret::Seals;
use crate::wire::{Word, instant};

/// The metadata that names the actor of a write.
pub const ACTOR: &str = "devhub-actor";

/// Most items on a page.
const PAGE_SIZE_MAX: i32 = 200;

/// Items on a page when the caller does not say.
const PAGE_SIZE_DEFAULT: usize = 50;

/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// Who calls, as the listener said it.
pub fn principal(extensions: &Extensions) -> Result<&Principal, Status> {
    // The admission of the server puts it there, whoever calls.
    extensions.get::<Principal>().ok_or_else(|| status::failed(Failure::Defect))
}

/// Who writes, and through which portal he came.
#[derive(Debug, Clone)]
pub struct Writer {
    actor: Actor,
    via: Option<Box<str>>,
}

impl Deref for Writer {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.actor
    }
}

impl Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.actor.fmt(f)
    }
}

impl From<Writer> for Actor {
    fn from(writer: Writer) -> Actor {
        writer.actor
    }
}

impl From<Actor> for Writer {
    fn from(actor: Actor) -> Writer {
        Writer { actor, via: None }
    }
}

/// The actor of a write.
pub fn actor<T>(request: &tonic::Request<T>) -> Result<Writer, Status> {
    actor_of(request.metadata(), request.extensions())
}

/// The actor of a write that came with this: the caller, or whom a caller names that nobody verifies.
pub fn actor_of(metadata: &MetadataMap, extensions: &Extensions) -> Result<Writer, Status> {
    let principal = principal(extensions)?;
    match (principal, principal.actor()) {
        (Principal::Anyone, _) => stated(metadata).map(Writer::from),
        (_, Some(actor)) => Ok(Writer { actor, via: principal.via().map(Box::from) }),
        (_, None) => Err(status::actor_required("a caller of this kind changes nothing".to_owned())),
    }
}

/// The actor that a caller names.
fn stated(metadata: &MetadataMap) -> Result<Actor, Status> {
    let mut values = metadata.get_all(ACTOR).iter();
    let value = values.next().ok_or_else(|| status::actor_required("who does this?".to_owned()))?;
    if values.next().is_some() {
        return Err(status::actor_required("it is given twice".to_owned()));
    }
    let text = value.to_str().map_err(|_| status::actor_required("it has characters outside ASCII".to_owned()))?;
    text.parse().map_err(|error: crate::domain::actor::InvalidActor| status::actor_required(error.to_string()))
}

/// Parses the fields of a request and remembers what is wrong with them.
#[derive(Default)]
pub struct Fields(Vec<Violation>);

impl Fields {
    /// Remembers that `field` is malformed.
    pub fn violate(&mut self, field: impl Into<String>, sentence: impl Into<String>) {
        self.0.push(Violation { field: field.into(), sentence: sentence.into() });
    }

    /// Refuses the request if anything was malformed.
    pub fn check(self) -> Result<(), Status> {
        if self.0.is_empty() { Ok(()) } else { Err(status::invalid(self.0)) }
    }

    /// Whether nothing was malformed so far.
    pub fn is_clean(&self) -> bool {
        self.0.is_empty()
    }

    /// What was malformed.
    pub fn into_violations(self) -> Vec<Violation> {
        self.0
    }

    /// The refusal of a request in which something needed is malformed.
    pub fn refuse(mut self) -> Status {
        if self.0.is_empty() {
            self.violate("request", "a needed part is missing");
        }
        status::invalid(self.0)
    }

    /// A name.
    pub fn name<T: FromStr<Err: Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        text.parse().map_err(|error: T::Err| self.violate(field, error.to_string())).ok()
    }

    /// A name that may be left out.
    pub fn name_or_none<T: FromStr<Err: Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() { None } else { self.name(field, text) }
    }

    /// A version.
    pub fn version(&mut self, context: &str, label: &str) -> Option<VersionName> {
        let (context, label) = (self.name("context", context), self.name("version", label));
        Some(VersionName { context: context?, label: label? })
    }

    /// A version that may be left out.
    pub fn version_or_none(&mut self, field: &str, name: Option<&v1::VersionName>) -> Option<VersionName> {
        let name = name?;
        let context = self.name(&format!("{field}.context"), &name.context);
        let label = self.name(&format!("{field}.version"), &name.version);
        Some(VersionName { context: context?, label: label? })
    }

    /// A version that must be given.
    pub fn needed_version(&mut self, field: &str, name: Option<&v1::VersionName>) -> Option<VersionName> {
        if name.is_none() {
            self.violate(field, "must be given");
        }
        self.version_or_none(field, name)
    }

    /// A word that must be given.
    pub fn word<W: Word>(&mut self, field: &str, number: i32) -> Option<W> {
        let word = W::from_number(number);
        if word.is_none() {
            let sentence =
                if number == 0 { "must be given".to_owned() } else { format!("{number} is not a known value") };
            self.violate(field, sentence);
        }
        word
    }

    /// A word that may be left out; `None` is "not given".
    pub fn word_or_none<W: Word>(&mut self, field: &str, number: i32) -> Option<W> {
        if number == 0 { None } else { self.word(field, number) }
    }

    /// Text for people.
    pub fn text(&mut self, field: &str, text: &str, chars_max: usize) -> String {
        if let Err(problem) = check_text(text, chars_max) {
            self.violate(field, problem.to_string());
        }
        text.to_owned()
    }

    /// Text for people that must be given.
    pub fn needed_text(&mut self, field: &str, text: &str, chars_max: usize) -> String {
        if text.trim().is_empty() {
            self.violate(field, format!("must be given, with at most {chars_max} characters"));
        }
        self.text(field, text, chars_max)
    }

    /// An instant that may be left out.
    pub fn instant(&mut self, field: &str, timestamp: Option<&Timestamp>) -> Option<DateTime<Utc>> {
        let parsed = instant(timestamp?);
        if parsed.is_none() {
            self.violate(field, "an instant lies in the years 1 to 9999 and has 0 to 999999999 nanoseconds");
        }
        parsed
    }

    /// An etag that may be left out.
    pub fn etag(&mut self, text: &str) -> Option<u64> {
        if text.is_empty() {
            return None;
        }
        let parsed =
            Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
        if parsed.is_none() {
            self.violate("etag", "give the etag exactly as it was read, or leave it out");
        }
        parsed
    }

    /// How a write came in. `message` is the whole request.
    pub fn request<M: Message>(&mut self, method: &str, writer: &Writer, message: &M, id: &str, mode: Mode) -> Request {
        let mut hash = Sha256::new();
        let message = Bytes::from(message.encode_to_vec());
        for part in [method.as_bytes(), writer.actor.to_string().as_bytes(), &message] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        // A judgement that changes nothing needs no protection from being repeated.
        let id: Option<RequestId> = self.name_or_none("request_id", id).filter(|_| mode == Mode::Commit);
        let (asked, via) = (Some(Asked { call: method.into(), message }), writer.via.clone());
        Request { id, fingerprint: hash.finalize().into(), mode, asked, via, ..Request::once() }
    }

    /// The number of items on a page.
    pub fn page_size(&mut self, size: i32) -> usize {
        if size < 0 {
            self.violate("page_size", "must not be negative; leave it out for 50, the maximum is 200");
        }
        match usize::try_from(size.min(PAGE_SIZE_MAX)) {
            Ok(0) | Err(_) => PAGE_SIZE_DEFAULT,
            Ok(size) => size,
        }
    }
}

/// The request of one part of a call that is done part by part, so that a repeated call does no part twice.
pub fn derived(request: &Request, part: &str) -> Request {
    let digest = |whole: &[u8]| -> [u8; 32] {
        let mut hash = Sha256::new();
        for bytes in [whole, part.as_bytes()] {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    };
    let id = request.id.as_ref().map(|id| {
        let text: String = digest(id.as_str().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        text.parse().expect("64 hexadecimal digits are a valid request id")
    });
    let via = request.via.clone();
    Request { id, fingerprint: digest(&request.fingerprint), mode: request.mode, via, ..Request::once() }
}

/// Whether a lifecycle call changes anything.
pub fn mode(validate_only: bool) -> Mode {
    if validate_only { Mode::ValidateOnly } else { Mode::Commit }
}

/// A query that is read page by page: tokens of another query are refused, and so are those that no hub gave.
///
/// A token is the place where the next page begins, under a seal of the hub and unreadable: it may name what its bearer does
/// not get to see, and nobody makes one that names what he would like to see.
pub struct Query {
    /// SHA-256 of what is asked, and of who asks.
    digest: [u8; 32],
    seals: Arc<Seals>,
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Query {
    /// The query of `method` with these parameters, at a hub that seals with `seals`.
    pub fn new(seals: Arc<Seals>, method: &str, parameters: &[&str]) -> Query {
        let parts: Vec<&[u8]> = [method].iter().chain(parameters).map(|part| part.as_bytes()).collect();
        Query { digest: digest(&parts), seals }
    }

    /// The same query of a caller who sees what lies in `scope`: a token of one is none of another.
    #[must_use]
    pub fn within(self, scope: &Scope) -> Query {
        match scope {
            Scope::Everything => self,
            Scope::Public | Scope::Person(_) | Scope::Company { .. } | Scope::Apis(_) => {
                Query { digest: digest(&[&self.digest, scope.mark().as_bytes()]), seals: self.seals }
            }
        }
    }

    /// The token of the page that begins after `cursor`; empty for none.
    pub fn token(&self, cursor: Option<Bytes>) -> String {
        let Some(cursor) = cursor else { return String::new() };
        self.seals.wrap(&self.digest, &cursor).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The cursor of a token.
    ///
    /// # Errors
    /// When the token is malformed, of another query, or of nobody.
    pub fn cursor(&self, token: &str) -> Result<Option<Bytes>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let digits = token.as_bytes();
        let bytes: Option<Vec<u8>> = (digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit))
            .then(|| {
                digits
                    .chunks(2)
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                    .collect::<Option<_>>()
            })
            .flatten();
        let cursor = bytes.and_then(|bytes| self.seals.unwrap(&self.digest, &bytes));
        // No place is empty: a list that is not begun has no token.
        let cursor = cursor.filter(|cursor| !cursor.is_empty()).ok_or_else(status::page_token)?;
        Ok(Some(cursor.into()))
    }
}
