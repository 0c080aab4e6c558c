//! What each reason comes to: statuses, the code that HMRC's gateway would use, and a sentence.

use devhub_decision::Reason;

use super::denial::{DenialCode, DenialStatus};
use crate::gateway::request::Misread;

/// How a denial is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wording {
    /// The HTTP status.
    pub(super) status: DenialStatus,
    /// The gRPC code.
    pub(super) code: DenialCode,
    /// The code in HMRC's format.
    pub(super) hmrc: &'static str,
    /// The reason in a sentence.
    pub(super) sentence: &'static str,
}

/// What a reason comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worded {
    /// The call passes.
    Pass,
    /// It does not.
    Deny(Wording),
}

const fn deny(status: DenialStatus, code: DenialCode, hmrc: &'static str, sentence: &'static str) -> Worded {
    Worded::Deny(Wording { status, code, hmrc, sentence })
}

const fn forbid(hmrc: &'static str, sentence: &'static str) -> Worded {
    deny(DenialStatus::Forbidden, DenialCode::PermissionDenied, hmrc, sentence)
}

/// What a decision comes to. Whether the call presented any identity only changes the words.
///
/// Every reply of every gateway protocol is made from this match: a reason that is added does not compile until
/// somebody has said here what it comes to.
pub(super) const fn of_reason(reason: Reason, identified: bool) -> Worded {
    match reason {
        Reason::Subscribed | Reason::OpenAccess | Reason::Waived | Reason::ServiceAccount => Worded::Pass,
        Reason::UnknownVersion => deny(
            DenialStatus::NotFound,
            DenialCode::NotFound,
            "MATCHING_RESOURCE_NOT_FOUND",
            "There is no such API version in this environment.",
        ),
        Reason::VersionRetired => deny(
            DenialStatus::Gone,
            DenialCode::FailedPrecondition,
            "API_VERSION_RETIRED",
            "This API version is retired.",
        ),
        Reason::OperationRetired => deny(
            DenialStatus::Gone,
            DenialCode::FailedPrecondition,
            "API_OPERATION_RETIRED",
            "This operation of the API version is retired.",
        ),
        Reason::VersionNotCallable => {
            forbid("FORBIDDEN", "Calls to this API version do not pass in its present stage.")
        }
        Reason::Brownout => deny(
            DenialStatus::ServiceUnavailable,
            DenialCode::Unavailable,
            "SERVER_ERROR",
            "This API version is deprecated, and this is a planned brownout of it.",
        ),
        Reason::UnknownClient if identified => deny(
            DenialStatus::Unauthorized,
            DenialCode::Unauthenticated,
            "INVALID_CREDENTIALS",
            "No application and no service account has the presented client id.",
        ),
        Reason::UnknownClient => deny(
            DenialStatus::Unauthorized,
            DenialCode::Unauthenticated,
            "MISSING_CREDENTIALS",
            "The call presents no identity.",
        ),
        Reason::EnvironmentMismatch => forbid("FORBIDDEN", "The caller lives in the other environment."),
        Reason::ApplicationNotApproved => forbid("FORBIDDEN", "The approval of the application is not complete."),
        Reason::ApplicationBlocked => forbid("FORBIDDEN", "The application is blocked."),
        Reason::ApplicationDeleted => forbid("FORBIDDEN", "The application is deleted."),
        Reason::ServiceAccountSunset => forbid("FORBIDDEN", "Traditional service accounts have reached their sunset."),
        Reason::CompanyRequired => deny(
            DenialStatus::BadRequest,
            DenialCode::InvalidArgument,
            "BAD_REQUEST",
            "The call names no company, and this API version needs one.",
        ),
        Reason::CompanyMismatch => forbid("FORBIDDEN", "The service account belongs to another company."),
        Reason::NotInstalled => forbid("FORBIDDEN", "The application is not installed in the company."),
        Reason::ProjectNotPermitted => forbid("FORBIDDEN", "The application is not permitted to reach the project."),
        Reason::NotSubscribed => {
            forbid("RESOURCE_FORBIDDEN", "The application is not subscribed to the API version that it calls.")
        }
    }
}

/// Status, gRPC code and HMRC's code of a call that could not be judged.
pub(super) const fn of_misread(misread: &Misread) -> (DenialStatus, DenialCode, &'static str) {
    match misread {
        Misread::OddPath(_) | Misread::OddMethod | Misread::RepeatedHeader(_) | Misread::MalformedHeader(_) => {
            (DenialStatus::BadRequest, DenialCode::InvalidArgument, "BAD_REQUEST")
        }
        Misread::UnknownContext | Misread::OutsideBase { .. } => {
            (DenialStatus::NotFound, DenialCode::NotFound, "MATCHING_RESOURCE_NOT_FOUND")
        }
        Misread::Accept(_) => (DenialStatus::NotAcceptable, DenialCode::InvalidArgument, "ACCEPT_HEADER_INVALID"),
        Misread::MalformedIdentity => (DenialStatus::Unauthorized, DenialCode::Unauthenticated, "INVALID_CREDENTIALS"),
        Misread::Misconfigured { .. } => {
            (DenialStatus::InternalServerError, DenialCode::Internal, "INTERNAL_SERVER_ERROR")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_are_those_of_the_reason() {
        for reason in Reason::ALL {
            for identified in [true, false] {
                match of_reason(reason, identified) {
                    Worded::Pass => {
                        assert_eq!((reason.allows(), reason.http_status(), reason.grpc_code()), (true, 200, 0));
                    }
                    Worded::Deny(wording) => {
                        assert!(!reason.allows(), "{reason}");
                        let numbers = (wording.status.number(), wording.code.number());
                        assert_eq!(numbers, (reason.http_status(), reason.grpc_code()), "{reason}");
                    }
                }
            }
        }
    }
}
