//! The words of a lifecycle: environment, maturity, stage, and what each stage permits.

use std::fmt;
use std::str::FromStr;

/// One of the two separate worlds that an application, and each version's lifecycle, lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// For building and testing ("External Test").
    Sandbox,
    /// For live traffic.
    Production,
}

impl Environment {
    /// Both, in the order in which an API usually reaches them.
    pub const ALL: [Environment; 2] = [Environment::Sandbox, Environment::Production];

    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Environment::Sandbox => "SANDBOX",
            Environment::Production => "PRODUCTION",
        }
    }
}

/// How finished a version is, before any date ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maturity {
    /// Early prototype, documentation only.
    Alpha,
    /// Live but may still change in breaking ways.
    Beta,
    /// Live and stable.
    Stable,
}

impl Maturity {
    /// All, from least to most finished.
    pub const ALL: [Maturity; 3] = [Maturity::Alpha, Maturity::Beta, Maturity::Stable];

    /// The stage that a version of this maturity is in while no date has ended it.
    pub const fn stage(self) -> Stage {
        match self {
            Maturity::Alpha => Stage::Alpha,
            Maturity::Beta => Stage::Beta,
            Maturity::Stable => Stage::Stable,
        }
    }

    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        self.stage().name()
    }
}

/// Where a version stands at one instant in one environment. Never stored: always computed from dates and "now".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Early prototype, documentation only.
    Alpha,
    /// Live but may still change in breaking ways.
    Beta,
    /// Live and stable.
    Stable,
    /// On its way out: takes no new subscription, existing ones keep calling.
    Deprecated,
    /// Gone: no call passes.
    Retired,
}

impl Stage {
    /// All, in lifecycle order.
    pub const ALL: [Stage; 5] = [Stage::Alpha, Stage::Beta, Stage::Stable, Stage::Deprecated, Stage::Retired];

    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Alpha => "ALPHA",
            Stage::Beta => "BETA",
            Stage::Stable => "STABLE",
            Stage::Deprecated => "DEPRECATED",
            Stage::Retired => "RETIRED",
        }
    }
}

/// What a policy permits in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permissions {
    /// Documentation is shown.
    pub documentation: bool,
    /// New subscriptions are taken.
    pub new_subscriptions: bool,
    /// Calls of subscribers pass.
    pub calls: bool,
}

/// What a policy permits in every stage, in the order of [`Stage::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StagePermissions(pub [Permissions; 5]);

impl StagePermissions {
    /// What is permitted in `stage`.
    pub const fn of(&self, stage: Stage) -> Permissions {
        self.0[stage as usize]
    }
}

/// The given text names no known value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The names that would have been understood.
    pub expected: &'static str,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of {}", self.expected)
    }
}

impl std::error::Error for UnknownName {}

macro_rules! names {
    ($type:ty, $expected:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.into_iter().find(|value| value.name() == text).ok_or(UnknownName { expected: $expected })
            }
        }
    };
}

names!(Environment, "SANDBOX, PRODUCTION");
names!(Maturity, "ALPHA, BETA, STABLE");
names!(Stage, "ALPHA, BETA, STABLE, DEPRECATED, RETIRED");
