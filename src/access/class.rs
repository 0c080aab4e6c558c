//! What a call costs whom: the class of each call, of which its place, its deadline and its size depend.

use devhub_proto::access::{STREAMS, TABLE};
use devhub_proto::v1::CallerRole;

/// Calls that compete with each other for places, and with those of no other class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Gateways ask about calls.
    Decisions,
    /// People and gateways read or change single things.
    Portal,
    /// Operators and their programs do.
    Operators,
    /// Somebody reads many things.
    Lists,
    /// Streams, which live as long as somebody follows or sends. Each kind of them has limits of its own.
    Streams,
}

/// The questions of gateways.
const DECISIONS: [&str; 3] = [
    "/devhub.v1.AuthorizationService/Authorize",
    "/devhub.v1.AuthorizationService/BatchAuthorize",
    "/envoy.service.auth.v3.Authorization/Check",
];

/// Calls that read many things although their names do not say so.
const LISTS: [&str; 9] = [
    "/devhub.v1.AuthorizationService/Explain",
    "/devhub.v1.MigrationService/GetCompanyChecklist",
    "/devhub.v1.MigrationService/GetMigrationBurnDown",
    "/devhub.v1.MigrationService/GetMigrationForecast",
    "/devhub.v1.MigrationService/GetMigrationFunnel",
    "/devhub.v1.NoticeService/GetNoticeProgress",
    "/devhub.v1.ScheduleService/GetNamespace",
    "/devhub.v1.ScheduleService/PreviewLifecycleChange",
    "/devhub.v1.UsageService/GetUsageSummary",
];

/// Who make calls of the class of portals.
const PEOPLE: [CallerRole; 4] =
    [CallerRole::Developer, CallerRole::CompanyAdministrator, CallerRole::Publisher, CallerRole::Gateway];

impl Class {
    /// All of them.
    pub const ALL: [Class; 5] = [Class::Decisions, Class::Portal, Class::Operators, Class::Lists, Class::Streams];

    /// The name used in figures and refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Decisions => "DECISIONS",
            Class::Portal => "PORTAL",
            Class::Operators => "OPERATORS",
            Class::Lists => "LISTS",
            Class::Streams => "STREAMS",
        }
    }
}

/// The class of the call of a path: every call that somebody proven may make has one. Health and reflection have none, which
/// must answer when nothing else does; nor has a path that is none.
pub fn class(path: &str) -> Option<Class> {
    if DECISIONS.contains(&path) {
        return Some(Class::Decisions);
    }
    let place = TABLE.binary_search_by_key(&path, |(known, _)| known).ok()?;
    if STREAMS.binary_search(&path).is_ok() {
        return Some(Class::Streams);
    }
    let method = path.rsplit('/').next().unwrap_or_default();
    if method.starts_with("List") || LISTS.contains(&path) {
        return Some(Class::Lists);
    }
    let of_people = TABLE[place].1.iter().any(|role| PEOPLE.contains(role));
    Some(if of_people { Class::Portal } else { Class::Operators })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_class_and_every_name_here_is_that_of_a_call() {
        for (path, _) in TABLE {
            assert!(class(path).is_some(), "{path}");
        }
        let known = |path: &&str| TABLE.iter().any(|(known, _)| known == path);
        assert!(LISTS.iter().chain(&DECISIONS[..2]).all(known));
        assert!(STREAMS.is_sorted() && STREAMS.iter().all(known));
    }

    #[test]
    fn nothing_else_has_one() {
        for path in ["", "/", "/grpc.health.v1.Health/Check", "/devhub.v1.ApiService/DropEverything"] {
            assert_eq!(class(path), None, "{path}");
        }
    }
}
