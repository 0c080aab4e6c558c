//! The call of ApplicationService that makes a production application from a sandbox one.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use tonic::{Request, Response, Status};

use super::application::{ApplicationRpc, DESCRIPTION_CHARS_MAX, name};
use super::parse::{self, Fields};
use super::{execute, read, record, render, revision, status};
use crate::domain::application::Application;
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::domain::uplift::{CARRIED_MAX, Carry, UpliftApplication};
use crate::hub::{Failure, Hub, Mode};
use crate::ids;
use crate::store::codec::Kind;
use crate::wire::version_name;

/// The versions that an application is subscribed to now; one more than can be carried, if there are so many.
fn held(hub: &Hub, application: &Application) -> Result<BTreeSet<VersionName>, Failure> {
    let (now, prefix) = (hub.now(), Hub::prefix(Kind::Subscription, Some(&application.id)));
    let (mut versions, mut after) = (BTreeSet::new(), None);
    loop {
        let page = hub.list(&prefix, after, CARRIED_MAX + 1, |stored| {
            let Record::Subscription(subscription) = stored.record else { return Err(Failure::Defect) };
            let version = hub.get_one(RecordKey::Version(subscription.version.clone()))?.map(|stored| stored.record);
            let Some(Record::Version(version)) = version else { return Err(Failure::Defect) };
            let version = hub.index().effective(&version);
            let live = subscription.end(Some(application), Some(&version), now).is_none();
            Ok(live.then_some(subscription.version))
        })?;
        versions.extend(page.items);
        match page.next {
            Some(next) if versions.len() <= CARRIED_MAX => after = Some(next),
            Some(_) | None => return Ok(versions),
        }
    }
}

/// The versions that an application has been subscribed to since exactly this instant.
fn made_at(hub: &Hub, id: &ApplicationId, at: DateTime<Utc>) -> Result<Vec<v1::VersionName>, Failure> {
    let prefix = Hub::prefix(Kind::Subscription, Some(id));
    let page = hub.list(&prefix, None, CARRIED_MAX, |stored| {
        let Record::Subscription(subscription) = stored.record else { return Err(Failure::Defect) };
        Ok((subscription.since == at).then(|| version_name(&subscription.version)))
    })?;
    Ok(page.items)
}

impl ApplicationRpc {
    pub(super) async fn uplift(
        &self,
        request: Request<v1::UpliftApplicationRequest>,
    ) -> Result<Response<v1::UpliftApplicationResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UpliftApplication", &actor, &message, &message.request_id, Mode::Commit);
        let source = fields.name::<ApplicationId>("application_id", &message.application_id);
        let now = self.hub().now();
        let id = match fields.name_or_none("production_application_id", &message.production_application_id) {
            Some(id) => id,
            None => ids::application(now),
        };
        if !message.name.is_empty() {
            name(&mut fields, "name", &message.name);
        }
        let description =
            message.description.as_ref().map(|text| fields.text("description", text, DESCRIPTION_CHARS_MAX));
        if message.versions.len() > CARRIED_MAX {
            fields.violate("versions", "at most 100 versions are carried; subscribe to the others afterwards");
        }
        if message.without_subscriptions && !message.versions.is_empty() {
            fields.violate("without_subscriptions", "contradicts versions; leave one of them out");
        }
        let given = message.versions.iter().take(CARRIED_MAX).enumerate();
        let given: BTreeSet<VersionName> = given
            .filter_map(|(position, version)| fields.version_or_none(&format!("versions[{position}]"), Some(version)))
            .collect();
        let Some(source) = source else { return Err(fields.refuse()) };
        fields.check()?;

        let found = self.hub().get_one(RecordKey::Application(source.clone())).map_err(status::failed)?;
        let found = match found {
            Some(stored) => Some(record!(stored.record, Application)?),
            // The judgement says so.
            None => None,
        };
        let versions = match &found {
            Some(application) if given.is_empty() && !message.without_subscriptions => {
                let application = application.clone();
                read(self.hub(), move |hub| held(hub, &application)).await?
            }
            Some(_) | None => given,
        };
        let name =
            if message.name.is_empty() { found.map(|found| found.name).unwrap_or_default() } else { message.name };
        let carry = versions.into_iter().map(|version| Carry { id: ids::subscription(now), version }).collect();
        let command = UpliftApplication { source, id, client_id: ids::client(), name, description, carry };
        let answer = execute(self.hub(), actor, command, request).await?;
        let (revision, at, dropped) = (revision(&answer), answer.at, answer.dropped);
        let application = record!(answer.subject, Application)?;
        let made = application.id.clone();
        let carried = read(self.hub(), move |hub| made_at(hub, &made, at)).await?;
        let dropped = dropped
            .into_iter()
            .map(|dropped| v1::DroppedVersion {
                version: Some(version_name(&dropped.version)),
                reason: dropped.reason,
                message: dropped.sentence,
            })
            .collect();
        let application = Some(render::application(self.hub(), &application, answer.revision));
        Ok(Response::new(v1::UpliftApplicationResponse { application, carried, dropped, revision }))
    }
}
