//! The one map from a refusal or failure to a gRPC status. No status is made anywhere else.

use std::collections::HashMap;
use std::time::Duration;

use chrono::SecondsFormat;
use devhub_proto::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::domain::client_secret::{CLIENT_SECRETS_MAX, SecretRefusal};
use crate::domain::refusal::{Refusal, Violation};
use crate::domain::registered_key::{KEYS_MAX, KeyRefusal};
use crate::hub::Failure;
use crate::store::StoreError;
use crate::wire::reason;

/// The domain of every ErrorInfo.
pub const DOMAIN: &str = "devhub";

/// Most field violations in one status: details travel in a header.
const VIOLATIONS_MAX: usize = 12;

/// Longest message of a status, for the same reason: a client takes 8 KiB of headers, and percent-encoding triples.
const MESSAGE_BYTES_MAX: usize = 700;

/// How long a caller should wait before it repeats a call that met a passing problem.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// How long a gateway should wait that finds no place: one that has none gets free when another goes.
const GATEWAY_RETRY_DELAY: Duration = Duration::from_secs(5);

/// How gRPC's own retries are told to wait, in milliseconds.
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The gRPC code of every reason.
pub const fn code(reason: ErrorReason) -> Code {
    match reason {
        ErrorReason::Unspecified | ErrorReason::Internal => Code::Internal,
        ErrorReason::InvalidField
        | ErrorReason::SubscriptionFields
        | ErrorReason::PageToken
        | ErrorReason::DeadlineRequired => Code::InvalidArgument,
        ErrorReason::DeadlinePassed => Code::DeadlineExceeded,
        ErrorReason::RequestTooLarge => Code::OutOfRange,
        ErrorReason::ActorRequired
        | ErrorReason::PrincipalRequired
        | ErrorReason::CredentialsRequired
        | ErrorReason::CredentialsRefused
        | ErrorReason::CredentialsExpired => Code::Unauthenticated,
        ErrorReason::OperatorRequired
        | ErrorReason::NotACollaborator
        | ErrorReason::AdministratorRequired
        | ErrorReason::ApplicationNotStandard
        | ErrorReason::SubscriptionsLocked
        | ErrorReason::DeletionRestricted
        | ErrorReason::NotACompanyAdministrator
        | ErrorReason::CompanyApprovalRequired
        | ErrorReason::NotARecipient
        | ErrorReason::EnvironmentNotPermitted
        | ErrorReason::GatewayIdDiffers
        | ErrorReason::RoleNotPermitted
        | ErrorReason::WrongPerson
        | ErrorReason::BreakGlassRefused
        | ErrorReason::ScopeNotGranted => Code::PermissionDenied,
        ErrorReason::ApiNotFound
        | ErrorReason::VersionNotFound
        | ErrorReason::VersionNotInEnvironment
        | ErrorReason::ApplicationNotFound
        | ErrorReason::SubscriptionNotFound
        | ErrorReason::AccessRequestNotFound
        | ErrorReason::CollaboratorNotFound
        | ErrorReason::OperationUnknown
        | ErrorReason::NamespaceEmpty
        | ErrorReason::ScheduleNotFound
        | ErrorReason::WaiverNotFound
        | ErrorReason::AnnouncementNotFound
        | ErrorReason::CompanyNotFound
        | ErrorReason::ServiceAccountNotFound
        | ErrorReason::ExtensionNotFound
        | ErrorReason::NoticeNotFound
        | ErrorReason::ClientSecretNotFound
        | ErrorReason::KeyNotFound
        | ErrorReason::OrganisationNotFound
        | ErrorReason::GatewayNotRevoked
        | ErrorReason::AppVersionNotFound
        | ErrorReason::ListingNotFound
        | ErrorReason::InstallationNotFound
        | ErrorReason::ProjectsUnknown
        | ErrorReason::ProposalNotFound
        | ErrorReason::MaintenanceNotFound => Code::NotFound,
        ErrorReason::AlreadyExists
        | ErrorReason::ServiceAccountDiffers
        | ErrorReason::DuplicateSubscription
        | ErrorReason::RequestIdReused
        | ErrorReason::AlreadyInstalled
        | ErrorReason::InstallationDiffers
        | ErrorReason::KeyExists
        | ErrorReason::CollaboratorExists => Code::AlreadyExists,
        ErrorReason::EtagMismatch
        | ErrorReason::Contention
        | ErrorReason::PlanStale
        | ErrorReason::ProposalStale
        | ErrorReason::FollowerTooSlow
        | ErrorReason::GatewayDisconnected => Code::Aborted,
        ErrorReason::VersionAlpha
        | ErrorReason::VersionDeprecated
        | ErrorReason::VersionRetired
        | ErrorReason::StageTakesNoSubscriptions
        | ErrorReason::SubscriptionNotNeeded
        | ErrorReason::AccessNotGranted
        | ErrorReason::VersionInternal
        | ErrorReason::ApplicationBlocked
        | ErrorReason::ApplicationDeleted
        | ErrorReason::IllegalLifecycleMove
        | ErrorReason::RetirementBeforeDeprecation
        | ErrorReason::PeriodTooShort
        | ErrorReason::StageNotInPolicy
        | ErrorReason::AlphaEndpointsEnabled
        | ErrorReason::InstantInPast
        | ErrorReason::PolicyNotFound
        | ErrorReason::LastAdministrator
        | ErrorReason::IllegalApplicationState
        | ErrorReason::RestoreWindowPassed
        | ErrorReason::IllegalAccessRequestState
        | ErrorReason::SinceOutOfRange
        | ErrorReason::AcknowledgementRequired
        | ErrorReason::NothingToDo
        | ErrorReason::NoticeTooShort
        | ErrorReason::AnnouncementOutOfOrder
        | ErrorReason::PublicationOutOfOrder
        | ErrorReason::PartsNotInPolicy
        | ErrorReason::BrownoutRefused
        | ErrorReason::WaiverTooLong
        | ErrorReason::UndoWindowPassed
        | ErrorReason::NothingToUndo
        | ErrorReason::OverlapOutOfRange
        | ErrorReason::SubscriptionEnding
        | ErrorReason::ApplicationNotInEnvironment
        | ErrorReason::ServiceAccountRemoved
        | ErrorReason::CreationClosed
        | ErrorReason::EarlierNotAccepted
        | ErrorReason::ClassNoticeTooShort
        | ErrorReason::RecentUse
        | ErrorReason::ExtensionGranted
        | ErrorReason::ExtensionRefused
        | ErrorReason::PepperRequired
        | ErrorReason::OrganisationNotVerified
        | ErrorReason::OrganisationNotAPartner
        | ErrorReason::ApplicationNotApproved
        | ErrorReason::AppVersionNotIncreasing
        | ErrorReason::AppVersionInSandbox
        | ErrorReason::IllegalAppVersionState
        | ErrorReason::IllegalListingState
        | ErrorReason::CredentialsMismatch
        | ErrorReason::AppVersionNotAvailable
        | ErrorReason::ListingClosed
        | ErrorReason::WiderPermissions
        | ErrorReason::SecondPersonRequired
        | ErrorReason::ProposalNotOpen
        | ErrorReason::EpochChanged => Code::FailedPrecondition,
        ErrorReason::LimitReached
        | ErrorReason::StoreFull
        | ErrorReason::Overloaded
        | ErrorReason::VerificationLimited
        | ErrorReason::QuotaExceeded
        | ErrorReason::RateExceeded => Code::ResourceExhausted,
        ErrorReason::StoreUnavailable
        | ErrorReason::RevisionNotReached
        | ErrorReason::HubNotReady
        | ErrorReason::RestoreUnconfirmed
        | ErrorReason::Maintenance => Code::Unavailable,
    }
}

fn make(reason: ErrorReason, message: String, metadata: HashMap<String, String>, violations: &[Violation]) -> Status {
    let passing = matches!(
        reason,
        ErrorReason::Contention | ErrorReason::Overloaded | ErrorReason::RevisionNotReached | ErrorReason::HubNotReady
    );
    make_with(reason, message, metadata, violations, passing.then_some(RETRY_DELAY))
}

fn make_with(
    reason: ErrorReason,
    message: String,
    metadata: HashMap<String, String>,
    violations: &[Violation],
    retry_after: Option<Duration>,
) -> Status {
    let details = details(reason, metadata, violations, retry_after);
    Status::with_error_details(code(reason), short(&message, MESSAGE_BYTES_MAX), details)
}

fn details(
    reason: ErrorReason,
    metadata: HashMap<String, String>,
    violations: &[Violation],
    retry_after: Option<Duration>,
) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason::name(reason), DOMAIN, metadata);
    for violation in violations.iter().take(VIOLATIONS_MAX) {
        details.add_bad_request_violation(short(&violation.field, 100), short(&violation.sentence, 200));
    }
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    details
}

/// The beginning of a text, of at most `bytes` bytes.
fn short(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes - 3).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}...", &text[..end])
}

/// What a client can read out of a refusal without parsing its sentence.
fn metadata(refusal: &Refusal) -> HashMap<String, String> {
    let instant = |t: &chrono::DateTime<chrono::Utc>| t.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    if let Refusal::InBatch { position, refusal, .. } = refusal {
        let mut metadata = self::metadata(refusal);
        metadata.insert("change".to_owned(), position.to_string());
        return metadata;
    }
    let mut metadata = HashMap::new();
    let mut put = |key: &str, value: String| {
        metadata.insert(key.to_owned(), value);
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "metadata is an extra; a refusal without any is complete")]
    match refusal {
        Refusal::EtagMismatch { current } => put("etag", current.to_string()),
        Refusal::DuplicateSubscription { since, .. } => put("start_time", instant(since)),
        Refusal::VersionDeprecated { since, successor, .. } => {
            put("deprecate_time", instant(since));
            if let Some(successor) = successor {
                put("successor_context", successor.context.to_string());
                put("successor_version", successor.label.to_string());
            }
        }
        Refusal::VersionRetired { since, successor, .. } => {
            put("retire_time", instant(since));
            if let Some(successor) = successor {
                put("successor_context", successor.context.to_string());
                put("successor_version", successor.label.to_string());
            }
        }
        Refusal::PeriodTooShort { earliest, .. } => put("earliest_retire_time", instant(earliest)),
        Refusal::UndoWindowPassed { until } => put("undoable_until", instant(until)),
        Refusal::OverlapOutOfRange { latest, .. } => put("latest_overlap_until", instant(latest)),
        Refusal::SubscriptionEnding { ends_at, .. } => put("planned_end_time", instant(ends_at)),
        Refusal::WaiverTooLong { latest, .. } => put("latest_until_time", instant(latest)),
        Refusal::ServiceAccountDiffers { field, .. } | Refusal::InstallationDiffers { field, .. } => {
            put("field", (*field).to_owned())
        }
        Refusal::CreationClosed { since } => put("creation_cutoff_time", instant(since)),
        Refusal::ClassNoticeTooShort { earliest, .. } => put("earliest_time", instant(earliest)),
        Refusal::RecentUse { last_used, .. } => put("last_use_time", instant(last_used)),
        Refusal::ExtensionGranted { until, .. } => put("until_time", instant(until)),
        Refusal::NoticeTooShort { earliest, .. } => put("earliest_time", instant(earliest)),
        Refusal::IllegalState { expected, actual, .. } => {
            put("expected_state", (*expected).to_owned());
            put("actual_state", actual.to_string());
        }
        Refusal::IllegalMove { from, .. } => put("stage", from.to_string()),
        Refusal::RestoreWindowPassed { until, .. } => put("restorable_until", instant(until)),
        Refusal::ClientSecret(SecretRefusal::TooMany { .. }) => put("limit", CLIENT_SECRETS_MAX.to_string()),
        Refusal::RegisteredKey(KeyRefusal::TooMany { .. }) => put("limit", KEYS_MAX.to_string()),
        Refusal::LimitReached { limit, .. } | Refusal::HistoryFull { limit, .. } => put("limit", limit.to_string()),
        Refusal::QuotaExceeded { quota, count, limit, .. } => {
            put("quota", (*quota).to_owned());
            put("count", count.to_string());
            put("limit", limit.to_string());
        }
        Refusal::RateExceeded { limit, .. } => put("limit", limit.to_string()),
        Refusal::AppVersionNotIncreasing { newest, .. } => put("newest_version", newest.to_string()),
        Refusal::IllegalAppVersionState { expected, actual, .. } => {
            put("expected_state", (*expected).to_owned());
            put("actual_state", actual.to_string());
        }
        Refusal::IllegalListingState { expected, actual, .. } => {
            put("expected_state", (*expected).to_owned());
            put("actual_state", (*actual).to_owned());
        }
        Refusal::AlreadyInstalled { number, .. } => put("version", number.to_string()),
        Refusal::CredentialsMismatch { has, needed, .. } => {
            put("environment", has.name().to_owned());
            put("needed_environment", needed.name().to_owned());
        }
        Refusal::ListingClosed { state, .. } => put("listing_state", state.to_string()),
        Refusal::Maintenance(window, _) => put("end_time", instant(&window.until)),
        Refusal::SecondPersonRequired { danger, proposal } => {
            put("danger", danger.name().to_owned());
            if let Some((id, expires_at)) = proposal {
                put("proposal_id", id.to_string());
                put("expire_time", instant(expires_at));
            }
        }
        Refusal::ProposalNotOpen { state, .. } => put("proposal_state", state.name().to_owned()),
        _ => {}
    }
    metadata
}

/// The status of a refusal.
pub fn refused(refusal: &Refusal) -> Status {
    let acknowledge = [Violation {
        field: "acknowledge_one_way".to_owned(),
        sentence: "must be true to unsubscribe from a deprecated version".to_owned(),
    }];
    let inner = if let Refusal::InBatch { refusal, .. } = refusal { refusal } else { refusal };
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these are about fields")]
    let violations: &[Violation] = match inner {
        Refusal::InvalidFields(violations) | Refusal::SubscriptionFields(violations) => violations,
        Refusal::AcknowledgementRequired { .. } => &acknowledge,
        _ => &[],
    };
    // Of a refusal that ends by the clock, the clock says when to come back.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these end by the clock alone")]
    let retry_after = match inner {
        Refusal::Maintenance(window, now) => (window.until - now).to_std().ok(),
        Refusal::RateExceeded { wait, .. } => wait.to_std().ok(),
        _ => None,
    };
    let (reason, message) = (reason::reason(refusal), refusal.to_string());
    let mut details = details(reason, metadata(refusal), violations, retry_after);
    if let Refusal::QuotaExceeded { quota, remedy, .. } = inner {
        details.add_quota_failure_violation(*quota, *remedy);
    }
    Status::with_error_details(code(reason), short(&message, MESSAGE_BYTES_MAX), details)
}

/// The status of malformed fields.
pub fn invalid(violations: Vec<Violation>) -> Status {
    refused(&Refusal::InvalidFields(violations))
}

/// The status of a failure. What is internal is logged here, once, and not told.
pub fn failed(failure: Failure) -> Status {
    let simple = |reason, message: String| make(reason, message, HashMap::new(), &[]);
    match failure {
        Failure::Refused(refusal) => refused(&refusal),
        Failure::Contention => simple(ErrorReason::Contention, failure.to_string()),
        Failure::Store(error) => match error {
            StoreError::Full(_) => {
                tracing::warn!(%error, "a write was refused");
                let message = "the data directory has no space left, so nothing was written; reads and decisions go on; \
                               an operator must free space, then writes go on by themselves";
                simple(ErrorReason::StoreFull, message.to_owned())
            }
            StoreError::Overloaded => simple(ErrorReason::Overloaded, error.to_string()),
            StoreError::TooLarge { size, limit } => make(
                ErrorReason::LimitReached,
                format!("the change has {size} bytes; at most {limit} are accepted; split it"),
                HashMap::from([("limit".to_owned(), limit.to_string())]),
                &[],
            ),
            StoreError::Unknown(_) => {
                tracing::error!(%error, "the outcome of a write is unknown");
                let message =
                    "the outcome of the write is unknown; repeat it with the same request_id: it is done once";
                simple(ErrorReason::StoreUnavailable, message.to_owned())
            }
            StoreError::Stopped(_) => {
                tracing::error!(%error, "a write was refused");
                let message = "writes have stopped until an operator restarts devhub; reads and decisions go on";
                simple(ErrorReason::StoreUnavailable, message.to_owned())
            }
            StoreError::Damaged(_) | StoreError::Locked(_) | StoreError::Newer(_) | StoreError::Io(_) => {
                tracing::error!(%error, "the store could not answer");
                simple(ErrorReason::StoreUnavailable, "the store could not answer; see the operator's log".to_owned())
            }
        },
        Failure::Undecodable(error) => {
            tracing::error!(%error, "a stored record could not be understood");
            simple(
                ErrorReason::StoreUnavailable,
                "a stored record could not be understood; see the operator's log".to_owned(),
            )
        }
        Failure::Defect => {
            tracing::error!("a call panicked");
            simple(ErrorReason::Internal, "a defect of devhub stopped this call; see the operator's log".to_owned())
        }
    }
}

/// Why one part of a call that goes on failed: the name of the reason and the sentence.
pub fn told(failure: Failure) -> (&'static str, String) {
    let reason = match &failure {
        Failure::Refused(refusal) => reason::name(reason::reason(refusal)),
        Failure::Contention => reason::name(ErrorReason::Contention),
        Failure::Store(_) | Failure::Undecodable(_) => reason::name(ErrorReason::StoreUnavailable),
        Failure::Defect => reason::name(ErrorReason::Internal),
    };
    (reason, failed(failure).message().to_owned())
}

/// The status of a write without an actor.
pub fn actor_required(sentence: String) -> Status {
    make(ErrorReason::ActorRequired, format!("metadata devhub-actor is needed: {sentence}"), HashMap::new(), &[])
}

/// The status of a call of whom nothing proves who it is. At which check it failed is for the operators' log alone.
pub fn unproven(nothing_presented: bool) -> Status {
    let (reason, message) = if nothing_presented {
        (
            ErrorReason::CredentialsRequired,
            "nothing proves who calls; connect with a client certificate, or send authorization: Bearer with a token",
        )
    } else {
        (
            ErrorReason::CredentialsRefused,
            "what is presented does not prove who calls; get fresh credentials, or ask an operator of the hub, whose \
             log says why",
        )
    };
    make(reason, message.to_owned(), HashMap::new(), &[])
}

/// The end of a reply whose caller's credentials were good when it began.
pub fn credentials_expired() -> Status {
    let message = "the credential that this stream was opened with has expired; come again with a new one, and resume";
    make(ErrorReason::CredentialsExpired, message.to_owned(), HashMap::new(), &[])
}

/// The status of a gateway that calls itself by another name than that which it has proven.
pub fn gateway_id_differs(proven: &str) -> Status {
    let message = format!("the credentials are those of gateway {proven}; give that as gateway_id, or use others");
    make(ErrorReason::GatewayIdDiffers, message, HashMap::from([("gateway_id".to_owned(), proven.to_owned())]), &[])
}

/// The status of a gateway that asks about an environment that is not its own.
pub fn environment_not_permitted() -> Status {
    let message = "a gateway asks about its own environment only; use the credentials of a gateway of the other one";
    make(ErrorReason::EnvironmentNotPermitted, message.to_owned(), HashMap::new(), &[])
}

/// The status of a call that callers of this kind do not make.
pub fn role_not_permitted(role: &str, call: &str) -> Status {
    let message = format!("the role {role} does not make the call {call}; `devhub access` shows who does");
    let metadata = HashMap::from([("role".to_owned(), role.to_owned()), ("call".to_owned(), call.to_owned())]);
    make(ErrorReason::RoleNotPermitted, message, metadata, &[])
}

/// The status of a call that the account of a program does not list.
pub fn scope_not_granted(call: &str) -> Status {
    let message = format!("the account does not list {call}; have an operator add it to its scopes");
    make(ErrorReason::ScopeNotGranted, message, HashMap::from([("call".to_owned(), call.to_owned())]), &[])
}

/// The status of a call by nobody.
pub fn principal_required() -> Status {
    let message = "this hub answers only callers that it has verified; present credentials";
    make(ErrorReason::PrincipalRequired, message.to_owned(), HashMap::new(), &[])
}

/// The status of a page token that is not ours, or of another query.
pub fn page_token() -> Status {
    let message = "page_token is not from a previous page of this same query, or the hub has new keys since then; repeat \
                   the query without it";
    make(ErrorReason::PageToken, message.to_owned(), HashMap::new(), &[])
}

/// The status of an answer that would be older than asked for.
pub fn revision_not_reached(wanted: u64, reached: u64) -> Status {
    let message = format!("revision {wanted} is not reached yet (the newest is {reached}); retry in a moment");
    let metadata = HashMap::from([("revision".to_owned(), reached.to_string())]);
    make(ErrorReason::RevisionNotReached, message, metadata, &[])
}

/// The status of a follower that resumes in a history that is over.
pub fn epoch_changed(epoch: &str) -> Status {
    let message = format!("the hub was restored from a backup: its epoch is now {epoch}; start anew, from revision 0");
    make(ErrorReason::EpochChanged, message, HashMap::from([("epoch".to_owned(), epoch.to_owned())]), &[])
}

/// The status of one follower too many.
pub fn too_many_followers(limit: usize) -> Status {
    let message = format!("{limit} followers are connected, and more are not served; retry later, or share a stream");
    make(ErrorReason::Overloaded, message, HashMap::from([("limit".to_owned(), limit.to_string())]), &[])
}

/// The status of a call that finds no place, and no room to wait for one.
pub fn crowded(class: &str, running: u32, waiting: u32) -> Status {
    let message = format!(
        "{running} calls of class {class} are under way and {waiting} wait, which are all that the hub takes; retry later, \
         or have limits_{} raised",
        class.to_lowercase()
    );
    let metadata = [("class", class.to_owned()), ("limit", running.to_string()), ("waiting", waiting.to_string())];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    let mut status = make(ErrorReason::Overloaded, message, metadata, &[]);
    // For clients that gRPC's own retries are left to.
    status.metadata_mut().insert(RETRY_PUSHBACK, (RETRY_DELAY.as_millis() as u64).into());
    status
}

/// The status of a call without a deadline.
pub fn deadline_required() -> Status {
    let message = "every call but a stream says how long its caller waits: set a deadline in the client, which sends it as \
                   grpc-timeout; an operator can do without by limits_deadline_required";
    let sentence = "must say how long the caller waits, like 5S".to_owned();
    let violation = Violation { field: "grpc-timeout".to_owned(), sentence };
    make(ErrorReason::DeadlineRequired, message.to_owned(), HashMap::new(), &[violation])
}

/// The status of a call with a deadline that cannot be read.
pub fn deadline_malformed() -> Status {
    let sentence = "must be at most 8 digits and one of H, M, S, m, u, n, and be given once, like 5S".to_owned();
    invalid(vec![Violation { field: "grpc-timeout".to_owned(), sentence }])
}

/// The status of a call that was not done in time.
pub fn deadline_passed(within: Duration) -> Status {
    let milliseconds = within.as_millis().to_string();
    let message = format!(
        "the call was not done within {milliseconds} ms, the shorter of its deadline and what calls of its class may take; \
         a change may have been made: repeat it with the same request_id"
    );
    make(ErrorReason::DeadlinePassed, message, HashMap::from([("milliseconds".to_owned(), milliseconds)]), &[])
}

/// The status of a message that is too large; `setting` says how large one may be.
pub fn too_large(size: u64, limit: usize, setting: &str) -> Status {
    let message = format!("the request has {size} bytes; at most {limit} are read ({setting}); split it");
    make(ErrorReason::RequestTooLarge, message, HashMap::from([("limit".to_owned(), limit.to_string())]), &[])
}

/// The status of one gateway too many that wants to follow the decision table.
pub fn too_many_gateways(limit: usize) -> Status {
    let message = format!(
        "{limit} gateways follow this hub, which are all that gateway_sync_streams_max lets; retry later, let gateways \
         of one host share a replica, or have the limit raised"
    );
    let metadata = HashMap::from([("limit".to_owned(), limit.to_string())]);
    make_with(ErrorReason::Overloaded, message, metadata, &[], Some(GATEWAY_RETRY_DELAY))
}

/// The status of a stream that an operator closed.
pub fn gateway_disconnected() -> Status {
    let message = "an operator closed the streams of this gateway; reconnect and resume, if it still may follow";
    make(ErrorReason::GatewayDisconnected, message.to_owned(), HashMap::new(), &[])
}

/// The status of a follower that does not keep up.
pub fn follower_too_slow() -> Status {
    let message = "what is sent is not taken; reconnect, and resume where this stream ended";
    make(ErrorReason::FollowerTooSlow, message.to_owned(), HashMap::new(), &[])
}

/// The status of one more long call than are served at a time.
pub fn too_many_calls(limit: usize) -> Status {
    let message = format!("{limit} calls of this kind are running, and more are not served; retry when one has ended");
    make(ErrorReason::Overloaded, message, HashMap::from([("limit".to_owned(), limit.to_string())]), &[])
}

/// The status of a verification that is not made, because too many failed or are to be remembered.
pub fn verification_limited(wait: chrono::TimeDelta) -> Status {
    let message = "too many verifications failed for this client or from this source, or too many assertions are still \
                   to be remembered; nothing was verified; come back later, and find out what keeps failing";
    make_with(ErrorReason::VerificationLimited, message.to_owned(), HashMap::new(), &[], wait.to_std().ok())
}

/// The status of a call that comes before the hub can judge anything.
pub fn not_ready() -> Status {
    let message = "the store is being verified and loaded; retry in a moment, or ask another hub";
    make(ErrorReason::HubNotReady, message.to_owned(), HashMap::new(), &[])
}

/// The status of a call that a replica of the decision table does not judge, for this reason.
pub fn undecided(why: impl std::fmt::Display) -> Status {
    let message = format!("{why}; retry in a moment");
    make(ErrorReason::HubNotReady, message, HashMap::new(), &[])
}

/// The status of a stream that ends because the hub is stopping.
pub fn stopping() -> Status {
    let message = "the hub is stopping; reconnect and resume where this stream ended";
    make(ErrorReason::StoreUnavailable, message.to_owned(), HashMap::new(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_that_is_an_error() {
        for number in 1..=i32::from(u8::MAX) {
            if let Ok(reason) = ErrorReason::try_from(number) {
                assert_ne!(code(reason), Code::Ok, "{reason:?}");
                assert!(!reason::name(reason).starts_with("ERROR_REASON_"), "{reason:?}");
            }
        }
    }
}
