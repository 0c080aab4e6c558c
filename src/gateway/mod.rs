//! The wire for gateways: questions in, decisions out. On the way to a decision there is no store access, no log line, and
//! no lock held across an await; only an explanation of the past reads the journal, through the hub.
//!
//! Gateways that cannot make a question themselves hand over the request: [`request`] makes the question, one function
//! judges it as it judges all others, and [`answer`] says what to do with the call.

pub mod answer;
pub mod request;

mod authorize;
mod authzen;
mod envoy;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod http;
mod judge;
mod sync;
mod token;

pub use authorize::AuthorizationRpc;
pub use envoy::EnvoyRpc;
pub use judge::Judge;
pub use sync::SyncRpc;
