//! UsageService: who still calls what, and what gateways report of it.

use devhub_decision::Environment;
use devhub_proto::v1;
use devhub_proto::v1::usage_service_server::UsageService;
use tonic::{Request, Response, Status};

use super::parse::{Fields, Query};
use super::{read, seen};
use crate::access::Principal;
use crate::domain::Actor;
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::RecordKey;
use crate::domain::refusal::Refusal;
use crate::domain::usage::{Class, RECENT_DAYS, Report};
use crate::hub::{Failure, Hub, Mode, UsageOf, UsageRow, View};
use crate::wire::{Word, timestamp};

/// Most items of one report.
const ITEMS_MAX: usize = 500;

/// Serves UsageService.
pub struct UsageRpc {
    hub: Hub,
}

/// Whether a list tells the calls of each day.
#[derive(Clone, Copy, PartialEq)]
enum Daily {
    Shown,
    LeftOut,
}

fn render(row: &UsageRow, daily: Daily, now: chrono::DateTime<chrono::Utc>) -> v1::SubscriptionUsage {
    let days = row.usage.daily().filter(|_| daily == Daily::Shown);
    v1::SubscriptionUsage {
        application_id: row.subscription.application.to_string(),
        context: row.subscription.version.context.to_string(),
        version: row.subscription.version.label.to_string(),
        environment: row.subscription.environment.number(),
        usage_class: row.class.number(),
        last_call_time: row.usage.last_call().map(timestamp),
        recent_calls: row.usage.calls_in(RECENT_DAYS, now),
        daily_calls: days.map(|(day, calls)| v1::DailyCalls { day: Some(timestamp(day.start())), calls }).collect(),
    }
}

/// What is malformed about an item, in a sentence that names the field.
fn parse(item: &v1::UsageReport) -> Result<Report, String> {
    let mut fields = Fields::default();
    let client_id = fields.name("client_id", &item.client_id);
    let version = fields.version(&item.context, &item.version);
    let environment = fields.word("environment", item.environment);
    let last_call = fields.instant("last_call_time", item.last_call_time.as_ref());
    let company = fields.name_or_none("company_id", &item.company_id);
    if item.last_call_time.is_none() {
        fields.violate("last_call_time", "must be given");
    }
    match (client_id, version, environment, last_call) {
        (Some(client_id), Some(version), Some(environment), Some(last_call))
            if company.is_some() != item.company_id.is_empty() =>
        {
            Ok(Report { client_id, version, environment, calls: item.calls, last_call, company })
        }
        _ => {
            let sentences = fields.into_violations().into_iter().map(|v| format!("{}: {}", v.field, v.sentence));
            Err(sentences.collect::<Vec<_>>().join("; "))
        }
    }
}

/// The same of an item that somebody reports: gateways report of their own environment.
fn parse_of(reporter: Option<&Principal>, item: &v1::UsageReport) -> Result<Report, String> {
    let report = parse(item)?;
    if reporter.is_some_and(|reporter| reporter.may_ask_about(report.environment)) {
        Ok(report)
    } else {
        Err("environment: a gateway reports of its own environment only".to_owned())
    }
}

/// Refuses when there is no such version, or application, for the caller: whose calls they are, and whose API is called,
/// are told of usage.
fn find(hub: &View, of: &UsageOf) -> Result<(), Failure> {
    let (key, refusal) = match of {
        UsageOf::Version(name) => (RecordKey::Version(name.clone()), Refusal::VersionNotFound(name.clone())),
        UsageOf::Application(id) => (RecordKey::Application(id.clone()), Refusal::ApplicationNotFound(id.clone())),
    };
    let is_told = match of {
        UsageOf::Version(name) => hub.scope().publishes(&name.context),
        UsageOf::Application(id) => hub.works_on(id),
    };
    if is_told && hub.get_one(key)?.is_some() { Ok(()) } else { Err(refusal.into()) }
}

impl UsageRpc {
    /// Serves the usage that `hub` knows.
    pub fn new(hub: Hub) -> UsageRpc {
        UsageRpc { hub }
    }
}

#[tonic::async_trait]
impl UsageService for UsageRpc {
    async fn report_usage(
        &self,
        request: Request<v1::ReportUsageRequest>,
    ) -> Result<Response<v1::ReportUsageResponse>, Status> {
        let (_, extensions, message) = request.into_parts();
        let reporter = extensions.get::<Principal>();
        let mut fields = Fields::default();
        if message.items.len() > ITEMS_MAX {
            fields.violate("items", "at most 500 items are accepted; send the rest in further calls");
        }
        // Gateways do not say who they are, here as little as when they ask.
        let gateway = Actor::Process("gateway".into()).into();
        let request = fields.request("ReportUsage", &gateway, &message, &message.request_id, Mode::Commit);
        fields.check()?;
        let parsed: Vec<Result<Report, String>> = message.items.iter().map(|item| parse_of(reporter, item)).collect();
        let reports: Vec<Report> = parsed.iter().filter_map(|parsed| parsed.as_ref().ok()).cloned().collect();
        let now = self.hub.now();
        let reported =
            read(&self.hub, move |hub| hub.usage().report(request.id.as_ref(), request.fingerprint, &reports, now))
                .await?;
        let mut verdicts = reported.verdicts.iter();
        let results = parsed
            .into_iter()
            .map(|parsed| {
                let unusable = match parsed {
                    Ok(_) => verdicts.next().and_then(|verdict| verdict.err()).map(|unusable| unusable.to_string()),
                    Err(sentence) => Some(sentence),
                };
                v1::UsageReportResult { accepted: unusable.is_none(), error: unusable.unwrap_or_default() }
            })
            .collect();
        Ok(Response::new(v1::ReportUsageResponse { results, repeated_report: reported.repeated }))
    }

    async fn list_usage(
        &self,
        request: Request<v1::ListUsageRequest>,
    ) -> Result<Response<v1::ListUsageResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let application = fields.name_or_none::<ApplicationId>("application_id", &message.application_id);
        let context = fields.name_or_none("context", &message.context);
        let label = fields.name_or_none("version", &message.version);
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let class = fields.word_or_none::<Class>("usage_class", message.usage_class);
        let size = fields.page_size(message.page_size);
        let of = match (application, context, label) {
            (Some(application), None, None) => Some(UsageOf::Application(application)),
            (None, Some(context), Some(label)) => Some(UsageOf::Version(VersionName { context, label })),
            _ => {
                if fields.is_clean() {
                    fields.violate("application_id", "give it alone, or give context and version instead");
                }
                None
            }
        };
        let Some(of) = of.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let (e, c) = (message.environment.to_string(), message.usage_class.to_string());
        let query = Query::new(
            self.hub.page_seals(),
            "ListUsage",
            &[&message.application_id, &message.context, &message.version, &e, &c],
        );
        let query = query.within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let now = self.hub.now();
        let page = read(&hub, move |hub| {
            find(hub, &of)?;
            hub.list_usage(&of, environment, class, cursor, size, now)
        })
        .await?;
        let daily = if message.show_daily_calls { Daily::Shown } else { Daily::LeftOut };
        Ok(Response::new(v1::ListUsageResponse {
            usages: page.items.iter().map(|row| render(row, daily, now)).collect(),
            next_page_token: query.token(page.next),
            counting_since: Some(timestamp(self.hub.usage().counting_since())),
        }))
    }

    async fn get_usage_summary(
        &self,
        request: Request<v1::GetUsageSummaryRequest>,
    ) -> Result<Response<v1::GetUsageSummaryResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let version = fields.version(&message.context, &message.version);
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let Some(version) = version.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let now = self.hub.now();
        let summary = read(&hub, move |hub| {
            find(hub, &UsageOf::Version(version.clone()))?;
            hub.summarize_usage(&version, environment, now)
        })
        .await?;
        let counts = summary.counts.into_iter();
        Ok(Response::new(v1::GetUsageSummaryResponse {
            counts: counts
                .map(|(class, subscriptions)| v1::UsageClassCount { usage_class: class.number(), subscriptions })
                .collect(),
            truncated: summary.truncated,
            counting_since: Some(timestamp(self.hub.usage().counting_since())),
        }))
    }
}
