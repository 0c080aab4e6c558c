//! The innermost room of devhub: the words of a decision, the table of facts, and the pure function that answers.
//!
//! ```text
//! committed facts --apply--> Table --ask(question)--> Facts --decide(facts, now)--> Decision
//! ```
//!
//! Nothing here reads a clock, does input or output, or knows a transport: a gateway links this crate as it is.

pub mod account;
pub mod brownout;
pub mod company;
pub mod decision;
pub mod digest;
pub mod entry;
pub mod facts;
pub mod header;
pub mod installation;
pub mod lifecycle;
pub mod namespace;
pub mod operation;
pub mod reason;
pub mod remedy;
pub mod rule;
pub mod stage;
pub mod supposition;
pub mod table;
pub mod terms;
pub mod trail;

mod arena;
mod catalogue;
mod client;
mod rare;
mod records;
mod rows;
mod turnstile;

pub use account::{AccountFacts, CredentialClassEntry, ServiceAccountEntry};
pub use brownout::Brownout;
pub use company::{COMPANY_HEADER, CompanyAccess};
pub use decision::{Decision, Limits, decide};
pub use digest::{ContextDigests, Digests, NO_CONTEXT};
pub use entry::{ApplicationEntry, Change, Links, Standing, SubscriptionEntry, VersionEntry, VersionName};
pub use facts::{ApplicationFacts, Facts, Question, VersionFacts};
pub use header::Headers;
pub use installation::InstallationEntry;
pub use lifecycle::{Lifecycle, Schedule};
pub use namespace::NamespaceEntry;
pub use operation::{Operation, OperationEntry, OperationFacts, Replacement};
pub use reason::{Reason, Verdict};
pub use remedy::{Remedy, RemedyAction};
pub use rule::Rule;
pub use stage::{Environment, Maturity, Permissions, Stage, StagePermissions};
pub use supposition::Supposition;
pub use table::{Counts, Table};
pub use terms::{ExemptionEntry, Terms, WaiverEntry};
pub use trail::{StepOutcome, Trail, TrailStep, UpcomingChange, explain};
