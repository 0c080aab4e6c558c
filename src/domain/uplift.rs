//! Uplift: a new production application from a sandbox one, with those of its subscriptions that production grants now
//! (rule B15, defect X2).
//!
//! Both halves ask the judgements that everything else comes through: that of [`CreateApplication`], and for each
//! subscription that of [`Subscribe`], as if the new application asked for it. What is not granted is dropped and named.

use std::borrow::Cow;

use devhub_decision::{Environment, Stage};

use super::application::{Application, Kind, Persona};
use super::fact::{Fact, FactKind};
use super::field::carried;
use super::name::{ApplicationId, ClientId, SubscriptionId, VersionName};
use super::outcome::{Dropped, Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;
use super::register::{ClientIdOrigin, CreateApplication};
use super::setting::Setting;
use super::subscribe::{Since, Subscribe, stage_at};
use super::waiver::{Waiver, WaiverKind};

/// Most subscriptions that one uplift carries.
pub const CARRIED_MAX: usize = 100;

/// A subscription to carry.
#[derive(Debug, Clone)]
pub struct Carry {
    /// Id of the new subscription.
    pub id: SubscriptionId,
    /// The version.
    pub version: VersionName,
}

/// Command: uplift a sandbox application.
#[derive(Debug, Clone)]
pub struct UpliftApplication {
    /// The sandbox application.
    pub source: ApplicationId,
    /// Id of the production application.
    pub id: ApplicationId,
    /// What it will present to gateways: made by devhub.
    pub client_id: ClientId,
    /// Its name.
    pub name: String,
    /// What it does; `None` for what the sandbox application does.
    pub description: Option<String>,
    /// The subscriptions to carry, at most [`CARRIED_MAX`].
    pub carry: Vec<Carry>,
}

impl UpliftApplication {
    fn create(&self, source: Option<&Application>) -> CreateApplication {
        CreateApplication {
            id: self.id.clone(),
            client_id: self.client_id.clone(),
            client_id_origin: ClientIdOrigin::Made,
            name: self.name.clone(),
            description: self
                .description
                .clone()
                .or_else(|| source.map(|source| source.description.clone()))
                .unwrap_or_default(),
            environment: Environment::Production,
            owner: source.map(|source| source.owner.clone()).unwrap_or_default(),
            kind: source.map_or(Kind::Standard, |source| source.kind),
            persona: source.map_or(Persona::CustomIntegration, |source| source.persona),
            collaborators: source.map(|source| source.collaborators.clone()).unwrap_or_default(),
        }
    }

    fn subscribe(&self, carry: &Carry) -> Subscribe {
        Subscribe {
            id: carry.id.clone(),
            application: self.id.clone(),
            version: carry.version.clone(),
            since: Since::Now,
            field_values: Default::default(),
        }
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        let mut keys = vec![RecordKey::Application(self.source.clone())];
        keys.extend(self.create(None).reads());
        for carry in &self.carry {
            let version = carry.version.clone();
            keys.extend(self.subscribe(carry).reads());
            keys.push(RecordKey::Subscription(self.source.clone(), version.clone()));
            keys.push(RecordKey::Waiver(self.source.clone(), version, WaiverKind::NewSubscription));
        }
        keys
    }

    /// The new application as the records of the judgement of `Subscribe` show it: made, and with the sandbox
    /// application's waiver where the version is deprecated.
    fn seen<'r>(
        &self,
        carry: &Carry,
        application: &Application,
        records: &'r Records,
        setting: &Setting<'_>,
    ) -> Result<Cow<'r, Records>, Refusal> {
        let version = records.effective_version(&carry.version)?;
        let stage = stage_at(version.deployment(Environment::Production)?, setting.now);
        let waiver = records.waiver(&self.source, &carry.version, &WaiverKind::NewSubscription);
        let waiver = waiver.filter(|_| stage == Stage::Deprecated).map(|waiver| Waiver {
            application: self.id.clone(),
            client_id: application.client_id.clone(),
            environment: application.environment,
            ..waiver.clone()
        });
        Ok(match waiver {
            Some(waiver) => Cow::Owned(records.clone().after(&[(waiver.key(), Record::Waiver(waiver))])),
            None => Cow::Borrowed(records),
        })
    }

    /// One subscription of the new application.
    fn carry(
        &self,
        carry: &Carry,
        source: &Application,
        application: &Application,
        records: &Records,
        setting: &Setting<'_>,
    ) -> Judgement {
        let version = records.effective_version(&carry.version)?;
        let held = records
            .subscription(&self.source, &carry.version)
            .filter(|held| held.end(Some(source), Some(&version), setting.now).is_none())
            .ok_or_else(|| Refusal::SubscriptionNotFound {
                application: self.source.clone(),
                version: carry.version.clone(),
            })?;
        let (field_values, _) = carried(&version.fields, &held.field_values);
        let records = self.seen(carry, application, records, setting)?;
        Subscribe { field_values, ..self.subscribe(carry) }.judge(&records, setting)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let source =
            records.application(&self.source).ok_or_else(|| Refusal::ApplicationNotFound(self.source.clone()))?;
        source.administrator(setting, "uplift an application")?;
        source.not_deleted()?;
        source.not_blocked()?;
        source.lives_in(Environment::Sandbox)?;
        if self.carry.len() > CARRIED_MAX {
            return Err(Refusal::LimitReached { what: "subscriptions of one uplift", limit: CARRIED_MAX });
        }
        let mut outcome = self.create(Some(source)).judge(records, setting)?;
        let (key, made) = outcome.subject.clone();
        let Record::Application(made) = made else { unreachable!("CreateApplication makes an application") };
        let application = Application { uplifted_from: Some(self.source.clone()), ..made };
        let fact =
            Fact::new(FactKind::ApplicationUplifted, application.subject()).change("uplifted_from", "", &self.source);
        outcome = outcome.and(Outcome::write(key, Record::Application(application.clone()), fact));
        let records = records.clone().after(&outcome.writes);
        for carry in &self.carry {
            match self.carry(carry, source, &application, &records, setting) {
                Ok(subscribed) => outcome = outcome.and(subscribed),
                Err(refusal) => outcome.dropped.push(Dropped { version: carry.version.clone(), refusal }),
            }
        }
        let left = outcome.dropped.iter().map(|dropped| dropped.version.to_string()).collect::<Vec<_>>().join(", ");
        if let Some(fact) = outcome.facts.iter_mut().find(|fact| fact.kind == FactKind::ApplicationUplifted) {
            *fact = fact.clone().change("dropped", "", left);
        }
        Ok(outcome)
    }
}
