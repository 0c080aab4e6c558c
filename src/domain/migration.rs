//! The migration of one company from traditional service accounts to what an application declares. Two parties must
//! finish it: the developer ships, the company installs, uses it and removes its old account.
//!
//! A phase is never written down: it is a function of facts and an instant (rule B81). So it is right at any time, past
//! ones included, and there is nothing to repair.

mod forecast;
mod phase;

pub use forecast::{Forecast, PACE_DAYS, forecast};
pub use phase::{AccountTimes, MigrationFacts, Phase, instants, phase};
