//! Lifecycle policies: data that says which stages an API family uses and what each permits.
//!
//! Two are built in, restated from the published documents: HMRC's Making Tax Digital status table and Procore's API
//! lifecycle. Others are loaded from a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Days, Months, TimeDelta, Utc};
use devhub_decision::{Maturity, Permissions, Stage, StagePermissions};
use serde::Deserialize;

use super::name::PolicyName;

/// A length of time as notices and promises state it: calendar months, or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Calendar months: 31 August plus six months is the last of February (rule B29).
    Months(u32),
    /// Days of 24 hours.
    Days(u32),
}

impl Period {
    /// No time at all.
    pub const NONE: Period = Period::Days(0);

    /// The instant that lies this long after `start`.
    pub fn after(self, start: DateTime<Utc>) -> DateTime<Utc> {
        let end = match self {
            Period::Months(months) => start.checked_add_months(Months::new(months)),
            Period::Days(days) => start.checked_add_days(Days::new(u64::from(days))),
        };
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Period::Months(months) => write!(f, "{months} calendar months"),
            Period::Days(0) => write!(f, "none"),
            Period::Days(days) => write!(f, "{days} days"),
        }
    }
}

/// What a policy says of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRules {
    /// The policy's own name for the stage, for example `Active`.
    pub title: String,
    /// What the stage means, in a sentence.
    pub meaning: String,
    /// Documentation is shown.
    pub documentation: bool,
    /// New subscriptions are taken.
    pub new_subscriptions: bool,
    /// Calls of subscribers pass.
    pub calls: bool,
    /// What support is owed.
    pub support: String,
    /// Which notices are owed.
    pub notices: String,
}

/// A length of time by the maturity from which a version is deprecated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByMaturity {
    /// From BETA.
    pub beta: Period,
    /// From STABLE.
    pub stable: Period,
}

impl ByMaturity {
    /// No time at all.
    pub const NONE: ByMaturity = ByMaturity { beta: Period::NONE, stable: Period::NONE };

    /// The time for this maturity. Nobody depends on an ALPHA, so nothing is owed.
    pub fn of(self, maturity: Maturity) -> Period {
        match maturity {
            Maturity::Alpha => Period::NONE,
            Maturity::Beta => self.beta,
            Maturity::Stable => self.stable,
        }
    }
}

/// What may be deprecated besides whole versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// Nothing: to change part of an API, publish a new major version.
    Versions,
    /// Single operations, and whole namespaces.
    OperationsAndNamespaces,
}

/// To whom a deprecated version still gives new subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeprecatedTakes {
    /// To nobody (rule B03).
    Nobody,
    /// To applications that were registered before the deprecation: the literal reading of "new applications are denied".
    EarlierApplications,
}

/// What protects the users of a version from its end, and the hub from mistakes. Each has a default, so that a policy
/// file names only what it wants otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// The least time from the announcement of a deprecation to the deprecation.
    pub notice: ByMaturity,
    /// The least time from the announcement of an earlier date to that date.
    pub earlier_notice: Period,
    /// For how many hours a move or an acknowledged unsubscription can be undone (rules B44, B47).
    pub undo_hours: u32,
    /// For how many days at most a waiver is granted.
    pub waiver_days_max: u32,
    /// How many hours a brownout lasts at most.
    pub brownout_hours_max: u32,
    /// How many days before retirement subscribers are told again (rule B91).
    pub notice_days: Vec<u32>,
    /// What may be deprecated.
    pub parts: Parts,
    /// To whom a deprecated version still gives new subscriptions.
    pub deprecated_takes: DeprecatedTakes,
}

impl Default for Guards {
    fn default() -> Guards {
        Guards {
            notice: ByMaturity::NONE,
            earlier_notice: Period::Days(30),
            undo_hours: 24,
            waiver_days_max: 90,
            brownout_hours_max: 24,
            notice_days: vec![90, 30, 7, 1],
            parts: Parts::Versions,
            deprecated_takes: DeprecatedTakes::Nobody,
        }
    }
}

impl Guards {
    /// How long a move or an acknowledged unsubscription can be undone.
    pub fn undo_window(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.undo_hours))
    }

    /// How long a waiver lasts at most.
    pub fn waiver_max(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.waiver_days_max))
    }

    /// How long a brownout lasts at most.
    pub fn brownout_max(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.brownout_hours_max))
    }
}

/// A year of hours, and ten years of days: more is a slip of the finger.
const HOURS_MAX: u32 = 366 * 24;
const DAYS_MAX: u32 = 3660;
const NOTICE_DAYS_MAX: usize = 20;

/// A lifecycle policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// What it is, in a sentence.
    pub description: String,
    /// The stages it uses. DEPRECATED and RETIRED are always among them.
    pub stages: BTreeMap<Stage, StageRules>,
    /// The least time between deprecation and retirement.
    pub deprecation_period: ByMaturity,
    /// What protects users and the hub.
    pub guards: Guards,
}

impl Policy {
    /// What each stage permits; a stage that the policy does not use permits nothing.
    pub fn permissions(&self) -> StagePermissions {
        StagePermissions(Stage::ALL.map(|stage| match self.stages.get(&stage) {
            Some(rules) => Permissions {
                documentation: rules.documentation,
                new_subscriptions: rules.new_subscriptions,
                calls: rules.calls,
            },
            None => Permissions { documentation: false, new_subscriptions: false, calls: false },
        }))
    }

    /// The least time between deprecation and retirement of a version of this maturity.
    pub fn period_from(&self, maturity: Maturity) -> Period {
        self.deprecation_period.of(maturity)
    }

    /// The policy's own name for a stage.
    pub fn title(&self, stage: Stage) -> &str {
        self.stages.get(&stage).map_or(stage.name(), |rules| &rules.title)
    }

    /// The status matrix as people read it: a line for each stage, saying what it permits and what is owed.
    pub fn matrix(&self) -> String {
        let rows: Vec<[String; 7]> = self
            .stages
            .iter()
            .map(|(stage, rules)| {
                let answer = |permitted: bool| if permitted { "Yes" } else { "No" }.to_owned();
                [
                    stage.name().to_owned(),
                    rules.title.clone(),
                    answer(rules.documentation),
                    answer(rules.new_subscriptions),
                    answer(rules.calls),
                    rules.support.clone(),
                    rules.notices.clone(),
                ]
            })
            .collect();
        let head = ["Stage", "Title", "Documentation visible", "New subscriptions", "Calls pass", "Support", "Notices"];
        let width = |column: usize| {
            rows.iter().map(|row| row[column].len()).chain([head[column].len()]).max().unwrap_or_default()
        };
        let mut text = String::new();
        let mut line = |cells: [&str; 7]| {
            let padded: Vec<String> =
                cells.iter().enumerate().map(|(i, cell)| format!("{cell:w$}", w = width(i))).collect();
            writeln!(text, "{}", padded.join(" | ").trim_end()).expect("writing to a string never fails");
        };
        line(head);
        for row in &rows {
            line(row.each_ref().map(String::as_str));
        }
        writeln!(
            text,
            "Least time from deprecation to retirement: {} from BETA, {} from STABLE.\n\
             Least notice of a deprecation: {} for BETA, {} for STABLE; of an earlier date: {}.",
            self.deprecation_period.beta,
            self.deprecation_period.stable,
            self.guards.notice.beta,
            self.guards.notice.stable,
            self.guards.earlier_notice,
        )
        .expect("writing to a string never fails");
        text
    }
}

/// A policies file, or one of its policies, is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The file is no valid TOML of the expected shape.
    #[error("the policies file is not valid: {0}")]
    Syntax(String),
    /// The name is malformed.
    #[error("policy name {name:?}: {rule}")]
    Name {
        /// As given.
        name: String,
        /// What a name looks like.
        rule: &'static str,
    },
    /// The name is taken.
    #[error("policy {0} is defined twice, or is built in; choose another name")]
    Duplicate(String),
    /// A stage is not known.
    #[error("policy {policy}: stage {stage:?} is not one of ALPHA, BETA, STABLE, DEPRECATED, RETIRED")]
    Stage {
        /// The policy.
        policy: String,
        /// As given.
        stage: String,
    },
    /// A stage that every policy needs is missing, or permits what it must not.
    #[error("policy {policy}: {problem}")]
    Incomplete {
        /// The policy.
        policy: String,
        /// What is wrong and what to do.
        problem: &'static str,
    },
}

/// All policies of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies(BTreeMap<PolicyName, Policy>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Vec<FilePolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePolicy {
    name: String,
    description: String,
    deprecation_period: ByMaturity,
    stages: BTreeMap<String, StageRules>,
    #[serde(default)]
    guards: Guards,
}

impl Policies {
    /// The built-in policies, `hmrc-mtd` and `procore-rest`.
    pub fn built_in() -> Policies {
        let mut policies = Policies(BTreeMap::new());
        policies.extend(include_str!("policies.toml")).expect("the built-in policies are valid: a test reads them");
        policies
    }

    /// Adds the policies of a TOML file of the same shape as the built-in one.
    ///
    /// # Errors
    /// When the file is malformed, a policy is incomplete, or a name is taken.
    pub fn extend(&mut self, toml: &str) -> Result<(), InvalidPolicy> {
        let file: File = toml::from_str(toml).map_err(|error| InvalidPolicy::Syntax(error.to_string()))?;
        for policy in file.policy {
            let policy = parse(policy)?;
            if self.0.contains_key(&policy.name) {
                return Err(InvalidPolicy::Duplicate(policy.name.to_string()));
            }
            self.0.insert(policy.name.clone(), policy);
        }
        Ok(())
    }

    /// The policy of this name.
    pub fn get(&self, name: &PolicyName) -> Option<&Policy> {
        self.0.get(name)
    }

    /// All policies, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.0.values()
    }
}

fn parse(file: FilePolicy) -> Result<Policy, InvalidPolicy> {
    let name: PolicyName =
        file.name.parse().map_err(|_| InvalidPolicy::Name { name: file.name.clone(), rule: PolicyName::RULE })?;
    let mut stages = BTreeMap::new();
    for (key, rules) in file.stages {
        let stage: Stage =
            key.parse().map_err(|_| InvalidPolicy::Stage { policy: name.to_string(), stage: key.clone() })?;
        stages.insert(stage, rules);
    }
    let incomplete = |problem| Err(InvalidPolicy::Incomplete { policy: name.to_string(), problem });
    let (Some(deprecated), Some(retired)) = (stages.get(&Stage::Deprecated), stages.get(&Stage::Retired)) else {
        return incomplete("DEPRECATED and RETIRED are needed; describe both");
    };
    if deprecated.new_subscriptions {
        return incomplete("DEPRECATED must not take new subscriptions; set new_subscriptions = false");
    }
    if retired.new_subscriptions || retired.calls {
        return incomplete("RETIRED must neither take new subscriptions nor pass calls; set both to false");
    }
    if !deprecated.calls {
        return incomplete("DEPRECATED must pass the calls of those who subscribed before; set calls = true");
    }
    if [Stage::Beta, Stage::Stable].iter().filter_map(|stage| stages.get(stage)).any(|rules| !rules.calls) {
        return incomplete("BETA and STABLE must pass calls; only ALPHA can be documentation only");
    }
    if stages.len() == 2 {
        return incomplete("at least one of ALPHA, BETA and STABLE is needed");
    }
    let guards = &file.guards;
    if guards.undo_hours > HOURS_MAX || guards.brownout_hours_max > HOURS_MAX || guards.waiver_days_max > DAYS_MAX {
        return incomplete("undo_hours and brownout_hours_max are at most 8784, waiver_days_max is at most 3660");
    }
    let days = &guards.notice_days;
    if days.len() > NOTICE_DAYS_MAX || days.iter().any(|days| !(1..=DAYS_MAX).contains(days)) {
        return incomplete("notice_days has at most 20 numbers from 1 to 3660");
    }
    if !days.windows(2).all(|pair| pair[0] > pair[1]) {
        return incomplete("notice_days must fall, for example [90, 30, 7, 1]");
    }
    Ok(Policy {
        name,
        description: file.description,
        stages,
        deprecation_period: file.deprecation_period,
        guards: file.guards,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_breaks_the_promises_is_refused() {
        let text = include_str!("policies.toml");
        let policies = Policies::built_in();
        assert_eq!(policies.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["hmrc-mtd", "procore-rest"]);
        let mut fresh = Policies(BTreeMap::new());
        assert!(matches!(fresh.extend("policy = 3"), Err(InvalidPolicy::Syntax(_))));
        let reopened = text.replacen("title = \"DEPRECATED\"", "title = \"Still open\"", 1);
        assert!(fresh.extend(&reopened).is_ok());
        assert!(matches!(fresh.extend(text), Err(InvalidPolicy::Duplicate(_))));
    }

    #[test]
    fn b29_periods_are_calendar_months() {
        let start = "2024-08-31T00:00:00Z".parse().expect("an instant");
        assert_eq!(Period::Months(6).after(start).to_rfc3339(), "2025-02-28T00:00:00+00:00");
        assert_eq!(Period::Days(42).after(start).to_rfc3339(), "2024-10-12T00:00:00+00:00");
    }
}
