//! `devhub notices`: what administrators are told, as it is told.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use devhub_proto::v1;
use devhub_proto::v1::notice_subject::Subject;
use devhub_proto::v1::schedule_target::Target;

use super::catalogue::read::PAGE;
use super::connection::Connection;
use super::failure::explained;
use super::output::{Format, print_rows, print_text, visible};
use super::view::notice::{NoticeView, ProgressView};
use super::words::Environment;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Notices {
    /// List the notices of an application or a company, newest first, or of a person
    List(List),
    /// Follow notices as they are given
    Follow(Follow),
    /// Say that you have read a notice; you must be one of its recipients
    Ack(Ack),
    /// Show how far the notices of a revision have come
    Progress(Progress),
}

/// Arguments of `devhub notices list`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("of").required(true).multiple(true).args(["application", "company", "recipient"]))]
pub struct List {
    /// Of this application
    #[arg(long, value_name = "ID")]
    application: Option<String>,
    /// Of this company
    #[arg(long, value_name = "ID", conflicts_with = "application")]
    company: Option<String>,
    /// To this person
    #[arg(long, value_name = "E-MAIL")]
    recipient: Option<String>,
    /// Only those not acknowledged
    #[arg(long)]
    unread: bool,
}

/// Arguments of `devhub notices follow`.
#[derive(Debug, Clone, Args)]
pub struct Follow {
    /// Only those of this application
    #[arg(long, value_name = "ID")]
    application: Option<String>,
    /// Only those of this company
    #[arg(long, value_name = "ID", conflicts_with = "application")]
    company: Option<String>,
    /// Only those to this person
    #[arg(long, value_name = "E-MAIL")]
    recipient: Option<String>,
    /// Only those about versions of this API
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Start after this revision; 0 starts with the first notice
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    after_revision: u64,
    /// Stop after this many notices, and say on standard error where to go on
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
}

/// Arguments of `devhub notices ack`.
#[derive(Debug, Clone, Args)]
pub struct Ack {
    /// Id of the application, or with --company that of the company
    #[arg(value_name = "APPLICATION")]
    holder: String,
    /// Id of the notice
    notice: String,
    /// The notice is a company's
    #[arg(long)]
    company: bool,
}

/// Arguments of `devhub notices progress`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("about").required(true).args(["context", "namespace", "announcement", "credential_class"]))]
pub struct Progress {
    /// Context of the API
    #[arg(requires = "version")]
    context: Option<String>,
    /// Label of the version
    version: Option<String>,
    /// One operation of the version, for example "DELETE /sub_jobs/{id}"
    #[arg(long, value_name = "METHOD PATH", requires = "version")]
    operation: Option<String>,
    /// A namespace instead of a version
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// An announcement instead of a version
    #[arg(long, value_name = "ID")]
    announcement: Option<String>,
    /// The dates of traditional service accounts instead of a version
    #[arg(long)]
    credential_class: bool,
    /// Where the version, operation or namespace has its dates
    #[arg(long, value_enum, default_value_t = Environment::Production)]
    environment: Environment,
    /// Number of the revision [default: the latest]
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    revision: u32,
}

impl Notices {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        match self {
            Notices::List(list) => list.run(connection, output).await,
            Notices::Follow(follow) => follow.run(connection, output).await,
            Notices::Ack(ack) => ack.run(connection, output).await,
            Notices::Progress(progress) => progress.run(connection, output).await,
        }
    }
}

impl List {
    async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let mut request = v1::ListNoticesRequest {
            application_id: self.application.clone().unwrap_or_default(),
            recipient: self.recipient.clone().unwrap_or_default(),
            unacknowledged_only: self.unread,
            page_size: PAGE,
            page_token: String::new(),
            company_id: self.company.clone().unwrap_or_default(),
        };
        let mut rows = Vec::new();
        loop {
            let page = hub.notices().list_notices(request.clone()).await.map_err(explained)?.into_inner();
            rows.extend(page.notices.into_iter().map(NoticeView::from));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                print_rows(output, &rows)?;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

impl Follow {
    async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub_without_timeout().await?;
        let request = v1::FollowNoticesRequest {
            application_id: self.application.clone().unwrap_or_default(),
            recipient: self.recipient.clone().unwrap_or_default(),
            context: self.context.clone().unwrap_or_default(),
            after_revision: self.after_revision,
            epoch: String::new(),
            company_id: self.company.clone().unwrap_or_default(),
        };
        let mut stream = hub.notices().follow_notices(request).await.map_err(explained)?.into_inner();
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut seen = self.after_revision;
        while left > 0 {
            let Some(part) = stream.message().await.map_err(explained)? else {
                bail!("the hub ended the stream; go on with --after-revision {seen}");
            };
            let mut notices = part.notices.into_iter();
            while left > 0
                && let Some(notice) = notices.next()
            {
                print_notice(output, &NoticeView::from(notice))?;
                left -= 1;
            }
            // A message that was not printed whole comes again: what is told twice is better than what is lost.
            if notices.next().is_none() {
                seen = part.revision;
            }
        }
        writeln!(std::io::stderr(), "go on with --after-revision {seen}")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// One notice per line, or one document per notice.
fn print_notice(output: Format, notice: &NoticeView) -> Result<()> {
    print_text(&match output {
        Format::Table => visible(&notice.line()) + "\n",
        Format::Json => serde_json::to_string(notice)? + "\n",
        Format::Yaml => format!("---\n{}", serde_saphyr::to_string(notice)?),
    })
}

impl Ack {
    async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let (application_id, company_id) =
            if self.company { (String::new(), self.holder.clone()) } else { (self.holder.clone(), String::new()) };
        let notice_id = self.notice.clone();
        let request = v1::AcknowledgeNoticeRequest { application_id, notice_id, request_id: String::new(), company_id };
        let answer = hub.notices().acknowledge_notice(request).await.map_err(explained)?.into_inner();
        let notice = answer.notice.context("the hub sent an empty answer; is it a devhub of this release?")?;
        print_rows(output, &[NoticeView::from(notice)])?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Progress {
    fn subject(&self) -> Result<Subject> {
        if let Some(id) = &self.announcement {
            return Ok(Subject::AnnouncementId(id.clone()));
        }
        if self.credential_class {
            return Ok(Subject::CredentialClass(true));
        }
        let version = v1::VersionName {
            context: self.context.clone().unwrap_or_default(),
            version: self.version.clone().unwrap_or_default(),
        };
        let target = match (&self.namespace, self.operation.as_deref()) {
            (Some(namespace), _) => Target::Namespace(namespace.clone()),
            (None, None) => Target::Version(version),
            (None, Some(operation)) => {
                let (method, path) = operation.split_once(' ').with_context(|| {
                    format!("--operation {operation:?}: write METHOD PATH, as the version lists it")
                })?;
                let (method, path) = (method.to_owned(), path.to_owned());
                Target::Operation(v1::OperationName { version: Some(version), method, path })
            }
        };
        let environment = self.environment.wire().into();
        Ok(Subject::Schedule(v1::ScheduleTarget { environment, target: Some(target) }))
    }

    async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let request = v1::GetNoticeProgressRequest {
            subject: Some(v1::NoticeSubject { subject: Some(self.subject()?) }),
            revision_number: self.revision,
        };
        let answer = hub.notices().get_notice_progress(request).await.map_err(explained)?.into_inner();
        print_rows(output, &ProgressView::all(answer))?;
        Ok(ExitCode::SUCCESS)
    }
}
