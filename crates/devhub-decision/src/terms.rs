//! What is rare about a subscription: an end that is planned, a waiver, an exemption from brownouts.
//!
//! Few of the millions of subscriptions have any, so these stand in a map of their own, and a question that finds the
//! map empty pays nothing for them.

use std::hash::BuildHasher;

use chrono::{DateTime, Utc};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::catalogue::VersionNumber;
use crate::entry::VersionName;
use crate::stage::Environment;

/// The terms on which one application uses one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Terms {
    /// First instant at which the subscription has ended: the overlap of a move.
    pub ends_at: Option<DateTime<Utc>>,
    /// First instant at which calls past retirement no longer pass.
    pub waived_until: Option<DateTime<Utc>>,
    /// The application takes no part in brownouts.
    pub exempt: bool,
}

impl Terms {
    /// The usual ones: nothing out of the ordinary.
    pub const USUAL: Terms = Terms { ends_at: None, waived_until: None, exempt: false };

    /// The subscription has not come to its planned end.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    /// A waiver is live.
    pub fn waives(&self, now: DateTime<Utc>) -> bool {
        self.waived_until.is_some_and(|end| now < end)
    }
}

/// Calls of one application to one version pass past its retirement, up to an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverEntry {
    /// Whose calls.
    pub client_id: Box<str>,
    /// The environment of the version.
    pub environment: Environment,
    /// To which version.
    pub version: VersionName,
    /// First instant at which they no longer pass; `None` removes the waiver.
    pub until: Option<DateTime<Utc>>,
}

/// One application takes no part in the brownouts of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionEntry {
    /// Which application, by the client id that its calls present.
    pub client_id: Box<str>,
    /// The environment of the version.
    pub environment: Environment,
    /// Of which version.
    pub version: VersionName,
    /// It is exempt; `false` ends the exemption.
    pub exempt: bool,
}

struct Record {
    client_id: Box<str>,
    number: VersionNumber,
    terms: Terms,
}

/// The unusual terms of some applications.
#[derive(Default)]
pub(crate) struct TermsMap(HashTable<Record>);

impl TermsMap {
    /// The terms of a client id, with its hash, and a version.
    pub(crate) fn get(&self, hash: u64, client_id: &str, number: VersionNumber) -> Terms {
        if self.0.is_empty() {
            return Terms::USUAL;
        }
        let found = self.0.find(mixed(hash, number), |record| record.is(client_id, number));
        found.map_or(Terms::USUAL, |record| record.terms)
    }

    /// Changes a part of the terms and forgets them when they are the usual ones.
    pub(crate) fn change(
        &mut self,
        hash: u64,
        client_id: &str,
        number: VersionNumber,
        hasher: &DefaultHashBuilder,
        change: impl FnOnce(&mut Terms),
    ) {
        let key = mixed(hash, number);
        // Not `entry`, which makes room for one more even where nothing is going to be put.
        match self.0.find_entry(key, |record| record.is(client_id, number)) {
            Ok(mut found) => {
                change(&mut found.get_mut().terms);
                if found.get().terms == Terms::USUAL {
                    found.remove();
                }
            }
            Err(_) => {
                let mut terms = Terms::USUAL;
                change(&mut terms);
                if terms != Terms::USUAL {
                    let rehash = |record: &Record| mixed(hasher.hash_one(&*record.client_id), record.number);
                    self.0.insert_unique(key, Record { client_id: client_id.into(), number, terms }, rehash);
                }
            }
        }
    }

    /// Client id, version and terms of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, VersionNumber, Terms)> {
        self.0.iter().map(|record| (&*record.client_id, record.number, record.terms))
    }
}

impl Record {
    fn is(&self, client_id: &str, number: VersionNumber) -> bool {
        self.number == number && *self.client_id == *client_id
    }
}

/// The hash of a client id and a version, from that of the client id. An odd factor keeps all numbers apart.
fn mixed(hash: u64, number: VersionNumber) -> u64 {
    hash ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
