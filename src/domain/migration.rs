//! The migration of one company from traditional service accounts to what an application declares. Two parties must
//! finish it: the developer ships, the company installs, uses it and removes its old account.
//!
//! A phase is never written down: it is a function of facts and an instant (rule B81). So it is right at any time, past
//! ones included, and there is nothing to repair.

mod checklist;
mod company;
mod developer;
mod forecast;
mod phase;
mod removal;
mod suggestion;

pub use checklist::{Step, StepKind, StepState, next_step};
pub use company::{CompanyFacts, company_steps};
pub use developer::{DeveloperFacts, developer_steps, farthest, waits_for};
pub use forecast::{Forecast, PACE_DAYS, forecast};
pub use phase::{AccountTimes, KnownExtension, MigrationFacts, Phase, instants, phase};
pub use removal::{AccountOwner, AccountUse, RemovalVerdict, removal};
pub use suggestion::{Candidate, Subscribers, Suggestion, Sureness, suggest};
