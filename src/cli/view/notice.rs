//! Notices.

use devhub_proto::v1;
use devhub_proto::v1::notice_subject::Subject;
use serde::Serialize;

use super::announcement::target;
use super::{NameView, environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

fn subject(subject: Option<&v1::NoticeSubject>) -> String {
    match subject.and_then(|subject| subject.subject.as_ref()) {
        Some(Subject::Schedule(schedule)) => target(schedule),
        Some(Subject::AnnouncementId(id)) => format!("announcement {id}"),
        Some(Subject::UnusedApplicationId(id)) => format!("disuse of {id}"),
        Some(Subject::CredentialClass(_)) => "traditional service accounts".to_owned(),
        None => String::new(),
    }
}

fn milestone(number: i32, days: u32) -> String {
    match days {
        0 => wire_name(number, v1::NoticeMilestone::as_str_name, "NOTICE_MILESTONE_"),
        days => format!("T-{days}"),
    }
}

/// A notice.
#[derive(Debug, Clone, Serialize)]
pub struct NoticeView {
    application_id: String,
    company_id: String,
    notice_id: String,
    subject: String,
    revision_number: u32,
    milestone: String,
    versions: Vec<NameView>,
    version_count: u32,
    environment: String,
    recipients: Vec<String>,
    due_time: Option<String>,
    give_time: Option<String>,
    sentences: Vec<String>,
    deprecate_time: Option<String>,
    end_time: Option<String>,
    zone: String,
    days_left: Option<u32>,
    successor: String,
    acknowledgements: Vec<AcknowledgementView>,
}

/// Who has acknowledged a notice.
#[derive(Debug, Clone, Serialize)]
struct AcknowledgementView {
    email: String,
    acknowledge_time: Option<String>,
}

impl From<v1::Notice> for NoticeView {
    fn from(notice: v1::Notice) -> NoticeView {
        NoticeView {
            subject: subject(notice.subject.as_ref()),
            milestone: milestone(notice.milestone, notice.countdown_days),
            application_id: notice.application_id,
            company_id: notice.company_id,
            notice_id: notice.notice_id,
            revision_number: notice.revision_number,
            versions: notice.versions.into_iter().filter_map(|name| NameView::of(Some(name))).collect(),
            version_count: notice.version_count,
            environment: environment(notice.environment),
            recipients: notice.recipients,
            due_time: time(notice.due_time),
            give_time: time(notice.give_time),
            sentences: notice.sentences,
            deprecate_time: time(notice.deprecate_time),
            end_time: time(notice.end_time),
            zone: notice.zone,
            days_left: notice.days_left,
            successor: notice.successor,
            acknowledgements: notice
                .acknowledgements
                .into_iter()
                .map(|a| AcknowledgementView { email: a.email, acknowledge_time: time(a.acknowledge_time) })
                .collect(),
        }
    }
}

impl NoticeView {
    /// Whose it is.
    fn holder(&self) -> String {
        match self.company_id.as_str() {
            "" => self.application_id.clone(),
            company => format!("company {company}"),
        }
    }

    /// The notice as one line.
    pub fn line(&self) -> String {
        format!(
            "{}  {}  {}  {:9}  {}  to {}",
            or_empty(&self.give_time),
            self.holder(),
            self.notice_id,
            self.milestone,
            self.sentences.join(" "),
            self.recipients.join(", ")
        )
    }
}

impl Row for NoticeView {
    const HEADER: &'static [&'static str] =
        &["GIVEN", "OF", "NOTICE", "MILESTONE", "WHAT IT SAYS", "TO", "ACKNOWLEDGED BY"];

    fn cells(&self) -> Vec<String> {
        let read: Vec<&str> = self.acknowledgements.iter().map(|a| a.email.as_str()).collect();
        vec![
            or_empty(&self.give_time),
            self.holder(),
            self.notice_id.clone(),
            self.milestone.clone(),
            self.sentences.join("\n"),
            self.recipients.join("\n"),
            read.join("\n"),
        ]
    }
}

/// How far the notices of a milestone have come.
#[derive(Debug, Clone, Serialize)]
pub struct ProgressView {
    revision_number: u32,
    milestone: String,
    due_time: Option<String>,
    state: String,
    applications: u64,
    companies: u64,
    people: u64,
    acknowledged: u64,
    end_time: Option<String>,
    truncated: bool,
}

impl ProgressView {
    /// The milestones of an answer.
    pub fn all(progress: v1::GetNoticeProgressResponse) -> Vec<ProgressView> {
        let (revision_number, truncated) = (progress.revision_number, progress.truncated);
        let view = |m: v1::NoticeProgress| ProgressView {
            revision_number,
            milestone: milestone(m.milestone, m.countdown_days),
            due_time: time(m.due_time),
            state: wire_name(m.state, v1::NoticeProgressState::as_str_name, "NOTICE_PROGRESS_STATE_"),
            applications: m.applications,
            companies: m.companies,
            people: m.people,
            acknowledged: m.acknowledged,
            end_time: time(m.end_time),
            truncated,
        };
        progress.milestones.into_iter().map(view).collect()
    }
}

impl Row for ProgressView {
    const HEADER: &'static [&'static str] =
        &["REVISION", "MILESTONE", "DUE", "STATE", "APPLICATIONS", "COMPANIES", "PEOPLE", "ACKNOWLEDGED", "ENDED"];

    fn cells(&self) -> Vec<String> {
        let more = if self.truncated { " or more" } else { "" };
        vec![
            self.revision_number.to_string(),
            self.milestone.clone(),
            or_empty(&self.due_time),
            self.state.clone(),
            self.applications.to_string(),
            self.companies.to_string(),
            self.people.to_string(),
            format!("{}{more}", self.acknowledged),
            or_empty(&self.end_time),
        ]
    }
}
