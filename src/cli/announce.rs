//! `devhub announce`: what the platform tells its users.

mod content;
mod file;
mod load;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use devhub_proto::v1;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub};
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_one, print_rows, print_text, visible};
use super::view::announcement::{AnnouncementView, RevisionView};
use super::words::{Audience, Category};
use crate::wire::timestamp;

use content::ContentArgs;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Announce {
    /// Publish an announcement
    Publish(Publish),
    /// Say something else, in a revision of its own; what is not given stays
    Revise(Revise),
    /// Take an announcement back; it stays to be read
    Withdraw(Withdraw),
    /// List announcements, newest first
    List(List),
    /// Show an announcement
    Show(Show),
    /// Bring announcements with all their revisions from a file
    ///
    /// Running it again is harmless: revisions that the hub has are left as they are.
    Load(Load),
}

/// Arguments of `devhub announce publish`.
#[derive(Debug, Clone, Args)]
pub struct Publish {
    /// Its id: lower-case letters, digits and hyphens
    id: String,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    revision: RevisionArgs,
}

/// Arguments of `devhub announce revise`.
#[derive(Debug, Clone, Args)]
pub struct Revise {
    /// Its id
    id: String,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    revision: RevisionArgs,
}

/// Arguments of `devhub announce withdraw`.
#[derive(Debug, Clone, Args)]
pub struct Withdraw {
    /// Its id
    id: String,
    #[command(flatten)]
    revision: RevisionArgs,
}

/// What is said of a revision, whatever it does.
#[derive(Debug, Clone, Args)]
struct RevisionArgs {
    /// The date under which it was public, if not now
    #[arg(long, value_name = "INSTANT")]
    published: Option<Moment>,
    /// What is to be known of this revision
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Arguments of `devhub announce list`.
#[derive(Debug, Clone, Args)]
pub struct List {
    /// Only those of this category
    #[arg(long, value_enum)]
    category: Option<Category>,
    /// Only those to this audience
    #[arg(long, value_enum)]
    audience: Option<Audience>,
    /// Only those about this API
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Only those published at or after this instant
    #[arg(long, value_name = "INSTANT")]
    from: Option<Moment>,
    /// Only those published before this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<Moment>,
    /// Only those after which users must change something
    #[arg(long)]
    breaking: bool,
    /// Withdrawn ones too
    #[arg(long)]
    withdrawn: bool,
}

/// Arguments of `devhub announce show`.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// Its id
    id: String,
    /// As it was public at this instant
    #[arg(long, value_name = "INSTANT", conflicts_with = "revisions")]
    as_of: Option<Moment>,
    /// All revisions
    #[arg(long)]
    revisions: bool,
}

/// Arguments of `devhub announce load`.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// File of announcements
    file: PathBuf,
}

fn instant(moment: &Option<Moment>) -> Option<prost_types::Timestamp> {
    moment.as_ref().map(|moment| timestamp(moment.instant))
}

/// Prints what was written, and what is to be known of it.
fn print_written(output: Format, written: Option<v1::Announcement>, warnings: Vec<String>) -> Result<ExitCode> {
    let view = AnnouncementView::of(written.context(EMPTY_ANSWER)?, warnings);
    print_one(output, &view, &view.fields())?;
    Ok(ExitCode::SUCCESS)
}

/// The hub answered without what was asked for, which the contract rules out.
const EMPTY_ANSWER: &str = "the hub sent an empty answer; is it a devhub of this release?";

async fn find(hub: &Hub, id: &str, as_of: &Option<Moment>) -> Result<v1::GetAnnouncementResponse> {
    let request = v1::GetAnnouncementRequest { announcement_id: id.to_owned(), as_of: instant(as_of) };
    Ok(hub.announcements().get_announcement(request).await.map_err(explained)?.into_inner())
}

impl Announce {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            Announce::Publish(publish) => publish.run(&hub, output).await,
            Announce::Revise(revise) => revise.run(&hub, output).await,
            Announce::Withdraw(withdraw) => withdraw.run(&hub, output).await,
            Announce::List(list) => list.run(&hub, output).await,
            Announce::Show(show) => show.run(&hub, output).await,
            Announce::Load(load) => load::run(&hub, &load.file, output).await,
        }
    }
}

impl Publish {
    async fn run(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        let request = v1::PublishAnnouncementRequest {
            announcement_id: self.id.clone(),
            content: Some(self.content.over(None)?),
            publish_time: instant(&self.revision.published),
            note: self.revision.note.clone().unwrap_or_default(),
            request_id: String::new(),
        };
        let answer = hub.announcements().publish_announcement(request).await.map_err(explained)?.into_inner();
        print_written(output, answer.announcement, answer.warnings)
    }
}

impl Revise {
    async fn run(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        let known = find(hub, &self.id, &None).await?.announcement.context(EMPTY_ANSWER)?;
        let content = known.current.and_then(|current| current.content).context(EMPTY_ANSWER)?;
        let request = v1::ReviseAnnouncementRequest {
            announcement_id: self.id.clone(),
            content: Some(self.content.over(Some(content))?),
            publish_time: instant(&self.revision.published),
            note: self.revision.note.clone().unwrap_or_default(),
            etag: known.etag,
            request_id: String::new(),
        };
        let answer = hub.announcements().revise_announcement(request).await.map_err(explained)?.into_inner();
        print_written(output, answer.announcement, answer.warnings)
    }
}

impl Withdraw {
    async fn run(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        let request = v1::WithdrawAnnouncementRequest {
            announcement_id: self.id.clone(),
            publish_time: instant(&self.revision.published),
            note: self.revision.note.clone().unwrap_or_default(),
            etag: String::new(),
            request_id: String::new(),
        };
        let answer = hub.announcements().withdraw_announcement(request).await.map_err(explained)?.into_inner();
        print_written(output, answer.announcement, Vec::new())
    }
}

impl List {
    async fn run(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        let mut request = v1::ListAnnouncementsRequest {
            category: self.category.map(|category| category.wire().into()).unwrap_or_default(),
            audience_kind: self.audience.map(|audience| audience.wire().into()).unwrap_or_default(),
            context: self.context.clone().unwrap_or_default(),
            start_time: instant(&self.from),
            end_time: instant(&self.until),
            breaking_only: self.breaking,
            show_withdrawn: self.withdrawn,
            page_size: PAGE,
            page_token: String::new(),
        };
        let mut rows = Vec::new();
        loop {
            let page = hub.announcements().list_announcements(request.clone()).await.map_err(explained)?.into_inner();
            rows.extend(page.announcements.into_iter().map(|found| AnnouncementView::of(found, Vec::new())));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                print_rows(output, &rows)?;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

impl Show {
    async fn run(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        if self.revisions {
            let rows: Vec<RevisionView> = revisions(hub, &self.id).await?.into_iter().map(RevisionView::from).collect();
            print_rows(output, &rows)?;
            return Ok(ExitCode::SUCCESS);
        }
        let found = find(hub, &self.id, &self.as_of).await?;
        let view = AnnouncementView::of(found.announcement.context(EMPTY_ANSWER)?, found.warnings);
        print_one(output, &view, &view.fields())?;
        if let (Format::Table, body) = (output, view.body())
            && !body.is_empty()
        {
            let lines: Vec<String> = body.lines().map(visible).collect();
            print_text(&format!("\n{}\n", lines.join("\n")))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// All revisions of an announcement, oldest first.
async fn revisions(hub: &Hub, id: &str) -> Result<Vec<v1::AnnouncementRevision>> {
    let mut request = v1::ListAnnouncementRevisionsRequest {
        announcement_id: id.to_owned(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let mut all = Vec::new();
    loop {
        let page = hub.announcements().list_announcement_revisions(request.clone()).await;
        let page = page.map_err(explained)?.into_inner();
        all.extend(page.revisions);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(all);
        }
    }
}
