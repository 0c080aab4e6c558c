//! APIs: a context, a policy, and what people read about them.

use chrono::{DateTime, Utc};

use super::fact::{Fact, FactKind, Subject};
use super::name::{Context, PolicyName};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::{Refusal, Taken};
use super::setting::Setting;

/// An API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Its context.
    pub context: Context,
    /// Name shown to people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Its lifecycle policy; never changes.
    pub policy: PolicyName,
    /// Categories.
    pub categories: Vec<String>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

/// Command: register an API.
#[derive(Debug, Clone)]
pub struct CreateApi {
    /// Its context.
    pub context: Context,
    /// Name shown to people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Its lifecycle policy.
    pub policy: PolicyName,
    /// Categories.
    pub categories: Vec<String>,
}

/// Command: change what people read about an API.
#[derive(Debug, Clone)]
pub struct UpdateApi {
    /// Its context.
    pub context: Context,
    /// New title, if it changes.
    pub title: Option<String>,
    /// New description, if it changes.
    pub description: Option<String>,
    /// New categories, if they change.
    pub categories: Option<Vec<String>>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn subject(context: &Context) -> Subject {
    Subject { context: Some(context.clone()), ..Subject::default() }
}

impl CreateApi {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Api(self.context.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("register an API")?;
        if records.api(&self.context).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::Api, name: self.context.to_string() });
        }
        if setting.rules.policies.get(&self.policy).is_none() {
            return Err(Refusal::PolicyNotFound(self.policy.clone()));
        }
        let api = Api {
            context: self.context.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            policy: self.policy.clone(),
            categories: self.categories.clone(),
            created_at: setting.now,
        };
        let fact = Fact::new(FactKind::ApiCreated, subject(&api.context)).change("title", "", &api.title).change(
            "policy",
            "",
            &api.policy,
        );
        Ok(Outcome::write(RecordKey::Api(api.context.clone()), Record::Api(api), fact))
    }
}

impl UpdateApi {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Api(self.context.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("change an API")?;
        let old = records.api(&self.context).ok_or_else(|| Refusal::ApiNotFound(self.context.clone()))?;
        records.check_etag(&RecordKey::Api(self.context.clone()), self.etag)?;
        let new = Api {
            title: self.title.clone().unwrap_or_else(|| old.title.clone()),
            description: self.description.clone().unwrap_or_else(|| old.description.clone()),
            categories: self.categories.clone().unwrap_or_else(|| old.categories.clone()),
            ..old.clone()
        };
        let key = RecordKey::Api(self.context.clone());
        if new == *old {
            return Ok(Outcome::unchanged(key, Record::Api(new)));
        }
        let fact = Fact::new(FactKind::ApiUpdated, subject(&self.context))
            .change("title", &old.title, &new.title)
            .change("description", &old.description, &new.description)
            .change("categories", old.categories.join(", "), new.categories.join(", "));
        Ok(Outcome::write(key, Record::Api(new), fact))
    }
}
