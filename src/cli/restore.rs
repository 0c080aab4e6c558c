//! `devhub restore`: a data directory from a backup. It begins a new epoch, so that nobody resumes across it, and waits to be
//! confirmed (`devhub confirm-restore`) before it decides anything.

mod later;
mod repeat;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use serde::Serialize;

use super::backup::{Decryption, SummaryView, hex};
use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows, print_text};
use super::view::fact::FactView;
use crate::store::backup;
use later::{later, takes_away};
use repeat::{Repeated, repeat};

/// Arguments of `devhub restore`.
#[derive(Debug, Clone, Args)]
pub struct Restore {
    /// Directory to make; it must be empty or not exist
    #[arg(long, env = "DEVHUB_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// An exported trail of the same store: says what was taken away since the backup, and is back with it
    #[arg(long, value_name = "TRAIL")]
    later: Option<PathBuf>,
    /// The backup file
    file: PathBuf,
    #[command(flatten)]
    decryption: Decryption,
}

/// Arguments of `devhub confirm-restore`.
#[derive(Debug, Clone, Args)]
pub struct ConfirmRestore {
    /// Why, and how it was made sure that nothing which was revoked since the backup comes back
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// An exported trail of the store before the restore: how many facts it has past the backup goes on record
    #[arg(long, value_name = "TRAIL", requires = "after")]
    later: Option<PathBuf>,
    /// Revision of the backup, as `devhub restore` printed it
    #[arg(long, value_name = "REVISION", requires = "later")]
    after: Option<u64>,
    /// Take away again, first, what the trail says was taken away since: secrets, applications, subscriptions, waivers,
    /// accounts, installations and versions; the rest is listed to be done by hand
    #[arg(long, requires = "later")]
    repeat: bool,
}

#[derive(Debug, Serialize)]
struct RestoredView {
    #[serde(flatten)]
    summary: SummaryView,
    data_dir: String,
    new_epoch: String,
    later_facts: Option<u64>,
    taken_away_later: Vec<FactView>,
}

#[derive(Debug, Serialize)]
struct ConfirmedView {
    revision: u64,
    later_facts: Option<u64>,
    repeated: Vec<Repeated>,
}

impl Restore {
    /// Restores and prints what was restored.
    ///
    /// # Errors
    /// When the backup is damaged, the trail is not sound or not of the same history, or the directory is in use.
    pub fn run(&self, output: Format) -> Result<ExitCode> {
        let backup = self.decryption.with(&self.file, |file| backup::verify(file))?;
        // Before anything is written: whoever names a trail wants to know what it says.
        let later = self.later.as_ref().map(|trail| later(trail, backup.revision, Some(&hex(&backup.epoch.0))));
        let later = later.transpose()?;
        let restored = self.decryption.with(&self.file, |file| backup::restore(file, &self.data_dir));
        let (summary, epoch) = restored?;
        let (later_facts, takings) = match later {
            Some(facts) => (Some(facts.len() as u64), facts.into_iter().filter(takes_away).collect()),
            None => (None, Vec::new()),
        };
        let view = RestoredView {
            summary: SummaryView::of(&self.file, &summary),
            data_dir: self.data_dir.display().to_string(),
            new_epoch: hex(&epoch.0),
            later_facts,
            taken_away_later: takings.into_iter().map(FactView::from).collect(),
        };
        let mut fields = view.summary.fields();
        fields.push(("restored to", view.data_dir.clone()));
        fields.push(("new epoch", view.new_epoch.clone()));
        if let Some(facts) = view.later_facts {
            fields.push(("later facts", facts.to_string()));
            fields.push(("taken away later", view.taken_away_later.len().to_string()));
        }
        let next = "start the hub; it decides nothing until `devhub confirm-restore`, which can repeat what is listed";
        fields.push(("next", next.to_owned()));
        print_one(output, &view, &fields)?;
        if output == Format::Table && !view.taken_away_later.is_empty() {
            print_text("\ntaken away since the backup, and back with it:\n")?;
            print_rows(output, &view.taken_away_later)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl ConfirmRestore {
    /// Asks the hub to serve again.
    ///
    /// # Errors
    /// When the trail is not sound, or the hub refuses: where two persons are needed, it then keeps a proposal.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let named = self.later.as_ref().zip(self.after);
        let later = named.map(|(trail, after)| later(trail, after, None)).transpose()?;
        let later_facts = later.as_ref().map(|facts| facts.len() as u64);
        let repeated = match &later {
            Some(facts) if self.repeat => repeat(&hub, facts).await,
            Some(_) | None => Vec::new(),
        };
        // Told before the confirmation is asked for: that may have to wait for another person.
        if output == Format::Table && !repeated.is_empty() {
            print_rows(output, &repeated)?;
        }
        let request = v1::ConfirmRestoreRequest {
            reason: self.reason.clone(),
            later_facts: later_facts.and_then(|facts| i64::try_from(facts).ok()),
            request_id: new_request_id(),
        };
        let answer = hub.approvals().confirm_restore(request).await.map_err(explained)?.into_inner();
        let view = ConfirmedView { revision: answer.revision, later_facts, repeated };
        let facts = view.later_facts.map(|facts| facts.to_string()).unwrap_or_default();
        print_one(output, &view, &[("revision", view.revision.to_string()), ("later facts", facts)])?;
        Ok(ExitCode::SUCCESS)
    }
}
