//! Calls of subscribers that were let pass here, counted and reported to the hub in batches, so that whoever retires a
//! version knows who still depends on it. The counts decide nothing and may be lost in part.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use devhub_decision::{Decision, Environment, Facts, Question};
use devhub_proto::v1;
use devhub_proto::v1::usage_service_client::UsageServiceClient;
use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};
use parking_lot::Mutex;
use tonic::transport::Channel;

use crate::backoff::random;

/// Parts of the counts: enough that two calls seldom wait for each other.
const SHARDS: usize = 16;

/// Most counts, of all parts, unless somebody says otherwise.
pub(crate) const COUNTS_MAX: usize = 1 << 20;

/// Most items of one report, as the hub says.
const ITEMS_MAX: usize = 500;

/// How long a report is waited for.
const REPORT_LIMIT: Duration = Duration::from_secs(10);

/// Reports that may wait for a hub that is away; of more, the oldest are given up.
const WAITING_MAX: usize = 1000;

/// The calls of one subscriber to one version on one day.
struct Count {
    client_id: Box<str>,
    context: Box<str>,
    label: Box<str>,
    /// The company of the calls while the hub waits to hear of the first one there; else empty.
    company: Box<str>,
    day: NaiveDate,
    calls: u64,
    last: DateTime<Utc>,
}

impl Count {
    fn key(&self) -> (&str, &str, &str, &str, NaiveDate) {
        (&self.client_id, &self.context, &self.label, &self.company, self.day)
    }
}

/// Counts calls until they are reported.
pub struct UsageTally {
    environment: Environment,
    gateway_id: String,
    /// How far the clock here may be ahead of the hub's, which takes no report from its future.
    ahead: TimeDelta,
    /// Most counts of a part: calls of more subscriptions are lost until the next report.
    counts_max: usize,
    hasher: DefaultHashBuilder,
    shards: [Mutex<HashTable<Count>>; SHARDS],
    /// Calls that found no room since the last report.
    lost: AtomicU64,
    /// Reports that were not taken yet, each under the id that it was sent with.
    waiting: tokio::sync::Mutex<Vec<v1::ReportUsageRequest>>,
}

fn calls(report: &v1::ReportUsageRequest) -> u64 {
    report.items.iter().map(|item| item.calls).sum()
}

impl UsageTally {
    /// Nothing is counted yet. The clock here may be ahead of the hub's by `ahead`.
    pub fn new(environment: Environment, gateway_id: String, ahead: Duration) -> UsageTally {
        UsageTally {
            environment,
            gateway_id,
            ahead: TimeDelta::from_std(ahead).unwrap_or_default(),
            counts_max: COUNTS_MAX / SHARDS,
            hasher: DefaultHashBuilder::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            lost: AtomicU64::new(0),
            waiting: tokio::sync::Mutex::default(),
        }
    }

    /// The same with room for about so many subscriptions and days between two reports.
    pub fn bounded(self, counts_max: usize) -> UsageTally {
        UsageTally { counts_max: counts_max.div_ceil(SHARDS), ..self }
    }

    /// Counts a decision, if it lets a subscriber call: what the hub would count had it been asked.
    pub fn count(&self, question: &Question<'_>, facts: &Facts<'_>, decision: &Decision<'_>, now: DateTime<Utc>) {
        if !decision.is_counted() {
            return;
        }
        let company = question.company.filter(|_| facts.awaits_use).unwrap_or_default();
        let key = (question.client_id, question.context, question.label, company, now.date_naive());
        let hash = self.hasher.hash_one(key);
        let mut counts = self.shards[(hash >> 32) as usize % SHARDS].lock();
        let held = counts.len();
        match counts.entry(hash, |count| count.key() == key, |count| self.hasher.hash_one(count.key())) {
            Entry::Occupied(mut found) => {
                let count = found.get_mut();
                count.calls += 1;
                count.last = count.last.max(now);
            }
            Entry::Vacant(vacant) if held < self.counts_max => {
                let (client_id, context, label, company, day) = key;
                let [client_id, context, label, company] = [client_id, context, label, company].map(Box::from);
                vacant.insert(Count { client_id, context, label, company, day, calls: 1, last: now });
            }
            Entry::Vacant(_) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What was counted since the last time, in reports of a good size.
    fn take(&self) -> Vec<v1::ReportUsageRequest> {
        let counts = self.shards.iter().flat_map(|shard| std::mem::take(&mut *shard.lock()));
        let items: Vec<v1::UsageReport> = counts
            .map(|count| v1::UsageReport {
                client_id: count.client_id.into(),
                context: count.context.into(),
                version: count.label.into(),
                environment: devhub_sync::environment_number(self.environment),
                calls: count.calls,
                // The hour is enough for usage; a first use must not seem to lie before the installation by so much.
                last_call_time: Some(devhub_sync::timestamp(match &*count.company {
                    "" => hour(count.last),
                    _ => count.last.checked_sub_signed(self.ahead).unwrap_or(count.last),
                })),
                company_id: count.company.into(),
            })
            .collect();
        let named = |items: &[v1::UsageReport]| {
            let id: String = self.gateway_id.chars().take(40).collect();
            v1::ReportUsageRequest { items: items.to_vec(), request_id: format!("{id}.{:016x}", random()) }
        };
        items.chunks(ITEMS_MAX).map(named).collect()
    }

    /// Reports what was counted, and what an earlier report could not; says how many calls the hub took and how many it
    /// will never know of. A report whose answer was lost is sent again under its id, and so counted once.
    pub async fn report(&self, channel: Channel) -> (u64, u64) {
        let mut waiting = self.waiting.lock().await;
        waiting.extend(self.take());
        let (mut taken, mut lost) = (0, self.lost.swap(0, Ordering::Relaxed));
        let excess = waiting.len().saturating_sub(WAITING_MAX);
        lost += waiting.drain(..excess).map(|report| calls(&report)).sum::<u64>();
        let mut client = UsageServiceClient::new(channel);
        while let Some(report) = waiting.first() {
            match client.report_usage(within(report.clone())).await {
                Ok(response) => {
                    // An item that is refused today is refused tomorrow.
                    for (item, result) in report.items.iter().zip(response.into_inner().results) {
                        *if result.accepted { &mut taken } else { &mut lost } += item.calls;
                    }
                    waiting.remove(0);
                }
                Err(_) => break,
            }
        }
        (taken, lost)
    }
}

/// A report that is waited for so long, and then sent again.
fn within(report: v1::ReportUsageRequest) -> tonic::Request<v1::ReportUsageRequest> {
    let mut request = tonic::Request::new(report);
    request.set_timeout(REPORT_LIMIT);
    request
}

/// The beginning of an hour: what the hub keeps.
fn hour(instant: DateTime<Utc>) -> DateTime<Utc> {
    let into = instant.timestamp().rem_euclid(3600);
    instant - TimeDelta::seconds(into) - TimeDelta::nanoseconds(i64::from(instant.timestamp_subsec_nanos()))
}
