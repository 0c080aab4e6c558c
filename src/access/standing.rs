//! What a caller was proven by: good until an instant, and for as long as whoever vouched for it is trusted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;

use super::proof::{KeyMark, Proven, ends};

/// How long a connection goes on whose certificate is good for nothing any more: whoever is refused on it hears that first.
const CLOSED_AFTER: Duration = Duration::from_secs(1);

/// A certificate that was shown in a handshake and was good there.
#[derive(Debug)]
pub struct Shown {
    /// Whom it names.
    pub proven: Proven,
    /// The certificate, and what it was shown with.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// What is known of it without looking at it again.
    pub(super) known: Mutex<Known>,
    closing: AtomicBool,
    closed: AtomicBool,
    reader: AtomicWaker,
}

/// How far a certificate need not be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The authorities that it was found good under.
    pub(super) authorities: u64,
    /// Before this instant.
    pub(super) until: DateTime<Utc>,
}

impl Shown {
    /// What was shown first among `chain` was found good at `now` and names somebody.
    pub(super) fn new(
        proven: Proven,
        chain: Vec<CertificateDer<'static>>,
        authorities: u64,
        now: DateTime<Utc>,
    ) -> Shown {
        let known = Known { authorities, until: next_end(&chain, now) };
        let (closing, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Shown { proven, chain, known: Mutex::new(known), closing, closed, reader: AtomicWaker::new() }
    }

    /// Ends the connection in a moment, so that whoever is at its other end shows what it has now.
    pub(super) fn close(self: &Arc<Self>) {
        if !self.closing.swap(true, Ordering::Relaxed) {
            let shown = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(CLOSED_AFTER).await;
                shown.closed.store(true, Ordering::Release);
                shown.reader.wake();
            });
        }
    }

    /// Whether it was found to be good no more, so that the connection is of no use.
    pub fn is_over(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Whether the connection is to end by now; `waker` is woken when it is.
    pub fn is_closed(&self, waker: &Waker) -> bool {
        self.reader.register(waker);
        self.closed.load(Ordering::Acquire)
    }
}

/// The first end of one of some certificates after `now`. What has ended before was not needed.
pub(super) fn next_end(chain: &[CertificateDer<'_>], now: DateTime<Utc>) -> DateTime<Utc> {
    chain.iter().filter_map(ends).filter(|end| *end > now).min().unwrap_or(now)
}

/// What the connection of a call has shown, if anything. A listener says it of each connection.
#[derive(Debug, Clone, Default)]
pub struct Peer(pub Option<Arc<Shown>>);

/// One credential, by whoever vouched for it.
#[derive(Debug, Clone)]
pub(super) enum Credential {
    /// A token.
    Token {
        /// Whose key has signed it, as a place among the issuers.
        issuer: usize,
        /// The id of the key.
        key_id: Box<str>,
        /// Tells the key from one that takes its id later.
        mark: KeyMark,
        /// The first instant at which it is over.
        until: DateTime<Utc>,
    },
    /// The certificate of the connection.
    Certificate(Arc<Shown>),
}

/// What a caller stands on while it is served: all that it was proven by.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub(super) credentials: Vec<Credential>,
    /// The gateway that it is, if it is one.
    pub(super) gateway: Option<(Environment, Box<str>)>,
}
