//! `devhub import accounts`: traditional service accounts from another system, as one stream of messages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use devhub_proto::v1::account_type::Type;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::rows::{Column, title};
use super::stream::{self, Applied, Kind};
use crate::cli::connection::{Connection, Hub};
use crate::cli::date::Moment;
use crate::cli::output::Format;
use crate::wire::timestamp;

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
    #[command(flatten)]
    applied: Applied,
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

impl Accounts {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub(super) async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        stream::run::<Account, 10>(&self.file, &self.columns, &self.applied, connection, output).await
    }
}

/// A traditional service account.
#[derive(Debug, Clone)]
pub(super) struct Account;

impl Kind<10> for Account {
    const COLUMNS: [Column; 10] = COLUMNS;
    const HEADER: &'static [&'static str] =
        &["row", "outcome", "reason", "message", "company_id", "account_id", "client_id"];
    type Item = v1::ServiceAccount;
    type Request = v1::ImportServiceAccountsRequest;
    type Response = v1::ImportServiceAccountsResponse;

    fn item(cells: [&str; 10]) -> Result<v1::ServiceAccount, String> {
        account(cells)
    }

    fn shown([company_id, client_id, _, _, account_id, ..]: &[&str; 10]) -> Vec<String> {
        [company_id, account_id, client_id].map(|cell| (*cell).to_owned()).into()
    }

    fn names(account: &v1::ServiceAccount) -> Vec<(&'static str, String)> {
        let names = [("client_id", &account.client_id), ("account_id", &account.account_id)];
        names.into_iter().filter(|(_, name)| !name.is_empty()).map(|(kind, name)| (kind, name.clone())).collect()
    }

    fn message(accounts: Vec<v1::ServiceAccount>, validate_only: bool) -> v1::ImportServiceAccountsRequest {
        v1::ImportServiceAccountsRequest { accounts, validate_only }
    }

    async fn call(
        hub: &Hub,
        messages: ReceiverStream<v1::ImportServiceAccountsRequest>,
    ) -> Result<Streaming<v1::ImportServiceAccountsResponse>, Status> {
        Ok(hub.service_accounts().import_service_accounts(messages).await?.into_inner())
    }

    fn verdicts(answer: v1::ImportServiceAccountsResponse) -> Vec<v1::ImportVerdict> {
        answer.verdicts
    }
}

/// The account of a row, or what is wrong with the row.
fn account(cells: [&str; 10]) -> Result<v1::ServiceAccount, String> {
    let [company_id, client_id, name, created, account_id, rest @ ..] = cells;
    let moment: Moment = created.parse().map_err(|error| format!("created: {error}"))?;
    Ok(v1::ServiceAccount {
        company_id: company_id.to_owned(),
        account_id: account_id.to_owned(),
        client_id: client_id.to_owned(),
        name: name.to_owned(),
        account_type: Some(v1::AccountType { r#type: account_type(rest)? }),
        create_time: Some(timestamp(moment.instant)),
        ..Default::default()
    })
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
