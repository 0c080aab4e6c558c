//! Who calls, and what such a caller may do.
//!
//! A [`Principal`] is what a listener made of a caller's credentials; headers that a caller writes make none. Rules about
//! what may be done are the domain's; here is who may ask for it.

mod principal;

pub use principal::{Principal, Role};
