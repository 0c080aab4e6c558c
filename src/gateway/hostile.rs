//! What gateways ask, and what they hand back.

use std::sync::{Mutex, PoisonError};

use axum::body::to_bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use devhub_decision::Environment;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::authzen::{self, Asked};
use super::bound::Asker;
use super::judge::Judge;
use super::token::Tokens;
use crate::access::Principal;
use crate::config::Config;
use crate::domain::policy::Policies;
use crate::hostile::empty;
use crate::hub::Followed;
use crate::secret::Seals;
use crate::telemetry::Metrics;

/// A token of some other hub: whatever it is, nobody goes on from it.
pub(crate) fn resume_token(bytes: &[u8]) {
    let tokens = Tokens::new(Seals::generate(), [7; 16], &Policies::built_in());
    assert!(tokens.read(&Followed::whole(Environment::Sandbox), bytes).is_err());
}

/// The body of a question in AuthZEN. Whatever it is, nobody is let in by a hub with nothing in it, and the answer is JSON.
pub(crate) fn authzen(bytes: &[u8]) {
    static BENCH: Mutex<Option<(Runtime, Judge)>> = Mutex::new(None);
    let mut bench = BENCH.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, judge) = bench.get_or_insert_with(|| {
        let runtime = empty::runtime();
        let hub = runtime.block_on(async { empty::hub() });
        (runtime, Judge::new(hub, empty::limits(), Metrics::default()))
    });
    let gateway = Config::for_testing("unused").gateway;
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for path in ["/access/v1/evaluation", "/access/v1/evaluations"] {
        let asked = Asked {
            asker: Asker::known(&Principal::Anyone),
            path: authzen::Path::of(path).expect("it is served"),
            method: &Method::POST,
            headers: &headers,
            body: Some(bytes.to_vec()),
        };
        let response = authzen::answer(&asked, Some(judge), &gateway);
        let status = response.status();
        assert!([StatusCode::OK, StatusCode::BAD_REQUEST].contains(&status), "{status}");
        let body = runtime.block_on(to_bytes(response.into_body(), usize::MAX)).expect("a body in memory");
        let said: Value = serde_json::from_slice(&body).expect("the answer is JSON");
        let several = said["evaluations"].as_array().into_iter().flatten();
        assert!([&said].into_iter().chain(several).all(|one| one["decision"] != true), "{said}");
    }
}
