//! The name of every refusal on the wire and in the audit trail.

use devhub_proto::v1::ErrorReason;

use crate::domain::refusal::Refusal;

/// The reason that clients match on.
pub fn reason(refusal: &Refusal) -> ErrorReason {
    match refusal {
        Refusal::InvalidFields(_) => ErrorReason::InvalidField,
        Refusal::OperatorRequired(_) => ErrorReason::OperatorRequired,
        Refusal::NotACollaborator(_) => ErrorReason::NotACollaborator,
        Refusal::AdministratorRequired(_) => ErrorReason::AdministratorRequired,
        Refusal::ApiNotFound(_) => ErrorReason::ApiNotFound,
        Refusal::VersionNotFound(_) => ErrorReason::VersionNotFound,
        Refusal::VersionNotInEnvironment { .. } => ErrorReason::VersionNotInEnvironment,
        Refusal::ApplicationNotFound(_) => ErrorReason::ApplicationNotFound,
        Refusal::SubscriptionNotFound { .. } => ErrorReason::SubscriptionNotFound,
        Refusal::AccessRequestNotFound { .. } => ErrorReason::AccessRequestNotFound,
        Refusal::AlreadyExists { .. } => ErrorReason::AlreadyExists,
        Refusal::DuplicateSubscription { .. } => ErrorReason::DuplicateSubscription,
        Refusal::RequestIdReused => ErrorReason::RequestIdReused,
        Refusal::EtagMismatch { .. } => ErrorReason::EtagMismatch,
        Refusal::VersionAlpha(_) => ErrorReason::VersionAlpha,
        Refusal::VersionDeprecated { .. } => ErrorReason::VersionDeprecated,
        Refusal::VersionRetired { .. } => ErrorReason::VersionRetired,
        Refusal::StageTakesNoSubscriptions { .. } => ErrorReason::StageTakesNoSubscriptions,
        Refusal::SubscriptionNotNeeded(_) => ErrorReason::SubscriptionNotNeeded,
        Refusal::AccessNotGranted(_) => ErrorReason::AccessNotGranted,
        Refusal::VersionInternal(_) => ErrorReason::VersionInternal,
        Refusal::ApplicationNotStandard => ErrorReason::ApplicationNotStandard,
        Refusal::SubscriptionsLocked => ErrorReason::SubscriptionsLocked,
        Refusal::ApplicationBlocked(_) => ErrorReason::ApplicationBlocked,
        Refusal::ApplicationDeleted(_) => ErrorReason::ApplicationDeleted,
        Refusal::SubscriptionFields(_) => ErrorReason::SubscriptionFields,
        Refusal::IllegalMove { .. } => ErrorReason::IllegalLifecycleMove,
        Refusal::RetirementBeforeDeprecation { .. } => ErrorReason::RetirementBeforeDeprecation,
        Refusal::PeriodTooShort { .. } => ErrorReason::PeriodTooShort,
        Refusal::StageNotInPolicy { .. } => ErrorReason::StageNotInPolicy,
        Refusal::AlphaEndpointsEnabled => ErrorReason::AlphaEndpointsEnabled,
        Refusal::InstantInPast { .. } => ErrorReason::InstantInPast,
        Refusal::PolicyNotFound(_) => ErrorReason::PolicyNotFound,
        Refusal::LastAdministrator(_) => ErrorReason::LastAdministrator,
        Refusal::CollaboratorExists(_) => ErrorReason::CollaboratorExists,
        Refusal::CollaboratorNotFound(_) => ErrorReason::CollaboratorNotFound,
        Refusal::DeletionRestricted(_) => ErrorReason::DeletionRestricted,
        Refusal::IllegalState { .. } => ErrorReason::IllegalApplicationState,
        Refusal::NothingToDo(_) => ErrorReason::NothingToDo,
        Refusal::RestoreWindowPassed { .. } => ErrorReason::RestoreWindowPassed,
        Refusal::LimitReached { .. } => ErrorReason::LimitReached,
        Refusal::IllegalAccessRequestState(_) => ErrorReason::IllegalAccessRequestState,
        Refusal::AcknowledgementRequired { .. } => ErrorReason::AcknowledgementRequired,
        Refusal::WaiverTooLong { .. } => ErrorReason::WaiverTooLong,
        Refusal::UndoWindowPassed { .. } => ErrorReason::UndoWindowPassed,
        Refusal::NothingToUndo(_) => ErrorReason::NothingToUndo,
        Refusal::OverlapOutOfRange { .. } => ErrorReason::OverlapOutOfRange,
        Refusal::SubscriptionEnding { .. } => ErrorReason::SubscriptionEnding,
        Refusal::ApplicationNotInEnvironment { .. } => ErrorReason::ApplicationNotInEnvironment,
        Refusal::WaiverNotFound { .. } => ErrorReason::WaiverNotFound,
        Refusal::SinceOutOfRange { .. } => ErrorReason::SinceOutOfRange,
        Refusal::NoticeTooShort { .. } => ErrorReason::NoticeTooShort,
        Refusal::AnnouncementOutOfOrder { .. } => ErrorReason::AnnouncementOutOfOrder,
        Refusal::PartsNotInPolicy(_) => ErrorReason::PartsNotInPolicy,
        Refusal::OperationUnknown(_) => ErrorReason::OperationUnknown,
        Refusal::NamespaceEmpty(_) => ErrorReason::NamespaceEmpty,
        Refusal::BrownoutRefused(_) => ErrorReason::BrownoutRefused,
        Refusal::ScheduleNotFound { .. } => ErrorReason::ScheduleNotFound,
        Refusal::PlanStale(_) => ErrorReason::PlanStale,
        Refusal::AnnouncementNotFound(_) => ErrorReason::AnnouncementNotFound,
        Refusal::PublicationOutOfOrder { .. } => ErrorReason::PublicationOutOfOrder,
        Refusal::NoticeNotFound { .. } => ErrorReason::NoticeNotFound,
        Refusal::NotARecipient => ErrorReason::NotARecipient,
        Refusal::InBatch { refusal, .. } => reason(refusal),
    }
}

/// The name of a reason as clients see it: without the prefix of the enum.
pub fn name(reason: ErrorReason) -> &'static str {
    let full = reason.as_str_name();
    full.strip_prefix("ERROR_REASON_").unwrap_or(full)
}
