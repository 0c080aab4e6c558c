//! The index: what is found by something else than its key. Kept in memory, a fold of the committed records, rebuilt at
//! every start: on disk it would cost several times the space and work of the records themselves.

mod ends;
mod installs;
mod telling;
mod unused;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use devhub_decision::{Environment, Stage};
use parking_lot::RwLock;

use chrono::{DateTime, Utc};

use super::announcements::Announcements;
use super::crier::Agenda;
use crate::domain::announcement;
use crate::domain::application::Application;
use crate::domain::disuse::Disuse;
use crate::domain::name::{ApplicationId, Context, Email, Label, VersionName};
use crate::domain::namespace::{self, Namespace};
use crate::domain::notice::NoticeSubject;
use crate::domain::quota::Counted;
use crate::domain::record::{Record, RecordKey};
use crate::domain::subscription::Subscription;
use crate::domain::version::Version;
use crate::domain::waiver::{Waiver, WaiverKind};

/// An application as the index knows it.
#[derive(Debug, Default)]
struct Entry {
    environment: Option<Environment>,
    owner: String,
    collaborators: Vec<Email>,
    deleted: bool,
    /// Versions of which it has a latest subscription, by number, and whether nobody has ended it.
    subscriptions: Vec<(u32, Open)>,
}

/// Whether nobody has ended a subscription. Retirement and deletion end it without touching it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Yes,
    No,
}

#[derive(Debug, Default)]
struct Inner {
    /// Each version's number, with its name.
    numbers: HashMap<VersionName, u32>,
    /// The applications with a latest subscription, by number of the version.
    subscribers: Vec<BTreeSet<Arc<str>>>,
    /// Subscriptions that nobody ended, of applications that are not deleted; by version, then environment.
    live: Vec<[u64; 2]>,
    /// The last revision that touched a version, its namespaces, a subscription to it or such an application; by version,
    /// then environment.
    stamps: Vec<[u64; 2]>,
    /// The revision that the hub was loaded at: what is older has no stamp of its own.
    loaded: u64,
    /// When those of them end that a move keeps for a while only; few, so beside the others.
    ends_at: HashMap<(u32, Arc<str>), DateTime<Utc>>,
    /// How many of them end at an instant, by version and environment.
    ending: HashMap<(u32, Environment), BTreeMap<DateTime<Utc>, u64>>,
    catalogue: BTreeMap<Context, BTreeMap<Label, Version>>,
    apis: BTreeSet<Context>,
    namespaces: BTreeMap<Context, Namespace>,
    applications: HashMap<Arc<str>, Entry>,
    by_owner: HashMap<String, BTreeSet<Arc<str>>>,
    by_collaborator: HashMap<Email, BTreeSet<Arc<str>>>,
    /// From when until when an application has had waivers, by number of the version; few, so beside the others.
    waived: HashMap<u32, BTreeMap<Arc<str>, Vec<Waived>>>,
    agenda: Agenda,
    announcements: Announcements,
    /// Applications that are to be deleted because nobody uses them.
    unused: BTreeMap<Arc<str>, Disuse>,
    installs: installs::Installs,
}

/// A waiver as the index knows it.
#[derive(Debug, Clone, Copy)]
struct Waived {
    kind: WaiverKind,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// How many versions stand at each stage; for metrics.
pub type Standings = BTreeMap<(Environment, Stage), u64>;

/// What is found by something else than its key.
#[derive(Debug, Default)]
pub struct Index(RwLock<Inner>);

impl Inner {
    fn number(&mut self, name: &VersionName) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.subscribers.len()).expect("fewer than four billion versions");
        self.numbers.insert(name.clone(), number);
        self.subscribers.push(BTreeSet::new());
        self.live.push([0, 0]);
        self.stamps.push([0, 0]);
        number
    }

    fn effective<'v>(&self, version: &'v Version) -> Cow<'v, Version> {
        namespace::effective(version, |name| self.namespaces.get(name))
    }

    /// Whether an application's latest subscription to a version has been ended neither by anybody nor, at `at`, by the
    /// end of an overlap.
    fn holds(&self, entry: &Entry, number: u32, id: &Arc<str>, at: DateTime<Utc>) -> bool {
        entry.subscriptions.contains(&(number, Open::Yes))
            && self.ends_at.get(&(number, Arc::clone(id))).is_none_or(|ends_at| at < *ends_at)
    }

    /// The one shared copy of an application's id.
    fn shared(&mut self, id: &ApplicationId) -> Arc<str> {
        match self.applications.get_key_value(id.as_str()) {
            Some((shared, _)) => Arc::clone(shared),
            None => {
                let shared: Arc<str> = id.as_str().into();
                self.applications.insert(Arc::clone(&shared), Entry::default());
                shared
            }
        }
    }

    fn count(&mut self, number: u32, environment: Environment, change: i64) {
        let count = &mut self.live[number as usize][environment as usize];
        *count = count.saturating_add_signed(change);
    }

    /// Remembers that a commit touched the subscription of an application to a version.
    fn touch(&mut self, number: u32, environment: Environment, revision: Option<u64>) {
        if let Some(revision) = revision {
            self.stamps[number as usize][environment as usize] = revision;
        }
    }

    /// Remembers that a commit touched the dates of every version in a namespace.
    fn touch_members(&mut self, namespace: &Namespace, revision: Option<u64>) {
        let contexts = self.catalogue.iter().filter(|(context, _)| namespace::contains(&namespace.name, context));
        let members = contexts.flat_map(|(_, versions)| versions.values());
        let numbers: Vec<u32> = members.map(|version| self.numbers[&version.name]).collect();
        for number in numbers {
            for environment in namespace.deployments.keys() {
                self.touch(number, *environment, revision);
            }
        }
    }

    fn count_ending(&mut self, number: u32, environment: Environment, at: DateTime<Utc>, change: i64) {
        let ends = self.ending.entry((number, environment)).or_default();
        let count = ends.entry(at).or_default();
        *count = count.saturating_add_signed(change);
        if *count == 0 {
            ends.remove(&at);
        }
    }

    fn learn_application(&mut self, application: &Application, revision: Option<u64>) {
        let id = self.shared(&application.id);
        let concerned: Vec<u32> = self.applications[&id].subscriptions.iter().map(|(number, _)| *number).collect();
        for number in concerned {
            self.touch(number, application.environment, revision);
        }
        let entry = self.applications.get_mut(&id).expect("it was just found or made");
        let deleted = application.deletion.is_some();
        let (was_known, was_deleted) = (entry.environment.is_some(), std::mem::replace(&mut entry.deleted, deleted));
        entry.environment = Some(application.environment);
        let old_owner = std::mem::replace(&mut entry.owner, application.owner.clone());
        let people = application.collaborators.keys().cloned().collect();
        let old_people = std::mem::replace(&mut entry.collaborators, people);
        // Its subscriptions leave the counts when it is deleted, and return when it is restored (defect X6).
        let open: Vec<u32> =
            entry.subscriptions.iter().filter(|(_, open)| *open == Open::Yes).map(|(number, _)| *number).collect();
        if was_deleted != deleted {
            for number in open {
                let change = if deleted { -1 } else { 1 };
                self.count(number, application.environment, change);
                if let Some(at) = self.ends_at.get(&(number, Arc::clone(&id))).copied() {
                    self.count_ending(number, application.environment, at, change);
                }
            }
        }
        if was_known && old_owner != application.owner {
            forget(&mut self.by_owner, &old_owner, &id);
        }
        self.by_owner.entry(application.owner.clone()).or_default().insert(Arc::clone(&id));
        for gone in old_people.iter().filter(|email| !application.collaborators.contains_key(*email)) {
            forget(&mut self.by_collaborator, gone, &id);
        }
        for email in application.collaborators.keys() {
            self.by_collaborator.entry(email.clone()).or_default().insert(Arc::clone(&id));
        }
    }

    fn learn_waiver(&mut self, number: u32, waiver: &Waiver) {
        let id = self.shared(&waiver.application);
        let revoked_at = waiver.revoked.as_ref().map(|revoked| revoked.at);
        let until = revoked_at.map_or(waiver.until, |at| at.min(waiver.until));
        let of_application = self.waived.entry(number).or_default().entry(id).or_default();
        of_application.retain(|known| known.kind != waiver.kind);
        of_application.push(Waived { kind: waiver.kind, from: waiver.from, until });
    }

    fn learn_subscription(&mut self, subscription: &Subscription, revision: Option<u64>) {
        let id = self.shared(&subscription.application);
        let number = self.number(&subscription.version);
        self.touch(number, subscription.environment, revision);
        let open = if subscription.ended.is_none() { Open::Yes } else { Open::No };
        let entry = self.applications.get_mut(&id).expect("it was just found or made");
        let before = match entry.subscriptions.iter_mut().find(|(known, _)| *known == number) {
            Some((_, known)) => std::mem::replace(known, open),
            None => {
                entry.subscriptions.push((number, open));
                Open::No
            }
        };
        let counted = !entry.deleted;
        if counted {
            match (before, open) {
                (Open::No, Open::Yes) => self.count(number, subscription.environment, 1),
                (Open::Yes, Open::No) => self.count(number, subscription.environment, -1),
                (Open::Yes, Open::Yes) | (Open::No, Open::No) => {}
            }
        }
        let place = (number, Arc::clone(&id));
        let ended_at = match subscription.ends_at() {
            Some(at) => self.ends_at.insert(place, at),
            None => self.ends_at.remove(&place),
        };
        if counted {
            for (at, change) in ended_at.map(|at| (at, -1)).into_iter().chain(subscription.ends_at().map(|at| (at, 1)))
            {
                self.count_ending(number, subscription.environment, at, change);
            }
        }
        self.subscribers[number as usize].insert(id);
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, BTreeSet<Arc<str>>>, key: &K, id: &Arc<str>) {
    if let Some(ids) = map.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            map.remove(key);
        }
    }
}

/// Up to `limit` ids after `after`.
fn page(ids: Option<&BTreeSet<Arc<str>>>, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    ids.into_iter()
        .flat_map(|ids| ids.range::<str, _>((start, Bound::Unbounded)))
        .take(limit)
        .map(|id| id.parse().expect("only valid ids are indexed"))
        .collect()
}

impl Index {
    /// The state of the store up to `revision` has been learned.
    pub(super) fn loaded(&self, revision: u64) {
        self.0.write().loaded = revision;
    }

    /// Learns a record; `revision` is that of its commit, none while the state is loaded.
    pub(super) fn learn(&self, key: &RecordKey, record: &Record, revision: Option<u64>) {
        let mut inner = self.0.write();
        match (key, record) {
            (_, Record::Application(application)) => inner.learn_application(application, revision),
            (RecordKey::Subscription(..), Record::Subscription(subscription)) => {
                inner.learn_subscription(subscription, revision);
            }
            (_, Record::Version(version)) => {
                let number = inner.number(&version.name);
                for environment in version.deployments.keys() {
                    inner.touch(number, *environment, revision);
                }
                let versions = inner.catalogue.entry(version.name.context.clone()).or_default();
                versions.insert(version.name.label.clone(), version.clone());
            }
            (_, Record::Namespace(namespace)) => {
                inner.touch_members(namespace, revision);
                inner.namespaces.insert(namespace.name.clone(), namespace.clone());
            }
            (_, Record::Api(api)) => {
                inner.apis.insert(api.context.clone());
            }
            (_, Record::Installation(installation)) => {
                let id = inner.shared(&installation.application);
                inner.installs.learn(installation, id);
            }
            // What a waiver or an exemption permits belongs to what a preview shows.
            (_, Record::Waiver(waiver)) => {
                let number = inner.number(&waiver.version);
                inner.touch(number, waiver.environment, revision);
                inner.learn_waiver(number, waiver);
            }
            (_, Record::Revision(revision)) => {
                inner.agenda.add(NoticeSubject::Schedule(revision.target.clone()), revision.number);
            }
            (_, Record::AnnouncementRevision(revision)) => {
                if !announcement::plan(revision).is_empty() {
                    inner.agenda.add(NoticeSubject::Announcement(revision.id.clone()), revision.number);
                }
            }
            (_, Record::ClassRevision(revision)) => {
                inner.agenda.add(NoticeSubject::CredentialClass, revision.number);
            }
            (_, Record::NoticeRun(run)) => inner.agenda.learn(run),
            (_, Record::Disuse(disuse)) => inner.learn_disuse(disuse),
            (_, Record::Announcement(announcement)) => inner.announcements.learn(announcement),
            (_, Record::Exemption(exemption)) => {
                let number = inner.number(&exemption.version);
                inner.touch(number, exemption.environment, revision);
            }
            (
                _,
                Record::Organisation(_)
                | Record::AppVersion(_)
                | Record::Releases(_)
                | Record::Listing(_)
                | Record::Maintenance(_)
                | Record::MaintenanceAhead(_)
                | Record::Proposal(_)
                | Record::ProposalBook(_)
                | Record::RestoreConfirmation(_)
                | Record::Gateway(_),
            ) => {}
            (_, Record::Subscription(_) | Record::AccessRequest(_) | Record::Name(_) | Record::Notice(_)) => {}
            // Who migrates is the roster's.
            (_, Record::Company(_) | Record::Project(_) | Record::ServiceAccount(_) | Record::CredentialClass(_)) => {}
            (_, Record::ClientSecrets(_) | Record::RegisteredKeys(_) | Record::CallLimits(_)) => {}
        }
    }

    /// The versions of an API with the dates that count, oldest first.
    pub fn versions(&self, context: &Context) -> Vec<Version> {
        let inner = self.0.read();
        let versions = inner.catalogue.get(context).into_iter().flat_map(BTreeMap::values);
        versions.map(|version| inner.effective(version).into_owned()).collect()
    }

    /// The version with the dates that count: its own, under those of the namespaces that it lies in.
    pub fn effective<'v>(&self, version: &'v Version) -> Cow<'v, Version> {
        self.0.read().effective(version)
    }

    /// Up to `limit` names of versions that satisfy `wanted`, in order of context, then newest first, after `after`.
    pub fn version_names(
        &self,
        context: Option<&Context>,
        after: Option<&VersionName>,
        limit: usize,
        wanted: impl Fn(&Version) -> bool,
    ) -> Vec<VersionName> {
        let inner = self.0.read();
        let from = match (context, after) {
            (Some(context), _) => Bound::Included(context),
            (None, Some(after)) => Bound::Included(&after.context),
            (None, None) => Bound::Unbounded,
        };
        inner
            .catalogue
            .range::<Context, _>((from, Bound::Unbounded))
            .take_while(|(known, _)| context.is_none_or(|context| context == *known))
            .flat_map(|(_, versions)| versions.values().rev())
            .filter(|version| match after {
                Some(after) if after.context == version.name.context => version.name.label < after.label,
                Some(after) => version.name.context > after.context,
                None => true,
            })
            .filter(|version| wanted(&inner.effective(version)))
            .take(limit)
            .map(|version| version.name.clone())
            .collect()
    }

    /// Live subscriptions to a version, by environment: those that nobody ended, of applications that are not deleted,
    /// where the version is not retired at `now`.
    pub fn live_subscriptions(&self, name: &VersionName, now: DateTime<Utc>) -> BTreeMap<Environment, u64> {
        let mut counts = self.held_subscriptions(name, now);
        let inner = self.0.read();
        let version = inner.catalogue.get(&name.context).and_then(|versions| versions.get(&name.label));
        let version = version.map(|version| inner.effective(version));
        let retired = |environment| version.as_ref().and_then(|v| v.stage(environment, now)) == Some(Stage::Retired);
        for (_, count) in counts.iter_mut().filter(|(environment, _)| retired(**environment)) {
            *count = 0;
        }
        counts
    }

    /// The same, those that only the retirement of the version has ended included: a reinstatement brings them back.
    pub(super) fn held_subscriptions(&self, name: &VersionName, now: DateTime<Utc>) -> BTreeMap<Environment, u64> {
        let inner = self.0.read();
        let Some(number) = inner.numbers.get(name) else { return BTreeMap::new() };
        Environment::ALL
            .into_iter()
            .map(|environment| {
                let ends = inner.ending.get(&(*number, environment));
                let over: u64 = ends.into_iter().flat_map(|ends| ends.range(..=now)).map(|(_, count)| count).sum();
                let count = inner.live[*number as usize][environment as usize].saturating_sub(over);
                (environment, count)
            })
            .collect()
    }

    /// Up to `limit` applications with a latest subscription to a version, ended or not, after `after`.
    pub fn subscribers(&self, name: &VersionName, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        let inner = self.0.read();
        let number = inner.numbers.get(name);
        page(number.map(|number| &inner.subscribers[*number as usize]), after, limit)
    }

    /// Whether a person works on an application that holds a live subscription to some version of an API.
    pub fn subscribes(&self, email: &Email, context: &Context, now: DateTime<Utc>) -> bool {
        let inner = self.0.read();
        let versions = inner.catalogue.get(context).into_iter().flat_map(BTreeMap::values);
        let live: Vec<(u32, Environment)> = versions
            .flat_map(|version| {
                let effective = inner.effective(version);
                let stages = effective.deployments.iter().map(|(e, deployment)| (*e, deployment.lifecycle.stage(now)));
                let live = stages.filter(|(_, stage)| *stage != Stage::Retired).map(|(environment, _)| environment);
                let number = inner.numbers[&version.name];
                live.map(move |environment| (number, environment)).collect::<Vec<_>>()
            })
            .collect();
        inner.by_collaborator.get(email).into_iter().flatten().any(|id| {
            inner.applications.get(id).is_some_and(|entry| {
                let holds = |(number, environment): &(u32, Environment)| {
                    entry.environment == Some(*environment) && inner.holds(entry, *number, id, now)
                };
                !entry.deleted && live.iter().any(holds)
            })
        })
    }

    /// Up to `limit` applications of an owner, after `after`.
    pub fn owned_by(&self, owner: &str, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        page(self.0.read().by_owner.get(owner), after, limit)
    }

    /// Up to `limit` applications that a person works on, after `after`.
    pub fn worked_on_by(&self, email: &Email, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        page(self.0.read().by_collaborator.get(email), after, limit)
    }

    /// How many there are of what a quota counts.
    pub fn count(&self, counted: &Counted) -> u32 {
        let inner = self.0.read();
        let kept = |ids: Option<&BTreeSet<Arc<str>>>| {
            let is_kept = |id: &&Arc<str>| inner.applications.get(*id).is_some_and(|entry| !entry.deleted);
            ids.map_or(0, |ids| ids.iter().filter(is_kept).count())
        };
        let count = match counted {
            Counted::ApplicationsOfOrganisation(owner) => kept(inner.by_owner.get(owner)),
            Counted::ApplicationsOfPerson(email) => kept(inner.by_collaborator.get(email)),
            Counted::SubscriptionsOf(id) => inner
                .applications
                .get(id.as_str())
                .map_or(0, |entry| entry.subscriptions.iter().filter(|(_, open)| *open == Open::Yes).count()),
        };
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether a person works on an application.
    pub fn works_on(&self, email: &Email, application: &ApplicationId) -> bool {
        self.0.read().by_collaborator.get(email).is_some_and(|ids| ids.contains(application.as_str()))
    }

    /// How many deployments stand at each stage at `now`.
    pub fn standings(&self, now: DateTime<Utc>) -> Standings {
        let inner = self.0.read();
        let mut standings = Standings::new();
        for version in inner.catalogue.values().flat_map(BTreeMap::values) {
            for (environment, deployment) in &inner.effective(version).deployments {
                *standings.entry((*environment, deployment.lifecycle.stage(now))).or_default() += 1;
            }
        }
        standings
    }
}
