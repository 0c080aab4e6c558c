//! Errors of the hub as sentences: what it said, which fields it meant, and what to do about it.

use std::fmt;

use devhub_proto::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::hint::hint;
use super::output::visible;

/// The domain of error reasons that are ours.
const DOMAIN: &str = "devhub";

/// An error of the hub.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its code.
    pub code: Code,
    /// The name of its reason; empty when it did not come from devhub.
    pub reason: String,
    /// What the hub said.
    pub message: String,
    /// The fields it meant, each with what is wrong about it.
    pub fields: Vec<(String, String)>,
    /// What to do about it.
    pub remedy: Option<&'static str>,
}

impl Failure {
    /// Reads a status.
    pub fn of(status: &Status) -> Failure {
        let details = status.get_error_details();
        let reason = details.error_info().filter(|info| info.domain == DOMAIN).map(|info| info.reason.clone());
        let fields = details.bad_request().map(|request| &request.field_violations[..]).unwrap_or_default();
        let remedy = match &reason {
            Some(reason) => remedy(reason),
            None => transport_hint(status.code()),
        };
        Failure {
            code: status.code(),
            message: visible(status.message()),
            fields: fields.iter().map(|f| (visible(&f.field), visible(&f.description))).collect(),
            reason: reason.map(|reason| visible(&reason)).unwrap_or_default(),
            remedy,
        }
    }

    /// Whether the hub understood the request and said no, so that asking again would not help.
    pub fn is_refusal(&self) -> bool {
        !self.reason.is_empty()
            && !matches!(
                self.code,
                Code::Unavailable | Code::ResourceExhausted | Code::Internal | Code::Unauthenticated | Code::Unknown
            )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { message, reason, .. } = self;
        match (message.is_empty(), reason.is_empty()) {
            (false, false) => write!(f, "{message} [{reason}]")?,
            (false, true) => f.write_str(message)?,
            (true, false) => write!(f, "refused [{reason}]")?,
            (true, true) => write!(f, "the call failed: {}", self.code.description())?,
        }
        // The sentence of a single violation often is the message already.
        for (field, description) in self.fields.iter().filter(|(_, text)| !message.contains(text.as_str())) {
            write!(f, "\n  {field}: {description}")?;
        }
        match self.remedy {
            Some(remedy) => write!(f, "\n  what to do: {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// A status as an error of the command line.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub fn explained(status: Status) -> anyhow::Error {
    Failure::of(&status).into()
}

/// What to do about the reason of this name; `None` for a name that only a newer server knows.
pub fn remedy(reason: &str) -> Option<&'static str> {
    ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}")).map(hint)
}

fn transport_hint(code: Code) -> Option<&'static str> {
    match code {
        Code::Unavailable => Some("the hub went away: check that it runs, then try again"),
        Code::DeadlineExceeded | Code::Cancelled => {
            Some("the answer took too long: try again, or wait longer with --timeout; a change may have been made")
        }
        Code::Unimplemented => Some("the hub does not know this call: is --server a devhub of this release?"),
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_refusal_is_a_sentence_with_its_remedy() {
        let details = ErrorDetails::with_error_info("VERSION_DEPRECATED", DOMAIN, HashMap::new());
        let status = Status::with_error_details(Code::FailedPrecondition, "version a/b 1.0 is deprecated", details);
        let text = explained(status).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "version a/b 1.0 is deprecated [VERSION_DEPRECATED]");
        assert!(lines[1].starts_with("  what to do: "), "{text}");
    }

    #[test]
    fn every_field_is_named() {
        let mut details = ErrorDetails::with_error_info("INVALID_FIELD", DOMAIN, HashMap::new());
        details.add_bad_request_violation("api.context", "a context has 2 to 128 characters");
        details.add_bad_request_violation("api.title", "a title has 2 to 100 characters");
        let text =
            explained(Status::with_error_details(Code::InvalidArgument, "2 fields are wrong", details)).to_string();
        assert!(
            text.contains("\n  api.context: a context has") && text.contains("\n  api.title: a title has"),
            "{text}"
        );
    }

    #[test]
    fn what_the_hub_says_cannot_steer_the_terminal() {
        let text = explained(Status::internal("red \u{1b}[31m alert")).to_string();
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn a_foreign_reason_is_not_ours() {
        let details = ErrorDetails::with_error_info("VERSION_DEPRECATED", "example.com", HashMap::new());
        let failure = Failure::of(&Status::with_error_details(Code::Unavailable, "x", details));
        assert!(failure.reason.is_empty() && !failure.is_refusal());
    }
}
