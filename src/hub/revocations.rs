//! Which gateways are to stay away, for whoever lets gateways in: he learns it with the commit that says so.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::{Failure, Hub, Page};
use crate::domain::Record;
use crate::domain::gateway::{Gateway, Revoked, Trust};
use crate::store::codec::Kind;

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

impl Hub {
    /// The gateways that are to stay away, from now on.
    pub fn revoked(&self) -> watch::Receiver<Arc<Revoked>> {
        self.0.revocations.watch()
    }

    /// The gateways that are revoked, with the revisions of their records, in order of environment and id.
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn revoked_gateways(&self, after: Option<Bytes>, size: usize) -> Result<Page<(Gateway, u64)>, Failure> {
        self.list(&Hub::prefix(Kind::Gateway, None), after, size, |stored| {
            let Record::Gateway(gateway) = stored.record else { return Err(Failure::Defect) };
            Ok((gateway.trust == Trust::Revoked).then_some((gateway, stored.revision)))
        })
    }
}
