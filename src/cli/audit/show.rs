//! `devhub audit show`: the facts of an exported trail.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::verify::Attestation;
use crate::audit::{Reader, shown};
use crate::cli::list::FactFilter;
use crate::cli::output::{Format, print_rows};
use crate::cli::view::fact::FactView;
use crate::hub;
use crate::wire::instant;

/// Arguments of `devhub audit show`.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// The exported trail
    file: PathBuf,
    #[command(flatten)]
    attestation: Attestation,
    #[command(flatten)]
    filter: FactFilter,
}

impl Show {
    /// Reads the trail to its end and prints the facts that the filter admits. What was erased is shown as its reference,
    /// by which it can be looked for as well.
    ///
    /// # Errors
    /// When the trail is not sound: then nothing of it is printed.
    pub fn run(&self, output: Format) -> Result<()> {
        let message = self.filter.message()?;
        let filter = hub::FactFilter {
            application: message.application_id,
            context: message.context,
            label: message.version,
            actor: message.actor,
            kinds: message.kinds,
            company: message.company_id,
            account: message.account_id,
            refusal: message.refusal,
            refused_command: message.refused_command,
            via: message.via,
            from: message.start_time.as_ref().and_then(instant),
            until: message.end_time.as_ref().and_then(instant),
        };
        self.attestation.verify(&self.file)?;
        let mut reader = Reader::open(&self.file)?;
        let mut found = Vec::new();
        while let Some(step) = reader.next_entry()? {
            let Some(judged) = step.entry.time.as_ref().and_then(instant) else { continue };
            let facts = shown(&step.entry, |reference| reader.text(reference));
            found.extend(facts.into_iter().filter(|fact| filter.admits(fact, judged)).map(FactView::from));
        }
        print_rows(output, &found)
    }
}
