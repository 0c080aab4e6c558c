//! Decisions and their explanations.

use std::fmt::Write;

use devhub_proto::v1;
use serde::Serialize;

use super::{NameView, or_empty, stage, time};
use crate::cli::output::visible;
use crate::cli::words::wire_name;

/// A decision.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionView {
    verdict: String,
    reason: String,
    stage: Option<String>,
    application_id: String,
    valid_until: Option<String>,
    revision: u64,
    headers: Vec<HeaderView>,
    successor: Option<NameView>,
    days_left: Option<i64>,
    http_status: i32,
    grpc_code: i32,
    remedy: Option<RemedyView>,
    replacement: Option<ReplacementView>,
    successor_namespace: Option<String>,
    account_id: String,
    credential_end_time: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct ReplacementView {
    version: Option<NameView>,
    method: String,
    path: String,
}

impl ReplacementView {
    fn text(&self) -> String {
        format!("{} {} of {}", self.method, self.path, NameView::text(&self.version))
    }
}

#[derive(Debug, Clone, Serialize)]
struct HeaderView {
    name: String,
    value: String,
}

#[derive(Debug, Clone, Serialize)]
struct RemedyView {
    action: String,
    sentence: String,
    successor: Option<NameView>,
    earliest: Option<String>,
}

impl From<v1::AuthorizeResponse> for DecisionView {
    fn from(decision: v1::AuthorizeResponse) -> DecisionView {
        let headers = decision.headers.into_iter().map(|header| HeaderView { name: header.name, value: header.value });
        let remedy = decision.remedy.filter(|remedy| remedy.action != 0 || !remedy.sentence.is_empty());
        DecisionView {
            verdict: wire_name(decision.verdict, v1::Verdict::as_str_name, "VERDICT_"),
            reason: wire_name(decision.reason, v1::DecisionReason::as_str_name, "DECISION_REASON_"),
            stage: (decision.stage != 0).then(|| stage(decision.stage)),
            application_id: decision.application_id,
            valid_until: time(decision.valid_until),
            revision: decision.revision,
            headers: headers.collect(),
            successor: NameView::of(decision.successor),
            days_left: decision.days_left,
            http_status: decision.http_status,
            grpc_code: decision.grpc_code,
            remedy: remedy.map(|remedy| RemedyView {
                action: wire_name(remedy.action, v1::RemedyAction::as_str_name, "REMEDY_ACTION_"),
                sentence: remedy.sentence,
                successor: NameView::of(remedy.successor),
                earliest: time(remedy.earliest),
            }),
            replacement: decision.replacement.map(|replacement| ReplacementView {
                version: NameView::of(replacement.version),
                method: replacement.method,
                path: replacement.path,
            }),
            successor_namespace: decision.successor_namespace,
            account_id: decision.account_id,
            credential_end_time: time(decision.credential_end_time),
        }
    }
}

impl DecisionView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let headers = self.headers.iter().map(|header| format!("{}: {}", header.name, header.value));
        let remedy = self.remedy.as_ref();
        vec![
            ("verdict", format!("{} ({})", self.verdict, self.reason)),
            ("application", self.application_id.clone()),
            ("service account", self.account_id.clone()),
            ("works until", or_empty(&self.credential_end_time)),
            ("stage", or_empty(&self.stage)),
            ("days left", self.days_left.map(|days| days.to_string()).unwrap_or_default()),
            ("successor", NameView::text(&self.successor)),
            ("successor namespace", or_empty(&self.successor_namespace)),
            ("replacement", self.replacement.as_ref().map(ReplacementView::text).unwrap_or_default()),
            ("headers", headers.collect::<Vec<_>>().join("\n")),
            ("answer with", format!("HTTP {}, gRPC code {}", self.http_status, self.grpc_code)),
            ("what to do", remedy.map(|remedy| remedy.sentence.clone()).unwrap_or_default()),
            ("not before", remedy.map(|remedy| or_empty(&remedy.earliest)).unwrap_or_default()),
            ("valid until", or_empty(&self.valid_until)),
            ("revision", self.revision.to_string()),
        ]
    }
}

/// A decision with the rules that led to it.
#[derive(Debug, Clone, Serialize)]
pub struct ExplanationView {
    at: Option<String>,
    decision: Option<DecisionView>,
    steps: Vec<StepView>,
    upcoming: Vec<UpcomingView>,
}

#[derive(Debug, Clone, Serialize)]
struct StepView {
    rule: String,
    outcome: String,
    sentence: String,
}

#[derive(Debug, Clone, Serialize)]
struct UpcomingView {
    time: Option<String>,
    sentence: String,
}

impl From<v1::ExplainResponse> for ExplanationView {
    fn from(explanation: v1::ExplainResponse) -> ExplanationView {
        let steps = explanation.steps.into_iter().map(|step| StepView {
            rule: step.rule,
            outcome: wire_name(step.outcome, v1::StepOutcome::as_str_name, "STEP_OUTCOME_"),
            sentence: step.sentence,
        });
        let upcoming = explanation.upcoming.into_iter();
        ExplanationView {
            at: time(explanation.at),
            decision: explanation.decision.map(DecisionView::from),
            steps: steps.collect(),
            upcoming: upcoming.map(|u| UpcomingView { time: time(u.time), sentence: u.sentence }).collect(),
        }
    }
}

impl ExplanationView {
    /// Decision, rule trail and what is coming, for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |content: String| writeln!(text, "{}", visible(&content)).expect("a string takes any text");
        line(format!("judged at    {}", or_empty(&self.at)));
        for (name, value) in self.decision.iter().flat_map(DecisionView::fields).filter(|(_, v)| !v.is_empty()) {
            for (index, part) in value.lines().enumerate() {
                line(format!("{:11}  {part}", if index == 0 { name } else { "" }));
            }
        }
        line("Rules, in their order:".to_owned());
        for step in &self.steps {
            let mark = match step.outcome.as_str() {
                "DECIDED" => "=>",
                "PASSED" => "ok",
                _ => "--",
            };
            line(format!("  {mark} {:24} {}", step.rule, step.sentence).trim_end().to_owned());
        }
        if !self.upcoming.is_empty() {
            line("What time alone will change:".to_owned());
        }
        for change in &self.upcoming {
            line(format!("  {}  {}", or_empty(&change.time), change.sentence));
        }
        text
    }
}
