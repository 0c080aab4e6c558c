//! Who calls, and what such a caller may do.
//!
//! A [`Principal`] is what a listener made of a caller's credentials; headers that a caller writes make none. Which calls
//! each kind of caller makes is one table ([`table`]), which the protocol states call by call and the [`Admission`] of the
//! server enforces before any service sees the call. Whose things a call may touch is not asked here but where they are: in
//! the judgement of a command (`domain/foreign.rs`) and in the view through which is read (`hub/view.rs`).

mod admission;
mod principal;
pub mod table;

pub use admission::Admission;
pub use principal::{Principal, Role};
