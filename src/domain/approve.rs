//! Commands that move an application towards production, block it, or protect it from deletion.

use super::application::{Application, State};
use super::fact::{Fact, FactKind};
use super::name::ApplicationId;
use super::outcome::Judgement;
use super::record::{RecordKey, Records};
use super::refusal::Refusal;
use super::register::{load, store};
use super::setting::Setting;

/// A step of the approval process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask the responsible individual to verify.
    AskResponsibleIndividual,
    /// Submit for approval.
    Submit,
    /// Approve.
    Approve,
    /// Confirm the request.
    Confirm,
    /// Go live.
    GoLive,
    /// Go back to the beginning.
    ReturnToTesting,
}

impl Step {
    /// All steps, in their usual order.
    pub const ALL: [Step; 6] = [
        Step::AskResponsibleIndividual,
        Step::Submit,
        Step::Approve,
        Step::Confirm,
        Step::GoLive,
        Step::ReturnToTesting,
    ];

    /// The name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Step::AskResponsibleIndividual => "ASK_RESPONSIBLE_INDIVIDUAL",
            Step::Submit => "SUBMIT",
            Step::Approve => "APPROVE",
            Step::Confirm => "CONFIRM",
            Step::GoLive => "GO_LIVE",
            Step::ReturnToTesting => "RETURN_TO_TESTING",
        }
    }

    /// The state that this step leads to from `state` (rule B59).
    ///
    /// # Errors
    /// The states from which it is legal.
    pub const fn from_state(self, state: State) -> Result<State, &'static str> {
        match (self, state) {
            (Step::AskResponsibleIndividual, State::Testing) => Ok(State::PendingResponsibleIndividualVerification),
            (Step::Submit, State::Testing | State::PendingResponsibleIndividualVerification) => {
                Ok(State::PendingGatekeeperApproval)
            }
            (Step::Approve, State::PendingGatekeeperApproval) => Ok(State::PendingRequesterVerification),
            (Step::Confirm, State::PendingRequesterVerification) => Ok(State::PreProduction),
            (Step::GoLive, State::PreProduction) => Ok(State::Production),
            (
                Step::ReturnToTesting,
                State::PendingResponsibleIndividualVerification
                | State::PendingGatekeeperApproval
                | State::PendingRequesterVerification
                | State::PreProduction,
            ) => Ok(State::Testing),
            (Step::AskResponsibleIndividual, _) => Err("TESTING"),
            (Step::Submit, _) => Err("TESTING or PENDING_RESPONSIBLE_INDIVIDUAL_VERIFICATION"),
            (Step::Approve, _) => Err("PENDING_GATEKEEPER_APPROVAL"),
            (Step::Confirm, _) => Err("PENDING_REQUESTER_VERIFICATION"),
            (Step::GoLive, _) => Err("PRE_PRODUCTION"),
            (Step::ReturnToTesting, _) => Err("PENDING_* or PRE_PRODUCTION"),
        }
    }
}

/// Command: take a step of the approval process.
#[derive(Debug, Clone)]
pub struct AdvanceApplication {
    /// The application.
    pub id: ApplicationId,
    /// The step.
    pub step: Step,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: deny all calls of an application, or stop doing so.
#[derive(Debug, Clone)]
pub struct SetBlocked {
    /// The application.
    pub id: ApplicationId,
    /// Block or unblock.
    pub block: Block,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Which way a block changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Deny all calls.
    Set,
    /// Stop denying them.
    Lifted,
}

/// Command: forbid deletion by collaborators, or permit it again.
#[derive(Debug, Clone)]
pub struct RestrictDeletion {
    /// The application.
    pub id: ApplicationId,
    /// Why collaborators may not delete it; empty permits deletion again.
    pub restriction: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl AdvanceApplication {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let old = load(&self.id, self.etag, records)?;
        match self.step {
            Step::AskResponsibleIndividual | Step::Submit | Step::Confirm | Step::GoLive => {
                old.administrator(setting, "take an application to production")?;
            }
            Step::Approve | Step::ReturnToTesting => setting.operator("decide on a production application")?,
        }
        old.not_deleted()?;
        let state = self.step.from_state(old.state).map_err(|expected| Refusal::IllegalState {
            verb: self.step.name(),
            expected,
            actual: old.state,
        })?;
        if self.step != Step::ReturnToTesting {
            old.not_blocked()?;
        }
        let new = Application { state, ..old.clone() };
        let fact = Fact::new(FactKind::ApplicationAdvanced, new.subject())
            .change("state", old.state, state)
            .because(&self.reason);
        Ok(store(new, fact))
    }
}

impl SetBlocked {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("block or unblock an application")?;
        let old = load(&self.id, self.etag, records)?;
        old.not_deleted()?;
        let (blocked, kind) = match self.block {
            Block::Set => (true, FactKind::ApplicationBlocked),
            Block::Lifted => (false, FactKind::ApplicationUnblocked),
        };
        if old.blocked == blocked {
            return Err(Refusal::NothingToDo(match self.block {
                Block::Set => "the application is blocked already",
                Block::Lifted => "the application is not blocked, so there is nothing to lift",
            }));
        }
        let new = Application { blocked, ..old.clone() };
        let fact = Fact::new(kind, new.subject()).change("blocked", old.blocked, blocked).because(&self.reason);
        Ok(store(new, fact))
    }
}

impl RestrictDeletion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("restrict the deletion of an application")?;
        let old = load(&self.id, self.etag, records)?;
        old.not_deleted()?;
        let new = Application { deletion_restriction: self.restriction.clone(), ..old.clone() };
        let fact = Fact::new(FactKind::DeletionRestricted, new.subject()).change(
            "deletion_restriction",
            &old.deletion_restriction,
            &new.deletion_restriction,
        );
        Ok(store(new, fact))
    }
}
