//! `devhub import`: subscriptions from another system. A dry run unless told otherwise; every row gets a verdict;
//! running it again is harmless, since the hub answers UNCHANGED for what it has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use devhub_proto::v1;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::connection::{Connection, Hub};
use super::date::Moment;
use super::failure::explained;
use super::output::{Format, print_one};
use super::verdicts::{self, Verdict, VerdictFile};
use super::words::wire_name;
use crate::wire::timestamp;

/// Rows of one call: the most that the hub takes.
const BATCH: usize = 500;

/// Some rows were refused.
const EXIT_REFUSED: u8 = 4;

/// Arguments of `devhub import`. Exits 0 when every row is (or would be) in the hub, 4 when some were refused.
#[derive(Debug, Clone, Args)]
pub struct Import {
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

/// Columns that an import knows, and whether they are needed.
const COLUMNS: [(&str, bool); 4] =
    [("application_id", true), ("context", true), ("version", true), ("start_time", false)];

fn column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, title)) if COLUMNS.iter().any(|(known, _)| *known == name) && !title.is_empty() => {
            Ok((name.to_owned(), title.to_owned()))
        }
        Some(_) | None => {
            Err("write COLUMN=TITLE, with application_id, context, version or start_time as COLUMN".to_owned())
        }
    }
}

/// One row of the file.
#[derive(Debug, Clone)]
struct Row {
    number: u64,
    message: v1::ImportRow,
    /// Why the row cannot be sent, if it cannot.
    malformed: Option<String>,
}

/// How many rows had which outcome.
#[derive(Debug, Default, Serialize)]
struct Tally {
    dry_run: bool,
    rows: u64,
    skipped: u64,
    imported: u64,
    unchanged: u64,
    refused: u64,
    reasons: BTreeMap<String, u64>,
    verdicts: String,
}

impl Import {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let rows = self.rows()?;
        let path = self.verdicts.clone().unwrap_or_else(|| self.file.with_extension("verdicts.csv"));
        let settled = if self.resume { verdicts::read(&path)? } else { BTreeMap::new() };
        let (skipped, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| is_settled(row, &settled));
        let hub = connection.hub().await?;
        let kept: Vec<Verdict> = skipped.iter().filter_map(|row| settled.get(&row.number).cloned()).collect();
        let mut file = VerdictFile::begin(&path, &kept)?;
        let mut tally = Tally { dry_run: !self.apply, skipped: skipped.len() as u64, ..Tally::default() };
        tally.verdicts = path.display().to_string();
        let progress = progress(rows.len() as u64);
        for batch in rows.chunks(BATCH) {
            let verdicts = self.send(&hub, batch).await?;
            file.add(&verdicts)?;
            verdicts.iter().for_each(|verdict| tally.count(verdict));
            progress.inc(batch.len() as u64);
        }
        progress.finish_and_clear();
        print_one(output, &tally, &tally.fields())?;
        Ok(if tally.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_REFUSED) })
    }

    fn rows(&self) -> Result<Vec<Row>> {
        let name = self.file.display();
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_path(&self.file)
            .with_context(|| format!("{name} cannot be read"))?;
        // Spreadsheets write a byte order mark in front of the first title.
        let titles: Vec<String> = reader
            .headers()
            .with_context(|| format!("{name} cannot be read"))?
            .iter()
            .map(|title| title.trim_start_matches('\u{feff}').to_owned())
            .collect();
        let mut places = [None; COLUMNS.len()];
        for (place, (column, needed)) in places.iter_mut().zip(COLUMNS) {
            let title =
                self.columns.iter().find(|(name, _)| name == column).map_or(column, |(_, title)| title.as_str());
            *place = titles.iter().position(|other| other == title);
            ensure!(
                place.is_some() || !needed,
                "{name} has no column {title:?}; its columns are {}; say which one it is with --column {column}=TITLE",
                titles.join(", ")
            );
        }
        let mut rows = Vec::new();
        for (number, record) in (1..).zip(reader.records()) {
            let record = record.with_context(|| format!("row {number} of {name} is malformed"))?;
            rows.push(row(number, places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default())));
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
                let outcome = match answer.outcome() {
                    // What a dry run says must not pass for done when an import is resumed.
                    v1::ImportOutcome::Imported if !self.apply => "WOULD_IMPORT".to_owned(),
                    v1::ImportOutcome::Imported
                    | v1::ImportOutcome::Unchanged
                    | v1::ImportOutcome::Refused
                    | v1::ImportOutcome::Unspecified => {
                        wire_name(answer.outcome, v1::ImportOutcome::as_str_name, "IMPORT_OUTCOME_")
                    }
                };
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

/// A bar on a terminal; nothing where nobody watches.
fn progress(rows: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {eta} left");
    ProgressBar::new(rows).with_style(style.expect("the template is valid"))
}

impl Tally {
    fn count(&mut self, verdict: &Verdict) {
        self.rows += 1;
        match verdict.outcome.as_str() {
            "IMPORTED" | "WOULD_IMPORT" => self.imported += 1,
            "UNCHANGED" => self.unchanged += 1,
            _ => {
                self.refused += 1;
                *self.reasons.entry(verdict.reason.clone()).or_default() += 1;
            }
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let reasons = self.reasons.iter().map(|(reason, count)| format!("{count} {reason}"));
        let imported = if self.dry_run { "would import" } else { "imported" };
        let skipped = if self.skipped > 0 { self.skipped.to_string() } else { String::new() };
        let mut fields = vec![
            ("rows", self.rows.to_string()),
            ("skipped", skipped),
            (imported, self.imported.to_string()),
            ("unchanged", self.unchanged.to_string()),
            ("refused", self.refused.to_string()),
            ("reasons", reasons.collect::<Vec<_>>().join(", ")),
            ("verdicts", self.verdicts.clone()),
        ];
        if self.dry_run {
            fields.push(("next", "this was a dry run: nothing was changed; bring the rows with --apply".to_owned()));
        }
        fields
    }
}
