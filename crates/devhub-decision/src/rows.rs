//! The table as rows: what to tell another table so that it knows the same, part by part.

use crate::account::{Account, CredentialClassEntry, ServiceAccountEntry};
use crate::arena::{Found, Text};
use crate::catalogue::{Catalogue, VersionNumber};
use crate::entry::{ApplicationEntry, Change, SubscriptionEntry, VersionName};
use crate::stage::Environment;
use crate::table::{SHARDS, Shard, Table, shard_index};
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
            None => catalogued(&self.catalogue(), environment),
            Some(index) => of_clients(self, &self.shard(index), environment),
        }
    }

    /// The rows of one client id that the gateways of an environment need: what [`Table::part`] says of it, at one moment.
    pub fn client(&self, client_id: &str, environment: Environment) -> Vec<Change> {
        let hash = self.hash_of(client_id);
        let (shard, mut rows) = (self.shard(shard_index(hash)), Vec::new());
        if let Some(found) = shard.arena.find(hash, client_id) {
            of_record(self, &shard, found, environment, &mut rows);
        }
        if let Some(client) = shard.rare.client_terms(hash, client_id) {
            of_terms(client, &shard.catalogue, environment, &mut rows);
        }
        rows.extend(shard.rare.account(hash, client_id).map(account));
        let installed = shard.rare.installed_of(hash, client_id);
        rows.extend(installed.into_iter().flat_map(|installed| installed.entries()).map(Change::Installation));
        rows
    }
}

fn catalogued(catalogue: &Catalogue, environment: Environment) -> Vec<Change> {
    let versions = catalogue.told().cloned().map(Change::Version);
    let namespaces = catalogue.namespaces().cloned().map(Change::Namespace);
    let class = catalogue.credential_class();
    let CredentialClassEntry { sunset_at } = class;
    let rows = versions.chain(namespaces).chain(sunset_at.map(|_| Change::CredentialClass(class)));
    rows.filter(|row| row.concerns(environment)).collect()
}

fn of_clients(table: &Table, shard: &Shard<'_>, environment: Environment) -> Vec<Change> {
    let mut rows = Vec::new();
    for (_, found) in shard.arena.records() {
        of_record(table, shard, found, environment, &mut rows);
    }
    for client in shard.rare.terms() {
        of_terms(client, &shard.catalogue, environment, &mut rows);
    }
    rows.extend(shard.rare.accounts().iter().map(account));
    rows.extend(shard.rare.installed().flat_map(|installed| installed.entries()).map(Change::Installation));
    rows
}

/// The name of a version, if it is one of this environment.
fn here(catalogue: &Catalogue, number: VersionNumber, environment: Environment) -> Option<&VersionName> {
    let (name, of) = catalogue.key_of(number);
    (of == environment).then_some(name)
}

fn of_record(table: &Table, shard: &Shard<'_>, found: Found, environment: Environment, rows: &mut Vec<Change>) {
    let client_id = shard.client_id(found);
    let mut text = Text::default();
    rows.extend(shard.arena.facts(found, &mut text).map(|facts| {
        Change::Application(ApplicationEntry {
            client_id: client_id.as_str().into(),
            application_id: facts.application_id.into(),
            environment: facts.environment,
            standing: facts.standing,
        })
    }));
    let terms = found.flags.terms.then(|| shard.rare.client_terms(table.hash_of(&client_id), &client_id)).flatten();
    for number in shard.arena.numbers(found) {
        let Some(name) = here(&shard.catalogue, number, environment) else { continue };
        rows.push(Change::Subscription(SubscriptionEntry {
            client_id: client_id.as_str().into(),
            environment,
            version: name.clone(),
            live: true,
            ends_at: terms.and_then(|terms| terms.of(number)).and_then(|terms| terms.ends_at),
        }));
    }
}

fn of_terms(client: &ClientTerms, catalogue: &Catalogue, environment: Environment, rows: &mut Vec<Change>) {
    for (number, Terms { ends_at: _, waived_until, exempt }) in client.terms() {
        let Some(name) = here(catalogue, *number, environment) else { continue };
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
