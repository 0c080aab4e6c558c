//! What the data of a company is.

use devhub_decision::Environment;

/// What a company's data is: real, a copy, or made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tenancy {
    /// Real data.
    Production,
    /// A copy of real data, refreshed every month.
    MonthlySandbox,
    /// Made-up data for developers, never refreshed.
    DevelopmentSandbox,
}

impl Tenancy {
    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Tenancy::Production => "PRODUCTION",
            Tenancy::MonthlySandbox => "MONTHLY_SANDBOX",
            Tenancy::DevelopmentSandbox => "DEVELOPMENT_SANDBOX",
        }
    }

    /// The environment whose credentials open it: a monthly sandbox takes those of production (rule B90).
    pub const fn credentials(self) -> Environment {
        match self {
            Tenancy::Production | Tenancy::MonthlySandbox => Environment::Production,
            Tenancy::DevelopmentSandbox => Environment::Sandbox,
        }
    }
}

impl std::fmt::Display for Tenancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
