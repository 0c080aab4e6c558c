//! What a change of lifecycles would do.

use std::fmt::Write;

use devhub_proto::v1;
use serde::Serialize;

use super::schedule::StateView;
use super::target::TargetView;
use super::usage::usage_class;
use super::{NameView, brief, environment, or_empty, stage, time};
use crate::cli::failure::remedy;
use crate::cli::output::{Row, table, visible};
use crate::cli::words::wire_name;

/// Most answers that a table tells of one subscription.
const ANSWERS_SHOWN: usize = 4;

/// A preview, whole.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewView {
    time: Option<String>,
    plan_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_expire_time: Option<String>,
    apply: Vec<String>,
    changes: Vec<ChangeView>,
    affected: Vec<AffectedView>,
    /// There are more than were asked for.
    truncated: bool,
    notices: Vec<NoticeView>,
}

#[derive(Debug, Clone, Serialize)]
struct ChangeView {
    target: TargetView,
    accepted: bool,
    refusal: Option<String>,
    refusal_sentence: String,
    warnings: Vec<String>,
    before: Option<StateView>,
    after: Option<StateView>,
    suggested_retire_time: Option<String>,
    affected_subscriptions: i64,
    usage: Vec<CountView>,
}

#[derive(Debug, Clone, Serialize)]
struct CountView {
    usage_class: String,
    subscriptions: u64,
}

#[derive(Debug, Clone, Serialize)]
struct AffectedView {
    application_id: String,
    application_name: String,
    administrators: Vec<String>,
    context: String,
    version: String,
    environment: String,
    since: Option<String>,
    last_call_time: Option<String>,
    usage_class: String,
    answers: Vec<AnswerView>,
}

#[derive(Debug, Clone, Serialize)]
struct AnswerView {
    time: Option<String>,
    allowed: bool,
    reason: String,
    stage: String,
}

#[derive(Debug, Clone, Serialize)]
struct NoticeView {
    time: Option<String>,
    milestone: String,
    target: TargetView,
    applications: i64,
}

impl From<v1::ChangePreview> for ChangeView {
    fn from(change: v1::ChangePreview) -> ChangeView {
        let refusal = wire_name(change.refusal, v1::ErrorReason::as_str_name, "ERROR_REASON_");
        let usage = change.usage.into_iter().filter(|count| count.subscriptions > 0);
        ChangeView {
            target: TargetView::of(change.target),
            accepted: change.accepted,
            refusal: (!change.accepted).then_some(refusal),
            refusal_sentence: change.refusal_sentence,
            warnings: change.warnings,
            before: change.before.map(StateView::from),
            after: change.after.map(StateView::from),
            suggested_retire_time: time(change.suggested_retire_time),
            affected_subscriptions: change.affected_subscriptions,
            usage: usage
                .map(|count| CountView {
                    usage_class: usage_class(count.usage_class),
                    subscriptions: count.subscriptions,
                })
                .collect(),
        }
    }
}

impl From<v1::AffectedSubscription> for AffectedView {
    fn from(affected: v1::AffectedSubscription) -> AffectedView {
        let name = NameView::of(affected.version);
        let (context, version) = name.map(|name| (name.context, name.version)).unwrap_or_default();
        let answers = affected.answers.into_iter().map(|answer| AnswerView {
            time: time(answer.time),
            allowed: answer.allowed,
            reason: answer.reason,
            stage: stage(answer.stage),
        });
        AffectedView {
            application_id: affected.application_id,
            application_name: affected.application_name,
            administrators: affected.administrators,
            context,
            version,
            environment: environment(affected.environment),
            since: time(affected.since),
            last_call_time: time(affected.last_call_time),
            usage_class: usage_class(affected.usage_class),
            answers: answers.collect(),
        }
    }
}

impl From<v1::PlannedNotice> for NoticeView {
    fn from(notice: v1::PlannedNotice) -> NoticeView {
        NoticeView {
            time: time(notice.time),
            milestone: notice.milestone,
            target: TargetView::of(notice.target),
            applications: notice.applications,
        }
    }
}

impl AnswerView {
    fn text(&self) -> String {
        let verdict = if self.allowed { "passes" } else { "denied" };
        format!("{} {verdict}: {} ({})", or_empty(&self.time), self.reason, self.stage)
    }
}

impl Row for AffectedView {
    const HEADER: &'static [&'static str] = &[
        "APPLICATION",
        "ADMINISTRATORS",
        "VERSION",
        "ENVIRONMENT",
        "SINCE",
        "LAST CALL (HOUR)",
        "CLASS",
        "ITS CALLS FROM THEN ON",
    ];

    fn cells(&self) -> Vec<String> {
        let mut answers: Vec<String> = self.answers.iter().take(ANSWERS_SHOWN).map(AnswerView::text).collect();
        let more = self.answers.len().saturating_sub(ANSWERS_SHOWN);
        answers.extend((more > 0).then(|| format!("and {more} more; see -o json")));
        vec![
            format!("{}\n{}", self.application_id, self.application_name),
            self.administrators.join("\n"),
            format!("{} {}", self.context, self.version),
            self.environment.clone(),
            or_empty(&self.since),
            or_empty(&self.last_call_time),
            self.usage_class.clone(),
            answers.join("\n"),
        ]
    }
}

impl Row for NoticeView {
    const HEADER: &'static [&'static str] = &["WHEN", "MILESTONE", "ABOUT", "APPLICATIONS"];

    fn cells(&self) -> Vec<String> {
        vec![or_empty(&self.time), self.milestone.clone(), self.target.text(), self.applications.to_string()]
    }
}

impl PreviewView {
    /// The first page of a preview; further pages only bring further subscriptions. `apply` is the command that applies
    /// it, by its token.
    pub fn new(first: v1::PreviewLifecycleChangeResponse, apply: impl Fn(&str) -> Vec<String>) -> PreviewView {
        PreviewView {
            time: time(first.time),
            apply: if first.plan_token.is_empty() { Vec::new() } else { apply(&first.plan_token) },
            plan_token: first.plan_token,
            plan_expire_time: time(first.plan_expire_time),
            changes: first.changes.into_iter().map(ChangeView::from).collect(),
            affected: Vec::new(),
            truncated: false,
            notices: first.notices.into_iter().map(NoticeView::from).collect(),
        }
    }

    /// Adds subscriptions up to `limit`; whether there is room for more.
    pub fn add(&mut self, affected: Vec<v1::AffectedSubscription>, limit: usize) -> bool {
        let room = limit.saturating_sub(self.affected.len());
        self.truncated |= affected.len() > room;
        self.affected.extend(affected.into_iter().take(room).map(AffectedView::from));
        self.affected.len() < limit
    }

    /// Says that there are more subscriptions than were asked for.
    pub fn truncate(&mut self) {
        self.truncated = true;
    }

    /// The words of the command that applies it; empty when it cannot be.
    pub fn apply(&self) -> &[String] {
        &self.apply
    }

    /// Whether every change would be accepted.
    pub fn accepted(&self) -> bool {
        self.changes.iter().all(|change| change.accepted)
    }

    /// For people.
    pub fn text(&self, apply: &str) -> String {
        let mut text = format!("Preview at {}; nothing is changed.\n\n", or_empty(&self.time));
        self.changes.iter().for_each(|change| change.write(&mut text));
        if !self.affected.is_empty() {
            line(&mut text, 0, "\nAffected subscriptions:");
            text.push_str(&table(&self.affected));
            if self.truncated {
                line(&mut text, 0, "and more; raise --limit to see them");
            }
        }
        if !self.notices.is_empty() {
            line(&mut text, 0, "\nNotices that would go out:");
            text.push_str(&table(&self.notices));
        }
        if self.accepted() && !self.plan_token.is_empty() {
            let until =
                self.plan_expire_time.as_ref().map(|time| format!(" before {}", brief(time))).unwrap_or_default();
            line(&mut text, 0, &format!("\nApply exactly this{until}, unless something changes:"));
            line(&mut text, 2, apply);
        } else {
            line(&mut text, 0, "\nNothing can be applied until what is refused is resolved.");
        }
        text
    }
}

impl ChangeView {
    fn write(&self, text: &mut String) {
        match &self.refusal {
            None => line(text, 0, &format!("{}: accepted", self.target.text())),
            Some(reason) => {
                line(text, 0, &format!("{}: refused [{reason}]", self.target.text()));
                line(text, 2, &self.refusal_sentence);
                if let Some(remedy) = remedy(reason) {
                    line(text, 2, &format!("what to do: {remedy}"));
                }
            }
        }
        if let Some(after) = &self.after {
            StateView::changes(self.before.as_ref(), after).iter().for_each(|change| line(text, 2, change));
        }
        // Of what is refused, only the remedy is of interest.
        if let Some(time) = self.suggested_retire_time.as_ref().filter(|_| self.accepted) {
            line(text, 2, &format!("the policy's usual retirement would be at {}", brief(time)));
        }
        self.warnings.iter().for_each(|warning| line(text, 2, &format!("warning: {warning}")));
        let counts: Vec<String> =
            self.usage.iter().map(|count| format!("{} {}", count.subscriptions, count.usage_class)).collect();
        let by_class = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
        line(text, 2, &format!("live subscriptions: {}{by_class}", self.affected_subscriptions));
    }
}

fn line(text: &mut String, indent: usize, content: &str) {
    for part in content.split('\n') {
        let indent = if part.is_empty() { 0 } else { indent };
        writeln!(text, "{:indent$}{}", "", visible(part)).expect("writing to a string does not fail");
    }
}
