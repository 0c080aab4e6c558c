//! Taking away again what was taken away after a backup, as a trail says it. What was given back later is left, and what cannot
//! be repeated from the trail alone is listed for people.

use std::collections::BTreeMap;

use devhub_proto::v1::{self, Fact, FactKind};
use serde::Serialize;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::later::takes_away;
use crate::cli::connection::{Hub, new_request_id};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// Longest part of the first reason that is repeated, in characters.
const REASON_CHARS_MAX: usize = 400;

/// What became of one thing that was taken away.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Repeated {
    revision: u64,
    kind: String,
    about: String,
    outcome: String,
}

impl Row for Repeated {
    const HEADER: &'static [&'static str] = &["REVISION", "KIND", "ABOUT", "OUTCOME"];

    fn cells(&self) -> Vec<String> {
        vec![self.revision.to_string(), self.kind.clone(), self.about.clone(), self.outcome.clone()]
    }
}

/// What a fact is about, in one line: the last fact of a line says how it stands.
fn about(fact: &Fact, of: &str) -> String {
    let environment = wire_name(fact.environment, v1::Environment::as_str_name, "ENVIRONMENT_");
    let environment = if fact.environment == 0 { String::new() } else { environment };
    let secret = changed(fact, "client_secret_id").0;
    let parts = [
        of,
        &fact.application_id,
        &fact.context,
        &fact.version,
        &environment,
        &fact.company_id,
        &fact.account_id,
        &secret,
        &changed(fact, "operation").1,
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A value before and after.
fn changed(fact: &Fact, field: &str) -> (String, String) {
    let change = fact.changes.iter().find(|change| change.field == field);
    change.map(|change| (change.before.clone(), change.after.clone())).unwrap_or_default()
}

/// What a fact takes away or gives back, by a word for both.
fn matter(fact: &Fact) -> &'static str {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else of a trail can be repeated")]
    match fact.kind() {
        FactKind::ClientSecretRevoked => "secret",
        FactKind::ApplicationDeleted | FactKind::ApplicationRestored => "life",
        FactKind::ApplicationBlocked | FactKind::ApplicationUnblocked => "block",
        FactKind::Unsubscribed
        | FactKind::Subscribed
        | FactKind::SubscriptionMoved
        | FactKind::MoveUndone
        | FactKind::UnsubscriptionUndone
        | FactKind::SubscriptionImported => "subscription",
        FactKind::WaiverRevoked | FactKind::WaiverGranted => "waiver",
        FactKind::ServiceAccountRemoved => "account",
        FactKind::AppUninstalled | FactKind::AppInstalled | FactKind::InstallationImported => "installation",
        FactKind::VersionRetired
        | FactKind::VersionDeprecated
        | FactKind::ScheduleRevised
        | FactKind::EndWithdrawn
        | FactKind::Reinstated => "end",
        _ => "",
    }
}

/// The last word of the trail on each matter that something was taken away in, in order.
fn last_words(facts: &[Fact]) -> Vec<&Fact> {
    let mut last: BTreeMap<String, &Fact> = BTreeMap::new();
    let mut alone = Vec::new();
    for fact in facts {
        match matter(fact) {
            "" if takes_away(fact) => alone.push(fact),
            "" => {}
            of => drop(last.insert(about(fact, of), fact)),
        }
    }
    let mut words: Vec<&Fact> = last.into_values().chain(alone).filter(|fact| takes_away(fact)).collect();
    words.sort_by_key(|fact| (fact.revision, fact.ordinal));
    words
}

fn outcome<T>(done: Result<T, Status>) -> String {
    match done {
        Ok(_) => "repeated".to_owned(),
        Err(status) => {
            let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
            format!("{reason}: {}", status.message())
        }
    }
}

/// Repeats one fact; `None` for what people have to do.
async fn repeat_one(hub: &Hub, fact: &Fact) -> Option<String> {
    let first: String = fact.reason.chars().take(REASON_CHARS_MAX).collect();
    let reason = format!("repeated after a restore: {first}");
    let (application_id, context, version) = (fact.application_id.clone(), fact.context.clone(), fact.version.clone());
    let (company_id, account_id) = (fact.company_id.clone(), fact.account_id.clone());
    let (etag, request_id) = (String::new(), new_request_id());
    #[expect(clippy::wildcard_enum_match_arm, reason = "of all else the trail alone does not say enough")]
    let done = match fact.kind() {
        FactKind::ClientSecretRevoked => {
            let client_secret_id = changed(fact, "client_secret_id").0;
            let request = v1::RevokeClientSecretRequest { application_id, client_secret_id, reason, request_id };
            outcome(hub.credentials().revoke_client_secret(request).await)
        }
        FactKind::ApplicationDeleted => {
            let request = v1::DeleteApplicationRequest { application_id, reason, etag, request_id };
            outcome(hub.applications().delete_application(request).await)
        }
        FactKind::ApplicationBlocked => {
            let request = v1::BlockApplicationRequest { application_id, reason, etag, request_id };
            outcome(hub.applications().block_application(request).await)
        }
        FactKind::Unsubscribed => {
            let acknowledge_one_way = true;
            let request = v1::UnsubscribeRequest {
                application_id,
                context,
                version,
                acknowledge_one_way,
                reason,
                etag,
                request_id,
            };
            outcome(hub.subscriptions().unsubscribe(request).await)
        }
        FactKind::WaiverRevoked => {
            let kind = v1::WaiverKind::from_str_name(&format!("WAIVER_KIND_{}", changed(fact, "kind").0))?.into();
            let request = v1::RevokeWaiverRequest { application_id, context, version, kind, reason, etag, request_id };
            outcome(hub.waivers().revoke_waiver(request).await)
        }
        FactKind::ServiceAccountRemoved => {
            let acknowledge_recent_use = true;
            let request = v1::RemoveServiceAccountRequest {
                company_id,
                account_id,
                acknowledge_recent_use,
                reason,
                etag,
                request_id,
            };
            outcome(hub.service_accounts().remove_service_account(request).await)
        }
        FactKind::AppUninstalled => {
            let request = v1::UninstallRequest { application_id, company_id, reason, etag, request_id };
            outcome(hub.installations().uninstall(request).await)
        }
        FactKind::VersionRetired if !version.is_empty() && changed(fact, "operation").1.is_empty() => {
            let retire = |retire_time| v1::RetireApiVersionRequest {
                context: context.clone(),
                version: version.clone(),
                environment: fact.environment,
                retire_time,
                reason: reason.clone(),
                override_reason: "it was retired before the restore".to_owned(),
                request_id: new_request_id(),
                ..Default::default()
            };
            let done = hub.apis().retire_api_version(retire(fact.effective_time)).await;
            // An instant that has come meanwhile comes at once.
            match done {
                Err(status) if status.message().contains("retire_time") => {
                    outcome(hub.apis().retire_api_version(retire(None)).await)
                }
                done => outcome(done),
            }
        }
        _ => return None,
    };
    Some(done)
}

/// Takes away again what the facts say was taken away, and tells of each.
pub(super) async fn repeat(hub: &Hub, facts: &[Fact]) -> Vec<Repeated> {
    let mut done = Vec::new();
    for fact in last_words(facts) {
        let outcome = repeat_one(hub, fact).await;
        done.push(Repeated {
            revision: fact.revision,
            kind: wire_name(fact.kind, FactKind::as_str_name, "FACT_KIND_"),
            about: about(fact, ""),
            outcome: outcome.unwrap_or_else(|| "to be done by hand".to_owned()),
        });
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(revision: u64, kind: FactKind, application: &str) -> Fact {
        Fact { revision, kind: kind.into(), application_id: application.to_owned(), ..Default::default() }
    }

    #[test]
    fn what_was_given_back_is_not_taken_away_again() {
        let facts = [
            fact(1, FactKind::ApplicationBlocked, "a"),
            fact(2, FactKind::ApplicationBlocked, "b"),
            fact(3, FactKind::ApplicationUnblocked, "a"),
            fact(4, FactKind::ApplicationDeleted, "a"),
            fact(5, FactKind::Subscribed, "b"),
            fact(6, FactKind::CollaboratorRemoved, "b"),
        ];
        let words: Vec<u64> = last_words(&facts).into_iter().map(|fact| fact.revision).collect();
        assert_eq!(words, [2, 4, 6]);
    }
}
