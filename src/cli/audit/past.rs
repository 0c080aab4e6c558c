//! `devhub audit explain`: why a call might pass, or not, at an instant, by an exported trail alone (rule B93).

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use devhub_decision::{Limits, explain};
use devhub_proto::audit::v1 as trail;
use devhub_proto::v1;

use super::verify::Attestation;
use crate::audit::Reader;
use crate::cli::date::Moment;
use crate::cli::output::{Format, print_machine, print_text};
use crate::cli::question::Question;
use crate::cli::view::decision::ExplanationView;
use crate::domain::policy::Policies;
use crate::domain::setting::{ProductionDeletion, ProductionSubscriptions, Rules, TwoPersons};
use crate::gateway::{parse_question, render_trail};
use crate::hub;
use crate::store::{Commit, Write};
use crate::wire::instant;

/// Arguments of `devhub audit explain`.
#[derive(Debug, Clone, Args)]
pub struct Past {
    /// The exported trail
    file: PathBuf,
    #[command(flatten)]
    attestation: Attestation,
    #[command(flatten)]
    question: Question,
    /// Judge at this instant, by what was known then: RFC 3339, or a date such as "2025-01-06 start-of-day Europe/London"
    #[arg(long, value_name = "INSTANT")]
    at: Moment,
    /// Judge by what was known after this sequence, instead of what was known at the instant
    #[arg(long, value_name = "SEQUENCE")]
    at_sequence: Option<u64>,
    /// How long a gateway could cache an answer at most
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=300))]
    decision_ttl_seconds: u32,
}

/// What `at` and a cache may say, of the trail in `reader`: the answer that the hub would have given.
///
/// # Errors
/// When the trail is not sound, does not reach to `at_sequence`, or the question is malformed.
pub fn ask<R: std::io::Read>(
    mut reader: Reader<R>,
    question: &v1::AuthorizeRequest,
    at: DateTime<Utc>,
    at_sequence: Option<u64>,
    limits: Limits,
) -> Result<v1::ExplainResponse> {
    let mut policies = Policies::built_in();
    if !reader.header().policies.is_empty() {
        policies.extend(&reader.header().policies)?;
    }
    let rules = Rules {
        policies,
        // What follows decides about commands, never about calls.
        restore_window_days: 1,
        production_subscriptions: ProductionSubscriptions::Open,
        production_deletion: ProductionDeletion::Restricted,
        disuse: None,
        two_persons: TwoPersons::NotNeeded,
        quotas: crate::domain::quota::Quotas::default(),
    };
    let question = parse_question(question).map_err(|sentence| anyhow!(sentence))?;
    let past = hub::Past::about(question, rules);
    // Up to the last commit that was judged by then: commits of the same moment may stand in either order.
    let mut waiting: Vec<Commit> = Vec::new();
    while let Some(step) = reader.next_entry()? {
        let commit = commit(step.entry)?;
        let known = match at_sequence {
            Some(sequence) => commit.revision <= sequence,
            None => commit.instant <= at,
        };
        waiting.push(commit);
        if known {
            waiting.drain(..).for_each(|commit| past.add(&commit));
        }
    }
    if let Some(sequence) = at_sequence.filter(|sequence| *sequence > reader.counts().sequence) {
        bail!("the trail ends at sequence {}; {sequence} is not in it", reader.counts().sequence);
    }
    Ok(past.table()?.ask(&question, |facts| render_trail(&explain(facts, &question, at, limits), at)))
}

fn commit(entry: trail::Entry) -> Result<Commit> {
    let judged = entry.time.as_ref().and_then(instant);
    let judged = judged.ok_or_else(|| anyhow!("sequence {} names no instant", entry.sequence))?;
    let write = |write: trail::Write| Write { key: write.key.into(), value: Some(write.value.into()) };
    let writes = entry.writes.into_iter().map(write).collect();
    Ok(Commit { revision: entry.sequence, instant: judged, writes, facts: Vec::new() })
}

impl Past {
    /// Reads the trail to its end, asks, and prints the explanation.
    ///
    /// # Errors
    /// When the trail is not sound or the question is malformed.
    pub fn run(&self, output: Format) -> Result<()> {
        let ttl = TimeDelta::seconds(i64::from(self.decision_ttl_seconds));
        let limits = Limits::new(ttl, ttl)?;
        self.attestation.verify(&self.file)?;
        let reader = Reader::open(&self.file)?;
        let answer = ask(reader, &self.question.message(), self.at.instant, self.at_sequence, limits)?;
        let view = ExplanationView::from(answer);
        match output {
            Format::Table => print_text(&view.text()),
            Format::Json | Format::Yaml => print_machine(output, &view),
        }
    }
}
