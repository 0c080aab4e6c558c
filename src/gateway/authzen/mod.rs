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
use serde::Serialize;

use self::question::{Batch, Evaluation, Fault, Semantic};
use self::reply::{Evaluated, Evaluations};
use super::bound::{Asker, SENTENCE};
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

/// Which environments may be asked about, and which one is where a question names none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'p> {
    /// Who asks.
    pub(super) asker: Asker<'p>,
    /// The environment of questions that name none.
    pub(super) default: Option<Environment>,
}

impl Bounds<'_> {
    /// The question that an evaluation asks, if it is the asker's to ask.
    fn question<'e>(&self, evaluation: &'e Evaluation) -> Result<Question<'e>, Fault> {
        let question = evaluation.question(self.default)?;
        if self.asker.may_ask_about(question.environment) { Ok(question) } else { Err(Fault::new(SENTENCE)) }
    }
}

/// The answer to a request with this body, if it came, within `bounds`.
pub(super) fn answer(
    path: Path,
    headers: &HeaderMap,
    body: Option<Vec<u8>>,
    judge: Option<&Judge>,
    bounds: Bounds<'_>,
) -> Response {
    let mut response = match judge {
        None => refused(StatusCode::SERVICE_UNAVAILABLE, "the hub cannot judge calls yet; ask again"),
        Some(judge) => match evaluated(path, headers, body.as_deref(), judge, bounds) {
            Ok(response) => response,
            Err(Fault(sentence)) => refused(StatusCode::BAD_REQUEST, &sentence),
        },
    };
    if let Some(id) = headers.get(REQUEST_ID) {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    response
}

fn evaluated(
    path: Path,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    judge: &Judge,
    bounds: Bounds<'_>,
) -> Result<Response, Fault> {
    let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|media_type| {
        media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        return Err(Fault::new("Content-Type must be application/json"));
    }
    let body = body.ok_or(Fault::new("the body is too large, or did not come in time"))?;
    match path {
        Path::Evaluation => single(&Evaluation::of(body)?, judge, bounds),
        Path::Evaluations => {
            let batch = Batch::of(body)?;
            match batch.evaluations.as_slice() {
                // As the specification wants it: without a list this is one evaluation, and so is the answer.
                [] => single(&batch.defaults, judge, bounds),
                several => all(&batch.defaults, several, batch.semantic()?, judge, bounds),
            }
        }
    }
}

fn single(evaluation: &Evaluation, judge: &Judge, bounds: Bounds<'_>) -> Result<Response, Fault> {
    let question = bounds.question(evaluation)?;
    let now = judge.hub().now();
    let body = judge.ask(&question, now, |decision| Evaluated::of(&question, decision, now).written());
    Ok(json(StatusCode::OK, body))
}

fn all(
    defaults: &Evaluation,
    several: &[Evaluation],
    semantic: Semantic,
    judge: &Judge,
    bounds: Bounds<'_>,
) -> Result<Response, Fault> {
    if several.len() > EVALUATIONS_MAX {
        return Err(Fault(format!(
            "evaluations: at most {EVALUATIONS_MAX} are accepted; ask for the rest in further requests"
        )));
    }
    let whole: Vec<Evaluation> = several.iter().map(|evaluation| evaluation.over(defaults)).collect();
    let asked: Vec<Result<Question<'_>, Fault>> = whole.iter().map(|evaluation| bounds.question(evaluation)).collect();
    let now = judge.hub().now();
    let mut evaluations = Vec::with_capacity(asked.len());
    match semantic {
        Semantic::ExecuteAll => {
            let questions: Vec<Question<'_>> = asked.iter().filter_map(|asked| asked.as_ref().ok()).copied().collect();
            let decided = judge
                .ask_all(&questions, now, |index, decision| Evaluated::of(&questions[index], decision, now).written());
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
                    }),
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
    Ok(json(StatusCode::OK, Evaluations { evaluations }))
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
