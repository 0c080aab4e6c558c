//! Commands that publish a version, change what people read about it, and bring it to a further environment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Maturity, Schedule};

use super::fact::{Fact, FactKind, instant_text};
use super::field::FieldDefinition;
use super::ledger::LedgerEnd;
use super::name::VersionName;
use super::outcome::{Effect, Judgement, Outcome};
use super::policy::Policy;
use super::record::{Record, RecordKey, Records};
use super::refusal::{Refusal, Taken};
use super::schedule::{
    Announced, check_dates, check_notice, check_successor, check_sunset, name_successor, published, successor_keys,
    successor_warnings,
};
use super::setting::Setting;
use super::version::{AccessType, Deployment, Endpoint, Version};

/// Command: publish a version with the environments it is deployed in.
#[derive(Debug, Clone)]
pub struct CreateVersion {
    /// Its name.
    pub name: VersionName,
    /// What is new in it.
    pub description: String,
    /// Who may subscribe.
    pub access_type: AccessType,
    /// Its calls are about the data of one company.
    pub company_scoped: bool,
    /// Its operations.
    pub endpoints: Vec<Endpoint>,
    /// Values that subscribers give.
    pub fields: Vec<FieldDefinition>,
    /// Where it is deployed; dates may lie in the past.
    pub deployments: BTreeMap<Environment, Deployment>,
    /// Where its documentation is.
    pub documentation_uri: String,
    /// Why a period shorter than the policy's is acceptable; empty to accept none.
    pub override_reason: String,
}

/// Command: change what people read about a version, who may subscribe, and what subscribers give.
#[derive(Debug, Clone)]
pub struct UpdateVersion {
    /// Its name.
    pub name: VersionName,
    /// New description, if it changes.
    pub description: Option<String>,
    /// New access type, if it changes.
    pub access_type: Option<AccessType>,
    /// Whether its calls are about the data of one company, if that changes.
    pub company_scoped: Option<bool>,
    /// New operations, if they change.
    pub endpoints: Option<Vec<Endpoint>>,
    /// New subscription fields, if they change.
    pub fields: Option<Vec<FieldDefinition>>,
    /// New documentation URL, if it changes.
    pub documentation_uri: Option<String>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: bring a version to a further environment.
#[derive(Debug, Clone)]
pub struct DeployVersion {
    /// Its name.
    pub name: VersionName,
    /// The environment.
    pub environment: Environment,
    /// How; dates may lie in the past.
    pub deployment: Deployment,
    /// Why a period shorter than the policy's is acceptable; empty to accept none.
    pub override_reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// What must hold of a deployment however it comes about (rules B30, B39, and the policy's stages, notices and periods).
fn check_deployment(
    name: &VersionName,
    policy: &Policy,
    deployment: &Deployment,
    override_reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    Announced::of(deployment.ledger.announced_at, &LedgerEnd::default(), now)?;
    check_successor(name, deployment.successor.as_ref())?;
    let maturity = deployment.lifecycle.maturity;
    if !policy.stages.contains_key(&maturity.stage()) {
        return Err(Refusal::StageNotInPolicy { policy: policy.name.clone(), stage: maturity.stage() });
    }
    if maturity == Maturity::Alpha && deployment.endpoints_enabled {
        return Err(Refusal::AlphaEndpointsEnabled);
    }
    match deployment.lifecycle.schedule {
        Schedule::Open | Schedule::Retirement { .. } => Ok(()),
        Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at } => {
            if maturity == Maturity::Alpha {
                return Err(Refusal::IllegalMove {
                    verb: "deprecate",
                    from: maturity.stage(),
                    hint: "an ALPHA version has no subscribers to protect; give it a retirement only",
                });
            }
            // What has passed was never in force here for anybody who could have been told.
            if deprecated_at > now {
                let notice = policy.guards.notice.of(maturity);
                check_notice(policy, notice, now, deprecated_at, now, override_reason)?;
            }
            check_sunset(deprecated_at, sunset_begins_at, retires_at)?;
            sunset_begins_at
                .or(retires_at)
                .map_or(Ok(()), |ends_at| check_dates(policy, maturity, deprecated_at, ends_at, now, override_reason))
        }
    }
}

/// The deployment as it is kept: with where its successor is documented, and without a deprecation that would never come.
fn complete(deployment: &Deployment, records: &Records, now: DateTime<Utc>) -> Deployment {
    let mut complete = name_successor(deployment, deployment.successor.as_ref(), records);
    complete.ledger = LedgerEnd {
        revisions: 1,
        announced_at: deployment.ledger.announced_at.or(Some(now)),
        recorded_at: Some(now),
        zone: deployment.ledger.zone.clone(),
    };
    if let Schedule::Deprecation { deprecated_at, retires_at: Some(retires_at), .. } = complete.lifecycle.schedule
        && retires_at <= deprecated_at
    {
        complete.lifecycle.schedule = Schedule::Retirement { retires_at };
    }
    complete
}

fn describe(fact: Fact, deployment: &Deployment) -> Fact {
    fact.change("maturity", "", deployment.lifecycle.maturity)
        .change("deprecated_at", "", instant_text(deployment.lifecycle.schedule.deprecated_at()))
        .change("retires_at", "", instant_text(deployment.lifecycle.schedule.retires_at()))
        .change("successor", "", deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default())
}

impl CreateVersion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        let successors = self.deployments.values().filter_map(|deployment| deployment.successor.as_ref());
        [RecordKey::Api(self.name.context.clone()), RecordKey::Version(self.name.clone())]
            .into_iter()
            .chain(successors.flat_map(successor_keys))
            .collect()
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("publish a version")?;
        setting.may_override(&self.override_reason)?;
        let api = records.api(&self.name.context).ok_or_else(|| Refusal::ApiNotFound(self.name.context.clone()))?;
        if records.version(&self.name).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::Version, name: self.name.to_string() });
        }
        let policy =
            setting.rules.policies.get(&api.policy).ok_or_else(|| Refusal::PolicyNotFound(api.policy.clone()))?;
        let mut warnings = Vec::new();
        for (environment, deployment) in &self.deployments {
            check_deployment(&self.name, policy, deployment, &self.override_reason, setting.now)?;
            warnings.extend(successor_warnings(deployment, *environment, records, setting.now));
        }
        let version = Version {
            name: self.name.clone(),
            description: self.description.clone(),
            access_type: self.access_type,
            company_scoped: self.company_scoped,
            endpoints: self.endpoints.clone(),
            fields: self.fields.clone(),
            deployments: self
                .deployments
                .iter()
                .map(|(environment, deployment)| (*environment, complete(deployment, records, setting.now)))
                .collect(),
            documentation_uri: self.documentation_uri.clone(),
            created_at: setting.now,
            policy: api.policy.clone(),
        };
        let created = Fact::new(FactKind::VersionCreated, version.subject(None))
            .change("access_type", "", version.access_type.name())
            .change("company_scoped", false, version.company_scoped)
            .because(&self.override_reason);
        let deployed = version.deployments.iter().map(|(environment, deployment)| {
            describe(Fact::new(FactKind::VersionDeployed, version.subject(Some(*environment))), deployment)
        });
        let facts = [created].into_iter().chain(deployed).collect();
        let key = RecordKey::Version(self.name.clone());
        let revisions = version.deployments.iter().map(|(environment, deployment)| {
            published(&version.name, *environment, deployment, &self.override_reason, setting)
        });
        Ok(Outcome {
            writes: [(key.clone(), Record::Version(version.clone()))].into_iter().chain(revisions).collect(),
            facts,
            subject: (key, Record::Version(version)),
            warnings,
            dropped: Vec::new(),
            effect: Effect::BeginsNow,
        })
    }
}

impl UpdateVersion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Version(self.name.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("change a version")?;
        let old = records.version(&self.name).ok_or_else(|| Refusal::VersionNotFound(self.name.clone()))?;
        records.check_etag(&RecordKey::Version(self.name.clone()), self.etag)?;
        let new = Version {
            description: self.description.clone().unwrap_or_else(|| old.description.clone()),
            access_type: self.access_type.unwrap_or(old.access_type),
            company_scoped: self.company_scoped.unwrap_or(old.company_scoped),
            endpoints: self.endpoints.clone().unwrap_or_else(|| old.endpoints.clone()),
            fields: self.fields.clone().unwrap_or_else(|| old.fields.clone()),
            documentation_uri: self.documentation_uri.clone().unwrap_or_else(|| old.documentation_uri.clone()),
            ..old.clone()
        };
        let key = RecordKey::Version(self.name.clone());
        if new == *old {
            return Ok(Outcome::unchanged(key, Record::Version(new)));
        }
        let endpoints = |version: &Version| {
            let lines = version.endpoints.iter().map(|e| format!("{} {} {:?}", e.method, e.path, e.auth_type));
            lines.collect::<Vec<_>>().join(", ")
        };
        let fields = |version: &Version| {
            let lines = version.fields.iter().map(|f| {
                let required = if f.required { "required" } else { "optional" };
                format!(
                    "{} {required} default {:?} pattern {:?}: {}",
                    f.name, f.default_value, f.pattern, f.description
                )
            });
            lines.collect::<Vec<_>>().join("; ")
        };
        let fact = Fact::new(FactKind::VersionUpdated, new.subject(None))
            .change("description", &old.description, &new.description)
            .change("access_type", old.access_type.name(), new.access_type.name())
            .change("company_scoped", old.company_scoped, new.company_scoped)
            .change("endpoints", endpoints(old), endpoints(&new))
            .change("fields", fields(old), fields(&new))
            .change("documentation_uri", &old.documentation_uri, &new.documentation_uri);
        Ok(Outcome::write(key, Record::Version(new), fact).with_effect(Effect::BeginsNow))
    }
}

impl DeployVersion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        [RecordKey::Version(self.name.clone())]
            .into_iter()
            .chain(self.deployment.successor.iter().flat_map(successor_keys))
            .collect()
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.publisher("deploy a version")?;
        setting.may_override(&self.override_reason)?;
        let old = records.version(&self.name).ok_or_else(|| Refusal::VersionNotFound(self.name.clone()))?;
        records.check_etag(&RecordKey::Version(self.name.clone()), self.etag)?;
        if old.deployments.contains_key(&self.environment) {
            let name = format!("{} of version {}", self.environment, self.name);
            return Err(Refusal::AlreadyExists { what: Taken::Deployment, name });
        }
        let policy = old.policy(setting.rules)?;
        check_deployment(&self.name, policy, &self.deployment, &self.override_reason, setting.now)?;
        let mut new = old.clone();
        let deployment = complete(&self.deployment, records, setting.now);
        let (place, revision) = published(&self.name, self.environment, &deployment, &self.override_reason, setting);
        new.deployments.insert(self.environment, deployment);
        let fact = Fact::new(FactKind::VersionDeployed, new.subject(Some(self.environment)));
        let fact = describe(fact, &self.deployment).because(&self.override_reason);
        let warnings = successor_warnings(&self.deployment, self.environment, records, setting.now);
        Ok(Outcome::write(RecordKey::Version(self.name.clone()), Record::Version(new), fact)
            .also(place, revision)
            .warn(warnings)
            .with_effect(Effect::BeginsNow))
    }
}
