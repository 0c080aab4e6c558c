//! Public keys of applications.

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use tonic::{Request, Response, Status};

use super::super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::super::{execute, read, record, revision, seen, status};
use super::page;
use crate::access::proof::PublicKey;
use crate::domain::name::{ApplicationId, KeyId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::registered_key::{AddKey, KEY_NAME_CHARS_MAX, RegisteredKey, RegisteredKeys, RevokeKey};
use crate::hub::{Failure, Hub, Mode};
use crate::wire::timestamp;

fn render(key: &RegisteredKey, last_use: Option<DateTime<Utc>>, now: DateTime<Utc>) -> v1::Key {
    let algorithm = PublicKey::parse(&key.jwk).map(|key| key.algorithm().name().to_owned());
    v1::Key {
        key_id: key.id.to_string(),
        name: key.name.clone(),
        algorithm: algorithm.unwrap_or_default(),
        jwk: key.jwk.clone(),
        create_time: Some(timestamp(key.created_at)),
        created_by: key.created_by.clone(),
        expire_time: key.expires_at.map(timestamp),
        expired: !key.is_live(now),
        last_use_hour: last_use.map(timestamp),
    }
}

fn render_all(hub: &Hub, application: &ApplicationId, keys: &[RegisteredKey], now: DateTime<Utc>) -> Vec<v1::Key> {
    let last_uses = hub.last_uses().of_keys(application, keys.iter().map(|key| &key.id));
    keys.iter().zip(last_uses).map(|(key, last_use)| render(key, last_use, now)).collect()
}

pub(super) async fn add(
    hub: &Hub,
    request: Request<v1::AddKeyRequest>,
) -> Result<Response<v1::AddKeyResponse>, Status> {
    let actor = parse::actor(&request)?;
    let message = request.into_inner();
    let mut fields = Fields::default();
    let request = fields.request("AddKey", &actor, &message, &message.request_id, Mode::Commit);
    let application = fields.name("application_id", &message.application_id);
    let name = fields.needed_text("name", &message.name, KEY_NAME_CHARS_MAX);
    let expires_at = fields.instant("expire_time", message.expire_time.as_ref());
    let key = PublicKey::parse(&message.jwk).map_err(|sentence| fields.violate("jwk", sentence)).ok();
    let id = key.as_ref().and_then(|key| fields.name::<KeyId>("jwk", &key.thumbprint()));
    let (Some(application), Some(key), Some(id)) = (application, key, id) else { return Err(fields.refuse()) };
    fields.check()?;
    let command = AddKey { application, id: id.clone(), jwk: key.text().to_owned(), name, expires_at };
    let answer = execute(hub, actor, command, request).await?;
    let (revision, at) = (revision(&answer), answer.at);
    let keys = record!(answer.subject, RegisteredKeys)?;
    let added = keys.find(&id).ok_or_else(|| status::failed(Failure::Defect))?;
    Ok(Response::new(v1::AddKeyResponse { key: Some(render(added, None, at)), revision }))
}

pub(super) async fn list(
    hub: &Hub,
    request: Request<v1::ListKeysRequest>,
) -> Result<Response<v1::ListKeysResponse>, Status> {
    let (hub, now) = (seen(hub, &request)?, hub.now());
    let message = request.into_inner();
    let mut fields = Fields::default();
    let application = fields.name::<ApplicationId>("application_id", &message.application_id);
    let size = fields.page_size(message.page_size);
    let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
    let query = Query::new(hub.page_seals(), "ListKeys", &[&message.application_id]).within(hub.scope());
    let cursor = query.cursor(&message.page_token)?;
    let (keys, next) = read(&hub, move |hub| {
        let keys = [RecordKey::Application(application.clone()), RegisteredKeys::key(&application)];
        let mut found = hub.get(&keys)?.into_iter();
        if found.next().flatten().is_none() {
            return Err(Refusal::ApplicationNotFound(application).into());
        }
        let keys = found.next().flatten().map(|stored| stored.record);
        let keys = if let Some(Record::RegisteredKeys(known)) = keys { known.keys } else { Vec::new() };
        let (page, next) = page(&keys, |key| key.id.as_str(), cursor.as_ref(), size);
        Ok((render_all(hub, &application, &page, now), next))
    })
    .await?;
    Ok(Response::new(v1::ListKeysResponse { keys, next_page_token: query.token(next) }))
}

pub(super) async fn revoke(
    hub: &Hub,
    request: Request<v1::RevokeKeyRequest>,
) -> Result<Response<v1::RevokeKeyResponse>, Status> {
    let actor = parse::actor(&request)?;
    let message = request.into_inner();
    let mut fields = Fields::default();
    let request = fields.request("RevokeKey", &actor, &message, &message.request_id, Mode::Commit);
    let application = fields.name::<ApplicationId>("application_id", &message.application_id);
    let id = fields.name::<KeyId>("key_id", &message.key_id);
    let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
    let (Some(application), Some(id)) = (application, id) else { return Err(fields.refuse()) };
    fields.check()?;
    let command = RevokeKey { application: application.clone(), id, reason };
    let answer = execute(hub, actor, command, request).await?;
    let (revision, at) = (revision(&answer), answer.at);
    let left = record!(answer.subject, RegisteredKeys)?.keys;
    let keys = read(hub, move |hub| Ok(render_all(hub, &application, &left, at))).await?;
    Ok(Response::new(v1::RevokeKeyResponse { keys, revision }))
}
