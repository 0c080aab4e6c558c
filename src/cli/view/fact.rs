//! Facts of the audit trail.

use devhub_proto::v1;
use serde::Serialize;

use super::{brief, environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct FactView {
    revision: u64,
    ordinal: u32,
    time: Option<String>,
    actor: String,
    kind: String,
    application_id: String,
    context: String,
    version: String,
    environment: Option<String>,
    subscription_id: String,
    changes: Vec<ChangeView>,
    effective_time: Option<String>,
    reason: String,
    refused_command: String,
    refusal: String,
    request_id: String,
    via: String,
}

#[derive(Debug, Clone, Serialize)]
struct ChangeView {
    field: String,
    before: String,
    after: String,
}

impl From<v1::Fact> for FactView {
    fn from(fact: v1::Fact) -> FactView {
        let changes = fact.changes.into_iter().map(|change| ChangeView {
            field: change.field,
            before: change.before,
            after: change.after,
        });
        FactView {
            revision: fact.revision,
            ordinal: fact.ordinal,
            time: time(fact.time),
            actor: fact.actor,
            kind: wire_name(fact.kind, v1::FactKind::as_str_name, "FACT_KIND_"),
            application_id: fact.application_id,
            context: fact.context,
            version: fact.version,
            environment: (fact.environment != 0).then(|| environment(fact.environment)),
            subscription_id: fact.subscription_id,
            changes: changes.collect(),
            effective_time: time(fact.effective_time),
            reason: fact.reason,
            refused_command: fact.refused_command,
            refusal: fact.refusal,
            request_id: fact.request_id,
            via: fact.via,
        }
    }
}

impl FactView {
    fn subject(&self) -> String {
        let parts = [&self.application_id, &self.context, &self.version, &or_empty(&self.environment)];
        parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
    }

    /// Who, and through which portal.
    fn by(&self) -> String {
        if self.via.is_empty() { self.actor.clone() } else { format!("{} via {}", self.actor, self.via) }
    }

    fn detail(&self) -> String {
        if !self.refusal.is_empty() {
            return format!("{}: {}", self.refused_command, self.refusal);
        }
        let changes = self.changes.iter().map(|c| format!("{}: {:?} -> {:?}", c.field, c.before, c.after));
        let effective = self.effective_time.iter().map(|time| format!("from {}", brief(time)));
        let reason = Some(self.reason.clone()).filter(|reason| !reason.is_empty());
        changes.chain(effective).chain(reason).collect::<Vec<_>>().join("; ")
    }

    /// The fact on one line, for people who follow along.
    pub fn line(&self) -> String {
        let parts = [
            format!("{}.{}", self.revision, self.ordinal),
            or_empty(&self.time),
            self.by(),
            self.kind.clone(),
            self.subject(),
            self.detail(),
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
    }
}

impl Row for FactView {
    const HEADER: &'static [&'static str] = &["REVISION", "TIME", "ACTOR", "KIND", "SUBJECT", "DETAIL"];

    fn cells(&self) -> Vec<String> {
        vec![
            format!("{}.{}", self.revision, self.ordinal),
            or_empty(&self.time),
            self.by(),
            self.kind.clone(),
            self.subject(),
            self.detail(),
        ]
    }
}
