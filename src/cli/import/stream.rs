//! Rows that go to the hub as one stream of messages, and come back as one verdict each. Neither side holds more than some
//! messages of them, whatever the length of the file.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use devhub_proto::v1;
use prost::Message;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::rows::{Column, Rows, Titles};
use super::seen::{DUPLICATE_ROW, Seen};
use super::tally::{Tally, outcome, progress};
use crate::cli::connection::{Connection, Hub};
use crate::cli::failure::explained;
use crate::cli::output::Format;
use crate::cli::verdicts::{Line, VerdictFile};

/// Items of one message: the most that the hub takes.
const BATCH_ROWS: usize = 500;

/// Bytes of one message, beyond which the next row begins another: well below what a hub takes by default.
const BATCH_BYTES: usize = 96 * 1024;

/// A row that nothing can be as long as.
const ROW_BYTES_MAX: usize = 16 * 1024;

/// Messages that wait for an answer: as many as the hub works on at a time.
const TOGETHER: usize = 8;

/// Where rows come from and verdicts go to.
#[derive(Debug, Clone, Args)]
pub(super) struct Applied {
    /// Bring the rows; without it, the hub only judges each by what it has now
    #[arg(long)]
    apply: bool,
    /// Where the verdict on each row is written [default: the file's name with `.verdicts.csv`]
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
}

/// What is brought: its columns, its message, its call.
pub(super) trait Kind<const N: usize>: Sized {
    /// Columns that a file may have.
    const COLUMNS: [Column; N];
    /// Titles of the verdict file: the common ones, then those of [`Kind::shown`].
    const HEADER: &'static [&'static str];
    /// An item, as messages hold it.
    type Item: Message;
    /// A message of the call.
    type Request: Message + 'static;
    /// The answer to one message.
    type Response: 'static;

    /// The item of a row, or what is wrong with the row.
    fn item(cells: [&str; N]) -> Result<Self::Item, String>;
    /// What the verdict file shows of a row.
    fn shown(cells: &[&str; N]) -> Vec<String>;
    /// What only one row of a file may name, each with a word for it.
    fn names(item: &Self::Item) -> Vec<(&'static str, String)>;
    /// A message with these items.
    fn message(items: Vec<Self::Item>, validate_only: bool) -> Self::Request;
    /// Begins the call.
    async fn call(hub: &Hub, messages: ReceiverStream<Self::Request>) -> Result<Streaming<Self::Response>, Status>;
    /// The verdicts of an answer.
    fn verdicts(answer: Self::Response) -> Vec<v1::ImportVerdict>;
}

/// What became of one row, as the verdict file has it.
#[derive(Debug, Clone, Serialize)]
struct RowVerdict<K, const N: usize> {
    row: u64,
    outcome: String,
    reason: String,
    message: String,
    shown: Vec<String>,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K: Kind<N>, const N: usize> Line for RowVerdict<K, N> {
    const HEADER: &'static [&'static str] = K::HEADER;
}

/// One row: what its verdict shows, and why it is not sent, if it is not.
struct Row {
    number: u64,
    shown: Vec<String>,
    unsent: Option<(&'static str, String)>,
}

/// Rows that are sent as one message: as many items as rows that are sent.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    sent: usize,
}

/// Sends the rows of a file and prints what became of them.
///
/// # Errors
/// When a file cannot be read or written, or the hub does not answer.
pub(super) async fn run<K: Kind<N>, const N: usize>(
    file: &Path,
    titles: &Titles,
    applied: &Applied,
    connection: &Connection,
    output: Format,
) -> Result<ExitCode> {
    let open = || Rows::open(file, &K::COLUMNS, titles);
    let count = open()?.count()?;
    let mut rows = open()?;
    let path = applied.verdicts.clone().unwrap_or_else(|| file.with_extension("verdicts.csv"));
    // The whole takes as long as it takes; each row is done or not by itself.
    let hub = connection.hub_without_timeout().await?;
    let mut verdict_file = VerdictFile::begin(&path, &[])?;
    let mut tally = Tally::new(applied.apply, 0, &path);
    let progress = progress(count);
    let (sender, receiver) = mpsc::channel(TOGETHER);
    let mut answers = K::call(&hub, ReceiverStream::new(receiver)).await.map_err(explained)?;
    let mut sender = Some(sender);
    let mut waiting: VecDeque<Batch> = VecDeque::new();
    let mut seen = Seen::default();
    loop {
        while sender.is_some() && waiting.len() < TOGETHER {
            let (batch, items) = next_batch::<K, N>(&mut rows, &mut seen)?;
            if batch.rows.is_empty() {
                sender = None;
                break;
            }
            waiting.push_back(batch);
            if let Some(open) = sender.as_ref().filter(|_| !items.is_empty())
                && open.send(K::message(items, !applied.apply)).await.is_err()
            {
                // The hub ended the call; its last answer says why.
                sender = None;
            }
        }
        let Some(batch) = waiting.pop_front() else { break };
        let mut verdicts = Vec::new();
        if batch.sent > 0 {
            let cut = || format!("rows from {} on were not answered; run it again", batch.rows[0].number);
            let answer = answers.message().await.map_err(explained).with_context(cut)?;
            verdicts = K::verdicts(answer.with_context(cut)?);
        }
        ensure!(
            verdicts.len() == batch.sent,
            "the hub answered {} of {} rows; is it a devhub of this release?",
            verdicts.len(),
            batch.sent
        );
        let mut verdicts = verdicts.into_iter();
        let lines: Vec<RowVerdict<K, N>> =
            batch.rows.into_iter().map(|row| row.verdict(&mut verdicts, applied.apply)).collect();
        verdict_file.add(&lines)?;
        lines.iter().for_each(|line| tally.count(&line.outcome, &line.reason));
        progress.inc(lines.len() as u64);
    }
    progress.finish_and_clear();
    tally.finish(output)
}

/// The items of a text that is known to be well-formed.
///
/// # Errors
/// When it is not.
pub(super) fn items<K: Kind<N>, const N: usize>(text: &str, name: &str) -> Result<Vec<K::Item>> {
    let mut rows = Rows::read(text.as_bytes(), name.to_owned(), &K::COLUMNS, &[])?;
    let mut items = Vec::new();
    while let Some((number, cells)) = rows.next()? {
        items.push(K::item(cells).map_err(|sentence| anyhow!("row {number} of {name}: {sentence}"))?);
    }
    Ok(items)
}

fn next_batch<K: Kind<N>, const N: usize>(rows: &mut Rows<N>, seen: &mut Seen) -> Result<(Batch, Vec<K::Item>)> {
    let (mut batch, mut items, mut bytes) = (Batch::default(), Vec::new(), 0);
    while batch.rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
        let Some((number, cells)) = rows.next()? else { break };
        let shown = K::shown(&cells);
        let unsent = match K::item(cells) {
            Ok(item) if item.encoded_len() > ROW_BYTES_MAX => {
                let sentence = format!("the row is longer than {ROW_BYTES_MAX} bytes; shorten its texts");
                Some(("INVALID_FIELD", sentence))
            }
            Ok(item) => match seen.note(number, &K::names(&item)) {
                Some(sentence) => Some((DUPLICATE_ROW, sentence)),
                None => {
                    bytes += item.encoded_len();
                    items.push(item);
                    None
                }
            },
            Err(sentence) => Some(("INVALID_FIELD", sentence)),
        };
        batch.rows.push(Row { number, shown, unsent });
    }
    batch.sent = items.len();
    Ok((batch, items))
}

impl Row {
    fn verdict<K, const N: usize>(
        self,
        answers: &mut impl Iterator<Item = v1::ImportVerdict>,
        apply: bool,
    ) -> RowVerdict<K, N> {
        let (outcome, reason, message) = match self.unsent {
            Some((reason, sentence)) => ("REFUSED".to_owned(), reason.to_owned(), sentence),
            None => {
                let answer = answers.next().unwrap_or_default();
                (outcome(answer.outcome, apply), answer.reason, answer.message)
            }
        };
        RowVerdict { row: self.number, outcome, reason, message, shown: self.shown, kind: PhantomData }
    }
}
