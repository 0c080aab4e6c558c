//! Tool permissions: what a machine identity may do in a company and in its projects.

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// Most tools of one level.
pub const TOOLS_MAX: usize = 200;

/// Longest name of a tool, in characters.
pub const TOOL_CHARS_MAX: usize = 64;

/// How much of a tool is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToolPermission {
    /// Nothing.
    None,
    /// Reading.
    ReadOnly,
    /// Reading and everyday writing.
    Standard,
    /// Everything.
    Admin,
}

impl ToolPermission {
    /// All, least first.
    pub const ALL: [ToolPermission; 4] =
        [ToolPermission::None, ToolPermission::ReadOnly, ToolPermission::Standard, ToolPermission::Admin];

    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            ToolPermission::None => "NONE",
            ToolPermission::ReadOnly => "READ_ONLY",
            ToolPermission::Standard => "STANDARD",
            ToolPermission::Admin => "ADMIN",
        }
    }
}

impl std::fmt::Display for ToolPermission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The permissions of a machine identity, by name of the tool. What is not named is NONE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolPermissions {
    /// For the tools of the company.
    pub company: BTreeMap<String, ToolPermission>,
    /// For the tools of each permitted project.
    pub project: BTreeMap<String, ToolPermission>,
}

impl ToolPermissions {
    /// Refuses more tools than one level may have.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for level in [&self.company, &self.project] {
            if level.len() > TOOLS_MAX {
                return Err(Refusal::LimitReached { what: "tools of one level", limit: TOOLS_MAX });
            }
        }
        Ok(())
    }

    /// Both levels as facts write them.
    pub(super) fn text(&self) -> String {
        let levels = [("company", &self.company), ("project", &self.project)];
        let tools = levels
            .into_iter()
            .flat_map(|(level, tools)| tools.iter().map(move |(tool, permission)| (level, tool, permission)));
        tools.map(|(level, tool, permission)| format!("{level} {tool}={permission}")).collect::<Vec<_>>().join(", ")
    }
}
