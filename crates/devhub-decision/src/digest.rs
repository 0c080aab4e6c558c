//! Digests: one number for all that the table holds for the gateways of one environment, so that a replica and its hub
//! can tell at any time whether they hold the same.
//!
//! A digest is the wrapping sum of one hash per row. So it follows every change at the price of two hashes, the order of
//! rows does not matter, and whoever holds the rows can compute it anew. It tells errors, not attacks.
//!
//! The hash is written out here, because a hub and a gateway may be built by different compilers: nothing of it depends
//! on one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::account::{AccountFacts, ServiceAccountEntry};
use crate::brownout::Brownout;
use crate::catalogue::Key;
use crate::entry::{ApplicationEntry, Change, Links, Standing, SubscriptionEntry, VersionEntry, VersionName};
use crate::facts::ApplicationFacts;
use crate::installation::InstallationEntry;
use crate::lifecycle::{Lifecycle, Schedule};
use crate::namespace::NamespaceEntry;
use crate::operation::{OperationEntry, Replacement};
use crate::stage::{Environment, Maturity, Permissions, StagePermissions};
use crate::terms::{ExemptionEntry, WaiverEntry};

/// The digests of a table: one for the gateways of each environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digests([u64; Environment::ALL.len()]);

impl Digests {
    /// The digest of what the gateways of an environment need.
    pub const fn of(&self, environment: Environment) -> u64 {
        self.0[environment as usize]
    }

    /// One row is now another, or none. Without an environment it is one for the gateways of both.
    pub(crate) fn exchange(&mut self, environment: Option<Environment>, before: Option<u64>, after: Option<u64>) {
        let difference = after.unwrap_or_default().wrapping_sub(before.unwrap_or_default());
        for each in Environment::ALL {
            if environment.is_none_or(|environment| environment == each) {
                let sum = &mut self.0[each as usize];
                *sum = sum.wrapping_add(difference);
            }
        }
    }

    /// The digests of these rows, computed the long way: each key must be among them once at most.
    pub fn of_rows<'r>(rows: impl IntoIterator<Item = &'r Change>) -> Digests {
        let mut digests = Digests::default();
        for row in rows {
            digests.exchange(row.environment(), None, hash(row));
        }
        digests
    }
}

/// The digests of the rows of each context; of those that belong to none, under [`NO_CONTEXT`]. Together they are the
/// digests of all rows, and some of them are those of a part of the table.
pub type ContextDigests = HashMap<Box<str>, Digests>;

/// Where rows are counted that belong to no context: applications, service accounts, installations, namespaces and the
/// credential class.
pub const NO_CONTEXT: &str = "";

impl Digests {
    /// The sums of both.
    pub fn plus(self, other: Digests) -> Digests {
        let Digests(mut sums) = self;
        sums.iter_mut().zip(other.0).for_each(|(sum, more)| *sum = sum.wrapping_add(more));
        Digests(sums)
    }

    /// What must be added to `other` to get this.
    pub fn minus(self, other: Digests) -> Digests {
        let Digests(mut sums) = self;
        sums.iter_mut().zip(other.0).for_each(|(sum, less)| *sum = sum.wrapping_sub(less));
        Digests(sums)
    }
}

/// The digests of a table, of all rows and of each context, and what one commit changed of the latter.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) whole: Digests,
    pub(crate) contexts: ContextDigests,
    /// What was added since somebody began to listen.
    pub(crate) added: Option<ContextDigests>,
}

impl Sums {
    /// One row of a context is now another, or none.
    pub(crate) fn exchange(
        &mut self,
        context: &str,
        environment: Option<Environment>,
        before: Option<u64>,
        after: Option<u64>,
    ) {
        let mut difference = Digests::default();
        difference.exchange(environment, before, after);
        self.whole = self.whole.plus(difference);
        for sums in [Some(&mut self.contexts), self.added.as_mut()].into_iter().flatten() {
            match sums.get_mut(context) {
                Some(sum) => *sum = sum.plus(difference),
                None => drop(sums.insert(context.into(), difference)),
            }
        }
    }
}

/// The hash of a row; none of one that only removes.
fn hash(row: &Change) -> Option<u64> {
    match row {
        Change::Version(entry) => Some(version(entry)),
        Change::Namespace(entry) => Some(namespace(entry)),
        Change::Application(entry) => Some(of_application(entry)),
        Change::Subscription(entry) => of_subscription(entry),
        Change::Waiver(entry) => of_waiver(entry),
        Change::Exemption(entry) => of_exemption(entry),
        Change::CredentialClass(entry) => entry.sunset_at.map(credential_class),
        Change::ServiceAccount(entry) => of_account(entry),
        Change::Installation(entry) => of_installation(entry),
    }
}

fn key(version: &VersionName, environment: Environment) -> Key<'_> {
    (&version.context, &version.label, environment)
}

pub(crate) fn of_application(entry: &ApplicationEntry) -> u64 {
    let ApplicationEntry { client_id, application_id, environment, standing } = entry;
    application(client_id, &ApplicationFacts { application_id, environment: *environment, standing: *standing })
}

pub(crate) fn of_subscription(entry: &SubscriptionEntry) -> Option<u64> {
    let SubscriptionEntry { client_id, environment, version, live, ends_at } = entry;
    live.then(|| subscription(client_id, key(version, *environment), *ends_at))
}

pub(crate) fn of_waiver(entry: &WaiverEntry) -> Option<u64> {
    let WaiverEntry { client_id, environment, version, until } = entry;
    until.map(|until| waiver(client_id, key(version, *environment), until))
}

pub(crate) fn of_exemption(entry: &ExemptionEntry) -> Option<u64> {
    let ExemptionEntry { client_id, environment, version, exempt } = entry;
    exempt.then(|| exemption(client_id, key(version, *environment)))
}

pub(crate) fn of_account(entry: &ServiceAccountEntry) -> Option<u64> {
    let ServiceAccountEntry { client_id, account_id, company_id, environment, live, extended_until } = entry;
    let (environment, extended_until) = (*environment, *extended_until);
    live.then(|| {
        account(client_id, &AccountFacts { account_id, company_id, environment, sunset_at: None, extended_until })
    })
}

pub(crate) fn of_installation(entry: &InstallationEntry) -> Option<u64> {
    let InstallationEntry { client_id, company_id, installed, projects, awaits_use } = entry;
    let sorted = projects.as_ref().map(|projects| {
        let mut sorted: Vec<&str> = projects.iter().map(|project| &**project).collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted
    });
    installed.then(|| installation(client_id, company_id, sorted.map(Vec::into_iter), *awaits_use))
}

/// Words, one after the other, into one. Each step mixes all bits, so that rows that differ little differ in all of it.
struct Words(u64);

impl Words {
    /// Begins with what kind of row it is.
    fn new(kind: u64) -> Words {
        Words(0).number(kind)
    }

    fn number(self, word: u64) -> Words {
        // The finisher of SplitMix64.
        let mut mixed = (self.0 ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Words(mixed ^ (mixed >> 31))
    }

    /// Its length goes first: what joins to the same text differs.
    fn text(self, text: &str) -> Words {
        let chunks = text.as_bytes().chunks(8);
        chunks.fold(self.number(text.len() as u64), |words, chunk| {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            words.number(u64::from_le_bytes(bytes))
        })
    }

    fn option<T>(self, value: Option<T>, of: impl FnOnce(Words, T) -> Words) -> Words {
        match value {
            None => self.number(0),
            Some(value) => of(self.number(1), value),
        }
    }

    fn each<T>(self, values: impl ExactSizeIterator<Item = T>, of: impl Fn(Words, T) -> Words) -> Words {
        let words = self.number(values.len() as u64);
        values.fold(words, of)
    }

    fn instant(self, instant: DateTime<Utc>) -> Words {
        self.number(instant.timestamp().cast_unsigned()).number(u64::from(instant.timestamp_subsec_nanos()))
    }

    fn date(self, date: Option<DateTime<Utc>>) -> Words {
        self.option(date, Words::instant)
    }

    fn environment(self, environment: Environment) -> Words {
        self.number(match environment {
            Environment::Sandbox => 1,
            Environment::Production => 2,
        })
    }

    fn version(self, (context, label, environment): Key<'_>) -> Words {
        self.text(context).text(label).environment(environment)
    }

    fn name(self, VersionName { context, label }: &VersionName) -> Words {
        self.text(context).text(label)
    }

    fn schedule(self, schedule: &Schedule) -> Words {
        match schedule {
            Schedule::Open => self.number(0),
            Schedule::Deprecation { deprecated_at, sunset_begins_at, retires_at } => {
                self.number(1).instant(*deprecated_at).date(*sunset_begins_at).date(*retires_at)
            }
            Schedule::Retirement { retires_at } => self.number(2).instant(*retires_at),
        }
    }

    fn links(self, Links { deprecation, sunset, successor }: &Links) -> Words {
        [deprecation, sunset, successor]
            .into_iter()
            .fold(self, |words, link| words.option(link.as_deref(), Words::text))
    }

    fn brownouts(self, brownouts: &[Brownout]) -> Words {
        self.each(brownouts.iter(), |words, Brownout { from, until }| words.instant(*from).instant(*until))
    }

    fn permissions(self, StagePermissions(stages): &StagePermissions) -> Words {
        stages.iter().fold(self, |words, Permissions { documentation, new_subscriptions, calls }| {
            words.number(u64::from(*documentation) | u64::from(*new_subscriptions) << 1 | u64::from(*calls) << 2)
        })
    }

    fn operation(self, OperationEntry { method, path, schedule, replacement, links }: &OperationEntry) -> Words {
        let words = self.text(method).text(path).schedule(schedule).links(links);
        words.option(replacement.as_ref(), |words, Replacement { version, method, path }| {
            words.name(version).text(method).text(path)
        })
    }
}

/// Of a version as it was told, without what its namespaces add.
pub(crate) fn version(entry: &VersionEntry) -> u64 {
    let VersionEntry {
        name,
        environment,
        lifecycle: Lifecycle { maturity, schedule },
        permissions,
        open_access,
        company_scoped,
        successor,
        links,
        brownouts,
        operations,
    } = entry;
    let maturity = match maturity {
        Maturity::Alpha => 1,
        Maturity::Beta => 2,
        Maturity::Stable => 3,
    };
    let words = Words::new(1).name(name).environment(*environment).number(maturity).schedule(schedule);
    let words = words.permissions(permissions).number(u64::from(*open_access)).number(u64::from(*company_scoped));
    let words = words.option(successor.as_ref(), Words::name).links(links).brownouts(brownouts);
    words.each(operations.iter(), Words::operation).0
}

pub(crate) fn namespace(entry: &NamespaceEntry) -> u64 {
    let NamespaceEntry { namespace, environment, schedule, brownouts, successor, links } = entry;
    let words = Words::new(2).text(namespace).environment(*environment).schedule(schedule).brownouts(brownouts);
    words.option(successor.as_deref(), Words::text).links(links).0
}

pub(crate) fn application(client_id: &str, facts: &ApplicationFacts<'_>) -> u64 {
    let ApplicationFacts { application_id, environment, standing } = facts;
    let standing = match standing {
        Standing::Usable => 1,
        Standing::NotApproved => 2,
        Standing::Blocked => 3,
        Standing::Deleted => 4,
    };
    Words::new(3).text(client_id).text(application_id).environment(*environment).number(standing).0
}

pub(crate) fn subscription(client_id: &str, version: Key<'_>, ends_at: Option<DateTime<Utc>>) -> u64 {
    Words::new(4).text(client_id).version(version).date(ends_at).0
}

pub(crate) fn waiver(client_id: &str, version: Key<'_>, until: DateTime<Utc>) -> u64 {
    Words::new(5).text(client_id).version(version).instant(until).0
}

pub(crate) fn exemption(client_id: &str, version: Key<'_>) -> u64 {
    Words::new(6).text(client_id).version(version).0
}

pub(crate) fn credential_class(sunset_at: DateTime<Utc>) -> u64 {
    Words::new(7).instant(sunset_at).0
}

/// Of an account alone: the sunset of its class is a row of its own.
pub(crate) fn account(client_id: &str, facts: &AccountFacts<'_>) -> u64 {
    let AccountFacts { account_id, company_id, environment, sunset_at: _, extended_until } = facts;
    Words::new(8).text(client_id).text(account_id).text(company_id).environment(*environment).date(*extended_until).0
}

/// Of an installation with its projects in order, none twice.
pub(crate) fn installation<'p>(
    client_id: &str,
    company_id: &str,
    projects: Option<impl ExactSizeIterator<Item = &'p str>>,
    awaits_use: bool,
) -> u64 {
    let words = Words::new(9).text(client_id).text(company_id).number(u64::from(awaits_use));
    words.option(projects, |words, projects| words.each(projects, Words::text)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_and_a_gateway_of_another_build_hash_alike() {
        let at = DateTime::from_timestamp(1_767_225_600, 1).expect("an instant");
        assert_eq!(subscription("client", ("a/b", "1.0", Environment::Production), Some(at)), 0x8fdc_61fc_f0c1_8330);
    }

    #[test]
    fn what_two_rows_exchange_shows() {
        let row = |client_id: &str, label: &str| {
            let version = VersionName::new("a/b", label);
            let environment = Environment::Sandbox;
            let entry =
                SubscriptionEntry { client_id: client_id.into(), environment, version, live: true, ends_at: None };
            Change::Subscription(entry)
        };
        let straight = [row("x", "1"), row("y", "2")];
        let crossed = [row("x", "2"), row("y", "1")];
        let (straight, crossed) = (Digests::of_rows(&straight), Digests::of_rows(&crossed));
        assert_ne!(straight.of(Environment::Sandbox), crossed.of(Environment::Sandbox));
        assert_eq!(straight.of(Environment::Production), 0);
    }
}
