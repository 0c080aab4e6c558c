//! What a caller may ask about: a gateway belongs to one environment, and asks about that one.

use devhub_decision::{Environment, Question};
use tonic::{Extensions, Status};

use super::request::Misread;
use crate::access::Principal;
use crate::rpc::status;

/// The sentence for those whose protocol has words of its own.
pub(super) const SENTENCE: &str = "a gateway asks about its own environment only";

/// Who asks, as the door says. Without its word nobody asks about anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'p>(Option<&'p Principal>);

impl<'p> Asker<'p> {
    /// Who makes a call.
    pub(super) fn of(extensions: &'p Extensions) -> Asker<'p> {
        Asker(extensions.get())
    }

    /// Whom the door let in.
    pub(super) fn known(principal: &'p Principal) -> Asker<'p> {
        Asker(Some(principal))
    }

    /// Whether it may ask about an environment.
    pub(super) fn may_ask_about(self, environment: Environment) -> bool {
        self.0.is_some_and(|principal| principal.may_ask_about(environment))
    }

    /// Refuses whoever may not.
    pub(super) fn check(self, environment: Environment) -> Result<(), Status> {
        if self.may_ask_about(environment) { Ok(()) } else { Err(status::environment_not_permitted()) }
    }

    /// Refuses a gateway that calls itself by another name than it has proven.
    pub(super) fn check_name(self, gateway_id: &str) -> Result<(), Status> {
        match self.0.and_then(Principal::gateway) {
            Some((_, proven)) if proven != gateway_id => Err(status::gateway_id_differs(proven)),
            Some(_) | None => Ok(()),
        }
    }

    /// The question, if it is the asker's to ask. To other gateways a denial is the safer answer: what a failed call does
    /// there is for their configuration to say.
    pub(super) fn bound<'q>(self, question: Question<'q>) -> Result<Question<'q>, Misread> {
        if self.may_ask_about(question.environment) { Ok(question) } else { Err(Misread::misconfigured(SENTENCE)) }
    }
}
