//! What a company's checklist is made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::suggesting::Suggesting;
use crate::domain::app_version::{AppVersionNumber, Widening};
use crate::domain::application::Application;
use crate::domain::company::Company;
use crate::domain::installation::{Installation, PermittedProjects, installable};
use crate::domain::migration::{
    AccountOwner, AccountUse, CompanyFacts, RemovalVerdict, Step, Suggestion, company_steps, removal,
};
use crate::domain::name::{ApplicationId, Email, VersionName};
use crate::domain::organisation::owner_key;
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::service_account::{AccountType, ServiceAccount};
use crate::domain::tool::ToolPermission;
use crate::domain::usage::{RECENT_DAYS, Usage};
use crate::hub::{Failure, Hub, Migration, MigrationFilter, Party};
use crate::store::codec;

/// Most installed applications of a company that are looked at.
const INSTALLED_MAX: usize = 500;

/// Most updates that a checklist names.
const UPDATES_MAX: usize = 200;

/// Most projects of a company that are counted.
const PROJECTS_MAX: usize = 1_000;

/// Most versions that an account is said to call.
const CALLED_MAX: usize = 20;

/// A live account.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveAccount {
    /// The account.
    pub account: ServiceAccount,
    /// What it called in the days that are kept, most calls first.
    pub called: Vec<(VersionName, Usage)>,
    /// When it was last used.
    pub last_used: Option<DateTime<Utc>>,
    /// When its replacement first called in the company.
    pub replacement_first_used: Option<DateTime<Utc>>,
    /// When its replacement last called, wherever.
    pub replacement_last_used: Option<DateTime<Utc>>,
    /// Whether it can be removed, and why.
    pub removal: (RemovalVerdict, String),
    /// Whose it probably is, with that application.
    pub suggestion: Option<(Suggestion, Application)>,
}

/// Who answers for what replaces accounts.
#[derive(Debug, Clone, PartialEq)]
pub enum Replacing {
    /// An application.
    Application(Box<Application>),
    /// A developer who has registered nothing yet.
    Developer {
        /// Who that is.
        name: String,
        /// How to reach them.
        email: Email,
    },
}

/// What replaces accounts and is not installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// What replaces them.
    pub by: Replacing,
    /// The version that can be installed; none if none can be.
    pub version: Option<AppVersionNumber>,
    /// What to do, or what it waits for.
    pub sentence: String,
}

/// An update that was not made.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingUpdate {
    /// The application.
    pub application: Application,
    /// The version that runs.
    pub running: AppVersionNumber,
    /// The version that is available.
    pub available: AppVersionNumber,
    /// What that may do and the running one may not.
    pub widenings: Vec<Widening>,
}

/// An installation that reaches fewer projects than the accounts that it replaces.
#[derive(Debug, Clone, PartialEq)]
pub struct ShortOfProjects {
    /// The application.
    pub application: Application,
    /// How many it may reach.
    pub permitted: usize,
    /// How many there are.
    pub known: usize,
}

/// What a company's checklist says.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanyReport {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Its live accounts, by id.
    pub accounts: Vec<LiveAccount>,
    /// What it has to install, or waits for.
    pub replacements: Vec<Replacement>,
    /// Updates that it has not made.
    pub updates: Vec<WaitingUpdate>,
    /// Installations that reach fewer projects than they should.
    pub projects: Vec<ShortOfProjects>,
    /// Migrations that the sunset would stop, or has stopped.
    pub risks: Vec<Migration>,
    /// Since when every call is known.
    pub known_since: DateTime<Utc>,
    /// It has installed more applications than were looked at.
    pub truncated: bool,
}

/// What is gathered for one company at one instant.
struct Gathering<'h> {
    hub: &'h Hub,
    company: &'h Company,
    now: DateTime<Utc>,
    migrations: Vec<Migration>,
    installed: BTreeMap<ApplicationId, Installation>,
    applications: HashMap<ApplicationId, Option<Application>>,
}

impl Hub {
    /// What the administrators of a company have to do at `now`.
    ///
    /// # Errors
    /// As [`Hub::get`], or when notes cannot be read.
    pub fn company_report(
        &self,
        company: &Company,
        now: DateTime<Utc>,
        supposed: Option<DateTime<Utc>>,
    ) -> Result<CompanyReport, Failure> {
        let ids = self.index().installed_in(&company.id, None, INSTALLED_MAX);
        let truncated = ids.len() == INSTALLED_MAX;
        let filter = MigrationFilter { application: None, company: Some(company.id.clone()) };
        let mut gathering = Gathering {
            hub: self,
            company,
            now,
            // An account is in one migration, so there are no more of them.
            migrations: self.roster().migrations(&filter, (now, supposed), None, usize::MAX, |_| true),
            installed: BTreeMap::new(),
            applications: HashMap::new(),
        };
        let keys: Vec<RecordKey> = ids.into_iter().map(|id| RecordKey::Installation(id, company.id.clone())).collect();
        for stored in self.get(&keys)?.into_iter().flatten() {
            let Record::Installation(installation) = stored.record else { return Err(Failure::Defect) };
            if installation.is_installed() {
                gathering.installed.insert(installation.application.clone(), installation);
            }
        }
        let accounts = gathering.accounts()?;
        let updates = gathering.updates()?;
        let replacements = gathering.replacements(&accounts, &updates)?;
        let projects = gathering.projects(&accounts)?;
        let facts = facts(&accounts, &replacements, &updates, projects.len());
        Ok(CompanyReport {
            steps: company_steps(&facts),
            accounts,
            replacements,
            updates,
            projects,
            risks: gathering.migrations.into_iter().filter(|migration| migration.phase.is_at_risk()).collect(),
            known_since: self.usage().known_since(now),
            truncated,
        })
    }
}

/// How many of each there are.
fn facts(
    accounts: &[LiveAccount],
    replacements: &[Replacement],
    updates: &[WaitingUpdate],
    projects: usize,
) -> CompanyFacts {
    fn count<T>(all: &[T], wanted: impl Fn(&T) -> bool) -> u64 {
        all.iter().filter(|one| wanted(one)).count() as u64
    }
    let is_undefined = |live: &LiveAccount| live.account.account_type == AccountType::Undefined;
    CompanyFacts {
        accounts: accounts.len() as u64,
        undefined: count(accounts, is_undefined),
        suggested: count(accounts, |live| is_undefined(live) && live.suggestion.is_some()),
        installable: count(replacements, |replacement| replacement.version.is_some()),
        unready: count(replacements, |replacement| replacement.version.is_none()),
        updates: updates.len() as u64,
        wider: count(updates, |update| !update.widenings.is_empty()),
        projects: projects as u64,
        removable: count(accounts, |live| live.removal.0 == RemovalVerdict::Safe),
        to_ask: count(accounts, |live| live.removal.0 == RemovalVerdict::AskFirst),
    }
}

/// What is still to be registered in the place of an account that was made for one company.
fn unregistered(account: &ServiceAccount) -> Option<Replacement> {
    match &account.account_type {
        AccountType::Undefined | AccountType::Marketplace(_) | AccountType::Custom { application: Some(_), .. } => None,
        AccountType::Custom { application: None, developer_name, developer_email, .. } => Some(Replacement {
            by: Replacing::Developer { name: developer_name.clone(), email: developer_email.clone() },
            version: None,
            sentence: format!(
                "Ask {developer_name} to register an application with a service account, and name it on account {} then.",
                account.id
            ),
        }),
    }
}

impl Gathering<'_> {
    fn application(&mut self, id: &ApplicationId) -> Result<Option<Application>, Failure> {
        if let Some(known) = self.applications.get(id) {
            return Ok(known.clone());
        }
        let found = self.hub.application(id)?;
        self.applications.insert(id.clone(), found.clone());
        Ok(found)
    }

    /// The migration to an application.
    fn migration_to(&self, id: &ApplicationId) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.party == Party::Application(id.clone()))
    }

    fn accounts(&mut self) -> Result<Vec<LiveAccount>, Failure> {
        let ids = self.hub.roster().accounts_of(&self.company.id, None, usize::MAX);
        let keys: Vec<RecordKey> = ids.into_iter().map(RecordKey::ServiceAccount).collect();
        let environment = self.company.tenancy.credentials();
        let installed: BTreeSet<ApplicationId> = self.installed.keys().cloned().collect();
        let mut suggesting = Suggesting::new(self.hub, self.now, environment, installed);
        let mut accounts = Vec::new();
        for stored in self.hub.get(&keys)?.into_iter().flatten() {
            let Record::ServiceAccount(account) = stored.record else { return Err(Failure::Defect) };
            if account.removal.is_none() {
                accounts.push(self.account(account, &mut suggesting)?);
            }
        }
        Ok(accounts)
    }

    fn account(&mut self, account: ServiceAccount, suggesting: &mut Suggesting<'_>) -> Result<LiveAccount, Failure> {
        let meter = self.hub.usage();
        let mut called = meter.called_by(&account.client_id, account.environment, self.now)?;
        let last_used = called.iter().filter_map(|(_, usage)| usage.last_call()).max();
        called.retain(|(_, usage)| usage.daily().next().is_some());
        let names: BTreeSet<VersionName> = called.iter().map(|(name, _)| name.clone()).collect();
        called.sort_by_key(|(_, usage)| std::cmp::Reverse(usage.calls_in(RECENT_DAYS, self.now)));
        called.truncate(CALLED_MAX);
        let replaced_by = match account.account_type.application() {
            Some(id) => self.application(id)?,
            None => None,
        };
        let migration = replaced_by.as_ref().and_then(|application| self.migration_to(&application.id));
        let replacement_first_used = migration.and_then(|migration| migration.first_used_at);
        let known = AccountUse {
            owner: match (&replaced_by, &account.account_type) {
                (Some(application), _) => AccountOwner::Application(&application.name),
                (None, AccountType::Custom { developer_name, .. }) => AccountOwner::Developer(developer_name),
                (None, AccountType::Undefined | AccountType::Marketplace(_)) => AccountOwner::Unknown,
            },
            installed: migration.is_some_and(|migration| migration.installed_at.is_some()),
            replacement_first_used,
            last_used,
            // Nothing used it before it was there.
            known_since: meter.known_since(self.now).max(account.created_at),
        };
        let replacement_last_used = match &replaced_by {
            Some(application) => meter.last_use_of(&application.client_id, application.environment)?,
            None => None,
        };
        let suggestion = match account.account_type {
            AccountType::Undefined => suggesting.suggest(&account, &names)?,
            AccountType::Marketplace(_) | AccountType::Custom { .. } => None,
        };
        let suggestion = match suggestion {
            Some(suggestion) => {
                let application = self.application(&suggestion.application)?;
                application.map(|application| (suggestion, application))
            }
            None => None,
        };
        Ok(LiveAccount {
            removal: removal(&known, self.now),
            account,
            called,
            last_used,
            replacement_first_used,
            replacement_last_used,
            suggestion,
        })
    }

    fn updates(&mut self) -> Result<Vec<WaitingUpdate>, Failure> {
        let mut updates = self.hub.updates(self.now);
        let mut waiting = Vec::new();
        let installed: Vec<Installation> = self.installed.values().cloned().collect();
        for installation in installed {
            let Some(update) = updates.of(&installation)? else { continue };
            let Some(application) = self.application(&installation.application)? else { continue };
            let (running, available) = (installation.version, update.version);
            waiting.push(WaitingUpdate { application, running, available, widenings: update.widenings });
            if waiting.len() == UPDATES_MAX {
                break;
            }
        }
        Ok(waiting)
    }

    /// The applications that replace live accounts and do not run here with a service account of their own.
    fn replacements(
        &mut self,
        accounts: &[LiveAccount],
        updates: &[WaitingUpdate],
    ) -> Result<Vec<Replacement>, Failure> {
        let named = accounts.iter().filter_map(|live| live.account.account_type.application());
        let named: BTreeSet<ApplicationId> = named.cloned().collect();
        let mut replacements = Vec::new();
        for id in named {
            if self.migration_to(&id).is_some_and(|migration| migration.installed_at.is_some()) {
                continue;
            }
            let Some(application) = self.application(&id)? else { continue };
            let (version, sentence) = match self.installed.get(&id) {
                Some(installation) => match updates.iter().find(|update| update.application.id == id) {
                    Some(update) if self.has_service_account(&id, &update.available)? => continue,
                    Some(_) | None => (
                        None,
                        format!(
                            "Ask the developer of {} for a version with a service account: {}, which runs here, has none.",
                            application.name, installation.version
                        ),
                    ),
                },
                None => self.to_install(&application)?,
            };
            replacements.push(Replacement { by: Replacing::Application(Box::new(application)), version, sentence });
        }
        replacements.extend(accounts.iter().filter_map(|live| unregistered(&live.account)));
        Ok(replacements)
    }

    fn has_service_account(&self, id: &ApplicationId, number: &AppVersionNumber) -> Result<bool, Failure> {
        let versions = self.hub.app_versions(id, std::iter::once(number))?;
        Ok(versions.iter().any(|version| version.has_service_account()))
    }

    /// The version of an application that can be installed, and what to do.
    fn to_install(&self, application: &Application) -> Result<(Option<AppVersionNumber>, String), Failure> {
        let keys = [
            RecordKey::Company(self.company.id.clone()),
            RecordKey::Application(application.id.clone()),
            RecordKey::Listing(application.id.clone()),
            RecordKey::Releases(application.id.clone()),
            RecordKey::CredentialClass,
        ];
        let keys: Vec<RecordKey> = keys.into_iter().chain(owner_key(Some(application))).collect();
        let found =
            self.hub.get(&keys)?.into_iter().map(|stored| stored.map(|stored| (stored.revision, stored.record)));
        let records = Records::new(keys.into_iter().zip(found).collect());
        let name = &application.name;
        Ok(match installable(application, self.company, &records, self.now) {
            Ok(Some(number)) if self.has_service_account(&application.id, &number)? => {
                let sentence = format!("Install {name} {number}, and choose the projects that it may reach.");
                (Some(number), sentence)
            }
            Ok(Some(number)) => (
                None,
                format!(
                    "Ask the developer of {name} for a version with a service account: {number}, which can be had, has none."
                ),
            ),
            Ok(None) => (None, format!("Ask the developer of {name} for a date: there is no version to install yet.")),
            Err(refusal) => {
                (None, format!("Ask the developer of {name} for a date: it cannot be installed now ({refusal})."))
            }
        })
    }

    /// The installations that reach fewer projects than the accounts that they replace: those reach every project, as far
    /// as is known, if they may do anything in projects.
    fn projects(&mut self, accounts: &[LiveAccount]) -> Result<Vec<ShortOfProjects>, Failure> {
        let reaches =
            |live: &&LiveAccount| live.account.permissions.project.values().any(|level| *level != ToolPermission::None);
        let named = accounts.iter().filter(reaches).filter_map(|live| live.account.account_type.application());
        let named: BTreeSet<ApplicationId> = named.cloned().collect();
        let mut short = Vec::new();
        let mut known = None;
        for id in named {
            let permitted = match self.installed.get(&id).map(|installation| &installation.projects) {
                Some(PermittedProjects::Only(projects)) => projects.len(),
                Some(PermittedProjects::All) | None => continue,
            };
            let known = match known {
                Some(known) => known,
                None => *known.insert(self.known_projects()?),
            };
            if permitted < known
                && let Some(application) = self.application(&id)?
            {
                short.push(ShortOfProjects { application, permitted, known });
            }
        }
        Ok(short)
    }

    fn known_projects(&self) -> Result<usize, Failure> {
        let prefix = codec::projects_of(&self.company.id);
        Ok(self.hub.list(&prefix, None, PROJECTS_MAX, |_| Ok(Some(())))?.items.len())
    }
}
