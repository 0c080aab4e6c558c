//! Plans: what a preview of lifecycle changes stood on, as a token that a later command is bound to.
//!
//! A token holds digests, not the things themselves, so it stays small however many subscribers there are. The records
//! that the judgement reads are compared by revision; what is concerned is compared by the stamps of the index, which
//! move with every version concerned, the namespaces that it lies in, its subscriptions, their waivers and applications.
//! The stamps are compared once more by the committer itself, so that nothing slips in between.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_decision::Schedule;
use sha2::{Digest, Sha256};

use super::{Hub, Index};
use crate::domain::ledger::Target;
use crate::domain::record::{Record, Records};
use crate::domain::schedule::ChangeLifecycle;
use crate::domain::{Command, Refusal};
use crate::store::Guard;

/// How long a token is good at most.
const GOOD_FOR: TimeDelta = TimeDelta::days(7);

/// What a preview stood on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanToken {
    /// SHA-256 of the changes, as the caller sent them.
    pub changes: [u8; 32],
    /// SHA-256 of the records that the judgement reads, by key and revision.
    pub records: [u8; 32],
    /// SHA-256 of the stamps of everybody concerned.
    pub population: [u8; 32],
    /// The first instant at which a date that the plan stands on has come.
    pub expires_at: DateTime<Utc>,
}

/// A plan that a command is bound to.
#[derive(Debug, Clone)]
pub struct Planned {
    pub(super) token: PlanToken,
    /// SHA-256 of the changes that came with the token.
    pub(super) changes: [u8; 32],
    pub(super) guard: Guard,
}

impl PlanToken {
    /// The token as text.
    pub fn encode(&self) -> String {
        let parts: [&[u8]; 5] = [
            &self.changes,
            &self.records,
            &self.population,
            &self.expires_at.timestamp().to_be_bytes(),
            &self.expires_at.timestamp_subsec_nanos().to_be_bytes(),
        ];
        parts.into_iter().flatten().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The token of a text, if it is one.
    pub fn decode(text: &str) -> Option<PlanToken> {
        // Digits only: what reads numbers would take a sign as well, and there is one text for each token.
        if text.len() != 2 * (3 * 32 + 12) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let bytes: Vec<u8> = (0..text.len() / 2)
            .map(|place| u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok())
            .collect::<Option<_>>()?;
        let digest = |place: usize| bytes[32 * place..32 * (place + 1)].try_into().ok();
        let seconds = i64::from_be_bytes(bytes[96..104].try_into().ok()?);
        let nanos = u32::from_be_bytes(bytes[104..].try_into().ok()?);
        Some(PlanToken {
            changes: digest(0)?,
            records: digest(1)?,
            population: digest(2)?,
            expires_at: DateTime::from_timestamp(seconds, nanos)?,
        })
    }
}

/// SHA-256 over parts, each with its length, so that no two lists of parts look the same.
pub(super) fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn population(index: &Index, targets: &[Target]) -> [u8; 32] {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for (name, environment, stamp) in index.population(targets) {
        parts.push(format!("{name}\0{environment}").into_bytes());
        parts.push(stamp.to_be_bytes().to_vec());
    }
    digest(parts.iter().map(Vec::as_slice))
}

pub(super) fn records_digest(records: &Records) -> [u8; 32] {
    let mut parts: Vec<String> =
        records.revisions().map(|(key, revision)| format!("{key:?}\0{}", revision.unwrap_or_default())).collect();
    parts.sort_unstable();
    parts.dedup();
    digest(parts.iter().map(String::as_bytes))
}

/// The first date after `now` among those that the records hold.
fn next_date(records: &Records, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let of = |schedule: &Schedule| {
        [schedule.deprecated_at(), schedule.sunset_begins_at(), schedule.retires_at()].into_iter().flatten()
    };
    let mut dates: Vec<DateTime<Utc>> = Vec::new();
    for record in records.all() {
        if let Record::Version(version) = record {
            for deployment in version.deployments.values() {
                dates.extend(of(&deployment.lifecycle.schedule));
                dates.extend(deployment.brownouts.iter().flat_map(|window| [window.from, window.until]));
                dates.extend(deployment.operations.iter().flat_map(|operation| of(&operation.schedule)));
            }
        }
        if let Record::Namespace(namespace) = record {
            for deployment in namespace.deployments.values() {
                dates.extend(of(&deployment.lifecycle.schedule));
                dates.extend(deployment.brownouts.iter().flat_map(|window| [window.from, window.until]));
            }
        }
    }
    dates.into_iter().filter(|date| *date > now).min()
}

impl Hub {
    /// The token for `command`, judged at `now` against `records`.
    pub(super) fn token(
        &self,
        command: &ChangeLifecycle,
        changes: [u8; 32],
        records: &Records,
        now: DateTime<Utc>,
    ) -> PlanToken {
        let targets: Vec<Target> = command.targets().into_iter().collect();
        let latest = now.checked_add_signed(GOOD_FOR).unwrap_or(now);
        PlanToken {
            changes,
            records: records_digest(records),
            population: population(self.index(), &targets),
            expires_at: next_date(records, now).map_or(latest, |date| date.min(latest)),
        }
    }

    /// Binds a command to a plan: `changes` is the digest of what came with the token.
    pub fn planned(&self, token: PlanToken, changes: [u8; 32], command: &ChangeLifecycle) -> Planned {
        let targets: Vec<Target> = command.targets().into_iter().collect();
        let (index, expected) = (Arc::clone(&self.0.index), token.population);
        let guard = Guard(Arc::new(move || population(&index, &targets) == expected));
        Planned { token, changes, guard }
    }

    /// Refuses when what a plan stands on is different now.
    pub(super) fn check_plan(
        &self,
        plan: &Planned,
        command: &Command,
        records: &Records,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Command::ChangeLifecycle(command) = command else { return Ok(()) };
        let current = self.token(command, plan.changes, records, now);
        let stale = |what: &str| Err(Refusal::PlanStale(what.to_owned()));
        if current.changes != plan.token.changes {
            return stale("these are not the changes that were previewed");
        }
        if current.records != plan.token.records {
            return stale("a version, its successor, a namespace or an API that it stands on has changed");
        }
        if current.population != plan.token.population {
            return stale("subscriptions, waivers, applications, versions or namespaces concerned have changed");
        }
        if now >= plan.token.expires_at {
            return stale("a date that it stands on has come, or it is a week old");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_anything_else_is_none() {
        let token = PlanToken {
            changes: [1; 32],
            records: [2; 32],
            population: [3; 32],
            expires_at: DateTime::from_timestamp(1_700_000_000, 5).expect("an instant"),
        };
        let text = token.encode();
        assert_eq!(PlanToken::decode(&text), Some(token));
        assert_eq!(PlanToken::decode(&text[1..]), None);
        assert_eq!(PlanToken::decode(&text.replace('1', "x")), None);
        assert_eq!(PlanToken::decode(&"\u{e9}".repeat(text.len() / 2)), None);
    }
}
