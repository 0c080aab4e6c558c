//! `devhub import subscriptions`: subscriptions from another system.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use devhub_proto::v1;

use super::rows::{Column, Rows, title};
use super::tally::{Tally, outcome, progress};
use crate::cli::connection::{Connection, Hub};
use crate::cli::date::Moment;
use crate::cli::failure::explained;
use crate::cli::output::Format;
use crate::cli::verdicts::{self, Verdict, VerdictFile};
use crate::wire::timestamp;

/// Rows of one call: the most that the hub takes.
const BATCH: usize = 500;

/// Arguments of `devhub import subscriptions`.
#[derive(Debug, Clone, Args)]
pub(super) struct Subscriptions {
    /// CSV file with the columns application_id, context, version and, if known, start_time
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// The file's own title of a column, for example application_id=AppId; may be repeated
    #[arg(long = "column", value_name = "COLUMN=TITLE", value_parser = column)]
    columns: Vec<(String, String)>,
    /// Bring the subscriptions; without it, the hub only judges them
    #[arg(long)]
    apply: bool,
    /// Skip rows that the verdict file says are in the hub
    #[arg(long, requires = "apply")]
    resume: bool,
    /// Where the verdict on each row is written [default: the file's name with `.verdicts.csv`]
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
}

/// Columns that a file may have.
const COLUMNS: [Column; 4] = [("application_id", true), ("context", true), ("version", true), ("start_time", false)];

fn column(text: &str) -> Result<(String, String), String> {
    title(&COLUMNS, text)
}

/// One row of the file.
#[derive(Debug, Clone)]
struct Row {
    number: u64,
    message: v1::ImportRow,
    /// Why the row cannot be sent, if it cannot.
    malformed: Option<String>,
}

impl Subscriptions {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub(super) async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let rows = self.rows()?;
        let path = self.verdicts.clone().unwrap_or_else(|| self.file.with_extension("verdicts.csv"));
        let settled = if self.resume { verdicts::read(&path)? } else { BTreeMap::new() };
        let (skipped, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| is_settled(row, &settled));
        let hub = connection.hub().await?;
        let kept: Vec<Verdict> = skipped.iter().filter_map(|row| settled.get(&row.number).cloned()).collect();
        let mut file = VerdictFile::begin(&path, &kept)?;
        let mut tally = Tally::new(self.apply, skipped.len() as u64, &path);
        let progress = progress(rows.len() as u64);
        for batch in rows.chunks(BATCH) {
            let verdicts = self.send(&hub, batch).await?;
            file.add(&verdicts)?;
            verdicts.iter().for_each(|verdict| tally.count(&verdict.outcome, &verdict.reason));
            progress.inc(batch.len() as u64);
        }
        progress.finish_and_clear();
        tally.finish(output)
    }

    fn rows(&self) -> Result<Vec<Row>> {
        let mut file = Rows::open(&self.file, &COLUMNS, &self.columns)?;
        let mut rows = Vec::new();
        while let Some((number, cells)) = file.next()? {
            rows.push(row(number, cells));
        }
        Ok(rows)
    }

    async fn send(&self, hub: &Hub, batch: &[Row]) -> Result<Vec<Verdict>> {
        let rows: Vec<v1::ImportRow> =
            batch.iter().filter(|row| row.malformed.is_none()).map(|row| row.message.clone()).collect();
        let sent = rows.len();
        let mut answers = Vec::new();
        if sent > 0 {
            let request = v1::ImportSubscriptionsRequest { rows, validate_only: !self.apply };
            let answer =
                hub.subscriptions().import_subscriptions(request).await.map_err(explained).with_context(|| {
                    let again = if self.apply { " with --resume" } else { "" };
                    format!("rows from {} on were not answered; run it again{again}", batch[0].number)
                })?;
            answers = answer.into_inner().verdicts;
        }
        ensure!(
            answers.len() == sent,
            "the hub answered {} of {sent} rows; is it a devhub of this release?",
            answers.len()
        );
        let mut answers = answers.into_iter();
        Ok(batch.iter().map(|row| self.verdict(row, &mut answers)).collect())
    }

    fn verdict(&self, row: &Row, answers: &mut impl Iterator<Item = v1::ImportVerdict>) -> Verdict {
        let (outcome, reason, message) = match &row.malformed {
            Some(sentence) => ("REFUSED".to_owned(), "INVALID_FIELD".to_owned(), sentence.clone()),
            None => {
                let answer = answers.next().unwrap_or_default();
                let outcome = outcome(answer.outcome, self.apply);
                (outcome, answer.reason, answer.message)
            }
        };
        Verdict {
            row: row.number,
            outcome,
            reason,
            message,
            application_id: row.message.application_id.clone(),
            context: row.message.context.clone(),
            version: row.message.version.clone(),
        }
    }
}

fn row(number: u64, [application_id, context, version, start_time]: [&str; 4]) -> Row {
    let (start_time, malformed) = match start_time {
        "" => (None, None),
        text => match text.parse::<Moment>() {
            Ok(moment) => (Some(timestamp(moment.instant)), None),
            Err(error) => (None, Some(format!("start_time: {error}"))),
        },
    };
    let message = v1::ImportRow {
        application_id: application_id.to_owned(),
        context: context.to_owned(),
        version: version.to_owned(),
        start_time,
    };
    Row { number, message, malformed }
}

/// Whether the row was brought before, and is still the same row.
fn is_settled(row: &Row, settled: &BTreeMap<u64, Verdict>) -> bool {
    settled.get(&row.number).is_some_and(|verdict| {
        verdict.is_settled()
            && verdict.application_id == row.message.application_id
            && verdict.context == row.message.context
            && verdict.version == row.message.version
    })
}
