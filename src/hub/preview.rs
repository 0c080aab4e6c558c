//! The rehearsal of lifecycle changes: who is concerned, what their calls would be answered, what they would be told.
//!
//! Nothing is imitated: the changes are judged by the commands' own function, the answers come from the decision table
//! with the changed versions put in, and the notices from the function that gives them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devhub_decision::{
    Change, CompanyAccess, Environment, Facts, Limits, Operation, Question, Reason, Stage, Supposition, Trail, explain,
};

use super::plan::PlanToken;
use super::{Failure, Hub, Request, Summary};
use crate::domain::application::{Application, Role};
use crate::domain::ledger::{Revision, Target};
use crate::domain::name::{ApplicationId, Email, VersionName};
use crate::domain::notice::{Milestone, plan};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::policy::Policy;
use crate::domain::projection::project;
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::schedule::{ChangeLifecycle, LifecycleChange, Step, suggested_retirement};
use crate::domain::setting::Consent;
use crate::domain::subscription::Subscription;
use crate::domain::usage::{Class, Usage, class};
use crate::domain::version::Version;
use crate::domain::{Actor, Command, Setting};

/// Subscribers looked at in one step.
const STEP: usize = 256;

/// Most instants of one subscription at which its answers change.
const ANSWERS_MAX: usize = 50;

/// What one change would do.
#[derive(Debug)]
pub struct Rehearsed {
    /// The target.
    pub target: Target,
    /// Its revision, or why it is refused.
    pub judgement: Result<Revision, crate::domain::Refusal>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// The retirement that the policy suggests, for a deprecation that names none (rule B29).
    pub suggested_retirement: Option<DateTime<Utc>>,
    /// Live subscriptions to the target.
    pub live: u64,
    /// Them by how regularly they call.
    pub usage: BTreeMap<Class, u64>,
}

/// An answer that a gateway would give from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerFrom {
    /// First instant.
    pub at: DateTime<Utc>,
    /// The answer.
    pub reason: Reason,
    /// The stage of the target.
    pub stage: Option<Stage>,
}

/// A subscription that the changes concern.
#[derive(Debug)]
pub struct Affected {
    /// The subscription.
    pub subscription: Subscription,
    /// Name of the application.
    pub application_name: String,
    /// Its administrators.
    pub administrators: Vec<Email>,
    /// Its calls.
    pub usage: Usage,
    /// Them in a word.
    pub class: Class,
    /// What its calls would be answered, soonest first.
    pub answers: Vec<AnswerFrom>,
}

/// A notice that would go out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedNotice {
    /// When.
    pub at: DateTime<Utc>,
    /// Which milestone.
    pub milestone: Milestone,
    /// About what.
    pub target: Target,
    /// To how many applications, as of now.
    pub applications: u64,
}

/// Where a page of affected subscriptions ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The version.
    pub version: VersionName,
    /// Where.
    pub environment: Environment,
    /// The application; none at the beginning of a version.
    pub application: Option<ApplicationId>,
}

/// What changes would do.
#[derive(Debug)]
pub struct Preview {
    /// The instant of the rehearsal.
    pub at: DateTime<Utc>,
    /// What it stood on.
    pub token: PlanToken,
    /// Each change, in order.
    pub changes: Vec<Rehearsed>,
    /// A page of the affected subscriptions.
    pub affected: Vec<Affected>,
    /// Where the next page begins.
    pub next: Option<Place>,
    /// The notices, soonest first.
    pub notices: Vec<PlannedNotice>,
}

/// One version that ends, and how a call that notices it would ask.
struct Concerned {
    name: VersionName,
    environment: Environment,
    /// Method and path of the operation, if it is only that.
    operation: Option<(String, String)>,
    /// Whether a reinstatement brings back the subscriptions that its retirement ended.
    comes_back: bool,
}

/// The revision that an accepted change leaves.
fn revision(outcome: &Outcome) -> Option<&Revision> {
    outcome
        .writes
        .iter()
        .find_map(|(_, record)| if let Record::Revision(revision) = record { Some(revision) } else { None })
}

impl Hub {
    /// Rehearses `command` at this instant. `digest` is that of the changes as the caller sent them; `after` is where the
    /// page before ended. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn preview(
        &self,
        actor: &Actor,
        command: &ChangeLifecycle,
        digest: [u8; 32],
        limits: Limits,
        after: Option<&Place>,
        size: usize,
    ) -> Result<Preview, Failure> {
        // Read before anything else: what changes during the rehearsal makes the token stale, not wrong.
        let now = self.now();
        let whole = Command::ChangeLifecycle(command.clone());
        let loaded = self.load(&whole, None, &Request::once())?;
        // Nothing is told of what belongs to others.
        let seen = whole.seen_by(actor, &loaded.records);
        let own = command.own(actor);
        let token = self.token(&own, digest, seen.records(), now);
        let setting = Setting { actor, now, rules: self.rules(), consent: Consent::Alone };
        let judgements = command.rehearse(seen.records(), &setting);
        let supposed = self.table().supposing(self.changed(&judgements));
        let (affected, next) = self.page_of_affected(&own, &supposed, now, limits, after, size)?;
        let notices = match after {
            None => self.planned_notices(&judgements),
            Some(_) => Vec::new(),
        };
        let changes = command
            .changes
            .iter()
            .zip(judgements)
            .map(|(change, judgement)| self.rehearsed(change, judgement, seen.records(), &own, now))
            .collect::<Result<_, _>>()?;
        Ok(Preview { at: now, token, changes, affected, next, notices })
    }

    fn rehearsed(
        &self,
        change: &LifecycleChange,
        judgement: Judgement,
        records: &Records,
        own: &ChangeLifecycle,
        now: DateTime<Utc>,
    ) -> Result<Rehearsed, Failure> {
        let (warnings, judgement) = match judgement {
            Ok(outcome) => {
                let revision = revision(&outcome).cloned().ok_or(Failure::Defect)?;
                (outcome.warnings, Ok(revision))
            }
            Err(refusal) => (Vec::new(), Err(refusal)),
        };
        let deprecated_at = match (&change.step, &judgement) {
            (Step::Deprecate { deprecated_at, retires_at: None, .. }, _) => Some(deprecated_at.unwrap_or(now)),
            (
                Step::Deprecate { .. }
                | Step::Promote { .. }
                | Step::Revise { .. }
                | Step::Retire { .. }
                | Step::Withdraw
                | Step::Reinstate { .. }
                | Step::ScheduleBrownout(_)
                | Step::CancelBrownout { .. },
                _,
            ) => None,
        };
        let maturity = |version: &Version| {
            version.deployments.get(&change.target.environment()).map(|deployment| deployment.lifecycle.maturity)
        };
        let maturity = match change.target.version() {
            Some(name) => records.version(name).and_then(maturity),
            None => Some(devhub_decision::Maturity::Stable),
        };
        let suggested_retirement = deprecated_at.zip(maturity).and_then(|(deprecated_at, maturity)| {
            let policies = self.policies_of(change, records);
            policies.iter().map(|policy| suggested_retirement(policy, maturity, deprecated_at)).max()
        });
        let mut usage: BTreeMap<Class, u64> = BTreeMap::new();
        let told = own.targets().take(&change.target);
        for name in told.iter().flat_map(|target| self.index().versions_of(target)) {
            let Summary { counts, .. } = self.summarize_usage(&name, Some(change.target.environment()), now)?;
            for (class, count) in counts {
                *usage.entry(class).or_default() += count;
            }
        }
        let live = self.index().concerned_at(&told, now);
        Ok(Rehearsed { target: change.target.clone(), judgement, warnings, suggested_retirement, live, usage })
    }

    /// The policies that rule a change: the version's, or those of all APIs in the namespace.
    fn policies_of(&self, change: &LifecycleChange, records: &Records) -> Vec<&Policy> {
        let names = match change.target.version() {
            Some(name) => records.version(name).map(|version| version.policy.clone()).into_iter().collect::<Vec<_>>(),
            None => change.members.iter().filter_map(|context| Some(records.api(context)?.policy.clone())).collect(),
        };
        names.iter().filter_map(|name| self.rules().policies.get(name)).collect()
    }

    /// What the accepted changes would tell the decision table: of each record the last state counts.
    fn changed(&self, judgements: &[Judgement]) -> Vec<Change> {
        let mut records: Vec<(&RecordKey, &Record)> = Vec::new();
        for (key, record) in judgements.iter().flatten().flat_map(|outcome| &outcome.writes) {
            match records.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = record,
                None => records.push((key, record)),
            }
        }
        let mut changes = Vec::new();
        for (key, record) in records {
            project(key, record, self.rules(), &mut changes);
        }
        changes
    }

    /// What the targets concern, each once: a whole version outweighs its operations.
    fn concerned(&self, command: &ChangeLifecycle, now: DateTime<Utc>) -> Vec<Concerned> {
        let reinstated = command.changes.iter().filter(|change| matches!(change.step, Step::Reinstate { .. }));
        let reinstated: Vec<&Target> = reinstated.map(|change| &change.target).collect();
        let comes_back = |name: &VersionName, environment| {
            reinstated.iter().any(|target| !self.index().is_over_but_for(name, environment, Some(target), now))
        };
        let mut concerned: BTreeMap<(VersionName, Environment), Option<(String, String)>> = BTreeMap::new();
        for target in command.targets() {
            let operation = match &target {
                Target::Operation(operation, _) => Some((operation.method.clone(), operation.path.clone())),
                Target::Version(..) | Target::Namespace(..) => None,
            };
            for name in self.index().versions_of(&target) {
                let known = concerned.entry((name, target.environment())).or_insert_with(|| operation.clone());
                if operation.is_none() {
                    *known = None;
                }
            }
        }
        let concerned = concerned.into_iter();
        concerned
            .map(|((name, environment), operation)| {
                let comes_back = comes_back(&name, environment);
                Concerned { name, environment, operation, comes_back }
            })
            .collect()
    }

    fn page_of_affected(
        &self,
        command: &ChangeLifecycle,
        supposed: &Supposition<'_>,
        now: DateTime<Utc>,
        limits: Limits,
        after: Option<&Place>,
        size: usize,
    ) -> Result<(Vec<Affected>, Option<Place>), Failure> {
        let mut affected = Vec::new();
        for one in self.concerned(command, now) {
            let place = |application| Place { version: one.name.clone(), environment: one.environment, application };
            let mut last = match after {
                Some(after) if (&after.version, after.environment) > (&one.name, one.environment) => continue,
                Some(after) if (&after.version, after.environment) == (&one.name, one.environment) => {
                    after.application.clone()
                }
                Some(_) | None => None,
            };
            loop {
                let ids = self.index().subscribers(&one.name, last.as_ref().map(ApplicationId::as_str), STEP);
                let complete = ids.len() < STEP;
                let step = self.live_subscribers(&ids, &one, now)?;
                let usages = self.usage().of_all(step.iter().map(|(subscription, _)| subscription), now)?;
                for ((subscription, application), usage) in step.into_iter().zip(usages) {
                    if affected.len() == size {
                        return Ok((affected, Some(place(last))));
                    }
                    last = Some(subscription.application.clone());
                    let answers = answers(supposed, &subscription, &one, now, limits);
                    let class = class(&usage, now);
                    affected.push(Affected {
                        application_name: application.name.clone(),
                        administrators: administrators(&application),
                        subscription,
                        usage,
                        class,
                        answers,
                    });
                }
                last = ids.into_iter().next_back().or(last);
                if complete {
                    break;
                }
            }
        }
        Ok((affected, None))
    }

    /// The subscriptions of `ids` to one version in one environment that are live or come back, with their applications.
    fn live_subscribers(
        &self,
        ids: &[ApplicationId],
        one: &Concerned,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Subscription, Application)>, Failure> {
        let version = self.get_one(RecordKey::Version(one.name.clone()))?;
        let version = version.and_then(|stored| if let Record::Version(v) = stored.record { Some(v) } else { None });
        let version = version.as_ref().filter(|_| !one.comes_back).map(|version| self.index().effective(version));
        let keys = ids
            .iter()
            .flat_map(|id| [RecordKey::Subscription(id.clone(), one.name.clone()), RecordKey::Application(id.clone())]);
        let found = self.get(&keys.collect::<Vec<_>>())?;
        let mut live = Vec::new();
        let mut found = found.into_iter().map(|stored| stored.map(|stored| stored.record));
        while let (Some(subscription), Some(application)) = (found.next(), found.next()) {
            let (Some(Record::Subscription(subscription)), Some(Record::Application(application))) =
                (subscription, application)
            else {
                continue;
            };
            let is_live = subscription.end(Some(&application), version.as_deref(), now).is_none();
            if subscription.environment == one.environment && is_live {
                live.push((subscription, application));
            }
        }
        Ok(live)
    }

    /// The notices of the accepted changes. Of several revisions of one target the last one's plan counts; those before
    /// it are only announced.
    fn planned_notices(&self, judgements: &[Judgement]) -> Vec<PlannedNotice> {
        let revisions: Vec<&Revision> = judgements.iter().flatten().filter_map(revision).collect();
        let mut notices = Vec::new();
        for (position, revision) in revisions.iter().enumerate() {
            let superseded = revisions[position + 1..].iter().any(|later| later.target == revision.target);
            let applications = self.applications_told(&revision.target, revision.recorded_at);
            for (milestone, at) in plan(revision, &self.guards_of(&revision.target)) {
                if !superseded || milestone == Milestone::Announced {
                    notices.push(PlannedNotice { at, milestone, target: revision.target.clone(), applications });
                }
            }
        }
        notices.sort();
        notices
    }
}

fn administrators(application: &Application) -> Vec<Email> {
    let people = application.collaborators.iter();
    people.filter(|(_, role)| **role == Role::Administrator).map(|(email, _)| email.clone()).collect()
}

/// What calls of a subscription would be answered, from `now` on.
fn answers(
    supposed: &Supposition<'_>,
    subscription: &Subscription,
    one: &Concerned,
    now: DateTime<Utc>,
    limits: Limits,
) -> Vec<AnswerFrom> {
    let question = Question {
        client_id: subscription.client_id.as_str(),
        context: one.name.context.as_str(),
        label: one.name.label.as_str(),
        environment: one.environment,
        operation: one.operation.as_ref().map(|(method, path)| Operation { method, path }),
        company: None,
        project: None,
    };
    supposed.ask(&question, |facts: &Facts<'_>| {
        // A subscription has no company: what its calls are answered is told for a company that lets them in.
        let facts = Facts { access: CompanyAccess::Permitted, ..*facts };
        let Trail { decision, upcoming, .. } = explain(&facts, &question, now, limits);
        let first = AnswerFrom { at: now, reason: decision.reason, stage: decision.stage };
        let later = upcoming.iter().map(|change| AnswerFrom {
            at: change.at,
            reason: change.reason,
            stage: Some(change.stage),
        });
        [first].into_iter().chain(later).take(ANSWERS_MAX).collect()
    })
}
