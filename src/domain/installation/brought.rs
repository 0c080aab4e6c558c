//! Installations that exist in another system: what they state, and what bringing one again means.

use chrono::{DateTime, Utc};

use super::command::Install;
use super::{Installation, Interval};
use crate::domain::actor::Actor;
use crate::domain::app_version::Step;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::name::Email;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::Record;
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Since when an application is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// From now on, by the actor.
    Now,
    /// It is installed in another system since then: operators only. That system has decided whether it could be; what is
    /// there is not a new installation.
    Elsewhere {
        /// Since when.
        at: DateTime<Utc>,
        /// By whom, if that is known.
        by: Option<Email>,
    },
}

impl Installed {
    /// Who installed it, and when.
    ///
    /// # Errors
    /// When the actor may not say that, or it cannot be.
    pub(super) fn step(&self, setting: &Setting<'_>) -> Result<Step, Refusal> {
        let actor = || setting.actor.to_string();
        match self {
            Installed::Now => Ok(Step { by: actor(), at: setting.now }),
            Installed::Elsewhere { at, by } => {
                setting.operator("import an installation")?;
                if *at > setting.now {
                    return Err(Refusal::invalid("install_time", "must not lie ahead"));
                }
                let by = by.clone().map_or_else(actor, |email| Actor::Collaborator(email).to_string());
                Ok(Step { by, at: *at })
            }
        }
    }

    pub(super) const fn fact_kind(&self) -> FactKind {
        match self {
            Installed::Now => FactKind::AppInstalled,
            Installed::Elsewhere { .. } => FactKind::InstallationImported,
        }
    }

    /// Adds what was stated to the fact: who brings an installation did not make it.
    pub(super) fn tell(&self, fact: Fact, step: &Step) -> Fact {
        match self {
            Installed::Now => fact,
            Installed::Elsewhere { at, .. } => fact.change("installed_by", "", &step.by).effective(Some(*at)),
        }
    }
}

impl Install {
    /// What it means that there is, or was, an installation: one that exists elsewhere may have been brought before, and
    /// bringing it again changes nothing, as long as the two agree. One that ended here is not brought back by what
    /// happened elsewhere before.
    ///
    /// # Errors
    /// When the two do not agree.
    pub(super) fn again(&self, known: &Installation) -> Result<Option<Outcome>, Refusal> {
        let Installed::Elsewhere { at, .. } = &self.installed else { return Ok(None) };
        match known.intervals.last() {
            Some(Interval { until: Some(ended_at), .. }) if at < ended_at => {
                Err(Refusal::InstalledOutOfRange { since: *at, ended_at: *ended_at })
            }
            Some(Interval { until: None, .. }) => self.compare(known, *at).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    fn compare(&self, known: &Installation, at: DateTime<Utc>) -> Judgement {
        let compared = [
            ("install_time", known.intervals.iter().any(|interval| interval.from == at)),
            ("version", self.version.as_ref().is_none_or(|version| *version == known.version)),
            ("list of permitted projects", self.projects.as_ref().is_none_or(|projects| *projects == known.projects)),
        ];
        match compared.into_iter().find(|(_, agree)| !agree) {
            Some((field, _)) => Err(Refusal::InstallationDiffers {
                application: self.application.clone(),
                company: self.company.clone(),
                field,
            }),
            None => Ok(Outcome::unchanged(known.key(), Record::Installation(known.clone()))),
        }
    }
}
