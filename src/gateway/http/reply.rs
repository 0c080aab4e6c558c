//! What each profile of `/authz` is answered. An allow is exactly 200, and nothing else is a success.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::profile::Profile;
use crate::gateway::READY_IN;
use crate::gateway::answer::{
    ABSENT, Answer, BodyFormat, Denial, DenialStatus, Header, HeaderText, Identity, Join, Pass,
};

/// Where nginx finds the status of a denial, which it cannot take from the answer itself.
const STATUS: &str = "x-devhub-status";

/// Where nginx finds the body of a denial, for the same reason.
const BODY: &str = "x-devhub-body";

/// The answer to a gateway.
pub(super) fn reply(profile: Profile, answer: Answer) -> Response {
    match answer {
        Answer::Pass(Pass { identity, lifecycle }) => {
            let mut headers = HeaderMap::new();
            add_identity(&mut headers, &identity);
            add(&mut headers, &lifecycle);
            written(StatusCode::OK, headers, String::new())
        }
        Answer::Deny(denial) => denied(profile, denial),
    }
}

fn denied(profile: Profile, denial: Denial) -> Response {
    let Denial { status, code: _, headers: own, body, identity } = denial;
    let mut headers = HeaderMap::new();
    // A denied call is not forwarded, unless a gateway is told to do so: then no client's value must get through.
    add_identity(&mut headers, &identity);
    add(&mut headers, &own);
    match profile {
        Profile::Nginx => {
            put(&mut headers, STATUS, &status.number().to_string());
            put(&mut headers, BODY, &ascii(&body));
            headers.remove(CONTENT_TYPE);
            written(nginx_status(status), headers, String::new())
        }
        Profile::Pinned | Profile::Forwarded | Profile::Envoy => {
            // A status that is none cannot be an allow either.
            let status = StatusCode::from_u16(status.number()).unwrap_or(StatusCode::FORBIDDEN);
            written(status, headers, body)
        }
    }
}

/// nginx takes what is neither of these for a failure of the hub.
const fn nginx_status(status: DenialStatus) -> StatusCode {
    match status {
        DenialStatus::Unauthorized => StatusCode::UNAUTHORIZED,
        DenialStatus::BadRequest
        | DenialStatus::Forbidden
        | DenialStatus::NotFound
        | DenialStatus::NotAcceptable
        | DenialStatus::Gone
        | DenialStatus::InternalServerError
        | DenialStatus::ServiceUnavailable => StatusCode::FORBIDDEN,
    }
}

/// The answer of a hub or an agent that cannot judge: neither an allow nor a denial, and worth trying again.
pub(super) fn not_ready(profile: Profile, format: BodyFormat) -> Response {
    let status = match profile {
        Profile::Nginx => StatusCode::INTERNAL_SERVER_ERROR,
        Profile::Pinned | Profile::Forwarded | Profile::Envoy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = match format {
        BodyFormat::Neutral => r#"{"reason":"NOT_READY","message":"Calls cannot be judged at the moment."}"#,
        BodyFormat::Hmrc => r#"{"code":"SERVER_ERROR","message":"Service unavailable"}"#,
    };
    let mut response = unjudged(status, body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(READY_IN));
    response
}

/// The answer to whoever is not proven to be a gateway. The gateway's client has done nothing wrong, and is not told that
/// its own credentials were.
pub(super) fn unproven(profile: Profile, format: BodyFormat) -> Response {
    let status = match profile {
        Profile::Nginx | Profile::Pinned | Profile::Forwarded | Profile::Envoy => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = match format {
        BodyFormat::Neutral => r#"{"reason":"GATEWAY_NOT_PROVEN","message":"The gateway cannot have calls judged."}"#,
        BodyFormat::Hmrc => r#"{"code":"SERVER_ERROR","message":"Service unavailable"}"#,
    };
    unjudged(status, body)
}

fn unjudged(status: StatusCode, body: &str) -> Response {
    let mut headers = HeaderMap::new();
    add_identity(&mut headers, &Identity::NOBODY);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    written(status, headers, body.to_owned())
}

/// Every identity header, with what stands for "there is none" where there is none.
fn add_identity(headers: &mut HeaderMap, identity: &Identity) {
    for (name, value) in identity.iter() {
        put(headers, name, value.map_or(ABSENT, HeaderText::as_str));
    }
}

fn add(headers: &mut HeaderMap, named: &[Header]) {
    for Header { name, value, join } in named {
        match join {
            // What becomes of a header of the API's own is for the gateway's configuration to say; here each stands once.
            Join::Replace | Join::Append => put(headers, name, value.as_str()),
        }
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// JSON in visible ASCII: what is not stands in strings, where an escape says the same.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            ' '..='~' => text.push(character),
            _ => {
                let mut units = [0; 2];
                text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    text
}

fn written(status: StatusCode, headers: HeaderMap, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::answer::IDENTITY;
    use crate::gateway::request::{AcceptFault, Misread, OddPath};

    fn misreads() -> [Misread; 6] {
        [
            Misread::OddPath(OddPath::DotSegment),
            Misread::UnknownContext,
            Misread::Accept(AcceptFault::Several),
            Misread::RepeatedHeader("x-client-id".into()),
            Misread::MalformedIdentity,
            Misread::misconfigured("a setting"),
        ]
    }

    #[test]
    fn b60_no_denial_is_a_success_and_each_answer_owns_every_identity_header() {
        for profile in Profile::ALL {
            for format in BodyFormat::ALL {
                let denials = misreads().map(|misread| Answer::to_misread(&misread, "decision-1", format));
                let replies =
                    denials.into_iter().map(|denial| reply(profile, denial)).chain([not_ready(profile, format)]);
                for reply in replies {
                    assert!(!reply.status().is_success() && reply.status().as_u16() >= 400, "{reply:?}");
                    for name in IDENTITY {
                        assert_eq!(reply.headers().get_all(name).iter().count(), 1, "{name}: {reply:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn nginx_gets_statuses_that_it_understands_and_the_rest_in_headers() {
        for misread in misreads() {
            let answer = Answer::to_misread(&misread, "decision-1", BodyFormat::Neutral);
            let Answer::Deny(denial) = &answer else { panic!("{answer:?}") };
            let (status, body) = (denial.status.number().to_string(), denial.body.clone());
            let reply = reply(Profile::Nginx, answer);
            assert!([401, 403].contains(&reply.status().as_u16()), "{reply:?}");
            assert_eq!(reply.headers()[STATUS], status);
            assert_eq!(reply.headers()[BODY], body);
        }
        assert_eq!(not_ready(Profile::Nginx, BodyFormat::Neutral).status(), 500);
        for profile in [Profile::Pinned, Profile::Forwarded, Profile::Envoy] {
            let reply = reply(profile, Answer::to_misread(&misreads()[0], "decision-1", BodyFormat::Neutral));
            assert_eq!(reply.status(), 400);
            assert!(!reply.headers().contains_key(STATUS) && !reply.headers().contains_key(BODY), "{reply:?}");
        }
    }

    #[test]
    fn a_body_in_a_header_says_the_same_in_ascii() {
        let json = serde_json::json!({"message": "Zoë \u{7f} 🦀 \r\n"});
        let text = ascii(&json.to_string());
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), json);
    }
}
