//! What a version may do that another may not: what a company has to approve before it runs (rule B78).

use std::collections::BTreeMap;

use super::AppVersion;
use crate::domain::tool::ToolPermission;

/// Something that one version may do and another may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Widening {
    /// It has a service account, the other has none.
    ServiceAccount,
    /// It may do more with a tool of the company.
    CompanyTool {
        /// The tool.
        tool: String,
        /// What the other may.
        from: ToolPermission,
        /// What it may.
        to: ToolPermission,
    },
    /// It may do more with a tool of the permitted projects.
    ProjectTool {
        /// The tool.
        tool: String,
        /// What the other may.
        from: ToolPermission,
        /// What it may.
        to: ToolPermission,
    },
}

impl std::fmt::Display for Widening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Widening::ServiceAccount => f.write_str("a service account"),
            Widening::CompanyTool { tool, from, to } => write!(f, "company tool {tool} from {from} to {to}"),
            Widening::ProjectTool { tool, from, to } => write!(f, "project tool {tool} from {from} to {to}"),
        }
    }
}

type Level = BTreeMap<String, ToolPermission>;

/// The tools of one level that are more open than before. A tool that is not named is NONE.
fn raised<'l>(old: &'l Level, new: &'l Level) -> impl Iterator<Item = (&'l String, ToolPermission, ToolPermission)> {
    new.iter().filter_map(|(tool, to)| {
        let from = old.get(tool).copied().unwrap_or(ToolPermission::None);
        (from < *to).then_some((tool, from, *to))
    })
}

/// Everything that `new` may do and `old` may not; what was lowered or removed is no widening.
pub fn widens(old: &AppVersion, new: &AppVersion) -> Vec<Widening> {
    let account = (new.has_service_account() && !old.has_service_account()).then_some(Widening::ServiceAccount);
    let company = raised(&old.permissions.company, &new.permissions.company)
        .map(|(tool, from, to)| Widening::CompanyTool { tool: tool.clone(), from, to });
    let project = raised(&old.permissions.project, &new.permissions.project)
        .map(|(tool, from, to)| Widening::ProjectTool { tool: tool.clone(), from, to });
    account.into_iter().chain(company).chain(project).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Component, Step};
    use super::*;
    use crate::domain::tool::ToolPermission::{Admin, ReadOnly, Standard};
    use crate::domain::tool::ToolPermissions;

    fn version(
        components: &[Component],
        company: &[(&str, ToolPermission)],
        project: &[(&str, ToolPermission)],
    ) -> AppVersion {
        let level = |tools: &[(&str, ToolPermission)]| tools.iter().map(|(tool, p)| ((*tool).to_owned(), *p)).collect();
        AppVersion {
            application: "app".parse().expect("valid"),
            number: "1.0.0".parse().expect("valid"),
            components: BTreeSet::from_iter(components.iter().copied()),
            permissions: ToolPermissions { company: level(company), project: level(project) },
            release_notes: String::new(),
            post_install_notes: String::new(),
            post_install_uri: String::new(),
            install_key: "k-12345678".parse().expect("valid"),
            created: Step { by: "operator:olga".into(), at: "2026-01-01T00:00:00Z".parse().expect("an instant") },
            promoted: None,
            submitted: None,
            approved: None,
        }
    }

    #[test]
    fn b78_only_more_is_a_widening() {
        const USER: Component = Component::UserLevelConnection;
        const DMSA: Component = Component::ServiceAccountConnection;
        let old = version(&[DMSA], &[("Directory", ReadOnly)], &[("Budget", Standard), ("RFIs", ToolPermission::None)]);
        for (case, new, expected) in [
            ("the same", old.clone(), vec![]),
            (
                "a tool lowered",
                version(&[DMSA], &[("Directory", ToolPermission::None)], &[("Budget", ReadOnly)]),
                vec![],
            ),
            ("all tools removed", version(&[DMSA], &[], &[]), vec![]),
            ("a tool named NONE", version(&[DMSA], &[("Admin", ToolPermission::None)], &[]), vec![]),
            ("the service account dropped", version(&[USER], &[("Directory", ReadOnly)], &[]), vec![]),
            ("a page added", version(&[DMSA, Component::Embedded], &[], &[]), vec![]),
            ("a connection per user added", version(&[DMSA, USER], &[], &[]), vec![]),
            (
                "a company tool raised",
                version(&[DMSA], &[("Directory", Standard)], &[]),
                vec!["company tool Directory from READ_ONLY to STANDARD"],
            ),
            (
                "a project tool raised from NONE, another new",
                version(&[DMSA], &[], &[("Punch", Admin), ("RFIs", ReadOnly)]),
                vec!["project tool Punch from NONE to ADMIN", "project tool RFIs from NONE to READ_ONLY"],
            ),
            // The same name at the other level is another permission.
            (
                "a tool moved to the other level",
                version(&[DMSA], &[("Budget", Standard)], &[]),
                vec!["company tool Budget from NONE to STANDARD"],
            ),
        ] {
            let found: Vec<String> = widens(&old, &new).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{case}");
        }
        let per_user = version(&[USER], &[], &[]);
        assert_eq!(widens(&per_user, &version(&[USER, DMSA], &[], &[])), [Widening::ServiceAccount]);
    }
}
