//! AuthZEN, the Authorization API 1.0: decisions for whoever asks in its words.
//!
//! The subject is an application by its client id, the resource a version of an API, the action its invocation; what is
//! left is told by their properties. A decision of `false` is a denial or, with an `error` in its context, an evaluation
//! that says nothing definite; a request that is no question at all is answered with 400.

mod question;
mod reply;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use devhub_decision::{Environment, Question};
use devhub_gateway::Unready;
use serde::Serialize;

use self::question::{Batch, Evaluation, Fault, Semantic};
use self::reply::{Evaluated, Evaluations};
use super::judge::Judge;

/// Most evaluations of one request.
const EVALUATIONS_MAX: usize = 150;

/// The header that is sent back as it came.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// One evaluation.
    Evaluation,
    /// Several.
    Evaluations,
}

impl Path {
    /// The path that a request names.
    pub(super) fn of(path: &str) -> Option<Path> {
        match path {
            "/access/v1/evaluation" => Some(Path::Evaluation),
            "/access/v1/evaluations" => Some(Path::Evaluations),
            _ => None,
        }
    }
}

/// The answer to a request with this body, if it came. Questions that name no environment are about `environment`.
pub(super) fn answer(
    path: Path,
    headers: &HeaderMap,
    body: Option<Vec<u8>>,
    judge: Option<&Judge>,
    environment: Option<Environment>,
) -> Response {
    let judged = judge.and_then(|judge| {
        judge.ready().ok()?;
        evaluated(path, headers, body.as_deref(), judge, environment).ok()
    });
    let mut response = match judged {
        None => refused(StatusCode::SERVICE_UNAVAILABLE, "calls cannot be judged at the moment; ask again"),
        Some(Ok(response)) => response,
        Some(Err(Fault(sentence))) => refused(StatusCode::BAD_REQUEST, &sentence),
    };
    if let Some(id) = headers.get(REQUEST_ID) {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    response
}

/// What a request comes to; nothing while nothing is judged.
fn evaluated(
    path: Path,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    judge: &Judge,
    environment: Option<Environment>,
) -> Result<Result<Response, Fault>, Unready> {
    let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|media_type| {
        media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    });
    let parsed = match body {
        Some(_) if !is_json => Err(Fault::new("Content-Type must be application/json")),
        None => Err(Fault::new("the body is too large, or did not come in time")),
        Some(body) => parse(path, body),
    };
    match parsed {
        Ok(Asked::One(evaluation)) => single(&evaluation, judge, environment),
        Ok(Asked::Many(batch, semantic)) => all(&batch, semantic, judge, environment),
        Err(fault) => Ok(Err(fault)),
    }
}

/// What a body asks.
enum Asked {
    /// One evaluation.
    One(Box<Evaluation>),
    /// Several.
    Many(Box<Batch>, Semantic),
}

fn parse(path: Path, body: &[u8]) -> Result<Asked, Fault> {
    match path {
        Path::Evaluation => Ok(Asked::One(Box::new(Evaluation::of(body)?))),
        Path::Evaluations => {
            let batch = Batch::of(body)?;
            // As the specification wants it: without a list this is one evaluation, and so is the answer.
            if batch.evaluations.is_empty() {
                return Ok(Asked::One(Box::new(batch.defaults)));
            }
            if batch.evaluations.len() > EVALUATIONS_MAX {
                return Err(Fault(format!(
                    "evaluations: at most {EVALUATIONS_MAX} are accepted; ask for the rest in further requests"
                )));
            }
            let semantic = batch.semantic()?;
            Ok(Asked::Many(Box::new(batch), semantic))
        }
    }
}

fn single(
    evaluation: &Evaluation,
    judge: &Judge,
    environment: Option<Environment>,
) -> Result<Result<Response, Fault>, Unready> {
    let question = match evaluation.question(environment) {
        Ok(question) => question,
        Err(fault) => return Ok(Err(fault)),
    };
    let now = judge.now();
    let body = judge.ask(&question, now, |decision| Evaluated::of(&question, decision, now).written())?;
    Ok(Ok(json(StatusCode::OK, body)))
}

fn all(
    batch: &Batch,
    semantic: Semantic,
    judge: &Judge,
    environment: Option<Environment>,
) -> Result<Result<Response, Fault>, Unready> {
    let Batch { defaults, evaluations: several, .. } = batch;
    let whole: Vec<Evaluation> = several.iter().map(|evaluation| evaluation.over(defaults)).collect();
    let asked: Vec<Result<Question<'_>, Fault>> =
        whole.iter().map(|evaluation| evaluation.question(environment)).collect();
    let now = judge.now();
    let mut evaluations = Vec::with_capacity(asked.len());
    match semantic {
        Semantic::ExecuteAll => {
            let questions: Vec<Question<'_>> = asked.iter().filter_map(|asked| asked.as_ref().ok()).copied().collect();
            let decided = judge.ask_all(&questions, now, |index, decision| {
                Evaluated::of(&questions[index], decision, now).written()
            })?;
            let mut decided = decided.into_iter();
            for asked in &asked {
                match asked {
                    Ok(_) => evaluations.extend(decided.next()),
                    Err(fault) => evaluations.push(Evaluated::of_fault(fault).written()),
                }
            }
        }
        Semantic::DenyOnFirstDeny | Semantic::PermitOnFirstPermit => {
            // One by one: what comes after the last one is neither judged nor counted.
            for asked in &asked {
                let (written, allows) = match asked {
                    Ok(question) => judge.ask(question, now, |decision| {
                        (Evaluated::of(question, decision, now).written(), decision.reason.allows())
                    })?,
                    // What cannot be judged is not allowed.
                    Err(fault) => (Evaluated::of_fault(fault).written(), false),
                };
                evaluations.push(written);
                if allows == (semantic == Semantic::PermitOnFirstPermit) {
                    break;
                }
            }
        }
    }
    Ok(Ok(json(StatusCode::OK, Evaluations { evaluations })))
}

fn refused(status: StatusCode, sentence: &str) -> Response {
    json(status, sentence)
}

fn json(status: StatusCode, body: impl Serialize) -> Response {
    let text = serde_json::to_string(&body).expect("text, numbers and lists of them are always JSON");
    let mut response = (status, text).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
