//! How much a holder still depends on service accounts, for the notice that tells it of their dates.

use chrono::{DateTime, Utc};

use crate::domain::name::AccountId;
use crate::domain::notice::{Dependence, Holder, Unfinished};
use crate::domain::record::{Record, RecordKey};
use crate::hub::roster::{Migration, MigrationFilter, Party};
use crate::hub::{Failure, Hub};

impl Hub {
    /// What `holder` depends on at `at`, by the dates that were public then.
    pub(super) fn dependence(&self, holder: &Holder, at: DateTime<Utc>) -> Result<Dependence, Failure> {
        match holder {
            Holder::Application(id) => {
                let dependants = self.roster().dependants(id, at);
                Ok(Dependence::Application {
                    companies: dependants.companies,
                    at_risk: dependants.at_risk,
                    ready_at: dependants.ready_at,
                })
            }
            Holder::Company(id) => {
                let filter = MigrationFilter { application: None, company: Some(id.clone()) };
                let migrations = self.roster().live_migrations(&filter, at);
                let extended_until = self.roster().extended_until(id, at);
                let mut unfinished = Vec::new();
                let mut accounts = 0;
                for migration in migrations {
                    let live = migration.accounts.iter().filter(|(_, times)| times.is_live(at)).count() as u64;
                    accounts += live;
                    if !migration.phase.is_finished() {
                        let name = self.name_of(&migration)?;
                        unfinished.push(Unfinished { name, accounts: live, phase: migration.phase });
                    }
                }
                Ok(Dependence::Company { accounts, unfinished, extended_until })
            }
        }
    }

    /// What people call what a company migrates to, or away from where nobody knows what to.
    fn name_of(&self, migration: &Migration) -> Result<String, Failure> {
        Ok(match &migration.party {
            Party::Application(id) => match self.get_one(RecordKey::Application(id.clone()))?.map(|s| s.record) {
                Some(Record::Application(application)) => application.name,
                // It is to be replaced by something that was never registered here.
                _ => id.to_string(),
            },
            Party::Account(id) => format!("account {}", self.account_name(id)?),
        })
    }

    fn account_name(&self, id: &AccountId) -> Result<String, Failure> {
        Ok(match self.get_one(RecordKey::ServiceAccount(id.clone()))?.map(|stored| stored.record) {
            Some(Record::ServiceAccount(account)) => account.name,
            _ => id.to_string(),
        })
    }
}
