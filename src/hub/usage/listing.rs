//! Lists of usage: the live subscriptions of a version or an application, each with what is known of its calls.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::super::{Failure, Hub, Page};
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::domain::subscription::Subscription;
use crate::domain::usage::{Class, Usage, class};
use crate::store::codec::{self, Kind};

/// Subscriptions looked at together.
const STEP: usize = 256;

/// Most subscriptions that one page looks at: a class that few are of must not hold a thread for long.
const LOOKED_AT_MAX: usize = 20_000;

/// Most subscriptions that a summary looks at.
pub const SUMMARY_MAX: usize = 100_000;

/// Whose usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageOf {
    /// Of a version, by its subscribers.
    Version(VersionName),
    /// By an application, of the versions that it is subscribed to.
    Application(ApplicationId),
}

/// The usage of one live subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The subscription.
    pub subscription: Subscription,
    /// Its calls.
    pub usage: Usage,
    /// How regular they are.
    pub class: Class,
}

/// Live subscriptions to a version, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many are of each class.
    pub counts: BTreeMap<Class, u64>,
    /// There are more than were looked at.
    pub truncated: bool,
}

/// What was looked at together, each with the cursor that follows it; `None` for what is not to be shown.
type Step<T> = Vec<(Bytes, Option<T>)>;

impl Hub {
    /// A page of usage, of the environment and the class that are given.
    ///
    /// # Errors
    /// When records or notes cannot be read.
    pub fn list_usage(
        &self,
        of: &UsageOf,
        environment: Option<Environment>,
        wanted: Option<Class>,
        after: Option<Bytes>,
        size: usize,
        now: DateTime<Utc>,
    ) -> Result<Page<UsageRow>, Failure> {
        let (mut items, mut cursor, mut looked_at) = (Vec::new(), after, 0);
        loop {
            let (step, complete) = self.usage_step(of, environment, cursor.clone(), now)?;
            for (next, row) in step {
                if items.len() == size || looked_at == LOOKED_AT_MAX {
                    return Ok(Page { items, next: cursor });
                }
                looked_at += 1;
                items.extend(row.filter(|row| wanted.is_none_or(|wanted| wanted == row.class)));
                cursor = Some(next);
            }
            if complete {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// How many live subscriptions to a version are of each class.
    ///
    /// # Errors
    /// When records or notes cannot be read.
    pub fn summarize_usage(
        &self,
        version: &VersionName,
        environment: Option<Environment>,
        now: DateTime<Utc>,
    ) -> Result<Summary, Failure> {
        let of = UsageOf::Version(version.clone());
        let mut summary = Summary { counts: Class::ALL.map(|class| (class, 0)).into(), truncated: false };
        let (mut cursor, mut looked_at) = (None, 0);
        loop {
            let (step, complete) = self.usage_step(&of, environment, cursor, now)?;
            looked_at += step.len();
            cursor = step.last().map(|(next, _)| next.clone());
            for row in step.into_iter().filter_map(|(_, row)| row) {
                *summary.counts.entry(row.class).or_default() += 1;
            }
            if complete || looked_at >= SUMMARY_MAX {
                return Ok(Summary { truncated: !complete, ..summary });
            }
        }
    }

    /// The next subscriptions after a cursor, with the usage of those that are live; and whether they are the last.
    fn usage_step(
        &self,
        of: &UsageOf,
        environment: Option<Environment>,
        after: Option<Bytes>,
        now: DateTime<Utc>,
    ) -> Result<(Step<UsageRow>, bool), Failure> {
        let mut step = match of {
            UsageOf::Version(version) => self.subscribers_step(version, after)?,
            UsageOf::Application(application) => self.subscriptions_step(application, after)?,
        };
        let complete = step.len() < STEP;
        for (_, found) in &mut step {
            *found = found.take().filter(|found| environment.is_none_or(|wanted| wanted == found.environment));
        }
        self.leave_out_ended(&mut step, now)?;
        let mut usages = self.usage().of_all(step.iter().filter_map(|(_, found)| found.as_ref()), now)?.into_iter();
        let rows = step.into_iter().map(|(next, found)| {
            let row = found.map(|subscription| {
                let usage = usages.next().unwrap_or_default();
                UsageRow { subscription, class: class(&usage, now), usage }
            });
            (next, row)
        });
        Ok((rows.collect(), complete))
    }

    fn subscribers_step(&self, version: &VersionName, after: Option<Bytes>) -> Result<Step<Subscription>, Failure> {
        let after = after.as_deref().and_then(|after| std::str::from_utf8(after).ok());
        let ids = self.index().subscribers(version, after, STEP);
        let keys: Vec<RecordKey> = ids.iter().map(|id| RecordKey::Subscription(id.clone(), version.clone())).collect();
        let found = self.get(&keys)?.into_iter().map(|stored| subscription(stored.map(|stored| stored.record)));
        Ok(ids.iter().map(|id| Bytes::copy_from_slice(id.as_str().as_bytes())).zip(found).collect())
    }

    fn subscriptions_step(
        &self,
        application: &ApplicationId,
        after: Option<Bytes>,
    ) -> Result<Step<Subscription>, Failure> {
        let prefix = Hub::prefix(Kind::Subscription, Some(application));
        let found = self.store().scan(&prefix, after.as_deref(), STEP)?;
        found
            .into_iter()
            .map(|(key, value)| Ok((key, subscription(Some(codec::decode_record(&value.value)?)))))
            .collect()
    }

    /// Leaves out what somebody, the retirement of its version or the deletion of its application has ended.
    fn leave_out_ended(&self, step: &mut Step<Subscription>, now: DateTime<Utc>) -> Result<(), Failure> {
        let ends = step.iter().filter_map(|(_, found)| found.as_ref()).flat_map(|subscription| {
            [RecordKey::Application(subscription.application.clone()), RecordKey::Version(subscription.version.clone())]
        });
        // Each once: a whole step shares its version, or its application.
        let ends: Vec<RecordKey> = ends.collect::<HashSet<_>>().into_iter().collect();
        let found = self.get(&ends)?;
        let ends: HashMap<RecordKey, Record> =
            ends.into_iter().zip(found).filter_map(|(key, stored)| Some((key, stored?.record))).collect();
        for (_, found) in step {
            *found = found.take().filter(|subscription| {
                let application = ends.get(&RecordKey::Application(subscription.application.clone()));
                let application =
                    application.and_then(|record| if let Record::Application(a) = record { Some(a) } else { None });
                let version = ends.get(&RecordKey::Version(subscription.version.clone()));
                let version = version.and_then(|record| if let Record::Version(v) = record { Some(v) } else { None });
                let version = version.map(|version| self.index().effective(version));
                subscription.end(application, version.as_deref(), now).is_none()
            });
        }
        Ok(())
    }
}

fn subscription(record: Option<Record>) -> Option<Subscription> {
    if let Some(Record::Subscription(subscription)) = record { Some(subscription) } else { None }
}
