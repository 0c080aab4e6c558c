//! Where a timetable is kept: in a version, in one of its operations, or in a namespace; and its revisions.

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Environment, Lifecycle, Maturity, Schedule, Stage};

use super::announced::Announced;
use super::dates::{Changed, Judge, Timetable};
use super::successor::{check_successor, invalid, name_successor, successor_warnings};
use super::{LifecycleChange, Step, Successor};
use crate::domain::fact::{Fact, FactKind, instant_text};
use crate::domain::ledger::{LedgerEnd, OperationName, Revision, RevisionKind, Target};
use crate::domain::name::{Context, VersionName, Zone};
use crate::domain::namespace::{Namespace, NamespaceDeployment, contains, pending};
use crate::domain::operation::OperationSchedule;
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::policy::{Parts, Policy};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::{Refusal, Violation};
use crate::domain::setting::Setting;
use crate::domain::version::Deployment;

/// Most operations of a version in one environment that have dates of their own.
const OPERATIONS_MAX: usize = 500;

/// What a change makes of its target.
pub(super) fn judge(change: &LifecycleChange, records: &Records, setting: &Setting<'_>) -> Judgement {
    match &change.target {
        Target::Version(name, environment) => judge_version(change, name, *environment, records, setting),
        Target::Operation(name, environment) => judge_operation(change, name, *environment, records, setting),
        Target::Namespace(name, environment) => judge_namespace(change, name, *environment, records, setting),
    }
}

fn fact_kind(kind: RevisionKind) -> FactKind {
    match kind {
        RevisionKind::Published => FactKind::VersionDeployed,
        RevisionKind::Promoted => FactKind::VersionPromoted,
        RevisionKind::Deprecated => FactKind::VersionDeprecated,
        RevisionKind::Revised => FactKind::ScheduleRevised,
        RevisionKind::Withdrawn => FactKind::EndWithdrawn,
        RevisionKind::Retired => FactKind::VersionRetired,
        RevisionKind::Reinstated => FactKind::Reinstated,
        RevisionKind::BrownoutScheduled => FactKind::BrownoutScheduled,
        RevisionKind::BrownoutCancelled => FactKind::BrownoutCancelled,
    }
}

fn reasons(reason: &str, override_reason: &str) -> String {
    match (reason, override_reason) {
        (reason, "") => reason.to_owned(),
        ("", override_reason) => format!("override: {override_reason}"),
        (reason, override_reason) => format!("{reason} (override: {override_reason})"),
    }
}

fn brownout_text(window: Option<&Brownout>) -> String {
    window.map_or_else(String::new, |w| format!("{}/{}", instant_text(Some(w.from)), instant_text(Some(w.until))))
}

/// One timetable before and after a change, with what the ledger and the fact say of it.
struct Changing<'c> {
    change: &'c LifecycleChange,
    before: &'c Timetable,
    changed: &'c Changed,
    ledger: &'c LedgerEnd,
    announced_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    successors: (String, String),
}

impl Changing<'_> {
    fn ledger_end(&self) -> LedgerEnd {
        LedgerEnd {
            revisions: self.ledger.revisions + 1,
            announced_at: Some(self.announced_at),
            recorded_at: Some(self.recorded_at),
            zone: self.zone(),
        }
    }

    /// The zone of this announcement: as said now, else as said before.
    fn zone(&self) -> Option<Zone> {
        self.change.zone.clone().or_else(|| self.ledger.zone.clone())
    }

    /// What the operator should know of the brownouts, besides `warnings`: those that the new dates leave out.
    fn warnings(&self, mut warnings: Vec<String>, now: DateTime<Utc>) -> Vec<String> {
        let kept = &self.changed.timetable.brownouts;
        let left_out = pending(&self.before.brownouts, now).into_iter().filter(|window| !kept.contains(window)).count();
        let is_said = self.changed.kind == RevisionKind::BrownoutCancelled;
        if left_out > 0 && !is_said {
            warnings
                .push(format!("brownouts that the new dates leave out, and that are cancelled with it: {left_out}"));
        }
        warnings
    }

    fn revision(&self, setting: &Setting<'_>) -> Revision {
        Revision {
            target: self.change.target.clone(),
            number: self.ledger.revisions + 1,
            kind: self.changed.kind,
            before: Some(self.before.lifecycle),
            after: self.changed.timetable.lifecycle,
            brownout: self.changed.brownout,
            successor: self.successors.1.clone(),
            announced_at: self.announced_at,
            recorded_at: self.recorded_at,
            zone: self.zone(),
            by: setting.actor.to_string(),
            reason: self.change.reason.clone(),
            override_reason: self.change.override_reason.clone(),
        }
    }

    fn fact(&self) -> Fact {
        let (old, new) = (&self.before.lifecycle, &self.changed.timetable.lifecycle);
        let window = brownout_text(self.changed.brownout.as_ref());
        let (gone, come) = match self.changed.kind {
            RevisionKind::BrownoutCancelled => (window, String::new()),
            RevisionKind::BrownoutScheduled => (String::new(), window),
            RevisionKind::Published
            | RevisionKind::Promoted
            | RevisionKind::Deprecated
            | RevisionKind::Revised
            | RevisionKind::Withdrawn
            | RevisionKind::Retired
            | RevisionKind::Reinstated => (String::new(), String::new()),
        };
        let date = |date: Option<DateTime<Utc>>| instant_text(date);
        let part = match &self.change.target {
            Target::Operation(operation, _) => format!("{} {}", operation.method, operation.path),
            Target::Version(..) | Target::Namespace(..) => String::new(),
        };
        Fact::new(fact_kind(self.changed.kind), self.change.target.subject())
            .about_part(&part)
            .effective(self.changed.effective_at)
            .because(&reasons(&self.change.reason, &self.change.override_reason))
            .change("maturity", old.maturity, new.maturity)
            .change("deprecated_at", date(old.schedule.deprecated_at()), date(new.schedule.deprecated_at()))
            .change("sunset_begins_at", date(old.schedule.sunset_begins_at()), date(new.schedule.sunset_begins_at()))
            .change("retires_at", date(old.schedule.retires_at()), date(new.schedule.retires_at()))
            .change("brownout", gone, come)
            .change("successor", &self.successors.0, &self.successors.1)
    }

    /// The outcome: the record with the new timetable, the revision, the fact.
    fn outcome(&self, key: RecordKey, record: Record, setting: &Setting<'_>) -> Outcome {
        let revision = self.revision(setting);
        let place = RecordKey::Revision(revision.target.clone(), revision.number);
        Outcome::write(key, record, self.fact()).also(place, Record::Revision(revision))
    }
}

/// The first revision of a version in an environment, for its publication there.
pub(in crate::domain) fn published(
    version: &VersionName,
    environment: Environment,
    deployment: &Deployment,
    override_reason: &str,
    setting: &Setting<'_>,
) -> (RecordKey, Record) {
    let target = Target::Version(version.clone(), environment);
    let revision = Revision {
        target: target.clone(),
        number: 1,
        kind: RevisionKind::Published,
        before: None,
        after: deployment.lifecycle,
        brownout: None,
        successor: text(deployment.successor.as_ref()),
        announced_at: deployment.ledger.announced_at.unwrap_or(setting.now),
        recorded_at: setting.now,
        zone: deployment.ledger.zone.clone(),
        by: setting.actor.to_string(),
        reason: String::new(),
        override_reason: override_reason.to_owned(),
    };
    (RecordKey::Revision(target, 1), Record::Revision(revision))
}

fn text(name: Option<&impl ToString>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

fn judge_version(
    change: &LifecycleChange,
    name: &VersionName,
    environment: Environment,
    records: &Records,
    setting: &Setting<'_>,
) -> Judgement {
    let version = records.version(name).ok_or_else(|| Refusal::VersionNotFound(name.clone()))?;
    let deployment = version.deployment(environment)?;
    let successor = match &change.successor {
        None => None,
        Some(Successor::Version(successor)) => Some(successor),
        Some(Successor::Operation(..) | Successor::Namespace(..)) => {
            return Err(invalid("the successor of a version is a version"));
        }
    };
    check_successor(name, successor)?;
    let before = Timetable { lifecycle: deployment.lifecycle, brownouts: deployment.brownouts.clone() };
    let announced = Announced::of(change.announced_at, &deployment.ledger, setting.now)?;
    let policy = version.policy(setting.rules)?;
    let renames = successor.is_some() && successor != deployment.successor.as_ref();
    let changed = Judge { policy, change, now: setting.now, announced, renames }.apply(&before)?;
    let named = name_successor(deployment, successor, records);
    let changing = Changing {
        change,
        before: &before,
        changed: &changed,
        ledger: &deployment.ledger,
        announced_at: announced.at,
        recorded_at: setting.now,
        successors: (text(deployment.successor.as_ref()), text(named.successor.as_ref())),
    };
    let shows_endpoints = matches!(change.step, Step::Promote { endpoints_enabled: true, .. });
    let new = Deployment {
        lifecycle: changed.timetable.lifecycle,
        brownouts: changed.timetable.brownouts.clone(),
        endpoints_enabled: deployment.endpoints_enabled || shows_endpoints,
        ledger: changing.ledger_end(),
        ..named
    };
    // A successor that was judged before is read again only when it is named again.
    let warnings = if successor.is_some() || new.successor.is_none() {
        successor_warnings(&new, environment, records, setting.now)
    } else {
        Vec::new()
    };
    let mut version = version.clone();
    version.deployments.insert(environment, new);
    let warnings = changing.warnings(warnings, setting.now);
    Ok(changing.outcome(RecordKey::Version(name.clone()), Record::Version(version), setting).warn(warnings))
}

fn parts_allowed(policy: &Policy) -> Result<(), Refusal> {
    match policy.guards.parts {
        Parts::OperationsAndNamespaces => Ok(()),
        Parts::Versions => Err(Refusal::PartsNotInPolicy(policy.name.clone())),
    }
}

fn no_promotion(step: &Step) -> Result<(), Refusal> {
    if matches!(step, Step::Promote { .. }) {
        let sentence = "only a version is promoted; an operation or a namespace has no maturity of its own";
        return Err(Refusal::InvalidFields(vec![Violation {
            field: "promote".to_owned(),
            sentence: sentence.to_owned(),
        }]));
    }
    Ok(())
}

fn judge_operation(
    change: &LifecycleChange,
    name: &OperationName,
    environment: Environment,
    records: &Records,
    setting: &Setting<'_>,
) -> Judgement {
    let version = records.version(&name.version).ok_or_else(|| Refusal::VersionNotFound(name.version.clone()))?;
    let deployment = version.deployment(environment)?;
    let policy = version.policy(setting.rules)?;
    parts_allowed(policy)?;
    no_promotion(&change.step)?;
    if matches!(change.step, Step::ScheduleBrownout(_) | Step::CancelBrownout { .. }) {
        return Err(Refusal::BrownoutRefused("brownouts are of versions and namespaces; name one of these".to_owned()));
    }
    let mut operations = deployment.operations.clone();
    let known = operations.iter().position(|known| known.method == name.method && known.path == name.path);
    // One that has dates can be given others, also when the version no longer lists it.
    let is_listed = version.endpoints.iter().any(|listed| listed.method == name.method && listed.path == name.path);
    if known.is_none() && !is_listed {
        return Err(Refusal::OperationUnknown(name.clone()));
    }
    if known.is_none() && operations.len() >= OPERATIONS_MAX {
        return Err(Refusal::LimitReached { what: "operations with dates of their own", limit: OPERATIONS_MAX });
    }
    let old = known.map_or_else(
        || OperationSchedule {
            method: name.method.clone(),
            path: name.path.clone(),
            schedule: Schedule::Open,
            replacement: None,
            replacement_uri: String::new(),
            ledger: LedgerEnd::default(),
        },
        |position| operations[position].clone(),
    );
    let (replacement, replacement_uri) = match &change.successor {
        None => (old.replacement.clone(), old.replacement_uri.clone()),
        Some(Successor::Operation(successor, _)) if successor == name => {
            return Err(invalid("an operation cannot replace itself; name the one to call instead, or none"));
        }
        Some(Successor::Operation(successor, uri)) => (Some(successor.clone()), uri.clone()),
        Some(Successor::Version(_) | Successor::Namespace(..)) => {
            return Err(invalid("the successor of an operation is an operation"));
        }
    };
    let maturity = deployment.lifecycle.maturity;
    let before = Timetable { lifecycle: Lifecycle { maturity, schedule: old.schedule }, brownouts: Vec::new() };
    let announced = Announced::of(change.announced_at, &old.ledger, setting.now)?;
    let renames = (&replacement, &replacement_uri) != (&old.replacement, &old.replacement_uri);
    let changed = Judge { policy, change, now: setting.now, announced, renames }.apply(&before)?;
    let changing = Changing {
        change,
        before: &before,
        changed: &changed,
        ledger: &old.ledger,
        announced_at: announced.at,
        recorded_at: setting.now,
        successors: (text(old.replacement.as_ref()), text(replacement.as_ref())),
    };
    let warnings = replacement_warnings(replacement.as_ref(), environment, records, setting.now, change);
    let schedule = changed.timetable.lifecycle.schedule;
    let new = OperationSchedule { schedule, replacement, replacement_uri, ledger: changing.ledger_end(), ..old };
    match known {
        Some(position) => operations[position] = new,
        None => operations.push(new),
    }
    let mut version = version.clone();
    version.deployments.insert(environment, Deployment { operations, ..deployment.clone() });
    let key = RecordKey::Version(name.version.clone());
    Ok(changing.outcome(key, Record::Version(version), setting).warn(warnings))
}

/// What an operator should know of the operation to call instead.
fn replacement_warnings(
    replacement: Option<&OperationName>,
    environment: Environment,
    records: &Records,
    now: DateTime<Utc>,
    change: &LifecycleChange,
) -> Vec<String> {
    let Some(replacement) = replacement else {
        return vec![format!("no replacement is named in {environment}: callers are not told what to call instead")];
    };
    if change.successor.is_none() {
        return Vec::new();
    }
    let Ok(version) = records.effective_version(&replacement.version) else {
        return vec![format!("the version of the replacement, {}, does not exist yet", replacement.version)];
    };
    let known = version.endpoints.iter().any(|e| e.method == replacement.method && e.path == replacement.path);
    let mut warnings = Vec::new();
    if !known {
        warnings.push(format!("version {} lists no operation {replacement}", replacement.version));
    }
    match version.stage(environment, now) {
        Some(Stage::Beta | Stage::Stable) => {}
        Some(stage @ (Stage::Alpha | Stage::Deprecated | Stage::Retired)) => {
            warnings.push(format!("the version of the replacement, {}, is {stage}", replacement.version))
        }
        None => {
            warnings.push(format!(
                "the version of the replacement, {}, is not deployed in {environment}",
                replacement.version
            ));
        }
    }
    warnings
}

fn judge_namespace(
    change: &LifecycleChange,
    name: &Context,
    environment: Environment,
    records: &Records,
    setting: &Setting<'_>,
) -> Judgement {
    no_promotion(&change.step)?;
    let members: Vec<_> = change.members.iter().filter_map(|context| records.api(context)).collect();
    if members.is_empty() {
        return Err(Refusal::NamespaceEmpty(name.clone()));
    }
    let nothing = NamespaceDeployment {
        lifecycle: Lifecycle { maturity: Maturity::Stable, schedule: Schedule::Open },
        brownouts: Vec::new(),
        successor: None,
        successor_uri: String::new(),
        ledger: LedgerEnd::default(),
    };
    let mut namespace = records
        .namespace(name)
        .cloned()
        .unwrap_or_else(|| Namespace { name: name.clone(), deployments: Default::default() });
    let old = namespace.deployments.get(&environment).cloned().unwrap_or(nothing);
    let (successor, successor_uri) = match &change.successor {
        None => (old.successor.clone(), old.successor_uri.clone()),
        Some(Successor::Namespace(successor, _)) if contains(name, successor) => {
            return Err(invalid("a namespace cannot be replaced by itself or by a part of it; name another, or none"));
        }
        Some(Successor::Namespace(successor, uri)) => (Some(successor.clone()), uri.clone()),
        Some(Successor::Version(_) | Successor::Operation(..)) => {
            return Err(invalid("the successor of a namespace is a namespace"));
        }
    };
    let before = Timetable { lifecycle: old.lifecycle, brownouts: old.brownouts.clone() };
    let announced = Announced::of(change.announced_at, &old.ledger, setting.now)?;
    let renames = (&successor, &successor_uri) != (&old.successor, &old.successor_uri);
    // Each policy in the namespace must agree; what they agree to is the same.
    let mut changed = None;
    for api in members {
        let policy =
            setting.rules.policies.get(&api.policy).ok_or_else(|| Refusal::PolicyNotFound(api.policy.clone()))?;
        parts_allowed(policy)?;
        changed = Some(Judge { policy, change, now: setting.now, announced, renames }.apply(&before)?);
    }
    let changed = changed.expect("there is at least one member");
    let changing = Changing {
        change,
        before: &before,
        changed: &changed,
        ledger: &old.ledger,
        announced_at: announced.at,
        recorded_at: setting.now,
        successors: (text(old.successor.as_ref()), text(successor.as_ref())),
    };
    let warnings = match &successor {
        None => vec![format!("no successor is named in {environment}: subscribers are not told where to move to")],
        Some(_) => Vec::new(),
    };
    let new = NamespaceDeployment {
        lifecycle: changed.timetable.lifecycle,
        brownouts: changed.timetable.brownouts.clone(),
        successor,
        successor_uri,
        ledger: changing.ledger_end(),
    };
    namespace.deployments.insert(environment, new);
    let key = RecordKey::Namespace(name.clone());
    let warnings = changing.warnings(warnings, setting.now);
    Ok(changing.outcome(key, Record::Namespace(namespace), setting).warn(warnings))
}
