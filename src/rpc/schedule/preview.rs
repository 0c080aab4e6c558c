//! Previews as messages, and where their pages end.

use bytes::Bytes;
use devhub_decision::Environment;
use devhub_proto::v1;
use prost::Message;
use sha2::{Digest, Sha256};

use super::render::state;
use crate::domain::name::VersionName;
use crate::domain::usage::Class;
use crate::hub::{Affected, Place, PlanToken, PlannedNotice, Preview, Rehearsed};
use crate::wire::{self, Word, reason, timestamp};

/// SHA-256 of the changes, each with its length.
pub(super) fn digest(changes: &[v1::LifecycleChange]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for change in changes {
        hash.update((change.encoded_len() as u64).to_be_bytes());
        hash.update(change.encode_to_vec());
    }
    hash.finalize().into()
}

/// Where a page ends, and what it stood on: pages of one preview must tell one story.
pub(super) struct Cursor {
    records: [u8; 32],
    population: [u8; 32],
    pub(super) place: Place,
}

impl Cursor {
    pub(super) fn new(token: &PlanToken, place: Place) -> Cursor {
        Cursor { records: token.records, population: token.population, place }
    }

    pub(super) fn stands_on(&self, token: &PlanToken) -> bool {
        (self.records, self.population) == (token.records, token.population)
    }

    pub(super) fn encode(&self) -> Bytes {
        let Place { version, environment, application } = &self.place;
        let application = application.as_ref().map(ToString::to_string).unwrap_or_default();
        let place = [version.context.as_str(), version.label.as_str(), environment.name(), &application].join("\0");
        [&self.records[..], &self.population, place.as_bytes()].concat().into()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Cursor> {
        let (records, rest) = bytes.split_first_chunk::<32>()?;
        let (population, place) = rest.split_first_chunk::<32>()?;
        let mut parts = std::str::from_utf8(place).ok()?.split('\0');
        let version = VersionName { context: parts.next()?.parse().ok()?, label: parts.next()?.parse().ok()? };
        let environment: Environment = parts.next()?.parse().ok()?;
        let application = match parts.next()? {
            "" => None,
            id => Some(id.parse().ok()?),
        };
        Some(Cursor { records: *records, population: *population, place: Place { version, environment, application } })
    }
}

fn change(change: &Rehearsed) -> v1::ChangePreview {
    let (revision, refusal) = match &change.judgement {
        Ok(revision) => (Some(revision), None),
        Err(refusal) => (None, Some(refusal)),
    };
    let zone = revision.and_then(|revision| revision.zone.as_ref());
    v1::ChangePreview {
        target: Some(wire::target(&change.target)),
        accepted: refusal.is_none(),
        refusal: refusal.map(|refusal| reason::reason(refusal).into()).unwrap_or_default(),
        refusal_sentence: refusal.map(ToString::to_string).unwrap_or_default(),
        warnings: change.warnings.clone(),
        before: revision.and_then(|revision| revision.before.as_ref()).map(|before| state(before, zone)),
        after: revision.map(|revision| state(&revision.after, zone)),
        suggested_retire_time: change.suggested_retirement.map(timestamp),
        affected_subscriptions: i64::try_from(change.live).unwrap_or(i64::MAX),
        usage: Class::ALL
            .into_iter()
            .map(|class| v1::UsageClassCount {
                usage_class: class.number(),
                subscriptions: change.usage.get(&class).copied().unwrap_or_default(),
            })
            .collect(),
    }
}

fn affected(affected: &Affected) -> v1::AffectedSubscription {
    let subscription = &affected.subscription;
    v1::AffectedSubscription {
        application_id: subscription.application.to_string(),
        application_name: affected.application_name.clone(),
        administrators: affected.administrators.iter().map(ToString::to_string).collect(),
        version: Some(wire::version_name(&subscription.version)),
        environment: subscription.environment.number(),
        since: Some(timestamp(subscription.since)),
        last_call_time: affected.usage.last_call().map(timestamp),
        usage_class: affected.class.number(),
        answers: affected
            .answers
            .iter()
            .map(|answer| v1::AnswerFrom {
                time: Some(timestamp(answer.at)),
                allowed: answer.reason.allows(),
                reason: answer.reason.name().to_owned(),
                stage: answer.stage.map(Word::number).unwrap_or_default(),
            })
            .collect(),
    }
}

fn notice(notice: &PlannedNotice) -> v1::PlannedNotice {
    v1::PlannedNotice {
        time: Some(timestamp(notice.at)),
        milestone: notice.milestone.to_string(),
        target: Some(wire::target(&notice.target)),
        applications: i64::try_from(notice.applications).unwrap_or(i64::MAX),
    }
}

/// A preview. Its token is given only when every change would be accepted.
pub(super) fn render(preview: &Preview, next_page_token: String) -> v1::PreviewLifecycleChangeResponse {
    let accepted = preview.changes.iter().all(|change| change.judgement.is_ok());
    v1::PreviewLifecycleChangeResponse {
        plan_token: if accepted { preview.token.encode() } else { String::new() },
        time: Some(timestamp(preview.at)),
        plan_expire_time: accepted.then(|| timestamp(preview.token.expires_at)),
        changes: preview.changes.iter().map(change).collect(),
        affected: preview.affected.iter().map(affected).collect(),
        next_page_token,
        notices: preview.notices.iter().map(notice).collect(),
    }
}
