//! AppVersionService: versions of applications.

use std::collections::BTreeSet;

use bytes::Bytes;
use devhub_proto::v1;
use devhub_proto::v1::app_version_service_server::AppVersionService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, mode};
use super::service_account::permissions;
use super::version::uri;
use super::{execute, read, record, revision, seen, status};
use crate::domain::app_version::{
    AppVersion, AppVersionNumber, AppVersionState, ApproveAppVersion, Component, CreateAppVersion, NOTES_CHARS_MAX,
    PromoteAppVersion, SubmitAppVersion, available_version,
};
use crate::domain::name::ApplicationId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::hub::{Answer, Failure, Hub, Mode, PAGE_BYTES_MAX, View};
use crate::ids;
use crate::wire::{self, Word};

/// Serves AppVersionService.
pub struct AppVersionRpc {
    hub: Hub,
}

impl AppVersionRpc {
    /// Serves the versions of applications of `hub`.
    pub fn new(hub: Hub) -> AppVersionRpc {
        AppVersionRpc { hub }
    }
}

fn render(version: &AppVersion, revision: u64) -> v1::AppVersion {
    v1::AppVersion {
        application_id: version.application.to_string(),
        version: version.number.to_string(),
        state: version.state().number(),
        components: version.components.iter().map(|component| component.number()).collect(),
        permissions: Some(wire::tool_permissions(&version.permissions)),
        release_notes: version.release_notes.clone(),
        post_install_notes: version.post_install_notes.clone(),
        post_install_uri: version.post_install_uri.clone(),
        install_key: version.install_key.to_string(),
        created: Some(wire::step(&version.created)),
        promoted: version.promoted.as_ref().map(wire::step),
        submitted: version.submitted.as_ref().map(wire::step),
        approved: version.approved.as_ref().map(wire::step),
        etag: revision.to_string(),
    }
}

/// The version and the revision of a reply.
fn written(answer: Answer) -> Result<(Option<v1::AppVersion>, u64), Status> {
    let revision = revision(&answer);
    let version = record!(answer.subject, AppVersion)?;
    Ok((Some(render(&version, answer.revision)), revision))
}

fn components(fields: &mut Fields, given: &[i32]) -> BTreeSet<Component> {
    let mut components = BTreeSet::new();
    for (position, component) in given.iter().enumerate() {
        let field = format!("app_version.components[{position}]");
        if let Some(component) = fields.word::<Component>(&field, *component)
            && !components.insert(component)
        {
            fields.violate(field, "is given twice; keep one");
        }
    }
    components
}

/// What the three steps of a version have in their requests.
macro_rules! step {
    ($self:ident, $request:ident, $name:literal, $command:ident, $response:ident, $mode:expr) => {{
        let actor = parse::actor(&$request)?;
        let message = $request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request($name, &actor, &message, &message.request_id, $mode(&message));
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let number = fields.name::<AppVersionNumber>("version", &message.version);
        let etag = fields.etag(&message.etag);
        let (Some(application), Some(number)) = (application, number) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = $command { application, number, etag };
        let (app_version, revision) = written(execute(&$self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::$response { app_version, revision }))
    }};
}

#[tonic::async_trait]
impl AppVersionService for AppVersionRpc {
    async fn create_app_version(
        &self,
        request: Request<v1::CreateAppVersionRequest>,
    ) -> Result<Response<v1::CreateAppVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CreateAppVersion", &actor, &message, &message.request_id, Mode::Commit);
        let given = message.app_version.unwrap_or_default();
        let application = fields.name("app_version.application_id", &given.application_id);
        let number = fields.name("app_version.version", &given.version);
        let components = components(&mut fields, &given.components);
        let permissions = permissions(&mut fields, "app_version.permissions", given.permissions.as_ref());
        let release_notes = fields.text("app_version.release_notes", &given.release_notes, NOTES_CHARS_MAX);
        let post_install_notes =
            fields.text("app_version.post_install_notes", &given.post_install_notes, NOTES_CHARS_MAX);
        let post_install_uri = uri(&mut fields, "app_version.post_install_uri", &given.post_install_uri);
        let (Some(application), Some(number), true) = (application, number, fields.is_clean()) else {
            return Err(fields.refuse());
        };
        let command = CreateAppVersion {
            application,
            number,
            components,
            permissions,
            release_notes,
            post_install_notes,
            post_install_uri,
            install_key: ids::install_key(),
        };
        let (app_version, revision) = written(execute(&self.hub, actor, command, request).await?)?;
        Ok(Response::new(v1::CreateAppVersionResponse { app_version, revision }))
    }

    async fn promote_app_version(
        &self,
        request: Request<v1::PromoteAppVersionRequest>,
    ) -> Result<Response<v1::PromoteAppVersionResponse>, Status> {
        let of = |message: &v1::PromoteAppVersionRequest| mode(message.validate_only);
        step!(self, request, "PromoteAppVersion", PromoteAppVersion, PromoteAppVersionResponse, of)
    }

    async fn submit_app_version(
        &self,
        request: Request<v1::SubmitAppVersionRequest>,
    ) -> Result<Response<v1::SubmitAppVersionResponse>, Status> {
        step!(self, request, "SubmitAppVersion", SubmitAppVersion, SubmitAppVersionResponse, |_: &_| Mode::Commit)
    }

    async fn approve_app_version(
        &self,
        request: Request<v1::ApproveAppVersionRequest>,
    ) -> Result<Response<v1::ApproveAppVersionResponse>, Status> {
        step!(self, request, "ApproveAppVersion", ApproveAppVersion, ApproveAppVersionResponse, |_: &_| Mode::Commit)
    }

    async fn get_app_version(
        &self,
        request: Request<v1::GetAppVersionRequest>,
    ) -> Result<Response<v1::GetAppVersionResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let number = fields.name::<AppVersionNumber>("version", &message.version);
        let (Some(application), Some(number)) = (application, number) else { return Err(fields.refuse()) };
        let key = RecordKey::AppVersion(application.clone(), number.clone());
        let found = hub.get_one(key).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::AppVersionNotFound { application, number }))?;
        let version = record!(stored.record, AppVersion)?;
        let app_version = Some(render(&version, stored.revision));
        Ok(Response::new(v1::GetAppVersionResponse { app_version }))
    }

    async fn list_app_versions(
        &self,
        request: Request<v1::ListAppVersionsRequest>,
    ) -> Result<Response<v1::ListAppVersionsResponse>, Status> {
        let hub = seen(&self.hub, &request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let application = fields.name::<ApplicationId>("application_id", &message.application_id);
        let state = fields.word_or_none::<AppVersionState>("state", message.state);
        let size = fields.page_size(message.page_size);
        let Some(application) = application.filter(|_| fields.is_clean()) else { return Err(fields.refuse()) };
        let query =
            Query::new(self.hub.page_seals(), "ListAppVersions", &[application.as_str(), &message.state.to_string()])
                .within(hub.scope());
        let before = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => {
                let number = std::str::from_utf8(&cursor).ok().and_then(|text| text.parse::<AppVersionNumber>().ok());
                Some(number.ok_or_else(status::page_token)?)
            }
        };
        let (app_versions, next, available_version) =
            read(&hub, move |hub| list(hub, &application, state, before.as_ref(), size)).await?;
        let next_page_token = query.token(next);
        Ok(Response::new(v1::ListAppVersionsResponse { app_versions, next_page_token, available_version }))
    }
}

/// A page of the versions of an application, newest first, where the next one begins, and the version that companies in
/// production install.
fn list(
    hub: &View,
    application: &ApplicationId,
    state: Option<AppVersionState>,
    before: Option<&AppVersionNumber>,
    size: usize,
) -> Result<(Vec<v1::AppVersion>, Option<Bytes>, String), Failure> {
    let (application, now) = (application.clone(), hub.now());
    if !hub.works_on(&application) {
        return Err(Refusal::ApplicationNotFound(application).into());
    }
    let Some(brief) = hub.releases(&application)? else {
        return match hub.get_one(RecordKey::Application(application.clone()))? {
            Some(_) => Ok((Vec::new(), None, String::new())),
            None => Err(Refusal::ApplicationNotFound(application).into()),
        };
    };
    let listing = hub.listing(&application)?;
    let available = available_version(&brief.versions, listing.as_ref(), now);
    let available = available.map(|release| release.number.to_string()).unwrap_or_default();
    let (mut shown, mut bytes, mut last) = (Vec::new(), 0, None);
    let older = brief.versions.iter().rev().filter(|release| before.is_none_or(|before| release.number < *before));
    for release in older {
        if shown.len() == size || bytes >= PAGE_BYTES_MAX {
            let next = last.map(|number: &AppVersionNumber| Bytes::from(number.to_string()));
            return Ok((shown, next, available));
        }
        let key = RecordKey::AppVersion(application.clone(), release.number.clone());
        let Some(stored) = hub.get_one(key)? else { return Err(Failure::Defect) };
        let Record::AppVersion(version) = &stored.record else { return Err(Failure::Defect) };
        if state.is_none_or(|state| state == version.state()) {
            bytes += stored.bytes;
            shown.push(render(version, stored.revision));
        }
        last = Some(&release.number);
    }
    Ok((shown, None, available))
}
