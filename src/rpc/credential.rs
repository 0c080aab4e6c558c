//! CredentialService: secrets and public keys of applications, and whether who presents something is its bearer.

mod assertion;
mod key;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::{Reason, Standing};
use devhub_proto::v1;
use devhub_proto::v1::credential_service_server::CredentialService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::{execute, read, record, revision, seen, status};
use crate::domain::application::Application;
use crate::domain::client_secret::{
    ClientSecret, ClientSecrets, CreateClientSecret, Made, RevokeClientSecret, SECRET_NAME_CHARS_MAX, SecretRefusal,
};
use crate::domain::name::{ApplicationId, ClientSecretId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{AccountBearer, Bearer, Failure, Hub, Mode, Verified};
use crate::ids;
use crate::secret::{Peppers, Secret};
use crate::telemetry::Metrics;
use crate::wire::{Word, timestamp};

/// Longest text that may be presented as a secret, in bytes.
const PRESENTED_BYTES_MAX: usize = 256;

/// Longest text that may be presented as a client id, in bytes.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// Longest name of a source, in bytes.
const SOURCE_BYTES_MAX: usize = 64;

/// Serves CredentialService.
pub struct CredentialRpc {
    hub: Hub,
    peppers: Option<Arc<Peppers>>,
    metrics: Metrics,
}

fn render(secret: &ClientSecret, last_use: Option<DateTime<Utc>>, now: DateTime<Utc>) -> v1::ClientSecret {
    v1::ClientSecret {
        client_secret_id: secret.id.to_string(),
        name: secret.name.clone(),
        create_time: Some(timestamp(secret.created_at)),
        created_by: secret.created_by.clone(),
        expire_time: secret.expires_at.map(timestamp),
        expired: !secret.is_live(now),
        last_use_hour: last_use.map(timestamp),
        last_four: secret.last_shown.clone(),
        pepper_id: secret.hash.pepper.to_string(),
    }
}

fn render_all(hub: &Hub, secrets: &[ClientSecret], now: DateTime<Utc>) -> Vec<v1::ClientSecret> {
    let last_uses = hub.last_uses().of(secrets.iter().map(|secret| &secret.id));
    secrets.iter().zip(last_uses).map(|(secret, last_use)| render(secret, last_use, now)).collect()
}

/// The page of `all` after the one that the cursor names; where it was revoked meanwhile, from the beginning.
fn page<T: Clone>(all: &[T], id: impl Fn(&T) -> &str, cursor: Option<&Bytes>, size: usize) -> (Vec<T>, Option<Bytes>) {
    let after = |cursor: &Bytes| all.iter().position(|one| id(one).as_bytes() == cursor);
    let begin = cursor.and_then(after).map_or(0, |place| place + 1);
    let page: Vec<T> = all.iter().skip(begin).take(size).cloned().collect();
    let more = begin + page.len() < all.len();
    let next = page.last().filter(|_| more).map(|last| Bytes::copy_from_slice(id(last).as_bytes()));
    (page, next)
}

/// Why the bearer may not call.
fn denial(standing: Standing) -> Option<Reason> {
    match standing {
        Standing::Usable => None,
        Standing::NotApproved => Some(Reason::ApplicationNotApproved),
        Standing::Blocked => Some(Reason::ApplicationBlocked),
        Standing::Deleted => Some(Reason::ApplicationDeleted),
    }
}

fn state(application: &Application) -> i32 {
    match application.deletion {
        Some(_) => v1::ApplicationState::Deleted.into(),
        None => application.state.number(),
    }
}

fn verdict(verified: &Verified) -> v1::CredentialVerdict {
    match verified {
        Verified::Wrong => v1::CredentialVerdict::Invalid,
        Verified::Right(bearer) if denial(bearer.standing).is_some() => v1::CredentialVerdict::Unusable,
        Verified::Account(bearer) if bearer.ended => v1::CredentialVerdict::Unusable,
        Verified::Right(_) | Verified::Account(_) => v1::CredentialVerdict::Valid,
    }
}

fn render_verified(verified: &Verified) -> v1::VerifyCredentialsResponse {
    let verdict = verdict(verified).into();
    let nothing = v1::VerifyCredentialsResponse { verdict, ..v1::VerifyCredentialsResponse::default() };
    match verified {
        Verified::Wrong => nothing,
        Verified::Right(bearer) => {
            let Bearer { application, standing, secret } = &**bearer;
            v1::VerifyCredentialsResponse {
                application_id: application.id.to_string(),
                environment: application.environment.number(),
                state: state(application),
                denial: denial(*standing).map(Word::number).unwrap_or_default(),
                client_secret_id: secret.id.to_string(),
                expire_time: secret.expires_at.map(timestamp),
                ..nothing
            }
        }
        Verified::Account(bearer) => {
            let AccountBearer { account, ends_at, ended, hash: _ } = &**bearer;
            v1::VerifyCredentialsResponse {
                environment: account.environment.number(),
                denial: ended.then(|| Reason::ServiceAccountSunset.number()).unwrap_or_default(),
                expire_time: ends_at.map(timestamp),
                account_id: account.id.to_string(),
                company_id: account.company.to_string(),
                ..nothing
            }
        }
    }
}

impl CredentialRpc {
    /// Serves the secrets of `hub`, which are made and verified with `peppers` if there are any.
    pub fn new(hub: Hub, peppers: Option<Arc<Peppers>>, metrics: Metrics) -> CredentialRpc {
        CredentialRpc { hub, peppers, metrics }
    }
}

#[tonic::async_trait]
impl CredentialService for CredentialRpc {
    async fn create_client_secret(
        &self,
        request: Request<v1::CreateClientSecretRequest>,
    ) -> Result<Response<v1::CreateClientSecretResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CreateClientSecret", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let name = fields.needed_text("name", &message.name, SECRET_NAME_CHARS_MAX);
        let expires_at = fields.instant("expire_time", message.expire_time.as_ref());
        let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let id = ids::client_secret(self.hub.now());
        let secret = self.peppers.as_ref().map(|peppers| (Secret::generate(), peppers));
        let made = secret
            .as_ref()
            .map(|(secret, peppers)| Made { hash: peppers.hash(secret), last_shown: secret.last_shown().to_owned() });
        let command = CreateClientSecret { application, id: id.clone(), name, expires_at, made };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, at) = (revision(&answer), answer.at);
        let secrets = record!(answer.subject, ClientSecrets)?;
        // The newest is the one that the answer is about. One with another id was made when the request id was first used.
        let shown = secrets.secrets.last().ok_or_else(|| status::failed(Failure::Defect))?;
        let secret = secret.filter(|_| shown.id == id).map(|(secret, _)| secret.reveal().to_owned());
        Ok(Response::new(v1::CreateClientSecretResponse {
            client_secret: Some(render(shown, None, at)),
            replayed: secret.is_none(),
            secret: secret.unwrap_or_default(),
            revision,
        }))
    }

    async fn list_client_secrets(
        &self,
        request: Request<v1::ListClientSecretsRequest>,
    ) -> Result<Response<v1::ListClientSecretsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let size = fields.page_size(message.page_size);
        let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let query =
            Query::new(self.hub.page_seals(), "ListClientSecrets", &[&message.application_id]).within(hub.scope());
        let cursor = query.cursor(&message.page_token)?;
        let now = self.hub.now();
        let (client_secrets, next) = read(&hub, move |hub| {
            let keys = [RecordKey::Application(application.clone()), ClientSecrets::key(&application)];
            let mut found = hub.get(&keys)?.into_iter();
            if found.next().flatten().is_none() {
                return Err(Refusal::ApplicationNotFound(application).into());
            }
            let secrets = found.next().flatten().map(|stored| stored.record);
            let secrets = if let Some(Record::ClientSecrets(known)) = secrets { known.secrets } else { Vec::new() };
            let (page, next) = page(&secrets, |secret| secret.id.as_str(), cursor.as_ref(), size);
            Ok((render_all(hub, &page, now), next))
        })
        .await?;
        Ok(Response::new(v1::ListClientSecretsResponse { client_secrets, next_page_token: query.token(next) }))
    }

    async fn revoke_client_secret(
        &self,
        request: Request<v1::RevokeClientSecretRequest>,
    ) -> Result<Response<v1::RevokeClientSecretResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("RevokeClientSecret", &actor, &message, &message.request_id, Mode::Commit);
        let application = fields.name("application_id", &message.application_id);
        let id = fields.name::<ClientSecretId>("client_secret_id", &message.client_secret_id);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let (Some(application), Some(id)) = (application, id) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = RevokeClientSecret { application, id, reason };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, at) = (revision(&answer), answer.at);
        let left = record!(answer.subject, ClientSecrets)?.secrets;
        let client_secrets = read(&self.hub, move |hub| Ok(render_all(hub, &left, at))).await?;
        Ok(Response::new(v1::RevokeClientSecretResponse { client_secrets, revision }))
    }

    async fn add_key(&self, request: Request<v1::AddKeyRequest>) -> Result<Response<v1::AddKeyResponse>, Status> {
        key::add(&self.hub, request).await
    }

    async fn list_keys(&self, request: Request<v1::ListKeysRequest>) -> Result<Response<v1::ListKeysResponse>, Status> {
        key::list(&self.hub, request).await
    }

    async fn revoke_key(
        &self,
        request: Request<v1::RevokeKeyRequest>,
    ) -> Result<Response<v1::RevokeKeyResponse>, Status> {
        key::revoke(&self.hub, request).await
    }

    async fn verify_assertion(
        &self,
        request: Request<v1::VerifyAssertionRequest>,
    ) -> Result<Response<v1::VerifyAssertionResponse>, Status> {
        assertion::verify(&self.hub, &self.metrics, &request)
    }

    async fn verify_credentials(
        &self,
        request: Request<v1::VerifyCredentialsRequest>,
    ) -> Result<Response<v1::VerifyCredentialsResponse>, Status> {
        let message = request.get_ref();
        let mut fields = Fields::default();
        if message.source.len() > SOURCE_BYTES_MAX {
            fields.violate("source", format!("must have at most {SOURCE_BYTES_MAX} bytes"));
        }
        for (field, value, limit) in
            [("client_id", &message.client_id, CLIENT_ID_BYTES_MAX), ("secret", &message.secret, PRESENTED_BYTES_MAX)]
        {
            // What was presented is never repeated.
            if value.is_empty() || value.len() > limit {
                fields.violate(field, format!("must have 1 to {limit} bytes"));
            }
        }
        fields.check()?;
        let Some(peppers) = &self.peppers else {
            return Err(status::refused(&SecretRefusal::PepperRequired.into()));
        };
        // A secret that was revoked since the backup would verify.
        if self.hub.is_held() {
            return Err(status::refused(&Refusal::RestoreUnconfirmed));
        }
        // What is no client id is that of nobody.
        let client_id = message.client_id.parse().ok();
        let now = self.hub.now();
        let admitted = self.hub.attempts().admit(&message.client_id, &message.source, now);
        admitted.map_err(status::verification_limited)?;
        let verified = self.hub.verify_credentials(peppers, client_id.as_ref(), &message.secret, now).await;
        if matches!(verified, Ok(Verified::Wrong)) {
            self.hub.attempts().failed(&message.client_id, &message.source, now);
        }
        let verified = verified.map_err(status::failed)?;
        self.metrics.verified(verdict(&verified));
        Ok(Response::new(render_verified(&verified)))
    }
}
