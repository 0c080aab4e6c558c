//! Which gateways are to stay away, for whoever lets gateways in: he learns it with the commit that says so.

use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::gateway::{Gateway, Revoked};

/// The gateways that are revoked at present.
#[derive(Debug, Default)]
pub(super) struct Revocations(watch::Sender<Arc<Revoked>>);

impl Revocations {
    /// What a committed record says of one.
    pub(super) fn learn(&self, gateway: &Gateway) {
        self.0.send_if_modified(|revoked| Arc::make_mut(revoked).learn(gateway));
    }

    /// Them, and all changes from now on.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<Revoked>> {
        self.0.subscribe()
    }
}
