//! What this decision point serves, and where: the document that a client of AuthZEN finds it by.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::{ONE, SEVERAL, json, refused};

/// Where it is found, below the origin.
pub(super) const PATH: &str = "/.well-known/authzen-configuration";

/// It changes with the configuration only.
const LASTS: &str = "max-age=3600";

/// The document. What is not served is left out: that is how clients know.
#[derive(Serialize)]
struct Document {
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
}

/// The document of a decision point that clients know by `origin`. What the request says of a host counts for nothing: a
/// client compares the document with the address that it knows, so as not to be led to another one.
pub(super) fn document(origin: Option<&str>) -> Response {
    let Some(origin) = origin else {
        let sentence = "this hub does not know under which address its clients know it; set gateway_public_origin";
        return refused(StatusCode::NOT_FOUND, sentence);
    };
    let document = Document {
        policy_decision_point: origin.to_owned(),
        access_evaluation_endpoint: format!("{origin}{ONE}"),
        access_evaluations_endpoint: format!("{origin}{SEVERAL}"),
    };
    let mut response = json(StatusCode::OK, document);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(LASTS));
    response
}
