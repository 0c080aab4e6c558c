//! What one person alone must not do (the two-person rule): it is kept as a proposal, and another person approves it.
//!
//! `danger` says which commands these are. A proposal holds what was asked for, as it came, and a digest of the records that
//! it was judged over. Whoever approves it has the command judged anew, by the same function and under the revisions of then;
//! if the records are others than the proposer saw, the approval is refused. A proposal ends by the clock; nothing sweeps.
//!
//! There is a way for one person: a sealed code that works once. What is done with it stands on record as that, and stays on
//! the list until somebody else has acknowledged it.

mod agreement;
mod command;
mod danger;

use chrono::{DateTime, TimeDelta, Utc};

use super::actor::Actor;
use super::app_version::Step;
use super::fact::Fact;
use super::name::ProposalId;
use super::record::{RecordKey, Records};

pub use agreement::{Agreed, Agreement, BREAK_GLASS_REASON_CHARS_MIN};
pub use command::{AcknowledgeBreakGlass, Dismissal, EndProposal, Propose};
pub use danger::IMMEDIATE;

/// How long a proposal waits: long enough for a night, too short to be forgotten.
pub const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// Most proposals that wait at a time.
pub const WAITING_MAX: usize = 100;

/// Most codes that are remembered as used.
pub const SPENT_MAX: usize = 1000;

/// What one person alone must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// Something with live subscriptions is retired at once, or so soon that nobody can act on it.
    RetiresAtOnce,
    /// Dates change with less time than is demanded.
    WithoutNotice,
    /// A waiver lasts longer than the policy's cap.
    WaiverPastCap,
    /// A hub serves what was restored from a backup.
    RestoredData,
}

impl Danger {
    /// The name used in facts and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Danger::RetiresAtOnce => "RETIRES_AT_ONCE",
            Danger::WithoutNotice => "WITHOUT_NOTICE",
            Danger::WaiverPastCap => "WAIVER_PAST_CAP",
            Danger::RestoredData => "RESTORED_DATA",
        }
    }

    /// What it is, as a sentence calls it.
    pub const fn noun(self) -> &'static str {
        match self {
            Danger::RetiresAtOnce => "retiring at once what has live subscriptions",
            Danger::WithoutNotice => "changing dates with less time than is demanded",
            Danger::WaiverPastCap => "granting a waiver past the policy's cap",
            Danger::RestoredData => "letting restored data serve",
        }
    }
}

/// Where a proposal stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// It waits for another person.
    Waiting,
    /// Its time is over.
    Expired,
    /// It was approved and done.
    Approved,
    /// It was rejected.
    Rejected,
    /// It was taken back.
    Withdrawn,
    /// It was done by one person with a sealed code.
    BrokeGlass,
    /// The same, and somebody else has looked at it.
    Acknowledged,
}

impl ProposalState {
    /// The name used in refusals.
    pub const fn name(self) -> &'static str {
        match self {
            ProposalState::Waiting => "WAITING",
            ProposalState::Expired => "EXPIRED",
            ProposalState::Approved => "APPROVED",
            ProposalState::Rejected => "REJECTED",
            ProposalState::Withdrawn => "WITHDRAWN",
            ProposalState::BrokeGlass => "BROKE_GLASS",
            ProposalState::Acknowledged => "ACKNOWLEDGED",
        }
    }
}

/// How a proposal ended otherwise than by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Another operator approved it.
    Approved,
    /// Another operator rejected it.
    Rejected,
    /// Whoever made it took it back.
    Withdrawn,
    /// One person did it with a sealed code.
    BrokeGlass,
}

/// The end of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub how: Ended,
    /// By whom, and when.
    pub step: Step,
    /// Why, as far as it was said.
    pub reason: String,
}

/// What a command was judged over: whoever approves it approves of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// A digest of the revisions of the records.
    pub stands_on: [u8; 32],
    /// Live subscriptions concerned.
    pub affected: u64,
}

/// What one person has asked for and another has to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// Why one person alone must not do it.
    pub danger: Danger,
    /// The call that was made.
    pub call: String,
    /// The request, as it came.
    pub request: Box<[u8]>,
    /// What tells the request from another one.
    pub fingerprint: [u8; 32],
    /// What it was judged over.
    pub shown: Shown,
    /// What would be recorded, a line for each fact.
    pub would_record: Vec<String>,
    /// Who proposed it.
    pub by: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// The first instant at which nobody can approve it.
    pub expires_at: DateTime<Utc>,
    /// How it ended, unless it has not, or by the clock.
    pub ending: Option<Ending>,
    /// Who has looked at the breaking of the glass, and when.
    pub acknowledged: Option<Step>,
}

impl Proposal {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Proposal(self.id.clone())
    }

    /// Where it stands at `now`.
    pub fn state(&self, now: DateTime<Utc>) -> ProposalState {
        match (self.ending.as_ref().map(|ending| ending.how), &self.acknowledged) {
            (Some(Ended::Approved), _) => ProposalState::Approved,
            (Some(Ended::Rejected), _) => ProposalState::Rejected,
            (Some(Ended::Withdrawn), _) => ProposalState::Withdrawn,
            (Some(Ended::BrokeGlass), None) => ProposalState::BrokeGlass,
            (Some(Ended::BrokeGlass), Some(_)) => ProposalState::Acknowledged,
            (None, _) if now < self.expires_at => ProposalState::Waiting,
            (None, _) => ProposalState::Expired,
        }
    }

    /// Whether somebody still has to look at it at `now`.
    pub fn waits(&self, now: DateTime<Utc>) -> bool {
        match self.state(now) {
            ProposalState::Waiting | ProposalState::BrokeGlass => true,
            ProposalState::Expired
            | ProposalState::Approved
            | ProposalState::Rejected
            | ProposalState::Withdrawn
            | ProposalState::Acknowledged => false,
        }
    }
}

/// A proposal that waits, in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingProposal {
    /// Its id.
    pub id: ProposalId,
    /// What tells its request from another one.
    pub fingerprint: [u8; 32],
    /// The first instant at which nobody can approve it.
    pub expires_at: DateTime<Utc>,
}

/// The proposals that wait, and the codes that were used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProposalBook {
    /// Those that wait for an approval, the oldest first; some may be over by the clock.
    pub waiting: Vec<WaitingProposal>,
    /// Those that were done by breaking the glass and that nobody has acknowledged.
    pub unacknowledged: Vec<ProposalId>,
    /// The codes that were used, by their names.
    pub spent: Vec<String>,
}

impl ProposalBook {
    /// How many wait for an approval at `now`.
    pub fn waiting_at(&self, now: DateTime<Utc>) -> usize {
        self.waiting.iter().filter(|proposal| now < proposal.expires_at).count()
    }

    /// The book without a proposal, and without those whose time is over at `now`.
    fn without(&self, id: &ProposalId, now: DateTime<Utc>) -> ProposalBook {
        let mut book = self.clone();
        book.waiting.retain(|proposal| proposal.id != *id && now < proposal.expires_at);
        book
    }
}

/// The book as it is, empty if nobody ever proposed anything.
fn book(records: &Records) -> ProposalBook {
    records.proposal_book().cloned().unwrap_or_default()
}

/// Whether two actors are the same person: by name, so that nobody approves their own proposal in another role.
fn same_person(a: &Actor, b: &Actor) -> bool {
    let name = |actor: &Actor| actor.to_string().split_once(':').map(|(_, name)| name.to_lowercase());
    name(a) == name(b)
}

/// What facts would say, a line for each.
pub fn told(facts: &[Fact]) -> Vec<String> {
    facts.iter().map(line).collect()
}

fn line(fact: &Fact) -> String {
    let subject = &fact.subject;
    let parts = [
        subject.application.as_ref().map(|id| format!("application {id}")),
        subject.company.as_ref().map(|id| format!("company {id}")),
        subject.context.as_ref().map(ToString::to_string),
        subject.label.as_ref().map(ToString::to_string),
        subject.environment.map(|environment| format!("in {environment}")),
    ];
    let about: Vec<String> = parts.into_iter().flatten().collect();
    let changes: Vec<String> = fact
        .changes
        .iter()
        .map(|change| match change.before.as_str() {
            "" => format!("{}: {}", change.field, change.after),
            before => format!("{}: {before} -> {}", change.field, change.after),
        })
        .collect();
    let mut line = format!("{:?}", fact.kind);
    for (between, part) in [(" ", about.join(" ")), ("; ", changes.join(", ")), ("; reason: ", fact.reason.clone())] {
        if !part.is_empty() {
            line.push_str(between);
            line.push_str(&part);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_the_same_person_in_any_role() {
        let actor = |text: &str| text.parse::<Actor>().expect("an actor");
        let publisher = Actor::Publisher { name: "olga".into(), apis: Box::default() };
        assert!(same_person(&actor("operator:olga"), &actor("operator:Olga")));
        assert!(same_person(&actor("operator:olga"), &publisher));
        assert!(!same_person(&actor("operator:olga"), &actor("operator:otto")));
    }
}
