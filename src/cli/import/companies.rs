//! `devhub import companies`: companies from another system, each by the call that registers one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use devhub_proto::v1;
use futures_util::stream::{StreamExt, iter};
use serde::Serialize;
use tonic::Code;

use super::rows::{Column, Rows, title};
use super::seen::{DUPLICATE_ROW, Seen};
use super::tally::{Tally, progress};
use crate::cli::connection::{Connection, Hub, new_request_id};
use crate::cli::failure::Failure;
use crate::cli::output::Format;
use crate::cli::verdicts::{Line, VerdictFile};
use crate::cli::words::Tenancy;
use crate::domain::name::{CompanyId, Email, Zone};

/// Rows that are read before any of them is sent, and verdicts that are written together.
const BATCH: usize = 500;

/// Calls under way at a time, so that they share the disk's syncs.
const TOGETHER: usize = 32;

/// Arguments of `devhub import companies`.
#[derive(Debug, Clone, Args)]
pub(super) struct Companies {
    /// CSV file with the columns company_id, name, tenancy (production, monthly-sandbox or development-sandbox),
    /// administrators (e-mail addresses with spaces between them) and, if known, region and zone
    file: PathBuf,
    /// The file's own title of a column, for example company_id=Id; may be repeated
    #[arg(long = "column", value_name = "COLUMN=TITLE", value_parser = column)]
    columns: Vec<(String, String)>,
    /// Register the companies; without it, each is only compared with the one that the hub has
    #[arg(long)]
    apply: bool,
    /// Where the verdict on each row is written [default: the file's name with `.verdicts.csv`]
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
}

/// Columns that a file may have.
const COLUMNS: [Column; 6] = [
    ("company_id", true),
    ("name", true),
    ("tenancy", true),
    ("administrators", true),
    ("region", false),
    ("zone", false),
];

fn column(text: &str) -> Result<(String, String), String> {
    title(&COLUMNS, text)
}

/// What became of one row, as the verdict file has it.
#[derive(Debug, Clone, Serialize)]
struct CompanyVerdict {
    row: u64,
    outcome: String,
    reason: String,
    message: String,
    company_id: String,
}

impl Line for CompanyVerdict {
    const HEADER: &'static [&'static str] = &["row", "outcome", "reason", "message", "company_id"];
}

/// One row: the company, or the reason and the sentence of what is wrong with it.
struct Row {
    number: u64,
    company_id: String,
    company: Result<v1::Company, (&'static str, String)>,
}

fn next_batch(rows: &mut Rows<6>, seen: &mut Seen) -> Result<Vec<Row>> {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        let Some((number, cells)) = rows.next()? else { break };
        let company_id = cells[0].to_owned();
        let company = company(cells).map_err(|sentence| ("INVALID_FIELD", sentence)).and_then(|company| {
            match seen.note(number, &[("company_id", company.company_id.clone())]) {
                Some(sentence) => Err((DUPLICATE_ROW, sentence)),
                None => Ok(company),
            }
        });
        batch.push(Row { number, company_id, company });
    }
    Ok(batch)
}

/// What becomes of a row: outcome, and the reason and the sentence of a refusal.
type Told = (&'static str, String, String);

impl Companies {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub(super) async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let open = || Rows::open(&self.file, &COLUMNS, &self.columns);
        let (count, mut rows) = (open()?.count()?, open()?);
        let path = self.verdicts.clone().unwrap_or_else(|| self.file.with_extension("verdicts.csv"));
        let hub = connection.hub().await?;
        let mut file = VerdictFile::begin(&path, &[])?;
        let mut tally = Tally::new(self.apply, 0, &path);
        let progress = progress(count);
        let mut seen = Seen::default();
        loop {
            let batch = next_batch(&mut rows, &mut seen)?;
            if batch.is_empty() {
                break;
            }
            let mut verdicts = iter(&batch).map(|row| self.verdict(&hub, row)).buffered(TOGETHER);
            while let Some(verdict) = verdicts.next().await {
                let verdict = verdict?;
                tally.count(&verdict.outcome, &verdict.reason);
                file.add(&[verdict])?;
                progress.inc(1);
            }
        }
        progress.finish_and_clear();
        tally.finish(output)
    }

    async fn verdict(&self, hub: &Hub, row: &Row) -> Result<CompanyVerdict> {
        let (outcome, reason, message) = match &row.company {
            Ok(company) => self.bring(hub, company).await?,
            Err((reason, sentence)) => ("REFUSED", (*reason).to_owned(), sentence.clone()),
        };
        let company_id = row.company_id.clone();
        Ok(CompanyVerdict { row: row.number, outcome: outcome.to_owned(), reason, message, company_id })
    }

    async fn bring(&self, hub: &Hub, company: &v1::Company) -> Result<Told> {
        let done = |outcome| Ok((outcome, String::new(), String::new()));
        let request = v1::GetCompanyRequest { company_id: company.company_id.clone() };
        match hub.companies().get_company(request).await {
            Ok(answer) => {
                let known = answer.into_inner().company.unwrap_or_default();
                let Some(field) = differing(&known, company) else { return done("UNCHANGED") };
                let sentence = format!(
                    "company {} is there already, with another {field}; see which is right, then correct the file, or \
                     the company with `devhub company update`",
                    company.company_id
                );
                return Ok(("REFUSED", "ALREADY_EXISTS".to_owned(), sentence));
            }
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) => return told(Failure::of(&status)),
        }
        if !self.apply {
            return done("WOULD_IMPORT");
        }
        let request = v1::CreateCompanyRequest { company: Some(company.clone()), request_id: new_request_id() };
        match hub.companies().create_company(request).await {
            Ok(_) => done("IMPORTED"),
            Err(status) => told(Failure::of(&status)),
        }
    }
}

/// A refusal is the verdict on a row; anything else ends the import.
fn told(failure: Failure) -> Result<Told> {
    if !failure.is_refusal() {
        return Err(failure.into());
    }
    let fields = failure.fields.iter().map(|(field, text)| format!("{field}: {text}")).collect::<Vec<_>>();
    let message = if fields.is_empty() { failure.message } else { fields.join("; ") };
    Ok(("REFUSED", failure.reason, message))
}

fn people(administrators: &[String]) -> BTreeSet<String> {
    administrators.iter().map(|address| address.to_ascii_lowercase()).collect()
}

/// The field in which a company is not as the row says. What the row leaves open is no disagreement.
fn differing(known: &v1::Company, row: &v1::Company) -> Option<&'static str> {
    let compared = [
        ("name", known.name == row.name),
        ("tenancy", known.tenancy == row.tenancy),
        ("region", row.region.is_empty() || known.region == row.region),
        ("zone", row.zone.is_empty() || known.zone == row.zone),
        ("list of administrators", people(&known.administrators) == people(&row.administrators)),
    ];
    compared.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// The companies of a text that is known to be well-formed.
///
/// # Errors
/// When it is not.
pub(super) fn companies(text: &str, name: &str) -> Result<Vec<v1::Company>> {
    let mut rows = Rows::read(text.as_bytes(), name.to_owned(), &COLUMNS, &[])?;
    let mut companies = Vec::new();
    while let Some((number, cells)) = rows.next()? {
        companies.push(company(cells).map_err(|sentence| anyhow!("row {number} of {name}: {sentence}"))?);
    }
    Ok(companies)
}

/// The company of a row, or what is wrong with the row: what can be told without the hub.
fn company([company_id, name, tenancy, administrators, region, zone]: [&str; 6]) -> Result<v1::Company, String> {
    let wrong = |column: &str, error: &dyn std::fmt::Display| format!("{column}: {error}");
    company_id.parse::<CompanyId>().map_err(|error| wrong("company_id", &error))?;
    let tenancy = Tenancy::from_str(&tenancy.replace('_', "-"), true).map_err(|_| {
        format!("tenancy: {tenancy:?} is none; write production, monthly-sandbox or development-sandbox")
    })?;
    let administrators: Vec<String> = administrators.split_whitespace().map(str::to_owned).collect();
    if administrators.is_empty() {
        return Err("administrators: at least one address must be given".to_owned());
    }
    for address in &administrators {
        Email::lenient(address).map_err(|error| wrong("administrators", &error))?;
    }
    if !zone.is_empty() {
        zone.parse::<Zone>().map_err(|error| wrong("zone", &error))?;
    }
    Ok(v1::Company {
        company_id: company_id.to_owned(),
        name: name.to_owned(),
        tenancy: tenancy.wire().into(),
        region: region.to_owned(),
        zone: zone.to_owned(),
        administrators,
        ..Default::default()
    })
}
