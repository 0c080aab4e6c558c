//! On whose word a proposal is done: that of another operator, or of one person with a sealed code.

use super::command::{about, waiting};
use super::{Ended, Ending, Proposal, SPENT_MAX, Shown, book, same_person};
use crate::domain::app_version::Step;
use crate::domain::fact::FactKind;
use crate::domain::name::ProposalId;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Shortest reason for breaking the glass, in characters: long enough that it has to be one.
pub const BREAK_GLASS_REASON_CHARS_MIN: usize = 20;

/// How somebody agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreed {
    /// Another operator approves.
    Approves,
    /// One person breaks the glass, with the code of this name.
    BreaksGlass {
        /// The name that the code's hash gives it.
        code: String,
    },
}

/// That a proposal is to be done.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// The proposal.
    pub proposal: ProposalId,
    /// How.
    pub agreed: Agreed,
    /// Why.
    pub reason: String,
    /// The revision last read, if it depends on it.
    pub etag: Option<u64>,
}

impl Agreement {
    /// The keys of all records that it depends on.
    pub fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Proposal(self.proposal.clone()), RecordKey::ProposalBook]
    }

    /// Judges whether whoever agrees may, and whether what is shown now is what was proposed. What is proposed is judged
    /// beside it, by its own function.
    ///
    /// # Errors
    /// The reason for which it is refused.
    pub fn judge(&self, shown: &Shown, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("approve a proposal")?;
        let proposal = waiting(&self.proposal, self.etag, records, setting)?;
        let mut book = book(records).without(&self.proposal, setting.now);
        let (how, kind) = match &self.agreed {
            Agreed::Approves if same_person(&proposal.by, setting.actor) => {
                return Err(Refusal::WrongPerson(
                    "nobody approves what they proposed themselves; ask another operator",
                ));
            }
            Agreed::Approves => (Ended::Approved, FactKind::ProposalApproved),
            Agreed::BreaksGlass { code } => {
                if book.spent.contains(code) {
                    return Err(Refusal::BreakGlassRefused("this code was used already; each opens once"));
                }
                if book.spent.len() >= SPENT_MAX {
                    return Err(Refusal::LimitReached { what: "used codes", limit: SPENT_MAX });
                }
                book.spent.push(code.clone());
                book.unacknowledged.push(self.proposal.clone());
                (Ended::BrokeGlass, FactKind::BrokeGlass)
            }
        };
        if shown.stands_on != proposal.shown.stands_on {
            return Err(Refusal::ProposalStale("something that it stands on has changed since"));
        }
        if shown.affected > proposal.shown.affected {
            return Err(Refusal::ProposalStale("more live subscriptions are concerned than were shown"));
        }
        let step = Step { by: setting.actor.to_string(), at: setting.now };
        let after = Proposal { ending: Some(Ending { how, step, reason: self.reason.clone() }), ..proposal.clone() };
        let mut fact = about(kind, proposal).because(&self.reason);
        if let Agreed::BreaksGlass { code } = &self.agreed {
            fact = fact.change("code", "", code);
        }
        Ok(Outcome::write(after.key(), Record::Proposal(after), fact)
            .also(RecordKey::ProposalBook, Record::ProposalBook(book)))
    }

    /// What the facts of the deed say of it, so that each names both persons.
    pub const fn field(&self) -> &'static str {
        match self.agreed {
            Agreed::Approves => "approved_by",
            Agreed::BreaksGlass { .. } => "glass_broken_by",
        }
    }
}
