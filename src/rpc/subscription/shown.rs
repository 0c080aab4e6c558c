//! What subscriptions look like in replies, and which of them a list shows.

use chrono::{DateTime, Utc};
use devhub_decision::Environment;
use devhub_proto::v1;

use crate::domain::name::{ApplicationId, Context, Label, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::domain::usage::class;
use crate::domain::waiver::WaiverKind;
use crate::hub::{Failure, Hub, Page, Stored};
use crate::rpc::render;
use crate::store::codec::Kind;
use crate::wire::{Word, timestamp};

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

    /// The latest subscriptions first; then, if ended ones are wanted, those that others have followed.
    pub(super) fn page(
        &self,
        hub: &Hub,
        cursor: Option<bytes::Bytes>,
        size: usize,
    ) -> Result<Page<v1::Subscription>, Failure> {
        if let (None, Some(context), Some(label), false) =
            (&self.application, &self.context, &self.label, self.show_ended)
        {
            let name = VersionName { context: context.clone(), label: label.clone() };
            let ids = |after: Option<&str>, limit| hub.index().subscribers(&name, after, limit);
            let key = |id| RecordKey::Subscription(id, name.clone());
            return hub.list_by_application(cursor, size, ids, key, |stored| self.pick(hub, &stored));
        }
        let latest = Hub::prefix(Kind::Subscription, self.application.as_ref());
        let followed = Hub::prefix(Kind::EndedSubscription, self.application.as_ref());
        let in_followed = cursor.as_ref().is_some_and(|cursor| cursor.starts_with(&[Kind::EndedSubscription.byte()]));
        let mut page = if in_followed {
            Page { items: Vec::new(), next: None }
        } else {
            hub.list(&latest, cursor.clone(), size, |stored| self.pick(hub, &stored))?
        };
        if page.next.is_none() && self.show_ended {
            let left = size - page.items.len();
            if left == 0 {
                // A page full of latest ones: the next begins with the first of the others.
                page.next = Some(followed);
            } else {
                let after = cursor.filter(|_| in_followed);
                let more = hub.list(&followed, after, left, |stored| self.pick(hub, &stored))?;
                page.items.extend(more.items);
                page.next = more.next;
            }
        }
        Ok(page)
    }
}
