//! What an evaluation came to.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use devhub_decision::{Decision, Question, Stage};
use serde::Serialize;
use serde_json::Value;

use super::question::Fault;
use crate::ids;

/// One evaluation.
#[derive(Serialize)]
pub(super) struct Evaluated<'d> {
    decision: bool,
    context: Context<'d>,
}

/// Several.
#[derive(Serialize)]
pub(super) struct Evaluations {
    pub(super) evaluations: Vec<Value>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Context<'d> {
    Judged(Box<Judged<'d>>),
    Failed { error: Failed<'d> },
}

/// What no evaluation came of. It is no denial, but the caller has to treat it as one.
#[derive(Serialize)]
struct Failed<'d> {
    status: u16,
    message: &'d str,
}

#[derive(Serialize)]
struct Judged<'d> {
    reason: &'static str,
    http_status: u16,
    id: String,
    revision: u64,
    valid_until: String,
    environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'d str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'static str, &'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<Remedy<'d>>,
}

#[derive(Serialize)]
struct Remedy<'d> {
    action: &'static str,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor_namespace: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest: Option<String>,
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl<'d> Evaluated<'d> {
    pub(super) fn of(question: &Question<'d>, decision: &Decision<'d>, now: DateTime<Utc>) -> Evaluated<'d> {
        let remedy = decision.remedy.as_ref().map(|remedy| Remedy {
            action: remedy.action.name(),
            sentence: remedy.sentence(),
            successor: remedy.successor.map(|name| format!("{}/{}", name.context, name.label)),
            successor_namespace: remedy.successor_namespace,
            earliest: remedy.earliest.map(text),
        });
        Evaluated {
            decision: decision.reason.allows(),
            context: Context::Judged(Box::new(Judged {
                reason: decision.reason.name(),
                http_status: decision.reason.http_status(),
                id: ids::decision(now),
                revision: decision.revision,
                valid_until: text(decision.valid_until),
                environment: question.environment.name(),
                stage: decision.stage.map(Stage::name),
                application: decision.application_id,
                account: decision.account_id,
                headers: decision.headers.iter().collect(),
                remedy,
            })),
        }
    }

    pub(super) fn of_fault(fault: &'d Fault) -> Evaluated<'d> {
        Evaluated { decision: false, context: Context::Failed { error: Failed { status: 400, message: &fault.0 } } }
    }

    /// As JSON, which outlives the table.
    pub(super) fn written(&self) -> Value {
        serde_json::json!(self)
    }
}
