//! What the administrators of a company have to do, in order, until none of its calls stops at the sunset.

use super::checklist::{Step, StepKind, StepState, counted};

/// All that a company's checklist follows from: how many of each are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompanyFacts {
    /// Live accounts.
    pub accounts: u64,
    /// Those of which nobody has said whose they are.
    pub undefined: u64,
    /// Those of them that something is suggested for.
    pub suggested: u64,
    /// Applications that can be installed in the place of accounts.
    pub installable: u64,
    /// Those that would have to be, and wait for somebody else: not all of them are registered yet.
    pub unready: u64,
    /// Updates that are available.
    pub updates: u64,
    /// Those of them that ask for wider permissions.
    pub wider: u64,
    /// Installations that reach fewer projects than the accounts that they replace.
    pub projects: u64,
    /// Accounts that can be removed.
    pub removable: u64,
    /// Accounts that may be removed once somebody was asked.
    pub to_ask: u64,
}

/// The steps of a company, in order.
pub fn company_steps(facts: &CompanyFacts) -> Vec<Step> {
    vec![classify(facts), install(facts), update(facts), permit(facts), remove(facts)]
}

fn classify(facts: &CompanyFacts) -> Step {
    let hint = match facts.suggested {
        0 => String::new(),
        suggested => format!(" For {suggested} of them something is suggested."),
    };
    let step = match facts.undefined {
        0 => Step::new(StepKind::Classify, StepState::Done, "It is said of every account whose it is."),
        undefined => Step::new(
            StepKind::Classify,
            StepState::Open,
            format!(
                "Say whose {}: nobody can replace an account without knowing its owner.{hint}",
                counted(undefined, "account is", "accounts are")
            ),
        ),
    };
    step.with_left(facts.undefined)
}

fn install(facts: &CompanyFacts) -> Step {
    let step = match (facts.installable, facts.unready) {
        (0, 0) => Step::new(
            StepKind::Install,
            StepState::Done,
            "Every application that is known to replace an account is installed.",
        ),
        (0, unready) => Step::new(
            StepKind::Install,
            StepState::Waiting,
            format!(
                "Ask the developers of {} for a date: there is nothing to install yet.",
                counted(unready, "application", "applications")
            ),
        ),
        (installable, unready) => {
            let more = match unready {
                0 => String::new(),
                unready => format!(" Ask the developers of {unready} more for a date."),
            };
            let what =
                counted(installable, "application that replaces an account", "applications that replace accounts");
            Step::new(StepKind::Install, StepState::Open, format!("Install {what}.{more}"))
        }
    };
    step.with_left(facts.installable + facts.unready)
}

fn update(facts: &CompanyFacts) -> Step {
    let step = match (facts.updates, facts.wider) {
        (0, _) => Step::new(StepKind::Update, StepState::Done, "Everything that is installed is up to date."),
        (updates, 0) => Step::new(
            StepKind::Update,
            StepState::Open,
            format!("Make {}; none asks for wider permissions.", counted(updates, "update", "updates")),
        ),
        (updates, wider) => Step::new(
            StepKind::Update,
            StepState::Open,
            format!(
                "Make {}; {} for wider permissions, which you approve or not.",
                counted(updates, "update", "updates"),
                counted(wider, "asks", "ask")
            ),
        ),
    };
    step.with_left(facts.updates)
}

fn permit(facts: &CompanyFacts) -> Step {
    let step = match facts.projects {
        0 => Step::new(
            StepKind::PermitProjects,
            StepState::Done,
            "No installation is known to reach fewer projects than the account that it replaces.",
        ),
        projects => Step::new(
            StepKind::PermitProjects,
            StepState::Open,
            format!(
                "Look at the permitted projects of {}: what they replace reached more.",
                counted(projects, "installation", "installations")
            ),
        ),
    };
    step.with_left(facts.projects)
}

fn remove(facts: &CompanyFacts) -> Step {
    let asked = |to_ask: u64| format!("Ask about {} that nobody uses.", counted(to_ask, "account", "accounts"));
    let step = match (facts.accounts, facts.removable, facts.to_ask) {
        (0, _, _) => Step::new(StepKind::Remove, StepState::Done, "No old account is left."),
        (left, 0, 0) => Step::new(
            StepKind::Remove,
            StepState::Later,
            format!(
                "Remove {} once nothing calls with them any more: not yet.",
                counted(left, "old account", "old accounts")
            ),
        ),
        (_, 0, to_ask) => Step::new(StepKind::Remove, StepState::Open, asked(to_ask)),
        (_, removable, to_ask) => {
            let more = if to_ask == 0 { String::new() } else { format!(" {}", asked(to_ask)) };
            let what = counted(removable, "old account", "old accounts");
            Step::new(StepKind::Remove, StepState::Open, format!("Remove {what} that nobody uses any more.{more}"))
        }
    };
    step.with_left(facts.accounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::migration::next_step;

    #[test]
    fn b82_b84_b88_a_company_is_told_what_comes_first() {
        use StepKind::{Classify, Install, PermitProjects, Remove, Update};
        let facts = CompanyFacts { accounts: 3, ..CompanyFacts::default() };
        let cases = [
            ("nothing left", CompanyFacts::default(), None, "No old account is left."),
            ("in use", facts, None, "Remove 3 old accounts once nothing calls with them any more: not yet."),
            (
                "nobody's",
                CompanyFacts { undefined: 1, installable: 1, ..facts },
                Some(Classify),
                "Say whose 1 account is: nobody can replace an account without knowing its owner.",
            ),
            (
                "nobody's, suggested",
                CompanyFacts { undefined: 2, suggested: 1, ..facts },
                Some(Classify),
                "Say whose 2 accounts are: nobody can replace an account without knowing its owner. For 1 of them \
                 something is suggested.",
            ),
            (
                "to install",
                CompanyFacts { installable: 2, unready: 1, updates: 1, ..facts },
                Some(Install),
                "Install 2 applications that replace accounts. Ask the developers of 1 more for a date.",
            ),
            (
                "nothing to install yet",
                CompanyFacts { unready: 1, ..facts },
                None,
                "Ask the developers of 1 application for a date: there is nothing to install yet.",
            ),
            (
                "wider",
                CompanyFacts { updates: 2, wider: 1, projects: 1, ..facts },
                Some(Update),
                "Make 2 updates; 1 asks for wider permissions, which you approve or not.",
            ),
            (
                "projects",
                CompanyFacts { projects: 1, removable: 1, ..facts },
                Some(PermitProjects),
                "Look at the permitted projects of 1 installation: what they replace reached more.",
            ),
            (
                "to remove",
                CompanyFacts { removable: 1, to_ask: 2, ..facts },
                Some(Remove),
                "Remove 1 old account that nobody uses any more. Ask about 2 accounts that nobody uses.",
            ),
        ];
        for (case, facts, next, sentence) in cases {
            let steps = company_steps(&facts);
            assert_eq!(next_step(&steps).map(|step| step.kind), next, "{case}");
            let said: Vec<&str> = steps.iter().map(|step| step.sentence.as_str()).collect();
            assert!(said.contains(&sentence), "{case}: {said:#?}");
        }
    }
}
