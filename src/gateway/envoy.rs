//! Envoy's external authorization: `envoy.service.auth.v3.Authorization`.
//!
//! Envoy takes an empty reply, one without a status, and one whose status is OK whatever else it says for an allow, even
//! where it is told to fail closed. So replies are made in one function, from an exhaustive match, with every field named;
//! its tests read the bytes of all of them.

use std::collections::BTreeMap;

use devhub_decision::{Decision, Question};
use devhub_gateway::Unready;
use devhub_proto::envoy::service::auth::v3;
use devhub_proto::envoy::service::auth::v3::attribute_context::HttpRequest;
use devhub_proto::envoy::service::auth::v3::authorization_server::Authorization;
use devhub_proto::envoy::service::auth::v3::check_response::HttpResponse;
use devhub_proto::envoy::service::auth::v3::header_value_option::HeaderAppendAction;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tonic::{Request, Response, Status};

use super::answer::{Answer, Header, Join, Ruling};
use super::bound::Asker;
use super::judge::Judge;
use super::request::{Call, Caller, Claim, Headers, Misread, Pinned, Presented};
use crate::config::Gateway;
use crate::ids;
use crate::rpc::status;

/// Where Envoy's JWT filter puts what it verified.
const TOKENS: &str = "envoy.filters.http.jwt_authn";

/// What a route says, by the name of the context extension.
const CONTEXT: &str = "api-context";
const VERSION: &str = "api-version";
const BASE_PATH: &str = "api-base-path";
const ENVIRONMENT: &str = "environment";
const IDENTITY: &str = "identity";

/// Serves Envoy.
pub struct EnvoyRpc {
    judge: Judge,
    gateway: Gateway,
}

/// What Envoy knows of a caller.
struct Peer<'c> {
    tokens: Option<&'c Struct>,
    principal: &'c str,
}

impl<'c> Caller<'c> for Peer<'c> {
    fn claim(&self, claim: &Claim) -> Presented<'c> {
        let payload = self.tokens.and_then(|tokens| tokens.fields.get(&*claim.payload)?.kind.as_ref());
        let Some(Kind::StructValue(payload)) = payload else { return Presented::Nothing };
        match payload.fields.get(&*claim.name).and_then(|value| value.kind.as_ref()) {
            Some(Kind::StringValue(text)) => Presented::Text(text),
            None | Some(Kind::NullValue(_)) => Presented::Nothing,
            // A number comes as a floating point one here: it may not be the one that the token has.
            Some(Kind::NumberValue(_) | Kind::BoolValue(_) | Kind::StructValue(_) | Kind::ListValue(_)) => {
                Presented::NotText
            }
        }
    }

    fn principal(&self) -> Presented<'c> {
        if self.principal.is_empty() { Presented::Nothing } else { Presented::Text(self.principal) }
    }
}

/// The headers of a request, in whichever of the two shapes they came; in both, if they came in both.
fn headers(http: &HttpRequest) -> Headers<'_> {
    let joined = http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let raw = http.header_map.iter().flat_map(|map| &map.headers).map(|header| {
        let value = if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value };
        (header.key.as_str(), value)
    });
    joined.chain(raw).collect()
}

fn pinned(extensions: &BTreeMap<String, String>) -> Pinned<'_> {
    let extension = |name: &str| extensions.get(name).map(String::as_str);
    Pinned {
        context: extension(CONTEXT),
        version: extension(VERSION),
        environment: extension(ENVIRONMENT),
        base_path: extension(BASE_PATH),
        identity: extension(IDENTITY),
    }
}

fn option(name: &str, value: &str, join: Join) -> v3::HeaderValueOption {
    let append_action = match join {
        Join::Replace => HeaderAppendAction::OverwriteIfExistsOrAdd,
        Join::Append => HeaderAppendAction::AppendIfExistsOrAdd,
    };
    let header = v3::HeaderValue { key: name.to_ascii_lowercase(), value: value.to_owned(), raw_value: Vec::new() };
    v3::HeaderValueOption { header: Some(header), append_action: append_action.into() }
}

fn options(headers: &[Header]) -> Vec<v3::HeaderValueOption> {
    headers.iter().map(|header| option(header.name, header.value.as_str(), header.join)).collect()
}

/// The reply that an answer comes to. No other place makes one.
pub(crate) fn reply(answer: Answer, said: Struct) -> v3::CheckResponse {
    let (status, response) = match answer {
        Answer::Pass(pass) => {
            let (mut headers, mut headers_to_remove) = (Vec::new(), Vec::new());
            for (name, value) in pass.identity.iter() {
                match value {
                    Some(value) => headers.push(option(name, value.as_str(), Join::Replace)),
                    None => headers_to_remove.push(name.to_owned()),
                }
            }
            let response_headers_to_add = options(&pass.lifecycle);
            let status = v3::Status { code: 0, message: String::new() };
            (
                status,
                HttpResponse::OkResponse(v3::OkHttpResponse { headers, headers_to_remove, response_headers_to_add }),
            )
        }
        Answer::Deny(denial) => {
            let status = v3::Status { code: denial.code.number(), message: String::new() };
            let denied = v3::DeniedHttpResponse {
                status: Some(v3::HttpStatus { code: i32::from(denial.status.number()) }),
                headers: options(&denial.headers),
                body: denial.body,
            };
            (status, HttpResponse::DeniedResponse(denied))
        }
    };
    v3::CheckResponse { status: Some(status), http_response: Some(response), dynamic_metadata: Some(said) }
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

/// What access logs can say of a decision. Every name is there every time.
fn said(id: &str, question: &Question<'_>, decision: &Decision<'_>) -> Struct {
    let texts = [
        ("decision_id", id),
        ("verdict", decision.verdict().name()),
        ("reason", decision.reason.name()),
        ("application", decision.application_id.unwrap_or_default()),
        ("account", decision.account_id.unwrap_or_default()),
        ("api", question.context),
        ("version", question.label),
        ("environment", question.environment.name()),
    ];
    // A floating point number holds every whole one up to 2^53.
    let revision = Value { kind: Some(Kind::NumberValue(decision.revision as f64)) };
    let named = texts.map(|(name, value)| (name.to_owned(), text(value)));
    Struct { fields: named.into_iter().chain([("revision".to_owned(), revision)]).collect() }
}

/// The same of a call that could not be judged.
fn said_of_misread(id: &str, misread: &Misread) -> Struct {
    let texts = [("decision_id", id), ("verdict", "DENY"), ("reason", misread.name())];
    Struct { fields: texts.map(|(name, value)| (name.to_owned(), text(value))).into() }
}

impl EnvoyRpc {
    /// Serves the decisions of `judge` to gateways that are configured as `gateway` says.
    pub fn new(judge: Judge, gateway: Gateway) -> EnvoyRpc {
        EnvoyRpc { judge, gateway }
    }

    /// The question of a check, or why there is none.
    fn question<'c>(
        &'c self,
        check: &'c v3::CheckRequest,
        caller: &'c Peer<'c>,
        asker: Asker<'_>,
    ) -> Result<Result<Question<'c>, Misread>, Unready> {
        let attributes = check.attributes.as_ref();
        let request = attributes.and_then(|attributes| Some((attributes, attributes.request.as_ref()?.http.as_ref()?)));
        let Some((attributes, http)) = request else {
            return Ok(Err(Misread::misconfigured("the check is about no HTTP request")));
        };
        let call = Call {
            method: &http.method,
            target: &http.path,
            headers: headers(http),
            pinned: pinned(&attributes.context_extensions),
            caller,
        };
        Ok(self.judge.read(&self.gateway.reading, &call)?.and_then(|question| asker.bound(question)))
    }

    /// The reply to a check; none while nothing is judged, because every reply would be an allow or a denial.
    fn answer(&self, check: &v3::CheckRequest, asker: Asker<'_>) -> Result<v3::CheckResponse, Unready> {
        self.judge.ready()?;
        let now = self.judge.now();
        let id = ids::decision(now);
        let attributes = check.attributes.as_ref();
        let metadata = attributes.and_then(|attributes| attributes.metadata_context.as_ref());
        let source = attributes.and_then(|attributes| attributes.source.as_ref());
        let caller = Peer {
            tokens: metadata.and_then(|metadata| metadata.filter_metadata.get(TOKENS)),
            principal: source.map(|source| source.principal.as_str()).unwrap_or_default(),
        };
        let body = self.gateway.body;
        match self.question(check, &caller, asker)? {
            Ok(question) => self.judge.ask(&question, now, |decision| {
                let ruling = Ruling { question: &question, decision, id: &id, now };
                reply(Answer::to(&ruling, body), said(&id, &question, decision))
            }),
            Err(misread) => {
                self.judge.misread(&misread);
                Ok(reply(Answer::to_misread(&misread, &id, body), said_of_misread(&id, &misread)))
            }
        }
    }
}

#[tonic::async_trait]
impl Authorization for EnvoyRpc {
    async fn check(&self, request: Request<v3::CheckRequest>) -> Result<Response<v3::CheckResponse>, Status> {
        self.answer(request.get_ref(), Asker::of(request.extensions())).map(Response::new).map_err(status::undecided)
    }
}

#[cfg(test)]
mod tests;
