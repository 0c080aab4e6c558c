//! Traditional service accounts: machine identities that a company made for itself, and the credential class that they
//! are of. They need no subscription; they end together, at the sunset of the class.

use chrono::{DateTime, Utc};

use crate::stage::Environment;

/// The class of traditional service accounts: one for all companies and both environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CredentialClassEntry {
    /// The first instant at which its accounts no longer work; none while that is to be announced.
    pub sunset_at: Option<DateTime<Utc>>,
}

/// One traditional service account, under the client id that its calls present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccountEntry {
    /// What its calls present; the key.
    pub client_id: Box<str>,
    /// Its id in the hub.
    pub account_id: Box<str>,
    /// The company that made it: the only one that it can call for.
    pub company_id: Box<str>,
    /// The environment that it lives in.
    pub environment: Environment,
    /// It is there; `false` removes it.
    pub live: bool,
    /// The first instant at which an extension past the sunset no longer holds, when an operator granted one.
    pub extended_until: Option<DateTime<Utc>>,
}

/// What is known about the service account of a client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFacts<'t> {
    /// Its id in the hub.
    pub account_id: &'t str,
    /// The company that made it.
    pub company_id: &'t str,
    /// The environment that it lives in.
    pub environment: Environment,
    /// The sunset of its class, when it is known.
    pub sunset_at: Option<DateTime<Utc>>,
    /// The end of its own extension, when it has one.
    pub extended_until: Option<DateTime<Utc>>,
}

impl AccountFacts<'_> {
    /// The first instant at which it no longer works, if one is known: the sunset of its class, or the end of its
    /// extension if that is later. While the sunset is to be announced there is nothing to extend (rule B74).
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.sunset_at.max(self.sunset_at.and(self.extended_until))
    }

    /// It no longer works (rules B69, B70).
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.ends_at().is_some_and(|ends_at| ends_at <= now)
    }
}

/// A service account as a shard holds it: client id, account id and company id, one after the other.
pub(crate) struct Account {
    text: Box<str>,
    client_id_bytes: u32,
    account_id_bytes: u32,
    environment: Environment,
    extended_until: Option<DateTime<Utc>>,
}

impl Account {
    /// The account of an entry.
    pub(crate) fn new(entry: &ServiceAccountEntry) -> Self {
        let bytes = |id: &str| u32::try_from(id.len()).expect("the edge bounds ids far below 4 GiB");
        Self {
            text: [&*entry.client_id, &*entry.account_id, &*entry.company_id].concat().into_boxed_str(),
            client_id_bytes: bytes(&entry.client_id),
            account_id_bytes: bytes(&entry.account_id),
            environment: entry.environment,
            extended_until: entry.extended_until,
        }
    }

    /// The client id.
    pub(crate) fn client_id(&self) -> &str {
        &self.text[..self.client_id_bytes as usize]
    }

    /// What is known of it while its class has this sunset.
    pub(crate) fn facts(&self, sunset_at: Option<DateTime<Utc>>) -> AccountFacts<'_> {
        let (account_id, company_id) =
            self.text[self.client_id_bytes as usize..].split_at(self.account_id_bytes as usize);
        let Self { environment, extended_until, .. } = *self;
        AccountFacts { account_id, company_id, environment, sunset_at, extended_until }
    }
}
