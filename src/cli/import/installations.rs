//! `devhub import installations`: which company runs what, from another system, as one stream of messages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::rows::{Column, title};
use super::stream::{self, Applied, Kind};
use crate::cli::connection::{Connection, Hub};
use crate::cli::date::Moment;
use crate::cli::output::Format;
use crate::wire::timestamp;

/// Arguments of `devhub import installations`.
#[derive(Debug, Clone, Args)]
pub(super) struct Installations {
    /// CSV file with the columns company_id, application_id, version, projects ("*" for all, "-" for none, or ids with
    /// spaces between them), installed and, if known, installed_by (an e-mail address)
    ///
    /// `installed` is an instant, or a date such as "2024-07-31 start-of-day Europe/London".
    file: PathBuf,
    /// The file's own title of a column, for example company_id=Company; may be repeated
    #[arg(long = "column", value_name = "COLUMN=TITLE", value_parser = column)]
    columns: Vec<(String, String)>,
    #[command(flatten)]
    applied: Applied,
}

/// Columns that a file may have.
const COLUMNS: [Column; 6] = [
    ("company_id", true),
    ("application_id", true),
    ("version", true),
    ("projects", true),
    ("installed", true),
    ("installed_by", false),
];

fn column(text: &str) -> Result<(String, String), String> {
    title(&COLUMNS, text)
}

impl Installations {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub(super) async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        stream::run::<Installation, 6>(&self.file, &self.columns, &self.applied, connection, output).await
    }
}

/// An installation.
#[derive(Debug, Clone)]
pub(super) struct Installation;

impl Kind<6> for Installation {
    const COLUMNS: [Column; 6] = COLUMNS;
    const HEADER: &'static [&'static str] =
        &["row", "outcome", "reason", "message", "company_id", "application_id", "version"];
    type Item = v1::InstallationElsewhere;
    type Request = v1::ImportInstallationsRequest;
    type Response = v1::ImportInstallationsResponse;

    fn item(cells: [&str; 6]) -> Result<v1::InstallationElsewhere, String> {
        installation(cells)
    }

    fn shown([company_id, application_id, version, ..]: &[&str; 6]) -> Vec<String> {
        [company_id, application_id, version].map(|cell| (*cell).to_owned()).into()
    }

    fn names(installation: &v1::InstallationElsewhere) -> Vec<(&'static str, String)> {
        vec![("company and application", format!("{} {}", installation.company_id, installation.application_id))]
    }

    fn message(installations: Vec<v1::InstallationElsewhere>, validate_only: bool) -> v1::ImportInstallationsRequest {
        v1::ImportInstallationsRequest { installations, validate_only }
    }

    async fn call(
        hub: &Hub,
        messages: ReceiverStream<v1::ImportInstallationsRequest>,
    ) -> Result<Streaming<v1::ImportInstallationsResponse>, Status> {
        Ok(hub.installations().import_installations(messages).await?.into_inner())
    }

    fn verdicts(answer: v1::ImportInstallationsResponse) -> Vec<v1::ImportVerdict> {
        answer.verdicts
    }
}

/// The installation of a row, or what is wrong with the row.
fn installation(
    [company_id, application_id, version, projects, installed, installed_by]: [&str; 6],
) -> Result<v1::InstallationElsewhere, String> {
    let moment: Moment = installed.parse().map_err(|error| format!("installed: {error}"))?;
    Ok(v1::InstallationElsewhere {
        application_id: application_id.to_owned(),
        company_id: company_id.to_owned(),
        version: version.to_owned(),
        permitted_projects: Some(permitted_projects(projects)?),
        install_time: Some(timestamp(moment.instant)),
        installed_by: installed_by.to_owned(),
    })
}

/// All, none or some; an empty cell says nothing, and nobody may mean that.
fn permitted_projects(cell: &str) -> Result<v1::PermittedProjects, String> {
    let some = |project_ids| v1::PermittedProjects { all: false, project_ids };
    match cell {
        "" => Err("projects: must be given; write * for all, - for none, or ids with spaces between them".to_owned()),
        "*" => Ok(v1::PermittedProjects { all: true, project_ids: Vec::new() }),
        "-" => Ok(some(Vec::new())),
        ids => Ok(some(ids.split_whitespace().map(str::to_owned).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_project_is_said_and_not_left_out() {
        assert!(permitted_projects("").is_err_and(|sentence| sentence.starts_with("projects: ")));
        let said = |cell| permitted_projects(cell).map(|projects| (projects.all, projects.project_ids));
        assert_eq!(said("*"), Ok((true, Vec::new())));
        assert_eq!(said("-"), Ok((false, Vec::new())));
        assert_eq!(said("north  south"), Ok((false, vec!["north".to_owned(), "south".to_owned()])));
    }
}
