//! The innermost room of devhub: the words of a decision, the table of facts, and the pure function that answers.
//!
//! ```text
//! committed facts --apply--> Table --ask(question)--> Facts --decide(facts, now)--> Decision
//! ```
//!
//! Nothing here reads a clock, does input or output, or knows a transport: a gateway links this crate as it is.

pub mod lifecycle;
pub mod stage;

pub use lifecycle::{Lifecycle, Schedule};
pub use stage::{Environment, Maturity, Permissions, Stage, StagePermissions};
