//! Commands that move a version through its lifecycle: promote, deprecate, retire.

use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Lifecycle, Maturity, Schedule, Stage};

use super::fact::{Fact, FactKind, instant_text};
use super::moves::{Move, Planned, Verb, legal};
use super::name::VersionName;
use super::outcome::{Effect, Judgement, Outcome};
use super::policy::Policy;
use super::record::{Record, RecordKey, Records};
use super::refusal::{Refusal, Violation};
use super::setting::Setting;
use super::version::{Deployment, Version};

/// Command: raise the maturity of a version.
#[derive(Debug, Clone)]
pub struct PromoteVersion {
    /// Its name.
    pub name: VersionName,
    /// Where.
    pub environment: Environment,
    /// The new maturity.
    pub maturity: Maturity,
    /// Show the endpoints as enabled from now on.
    pub endpoints_enabled: bool,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: deprecate a version from an instant on.
#[derive(Debug, Clone)]
pub struct DeprecateVersion {
    /// Its name.
    pub name: VersionName,
    /// Where.
    pub environment: Environment,
    /// First instant of DEPRECATED; `None` means the instant of the commit.
    pub deprecated_at: Option<DateTime<Utc>>,
    /// First instant of RETIRED; `None` means to be announced.
    pub retires_at: Option<DateTime<Utc>>,
    /// The version to move to.
    pub successor: Option<VersionName>,
    /// Why.
    pub reason: String,
    /// Why a period shorter than the policy's is acceptable; empty to accept none.
    pub override_reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: retire a version from an instant on.
#[derive(Debug, Clone)]
pub struct RetireVersion {
    /// Its name.
    pub name: VersionName,
    /// Where.
    pub environment: Environment,
    /// First instant of RETIRED; `None` means the instant of the commit.
    pub retires_at: Option<DateTime<Utc>>,
    /// The version to move to; `None` keeps the one that is named.
    pub successor: Option<VersionName>,
    /// Why.
    pub reason: String,
    /// Why retirement sooner than promised is acceptable; empty to refuse it.
    pub override_reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Retirement comes later than deprecation (rule B30), unless an override reason is recorded.
///
/// # Errors
/// When it does not.
pub fn check_order(
    deprecated_at: DateTime<Utc>,
    retires_at: DateTime<Utc>,
    override_reason: &str,
) -> Result<(), Refusal> {
    if retires_at <= deprecated_at && override_reason.is_empty() {
        return Err(Refusal::RetirementBeforeDeprecation { deprecated_at, retires_at });
    }
    Ok(())
}

/// The dates of a deprecation: in their order, and by at least the policy's period apart (rule B27), unless an override
/// reason is recorded.
pub(super) fn check_dates(
    policy: &Policy,
    maturity: Maturity,
    deprecated_at: DateTime<Utc>,
    retires_at: DateTime<Utc>,
    override_reason: &str,
) -> Result<(), Refusal> {
    check_order(deprecated_at, retires_at, override_reason)?;
    let period = policy.period_from(maturity);
    let earliest = period.after(deprecated_at);
    if retires_at < earliest && override_reason.is_empty() {
        return Err(Refusal::PeriodTooShort { policy: policy.name.clone(), maturity, period, earliest });
    }
    Ok(())
}

/// Refuses a version as its own successor.
pub(super) fn check_successor(name: &VersionName, successor: Option<&VersionName>) -> Result<(), Refusal> {
    if successor != Some(name) {
        return Ok(());
    }
    Err(Refusal::InvalidFields(vec![Violation {
        field: "successor".to_owned(),
        sentence: "a version cannot be its own successor; name the one to move to, or none".to_owned(),
    }]))
}

/// What an operator should know of the successor of a version that ends (rule B41).
pub(super) fn successor_warnings(
    deployment: &Deployment,
    environment: Environment,
    records: &Records,
    now: DateTime<Utc>,
) -> Vec<String> {
    let schedule = deployment.lifecycle.schedule;
    if schedule == Schedule::Open {
        return Vec::new();
    }
    let Some(successor) = &deployment.successor else {
        return vec![format!("no successor is named in {environment}: subscribers are not told where to move to")];
    };
    let Some(version) = records.version(successor) else {
        return vec![format!("successor {successor} does not exist yet")];
    };
    let mut warnings = Vec::new();
    if !version.deployments.contains_key(&Environment::Sandbox) {
        warnings.push(format!("successor {successor} is not deployed in SANDBOX, where subscribers would test it"));
    }
    let Some(next) = version.deployments.get(&environment) else {
        warnings.push(format!("successor {successor} is not deployed in {environment}"));
        return warnings;
    };
    match next.lifecycle.stage(now) {
        Stage::Alpha => warnings.push(format!("successor {successor} is ALPHA and takes no subscriptions yet")),
        Stage::Deprecated => warnings.push(format!("successor {successor} is deprecated itself")),
        Stage::Retired => warnings.push(format!("successor {successor} is retired")),
        Stage::Beta | Stage::Stable => {
            if let (Some(ours), Some(theirs)) = (schedule.retires_at(), next.lifecycle.schedule.retires_at())
                && theirs <= ours
            {
                warnings.push(format!("successor {successor} is retired sooner, at {}", instant_text(Some(theirs))));
            }
        }
    }
    warnings
}

/// The version and its deployment, once it is clear that an operator may move it.
fn begin<'r>(
    name: &VersionName,
    environment: Environment,
    etag: Option<u64>,
    records: &'r Records,
    setting: &Setting<'_>,
) -> Result<(&'r Version, &'r Deployment), Refusal> {
    setting.operator("change the lifecycle of a version")?;
    let version = records.version(name).ok_or_else(|| Refusal::VersionNotFound(name.clone()))?;
    records.check_etag(&RecordKey::Version(name.clone()), etag)?;
    Ok((version, version.deployment(environment)?))
}

/// Refuses an illegal move, and one that needs an override reason but has none.
fn check_move(lifecycle: &Lifecycle, now: DateTime<Utc>, verb: Verb, override_reason: &str) -> Result<(), Refusal> {
    let from = lifecycle.stage(now);
    match legal(from, Planned::of(lifecycle, now), verb) {
        Move::Legal => Ok(()),
        Move::WithOverride(_) if !override_reason.is_empty() => Ok(()),
        Move::WithOverride(hint) | Move::Illegal(hint) => Err(Refusal::IllegalMove { verb: verb.name(), from, hint }),
    }
}

/// The deployment with a successor, if one is given, and where that one's documentation is.
pub(super) fn name_successor(
    deployment: &Deployment,
    successor: Option<&VersionName>,
    records: &Records,
) -> Deployment {
    let Some(successor) = successor else { return deployment.clone() };
    let uri = records.version(successor).map(|version| version.documentation_uri.clone()).unwrap_or_default();
    Deployment { successor: Some(successor.clone()), successor_uri: uri, ..deployment.clone() }
}

/// The outcome of giving a version a new deployment in one environment.
fn redeploy(
    version: &Version,
    environment: Environment,
    new: Deployment,
    fact: Fact,
    warnings: Vec<String>,
) -> Outcome {
    let mut changed = version.clone();
    let old = changed.deployments.insert(environment, new.clone()).expect("the deployment was found before");
    let successor = |d: &Deployment| d.successor.as_ref().map(ToString::to_string).unwrap_or_default();
    let fact = fact
        .change("maturity", old.lifecycle.maturity, new.lifecycle.maturity)
        .change("endpoints_enabled", old.endpoints_enabled, new.endpoints_enabled)
        .change(
            "deprecated_at",
            instant_text(old.lifecycle.schedule.deprecated_at()),
            instant_text(new.lifecycle.schedule.deprecated_at()),
        )
        .change(
            "retires_at",
            instant_text(old.lifecycle.schedule.retires_at()),
            instant_text(new.lifecycle.schedule.retires_at()),
        )
        .change("successor", successor(&old), successor(&new));
    // The effect may begin at once, and a subscription judged later must not have been committed earlier.
    Outcome::write(RecordKey::Version(changed.name.clone()), Record::Version(changed), fact)
        .warn(warnings)
        .with_effect(Effect::BeginsNow)
}

/// Now, or the given instant if it is not in the past.
fn not_past(field: &'static str, given: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    match given {
        Some(given) if given < now => Err(Refusal::InstantInPast { field, given }),
        Some(given) => Ok(given),
        None => Ok(now),
    }
}

impl PromoteVersion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Version(self.name.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let (version, deployment) = begin(&self.name, self.environment, self.etag, records, setting)?;
        let policy = version.policy(setting.rules)?;
        check_move(&deployment.lifecycle, setting.now, Verb::Promote(self.maturity), "")?;
        if !policy.stages.contains_key(&self.maturity.stage()) {
            return Err(Refusal::StageNotInPolicy { policy: policy.name.clone(), stage: self.maturity.stage() });
        }
        let new = Deployment {
            lifecycle: Lifecycle { maturity: self.maturity, schedule: deployment.lifecycle.schedule },
            endpoints_enabled: self.endpoints_enabled || deployment.endpoints_enabled,
            successor: deployment.successor.clone(),
            successor_uri: deployment.successor_uri.clone(),
        };
        let fact = Fact::new(FactKind::VersionPromoted, version.subject(Some(self.environment))).because(&self.reason);
        Ok(redeploy(version, self.environment, new, fact, Vec::new()))
    }
}

fn reads(name: &VersionName, successor: Option<&VersionName>) -> Vec<RecordKey> {
    [name].into_iter().chain(successor).cloned().map(RecordKey::Version).collect()
}

fn reasons(reason: &str, override_reason: &str) -> String {
    match (reason, override_reason) {
        (reason, "") => reason.to_owned(),
        ("", override_reason) => format!("override: {override_reason}"),
        (reason, override_reason) => format!("{reason} (override: {override_reason})"),
    }
}

impl DeprecateVersion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.name, self.successor.as_ref())
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let (version, deployment) = begin(&self.name, self.environment, self.etag, records, setting)?;
        check_successor(&self.name, self.successor.as_ref())?;
        let policy = version.policy(setting.rules)?;
        let lifecycle = deployment.lifecycle;
        check_move(&lifecycle, setting.now, Verb::Deprecate, "")?;
        let deprecated_at = not_past("deprecate_time", self.deprecated_at, setting.now)?;
        if let Some(retires_at) = self.retires_at {
            check_dates(policy, lifecycle.maturity, deprecated_at, retires_at, &self.override_reason)?;
            not_past("retire_time", Some(retires_at), setting.now)?;
        }
        let schedule = match self.retires_at {
            Some(retires_at) if retires_at <= deprecated_at => Schedule::Retirement { retires_at },
            retires_at => Schedule::Deprecation { deprecated_at, sunset_begins_at: None, retires_at },
        };
        let new = name_successor(deployment, self.successor.as_ref(), records);
        let new = Deployment { lifecycle: Lifecycle { maturity: lifecycle.maturity, schedule }, ..new };
        let fact = Fact::new(FactKind::VersionDeprecated, version.subject(Some(self.environment)))
            .effective(Some(deprecated_at))
            .because(&reasons(&self.reason, &self.override_reason));
        let warnings = if self.successor.is_some() || new.successor.is_none() {
            successor_warnings(&new, self.environment, records, setting.now)
        } else {
            Vec::new()
        };
        Ok(redeploy(version, self.environment, new, fact, warnings))
    }
}

impl RetireVersion {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        reads(&self.name, self.successor.as_ref())
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let (version, deployment) = begin(&self.name, self.environment, self.etag, records, setting)?;
        check_successor(&self.name, self.successor.as_ref())?;
        let policy = version.policy(setting.rules)?;
        let lifecycle = deployment.lifecycle;
        check_move(&lifecycle, setting.now, Verb::Retire, &self.override_reason)?;
        let retires_at = not_past("retire_time", self.retires_at, setting.now)?;
        let schedule = match lifecycle.schedule {
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at: planned } => {
                check_dates(policy, lifecycle.maturity, deprecated_at, retires_at, &self.override_reason)?;
                // A later date is free; an earlier one breaks a promise and needs a recorded reason.
                if let Some(planned) = planned
                    && retires_at < planned
                    && self.override_reason.is_empty()
                {
                    return Err(Refusal::IllegalMove {
                        verb: "retire",
                        from: lifecycle.stage(setting.now),
                        hint: "a later retirement was announced already; give an override reason to retire sooner",
                    });
                }
                if retires_at <= deprecated_at {
                    Schedule::Retirement { retires_at }
                } else {
                    Schedule::Deprecation {
                        deprecated_at,
                        sunset_begins_at: sunset_begins_at.filter(|begins| *begins <= retires_at),
                        retires_at: Some(retires_at),
                    }
                }
            }
            Schedule::Open | Schedule::Retirement { .. } => Schedule::Retirement { retires_at },
        };
        let new = name_successor(deployment, self.successor.as_ref(), records);
        let new = Deployment { lifecycle: Lifecycle { maturity: lifecycle.maturity, schedule }, ..new };
        let fact = Fact::new(FactKind::VersionRetired, version.subject(Some(self.environment)))
            .effective(Some(retires_at))
            .because(&reasons(&self.reason, &self.override_reason));
        let warnings = if self.successor.is_some() || new.successor.is_none() {
            successor_warnings(&new, self.environment, records, setting.now)
        } else {
            Vec::new()
        };
        Ok(redeploy(version, self.environment, new, fact, warnings))
    }
}
