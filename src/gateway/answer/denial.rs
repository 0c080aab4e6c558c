//! The statuses of denials. None of them is a success: a denial that a gateway could take for one cannot be written.

/// The HTTP status of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialStatus {
    /// 400
    BadRequest,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 406
    NotAcceptable,
    /// 410
    Gone,
    /// 500
    InternalServerError,
    /// 503
    ServiceUnavailable,
}

impl DenialStatus {
    /// All of them.
    pub const ALL: [DenialStatus; 8] = [
        DenialStatus::BadRequest,
        DenialStatus::Unauthorized,
        DenialStatus::Forbidden,
        DenialStatus::NotFound,
        DenialStatus::NotAcceptable,
        DenialStatus::Gone,
        DenialStatus::InternalServerError,
        DenialStatus::ServiceUnavailable,
    ];

    /// The status as HTTP has it.
    pub const fn number(self) -> u16 {
        match self {
            DenialStatus::BadRequest => 400,
            DenialStatus::Unauthorized => 401,
            DenialStatus::Forbidden => 403,
            DenialStatus::NotFound => 404,
            DenialStatus::NotAcceptable => 406,
            DenialStatus::Gone => 410,
            DenialStatus::InternalServerError => 500,
            DenialStatus::ServiceUnavailable => 503,
        }
    }
}

/// The gRPC code of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialCode {
    /// 3
    InvalidArgument,
    /// 5
    NotFound,
    /// 7
    PermissionDenied,
    /// 9
    FailedPrecondition,
    /// 13
    Internal,
    /// 14
    Unavailable,
    /// 16
    Unauthenticated,
}

impl DenialCode {
    /// All of them.
    pub const ALL: [DenialCode; 7] = [
        DenialCode::InvalidArgument,
        DenialCode::NotFound,
        DenialCode::PermissionDenied,
        DenialCode::FailedPrecondition,
        DenialCode::Internal,
        DenialCode::Unavailable,
        DenialCode::Unauthenticated,
    ];

    /// The code as gRPC has it.
    pub const fn number(self) -> i32 {
        match self {
            DenialCode::InvalidArgument => 3,
            DenialCode::NotFound => 5,
            DenialCode::PermissionDenied => 7,
            DenialCode::FailedPrecondition => 9,
            DenialCode::Internal => 13,
            DenialCode::Unavailable => 14,
            DenialCode::Unauthenticated => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_denial_is_a_success() {
        for status in DenialStatus::ALL {
            assert!((400..=599).contains(&status.number()), "{status:?}");
        }
        for code in DenialCode::ALL {
            assert!((1..=16).contains(&code.number()), "{code:?}");
        }
    }
}
