//! Subscriptions.

use std::collections::BTreeMap;

use devhub_proto::v1;
use serde::Serialize;

use super::usage::usage_class;
use super::{NameView, brief, environment, or_empty, stage, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A subscription.
#[derive(Debug, Clone, Serialize)]
pub struct SubscriptionView {
    subscription_id: String,
    application_id: String,
    context: String,
    version: String,
    environment: String,
    state: String,
    start_time: Option<String>,
    subscribed_by: String,
    end_time: Option<String>,
    end_reason: Option<String>,
    ended_by: String,
    field_values: BTreeMap<String, String>,
    stage: String,
    deprecate_time: Option<String>,
    retire_time: Option<String>,
    successor: Option<NameView>,
    etag: String,
    last_call_time: Option<String>,
    usage_class: Option<String>,
    waiver_id: String,
    waived_until: Option<String>,
    planned_end_time: Option<String>,
    moved_to: Option<NameView>,
    move_time: Option<String>,
    undoable_until: Option<String>,
    brownout_exempt: bool,
}

impl From<v1::Subscription> for SubscriptionView {
    fn from(subscription: v1::Subscription) -> SubscriptionView {
        let end_reason = wire_name(subscription.end_reason, v1::EndReason::as_str_name, "END_REASON_");
        SubscriptionView {
            subscription_id: subscription.subscription_id,
            application_id: subscription.application_id,
            context: subscription.context,
            version: subscription.version,
            environment: environment(subscription.environment),
            state: wire_name(subscription.state, v1::SubscriptionState::as_str_name, "SUBSCRIPTION_STATE_"),
            start_time: time(subscription.start_time),
            subscribed_by: subscription.subscribed_by,
            end_time: time(subscription.end_time),
            end_reason: (subscription.end_reason != 0).then_some(end_reason),
            ended_by: subscription.ended_by,
            field_values: subscription.field_values,
            stage: stage(subscription.stage),
            deprecate_time: time(subscription.deprecate_time),
            retire_time: time(subscription.retire_time),
            successor: NameView::of(subscription.successor),
            etag: subscription.etag,
            last_call_time: time(subscription.last_call_time),
            waiver_id: subscription.waiver_id,
            waived_until: time(subscription.waived_until),
            planned_end_time: time(subscription.planned_end_time),
            moved_to: NameView::of(subscription.moved_to),
            move_time: time(subscription.move_time),
            undoable_until: time(subscription.undoable_until),
            brownout_exempt: subscription.brownout_exempt,
            usage_class: (subscription.usage_class != 0).then(|| usage_class(subscription.usage_class)),
        }
    }
}

impl SubscriptionView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let values = self.field_values.iter().map(|(name, value)| format!("{name} = {value}"));
        vec![
            ("subscription", self.subscription_id.clone()),
            ("application", self.application_id.clone()),
            ("version", format!("{} {}", self.context, self.version)),
            ("environment", self.environment.clone()),
            ("state", self.state.clone()),
            ("since", or_empty(&self.start_time)),
            ("subscribed by", self.subscribed_by.clone()),
            ("ends by itself", or_empty(&self.planned_end_time)),
            ("ended", or_empty(&self.end_time)),
            ("why", or_empty(&self.end_reason)),
            ("ended by", self.ended_by.clone()),
            ("moved to", NameView::text(&self.moved_to)),
            ("moved", or_empty(&self.move_time)),
            ("undoable until", or_empty(&self.undoable_until)),
            ("waiver", self.waiver_id.clone()),
            ("waived until", or_empty(&self.waived_until)),
            ("brownouts", if self.brownout_exempt { "exempt".to_owned() } else { String::new() }),
            ("fields", values.collect::<Vec<_>>().join("\n")),
            ("stage", self.stage.clone()),
            ("deprecated at", or_empty(&self.deprecate_time)),
            ("retired at", or_empty(&self.retire_time)),
            ("successor", NameView::text(&self.successor)),
            ("last call (hour)", or_empty(&self.last_call_time)),
            ("called", or_empty(&self.usage_class)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl SubscriptionView {
    /// Which version it is to, and when it ends, or has ended.
    pub fn left(&self) -> String {
        format!("{} {}: {} {}", self.context, self.version, self.state, self.end()).trim_end().to_owned()
    }

    /// Until when what was done to it can be undone.
    pub fn undoable_until(&self) -> String {
        or_empty(&self.undoable_until)
    }

    fn end(&self) -> String {
        match (&self.end_time, &self.end_reason, &self.planned_end_time) {
            (Some(time), Some(reason), _) => format!("{} ({reason})", brief(time)),
            (Some(time), None, _) => brief(time),
            (None, _, Some(time)) => format!("until {}", brief(time)),
            (None, _, None) => String::new(),
        }
    }
}

impl Row for SubscriptionView {
    const HEADER: &'static [&'static str] = &[
        "APPLICATION",
        "CONTEXT",
        "VERSION",
        "ENVIRONMENT",
        "STATE",
        "SINCE",
        "ENDED, OR UNTIL",
        "STAGE",
        "RETIRED AT",
        "SUCCESSOR",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.context.clone(),
            self.version.clone(),
            self.environment.clone(),
            self.state.clone(),
            or_empty(&self.start_time),
            self.end(),
            self.stage.clone(),
            or_empty(&self.retire_time),
            NameView::text(&self.successor),
        ]
    }
}
