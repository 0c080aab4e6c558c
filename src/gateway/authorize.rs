//! AuthorizationService: one question, a batch of them, or one with its reasons.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use devhub_decision::{Decision, Environment, Limits, Operation, Question, StepOutcome, Trail, explain};
use devhub_proto::v1;
use devhub_proto::v1::authorization_service_server::AuthorizationService;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::bound::Asker;
use super::judge::Judge;
use crate::hub::{Failure, Hub};
use crate::rpc::parse::Fields;
use crate::rpc::status;
use crate::wire::{Word, timestamp};

/// Most questions of one batch.
const BATCH_MAX: usize = 150;

/// Longest client id, context or label of a question, in bytes.
const PART_BYTES_MAX: usize = 128;

/// Longest method of a question, in bytes.
const METHOD_BYTES_MAX: usize = 16;

/// Longest id of a company or a project in a question, in bytes.
const COMPANY_BYTES_MAX: usize = 64;

/// Longest path of a question, in bytes.
const PATH_BYTES_MAX: usize = 2048;

/// How long a call waits for the revision that it asks for.
const REVISION_WAIT: Duration = Duration::from_millis(150);

/// Serves AuthorizationService.
pub struct AuthorizationRpc {
    judge: Judge,
    hub: Hub,
    limits: Limits,
    history: Arc<Semaphore>,
}

/// The question of a message.
///
/// # Errors
/// The sentence that says what is malformed about it.
pub fn parse(question: &v1::AuthorizeRequest) -> Result<Question<'_>, String> {
    for (field, value) in
        [("client_id", &question.client_id), ("context", &question.context), ("version", &question.version)]
    {
        if value.is_empty() || value.len() > PART_BYTES_MAX {
            return Err(format!("{field}: must have 1 to {PART_BYTES_MAX} bytes"));
        }
    }
    let environment = Environment::from_number(question.environment)
        .ok_or_else(|| "environment: must be ENVIRONMENT_SANDBOX or ENVIRONMENT_PRODUCTION".to_owned())?;
    let operation = parse_operation(question)?;
    let company = parse_company_part("company_id", question.company_id.as_deref())?;
    let project = parse_company_part("project_id", question.project_id.as_deref())?;
    Ok(Question {
        client_id: &question.client_id,
        context: &question.context,
        label: &question.version,
        environment,
        operation,
        company,
        project,
    })
}

/// The operation of a question, if it names one.
fn parse_operation(question: &v1::AuthorizeRequest) -> Result<Option<Operation<'_>>, String> {
    match (question.method.as_deref(), question.path.as_deref()) {
        (None, None) => Ok(None),
        (Some(method), Some(path)) => {
            if !(1..=METHOD_BYTES_MAX).contains(&method.len()) || !method.bytes().all(|byte| byte.is_ascii_uppercase())
            {
                return Err(format!("method: must have 1 to {METHOD_BYTES_MAX} upper-case letters"));
            }
            if path.len() > PATH_BYTES_MAX || !path.starts_with('/') {
                return Err(format!("path: must begin with a slash and have at most {PATH_BYTES_MAX} bytes"));
            }
            Ok(Some(Operation { method, path }))
        }
        (Some(_), None) => Err("path: must be given with method, or leave out both".to_owned()),
        (None, Some(_)) => Err("method: must be given with path, or leave out both".to_owned()),
    }
}

/// The id of a company or a project, if the question names one.
fn parse_company_part<'q>(field: &str, id: Option<&'q str>) -> Result<Option<&'q str>, String> {
    let fits = |id: &str| {
        (1..=COMPANY_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match id {
        Some(id) if !fits(id) => Err(format!(
            "{field}: must have 1 to {COMPANY_BYTES_MAX} letters, digits, hyphens and underscores, or be left out"
        )),
        Some(_) | None => Ok(id),
    }
}

fn malformed(sentence: &str) -> Status {
    let mut fields = Fields::default();
    let (field, sentence) = sentence.split_once(": ").unwrap_or(("question", sentence));
    fields.violate(field, sentence);
    fields.refuse()
}

fn version_name(name: &devhub_decision::VersionName) -> v1::VersionName {
    v1::VersionName { context: name.context.to_string(), version: name.label.to_string() }
}

/// The decision as the wire has it. The verdict comes from an exhaustive match: an empty reply is never an allow.
fn render(decision: &Decision<'_>) -> v1::AuthorizeResponse {
    v1::AuthorizeResponse {
        verdict: decision.verdict().number(),
        reason: decision.reason.number(),
        stage: decision.stage.map(Word::number).unwrap_or_default(),
        application_id: decision.application_id.unwrap_or_default().to_owned(),
        valid_until: Some(timestamp(decision.valid_until)),
        revision: decision.revision,
        headers: decision
            .headers
            .iter()
            .map(|(name, value)| v1::LifecycleHeader { name: name.to_owned(), value: value.to_owned() })
            .collect(),
        successor: decision.successor.map(version_name),
        days_left: decision.days_left,
        http_status: i32::from(decision.reason.http_status()),
        grpc_code: decision.reason.grpc_code(),
        remedy: decision.remedy.as_ref().map(|remedy| v1::Remedy {
            action: remedy.action.number(),
            sentence: remedy.sentence(),
            successor: remedy.successor.map(version_name),
            earliest: remedy.earliest.map(timestamp),
        }),
        replacement: decision.replacement.map(|replacement| v1::OperationName {
            version: Some(version_name(&replacement.version)),
            method: replacement.method.to_string(),
            path: replacement.path.to_string(),
        }),
        successor_namespace: decision.successor_namespace.map(str::to_owned),
        account_id: decision.account_id.unwrap_or_default().to_owned(),
        credential_end_time: decision.credential_ends_at.map(timestamp),
    }
}

/// A decision with its reasons, as the wire has it.
pub fn render_trail(trail: &Trail<'_>, at: DateTime<Utc>) -> v1::ExplainResponse {
    v1::ExplainResponse {
        decision: Some(render(&trail.decision)),
        at: Some(timestamp(at)),
        steps: trail
            .steps
            .iter()
            .map(|step| {
                let outcome = match step.outcome {
                    StepOutcome::Passed => v1::StepOutcome::Passed,
                    StepOutcome::Decided => v1::StepOutcome::Decided,
                    StepOutcome::NotReached => v1::StepOutcome::NotReached,
                };
                v1::TrailStep {
                    rule: step.rule.name().to_owned(),
                    outcome: outcome.into(),
                    sentence: step.sentence.clone(),
                }
            })
            .collect(),
        upcoming: trail
            .upcoming
            .iter()
            .map(|change| v1::UpcomingChange { time: Some(timestamp(change.at)), sentence: change.sentence.clone() })
            .collect(),
    }
}

impl AuthorizationRpc {
    /// Serves the decisions of `judge`, which judges by the table of `hub`; answers are good for as long as `limits` say.
    pub fn new(judge: Judge, hub: Hub, limits: Limits) -> AuthorizationRpc {
        AuthorizationRpc { judge, hub, limits, history: Arc::new(Semaphore::new(1)) }
    }

    /// Waits, a little, until the table has reached a revision.
    async fn reach(&self, wanted: u64) -> Result<(), Status> {
        if self.hub.table().revision() >= wanted { Ok(()) } else { self.reach_head(wanted).await }
    }

    /// Waits, a little, until the journal can be read up to a revision.
    async fn reach_head(&self, wanted: u64) -> Result<(), Status> {
        let mut head = self.hub.watch();
        let reached = tokio::time::timeout(REVISION_WAIT, head.wait_for(|revision| *revision >= wanted)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(status::revision_not_reached(wanted, self.hub.table().revision())),
        }
    }
}

#[tonic::async_trait]
impl AuthorizationService for AuthorizationRpc {
    async fn authorize(
        &self,
        request: Request<v1::AuthorizeRequest>,
    ) -> Result<Response<v1::AuthorizeResponse>, Status> {
        let message = request.get_ref();
        let question = parse(message).map_err(|sentence| malformed(&sentence))?;
        Asker::of(request.extensions()).check(question.environment)?;
        self.reach(message.min_revision).await?;
        self.judge.ask(&question, self.judge.now(), render).map(Response::new).map_err(status::undecided)
    }

    async fn batch_authorize(
        &self,
        request: Request<v1::BatchAuthorizeRequest>,
    ) -> Result<Response<v1::BatchAuthorizeResponse>, Status> {
        let message = request.get_ref();
        if message.questions.len() > BATCH_MAX {
            return Err(malformed("questions: at most 150 are accepted; send the rest in further calls"));
        }
        let parsed: Vec<Result<Question<'_>, String>> = message.questions.iter().map(parse).collect();
        for question in parsed.iter().flatten() {
            Asker::of(request.extensions()).check(question.environment)?;
        }
        self.reach(message.min_revision).await?;
        let questions: Vec<Question<'_>> = parsed.iter().filter_map(|parsed| parsed.as_ref().ok()).copied().collect();
        let mut revision = self.hub.table().revision();
        let decisions = self.judge.ask_all(&questions, self.judge.now(), |_, decision| {
            revision = decision.revision;
            render(decision)
        });
        let mut decisions = decisions.map_err(status::undecided)?.into_iter();
        let results = parsed
            .into_iter()
            .map(|parsed| {
                let result = match parsed {
                    Ok(_) => decisions.next().map(v1::batch_result::Result::Decision),
                    Err(sentence) => Some(v1::batch_result::Result::Error(sentence)),
                };
                v1::BatchResult { result }
            })
            .collect();
        Ok(Response::new(v1::BatchAuthorizeResponse { results, revision }))
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let at = fields.instant("at", message.at.as_ref());
        // The answer states an instant a little later, which must still be one.
        if at.is_some_and(|at| at.year() >= 9999) {
            fields.violate("at", "must lie before the year 9999");
        }
        fields.check()?;
        let at = at.unwrap_or_else(|| self.hub.now());
        let limits = self.limits;
        let question = message.question.unwrap_or_default();
        parse(&question).map_err(|sentence| malformed(&sentence))?;
        self.reach(question.min_revision).await?;
        self.reach_head(message.at_revision).await?;
        // The past is read out of the journal: one at a time, so that curiosity does not starve decisions.
        let turn = match message.at_revision {
            0 => None,
            _ => Arc::clone(&self.history).acquire_owned().await.ok(),
        };
        let hub = self.hub.clone();
        let work = move || {
            // Held until the work is done: the caller may be gone long before.
            let _turn = turn;
            let question = parse(&question).expect("it was parsed before");
            let answer = |facts: &devhub_decision::Facts<'_>| render_trail(&explain(facts, &question, at, limits), at);
            match message.at_revision {
                0 => Ok(hub.table().ask(&question, answer)),
                revision => Ok(hub.table_about(&question, revision)?.ask(&question, answer)),
            }
        };
        let reply = tokio::task::spawn_blocking(work).await.unwrap_or(Err(Failure::Defect)).map_err(status::failed)?;
        Ok(Response::new(reply))
    }
}
