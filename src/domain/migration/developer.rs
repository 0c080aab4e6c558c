//! What the developer of an application has to do, in order, until every company with an old account has its replacement.

use devhub_decision::{Environment, Standing};

use super::checklist::{Step, StepKind, StepState, counted};
use super::phase::Phase;
use crate::domain::app_version::{AppVersion, AppVersionNumber, AppVersionState};
use crate::domain::application::Application;
use crate::domain::listing::ListingState;
use crate::domain::organisation::OrganisationStatus;
use crate::domain::projection::standing;

/// All that a developer's checklist follows from.
#[derive(Debug, Clone)]
pub struct DeveloperFacts<'f> {
    /// The application.
    pub application: &'f Application,
    /// How far its owner is verified.
    pub owner: OrganisationStatus,
    /// Of its versions with a service account the one that has come farthest: where it is, and its number.
    pub version: Option<(AppVersionState, AppVersionNumber)>,
    /// Where its listing stands, if it was ever submitted.
    pub listing: Option<ListingState>,
    /// How many companies are in which phase, by [`Phase::index`].
    pub phases: [u64; Phase::ALL.len()],
    /// Companies that run an older version than the one that is available to them.
    pub outdated: u64,
}

impl DeveloperFacts<'_> {
    fn has_come(&self, state: AppVersionState) -> bool {
        self.version.as_ref().is_some_and(|(reached, _)| *reached >= state)
    }

    fn number(&self) -> String {
        self.version.as_ref().map(|(_, number)| number.to_string()).unwrap_or_default()
    }

    fn of(&self, phases: &[Phase]) -> u64 {
        phases.iter().map(|phase| self.phases[phase.index()]).sum()
    }
}

/// The version that has come farthest; of equal ones the first that is given.
pub fn farthest<'v>(versions: impl IntoIterator<Item = &'v AppVersion>) -> Option<(AppVersionState, AppVersionNumber)> {
    versions.into_iter().fold(None, |best: Option<(AppVersionState, AppVersionNumber)>, version| match best {
        Some(best) if best.0 >= version.state() => Some(best),
        Some(_) | None => Some((version.state(), version.number.clone())),
    })
}

/// What a version waits for before companies can be given it; `is_reviewed` says that the application was listed, so that
/// its versions are looked at first (rule B79).
pub fn waits_for(state: AppVersionState, is_reviewed: bool) -> Option<&'static str> {
    match (state, is_reviewed) {
        (AppVersionState::ReadyForTesting, _) => Some("An administrator of the application promotes it."),
        (AppVersionState::Promoted, true) => Some("An administrator of the application submits it for review."),
        (AppVersionState::Submitted, true) => Some("An operator reviews and approves it."),
        (AppVersionState::Promoted | AppVersionState::Submitted, false) | (AppVersionState::Approved, _) => None,
    }
}

/// The steps of a developer, in order. Of those that are not done the first is open, or waits for somebody else; what can
/// be done beside it is open too, and what cannot comes later.
pub fn developer_steps(facts: &DeveloperFacts<'_>) -> Vec<Step> {
    let mut steps = production(facts).to_vec();
    steps.extend(release(facts));
    steps.extend(review(facts));
    steps.extend(companies(facts));
    steps
}

fn production(facts: &DeveloperFacts<'_>) -> [Step; 3] {
    use StepKind::{Organisation, ProductionApproval, Uplift};
    use StepState::{Done, Later, Open, Waiting};
    let uplift = match facts.application.environment {
        Environment::Production => Step::new(Uplift, Done, "The application lives in PRODUCTION."),
        Environment::Sandbox => Step::new(
            Uplift,
            Open,
            "Uplift the application: a version in the sandbox is never promoted, so no company can install it for real data.",
        ),
    };
    let approval = match (facts.application.environment, standing(facts.application)) {
        (Environment::Sandbox, _) => {
            Step::new(ProductionApproval, Later, "Ask for production credentials once the application is uplifted.")
        }
        (Environment::Production, Standing::Usable) => {
            Step::new(ProductionApproval, Done, "The production credentials are approved.")
        }
        (Environment::Production, Standing::NotApproved) => Step::new(
            ProductionApproval,
            Open,
            format!(
                "Take the application, which is {}, through its approval: nothing is promoted before.",
                facts.application.state
            ),
        ),
        (Environment::Production, Standing::Blocked) => Step::new(
            ProductionApproval,
            Waiting,
            "Ask an operator why the application is blocked, and to unblock it: nothing is promoted before.",
        ),
        (Environment::Production, Standing::Deleted) => Step::new(
            ProductionApproval,
            Waiting,
            "Ask an operator to restore the application, which is deleted: nothing is promoted before.",
        ),
    };
    let owner = &facts.application.owner;
    let named = if owner.is_empty() { "that owns the application".to_owned() } else { owner.clone() };
    let organisation = match (facts.owner, facts.listing) {
        (OrganisationStatus::VerifiedPartner, _) | (OrganisationStatus::VerifiedPrivate, None) => {
            Step::new(Organisation, Done, format!("The organisation {named} is verified."))
        }
        (OrganisationStatus::VerifiedPrivate, Some(_)) => Step::new(
            Organisation,
            Waiting,
            format!("Ask an operator to verify {named} as a partner: only applications of partners are listed."),
        ),
        (OrganisationStatus::Unverified, _) => Step::new(
            Organisation,
            Waiting,
            format!("Ask an operator to verify the organisation {named}: nothing is promoted before."),
        ),
    };
    [uplift, approval, organisation]
}

fn release(facts: &DeveloperFacts<'_>) -> [Step; 2] {
    use StepKind::{Declare, Promote};
    use StepState::{Done, Later, Open};
    let number = facts.number();
    let declared = facts.version.is_some();
    let declare = if declared {
        Step::new(Declare, Done, format!("Version {number} declares a service account."))
    } else {
        Step::new(
            Declare,
            Open,
            "Make a version with a service account connection that asks for what it needs, and test it.",
        )
    };
    let is_open = facts.application.environment == Environment::Production
        && standing(facts.application) == Standing::Usable
        && facts.owner != OrganisationStatus::Unverified;
    let promote = if facts.has_come(AppVersionState::Promoted) {
        Step::new(Promote, Done, format!("Version {number} is promoted."))
    } else if declared && is_open {
        Step::new(Promote, Open, format!("Promote version {number}."))
    } else {
        Step::new(Promote, Later, "Promote the version with a service account once the steps above are done.")
    };
    [declare, promote]
}

/// Only what asked for the marketplace is reviewed.
fn review(facts: &DeveloperFacts<'_>) -> Vec<Step> {
    use StepKind::{List, Submit};
    use StepState::{Done, Later, Open, Waiting};
    let Some(listing) = facts.listing else { return Vec::new() };
    let number = facts.number();
    let promoted = facts.has_come(AppVersionState::Promoted);
    let submit = if facts.has_come(AppVersionState::Submitted) {
        Step::new(Submit, Done, format!("Version {number} is submitted for review."))
    } else if promoted && facts.owner == OrganisationStatus::VerifiedPartner {
        Step::new(Submit, Open, format!("Submit version {number} for review."))
    } else {
        Step::new(Submit, Later, "Submit the version with a service account for review once it is promoted.")
    };
    let approved = facts.has_come(AppVersionState::Approved);
    let list = match (approved, listing) {
        (true, ListingState::Listed | ListingState::Delisted) => {
            Step::new(List, Done, format!("Version {number} is approved, and the application is listed."))
        }
        (_, ListingState::Removed) => Step::new(
            List,
            if promoted { Open } else { Later },
            "The listing was removed or refused: submit it anew with the version that has a service account, since \
             companies that have not installed the application cannot any more.",
        ),
        (_, ListingState::Submitted) | (false, ListingState::Listed | ListingState::Delisted)
            if facts.has_come(AppVersionState::Submitted) =>
        {
            Step::new(List, Waiting, format!("An operator reviews version {number}; ask one if it takes too long."))
        }
        (_, ListingState::Submitted) | (false, ListingState::Listed | ListingState::Delisted) => Step::new(
            List,
            Later,
            "An operator approves the version once it is submitted; without an approved one the sunset takes the \
             application out of the marketplace.",
        ),
    };
    vec![submit, list]
}

fn companies(facts: &DeveloperFacts<'_>) -> [Step; 3] {
    use StepKind::{CutOver, Install, Update};
    use StepState::{Done, Later, Open, Waiting};
    let is_out = facts.has_come(match facts.listing {
        Some(_) => AppVersionState::Approved,
        None => AppVersionState::Promoted,
    });
    let missing = facts.of(&[Phase::NotStarted, Phase::DeveloperReady, Phase::Expired]);
    let install = match (missing, is_out) {
        (0, _) => {
            Step::new(Install, Done, "No company with an old account for the application has still to install it.")
        }
        (_, true) => Step::new(
            Install,
            Waiting,
            format!(
                "Tell {} to install the application: each of them decides for itself.",
                counted(missing, "company with an old account", "companies with an old account")
            ),
        ),
        (_, false) => Step::new(
            Install,
            Later,
            format!(
                "{} will have to install the application once a version with a service account can be had.",
                counted(missing, "company with an old account", "companies with an old account")
            ),
        ),
    };
    let update = match facts.outdated {
        0 => Step::new(Update, Done, "No company runs an older version than the one that is available to it."),
        outdated => Step::new(
            Update,
            Waiting,
            format!(
                "Tell {} to update: they run an older version than the one that is available to them.",
                counted(outdated, "company", "companies")
            ),
        ),
    };
    let beside = facts.of(&[Phase::Installed]);
    let cut_over = match (beside, missing) {
        (0, 0) => Step::new(CutOver, Done, "No installation waits for the application's own credentials."),
        (0, _) => Step::new(CutOver, Later, "Call with the application's own credentials wherever it gets installed."),
        (_, _) => Step::new(
            CutOver,
            Open,
            format!(
                "Call with the application's own credentials in {}, naming the company with each call; then tell the \
                 company to remove its old account.",
                counted(beside, "company that has installed it", "companies that have installed it")
            ),
        ),
    };
    [install.with_left(missing), update.with_left(facts.outdated), cut_over.with_left(beside)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::domain::application::{Kind, Persona, State};
    use crate::domain::migration::next_step;

    fn application(environment: Environment, state: State) -> Application {
        Application {
            id: "ledgerly".parse().expect("valid"),
            client_id: "client-ledgerly".parse().expect("valid"),
            name: "Ledgerly".to_owned(),
            description: String::new(),
            environment,
            owner: "Ledgerly Ltd".to_owned(),
            kind: Kind::Standard,
            persona: Persona::TechnologyPartner,
            state,
            collaborators: BTreeMap::new(),
            blocked: false,
            deletion_restriction: String::new(),
            created_at: DateTime::UNIX_EPOCH,
            uplifted_from: None,
            absence: None,
            deletion: None,
        }
    }

    /// Where an application stands: itself, its owner, its version, its listing; and what is said of its steps.
    type Case<'c> =
        (&'c str, &'c Application, OrganisationStatus, Option<AppVersionState>, Option<ListingState>, &'c str);

    /// Where an application stands, and which of its steps are open or wait for somebody else, in order.
    #[test]
    fn b79_b80_b81_b86_every_step_is_somebodys_turn() {
        use AppVersionState::{Approved, Promoted, ReadyForTesting, Submitted};
        use ListingState::{Delisted, Listed, Removed};
        use OrganisationStatus::{Unverified, VerifiedPartner, VerifiedPrivate};
        let live = application(Environment::Production, State::Production);
        let testing = application(Environment::Production, State::Testing);
        let sandbox = application(Environment::Sandbox, State::Production);
        let blocked = Application { blocked: true, ..live.clone() };
        let cases: &[Case<'_>] = &[
            ("in the sandbox", &sandbox, Unverified, None, None, "open Uplift, waiting Organisation, open Declare"),
            ("in the sandbox, made", &sandbox, VerifiedPrivate, Some(ReadyForTesting), None, "open Uplift"),
            ("not approved", &testing, VerifiedPrivate, Some(ReadyForTesting), None, "open ProductionApproval"),
            ("blocked", &blocked, VerifiedPrivate, Some(ReadyForTesting), None, "waiting ProductionApproval"),
            ("to promote", &live, VerifiedPrivate, Some(ReadyForTesting), None, "open Promote"),
            ("promoted", &live, VerifiedPrivate, Some(Promoted), None, "waiting Install"),
            ("listed without", &live, VerifiedPartner, None, Some(Listed), "open Declare"),
            ("listed, to submit", &live, VerifiedPartner, Some(Promoted), Some(Listed), "open Submit"),
            (
                "listed, no partner any more",
                &live,
                VerifiedPrivate,
                Some(Promoted),
                Some(Listed),
                "waiting Organisation",
            ),
            ("in review", &live, VerifiedPartner, Some(Submitted), Some(Delisted), "waiting List"),
            (
                "never listed, in review",
                &live,
                VerifiedPartner,
                Some(Submitted),
                Some(ListingState::Submitted),
                "waiting List",
            ),
            ("removed", &live, VerifiedPartner, Some(Approved), Some(Removed), "open List, waiting Install"),
            ("all out", &live, VerifiedPartner, Some(Approved), Some(Listed), "waiting Install"),
        ];
        let mut phases = [0; Phase::ALL.len()];
        phases[Phase::NotStarted.index()] = 2;
        for (case, application, owner, version, listing, expected) in cases {
            let number: AppVersionNumber = "1.0.0".parse().expect("valid");
            let steps = developer_steps(&DeveloperFacts {
                application,
                owner: *owner,
                version: version.map(|state| (state, number)),
                listing: *listing,
                phases,
                outdated: 0,
            });
            let turns = steps.iter().filter_map(|step| match step.state {
                StepState::Open => Some(format!("open {:?}", step.kind)),
                StepState::Waiting => Some(format!("waiting {:?}", step.kind)),
                StepState::Done | StepState::Later => None,
            });
            let turns = turns.collect::<Vec<_>>().join(", ");
            assert_eq!(turns, *expected, "{case}: {steps:#?}");
            assert_eq!(next_step(&steps).is_some(), expected.contains("open"), "{case}");
            assert!(steps.iter().all(|step| step.sentence.ends_with('.')), "{case}");
        }
    }
}
