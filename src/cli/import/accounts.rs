//! `devhub import accounts`: traditional service accounts from another system, as one stream of messages.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::account_type::Type;
use prost::Message;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::rows::{Column, Rows, title};
use super::tally::{Tally, outcome, progress};
use crate::cli::connection::Connection;
use crate::cli::date::Moment;
use crate::cli::failure::explained;
use crate::cli::output::Format;
use crate::cli::verdicts::{Line, VerdictFile};
use crate::wire::timestamp;

/// Accounts of one message: the most that the hub takes.
const BATCH_ROWS: usize = 500;

/// Bytes of one message, beyond which the next row begins another: well below what a hub takes by default.
const BATCH_BYTES: usize = 96 * 1024;

/// A row that no account can be as long as.
const ROW_BYTES_MAX: usize = 16 * 1024;

/// Messages that wait for an answer: as many as the hub works on at a time.
const TOGETHER: usize = 8;

/// Arguments of `devhub import accounts`.
#[derive(Debug, Clone, Args)]
pub(super) struct Accounts {
    /// CSV file with the columns company_id, client_id, name, created and, if known, account_id, application_type
    /// (marketplace, custom or undefined), application_id, description, developer_name and developer_email
    ///
    /// `created` is an instant, or a date such as "2019-07-31 start-of-day Europe/London".
    file: PathBuf,
    /// The file's own title of a column, for example client_id=ClientId; may be repeated
    #[arg(long = "column", value_name = "COLUMN=TITLE", value_parser = column)]
    columns: Vec<(String, String)>,
    /// Bring the accounts; without it, the hub only judges each row by what it has now
    #[arg(long)]
    apply: bool,
    /// Where the verdict on each row is written [default: the file's name with `.verdicts.csv`]
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
}

/// Columns that a file may have.
const COLUMNS: [Column; 10] = [
    ("company_id", true),
    ("client_id", true),
    ("name", true),
    ("created", true),
    ("account_id", false),
    ("application_type", false),
    ("application_id", false),
    ("description", false),
    ("developer_name", false),
    ("developer_email", false),
];

fn column(text: &str) -> Result<(String, String), String> {
    title(&COLUMNS, text)
}

/// What became of one row, as the verdict file has it.
#[derive(Debug, Clone, Serialize)]
struct AccountVerdict {
    row: u64,
    outcome: String,
    reason: String,
    message: String,
    company_id: String,
    account_id: String,
    client_id: String,
}

impl Line for AccountVerdict {
    const HEADER: &'static [&'static str] =
        &["row", "outcome", "reason", "message", "company_id", "account_id", "client_id"];
}

/// One row: what is asked, or why it cannot be, under the names by which its verdict is found.
struct Row {
    number: u64,
    company_id: String,
    account_id: String,
    client_id: String,
    malformed: Option<String>,
}

/// Rows that are sent as one message: as many accounts as rows that are not malformed.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    sent: usize,
}

impl Accounts {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub(super) async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let count = self.count()?;
        let mut rows = self.open()?;
        let path = self.verdicts.clone().unwrap_or_else(|| self.file.with_extension("verdicts.csv"));
        // The whole takes as long as it takes; each row is done or not by itself.
        let hub = connection.hub_without_timeout().await?;
        let mut file = VerdictFile::begin(&path, &[])?;
        let mut tally = Tally::new(self.apply, 0, &path);
        let progress = progress(count);
        let (sender, receiver) = mpsc::channel(TOGETHER);
        let answers = hub.service_accounts().import_service_accounts(ReceiverStream::new(receiver)).await;
        let mut answers = answers.map_err(explained)?.into_inner();
        let mut sender = Some(sender);
        let mut waiting: VecDeque<Batch> = VecDeque::new();
        loop {
            while sender.is_some() && waiting.len() < TOGETHER {
                let (batch, accounts) = next_batch(&mut rows)?;
                if batch.rows.is_empty() {
                    sender = None;
                    break;
                }
                waiting.push_back(batch);
                let message = v1::ImportServiceAccountsRequest { accounts, validate_only: !self.apply };
                if let Some(open) = sender.as_ref().filter(|_| !message.accounts.is_empty())
                    && open.send(message).await.is_err()
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
                verdicts = answer.with_context(cut)?.verdicts;
            }
            ensure!(
                verdicts.len() == batch.sent,
                "the hub answered {} of {} rows; is it a devhub of this release?",
                verdicts.len(),
                batch.sent
            );
            let mut verdicts = verdicts.into_iter();
            let lines: Vec<AccountVerdict> =
                batch.rows.into_iter().map(|row| row.verdict(&mut verdicts, self.apply)).collect();
            file.add(&lines)?;
            lines.iter().for_each(|line| tally.count(&line.outcome, &line.reason));
            progress.inc(lines.len() as u64);
        }
        progress.finish_and_clear();
        tally.finish(output)
    }

    fn open(&self) -> Result<Rows<10>> {
        Rows::open(&self.file, &COLUMNS, &self.columns)
    }

    /// How many rows there are. A file that is no CSV somewhere is refused before anything of it is sent.
    fn count(&self) -> Result<u64> {
        let mut rows = self.open()?;
        let mut count = 0;
        while let Some((number, _)) = rows.next()? {
            count = number;
        }
        Ok(count)
    }
}

fn next_batch(rows: &mut Rows<10>) -> Result<(Batch, Vec<v1::ServiceAccount>)> {
    let (mut batch, mut accounts, mut bytes) = (Batch::default(), Vec::new(), 0);
    while batch.rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
        let Some((number, cells)) = rows.next()? else { break };
        let [company_id, client_id, _, _, account_id, ..] = cells.map(str::to_owned);
        let malformed = match account(cells) {
            Ok(account) => {
                bytes += account.encoded_len();
                accounts.push(account);
                None
            }
            Err(sentence) => Some(sentence),
        };
        batch.rows.push(Row { number, company_id, account_id, client_id, malformed });
    }
    batch.sent = accounts.len();
    Ok((batch, accounts))
}

impl Row {
    fn verdict(self, answers: &mut impl Iterator<Item = v1::ImportVerdict>, apply: bool) -> AccountVerdict {
        let (outcome, reason, message) = match self.malformed {
            Some(sentence) => ("REFUSED".to_owned(), "INVALID_FIELD".to_owned(), sentence),
            None => {
                let answer = answers.next().unwrap_or_default();
                (outcome(answer.outcome, apply), answer.reason, answer.message)
            }
        };
        AccountVerdict {
            row: self.number,
            outcome,
            reason,
            message,
            company_id: self.company_id,
            account_id: self.account_id,
            client_id: self.client_id,
        }
    }
}

/// The account of a row, or what is wrong with the row.
fn account(cells: [&str; 10]) -> Result<v1::ServiceAccount, String> {
    let [company_id, client_id, name, created, account_id, rest @ ..] = cells;
    let moment: Moment = created.parse().map_err(|error| format!("created: {error}"))?;
    let account = v1::ServiceAccount {
        company_id: company_id.to_owned(),
        account_id: account_id.to_owned(),
        client_id: client_id.to_owned(),
        name: name.to_owned(),
        account_type: Some(v1::AccountType { r#type: account_type(rest)? }),
        create_time: Some(timestamp(moment.instant)),
        ..Default::default()
    };
    if account.encoded_len() > ROW_BYTES_MAX {
        return Err("the row is longer than an account can be; shorten its texts".to_owned());
    }
    Ok(account)
}

/// Whose account it is. What a row says and its type has no place for is refused: leaving it out would lose it.
fn account_type(
    [kind, application_id, description, developer_name, developer_email]: [&str; 5],
) -> Result<Option<Type>, String> {
    let of_custom =
        [("description", description), ("developer_name", developer_name), ("developer_email", developer_email)];
    let surplus = |columns: &[(&str, &str)]| match columns.iter().find(|(_, text)| !text.is_empty()) {
        Some((column, _)) => {
            Err(format!("application_type: {kind:?} has no {column}; correct the type, or leave that out"))
        }
        None => Ok(()),
    };
    match kind.to_ascii_lowercase().as_str() {
        "" | "undefined" => {
            surplus(&[&[("application_id", application_id)], &of_custom[..]].concat())?;
            Ok(None)
        }
        "marketplace" => {
            surplus(&of_custom)?;
            Ok(Some(Type::Marketplace(v1::MarketplaceAccount { application_id: application_id.to_owned() })))
        }
        "custom" => Ok(Some(Type::Custom(v1::CustomAccount {
            description: description.to_owned(),
            developer_name: developer_name.to_owned(),
            developer_email: developer_email.to_owned(),
            application_id: application_id.to_owned(),
        }))),
        _ => Err(format!("application_type: {kind:?} is none; write marketplace, custom or undefined")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_row_says_is_dropped() {
        assert_eq!(account_type(["", "", "", "", ""]), Ok(None));
        assert!(matches!(account_type(["Marketplace", "app", "", "", ""]), Ok(Some(Type::Marketplace(_)))));
        assert!(matches!(account_type(["CUSTOM", "app", "copy", "Bob", "b@x.example"]), Ok(Some(Type::Custom(_)))));
        for cells in [
            ["undefined", "app", "", "", ""],
            ["", "", "copy", "", ""],
            ["marketplace", "app", "", "Bob", ""],
            ["other", "", "", "", ""],
        ] {
            assert!(account_type(cells).is_err_and(|sentence| sentence.starts_with("application_type: ")), "{cells:?}");
        }
    }
}
