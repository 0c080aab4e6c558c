//! The table as rows: what to tell another table so that it knows the same, part by part.

use chrono::{DateTime, Utc};

use crate::account::{Account, CredentialClassEntry, ServiceAccountEntry};
use crate::catalogue::VersionNumber;
use crate::entry::{ApplicationEntry, Change, SubscriptionEntry};
use crate::shard::Shard;
use crate::stage::Environment;
use crate::table::{SHARDS, Table};
use crate::terms::{ExemptionEntry, Terms, WaiverEntry};

impl Table {
    /// How many parts there are.
    pub const PARTS: usize = SHARDS + 1;

    /// The rows of one part, of 0 to [`Table::PARTS`], that the gateways of an environment need. The first part holds
    /// versions, namespaces and the credential class, the others what belongs to clients.
    ///
    /// A part is one moment of the table, two parts may be two moments. Whoever copies all of them, and then applies
    /// every change since before the first one in order, holds what the table holds: a change tells all of its row.
    pub fn part(&self, part: usize, environment: Environment) -> Vec<Change> {
        match part.checked_sub(1) {
            None => self.lend_shard(0, |shard| catalogued(shard, environment)),
            Some(index) => self.lend_shard(index, |shard| {
                let ends_at =
                    |client_id: &str, number| shard.terms_of(self.hash_of(client_id), client_id, number).ends_at;
                of_clients(shard, environment, ends_at)
            }),
        }
    }
}

fn catalogued(shard: &Shard, environment: Environment) -> Vec<Change> {
    let catalogue = shard.catalogue();
    let versions = catalogue.told().cloned().map(Change::Version);
    let namespaces = catalogue.namespaces().cloned().map(Change::Namespace);
    let class = catalogue.credential_class();
    let CredentialClassEntry { sunset_at } = class;
    let rows = versions.chain(namespaces).chain(sunset_at.map(|_| Change::CredentialClass(class)));
    rows.filter(|row| row.concerns(environment)).collect()
}

fn of_clients(
    shard: &Shard,
    environment: Environment,
    ends_at: impl Fn(&str, VersionNumber) -> Option<DateTime<Utc>>,
) -> Vec<Change> {
    let mut rows = Vec::new();
    let catalogue = shard.catalogue();
    let here = |number: VersionNumber| {
        let (name, of) = catalogue.key_of(number);
        (of == environment).then_some(name)
    };
    for app in shard.apps() {
        rows.extend(app.facts().map(|facts| {
            Change::Application(ApplicationEntry {
                client_id: app.client_id().into(),
                application_id: facts.application_id.into(),
                environment: facts.environment,
                standing: facts.standing,
            })
        }));
        for number in app.subscriptions() {
            let Some(name) = here(*number) else { continue };
            rows.push(Change::Subscription(SubscriptionEntry {
                client_id: app.client_id().into(),
                environment,
                version: name.clone(),
                live: true,
                ends_at: ends_at(app.client_id(), *number),
            }));
        }
    }
    for client in shard.terms() {
        for (number, Terms { ends_at: _, waived_until, exempt }) in client.terms() {
            let Some(name) = here(*number) else { continue };
            rows.extend(waived_until.map(|until| {
                let (client_id, version) = (client.client_id().into(), name.clone());
                Change::Waiver(WaiverEntry { client_id, environment, version, until: Some(until) })
            }));
            rows.extend(exempt.then(|| {
                let (client_id, version) = (client.client_id().into(), name.clone());
                Change::Exemption(ExemptionEntry { client_id, environment, version, exempt: true })
            }));
        }
    }
    rows.extend(shard.accounts().iter().map(account));
    rows.extend(shard.installed().flat_map(|installed| installed.entries()).map(Change::Installation));
    rows
}

fn account(account: &Account) -> Change {
    let facts = account.facts(None);
    Change::ServiceAccount(ServiceAccountEntry {
        client_id: account.client_id().into(),
        account_id: facts.account_id.into(),
        company_id: facts.company_id.into(),
        environment: facts.environment,
        live: true,
        extended_until: facts.extended_until,
    })
}
