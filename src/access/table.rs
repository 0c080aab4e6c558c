//! The table of who may make which call.

use devhub_proto::access::{STREAMS, TABLE};
use devhub_proto::v1::CallerRole;

use super::Role;

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Callers of some kinds.
    Roles(&'static [CallerRole]),
    /// Everybody, verified or not.
    Everybody,
}

/// Calls of protocols that are not ours, by their path or what it begins with.
const OTHERS: [(&str, Callers); 4] = [
    ("/envoy.service.auth.v3.Authorization/Check", Callers::Roles(&[CallerRole::Operator, CallerRole::Gateway])),
    ("/grpc.health.v1.Health/", Callers::Everybody),
    ("/grpc.reflection.v1.ServerReflection/", Callers::Everybody),
    ("/grpc.reflection.v1alpha.ServerReflection/", Callers::Everybody),
];

/// Who makes the call of a path; none for a path that the table does not have, which nobody verified gets through to.
pub fn callers(path: &str) -> Option<Callers> {
    if let Ok(place) = TABLE.binary_search_by_key(&path, |(known, _)| known) {
        return Some(Callers::Roles(TABLE[place].1));
    }
    let is_meant = |known: &str| path == known || (known.ends_with('/') && path.starts_with(known));
    OTHERS.iter().find(|(known, _)| is_meant(known)).map(|(_, callers)| *callers)
}

/// Whether the reply to a call of ours is a stream.
pub fn streams(path: &str) -> bool {
    STREAMS.binary_search(&path).is_ok()
}

/// Every call with who makes it, in order of path.
pub fn table() -> impl Iterator<Item = (&'static str, Callers)> {
    TABLE.iter().map(|(path, roles)| (*path, Callers::Roles(roles))).chain(OTHERS)
}

impl Role {
    /// Every role, as the table has its columns.
    pub const ALL: [Role; 7] = [
        Role::Developer,
        Role::CompanyAdministrator,
        Role::Publisher,
        Role::Operator,
        Role::Gateway,
        Role::Machine,
        Role::Auditor,
    ];

    /// The name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Developer => "DEVELOPER",
            Role::CompanyAdministrator => "COMPANY_ADMINISTRATOR",
            Role::Publisher => "PUBLISHER",
            Role::Operator => "OPERATOR",
            Role::Gateway => "GATEWAY",
            Role::Machine => "MACHINE",
            Role::Auditor => "AUDITOR",
        }
    }

    /// The role as the protocol labels calls with it.
    pub const fn label(self) -> CallerRole {
        match self {
            Role::Developer => CallerRole::Developer,
            Role::CompanyAdministrator => CallerRole::CompanyAdministrator,
            Role::Publisher => CallerRole::Publisher,
            Role::Operator => CallerRole::Operator,
            Role::Gateway => CallerRole::Gateway,
            Role::Machine => CallerRole::Machine,
            Role::Auditor => CallerRole::Auditor,
        }
    }
}

impl Callers {
    /// Whether callers of this kind make the call.
    pub fn include(self, role: Role) -> bool {
        match self {
            Callers::Everybody => true,
            Callers::Roles(roles) => roles.contains(&role.label()),
        }
    }
}

/// The table for people, as Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| call |");
    for role in Role::ALL {
        text.push_str(&format!(" {} |", role.name().to_lowercase().replace('_', " ")));
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Role::ALL.len()));
    text.push('\n');
    for (path, callers) in table() {
        let call = path.trim_start_matches('/').trim_start_matches("devhub.v1.");
        let call = if call.ends_with('/') { format!("{call}*") } else { call.to_owned() };
        text.push_str(&format!("| {call} |"));
        for role in Role::ALL {
            text.push_str(if callers.include(role) { " x |" } else { "  |" });
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_by_its_whole_path_and_nothing_by_a_part_of_it() {
        let roles = |path| match callers(path) {
            Some(Callers::Roles(roles)) => roles.to_vec(),
            Some(Callers::Everybody) | None => Vec::new(),
        };
        assert_eq!(roles("/devhub.v1.GatewaySyncService/Sync"), [CallerRole::Gateway]);
        assert_eq!(callers("/grpc.health.v1.Health/Check"), Some(Callers::Everybody));
        for path in [
            "",
            "/",
            "/devhub.v1.GatewaySyncService",
            "/devhub.v1.GatewaySyncService/",
            "/devhub.v1.GatewaySyncService/Sync/",
            "devhub.v1.GatewaySyncService/Sync",
            "/devhub.v1.gatewaysyncservice/sync",
            "/grpc.health.v1.Healthy/Check",
            "/envoy.service.auth.v3.Authorization/Check2",
        ] {
            assert_eq!(callers(path), None, "{path:?}");
        }
    }

    #[test]
    fn paths_are_in_order_and_every_call_has_somebody() {
        assert!(TABLE.is_sorted_by(|(a, _), (b, _)| a < b) && STREAMS.is_sorted());
        assert!(streams("/devhub.v1.GatewaySyncService/Sync") && !streams("/devhub.v1.ApiService/GetApi"));
        assert!(TABLE.iter().all(|(_, roles)| !roles.is_empty()));
    }
}
