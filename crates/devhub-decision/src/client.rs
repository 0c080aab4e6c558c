//! Changes that belong to one client id, and so to one shard.

use hashbrown::DefaultHashBuilder;

use crate::account::ServiceAccountEntry;
use crate::arena::Text;
use crate::catalogue::{Key, VersionNumber};
use crate::digest::{self, NO_CONTEXT, Sums};
use crate::entry::{ApplicationEntry, SubscriptionEntry};
use crate::installation::InstallationEntry;
use crate::rare::Rare;
use crate::records::Records;
use crate::terms::{ExemptionEntry, Terms, WaiverEntry};

/// What a shard holds, in the hands of the writer.
pub(crate) struct Held<'w> {
    pub(crate) records: &'w mut Records,
    pub(crate) rare: &'w mut Rare,
}

/// A change of what a shard holds.
pub(crate) enum ClientChange {
    Application(ApplicationEntry),
    Subscription(SubscriptionEntry),
    Waiver(WaiverEntry),
    Exemption(ExemptionEntry),
    Account(ServiceAccountEntry),
    Installation(InstallationEntry),
}

impl ClientChange {
    /// Whose client id.
    pub(crate) fn client_id(&self) -> &str {
        match self {
            ClientChange::Application(entry) => &entry.client_id,
            ClientChange::Subscription(entry) => &entry.client_id,
            ClientChange::Waiver(entry) => &entry.client_id,
            ClientChange::Exemption(entry) => &entry.client_id,
            ClientChange::Account(entry) => &entry.client_id,
            ClientChange::Installation(entry) => &entry.client_id,
        }
    }

    /// The version that it is about, if it is about one.
    pub(crate) fn version(&self) -> Option<Key<'_>> {
        let (version, environment) = match self {
            ClientChange::Application(_) | ClientChange::Account(_) | ClientChange::Installation(_) => return None,
            ClientChange::Subscription(entry) => (&entry.version, entry.environment),
            ClientChange::Waiver(entry) => (&entry.version, entry.environment),
            ClientChange::Exemption(entry) => (&entry.version, entry.environment),
        };
        Some((&version.context, &version.label, environment))
    }

    /// The hash of the row that it tells, if it leaves one.
    fn told(&self) -> Option<u64> {
        match self {
            ClientChange::Application(entry) => Some(digest::of_application(entry)),
            ClientChange::Subscription(entry) => digest::of_subscription(entry),
            ClientChange::Waiver(entry) => digest::of_waiver(entry),
            ClientChange::Exemption(entry) => digest::of_exemption(entry),
            ClientChange::Account(entry) => digest::of_account(entry),
            ClientChange::Installation(entry) => digest::of_installation(entry),
        }
    }

    /// It leaves something to be known, so the version needs a number; what only removes does not.
    pub(crate) fn adds(&self) -> bool {
        match self {
            ClientChange::Application(_) => true,
            ClientChange::Subscription(entry) => entry.live,
            ClientChange::Waiver(entry) => entry.until.is_some(),
            ClientChange::Exemption(entry) => entry.exempt,
            ClientChange::Account(entry) => entry.live,
            ClientChange::Installation(entry) => entry.installed,
        }
    }

    /// The hash of the row that it replaces, as the shard of its client id holds it.
    fn replaced(&self, held: &Held<'_>, hash: u64, number: Option<VersionNumber>) -> Option<u64> {
        let client_id = self.client_id();
        let terms = |number| held.rare.terms_of(hash, client_id, number);
        match self {
            ClientChange::Application(_) => {
                let (arena, mut text) = (held.records.arena(), Text::default());
                let facts = arena.facts(arena.find(hash, client_id)?, &mut text)?;
                Some(digest::application(client_id, &facts))
            }
            ClientChange::Account(_) => {
                let account = held.rare.account(hash, client_id);
                account.map(|account| digest::account(client_id, &account.facts(None)))
            }
            ClientChange::Installation(entry) => {
                let (projects, awaits_use) = held.rare.installed_of(hash, client_id)?.told(&entry.company_id)?;
                Some(digest::installation(client_id, &entry.company_id, projects, awaits_use))
            }
            ClientChange::Subscription(_) => {
                let (arena, number) = (held.records.arena(), number?);
                let found = arena.find(hash, client_id)?;
                let version = self.version().filter(|_| arena.subscribes(found, number))?;
                let ends_at = if found.flags.terms { terms(number).ends_at } else { None };
                Some(digest::subscription(client_id, version, ends_at))
            }
            ClientChange::Waiver(_) => Some(digest::waiver(client_id, self.version()?, terms(number?).waived_until?)),
            ClientChange::Exemption(_) => {
                terms(number?).exempt.then(|| self.version().map(|version| digest::exemption(client_id, version)))?
            }
        }
    }

    /// Folds it into the shard of its client id. Without a number there is nothing that it could remove.
    pub(crate) fn fold(
        self,
        held: &mut Held<'_>,
        hash: u64,
        number: Option<VersionNumber>,
        hasher: &DefaultHashBuilder,
        sums: &mut Sums,
    ) {
        let (context, environment) = match self.version() {
            Some((context, _, environment)) => (context, Some(environment)),
            None => (NO_CONTEXT, None),
        };
        sums.exchange(context, environment, self.replaced(held, hash, number), self.told());
        let change_terms = |held: &mut Held<'_>, client_id: &str, number, change: &dyn Fn(&mut Terms)| {
            let some = held.rare.change_terms(hash, client_id, number, hasher, change);
            held.records.set_terms(hash, client_id, some);
        };
        match (self, number) {
            (ClientChange::Application(entry), _) => held.records.set_application(hash, &entry),
            (ClientChange::Account(entry), _) => held.rare.set_account(hash, &entry, hasher),
            (ClientChange::Installation(entry), _) => held.rare.set_installation(hash, entry, hasher),
            (ClientChange::Subscription(entry), Some(number)) => {
                let ends_at = entry.ends_at.filter(|_| entry.live);
                // Most subscriptions hold for as long as nobody ends them.
                if ends_at.is_some() || held.records.has_terms(hash, &entry.client_id) {
                    change_terms(held, &entry.client_id, number, &|terms| terms.ends_at = ends_at);
                }
                if entry.live {
                    held.records.add_subscription(hash, &entry.client_id, number);
                } else {
                    held.records.remove_subscription(hash, &entry.client_id, number);
                }
            }
            (ClientChange::Waiver(entry), Some(number)) => {
                change_terms(held, &entry.client_id, number, &|terms| terms.waived_until = entry.until);
            }
            (ClientChange::Exemption(entry), Some(number)) => {
                change_terms(held, &entry.client_id, number, &|terms| terms.exempt = entry.exempt);
            }
            (ClientChange::Subscription(_) | ClientChange::Waiver(_) | ClientChange::Exemption(_), None) => {}
        }
    }
}
