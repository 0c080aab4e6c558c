//! The catalogue: APIs, versions and their lifecycles as a file that people review, and the way from it to the hub.
//!
//! ```text
//! file --parse--> Catalogue --+
//!                             +-- compare (pure) --> Plan --judge (validate_only)--> Plan --apply--> hub
//! hub  --read---> Hub --------+                                                  \-- fingerprint
//! ```
//!
//! The file is the truth for the APIs and namespaces it names, whole: what it leaves out is empty. Those it does not
//! name stay as they are. A published version never disappears (rule B34), so a version that the file leaves out blocks
//! the plan.

pub mod action;
pub mod apply;
pub mod call;
pub mod check;
pub mod compare;
pub mod deployment;
pub mod end;
pub mod ending;
pub mod entry;
pub mod etags;
pub mod file;
pub mod fingerprint;
pub mod judge;
pub mod message;
pub mod moment;
pub mod order;
pub mod plan;
pub mod read;
pub mod report;
pub mod wire;
