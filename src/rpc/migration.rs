//! MigrationService: who is how far away from traditional service accounts.

mod checklist;
mod delisting;
mod ordered;
mod shown;

use chrono::{DateTime, TimeDelta, Utc};
use devhub_proto::v1;
use devhub_proto::v1::migration_service_server::MigrationService;
use tonic::{Request, Response, Status};

use self::ordered::Ordered;
use self::shown::render;
use super::parse::{Fields, Query};
use super::{credential_class, read, seen, service_account, status};
use crate::domain::credential_class::{as_of, reopened};
use crate::domain::migration::{Forecast, PACE_DAYS, Phase, forecast};
use crate::domain::name::{AccountId, CompanyId};
use crate::domain::record::RecordKey;
use crate::hub::{Hub, Migration, MigrationFilter, Page, Party, PhaseCounts};
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
        let ordered = Ordered::parse(&mut fields, message.order, message.used_since_time.as_ref());
        fields.check()?;
        let flags = (message.at_risk_only, message.unfinished_only);
        let parameters = [format!("{filter:?} {flags:?}"), format!("{phases:?} {asked:?} {supposed:?} {ordered:?}")];
        let query = Query::new(self.hub.page_seals(), "ListMigrations", &parameters.each_ref().map(String::as_str));
        let cursor = query.cursor(&message.page_token)?;
        let wanted = move |migration: &Migration| {
            (phases.is_empty() || phases.contains(&migration.phase))
                && (!message.at_risk_only || migration.phase.is_at_risk())
                && (!message.unfinished_only || !migration.phase.is_finished())
        };
        if let Some(ordered) = ordered {
            let after =
                cursor.map(|cursor| ordered::parse_cursor(&cursor).ok_or_else(status::page_token)).transpose()?;
            let page = read(&self.hub, move |hub| {
                let at = asked.unwrap_or_else(|| hub.now());
                ordered.page(hub, &filter, (at, supposed), after, size, wanted)
            });
            let Page { items: migrations, next } = page.await?;
            let next_page_token = query.token(next);
            return Ok(Response::new(v1::ListMigrationsResponse { migrations, next_page_token }));
        }
        let after = cursor.map(|cursor| parse_place(&cursor).ok_or_else(status::page_token)).transpose()?;
        let page = read(&self.hub, move |hub| {
            let at = asked.unwrap_or_else(|| hub.now());
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
        let query = Query::new(self.hub.page_seals(), "ListReopenedAccounts", &[]);
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

    async fn list_developer_checklists(
        &self,
        request: Request<v1::ListDeveloperChecklistsRequest>,
    ) -> Result<Response<v1::ListDeveloperChecklistsResponse>, Status> {
        checklist::of_developer(&seen(&self.hub, &request)?, request.into_inner()).await.map(Response::new)
    }

    async fn get_company_checklist(
        &self,
        request: Request<v1::GetCompanyChecklistRequest>,
    ) -> Result<Response<v1::GetCompanyChecklistResponse>, Status> {
        checklist::of_company(&seen(&self.hub, &request)?, request.into_inner()).await.map(Response::new)
    }

    async fn list_delistings(
        &self,
        request: Request<v1::ListDelistingsRequest>,
    ) -> Result<Response<v1::ListDelistingsResponse>, Status> {
        delisting::list(&self.hub, request.into_inner()).await.map(Response::new)
    }
}

fn parse_account(bytes: &[u8]) -> Option<AccountId> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
