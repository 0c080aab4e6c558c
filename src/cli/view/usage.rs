//! Usage.

use devhub_proto::v1;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// How regularly an application calls, as the contract spells it.
pub(super) fn usage_class(number: i32) -> String {
    wire_name(number, v1::UsageClass::as_str_name, "USAGE_CLASS_")
}

/// The usage of one live subscription.
#[derive(Debug, Clone, Serialize)]
pub struct UsageView {
    application_id: String,
    context: String,
    version: String,
    environment: String,
    usage_class: String,
    last_call_time: Option<String>,
    recent_calls: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    daily_calls: Vec<DailyCallsView>,
    counting_since: Option<String>,
}

/// Calls of one day.
#[derive(Debug, Clone, Serialize)]
struct DailyCallsView {
    day: Option<String>,
    calls: u64,
}

impl UsageView {
    /// The usage of a subscription, by what was counted since an instant.
    pub fn of(usage: v1::SubscriptionUsage, counting_since: Option<prost_types::Timestamp>) -> UsageView {
        let daily = usage.daily_calls.into_iter();
        UsageView {
            application_id: usage.application_id,
            context: usage.context,
            version: usage.version,
            environment: environment(usage.environment),
            usage_class: usage_class(usage.usage_class),
            last_call_time: time(usage.last_call_time),
            recent_calls: usage.recent_calls,
            daily_calls: daily.map(|day| DailyCallsView { day: time(day.day), calls: day.calls }).collect(),
            counting_since: time(counting_since),
        }
    }
}

impl Row for UsageView {
    const HEADER: &'static [&'static str] =
        &["APPLICATION", "CONTEXT", "VERSION", "ENVIRONMENT", "CLASS", "LAST CALL (HOUR)", "CALLS IN 28 DAYS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.context.clone(),
            self.version.clone(),
            self.environment.clone(),
            self.usage_class.clone(),
            or_empty(&self.last_call_time),
            self.recent_calls.to_string(),
        ]
    }
}

/// How many live subscriptions are of a class.
#[derive(Debug, Clone, Serialize)]
pub struct ClassCountView {
    usage_class: String,
    subscriptions: u64,
    truncated: bool,
    counting_since: Option<String>,
}

impl ClassCountView {
    /// The counts of a summary.
    pub fn all(summary: v1::GetUsageSummaryResponse) -> Vec<ClassCountView> {
        let (truncated, since) = (summary.truncated, time(summary.counting_since));
        let view = |count: v1::UsageClassCount| ClassCountView {
            usage_class: usage_class(count.usage_class),
            subscriptions: count.subscriptions,
            truncated,
            counting_since: since.clone(),
        };
        summary.counts.into_iter().map(view).collect()
    }
}

impl Row for ClassCountView {
    const HEADER: &'static [&'static str] = &["CLASS", "SUBSCRIPTIONS"];

    fn cells(&self) -> Vec<String> {
        let more = if self.truncated { " or more" } else { "" };
        vec![self.usage_class.clone(), format!("{}{more}", self.subscriptions)]
    }
}
