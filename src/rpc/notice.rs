//! NoticeService: notices followed, listed, acknowledged, and how far they have come.

use devhub_proto::v1;
use devhub_proto::v1::notice_service_server::NoticeService;
use devhub_proto::v1::notice_subject::Subject as WireSubject;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::follow::{Followers, Following, Step};
use super::parse::{self, Fields, Query};
use super::schedule::parse::target;
use super::{execute, read, record, revision, seen};
use crate::domain::name::{ApplicationId, CompanyId, Context, Email, NoticeId};
use crate::domain::notice::{AcknowledgeNotice, Holder, Notice, NoticeSubject};
use crate::hub::{Acknowledged, Hub, MilestoneProgress, Mode, NoticeFilter, PAGE_BYTES_MAX, Page, Progress, View};
use crate::wire::{self, timestamp};

/// Notices gathered into one step of a stream, about.
const STREAM_STEP: usize = 200;

/// A follower whose filter matches little is told at least every so many revisions how far it has come, so that it need
/// not begin from far back when it resumes.
const TOLD_EVERY: u64 = 1000;

/// Serves NoticeService.
pub struct NoticeRpc {
    hub: Hub,
    followers: Followers,
}

impl NoticeRpc {
    /// Serves the notices of `hub` until `stopping` becomes true.
    pub fn new(hub: Hub, stopping: watch::Receiver<bool>) -> NoticeRpc {
        NoticeRpc { followers: Followers::new(hub.clone(), stopping), hub }
    }
}

/// What a notice is about.
fn subject(fields: &mut Fields, given: Option<&v1::NoticeSubject>) -> Option<NoticeSubject> {
    match given.and_then(|given| given.subject.as_ref()) {
        None => {
            fields.violate("subject", "must name a schedule, an announcement, or the class of service accounts");
            None
        }
        Some(WireSubject::Schedule(schedule)) => {
            target(fields, "subject.schedule", Some(schedule)).map(NoticeSubject::Schedule)
        }
        Some(WireSubject::AnnouncementId(id)) => {
            fields.name("subject.announcement_id", id).map(NoticeSubject::Announcement)
        }
        Some(WireSubject::UnusedApplicationId(_)) => {
            fields.violate(
                "subject.unused_application_id",
                "is told one application at a time; list its notices instead",
            );
            None
        }
        Some(WireSubject::CredentialClass(true)) => Some(NoticeSubject::CredentialClass),
        Some(WireSubject::CredentialClass(false)) => {
            fields.violate("subject.credential_class", "must be true");
            None
        }
    }
}

/// Whose notices; nobody's in particular where neither an application nor a company is named.
fn holder(fields: &mut Fields, application: &str, company: &str) -> Option<Holder> {
    if !application.is_empty() && !company.is_empty() {
        fields.violate("company_id", "a notice is an application's or a company's: give one of the two");
        return None;
    }
    let application = fields.name_or_none::<ApplicationId>("application_id", application).map(Holder::Application);
    application.or_else(|| fields.name_or_none::<CompanyId>("company_id", company).map(Holder::Company))
}

/// Whether the caller lists these: there are none of others.
fn may_list(hub: &View, holder: Option<&Holder>, recipient: Option<&Email>) -> bool {
    let is_own = |email: &Email| hub.scope().is_everything() || hub.scope().email() == Some(email);
    holder.is_none_or(|holder| hub.scope().holds(holder, &**hub)) && recipient.is_none_or(is_own)
}

/// Notices in messages that fit into a reply. Only the last one says that everything up to `revision` was sent.
fn messages(notices: Vec<(Notice, usize)>, before: u64, revision: u64, epoch: &str) -> Vec<v1::FollowNoticesResponse> {
    let empty = |revision| v1::FollowNoticesResponse { notices: Vec::new(), revision, epoch: epoch.to_owned() };
    let mut messages = vec![empty(before)];
    let mut bytes = 0;
    for (notice, size) in notices {
        if bytes >= PAGE_BYTES_MAX {
            messages.push(empty(before));
            bytes = 0;
        }
        bytes += size;
        if let Some(message) = messages.last_mut() {
            message.notices.push(wire::notice(&notice));
        }
    }
    if let Some(message) = messages.last_mut() {
        message.revision = revision;
    }
    messages
}

fn show_progress(milestone: &MilestoneProgress) -> v1::NoticeProgress {
    let (word, countdown_days) = wire::milestone(milestone.milestone);
    let state = match milestone.progress {
        Progress::Pending => v1::NoticeProgressState::Pending,
        Progress::Running => v1::NoticeProgressState::Running,
        Progress::Given => v1::NoticeProgressState::Given,
        Progress::Skipped => v1::NoticeProgressState::Skipped,
        Progress::Dropped => v1::NoticeProgressState::Dropped,
    };
    let run = milestone.run.as_ref();
    v1::NoticeProgress {
        milestone: word,
        countdown_days,
        due_time: Some(timestamp(milestone.due_at)),
        state: state.into(),
        applications: run.map(|run| run.applications).unwrap_or_default(),
        people: run.map(|run| run.people).unwrap_or_default(),
        companies: run.map(|run| run.companies).unwrap_or_default(),
        acknowledged: milestone.acknowledged,
        end_time: run.and_then(|run| run.ended_at).map(timestamp),
    }
}

#[tonic::async_trait]
impl NoticeService for NoticeRpc {
    type FollowNoticesStream = Following<v1::FollowNoticesResponse>;

    async fn follow_notices(
        &self,
        request: Request<v1::FollowNoticesRequest>,
    ) -> Result<Response<Self::FollowNoticesStream>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = NoticeFilter {
            holder: holder(&mut fields, &message.application_id, &message.company_id),
            recipient: fields.name_or_none("recipient", &message.recipient),
            context: fields.name_or_none::<Context>("context", &message.context),
        };
        fields.check()?;
        let look = move |hub: &Hub, after, told: Option<u64>| {
            let page = hub.notices_after(&filter, after, STREAM_STEP)?;
            let due = told.is_none_or(|told| page.revision >= told.saturating_add(TOLD_EVERY));
            let messages = match due || !page.notices.is_empty() {
                true => messages(page.notices, after, page.revision, &hub.epoch()),
                false => Vec::new(),
            };
            Ok(Step { messages, after: page.revision, complete: page.complete })
        };
        Ok(Response::new(self.followers.begin(&message.epoch, message.after_revision, look)?))
    }

    async fn list_notices(
        &self,
        request: Request<v1::ListNoticesRequest>,
    ) -> Result<Response<v1::ListNoticesResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let holder = holder(&mut fields, &message.application_id, &message.company_id);
        let recipient = fields.name_or_none::<Email>("recipient", &message.recipient);
        let size = fields.page_size(message.page_size);
        if fields.is_clean() && holder.is_none() && recipient.is_none() {
            fields.violate("application_id", "give an application or a company, a recipient, or both");
        }
        fields.check()?;
        let acknowledged = if message.unacknowledged_only { Acknowledged::LeftOut } else { Acknowledged::Shown };
        let query = Query::new(
            self.hub.page_seals(),
            "ListNotices",
            &[
                &message.application_id,
                &message.recipient,
                &message.unacknowledged_only.to_string(),
                &message.company_id,
            ],
        );
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        // Those of an administrator of a company are the company's, whichever else the person works on.
        let holder = holder.or_else(|| hub.scope().company().cloned().map(Holder::Company));
        let page = read(&hub, move |hub| match (holder, recipient) {
            (holder, recipient) if !may_list(hub, holder.as_ref(), recipient.as_ref()) => {
                Ok(Page { items: Vec::new(), next: None })
            }
            (Some(holder), recipient) => hub.notices_of(&holder, recipient.as_ref(), acknowledged, cursor, size),
            (None, Some(recipient)) => hub.notices_to(&recipient, acknowledged, cursor, size),
            (None, None) => Err(crate::hub::Failure::Defect),
        })
        .await?;
        Ok(Response::new(v1::ListNoticesResponse {
            notices: page.items.iter().map(wire::notice).collect(),
            next_page_token: query.token(page.next),
        }))
    }

    async fn acknowledge_notice(
        &self,
        request: Request<v1::AcknowledgeNoticeRequest>,
    ) -> Result<Response<v1::AcknowledgeNoticeResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("AcknowledgeNotice", &actor, &message, &message.request_id, Mode::Commit);
        let holder = holder(&mut fields, &message.application_id, &message.company_id);
        if fields.is_clean() && holder.is_none() {
            fields.violate("application_id", "must say whose notice it is, or company_id must");
        }
        let id = fields.name::<NoticeId>("notice_id", &message.notice_id);
        let (Some(holder), Some(id), true) = (holder, id, fields.is_clean()) else {
            return Err(fields.refuse());
        };
        let answer = execute(&self.hub, actor, AcknowledgeNotice { holder, id }, request).await?;
        let revision = revision(&answer);
        let notice = record!(answer.subject, Notice)?;
        Ok(Response::new(v1::AcknowledgeNoticeResponse { notice: Some(wire::notice(&notice)), revision }))
    }

    async fn get_notice_progress(
        &self,
        request: Request<v1::GetNoticeProgressRequest>,
    ) -> Result<Response<v1::GetNoticeProgressResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let subject = subject(&mut fields, message.subject.as_ref());
        let Some(subject) = subject.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let number = message.revision_number;
        let progress = read(&self.hub, move |hub| hub.notice_progress(&subject, number)).await?;
        Ok(Response::new(v1::GetNoticeProgressResponse {
            revision_number: progress.revision,
            milestones: progress.milestones.iter().map(show_progress).collect(),
            truncated: progress.truncated,
        }))
    }
}
