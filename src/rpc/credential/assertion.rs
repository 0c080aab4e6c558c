//! Whether an assertion proves a client.

use devhub_proto::v1;
use tonic::{Request, Response, Status};

use super::super::parse::Fields;
use super::super::status;
use super::{CLIENT_ID_BYTES_MAX, SOURCE_BYTES_MAX, denial, state};
use crate::access::proof::{Assertion, Check, TOKEN_BYTES_MAX};
use crate::hub::{Asserted, AssertionBearer, Hub};
use crate::telemetry::Metrics;
use crate::wire::{Word, timestamp};

/// Longest audience, in bytes.
const AUDIENCE_BYTES_MAX: usize = 500;

fn render(bearer: &AssertionBearer) -> v1::VerifyAssertionResponse {
    let AssertionBearer { application, standing, key } = bearer;
    let denial = denial(*standing);
    let verdict = if denial.is_some() { v1::CredentialVerdict::Unusable } else { v1::CredentialVerdict::Valid };
    v1::VerifyAssertionResponse {
        verdict: verdict.into(),
        application_id: application.id.to_string(),
        environment: application.environment.number(),
        state: state(application),
        denial: denial.map(Word::number).unwrap_or_default(),
        key_id: key.id.to_string(),
        expire_time: key.expires_at.map(timestamp),
    }
}

pub(super) fn verify(
    hub: &Hub,
    metrics: &Metrics,
    request: &Request<v1::VerifyAssertionRequest>,
) -> Result<Response<v1::VerifyAssertionResponse>, Status> {
    let message = request.get_ref();
    let mut fields = Fields::default();
    // What was presented is never repeated.
    for (field, value, least, limit) in [
        ("assertion", &message.assertion, 1, TOKEN_BYTES_MAX),
        ("audience", &message.audience, 1, AUDIENCE_BYTES_MAX),
        ("client_id", &message.client_id, 0, CLIENT_ID_BYTES_MAX),
        ("source", &message.source, 0, SOURCE_BYTES_MAX),
    ] {
        if !(least..=limit).contains(&value.len()) {
            fields.violate(field, format!("must have {least} to {limit} bytes"));
        }
    }
    fields.check()?;
    let wrong = |check: Check| {
        metrics.assertion_refused(check);
        let verdict = v1::CredentialVerdict::Invalid;
        metrics.verified(verdict);
        Ok(Response::new(v1::VerifyAssertionResponse { verdict: verdict.into(), ..Default::default() }))
    };
    // What cannot be read names no client that a failure could count for, and costs nothing.
    let assertion = match Assertion::read(&message.assertion) {
        Ok(assertion) => assertion,
        Err(check) => return wrong(check),
    };
    let now = hub.now();
    let admitted = hub.attempts().admit(assertion.client(), &message.source, now);
    admitted.map_err(status::verification_limited)?;
    let client = Some(message.client_id.as_str()).filter(|client| !client.is_empty());
    let found = hub.verify_assertion(&assertion, &message.audience, client, now);
    if matches!(found, Ok(Asserted::Wrong(_))) {
        hub.attempts().failed(assertion.client(), &message.source, now);
    }
    match found.map_err(status::failed)? {
        Asserted::Wrong(check) => wrong(check),
        Asserted::Unremembered(until) => Err(status::verification_limited(until - now)),
        Asserted::Right(bearer) => {
            let rendered = render(&bearer);
            metrics.verified(rendered.verdict());
            Ok(Response::new(rendered))
        }
    }
}
