//! What a gateway embeds.
//!
//! A [`Replica`] keeps a copy of the decision table of one environment and decides by itself: in well under a
//! microsecond, while the hub is away, and on the instant of every date.
//!
//! ```text
//! hub --Begin, Rows*, Commit--> Follower --> Table --ask(question)--> Facts --decide(facts, now)--> Decision
//!     <------- Ping / Pong ------> Lease ------^ refuses when it has run out, or when the digest is another
//! ```
//!
//! A [`Client`] asks the hub for each decision, and keeps answers for as long as they are valid.
//!
//! # What a replica guarantees
//!
//! - A change that the hub has answered is in effect here no later than `trust_for` afterwards (`decision_ttl_seconds`
//!   of the hub), or this replica does not decide. The lease counts from the moment when a ping was *sent*, by a clock
//!   that nobody sets. A gateway may choose to go on for longer, see [`Settings::serve_stale`].
//! - What it decides from is what the hub holds at the same revision, or it does not decide: digests are compared at every
//!   commit.
//! - A date takes effect on its instant, with no message. So the clocks must agree: a replica whose wall clock is known to
//!   be off by more than [`Settings::clock_offset_max`] does not decide.
//!
//! A call that it does not decide is one for which the gateway answers 503, never an allow and never a denial.

pub mod client;
pub mod clock;
pub mod copy;
pub mod fault;
pub mod follower;
pub mod health;
pub mod lease;
pub mod metrics;
pub mod replica;
pub mod touched;
pub mod usage;

mod backoff;

pub use client::{Client, ClientSettings, NoAnswer};
pub use clock::{Clock, SystemClock};
pub use fault::{DeltaBounds, Fault};
pub use follower::Follower;
pub use health::{Figures, Health, Unready};
pub use lease::Lease;
pub use replica::{Replica, Settings};
pub use touched::Touched;
pub use usage::UsageTally;
