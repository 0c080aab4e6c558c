//! Entries for people: facts as the wire has them, with the texts that are still there.

use devhub_proto::audit::v1 as trail;
use devhub_proto::v1;

use super::hex;

/// The facts of an entry; `text` finds what stands behind a reference. What was erased is shown as its reference, which is
/// the same wherever the same text stood.
pub fn shown<'t>(entry: &trail::Entry, text: impl Fn(&[u8]) -> Option<&'t str>) -> Vec<v1::Fact> {
    let resolve = |one: &Option<trail::Text>| match one {
        None => String::new(),
        Some(one) if one.reference.is_empty() => one.plain.clone(),
        Some(one) => match text(&one.reference) {
            Some(text) => text.to_owned(),
            None => format!("erased:{}", hex(&one.reference[..one.reference.len().min(8)])),
        },
    };
    let fact = |(ordinal, fact): (u32, &trail::Fact)| v1::Fact {
        revision: entry.sequence,
        ordinal,
        time: entry.time,
        actor: resolve(&fact.actor),
        kind: fact.kind,
        application_id: fact.application_id.clone(),
        context: fact.context.clone(),
        version: fact.version.clone(),
        environment: fact.environment,
        subscription_id: fact.subscription_id.clone(),
        changes: fact
            .changes
            .iter()
            .map(|change| v1::FieldChange {
                field: change.field.clone(),
                before: resolve(&change.before),
                after: resolve(&change.after),
            })
            .collect(),
        effective_time: fact.effective_time,
        reason: resolve(&fact.reason),
        refused_command: fact.refused_command.clone(),
        refusal: fact.refusal.clone(),
        request_id: resolve(&fact.request_id),
        company_id: fact.company_id.clone(),
        account_id: fact.account_id.clone(),
        via: fact.via.clone(),
    };
    (0..).zip(&entry.facts).map(fact).collect()
}
