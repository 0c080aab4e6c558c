//! HAProxy decides by itself, from two map files: what a replica knows, in a form that HAProxy can look up.
//!
//! ```text
//! Replica --Touched--> Maps --Step, Step--> decisions.map, and the running HAProxy
//!    \------ trusted_until --------------------> lease.map, and the running HAProxy
//! ```
//!
//! No rule stands here or in HAProxy's configuration. [`timeline`] asks `decide` what it answers from now on, and when
//! that changes; a row says the first few of these answers with the instant at which each ends. Rows are shared by all
//! callers that are answered alike, see [`class`], so that the end of a version is one row and not one for each
//! subscriber.
//!
//! Where maps cannot say what `decide` says, a row says [`ASK_HUB`](timeline::ASK_HUB), and HAProxy answers 503. The same
//! when a row is missing, when its last answer has ended, and when the lease has.
//!
//! | of `decide` | in maps |
//! |---|---|
//! | versions, stages, retirement, namespaces | rows of the version, up to four answers ahead |
//! | open access, brownouts, exemptions, waivers, subscriptions that end | the same, or a row of their own |
//! | standing and environment of applications, service accounts with sunset and extension | the class of the caller |
//! | companies, installations, projects | rows of the installation |
//! | lifecycle headers, `Retry-After` of a brownout | rows of the version; computed from the end of the answer |
//! | an operation that is denied while its version is not | the whole version answers 503 as long |
//! | lifecycle headers of operations, remedies, ids of decisions, counts of calls | not at all |

pub mod caller;
pub mod catalogue;
pub mod class;
pub mod delta;
pub mod maps;
pub mod timeline;

mod files;
mod keeper;
mod runtime;

pub use files::begin;
pub use keeper::{Settings, Unwritable, keep};
pub use maps::Maps;
