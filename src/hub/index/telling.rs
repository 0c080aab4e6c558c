//! Who is to be told, and what is still to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::{Index, Open, Waived};
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::notice::{Milestone, NoticeSubject};
use crate::hub::announcements::{AnnouncementFilter, AnnouncementPlace};

impl Index {
    /// Up to `limit` applications after `after`, in order, that are not deleted and hold, at `now`, a subscription to one
    /// of `versions` that has not ended by itself, or a live waiver for one of them or of `over`; each with those versions.
    pub(in crate::hub) fn holders(
        &self,
        (versions, over): (&[VersionName], &[VersionName]),
        environment: Environment,
        now: DateTime<Utc>,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(ApplicationId, Vec<VersionName>)> {
        let inner = self.0.read();
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let is_here = |id: &Arc<str>| {
            let entry = inner.applications.get(id);
            entry.is_some_and(|entry| !entry.deleted && entry.environment == Some(environment))
        };
        let subscribes = |id: &Arc<str>, number: u32| {
            let open = inner.applications.get(id).is_some_and(|e| e.subscriptions.contains(&(number, Open::Yes)));
            open && inner.ends_at.get(&(number, Arc::clone(id))).is_none_or(|ends_at| *ends_at > now)
        };
        let mut found: BTreeMap<Arc<str>, BTreeSet<VersionName>> = BTreeMap::new();
        let mut add = |id: &Arc<str>, name: &VersionName| found.entry(Arc::clone(id)).or_default().insert(name.clone());
        // The first ones of each version are enough: whoever is among the first of all is among them.
        for name in versions {
            let Some(number) = inner.numbers.get(name).copied() else { continue };
            let of_version = inner.subscribers[number as usize].range::<str, _>(range);
            for id in of_version.filter(|id| is_here(id) && subscribes(id, number)).take(limit) {
                add(id, name);
            }
        }
        for name in versions.iter().chain(over) {
            let of_version = inner.numbers.get(name).and_then(|number| inner.waived.get(number));
            let of_version = of_version.into_iter().flat_map(|waived| waived.range::<str, _>(range));
            let live = |waived: &Vec<Waived>| waived.iter().any(|waived| waived.from <= now && now < waived.until);
            for (id, _) in of_version.filter(|(id, waived)| is_here(id) && live(waived)).take(limit) {
                add(id, name);
            }
        }
        let found = found.into_iter().map(|(id, versions)| (id, versions.into_iter().collect()));
        let parse = |id: Arc<str>| id.parse().expect("only valid ids are indexed");
        found.take(limit).map(|(id, versions)| (parse(id), versions)).collect()
    }

    /// The applications that have, or once had, a waiver for a version.
    pub(in crate::hub) fn waived(&self, name: &VersionName) -> Vec<ApplicationId> {
        let inner = self.0.read();
        let of_version = inner.numbers.get(name).and_then(|number| inner.waived.get(number));
        let parse = |id: &Arc<str>| id.parse().expect("only valid ids are indexed");
        of_version.into_iter().flat_map(|waived| waived.keys().map(parse)).collect()
    }

    /// Whether the crier has something to look at.
    pub(in crate::hub) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.0.read().agenda.next().is_some_and(|at| at <= now)
    }

    /// When the crier has something to look at next, `now` at the earliest.
    pub(in crate::hub) fn next_due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.read().agenda.next().map(|at| at.max(now))
    }

    /// Something for the crier to look at.
    pub(in crate::hub) fn take_due(&self, now: DateTime<Utc>) -> Option<NoticeSubject> {
        self.0.write().agenda.take(now)
    }

    /// What the crier has taken is done.
    pub(in crate::hub) fn done(&self) {
        self.0.write().agenda.done();
    }

    /// The crier could not do what it has taken.
    pub(in crate::hub) fn look_again(&self, subject: NoticeSubject) {
        self.0.write().agenda.look_at(subject);
    }

    /// How many subjects have notices that are due at `now` and not given, and how many only have some to come.
    pub fn notices_waiting(&self, now: DateTime<Utc>) -> (usize, usize) {
        self.0.read().agenda.counts(now)
    }

    /// The revisions of a subject that may have something to come, with what is settled of each.
    pub(in crate::hub) fn open_revisions(&self, subject: &NoticeSubject) -> BTreeMap<u32, BTreeSet<Milestone>> {
        self.0.read().agenda.open_revisions(subject)
    }

    /// A revision has nothing more to come.
    pub(in crate::hub) fn close(&self, subject: &NoticeSubject, revision: u32) {
        self.0.write().agenda.close(subject, revision);
    }

    /// The next milestone of a subject comes at `until`.
    pub(in crate::hub) fn wait_for(&self, subject: &NoticeSubject, until: DateTime<Utc>) {
        self.0.write().agenda.wait_for(subject, until);
    }

    /// Up to `size` matching announcements after `after`, newest first, and where the next page begins.
    pub fn announcements(
        &self,
        filter: &AnnouncementFilter,
        after: Option<&AnnouncementPlace>,
        size: usize,
    ) -> (Vec<AnnouncementPlace>, Option<AnnouncementPlace>) {
        self.0.read().announcements.page(filter, after, size)
    }
}
