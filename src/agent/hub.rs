//! The way to the hub.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint, Uri};

/// How long it may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How often a connection that says nothing is asked whether it is still there, and how long it may take to answer: a
/// hub that vanished without a word is noticed long before the lease ends.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3));

/// A channel to the hub, which connects when it is needed and again whenever it has to. No other place makes one.
pub(super) fn channel(hub: &Uri) -> Channel {
    let (every, within) = KEEPALIVE;
    Endpoint::from(hub.clone())
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(every)
        .keep_alive_timeout(within)
        .keep_alive_while_idle(true)
        .connect_lazy()
}
