//! Where the keys of an issuer come from: a file or an address, read again when they change.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::Uri;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use super::fetch;
use super::proof::{Issuer, KeySet};
use super::tls::read_file;

/// How soon a key that nobody knows makes the keys be read again: whoever invents ids must not keep an issuer busy.
const UNKNOWN_KEY_PAUSE: TimeDelta = TimeDelta::seconds(30);

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file.
    File(PathBuf),
    /// An address.
    Url {
        /// The address.
        uri: Uri,
        /// Who signs its certificate, in PEM; otherwise whom the operating system trusts.
        ca: Option<PathBuf>,
    },
}

/// An issuer, and where its keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// The issuer.
    pub issuer: Issuer,
    /// Where its keys are.
    pub keys: KeyPlace,
    /// How often an address is asked, at least; a file is looked at every few seconds.
    pub refresh: TimeDelta,
}

/// Why keys are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody told so, or the hub starts.
    Told,
    /// It is time to look.
    Round,
    /// A token names a key that nobody knows.
    UnknownKey,
}

/// The keys of an issuer as they were read last.
pub(super) struct Keys {
    trusted: TrustedIssuer,
    current: RwLock<Arc<KeySet>>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    /// When they were read, or it was tried.
    tried_at: Option<DateTime<Utc>>,
    text: Option<Vec<u8>>,
    /// The trouble that was told of; the same is not told again.
    trouble: Option<String>,
}

/// What came of reading keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// They are what they were, or it was not their time.
    Same,
    /// They are others now.
    Changed,
    /// They could not be read or used; those from before stay.
    Failed(String),
}

impl Keys {
    pub(super) fn new(trusted: TrustedIssuer) -> Keys {
        Keys { trusted, current: RwLock::default(), last: Mutex::default() }
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.trusted.issuer
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.trusted.keys, KeyPlace::File(_))
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read())
    }

    /// Reads the keys again, if the occasion says that it is time at `now`.
    pub(super) async fn refresh(&self, occasion: Occasion, now: DateTime<Utc>) -> Outcome {
        let mut last = self.last.lock().await;
        // A clock that was set back must not keep keys from being read.
        let within = |pause: TimeDelta| last.tried_at.is_some_and(|tried| tried <= now && now - tried < pause);
        let early = match (occasion, &self.trusted.keys) {
            (Occasion::Told, _) | (Occasion::Round, KeyPlace::File(_)) => false,
            // What failed is tried again sooner: the issuer may be back.
            (Occasion::Round, KeyPlace::Url { .. }) if last.trouble.is_some() => within(UNKNOWN_KEY_PAUSE),
            (Occasion::Round, KeyPlace::Url { .. }) => within(self.trusted.refresh),
            (Occasion::UnknownKey, _) => within(UNKNOWN_KEY_PAUSE),
        };
        if early {
            return Outcome::Same;
        }
        if !(occasion == Occasion::Round && self.is_file()) {
            last.tried_at = Some(now);
        }
        let read = match &self.trusted.keys {
            KeyPlace::File(path) => read_file(path),
            KeyPlace::Url { uri, ca } => fetch::get(uri, ca.as_deref()).await,
        };
        let outcome = read.map_err(|error| format!("{error:#}")).and_then(|text| {
            if last.text.as_ref() == Some(&text) && last.trouble.is_none() {
                return Ok(false);
            }
            let keys = KeySet::parse(&text, &self.trusted.issuer.algorithms)?;
            *self.current.write() = Arc::new(keys);
            last.text = Some(text);
            Ok(true)
        });
        match outcome {
            Ok(changed) => {
                last.trouble = None;
                if changed { Outcome::Changed } else { Outcome::Same }
            }
            Err(trouble) => {
                let told = last.trouble.replace(trouble.clone()).as_ref() == Some(&trouble);
                if told && occasion != Occasion::Told { Outcome::Same } else { Outcome::Failed(trouble) }
            }
        }
    }
}
