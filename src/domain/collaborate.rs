//! Commands about the people who work on an application.

use super::application::{Application, COLLABORATORS_MAX, Role};
use super::fact::{Fact, FactKind};
use super::name::{ApplicationId, Email};
use super::outcome::Judgement;
use super::record::{RecordKey, Records};
use super::refusal::Refusal;
use super::register::{load, store};
use super::setting::Setting;

/// Command: add a person.
#[derive(Debug, Clone)]
pub struct AddCollaborator {
    /// The application.
    pub id: ApplicationId,
    /// The person.
    pub email: Email,
    /// What the person may do.
    pub role: Role,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: remove a person.
#[derive(Debug, Clone)]
pub struct RemoveCollaborator {
    /// The application.
    pub id: ApplicationId,
    /// The person.
    pub email: Email,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: give a person another role.
#[derive(Debug, Clone)]
pub struct ChangeCollaboratorRole {
    /// The application.
    pub id: ApplicationId,
    /// The person.
    pub email: Email,
    /// The new role.
    pub role: Role,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn begin<'r>(
    id: &ApplicationId,
    etag: Option<u64>,
    records: &'r Records,
    setting: &Setting<'_>,
) -> Result<&'r Application, Refusal> {
    let application = load(id, etag, records)?;
    application.administrator(setting, "change who works on an application")?;
    application.not_deleted()?;
    Ok(application)
}

impl AddCollaborator {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let old = begin(&self.id, self.etag, records, setting)?;
        old.not_blocked()?;
        if old.collaborators.contains_key(&self.email) {
            return Err(Refusal::CollaboratorExists(self.email.clone()));
        }
        if old.collaborators.len() >= COLLABORATORS_MAX {
            return Err(Refusal::LimitReached { what: "collaborators of one application", limit: COLLABORATORS_MAX });
        }
        let mut new = old.clone();
        new.collaborators.insert(self.email.clone(), self.role);
        let fact = Fact::new(FactKind::CollaboratorAdded, new.subject()).change("email", "", &self.email).change(
            "role",
            "",
            self.role.name(),
        );
        Ok(store(new, fact))
    }
}

impl RemoveCollaborator {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let old = begin(&self.id, self.etag, records, setting)?;
        let mut new = old.clone();
        let Some(role) = new.collaborators.remove(&self.email) else {
            return Err(Refusal::CollaboratorNotFound(self.email.clone()));
        };
        if !new.has_administrator() {
            return Err(Refusal::LastAdministrator(self.email.clone()));
        }
        let fact = Fact::new(FactKind::CollaboratorRemoved, new.subject()).change("email", &self.email, "").change(
            "role",
            role.name(),
            "",
        );
        Ok(store(new, fact))
    }
}

impl ChangeCollaboratorRole {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let old = begin(&self.id, self.etag, records, setting)?;
        let mut new = old.clone();
        let Some(role) = new.collaborators.insert(self.email.clone(), self.role) else {
            return Err(Refusal::CollaboratorNotFound(self.email.clone()));
        };
        if !new.has_administrator() {
            return Err(Refusal::LastAdministrator(self.email.clone()));
        }
        if role == Role::Developer && self.role == Role::Administrator {
            old.not_blocked()?;
        }
        let fact = Fact::new(FactKind::CollaboratorRoleChanged, new.subject()).change("email", "", &self.email).change(
            "role",
            role.name(),
            self.role.name(),
        );
        Ok(store(new, fact))
    }
}
