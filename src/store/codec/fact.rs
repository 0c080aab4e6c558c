//! Facts as bytes: the message that the wire shows, stored as it is, so that serving the audit trail decodes it once.

use bytes::Bytes;
use devhub_proto::v1;
use prost::Message;

use super::Undecodable;
use crate::domain::actor::Actor;
use crate::domain::fact::Fact;
use crate::domain::name::RequestId;
use crate::store::Commit;
use crate::wire::{Word, timestamp};

/// Who brought a fact about, and how.
#[derive(Debug, Clone, Copy)]
pub struct By<'b> {
    /// Who.
    pub actor: &'b Actor,
    /// The portal through which he came, if he came through one.
    pub via: Option<&'b str>,
    /// Under which request id.
    pub request_id: Option<&'b RequestId>,
}

impl<'b> By<'b> {
    /// A part of the hub itself, which nobody asked.
    pub const fn process(actor: &'b Actor) -> By<'b> {
        By { actor, via: None, request_id: None }
    }
}

/// The fact as bytes. Revision, place and instant are the commit's; they are added when it is read.
pub fn encode_fact(fact: &Fact, by: &By<'_>, refused: Option<(&str, &str)>) -> Bytes {
    let text = |value: Option<&dyn ToString>| value.map(ToString::to_string).unwrap_or_default();
    let subject = &fact.subject;
    let (refused_command, refusal) = refused.unwrap_or_default();
    v1::Fact {
        revision: 0,
        ordinal: 0,
        time: None,
        actor: by.actor.to_string(),
        kind: fact.kind.number(),
        application_id: text(subject.application.as_ref().map(|v| v as &dyn ToString)),
        context: text(subject.context.as_ref().map(|v| v as &dyn ToString)),
        version: text(subject.label.as_ref().map(|v| v as &dyn ToString)),
        environment: subject.environment.map(Word::number).unwrap_or_default(),
        subscription_id: text(subject.subscription.as_ref().map(|v| v as &dyn ToString)),
        changes: fact
            .changes
            .iter()
            .map(|change| v1::FieldChange {
                field: change.field.to_owned(),
                before: change.before.clone(),
                after: change.after.clone(),
            })
            .collect(),
        effective_time: fact.effective_at.map(timestamp),
        reason: fact.reason.clone(),
        refused_command: refused_command.to_owned(),
        refusal: refusal.to_owned(),
        company_id: text(subject.company.as_ref().map(|v| v as &dyn ToString)),
        account_id: text(subject.account.as_ref().map(|v| v as &dyn ToString)),
        request_id: text(by.request_id.map(|v| v as &dyn ToString)),
        via: by.via.unwrap_or_default().to_owned(),
    }
    .encode_to_vec()
    .into()
}

/// The fact at place `ordinal` of a commit.
///
/// # Errors
/// When the bytes are no fact.
pub fn decode_fact(commit: &Commit, ordinal: usize) -> Result<v1::Fact, Undecodable> {
    let mut fact = v1::Fact::decode(commit.facts[ordinal].clone())
        .map_err(|_| Undecodable::Damaged("a fact of the journal is no valid message"))?;
    fact.revision = commit.revision;
    fact.ordinal = u32::try_from(ordinal).expect("a commit has few facts");
    fact.time = Some(timestamp(commit.instant));
    Ok(fact)
}
