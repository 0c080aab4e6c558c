//! Rows of one client id.
//!
//! | key | value |
//! |---|---|
//! | `c`, client | class; until when; class from then on; `application` or `account`; its id |
//! | `g`, context, label, client | `s` for a subscription, `i` where the caller has a timeline of its own |
//! | `p`, context, label, access, client | a timeline |
//! | `i`, company, client | `*` for all projects, `+` for some |
//! | `j`, company, project, client | `1` |

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use devhub_decision::{
    ApplicationEntry, Change, Environment, Facts, InstallationEntry, ServiceAccountEntry, Table, VersionName,
};

use super::catalogue::{Section, ask};
use super::class::{Access, Class};
use super::timeline::{FOREVER_MS, Timeline, rounded};

/// The rows of a client id, and whether they depend on the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The rows.
    pub section: Section,
    /// A change of a version or of the credential class may change them.
    pub depends: bool,
}

/// What the table says of a client id, sorted.
#[derive(Default)]
struct Told {
    application: Option<ApplicationEntry>,
    account: Option<ServiceAccountEntry>,
    subscribed: BTreeSet<VersionName>,
    /// Versions to which it stands otherwise than others of its class.
    apart: BTreeSet<VersionName>,
    installations: Vec<InstallationEntry>,
}

fn told(rows: Vec<Change>) -> Told {
    let mut told = Told::default();
    for row in rows {
        match row {
            Change::Application(entry) => told.application = Some(entry),
            Change::ServiceAccount(entry) => told.account = Some(entry),
            Change::Subscription(entry) => {
                if entry.ends_at.is_some() {
                    told.apart.insert(entry.version.clone());
                }
                told.subscribed.insert(entry.version);
            }
            Change::Waiver(entry) => {
                told.apart.insert(entry.version);
            }
            Change::Exemption(entry) => {
                told.apart.insert(entry.version);
            }
            Change::Installation(entry) => told.installations.push(entry),
            // They belong to nobody.
            Change::Version(_) | Change::Namespace(_) | Change::CredentialClass(_) => {}
        }
    }
    told
}

impl Caller {
    /// The rows of a client id, from an instant on. The sunset of service accounts is the table's.
    pub fn of(
        table: &Table,
        environment: Environment,
        client_id: &str,
        sunset_at: Option<DateTime<Utc>>,
        from: DateTime<Utc>,
    ) -> Caller {
        Caller::told(table, environment, client_id, table.client(client_id, environment), sunset_at, from)
    }

    /// The same, of what the table says of it.
    pub(super) fn told(
        table: &Table,
        environment: Environment,
        client_id: &str,
        rows: Vec<Change>,
        sunset_at: Option<DateTime<Utc>>,
        from: DateTime<Utc>,
    ) -> Caller {
        let told = told(rows);
        let mut section = Section::default();
        let text = &mut section.text;
        if let Some(ApplicationEntry { application_id, environment: home, standing, .. }) = &told.application {
            let class = Class::of(*standing, *home == environment).letter();
            let _ = writeln!(text, "c|{client_id} {class};{FOREVER_MS};{class};application;{application_id}");
            told.installations.iter().for_each(|installation| installed(text, installation));
        } else if let Some(account) = &told.account {
            let ServiceAccountEntry { account_id, company_id, environment: home, extended_until, .. } = account;
            // The class reaches further than no extension, and than one that ends before it does.
            let extended = extended_until.filter(|until| sunset_at.is_some_and(|sunset_at| sunset_at < *until));
            let (class, until, next) = match (*home == environment, extended) {
                (false, _) => (Class::Elsewhere, FOREVER_MS, Class::Elsewhere),
                (true, None) => (Class::Account, FOREVER_MS, Class::Account),
                (true, Some(until)) => (Class::Extended, rounded(until, true), Class::Ended),
            };
            let (class, next) = (class.letter(), next.letter());
            let _ = writeln!(text, "c|{client_id} {class};{until};{next};account;{account_id}");
            let _ = writeln!(text, "i|{company_id}|{client_id} *");
        }
        for VersionName { context, label } in told.subscribed.difference(&told.apart) {
            let _ = writeln!(text, "g|{context}|{label}|{client_id} s");
        }
        for name in &told.apart {
            let VersionName { context, label } = name;
            let _ = writeln!(section.text, "g|{context}|{label}|{client_id} i");
            table.ask(&ask(client_id, name, environment), |facts| {
                let Some(version) = facts.version else { return };
                for access in Access::all(version.entry().company_scoped) {
                    let company = access.company(facts.application.is_none() && facts.account.is_some());
                    let timeline = Timeline::of(&Facts { access: company, ..*facts }, from);
                    section.tell(timeline, format_args!("p|{context}|{label}|{}|{client_id}", access.letter()));
                }
            });
        }
        Caller { depends: !told.apart.is_empty() || told.account.is_some(), section }
    }
}

fn installed(text: &mut String, installation: &InstallationEntry) {
    let InstallationEntry { client_id, company_id, projects, .. } = installation;
    let _ = writeln!(text, "i|{company_id}|{client_id} {}", if projects.is_some() { '+' } else { '*' });
    for project in projects.iter().flatten() {
        let _ = writeln!(text, "j|{company_id}|{project}|{client_id} 1");
    }
}
