//! The wire for gateways: questions in, decisions out. On the way to a decision there is no store access, no log line, and
//! no lock held across an await; only an explanation of the past reads the journal, through the hub.
//!
//! Gateways that cannot make a question themselves hand over the request: [`request`] makes the question, one function
//! judges it as it judges all others, and [`answer`] says what to do with the call.

pub mod answer;
pub mod request;

mod authorize;
mod authzen;
mod bound;
mod decision_log;
mod envoy;
mod fleet;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod http;
mod judge;
mod sync;
mod token;

/// When to ask a hub again that is not ready, in seconds.
const READY_IN: &str = "5";

pub use authorize::{AuthorizationRpc, parse as parse_question, render_trail};
pub use decision_log::{DecisionLog, Sampling};
pub use envoy::EnvoyRpc;
pub use fleet::{Fleet, FleetFilter, GONE_FOR, GONE_MAX, GatewayFleetRpc, Place, Progress, Seen};
pub use judge::Judge;
pub use sync::{Pace, SyncRpc};
