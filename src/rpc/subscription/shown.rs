//! What subscriptions look like in replies, and which of them a list shows.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Environment;
use devhub_proto::v1;

use crate::domain::Scope;
use crate::domain::name::{ApplicationId, Context, Label, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::usage::class;
use crate::domain::waiver::WaiverKind;
use crate::hub::{Failure, Hub, Page, Stored, View};
use crate::rpc::render;
use crate::store::codec::Kind;
use crate::wire::{Word, timestamp};

/// Begins a cursor in the list of the latest subscriptions.
const LATEST: u8 = 0;

/// Begins a cursor in the list of those that others have followed.
const FOLLOWED: u8 = 1;

/// Renders a subscription with what it joins.
pub(super) fn show(hub: &Hub, stored: &Stored, now: DateTime<Utc>) -> Result<v1::Subscription, Failure> {
    let Record::Subscription(subscription) = &stored.record else { return Err(Failure::Defect) };
    let (application, version) = hub.ends_of(&subscription.application, &subscription.version)?;
    let application = match application.as_ref().map(|stored| &stored.record) {
        Some(Record::Application(application)) => Some(application),
        _ => None,
    };
    let version = match version.as_ref().map(|stored| &stored.record) {
        Some(Record::Version(version)) => Some(version),
        _ => None,
    };
    let version = version.map(|version| hub.index().effective(version));
    Ok(render::subscription(subscription, stored.revision, application, version.as_deref(), hub.rules(), now))
}

/// Adds what is known of its calls. Not to the replies of writes: a replay returns the first one, word by word.
pub(super) fn show_usage(hub: &Hub, stored: &Stored, shown: v1::Subscription, now: DateTime<Utc>) -> v1::Subscription {
    let Record::Subscription(subscription) = &stored.record else { return shown };
    match hub.usage().of_all([subscription], now).map(|mut usages| usages.pop().unwrap_or_default()) {
        Ok(usage) => v1::Subscription {
            last_call_time: usage.last_call().map(timestamp),
            usage_class: class(&usage, now).number(),
            ..shown
        },
        // The subscription is worth reading without.
        Err(error) => {
            tracing::error!(%error, "the usage of a subscription cannot be read");
            shown
        }
    }
}

/// Adds the exceptions that hold for it at `now`. Not to the replies of writes either.
pub(super) fn show_terms(
    hub: &Hub,
    stored: &Stored,
    shown: v1::Subscription,
    now: DateTime<Utc>,
) -> Result<v1::Subscription, Failure> {
    let Record::Subscription(subscription) = &stored.record else { return Err(Failure::Defect) };
    let (application, version) = (subscription.application.clone(), subscription.version.clone());
    let keys = [
        RecordKey::Waiver(application.clone(), version.clone(), WaiverKind::CallsPastRetirement),
        RecordKey::Exemption(application, version),
    ];
    let (mut waived_until, mut brownout_exempt) = (None, false);
    for stored in hub.get(&keys)?.into_iter().flatten() {
        if let Record::Waiver(waiver) = &stored.record {
            waived_until = waiver.is_live(now).then(|| timestamp(waiver.until));
        }
        if let Record::Exemption(exemption) = &stored.record {
            brownout_exempt = exemption.is_exempt(now);
        }
    }
    Ok(v1::Subscription { waived_until, brownout_exempt, ..shown })
}

/// Which subscriptions a list shows.
pub(super) struct Wanted {
    pub(super) application: Option<ApplicationId>,
    pub(super) context: Option<Context>,
    pub(super) label: Option<Label>,
    pub(super) environment: Option<Environment>,
    pub(super) show_ended: bool,
}

impl Wanted {
    fn pick(&self, hub: &Hub, stored: &Stored) -> Result<Option<v1::Subscription>, Failure> {
        let Record::Subscription(subscription) = &stored.record else { return Err(Failure::Defect) };
        let matches = self.context.as_ref().is_none_or(|context| *context == subscription.version.context)
            && self.label.as_ref().is_none_or(|label| *label == subscription.version.label)
            && self.environment.is_none_or(|environment| environment == subscription.environment);
        if !matches {
            return Ok(None);
        }
        let now = hub.now();
        let shown = show(hub, stored, now)?;
        let live = shown.state() == v1::SubscriptionState::Active;
        if !live && !self.show_ended {
            return Ok(None);
        }
        Ok(Some(show_usage(hub, stored, show_terms(hub, stored, shown, now)?, now)))
    }

    /// The latest subscriptions first; then, if ended ones are wanted, those that others have followed. A publisher sees
    /// the latest ones only.
    pub(super) fn page(
        &self,
        hub: &View,
        cursor: Option<Bytes>,
        size: usize,
    ) -> Result<Page<v1::Subscription>, Failure> {
        let of_publisher = matches!(hub.scope(), Scope::Apis(_));
        let name = self.context.clone().zip(self.label.clone());
        let name = name.map(|(context, label)| VersionName { context, label });
        match (&self.application, name) {
            (Some(application), Some(name)) if of_publisher => {
                let found = hub.get_one(RecordKey::Subscription(application.clone(), name))?;
                let shown = found.map(|stored| self.pick(hub, &stored)).transpose()?.flatten();
                Ok(Page { items: shown.into_iter().collect(), next: None })
            }
            // Of a version of others nobody is even looked for.
            (None, Some(name)) if of_publisher && !hub.scope().publishes(&name.context) => {
                Ok(Page { items: Vec::new(), next: None })
            }
            (None, Some(name)) if hub.scope().publishes(&name.context) && (of_publisher || !self.show_ended) => {
                let ids = |after: Option<&str>, limit| hub.index().subscribers(&name, after, limit);
                let key = |id| RecordKey::Subscription(id, name.clone());
                hub.list_by_application(cursor, size, ids, key, |stored| self.pick(hub, &stored))
            }
            (Some(_) | None, _) => self.page_by_key(hub, cursor, size),
        }
    }

    fn page_by_key(&self, hub: &View, cursor: Option<Bytes>, size: usize) -> Result<Page<v1::Subscription>, Failure> {
        let application = self.application.as_ref();
        // A cursor says in which of the two lists it is; alone, at the beginning of it.
        let in_followed = match cursor.as_ref().map(|cursor| cursor.first()) {
            None | Some(Some(&LATEST)) => false,
            Some(Some(&FOLLOWED)) => true,
            Some(Some(_) | None) => {
                return Err(Refusal::invalid("page_token", "is of an older hub; repeat the query without it").into());
            }
        };
        let after = cursor.map(|cursor| cursor.slice(1..)).filter(|after| !after.is_empty());
        let within = |list: u8, next: Option<Bytes>| next.map(|next| [&[list], &*next].concat().into());
        if in_followed {
            let page = hub.list_of(Kind::EndedSubscription, application, after, size, |s| self.pick(hub, &s))?;
            return Ok(Page { next: within(FOLLOWED, page.next), ..page });
        }
        let mut page = hub.list_of(Kind::Subscription, application, after, size, |stored| self.pick(hub, &stored))?;
        if page.next.is_some() || !self.show_ended {
            page.next = within(LATEST, page.next);
            return Ok(page);
        }
        let left = size - page.items.len();
        if left == 0 {
            // A page full of latest ones: the next begins with the first of the others.
            page.next = Some(Bytes::from_static(&[FOLLOWED]));
        } else {
            let more = hub.list_of(Kind::EndedSubscription, application, None, left, |s| self.pick(hub, &s))?;
            page.items.extend(more.items);
            page.next = within(FOLLOWED, more.next);
        }
        Ok(page)
    }
}
