//! `devhub import`: what another system knows. A dry run unless told otherwise; every row gets a verdict; running it
//! again is harmless, since the hub answers UNCHANGED for what it has.

mod accounts;
mod companies;
mod installations;
mod rows;
mod seen;
pub mod story;
mod stream;
mod subscriptions;
mod tally;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::connection::Connection;
use super::output::Format;

/// Arguments of `devhub import`. Exits 0 when every row is (or would be) in the hub, 4 when some were refused.
#[derive(Debug, Clone, Args)]
#[command(subcommand_negates_reqs = true)]
pub struct Import {
    #[command(subcommand)]
    what: Option<What>,
    /// Without a word for what, it is subscriptions.
    #[command(flatten)]
    subscriptions: Option<subscriptions::Subscriptions>,
}

/// What to bring.
#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Subscriptions of applications to versions; the word may be left out
    Subscriptions(subscriptions::Subscriptions),
    /// Companies, with those who decide for them
    Companies(companies::Companies),
    /// Traditional service accounts; their companies must be there
    Accounts(accounts::Accounts),
    /// Installations of applications; their companies, applications, promoted versions and projects must be there
    Installations(installations::Installations),
}

impl Import {
    /// Sends the rows and prints what became of them.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        match (&self.what, &self.subscriptions) {
            (Some(_), Some(_)) => bail!("options of an import stand after the word for what is imported"),
            (Some(What::Subscriptions(subscriptions)), None) | (None, Some(subscriptions)) => {
                subscriptions.run(connection, output).await
            }
            (Some(What::Companies(companies)), None) => companies.run(connection, output).await,
            (Some(What::Accounts(accounts)), None) => accounts.run(connection, output).await,
            (Some(What::Installations(installations)), None) => installations.run(connection, output).await,
            (None, None) => bail!("say what to import, for example `devhub import accounts FILE`"),
        }
    }
}
