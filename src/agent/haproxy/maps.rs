//! All rows, as they were told the last time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use devhub_decision::{Change, Environment, Table};
use devhub_gateway::Touched;

use super::caller::Caller;
use super::catalogue::{self, Section};
use super::delta::{self, Step};

/// The rows that HAProxy decides from. Each client's are one text, as a file has it: there may be millions.
#[derive(Debug, Default)]
pub struct Maps {
    catalogue: Section,
    callers: BTreeMap<Box<str>, Box<str>>,
    /// Clients whose rows depend on the catalogue, with the instant at which these have more to say.
    dependents: BTreeMap<Box<str>, Option<DateTime<Utc>>>,
    rows: usize,
}

/// What has become of the rows.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed {
    /// Some of them have changed, or none: the steps, in an order in which they may be made one by one.
    Some(Vec<Step>),
    /// All of them were told anew.
    All,
}

fn count(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn sunset(table: &Table, environment: Environment) -> Option<DateTime<Utc>> {
    table.part(0, environment).into_iter().find_map(|row| match row {
        Change::CredentialClass(entry) => entry.sunset_at,
        Change::Version(_)
        | Change::Application(_)
        | Change::Subscription(_)
        | Change::Namespace(_)
        | Change::Waiver(_)
        | Change::Exemption(_)
        | Change::ServiceAccount(_)
        | Change::Installation(_) => None,
    })
}

fn client_id(row: &Change) -> Option<&str> {
    match row {
        Change::Application(entry) => Some(&entry.client_id),
        Change::Subscription(entry) => Some(&entry.client_id),
        Change::Waiver(entry) => Some(&entry.client_id),
        Change::Exemption(entry) => Some(&entry.client_id),
        Change::ServiceAccount(entry) => Some(&entry.client_id),
        Change::Installation(entry) => Some(&entry.client_id),
        Change::Version(_) | Change::Namespace(_) | Change::CredentialClass(_) => None,
    }
}

impl Maps {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows, as texts of whole lines.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.catalogue.text).chain(self.callers.values().map(|text| &**text))
    }

    /// Whether anything is to be told anew at an instant, though nobody has changed anything.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.catalogue.due.into_iter().chain(self.dependents.values().copied().flatten()).any(|due| due <= now)
    }

    /// Tells anew what has been touched, and what is due, as the table stands.
    pub fn refresh(
        &mut self,
        table: &Table,
        environment: Environment,
        touched: &Touched,
        now: DateTime<Utc>,
    ) -> Changed {
        let sunset_at = sunset(table, environment);
        if touched.all {
            *self = Maps::of(table, environment, sunset_at, now);
            return Changed::All;
        }
        let mut steps = Vec::new();
        if touched.catalogue || self.catalogue.due.is_some_and(|due| due <= now) {
            let section = catalogue::section(table, environment, now);
            delta::between(&self.catalogue.text, &section.text, &mut steps);
            self.rows = self.rows - count(&self.catalogue.text) + count(&section.text);
            self.catalogue = section;
        }
        let due = |at: &Option<DateTime<Utc>>| touched.catalogue || at.is_some_and(|at| at <= now);
        let dependents = self.dependents.iter().filter(|(_, at)| due(at)).map(|(client_id, _)| client_id.clone());
        let clients: BTreeSet<Box<str>> = dependents.chain(touched.clients.iter().cloned()).collect();
        for client_id in clients {
            let caller = Caller::of(table, environment, &client_id, sunset_at, now);
            let known = self.callers.get(&client_id).map_or("", |known| &**known);
            delta::between(known, &caller.section.text, &mut steps);
            self.set(client_id, caller);
        }
        delta::order(&mut steps);
        Changed::Some(steps)
    }

    fn of(table: &Table, environment: Environment, sunset_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Maps {
        let catalogue = catalogue::section(table, environment, now);
        let mut maps = Maps { rows: count(&catalogue.text), catalogue, ..Maps::default() };
        for part in 1..Table::PARTS {
            let mut clients: HashMap<Box<str>, Vec<Change>> = HashMap::new();
            for row in table.part(part, environment) {
                let Some(client_id) = client_id(&row).map(Box::<str>::from) else { continue };
                clients.entry(client_id).or_default().push(row);
            }
            for (client_id, rows) in clients {
                let caller = Caller::told(table, environment, &client_id, rows, sunset_at, now);
                maps.set(client_id, caller);
            }
        }
        maps
    }

    fn set(&mut self, client_id: Box<str>, caller: Caller) {
        let Caller { section: Section { text, due }, depends } = caller;
        let known = self.callers.get(&client_id).map_or(0, |known| count(known));
        self.rows = self.rows - known + count(&text);
        if depends {
            self.dependents.insert(client_id.clone(), due);
        } else {
            self.dependents.remove(&client_id);
        }
        if text.is_empty() {
            self.callers.remove(&client_id);
        } else {
            self.callers.insert(client_id, text.into_boxed_str());
        }
    }
}
