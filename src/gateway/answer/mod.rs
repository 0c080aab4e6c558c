//! From a decision to what a gateway does: let the call pass with these headers, or answer it with this status and body.
//! Pure, and the same for every protocol by which gateways ask.
//!
//! An answer is one of two things, and there is no third that a gateway could take for either: [`Pass`] has no status,
//! and the status of a [`Denial`] is never a success.

mod body;
mod denial;
#[cfg(test)]
mod tests;
mod text;
mod word;

use chrono::{DateTime, Utc};
use devhub_decision::header::{DEPRECATION, LINK, SUNSET};
use devhub_decision::{Decision, Headers, Question, Reason};

use self::word::Worded;
use crate::gateway::request::Misread;

pub use body::BodyFormat;
pub use denial::{DenialCode, DenialStatus};
pub use text::HeaderText;

/// The names of all headers by which devhub tells an API who calls. An answer says of each what it is, or that there is
/// none: a name that is left out would let a value of the client's own through.
pub const IDENTITY: [&str; 7] = [
    "x-devhub-application",
    "x-devhub-account",
    "x-devhub-api",
    "x-devhub-version",
    "x-devhub-environment",
    "x-devhub-reason",
    "x-devhub-decision",
];

/// What stands for "there is none" where a protocol cannot say so. No value of devhub's is this.
pub const ABSENT: &str = "-";

/// A decision, the question that it answers, and what else an answer tells.
#[derive(Debug, Clone, Copy)]
pub struct Ruling<'r> {
    /// The question.
    pub question: &'r Question<'r>,
    /// The decision.
    pub decision: &'r Decision<'r>,
    /// The id by which logs of gateways and of the hub speak of it.
    pub id: &'r str,
    /// When it was made.
    pub now: DateTime<Utc>,
}

/// What becomes of a value that the API itself has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// It is replaced.
    Replace,
    /// It stays, and this one is added.
    Append,
}

/// A header of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: HeaderText,
    /// What becomes of a value that is there already.
    pub join: Join,
}

/// The value of each header of [`IDENTITY`], in that order; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity([Option<HeaderText>; IDENTITY.len()]);

impl Identity {
    /// Nothing is known of anybody.
    pub const NOBODY: Identity = Identity([const { None }; IDENTITY.len()]);

    /// Each name, with its value if there is one.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<&HeaderText>)> {
        IDENTITY.into_iter().zip(self.0.iter().map(Option::as_ref))
    }
}

/// The call passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// What the API is told of the caller.
    pub identity: Identity,
    /// Headers for the response of the API: its lifecycle.
    pub lifecycle: Vec<Header>,
}

/// The call does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The HTTP status.
    pub status: DenialStatus,
    /// The gRPC code.
    pub code: DenialCode,
    /// Headers of the reply to the client.
    pub headers: Vec<Header>,
    /// The body of that reply: JSON on one line.
    pub body: String,
    /// What an API would have been told, for protocols that ask for it.
    pub identity: Identity,
}

/// What a gateway does with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Let it pass.
    Pass(Pass),
    /// Answer it.
    Deny(Denial),
}

fn header(name: &'static str, value: &str, join: Join) -> Option<Header> {
    HeaderText::new(value).map(|value| Header { name, value, join })
}

/// The lifecycle headers of a decision. Dates are the hub's to say; links of the API's own stay beside the hub's.
fn lifecycle(headers: &Headers<'_>) -> Vec<Header> {
    let Headers { deprecation, sunset, link } = *headers;
    [(DEPRECATION, deprecation, Join::Replace), (SUNSET, sunset, Join::Replace), (LINK, link, Join::Append)]
        .into_iter()
        .filter_map(|(name, value, join)| header(name, value?, join))
        .collect()
}

/// What every reply of devhub's own has.
fn own_headers(reason: &str, id: &str) -> Vec<Header> {
    let named =
        [("Content-Type", "application/json"), ("Cache-Control", "no-store"), (IDENTITY[5], reason), (IDENTITY[6], id)];
    named.into_iter().filter_map(|(name, value)| header(name, value, Join::Replace)).collect()
}

/// How a client that is not known may make itself known.
fn challenge(status: DenialStatus) -> Option<Header> {
    match status {
        DenialStatus::Unauthorized => header("WWW-Authenticate", "Bearer", Join::Replace),
        DenialStatus::BadRequest
        | DenialStatus::Forbidden
        | DenialStatus::NotFound
        | DenialStatus::NotAcceptable
        | DenialStatus::Gone
        | DenialStatus::InternalServerError
        | DenialStatus::ServiceUnavailable => None,
    }
}

fn identity(ruling: &Ruling<'_>) -> Identity {
    let Ruling { question, decision, id, now: _ } = *ruling;
    let values = [
        decision.application_id,
        decision.account_id,
        Some(question.context),
        Some(question.label),
        Some(question.environment.name()),
        Some(decision.reason.name()),
        Some(id),
    ];
    Identity(values.map(|value| value.and_then(HeaderText::new)))
}

/// What is told about a denial with this reason: its status, and the reason in a sentence. Nothing about an allow.
/// Whether the call presented any identity only changes the words.
pub const fn told(reason: Reason, identified: bool) -> Option<(DenialStatus, &'static str)> {
    match word::of_reason(reason, identified) {
        Worded::Pass => None,
        Worded::Deny(wording) => Some((wording.status, wording.sentence)),
    }
}

impl Answer {
    /// The answer that a decision comes to.
    pub fn to(ruling: &Ruling<'_>, format: BodyFormat) -> Answer {
        let decision = ruling.decision;
        let identity = identity(ruling);
        let lifecycle = lifecycle(&decision.headers);
        match word::of_reason(decision.reason, !ruling.question.client_id.is_empty()) {
            Worded::Pass => Answer::Pass(Pass { identity, lifecycle }),
            Worded::Deny(wording) => {
                let mut headers = own_headers(decision.reason.name(), ruling.id);
                headers.extend(challenge(wording.status));
                // Rounded up: whoever calls again after that many seconds is not too early.
                let wait = decision.remedy.and_then(|remedy| remedy.earliest).map(|earliest| earliest - ruling.now);
                let seconds = wait.map(|wait| (wait.num_milliseconds().max(1) + 999) / 1000);
                headers.extend(seconds.and_then(|seconds| header("Retry-After", &seconds.to_string(), Join::Replace)));
                headers.extend(lifecycle);
                let body = body::of_decision(format, ruling, wording.hmrc, wording.sentence);
                Answer::Deny(Denial { status: wording.status, code: wording.code, headers, body, identity })
            }
        }
    }

    /// The answer to a call that could not be judged: a denial, whatever the gateway does when the hub is away.
    pub fn to_misread(misread: &Misread, id: &str, format: BodyFormat) -> Answer {
        let (status, code, hmrc) = word::of_misread(misread);
        let mut headers = own_headers(misread.name(), id);
        headers.extend(challenge(status));
        let body = body::of_misread(format, id, misread.name(), hmrc, &misread.to_string(), misread.remedy());
        Answer::Deny(Denial { status, code, headers, body, identity: Identity::NOBODY })
    }
}
