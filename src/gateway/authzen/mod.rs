//! AuthZEN, the Authorization API 1.0: decisions for whoever asks in its words.
//!
//! The subject is an application by its client id, the resource a version of an API, the action its invocation; what is
//! left is told by their properties. A decision of `false` is a denial or, with an `error` in its context, an evaluation
//! that says nothing definite; a request that is no question at all is answered with 400.

mod metadata;
mod question;
mod reply;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use devhub_decision::{Environment, Question};
use devhub_gateway::Unready;
use serde::Serialize;

use self::question::{Batch, Evaluation, Fault, Semantic};
use self::reply::{Evaluated, Evaluations};
use super::READY_IN;
use super::bound::{Asker, SENTENCE};
use super::judge::Judge;
use crate::config::Gateway;

/// Most evaluations of one request.
const EVALUATIONS_MAX: usize = 150;

/// The header that is sent back as it came.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where one evaluation is asked for.
const ONE: &str = "/access/v1/evaluation";

/// Where several are.
const SEVERAL: &str = "/access/v1/evaluations";

/// How many evaluations a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evaluate {
    /// One.
    One,
    /// One or several.
    Several,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// Evaluations.
    Evaluation(Evaluate),
    /// One of the searches, which are not served.
    Search,
    /// What is served, and where.
    Metadata,
}

impl Path {
    /// The path that a request names.
    pub(super) fn of(path: &str) -> Option<Path> {
        match path {
            ONE => Some(Path::Evaluation(Evaluate::One)),
            SEVERAL => Some(Path::Evaluation(Evaluate::Several)),
            "/access/v1/search/subject" | "/access/v1/search/resource" | "/access/v1/search/action" => {
                Some(Path::Search)
            }
            metadata::PATH => Some(Path::Metadata),
            _ => None,
        }
    }

    /// The one method that it is asked by.
    const fn method(self) -> Method {
        match self {
            Path::Evaluation(Evaluate::One | Evaluate::Several) | Path::Search => Method::POST,
            Path::Metadata => Method::GET,
        }
    }
}

/// Which environments may be asked about, and which one is where a question names none.
#[derive(Debug, Clone, Copy)]
struct Bounds<'p> {
    /// Who asks.
    asker: Asker<'p>,
    /// The environment of questions that name none.
    default: Option<Environment>,
}

impl Bounds<'_> {
    /// The question that an evaluation asks, if it is the asker's to ask.
    fn question<'e>(&self, evaluation: &'e Evaluation) -> Result<Question<'e>, Fault> {
        let question = evaluation.question(self.default)?;
        if self.asker.may_ask_about(question.environment) { Ok(question) } else { Err(Fault::new(SENTENCE)) }
    }
}

/// A request.
pub(super) struct Asked<'r> {
    /// Who asks.
    pub(super) asker: Asker<'r>,
    /// What it asks for.
    pub(super) path: Path,
    /// By which method.
    pub(super) method: &'r Method,
    /// Its headers.
    pub(super) headers: &'r HeaderMap,
    /// Its body; nothing if it is too large or did not come in time.
    pub(super) body: Option<Vec<u8>>,
}

/// The answer to a request. Questions that name no environment are about the one of `gateway`.
pub(super) fn answer(asked: &Asked<'_>, judge: Option<&Judge>, gateway: &Gateway) -> Response {
    let mut response = answered(asked, judge, gateway);
    if let Some(id) = asked.headers.get(REQUEST_ID) {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    response
}

fn answered(asked: &Asked<'_>, judge: Option<&Judge>, gateway: &Gateway) -> Response {
    let Asked { asker, path, method, headers, body } = asked;
    let expected = path.method();
    if **method != expected {
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, &format!("the method must be {expected}"));
        if let Ok(allowed) = HeaderValue::from_str(expected.as_str()) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        return response;
    }
    match (*path, judge) {
        (Path::Metadata, _) => metadata::document(gateway.public_origin.as_deref()),
        (Path::Search, _) => refused(
            StatusCode::NOT_IMPLEMENTED,
            &format!("searches are not served; ask about each application and version, many at a time, at {SEVERAL}"),
        ),
        (Path::Evaluation(_), None) => not_judged(),
        (Path::Evaluation(evaluate), Some(judge)) => {
            let bounds = Bounds { asker: *asker, default: gateway.reading.environment };
            let evaluated = judge.ready().and_then(|()| evaluated(evaluate, headers, body.as_deref(), judge, bounds));
            match evaluated {
                Ok(Ok(response)) => response,
                Ok(Err(Fault(sentence))) => refused(StatusCode::BAD_REQUEST, &sentence),
                Err(_) => not_judged(),
            }
        }
    }
}

/// The answer while nothing is judged.
fn not_judged() -> Response {
    let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, "calls cannot be judged at the moment; ask again");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(READY_IN));
    response
}

/// What a request comes to, unless nothing is judged at the moment.
fn evaluated(
    evaluate: Evaluate,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    judge: &Judge,
    bounds: Bounds<'_>,
) -> Result<Result<Response, Fault>, Unready> {
    let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|media_type| {
        media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    });
    let parsed = match body {
        Some(_) if !is_json => Err(Fault::new("Content-Type must be application/json")),
        None => Err(Fault::new("the body is too large, or did not come in time")),
        Some(body) => parse(evaluate, body),
    };
    match parsed {
        Ok(Said::One(evaluation)) => single(&evaluation, judge, bounds),
        Ok(Said::Many(batch, semantic)) => all(&batch, semantic, judge, bounds),
        Err(fault) => Ok(Err(fault)),
    }
}

/// What a body asks.
enum Said {
    /// One evaluation.
    One(Box<Evaluation>),
    /// Several.
    Many(Box<Batch>, Semantic),
}

fn parse(evaluate: Evaluate, body: &[u8]) -> Result<Said, Fault> {
    match evaluate {
        Evaluate::One => Ok(Said::One(Box::new(Evaluation::of(body)?))),
        Evaluate::Several => {
            let batch = Batch::of(body)?;
            // As the specification wants it: without a list this is one evaluation, and so is the answer.
            if batch.evaluations.is_empty() {
                return Ok(Said::One(Box::new(batch.defaults)));
            }
            if batch.evaluations.len() > EVALUATIONS_MAX {
                return Err(Fault(format!(
                    "evaluations: at most {EVALUATIONS_MAX} are accepted; ask for the rest in further requests"
                )));
            }
            let semantic = batch.semantic()?;
            Ok(Said::Many(Box::new(batch), semantic))
        }
    }
}

fn single(evaluation: &Evaluation, judge: &Judge, bounds: Bounds<'_>) -> Result<Result<Response, Fault>, Unready> {
    let question = match bounds.question(evaluation) {
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
    bounds: Bounds<'_>,
) -> Result<Result<Response, Fault>, Unready> {
    let Batch { defaults, evaluations: several, .. } = batch;
    let whole: Vec<Evaluation> = several.iter().map(|evaluation| evaluation.over(defaults)).collect();
    let asked: Vec<Result<Question<'_>, Fault>> = whole.iter().map(|evaluation| bounds.question(evaluation)).collect();
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
