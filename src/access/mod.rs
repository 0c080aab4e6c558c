//! Who calls, and what such a caller may do.
//!
//! A [`Principal`] is what a listener made of a caller's credentials; headers that a caller writes make none. What a
//! credential proves is judged in [`proof`], by pure functions; [`Door`] brings them keys, certificates and the instant, and
//! stands before every service. Which calls each kind of caller makes is one table ([`table`]), which the protocol states
//! call by call and the [`Admission`] of the server enforces behind the door. Whose things a call may touch is not asked here
//! but where they are: in the judgement of a command (`domain/foreign.rs`) and in the view through which is read
//! (`hub/view.rs`).

mod admission;
pub mod class;
mod door;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod jwks;
mod principal;
pub mod proof;
mod ration;
mod standing;
mod stream;
pub mod table;
mod tls;

use std::net::SocketAddr;

pub use admission::Admission;
pub use door::{Door, GATEWAY_TOKEN, Machines, USER_TOKEN, admit};
pub use fetch::refuse_address;
pub use jwks::{KeyPlace, TrustedIssuer};
pub use principal::{Principal, Role};
pub use standing::{Peer, Shown, Standing};
pub use tls::{ClientCertificates, Spoken, Tls, TlsFiles};

/// How callers prove who they are. By default they do not, and the hub listens on loopback addresses only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who issues tokens.
    pub issuers: Vec<TrustedIssuer>,
    /// TLS of `listen` and `gateway_listen`. Without, both speak plain text.
    pub tls: Option<TlsFiles>,
    /// Whether developers and administrators of companies come through portals.
    pub portals: proof::Portals,
    /// What machines with certificates may call.
    pub machines: Machines,
    /// Connections to `listen` at a time; more are closed at once.
    pub connections_max: u32,
    /// Listen where others can connect although nobody has to prove anything, or can be overheard.
    pub insecure: bool,
}

impl Access {
    /// Whether callers prove who they are, in one way or another.
    pub fn proves_callers(&self) -> bool {
        !self.issuers.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }

    /// Whether the hub may listen at an address: where others can connect, callers prove who they are, unheard.
    pub fn permits(&self, address: SocketAddr) -> bool {
        address.ip().is_loopback() || self.insecure || (self.tls.is_some() && self.proves_callers())
    }
}
