//! What the business means: records, commands, facts and refusals. Pure.
//!
//! A command names the records that it depends on ([`Command::reads`]); given them, the actor, the rules and one clock
//! reading, [`Command::judge`] either refuses it or says what to write and what to record. Nothing here reads a clock,
//! does input or output, takes a lock, logs, draws a random number or knows the wire: `tests/it/architecture.rs`
//! holds it to that.

pub mod access;
pub mod actor;
pub mod announcement;
pub mod api;
pub mod app_version;
pub mod application;
pub mod approve;
pub mod calendar;
pub mod call_limit;
pub mod client_secret;
pub mod collaborate;
pub mod command;
pub mod company;
pub mod credential_class;
pub mod disuse;
pub mod exemption;
pub mod fact;
pub mod field;
pub mod foreign;
pub mod gateway;
pub mod installation;
pub mod keyed_hash;
pub mod ledger;
pub mod listing;
pub mod maintenance;
pub mod migration;
pub mod moves;
pub mod name;
pub mod namespace;
pub mod network;
pub mod notice;
pub mod operation;
pub mod organisation;
pub mod outcome;
pub mod policy;
pub mod projection;
pub mod proposal;
pub mod publish;
pub mod quota;
pub mod record;
pub mod refusal;
pub mod register;
pub mod registered_key;
pub mod relocate;
pub mod restored;
pub mod schedule;
pub mod scope;
pub mod service_account;
pub mod setting;
pub mod subscribe;
pub mod subscription;
pub mod tool;
pub mod undo;
pub mod uplift;
pub mod usage;
pub mod version;
pub mod waiver;

pub use actor::Actor;
pub use command::Command;
pub use outcome::{Judgement, Outcome};
pub use record::{Record, RecordKey, Records};
pub use refusal::Refusal;
pub use scope::Scope;
pub use setting::{Rules, Setting};
