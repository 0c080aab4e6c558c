//! Companies: the customers whose data is called for, their projects, and the people who administer them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::actor::Actor;
use super::fact::{Fact, FactKind, Subject};
use super::name::{CompanyId, Email, ProjectId, Zone};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::{Refusal, Taken};
use super::setting::Setting;

/// Most administrators of one company.
pub const ADMINISTRATORS_MAX: usize = 50;

/// Most traditional service accounts of one company, removed ones included.
pub const ACCOUNTS_MAX: usize = 200;

/// Longest name of a company or a project, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// What a company's data is: real, a copy, or made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tenancy {
    /// Real data.
    Production,
    /// A copy of real data, refreshed every month.
    MonthlySandbox,
    /// Made-up data for developers, never refreshed.
    DevelopmentSandbox,
}

impl Tenancy {
    /// All of them.
    pub const ALL: [Tenancy; 3] = [Tenancy::Production, Tenancy::MonthlySandbox, Tenancy::DevelopmentSandbox];

    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Tenancy::Production => "PRODUCTION",
            Tenancy::MonthlySandbox => "MONTHLY_SANDBOX",
            Tenancy::DevelopmentSandbox => "DEVELOPMENT_SANDBOX",
        }
    }

    /// The environment whose credentials open it: a monthly sandbox takes those of production (rule B90).
    pub const fn credentials(self) -> Environment {
        match self {
            Tenancy::Production | Tenancy::MonthlySandbox => Environment::Production,
            Tenancy::DevelopmentSandbox => Environment::Sandbox,
        }
    }
}

impl std::fmt::Display for Tenancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A dated exception: the traditional service accounts of a company work past the sunset (rule B88). One per company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The first instant at which they no longer do.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// Who granted it.
    pub granted_by: String,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// Set once it was made shorter.
    pub shortened: Option<Shortening>,
}

/// How an extension was made shorter, the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortening {
    /// Until when it was granted.
    pub granted_until: DateTime<Utc>,
    /// When it was made shorter.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// Name shown to people.
    pub name: String,
    /// What its data is; never changes.
    pub tenancy: Tenancy,
    /// Where its data lies, as the platform calls it, for example `us02`; may be empty.
    pub region: String,
    /// The zone in which its people read dates.
    pub zone: Option<Zone>,
    /// Who decides about its installations and its service accounts.
    pub administrators: BTreeSet<Email>,
    /// How many traditional service accounts it has, removed ones included. Each account names its company; a list here
    /// would be written again with every account.
    pub account_count: usize,
    /// Its accounts may be used past the sunset.
    pub extension: Option<Extension>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

/// A project of a company: what access to its data is permitted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Whose.
    pub company: CompanyId,
    /// Its id.
    pub id: ProjectId,
    /// Name shown to people.
    pub name: String,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl Company {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Company(self.id.clone())
    }

    pub(super) fn subject(&self) -> Subject {
        Subject { company: Some(self.id.clone()), environment: Some(self.tenancy.credentials()), ..Subject::default() }
    }

    /// Refuses an actor who is neither staff nor an administrator of the company.
    ///
    /// # Errors
    /// As said. A stranger learns no more than that there is no such company for them.
    pub fn administrator(&self, setting: &Setting<'_>) -> Result<(), Refusal> {
        match setting.actor {
            Actor::Operator(_) | Actor::Process(_) => Ok(()),
            Actor::Collaborator(email) if self.administrators.contains(email) => Ok(()),
            Actor::CompanyAdministrator { email, company }
                if *company == self.id && self.administrators.contains(email) =>
            {
                Ok(())
            }
            Actor::Collaborator(_) | Actor::CompanyAdministrator { .. } | Actor::Publisher { .. } => {
                Err(Refusal::NotACompanyAdministrator(self.id.clone()))
            }
        }
    }
}

impl Records {
    /// The company, if there is one.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn needed_company(&self, id: &CompanyId) -> Result<&Company, Refusal> {
        self.company(id).ok_or_else(|| Refusal::CompanyNotFound(id.clone()))
    }
}

/// Command: register a company. Operators only.
#[derive(Debug, Clone)]
pub struct CreateCompany {
    /// Its id.
    pub id: CompanyId,
    /// Name shown to people.
    pub name: String,
    /// What its data is.
    pub tenancy: Tenancy,
    /// Where its data lies.
    pub region: String,
    /// The zone in which its people read dates.
    pub zone: Option<Zone>,
    /// Who decides for it; at least one.
    pub administrators: BTreeSet<Email>,
}

impl CreateCompany {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Company(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("register a company")?;
        if records.company(&self.id).is_some() {
            return Err(Refusal::AlreadyExists { what: Taken::Company, name: self.id.to_string() });
        }
        check_administrators(&self.administrators)?;
        let company = Company {
            id: self.id.clone(),
            name: self.name.clone(),
            tenancy: self.tenancy,
            region: self.region.clone(),
            zone: self.zone.clone(),
            administrators: self.administrators.clone(),
            account_count: 0,
            extension: None,
            created_at: setting.now,
        };
        let fact = Fact::new(FactKind::CompanyCreated, company.subject())
            .change("name", "", &company.name)
            .change("tenancy", "", company.tenancy)
            .change("administrators", "", people(&company.administrators));
        Ok(Outcome::write(company.key(), Record::Company(company), fact))
    }
}

/// Command: change what is known about a company. Its administrators and operators.
#[derive(Debug, Clone)]
pub struct UpdateCompany {
    /// Its id.
    pub id: CompanyId,
    /// New name, if it changes.
    pub name: Option<String>,
    /// New region, if it changes.
    pub region: Option<String>,
    /// New zone, if it changes.
    pub zone: Option<Zone>,
    /// All its administrators from now on, if they change; at least one.
    pub administrators: Option<BTreeSet<Email>>,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl UpdateCompany {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Company(self.id.clone())]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let before = records.needed_company(&self.id)?;
        before.administrator(setting)?;
        records.check_etag(&before.key(), self.etag)?;
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name.clone_from(name);
        }
        if let Some(region) = &self.region {
            after.region.clone_from(region);
        }
        if let Some(zone) = &self.zone {
            after.zone = Some(zone.clone());
        }
        if let Some(administrators) = &self.administrators {
            check_administrators(administrators)?;
            after.administrators.clone_from(administrators);
        }
        if after == *before {
            return Ok(Outcome::unchanged(after.key(), Record::Company(after)));
        }
        let zone = |company: &Company| company.zone.as_ref().map(Zone::to_string).unwrap_or_default();
        let fact = Fact::new(FactKind::CompanyUpdated, after.subject())
            .change("name", &before.name, &after.name)
            .change("region", &before.region, &after.region)
            .change("zone", zone(before), zone(&after))
            .change("administrators", people(&before.administrators), people(&after.administrators));
        Ok(Outcome::write(after.key(), Record::Company(after), fact))
    }
}

/// Command: register or rename a project of a company. Its administrators and operators.
#[derive(Debug, Clone)]
pub struct PutProject {
    /// Whose.
    pub company: CompanyId,
    /// Its id.
    pub id: ProjectId,
    /// Name shown to people.
    pub name: String,
}

impl PutProject {
    fn key(&self) -> RecordKey {
        RecordKey::Project(self.company.clone(), self.id.clone())
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Company(self.company.clone()), self.key()]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let company = records.needed_company(&self.company)?;
        company.administrator(setting)?;
        let before = records.project(&self.company, &self.id);
        let created_at = before.map_or(setting.now, |before| before.created_at);
        let project =
            Project { company: self.company.clone(), id: self.id.clone(), name: self.name.clone(), created_at };
        if before == Some(&project) {
            return Ok(Outcome::unchanged(self.key(), Record::Project(project)));
        }
        let kind = if before.is_some() { FactKind::ProjectRenamed } else { FactKind::ProjectCreated };
        let fact = Fact::new(kind, company.subject()).change("project", "", &self.id).change(
            "name",
            before.map(|before| before.name.as_str()).unwrap_or_default(),
            &self.name,
        );
        Ok(Outcome::write(self.key(), Record::Project(project), fact))
    }
}

/// A company that nobody decides for could never finish a migration.
fn check_administrators(administrators: &BTreeSet<Email>) -> Result<(), Refusal> {
    if administrators.is_empty() {
        return Err(Refusal::invalid(
            "administrators",
            "at least one address must be given; name who decides for the company",
        ));
    }
    if administrators.len() > ADMINISTRATORS_MAX {
        return Err(Refusal::LimitReached { what: "administrators of one company", limit: ADMINISTRATORS_MAX });
    }
    Ok(())
}

fn people(people: &BTreeSet<Email>) -> String {
    people.iter().map(Email::as_str).collect::<Vec<_>>().join(" ")
}
