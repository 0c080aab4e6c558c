//! MigrationService: who is how far away from traditional service accounts.

use chrono::{DateTime, TimeDelta, Utc};
use devhub_proto::v1;
use devhub_proto::v1::migration_service_server::MigrationService;
use tonic::{Request, Response, Status};

use super::parse::{Fields, Query};
use super::{credential_class, read, service_account, status};
use crate::domain::application::{Application, Role};
use crate::domain::credential_class::{as_of, reopened};
use crate::domain::migration::{AccountTimes, Forecast, PACE_DAYS, Phase, forecast};
use crate::domain::name::{AccountId, CompanyId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::service_account::AccountType;
use crate::hub::{Failure, Hub, Migration, MigrationFilter, Page, Party, PhaseCounts};
use crate::wire::{self, Word, timestamp};

/// Most days of one burn-down: longer than the longest history known, of 1,195 days.
const DAYS_MAX: i32 = 2000;

/// Serves MigrationService.
pub struct MigrationRpc {
    hub: Hub,
}

impl MigrationRpc {
    /// Serves the migrations that `hub` tracks.
    pub fn new(hub: Hub) -> MigrationRpc {
        MigrationRpc { hub }
    }
}

fn filter(fields: &mut Fields, given: Option<&v1::MigrationFilter>) -> MigrationFilter {
    let Some(given) = given else { return MigrationFilter::default() };
    MigrationFilter {
        application: fields.name_or_none("filter.application_id", &given.application_id),
        company: fields.name_or_none("filter.company_id", &given.company_id),
    }
}

fn sum(counts: &PhaseCounts, wanted: impl Fn(Phase) -> bool) -> u64 {
    Phase::ALL.into_iter().filter(|phase| wanted(*phase)).map(|phase| counts[phase.index()]).sum()
}

/// A place in the list, as a page token holds it.
fn place(party: &Party, company: &CompanyId) -> bytes::Bytes {
    let (kind, id) = match party {
        Party::Application(id) => ('a', id.as_str()),
        Party::Account(id) => ('s', id.as_str()),
    };
    format!("{kind}{id}\0{company}").into()
}

fn parse_place(bytes: &[u8]) -> Option<(Party, CompanyId)> {
    let (party, company) = std::str::from_utf8(bytes).ok()?.split_once('\0')?;
    let party = match party.split_at_checked(1)? {
        ("a", id) => Party::Application(id.parse().ok()?),
        ("s", id) => Party::Account(id.parse().ok()?),
        _ => return None,
    };
    Some((party, company.parse().ok()?))
}

fn administrators(application: &Application) -> impl Iterator<Item = String> + '_ {
    let administrators = application.collaborators.iter().filter(|(_, role)| **role == Role::Administrator);
    administrators.map(|(email, _)| email.to_string())
}

/// The people on both sides of a migration: who decides for the company, and who can be asked for something to install.
fn people(hub: &Hub, migration: &Migration) -> Result<(Vec<String>, Vec<String>), Failure> {
    let other = match &migration.party {
        Party::Application(id) => RecordKey::Application(id.clone()),
        Party::Account(id) => RecordKey::ServiceAccount(id.clone()),
    };
    let (mut company, mut developer) = (Vec::new(), Vec::new());
    for stored in hub.get(&[RecordKey::Company(migration.company.clone()), other])?.into_iter().flatten() {
        #[expect(clippy::wildcard_enum_match_arm, reason = "three kinds of records were asked for")]
        match stored.record {
            Record::Company(known) => company = known.administrators.iter().map(ToString::to_string).collect(),
            Record::Application(application) => developer = administrators(&application).collect(),
            Record::ServiceAccount(account) => match account.account_type {
                AccountType::Custom { developer_email, .. } => developer.push(developer_email.to_string()),
                AccountType::Undefined | AccountType::Marketplace(_) => {}
            },
            _ => return Err(Failure::Defect),
        }
    }
    Ok((company, developer))
}

fn render(hub: &Hub, migration: &Migration, at: DateTime<Utc>) -> Result<v1::Migration, Failure> {
    let (company_administrators, developer_contacts) = people(hub, migration)?;
    let application = match &migration.party {
        Party::Application(id) => id.to_string(),
        Party::Account(_) => String::new(),
    };
    let keys: Vec<RecordKey> = migration.accounts.iter().map(|(id, _)| RecordKey::ServiceAccount(id.clone())).collect();
    let last_uses = hub.get(&keys)?.into_iter().map(|stored| {
        let Record::ServiceAccount(account) = stored?.record else { return None };
        service_account::last_use(hub, &account)
    });
    let account = |((id, times), last_use): (&(AccountId, AccountTimes), Option<DateTime<Utc>>)| v1::MigratingAccount {
        account_id: id.to_string(),
        create_time: Some(timestamp(times.created_at)),
        remove_time: times.removed_at.map(timestamp),
        last_use_time: last_use.map(timestamp),
    };
    Ok(v1::Migration {
        company_id: migration.company.to_string(),
        application_id: application,
        phase: migration.phase.number(),
        next_step: migration.phase.next_step().unwrap_or_default().to_owned(),
        accounts: migration.accounts.iter().zip(last_uses).map(account).collect(),
        ready_time: migration.ready_at.map(timestamp),
        install_time: migration.installed_at.map(timestamp),
        first_use_time: migration.first_used_at.map(timestamp),
        at_risk: migration.phase.is_at_risk(),
        end_time: migration.ends_at.map(timestamp),
        days_left: migration.ends_at.filter(|ends_at| *ends_at > at).map(|ends_at| (ends_at - at).num_days()),
        company_administrators,
        developer_contacts,
    })
}

#[tonic::async_trait]
impl MigrationService for MigrationRpc {
    async fn get_migration_funnel(
        &self,
        request: Request<v1::GetMigrationFunnelRequest>,
    ) -> Result<Response<v1::GetMigrationFunnelResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        let at = fields.instant("at", message.at.as_ref()).unwrap_or_else(|| self.hub.now());
        let supposed = fields.instant("supposed_sunset_time", message.supposed_sunset_time.as_ref());
        fields.check()?;
        let counts = read(&self.hub, move |hub| Ok(hub.roster().funnel(&filter, at, supposed))).await?;
        let count = |phase: Phase| v1::PhaseCount { phase: phase.number(), count: counts[phase.index()] };
        let schedule = as_of(&self.hub.roster().class_revisions(), at);
        Ok(Response::new(v1::GetMigrationFunnelResponse {
            phases: Phase::ALL.into_iter().map(count).collect(),
            total: sum(&counts, |_| true),
            at_risk: sum(&counts, Phase::is_at_risk),
            finished: sum(&counts, Phase::is_finished),
            at: Some(timestamp(at)),
            schedule: Some(wire::class_schedule(&schedule)),
        }))
    }

    async fn get_migration_burn_down(
        &self,
        request: Request<v1::GetMigrationBurnDownRequest>,
    ) -> Result<Response<v1::GetMigrationBurnDownResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        if message.from_time.is_none() {
            fields.violate("from_time", "must be given: the first instant of the first day");
        }
        let from = fields.instant("from_time", message.from_time.as_ref());
        if !(1..=DAYS_MAX).contains(&message.days) {
            fields.violate("days", format!("1 to {DAYS_MAX} days are accepted"));
        }
        let (Some(from), Ok(days)) = (from, usize::try_from(message.days)) else { return Err(fields.refuse()) };
        fields.check()?;
        let counted = read(&self.hub, move |hub| Ok(hub.roster().burn_down(&filter, from, days))).await?;
        let day = |(number, counts): (i64, PhaseCounts)| v1::BurnDownDay {
            time: Some(timestamp(from + TimeDelta::days(number))),
            counts: counts.to_vec(),
            at_risk: sum(&counts, Phase::is_at_risk),
            unfinished: sum(&counts, |phase| !phase.is_finished()),
        };
        Ok(Response::new(v1::GetMigrationBurnDownResponse {
            phases: Phase::ALL.into_iter().map(Word::number).collect(),
            days: (0..).zip(counted).map(day).collect(),
            revisions: self.hub.roster().class_revisions().iter().map(credential_class::render).collect(),
        }))
    }

    async fn list_migrations(
        &self,
        request: Request<v1::ListMigrationsRequest>,
    ) -> Result<Response<v1::ListMigrationsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        let mut phases = Vec::new();
        for phase in message.phases.iter().take(Phase::ALL.len()) {
            phases.extend(fields.word::<Phase>("phases", *phase));
        }
        let asked = fields.instant("at", message.at.as_ref());
        let supposed = fields.instant("supposed_sunset_time", message.supposed_sunset_time.as_ref());
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let parameters = [format!("{filter:?}"), format!("{phases:?} {} {asked:?} {supposed:?}", message.at_risk_only)];
        let query = Query::new("ListMigrations", &parameters.each_ref().map(String::as_str));
        let after = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => Some(parse_place(&cursor).ok_or_else(status::page_token)?),
        };
        let page = read(&self.hub, move |hub| {
            let at = asked.unwrap_or_else(|| hub.now());
            let wanted = |migration: &Migration| {
                (phases.is_empty() || phases.contains(&migration.phase))
                    && (!message.at_risk_only || migration.phase.is_at_risk())
            };
            let found = hub.roster().migrations(&filter, (at, supposed), after.as_ref(), size, wanted);
            let last = found.last().filter(|_| found.len() == size);
            let next = last.map(|migration| place(&migration.party, &migration.company));
            let items = found.iter().map(|migration| render(hub, migration, at)).collect::<Result<_, _>>()?;
            Ok(Page { items, next })
        })
        .await?;
        let next_page_token = query.token(page.next);
        Ok(Response::new(v1::ListMigrationsResponse { migrations: page.items, next_page_token }))
    }

    async fn get_migration_forecast(
        &self,
        request: Request<v1::GetMigrationForecastRequest>,
    ) -> Result<Response<v1::GetMigrationForecastResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let filter = filter(&mut fields, message.filter.as_ref());
        let supposed = fields.instant("supposed_sunset_time", message.supposed_sunset_time.as_ref());
        fields.check()?;
        let now = self.hub.now();
        let since = now - TimeDelta::days(PACE_DAYS);
        let pace = read(&self.hub, move |hub| Ok(hub.roster().pace(&filter, (since, now), supposed))).await?;
        let sunset = supposed.or(self.hub.roster().class().sunset_at);
        let Forecast { secured_lately, remaining, finishes_at, earliest, latest, left_at_date } =
            forecast(pace.secured, pace.at_risk, now, sunset);
        Ok(Response::new(v1::GetMigrationForecastResponse {
            remaining,
            secured_lately,
            expected_finish_time: finishes_at.map(timestamp),
            earliest_finish_time: earliest.map(timestamp),
            latest_finish_time: latest.map(timestamp),
            sunset_time: sunset.map(timestamp),
            expected_missed: left_at_date.map(|(expected, _, _)| expected),
            fewest_missed: left_at_date.map(|(_, fewest, _)| fewest),
            most_missed: left_at_date.map(|(_, _, most)| most),
            expired: pace.expired,
        }))
    }

    async fn list_reopened_accounts(
        &self,
        request: Request<v1::ListReopenedAccountsRequest>,
    ) -> Result<Response<v1::ListReopenedAccountsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let query = Query::new("ListReopenedAccounts", &[]);
        let after = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => Some(parse_account(&cursor).ok_or_else(status::page_token)?),
        };
        let windows = reopened(&self.hub.roster().class_revisions());
        let times = windows.clone();
        let (counts, accounts, next) = read(&self.hub, move |hub| {
            let (counts, ids) = hub.roster().created_in(&times, after.as_ref(), size);
            let last = ids.last().filter(|_| ids.len() == size);
            let next = last.map(|id| bytes::Bytes::copy_from_slice(id.as_str().as_bytes()));
            let keys: Vec<RecordKey> = ids.into_iter().map(RecordKey::ServiceAccount).collect();
            let found = hub.get(&keys)?;
            let accounts = found.iter().flatten().map(|stored| service_account::render_stored(hub, stored));
            Ok((counts, accounts.collect::<Result<Vec<_>, _>>()?, next))
        })
        .await?;
        let window = |((from, until), accounts): ((DateTime<Utc>, Option<DateTime<Utc>>), u64)| v1::ReopenedWindow {
            from_time: Some(timestamp(from)),
            until_time: until.map(timestamp),
            accounts,
        };
        Ok(Response::new(v1::ListReopenedAccountsResponse {
            windows: windows.into_iter().zip(counts).map(window).collect(),
            accounts,
            next_page_token: query.token(next),
        }))
    }
}

fn parse_account(bytes: &[u8]) -> Option<AccountId> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
