//! From a commit to an entry: a function of the commit and the key of the salts, and of nothing else. What it makes of a
//! commit never changes within a format: heads that were signed long ago attest it.

use devhub_proto::audit::v1 as trail;
use devhub_proto::v1;

use super::reference::{Digest, Salts, reference};
use crate::store::Commit;
use crate::store::codec::{Undecodable, decision_part, decode_fact};
use crate::wire::timestamp;

/// A text that an entry refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referred {
    /// What stands in the entry.
    pub reference: Digest,
    /// What the reference was made with.
    pub salt: Digest,
    /// The text.
    pub text: String,
}

/// An entry, and beside it the texts that it refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct Redacted {
    /// The entry.
    pub entry: trail::Entry,
    /// What it refers to; a text may come more than once.
    pub texts: Vec<Referred>,
}

/// The entry of a commit.
///
/// # Errors
/// When a fact or a record of it makes no sense.
pub fn redact(commit: &Commit, salts: &Salts) -> Result<Redacted, Undecodable> {
    let mut texts = Texts { salts, found: Vec::new() };
    let facts = (0..commit.facts.len()).map(|ordinal| Ok(texts.fact(decode_fact(commit, ordinal)?)));
    let facts = facts.collect::<Result<_, Undecodable>>()?;
    let mut writes = Vec::new();
    for write in &commit.writes {
        let part = match &write.value {
            Some(value) => decision_part(&write.key, value)?,
            None => None,
        };
        writes.extend(part.map(|part| trail::Write { key: write.key.to_vec(), value: part.to_vec() }));
    }
    let entry = trail::Entry { sequence: commit.revision, time: Some(timestamp(commit.instant)), facts, writes };
    Ok(Redacted { entry, texts: texts.found })
}

struct Texts<'s> {
    salts: &'s Salts,
    found: Vec<Referred>,
}

impl Texts<'_> {
    /// A text that a person wrote, or that may name one: all but the words that the code makes, so that no new text is
    /// carried in the open because nobody thought of it.
    fn refer(&mut self, text: String) -> Option<trail::Text> {
        if text.is_empty() {
            return None;
        }
        let salt = self.salts.salt(&text);
        let made = reference(&salt, &text);
        self.found.push(Referred { reference: made, salt, text });
        Some(trail::Text { reference: made.to_vec(), plain: String::new() })
    }

    /// Programs are no persons.
    fn actor(&mut self, actor: String) -> Option<trail::Text> {
        if actor.starts_with("process:") {
            return Some(trail::Text { reference: Vec::new(), plain: actor });
        }
        self.refer(actor)
    }

    fn fact(&mut self, fact: v1::Fact) -> trail::Fact {
        // Every field is named, so that a new one does not compile before it is decided whether it is a word, an id, or a
        // text to refer to. A field that only new facts have may be added to format 1: it changes no old entry.
        let v1::Fact {
            revision: _,
            ordinal: _,
            time: _,
            actor,
            kind,
            application_id,
            context,
            version,
            environment,
            subscription_id,
            changes,
            effective_time,
            reason,
            refused_command,
            refusal,
            request_id,
            company_id,
            account_id,
            via,
        } = fact;
        trail::Fact {
            actor: self.actor(actor),
            kind,
            application_id,
            context,
            version,
            environment,
            subscription_id,
            changes: changes
                .into_iter()
                .map(|change| trail::Change {
                    field: change.field,
                    before: self.refer(change.before),
                    after: self.refer(change.after),
                })
                .collect(),
            effective_time,
            reason: self.refer(reason),
            refused_command,
            refusal,
            request_id: self.refer(request_id),
            company_id,
            account_id,
            via,
        }
    }
}

/// The references of an entry, in the order in which they stand there.
pub(super) fn references(entry: &trail::Entry) -> impl Iterator<Item = &[u8]> {
    let texts = entry.facts.iter().flat_map(|fact| {
        let changed = fact.changes.iter().flat_map(|change| [&change.before, &change.after]);
        [&fact.actor].into_iter().chain(changed).chain([&fact.reason, &fact.request_id])
    });
    texts.flatten().map(|text| &text.reference[..]).filter(|reference| !reference.is_empty())
}
