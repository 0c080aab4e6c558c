//! `devhub move`: subscriptions of one, some or all applications to another version, and the way back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};
use devhub_proto::v1;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tonic::Streaming;

use super::connection::{Connection, Hub, new_request_id};
use super::date::Moment;
use super::failure::explained;
use super::lifecycle::successor::version_name;
use super::output::{Format, print_machine, print_one, print_rows, print_text};
use super::view::moved::{MoveCounts, MoveView};
use super::view::subscription::SubscriptionView;
use super::words::Environment;
use crate::wire::timestamp;

/// Some applications were refused.
const EXIT_REFUSED: u8 = 4;

/// Applications of one call: the most that the hub takes.
const BATCH: usize = 1000;

/// Largest list of applications that is read, in bytes.
const LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Arguments of `devhub move`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("who").required(true).args(["application", "all", "applications"]))]
pub struct Move {
    /// Id of the application
    application: Option<String>,
    /// Every application with a live subscription to the old version
    #[arg(long)]
    all: bool,
    /// A file with the id of an application on each line; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    applications: Option<PathBuf>,
    /// The version that they leave
    #[arg(long, num_args = 2, value_names = ["CONTEXT", "VERSION"], required = true)]
    from: Vec<String>,
    /// The version that they move to
    #[arg(long, num_args = 2, value_names = ["CONTEXT", "VERSION"], required = true)]
    to: Vec<String>,
    /// The environment that the applications live in, when there are many
    #[arg(long, value_enum, default_value_t = Environment::Production)]
    environment: Environment,
    /// Keep the old subscription until this instant: RFC 3339, or a date such as "2027-07-31 end-of-day Europe/London"
    #[arg(long, value_name = "INSTANT", conflicts_with = "undo")]
    overlap_until: Option<Moment>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Only say what would become of each application
    #[arg(long)]
    dry_run: bool,
    /// Undo moves that were made from the one version to the other
    #[arg(long)]
    undo: bool,
}

#[derive(Debug, Serialize)]
struct ManyView {
    dry_run: bool,
    #[serde(flatten)]
    counts: MoveCounts,
    results: Vec<MoveView>,
}

#[derive(Debug, Serialize)]
struct OneView {
    #[serde(flatten)]
    subscription: SubscriptionView,
    /// The subscription that a move left.
    left: Option<SubscriptionView>,
    revision: u64,
    warnings: Vec<String>,
}

/// One message of either stream.
struct Part {
    result: Option<v1::MoveResult>,
    total: i64,
    summary: Option<v1::MoveSummary>,
}

/// Either stream.
enum Parts {
    Moves(Streaming<v1::MoveSubscriptionsResponse>),
    Undoes(Streaming<v1::UndoMoveSubscriptionsResponse>),
}

impl Parts {
    async fn next(&mut self) -> Result<Option<Part>, tonic::Status> {
        Ok(match self {
            Parts::Moves(stream) => stream.message().await?.map(|message| Part {
                result: message.result,
                total: message.total,
                summary: message.summary,
            }),
            Parts::Undoes(stream) => stream.message().await?.map(|message| Part {
                result: message.result,
                total: message.total,
                summary: message.summary,
            }),
        })
    }
}

impl Move {
    /// Moves, or takes moves back.
    ///
    /// # Errors
    /// When a single application is refused, a file cannot be read, or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        match (&self.application, self.dry_run) {
            (Some(application), false) => self.one(&connection.hub().await?, application, output).await,
            (Some(application), true) => self.many(connection, vec![vec![application.clone()]], output).await,
            (None, _) => {
                let batches = match &self.applications {
                    Some(path) => read_list(path)?.chunks(BATCH).map(<[String]>::to_vec).collect(),
                    None => vec![Vec::new()],
                };
                self.many(connection, batches, output).await
            }
        }
    }

    fn from(&self) -> Option<v1::VersionName> {
        self.from.first().zip(self.from.get(1)).map(|(context, version)| version_name(context, version))
    }

    fn to(&self) -> Option<v1::VersionName> {
        self.to.first().zip(self.to.get(1)).map(|(context, version)| version_name(context, version))
    }

    async fn one(&self, hub: &Hub, application: &str, output: Format) -> Result<ExitCode> {
        let view = if self.undo {
            let request = v1::UndoMoveRequest {
                application_id: application.to_owned(),
                from: self.from(),
                to: self.to(),
                reason: self.reason.clone(),
                etag: String::new(),
                request_id: new_request_id(),
            };
            let answer = hub.subscriptions().undo_move(request).await.map_err(explained)?.into_inner();
            OneView::new(answer.subscription, None, answer.revision, Vec::new())?
        } else {
            let request = v1::MoveSubscriptionRequest {
                application_id: application.to_owned(),
                from: self.from(),
                to: self.to(),
                overlap_until: self.overlap_until.as_ref().map(|moment| timestamp(moment.instant)),
                field_values: Default::default(),
                reason: self.reason.clone(),
                etag: String::new(),
                request_id: new_request_id(),
            };
            let answer = hub.subscriptions().move_subscription(request).await.map_err(explained)?.into_inner();
            OneView::new(answer.subscription, answer.moved, answer.revision, answer.warnings)?
        };
        let mut fields = view.subscription.fields();
        if let Some(left) = &view.left {
            fields.extend([("moved from", left.left()), ("undoable until", left.undoable_until())]);
        }
        fields.push(("warning", view.warnings.join("\n")));
        print_one(output, &view, &fields)?;
        Ok(ExitCode::SUCCESS)
    }

    async fn many(&self, connection: &Connection, batches: Vec<Vec<String>>, output: Format) -> Result<ExitCode> {
        // The whole takes as long as it takes; each application is done or not by itself.
        let hub = connection.hub_without_timeout().await?;
        let listed: usize = batches.iter().map(Vec::len).sum();
        let progress = progress(listed as u64);
        let mut counts = MoveCounts::default();
        let mut results = Vec::new();
        for batch in batches {
            let mut parts = self.call(&hub, batch).await?;
            let summary = loop {
                let cut = || format!("the stream broke after {} applications; repeat the command", results.len());
                let Some(part) = parts.next().await.map_err(explained).with_context(cut)? else {
                    bail!("the hub ended the stream after {} applications; repeat the command", results.len());
                };
                if listed == 0 {
                    progress.set_length(u64::try_from(part.total).unwrap_or_default());
                }
                if let Some(result) = part.result {
                    progress.inc(1);
                    results.push(MoveView::from(result));
                }
                if let Some(summary) = part.summary {
                    break summary;
                }
            };
            counts.add(&summary);
        }
        progress.finish_and_clear();
        let refused = counts.refused > 0;
        match output {
            Format::Table => {
                print_rows(output, &results)?;
                print_text(&counts.text(self.dry_run))?;
            }
            Format::Json | Format::Yaml => {
                print_machine(output, &ManyView { dry_run: self.dry_run, counts, results })?;
            }
        }
        Ok(if refused { ExitCode::from(EXIT_REFUSED) } else { ExitCode::SUCCESS })
    }

    async fn call(&self, hub: &Hub, application_ids: Vec<String>) -> Result<Parts> {
        let environment = self.environment.wire().into();
        if self.undo {
            let request = v1::UndoMoveSubscriptionsRequest {
                from: self.from(),
                to: self.to(),
                environment,
                application_ids,
                reason: self.reason.clone(),
                validate_only: self.dry_run,
                request_id: new_request_id(),
            };
            let stream = hub.subscriptions().undo_move_subscriptions(request).await.map_err(explained)?;
            return Ok(Parts::Undoes(stream.into_inner()));
        }
        let request = v1::MoveSubscriptionsRequest {
            from: self.from(),
            to: self.to(),
            environment,
            application_ids,
            overlap_until: self.overlap_until.as_ref().map(|moment| timestamp(moment.instant)),
            reason: self.reason.clone(),
            validate_only: self.dry_run,
            request_id: new_request_id(),
        };
        let stream = hub.subscriptions().move_subscriptions(request).await.map_err(explained)?;
        Ok(Parts::Moves(stream.into_inner()))
    }
}

impl OneView {
    fn new(
        subscription: Option<v1::Subscription>,
        left: Option<v1::Subscription>,
        revision: u64,
        warnings: Vec<String>,
    ) -> Result<OneView> {
        let subscription = subscription.context("the hub sent an empty answer; is it a devhub of this release?")?;
        Ok(OneView { subscription: subscription.into(), left: left.map(Into::into), revision, warnings })
    }
}

/// Ids of applications, one on each line; empty lines and lines that begin with `#` say nothing.
fn read_list(path: &PathBuf) -> Result<Vec<String>> {
    let name = path.display();
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")?
    } else {
        let size = std::fs::metadata(path).with_context(|| format!("{name} cannot be read"))?.len();
        ensure!(size <= LIST_BYTES_MAX, "{name} has {size} bytes; a list has at most {LIST_BYTES_MAX}; split it");
        std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let ids: Vec<String> = lines.map(str::to_owned).collect();
    // No id at all would mean every application.
    ensure!(!ids.is_empty(), "{name} names no application; write one id on each line, or use --all");
    Ok(ids)
}

/// A bar on a terminal; nothing where nobody watches.
fn progress(applications: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} applications, {eta} left");
    ProgressBar::new(applications).with_style(style.expect("the template is valid"))
}
