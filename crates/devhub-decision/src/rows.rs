//! The table as rows: what to tell another table so that it knows the same, part by part.

use chrono::{DateTime, Utc};

use crate::account::{Account, CredentialClassEntry, ServiceAccountEntry};
use crate::catalogue::VersionNumber;
use crate::entry::{ApplicationEntry, Change, SubscriptionEntry, VersionName};
use crate::shard::{App, Shard};
use crate::stage::Environment;
use crate::table::{SHARDS, Table};
use crate::terms::{ClientTerms, ExemptionEntry, Terms, WaiverEntry};

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

    /// The rows of one client id that the gateways of an environment need: what [`Table::part`] says of it, at one moment.
    pub fn client(&self, client_id: &str, environment: Environment) -> Vec<Change> {
        self.lend(client_id, |shard, hash, _| {
            let mut rows = Vec::new();
            let ends_at = |number| shard.terms_of(hash, client_id, number).ends_at;
            if let Some(app) = shard.app(hash, client_id) {
                of_app(app, shard, environment, ends_at, &mut rows);
            }
            if let Some(client) = shard.client_terms(hash, client_id) {
                of_terms(client, shard, environment, &mut rows);
            }
            rows.extend(shard.account(hash, client_id).map(account));
            let installed = shard.installed_of(hash, client_id);
            rows.extend(installed.into_iter().flat_map(|installed| installed.entries()).map(Change::Installation));
            rows
        })
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
    for app in shard.apps() {
        of_app(app, shard, environment, |number| ends_at(app.client_id(), number), &mut rows);
    }
    for client in shard.terms() {
        of_terms(client, shard, environment, &mut rows);
    }
    rows.extend(shard.accounts().iter().map(account));
    rows.extend(shard.installed().flat_map(|installed| installed.entries()).map(Change::Installation));
    rows
}

/// The name of a version, if it is one of this environment.
fn here(shard: &Shard, number: VersionNumber, environment: Environment) -> Option<&VersionName> {
    let (name, of) = shard.catalogue().key_of(number);
    (of == environment).then_some(name)
}

fn of_app(
    app: &App,
    shard: &Shard,
    environment: Environment,
    ends_at: impl Fn(VersionNumber) -> Option<DateTime<Utc>>,
    rows: &mut Vec<Change>,
) {
    rows.extend(app.facts().map(|facts| {
        Change::Application(ApplicationEntry {
            client_id: app.client_id().into(),
            application_id: facts.application_id.into(),
            environment: facts.environment,
            standing: facts.standing,
        })
    }));
    for number in app.subscriptions() {
        let Some(name) = here(shard, *number, environment) else { continue };
        rows.push(Change::Subscription(SubscriptionEntry {
            client_id: app.client_id().into(),
            environment,
            version: name.clone(),
            live: true,
            ends_at: ends_at(*number),
        }));
    }
}

fn of_terms(client: &ClientTerms, shard: &Shard, environment: Environment, rows: &mut Vec<Change>) {
    for (number, Terms { ends_at: _, waived_until, exempt }) in client.terms() {
        let Some(name) = here(shard, *number, environment) else { continue };
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
