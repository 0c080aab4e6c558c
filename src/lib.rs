//! devhub: the backend of a developer hub.
//!
//! A command is judged by a pure function against the records it touches ([`domain`]); its records and facts are
//! committed once, durably ([`store`]), by one flow ([`hub`]); the committed records are folded into one decision table
//! (`devhub-decision`); a gateway's question is judged by a second pure function over that table and a clock
//! ([`gateway`]). Everything else is plumbing, and the plumbing is thin: [`rpc`] for portals, [`cli`] for people,
//! [`server`] to put it all together. Secrets that devhub issues have a room of their own ([`secret`]), and
//! so has what proves to others what happened ([`audit`]).

pub mod access;
pub mod agent;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod gateway;
#[cfg(any(test, fuzzing))]
pub mod hostile;
pub mod hub;
pub mod ids;
pub mod listener;
pub mod rpc;
pub mod secret;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod wire;
