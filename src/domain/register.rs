//! Commands that register, rename, delete and restore applications.

use std::collections::BTreeMap;

use devhub_decision::Environment;

use super::actor::Actor;
use super::application::{Application, COLLABORATORS_MAX, Deletion, Kind, Persona, Role, State};
use super::fact::{Fact, FactKind};
use super::name::{ApplicationId, ClientId, Email};
use super::outcome::{Effect, Judgement, Outcome};
use super::record::{Bearer, Record, RecordKey, Records};
use super::refusal::{Refusal, Taken, Violation};
use super::setting::{ProductionDeletion, Setting};

/// Whether the caller chose a client id or devhub made one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientIdOrigin {
    /// devhub made it.
    Made,
    /// The caller brought it: operators only.
    Brought,
}

/// Command: register an application.
#[derive(Debug, Clone)]
pub struct CreateApplication {
    /// Its id.
    pub id: ApplicationId,
    /// What it will present to gateways.
    pub client_id: ClientId,
    /// Where the client id is from.
    pub client_id_origin: ClientIdOrigin,
    /// Name shown to people.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The environment it will live in.
    pub environment: Environment,
    /// The organisation that owns it.
    pub owner: String,
    /// Who manages its subscriptions.
    pub kind: Kind,
    /// Who builds it.
    pub persona: Persona,
    /// The people who work on it; the actor is added when it is a person.
    pub collaborators: BTreeMap<Email, Role>,
}

/// Command: change what people read about an application.
#[derive(Debug, Clone)]
pub struct UpdateApplication {
    /// Its id.
    pub id: ApplicationId,
    /// New name, if it changes.
    pub name: Option<String>,
    /// New description, if it changes.
    pub description: Option<String>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: delete an application.
#[derive(Debug, Clone)]
pub struct DeleteApplication {
    /// Its id.
    pub id: ApplicationId,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: restore a deleted application.
#[derive(Debug, Clone)]
pub struct RestoreApplication {
    /// Its id.
    pub id: ApplicationId,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// The application, if the caller read its current revision.
pub(super) fn load<'r>(
    id: &ApplicationId,
    etag: Option<u64>,
    records: &'r Records,
) -> Result<&'r Application, Refusal> {
    let application = records.application(id).ok_or_else(|| Refusal::ApplicationNotFound(id.clone()))?;
    records.check_etag(&RecordKey::Application(id.clone()), etag)?;
    Ok(application)
}

/// The outcome of giving an application a new record.
pub(super) fn store(application: Application, fact: Fact) -> Outcome {
    Outcome::write(RecordKey::Application(application.id.clone()), Record::Application(application), fact)
}

/// Refuses a name that another production application bears or has borne; names are compared without regard to case. A
/// name is never released, neither by renaming nor by deletion, so that nobody passes for a known application.
fn name_is_free(records: &Records, name: &str, own: &ApplicationId) -> Result<(), Refusal> {
    match records.application_name(name) {
        Some(bearer) if *bearer != Bearer::Application(own.clone()) => {
            Err(Refusal::AlreadyExists { what: Taken::ApplicationName, name: name.to_owned() })
        }
        _ => Ok(()),
    }
}

impl CreateApplication {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![
            RecordKey::Application(self.id.clone()),
            RecordKey::ClientId(self.client_id.clone()),
            RecordKey::ApplicationName(self.name.to_lowercase()),
        ]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        if self.kind != Kind::Standard {
            setting.operator("register an application that is not STANDARD")?;
        }
        if self.client_id_origin == ClientIdOrigin::Brought {
            setting.operator("choose a client id")?;
        }
        if records.application(&self.id).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::Application, name: self.id.to_string() });
        }
        if records.client_id(&self.client_id).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::ClientId, name: self.client_id.to_string() });
        }
        let mut collaborators = self.collaborators.clone();
        if let Actor::Collaborator(email) = setting.actor {
            collaborators.insert(email.clone(), Role::Administrator);
        }
        if collaborators.len() > COLLABORATORS_MAX {
            return Err(Refusal::LimitReached { what: "collaborators of one application", limit: COLLABORATORS_MAX });
        }
        let straight_to_production = self.environment == Environment::Sandbox || self.kind != Kind::Standard;
        let application = Application {
            id: self.id.clone(),
            client_id: self.client_id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            environment: self.environment,
            owner: self.owner.clone(),
            kind: self.kind,
            persona: self.persona,
            state: if straight_to_production { State::Production } else { State::Testing },
            collaborators,
            blocked: false,
            deletion_restriction: String::new(),
            created_at: setting.now,
            uplifted_from: None,
            deletion: None,
        };
        if !application.has_administrator() {
            return Err(Refusal::InvalidFields(vec![Violation {
                field: "application.collaborators".to_owned(),
                sentence: "at least one collaborator must have the ADMINISTRATOR role; add one".to_owned(),
            }]));
        }
        let fact = Fact::new(FactKind::ApplicationCreated, application.subject())
            .change("name", "", &application.name)
            .change("client_id", "", &application.client_id)
            .change("state", "", application.state);
        let id = application.id.clone();
        let bearer = Record::Name(Bearer::Application(id.clone()));
        let outcome = store(application, fact).also(RecordKey::ClientId(self.client_id.clone()), bearer.clone());
        if self.environment == Environment::Production {
            name_is_free(records, &self.name, &id)?;
            return Ok(outcome.also(RecordKey::ApplicationName(self.name.to_lowercase()), bearer));
        }
        Ok(outcome)
    }
}

impl UpdateApplication {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        [RecordKey::Application(self.id.clone())]
            .into_iter()
            .chain(self.name.as_ref().map(|name| RecordKey::ApplicationName(name.to_lowercase())))
            .collect()
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let old = load(&self.id, self.etag, records)?;
        old.collaborator(setting)?;
        old.not_deleted()?;
        let production = old.environment == Environment::Production;
        if production {
            old.administrator(setting, "change a production application")?;
        }
        let mut new = old.clone();
        let mut outcome_name = None;
        if let Some(name) = &self.name {
            if production {
                name_is_free(records, name, &self.id)?;
                outcome_name = Some(RecordKey::ApplicationName(name.to_lowercase()));
            }
            new.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            new.description.clone_from(description);
        }
        if new == *old {
            return Ok(Outcome::unchanged(RecordKey::Application(self.id.clone()), Record::Application(new)));
        }
        let fact = Fact::new(FactKind::ApplicationUpdated, new.subject()).change("name", &old.name, &new.name).change(
            "description",
            &old.description,
            &new.description,
        );
        let outcome = store(new, fact);
        Ok(match outcome_name {
            Some(key) => outcome.also(key, Record::Name(Bearer::Application(self.id.clone()))),
            None => outcome,
        })
    }
}

impl DeleteApplication {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let old = load(&self.id, self.etag, records)?;
        old.administrator(setting, "delete an application")?;
        old.not_deleted()?;
        if !setting.actor.is_staff() {
            let restricted = |why: &str| Err(Refusal::DeletionRestricted(why.to_owned()));
            if !old.deletion_restriction.is_empty() {
                return restricted(&old.deletion_restriction);
            }
            if old.kind != Kind::Standard {
                return restricted("it is not a STANDARD application");
            }
            if old.is_approved_production() && setting.rules.production_deletion == ProductionDeletion::Restricted {
                return restricted("it is a production application");
            }
        }
        let deletion = Deletion { at: setting.now, by: setting.actor.to_string() };
        let new = Application { deletion: Some(deletion), ..old.clone() };
        let fact = Fact::new(FactKind::ApplicationDeleted, new.subject())
            .change("state", old.state, "DELETED")
            .because(&self.reason);
        Ok(store(new, fact).with_effect(Effect::BeginsNow))
    }
}

impl RestoreApplication {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("restore an application")?;
        let old = load(&self.id, self.etag, records)?;
        let Some(deletion) = &old.deletion else {
            return Err(Refusal::NothingToDo("the application is not deleted, so there is nothing to restore"));
        };
        // Past the end of the calendar there is no limit left to pass.
        if let Some(until) = old.restorable_until(setting.rules.restore_window_days)
            && setting.now >= until
        {
            return Err(Refusal::RestoreWindowPassed { deleted_at: deletion.at, until });
        }
        let new = Application { deletion: None, ..old.clone() };
        let fact = Fact::new(FactKind::ApplicationRestored, new.subject())
            .change("state", "DELETED", new.state)
            .because(&self.reason);
        Ok(store(new, fact).with_effect(Effect::BeginsNow))
    }
}
