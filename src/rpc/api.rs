//! ApiService: APIs, versions, lifecycle verbs.

use devhub_decision::{Environment, Stage};
use devhub_proto::v1;
use devhub_proto::v1::api_service_server::ApiService;
use tonic::{Request, Response, Status};

use super::parse::{self, Fields, Query, REASON_CHARS_MAX};
use super::version::{DESCRIPTION_CHARS_MAX, categories, definitions, deployment, deployments, endpoints, title, uri};
use super::{execute, read, record, render, revision, status};
use crate::domain::api::{CreateApi, UpdateApi};
use crate::domain::ledger::Target;
use crate::domain::name::{Context, Email, PolicyName, VersionName};
use crate::domain::publish::{CreateVersion, DeployVersion, UpdateVersion};
use crate::domain::record::{Record, RecordKey};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::{ChangeLifecycle, LifecycleChange, Step, Successor};
use crate::domain::version::{AccessType, is_listed};
use crate::hub::{Answer, Failure, Hub, Mode, PAGE_BYTES_MAX};
use crate::store::codec::Kind;
use crate::wire::Word;

/// Serves ApiService.
pub struct ApiRpc {
    hub: Hub,
}

impl ApiRpc {
    /// Serves the APIs of `hub`.
    pub fn new(hub: Hub) -> ApiRpc {
        ApiRpc { hub }
    }

    fn render(&self, answer: Answer) -> Result<v1::ApiVersion, Status> {
        let version = record!(answer.subject, Version)?;
        Ok(render::api_version(&self.hub, &version, answer.revision, answer.at))
    }
}

/// The deprecation that a message asks for.
pub(super) fn deprecation(fields: &mut Fields, message: &v1::DeprecateApiVersionRequest) -> Option<ChangeLifecycle> {
    let deprecated_at = fields.instant("deprecate_time", message.deprecate_time.as_ref());
    let sunset_begins_at = fields.instant("sunset_begin_time", message.sunset_begin_time.as_ref());
    let retires_at = fields.instant("retire_time", message.retire_time.as_ref());
    let step = Step::Deprecate { deprecated_at, sunset_begins_at, retires_at };
    let successor = fields.version_or_none("successor", message.successor.as_ref());
    let target = target(fields, (&message.context, &message.version), message.environment);
    let change = LifecycleChange {
        successor: successor.map(Successor::Version),
        reason: fields.text("reason", &message.reason, REASON_CHARS_MAX),
        override_reason: fields.text("override_reason", &message.override_reason, REASON_CHARS_MAX),
        etag: fields.etag(&message.etag),
        ..LifecycleChange::new(target?, step)
    };
    Some(change.into())
}

/// The retirement that a message asks for.
pub(super) fn retirement(fields: &mut Fields, message: &v1::RetireApiVersionRequest) -> Option<ChangeLifecycle> {
    let step = Step::Retire { retires_at: fields.instant("retire_time", message.retire_time.as_ref()) };
    let successor = fields.version_or_none("successor", message.successor.as_ref());
    let target = target(fields, (&message.context, &message.version), message.environment);
    let change = LifecycleChange {
        successor: successor.map(Successor::Version),
        reason: fields.text("reason", &message.reason, REASON_CHARS_MAX),
        override_reason: fields.text("override_reason", &message.override_reason, REASON_CHARS_MAX),
        etag: fields.etag(&message.etag),
        ..LifecycleChange::new(target?, step)
    };
    Some(change.into())
}

/// A version in an environment.
fn target(fields: &mut Fields, (context, label): (&str, &str), environment: i32) -> Option<Target> {
    let (name, environment) = (fields.version(context, label), fields.word("environment", environment));
    Some(Target::Version(name?, environment?))
}

#[tonic::async_trait]
impl ApiService for ApiRpc {
    async fn create_api(
        &self,
        request: Request<v1::CreateApiRequest>,
    ) -> Result<Response<v1::CreateApiResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("CreateApi", &actor, &message, &message.request_id, Mode::Commit);
        let api = message.api.unwrap_or_default();
        let context = fields.name::<Context>("api.context", &api.context);
        let policy = fields.name::<PolicyName>("api.policy", &api.policy);
        let title = title(&mut fields, "api.title", &api.title);
        let description = fields.text("api.description", &api.description, DESCRIPTION_CHARS_MAX);
        let categories = categories(&mut fields, "api.categories", &api.categories);
        let (Some(context), Some(policy)) = (context, policy) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = CreateApi { context, title, description, policy, categories };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let api = record!(answer.subject, Api)?;
        let api = render::api(&self.hub, &api, answer.revision, answer.at);
        Ok(Response::new(v1::CreateApiResponse { api: Some(api), revision }))
    }

    async fn get_api(&self, request: Request<v1::GetApiRequest>) -> Result<Response<v1::GetApiResponse>, Status> {
        let mut fields = Fields::default();
        let Some(context) = fields.name::<Context>("context", &request.get_ref().context) else {
            return Err(fields.refuse());
        };
        let found = self.hub.get_one(RecordKey::Api(context.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::ApiNotFound(context)))?;
        let api = record!(stored.record, Api)?;
        let api = render::api(&self.hub, &api, stored.revision, self.hub.now());
        Ok(Response::new(v1::GetApiResponse { api: Some(api) }))
    }

    async fn list_apis(&self, request: Request<v1::ListApisRequest>) -> Result<Response<v1::ListApisResponse>, Status> {
        let scope = parse::principal(request.extensions())?.scope();
        let message = request.into_inner();
        let mut fields = Fields::default();
        let policy = fields.name_or_none::<PolicyName>("policy", &message.policy);
        let size = fields.page_size(message.page_size);
        let viewer = match message.viewer.as_str() {
            "" => None,
            viewer => Email::lenient(viewer).map_err(|error| fields.violate("viewer", error.to_string())).ok(),
        };
        fields.check()?;
        // What others subscribe to is told to nobody but staff.
        let viewer = viewer.filter(|viewer| scope.is_everything() || scope.email() == Some(viewer));
        let listed_only = message.listed_only;
        let query = Query::new(
            self.hub.page_seals(),
            "ListApis",
            &[&message.policy, &listed_only.to_string(), &message.viewer],
        );
        let cursor = query.cursor(&message.page_token)?;
        let now = self.hub.now();
        let page = read(&self.hub, move |hub| {
            hub.list(&Hub::prefix(Kind::Api, None), cursor, size, |stored| {
                let Record::Api(api) = &stored.record else { return Err(Failure::Defect) };
                let index = hub.index();
                let listed = || is_listed(&index.versions(&api.context), now);
                let subscribed = || viewer.as_ref().is_some_and(|email| index.subscribes(email, &api.context, now));
                let wanted = policy.as_ref().is_none_or(|policy| *policy == api.policy)
                    && (!listed_only || listed() || subscribed());
                Ok(wanted.then(|| render::api(hub, api, stored.revision, now)))
            })
        })
        .await?;
        Ok(Response::new(v1::ListApisResponse { apis: page.items, next_page_token: query.token(page.next) }))
    }

    async fn update_api(
        &self,
        request: Request<v1::UpdateApiRequest>,
    ) -> Result<Response<v1::UpdateApiResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UpdateApi", &actor, &message, &message.request_id, Mode::Commit);
        let context = fields.name::<Context>("context", &message.context);
        let title = message.title.as_ref().map(|text| title(&mut fields, "title", text));
        let description =
            message.description.as_ref().map(|text| fields.text("description", text, DESCRIPTION_CHARS_MAX));
        let categories = categories(&mut fields, "categories", &message.categories);
        let etag = fields.etag(&message.etag);
        let Some(context) = context else { return Err(fields.refuse()) };
        fields.check()?;
        let categories = message.replace_categories.then_some(categories);
        let command = UpdateApi { context, title, description, categories, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        let api = record!(answer.subject, Api)?;
        let api = render::api(&self.hub, &api, answer.revision, answer.at);
        Ok(Response::new(v1::UpdateApiResponse { api: Some(api), revision }))
    }

    async fn create_api_version(
        &self,
        request: Request<v1::CreateApiVersionRequest>,
    ) -> Result<Response<v1::CreateApiVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("CreateApiVersion", &actor, &message, &message.request_id, mode);
        let version = message.version.unwrap_or_default();
        let context = fields.name("version.context", &version.context);
        let label = fields.name("version.version", &version.version);
        let access_type = fields.word_or_none("version.access_type", version.access_type).unwrap_or(AccessType::Public);
        let description = fields.text("version.description", &version.description, DESCRIPTION_CHARS_MAX);
        let endpoints = endpoints(&mut fields, "version.endpoints", &version.endpoints);
        let definitions = definitions(&mut fields, "version.fields", &version.fields);
        let deployments = deployments(&mut fields, &version.deployments);
        let documentation_uri = uri(&mut fields, "version.documentation_uri", &version.documentation_uri);
        let override_reason = fields.text("override_reason", &message.override_reason, REASON_CHARS_MAX);
        let (Some(context), Some(label)) = (context, label) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = CreateVersion {
            name: VersionName { context, label },
            description,
            access_type,
            company_scoped: version.company_scoped,
            endpoints,
            fields: definitions,
            deployments,
            documentation_uri,
            override_reason,
        };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings.clone());
        let version = Some(self.render(answer)?);
        Ok(Response::new(v1::CreateApiVersionResponse { version, revision, warnings }))
    }

    async fn get_api_version(
        &self,
        request: Request<v1::GetApiVersionRequest>,
    ) -> Result<Response<v1::GetApiVersionResponse>, Status> {
        let message = request.get_ref();
        let mut fields = Fields::default();
        let Some(name) = fields.version(&message.context, &message.version) else { return Err(fields.refuse()) };
        let found = self.hub.get_one(RecordKey::Version(name.clone())).map_err(status::failed)?;
        let stored = found.ok_or_else(|| status::refused(&Refusal::VersionNotFound(name)))?;
        let version = record!(stored.record, Version)?;
        let now = self.hub.now();
        let effective = self.hub.index().effective(&version);
        let retired = |environment| {
            let environment = Environment::from_number(environment);
            environment.and_then(|environment| effective.stage(environment, now)) == Some(Stage::Retired)
        };
        // A reader of a retired version is pointed to the default live one (rule B38).
        let defaults = render::default_versions(&self.hub.index().versions(&version.name.context), now);
        Ok(Response::new(v1::GetApiVersionResponse {
            instead: defaults.into_iter().filter(|version| retired(version.environment)).collect(),
            version: Some(render::api_version(&self.hub, &version, stored.revision, now)),
        }))
    }

    async fn list_api_versions(
        &self,
        request: Request<v1::ListApiVersionsRequest>,
    ) -> Result<Response<v1::ListApiVersionsResponse>, Status> {
        let message = request.into_inner();
        let mut fields = Fields::default();
        let context = fields.name_or_none::<Context>("context", &message.context);
        let environment = fields.word_or_none::<Environment>("environment", message.environment);
        let stage = fields.word_or_none::<Stage>("stage", message.stage);
        let size = fields.page_size(message.page_size);
        fields.check()?;
        let (e, s) = (message.environment.to_string(), message.stage.to_string());
        let query = Query::new(self.hub.page_seals(), "ListApiVersions", &[&message.context, &e, &s]);
        let after = match query.cursor(&message.page_token)? {
            None => None,
            Some(cursor) => {
                let text = std::str::from_utf8(&cursor).ok().and_then(|text| text.split_once('\0'));
                let name = text.and_then(|(context, label)| {
                    Some(VersionName { context: context.parse().ok()?, label: label.parse().ok()? })
                });
                Some(name.ok_or_else(status::page_token)?)
            }
        };
        let now = self.hub.now();
        let (versions, next) = read(&self.hub, move |hub| {
            let names = hub.index().version_names(context.as_ref(), after.as_ref(), size + 1, |version| {
                version.deployments.keys().any(|known| {
                    environment.is_none_or(|wanted| wanted == *known)
                        && stage.is_none_or(|wanted| version.stage(*known, now) == Some(wanted))
                })
            });
            let more = names.len() > size;
            let keys: Vec<RecordKey> = names.into_iter().take(size).map(RecordKey::Version).collect();
            let (mut versions, mut bytes, mut next) = (Vec::new(), 0, None);
            let count = keys.len();
            for (position, stored) in hub.get(&keys)?.into_iter().flatten().enumerate() {
                let Record::Version(version) = &stored.record else { return Err(Failure::Defect) };
                versions.push(render::api_version(hub, version, stored.revision, now));
                bytes += stored.bytes;
                if bytes >= PAGE_BYTES_MAX && position + 1 < count || more && position + 1 == count {
                    next = Some(format!("{}\0{}", version.name.context, version.name.label));
                    break;
                }
            }
            Ok((versions, next))
        })
        .await?;
        let next_page_token = query.token(next.map(|cursor| cursor.into_bytes().into()));
        Ok(Response::new(v1::ListApiVersionsResponse { versions, next_page_token }))
    }

    async fn update_api_version(
        &self,
        request: Request<v1::UpdateApiVersionRequest>,
    ) -> Result<Response<v1::UpdateApiVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let request = fields.request("UpdateApiVersion", &actor, &message, &message.request_id, Mode::Commit);
        let name = fields.version(&message.context, &message.version);
        let description =
            message.description.as_ref().map(|text| fields.text("description", text, DESCRIPTION_CHARS_MAX));
        let access_type = fields.word_or_none("access_type", message.access_type);
        let endpoints = endpoints(&mut fields, "endpoints", &message.endpoints);
        let definitions = definitions(&mut fields, "fields", &message.fields);
        let documentation_uri =
            message.documentation_uri.as_ref().map(|text| uri(&mut fields, "documentation_uri", text));
        let etag = fields.etag(&message.etag);
        let Some(name) = name else { return Err(fields.refuse()) };
        fields.check()?;
        let command = UpdateVersion {
            name,
            description,
            access_type,
            company_scoped: message.company_scoped,
            endpoints: message.replace_endpoints.then_some(endpoints),
            fields: message.replace_fields.then_some(definitions),
            documentation_uri,
            etag,
        };
        let answer = execute(&self.hub, actor, command, request).await?;
        let revision = revision(&answer);
        Ok(Response::new(v1::UpdateApiVersionResponse { version: Some(self.render(answer)?), revision }))
    }

    async fn deploy_api_version(
        &self,
        request: Request<v1::DeployApiVersionRequest>,
    ) -> Result<Response<v1::DeployApiVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("DeployApiVersion", &actor, &message, &message.request_id, mode);
        let name = fields.version(&message.context, &message.version);
        let given = message.deployment.unwrap_or_default();
        let deployment = deployment(&mut fields, "deployment", &given);
        let override_reason = fields.text("override_reason", &message.override_reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(name), Some((environment, deployment))) = (name, deployment) else { return Err(fields.refuse()) };
        fields.check()?;
        let command = DeployVersion { name, environment, deployment, override_reason, etag };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings.clone());
        let version = Some(self.render(answer)?);
        Ok(Response::new(v1::DeployApiVersionResponse { version, revision, warnings }))
    }

    async fn promote_api_version(
        &self,
        request: Request<v1::PromoteApiVersionRequest>,
    ) -> Result<Response<v1::PromoteApiVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("PromoteApiVersion", &actor, &message, &message.request_id, mode);
        let name = fields.version(&message.context, &message.version);
        let environment = fields.word("environment", message.environment);
        let maturity = fields.word("maturity", message.maturity);
        let reason = fields.text("reason", &message.reason, REASON_CHARS_MAX);
        let etag = fields.etag(&message.etag);
        let (Some(name), Some(environment), Some(maturity)) = (name, environment, maturity) else {
            return Err(fields.refuse());
        };
        fields.check()?;
        let endpoints_enabled = message.endpoints_enabled;
        let step = Step::Promote { maturity, endpoints_enabled };
        let change = LifecycleChange { reason, etag, ..LifecycleChange::new(Target::Version(name, environment), step) };
        let command = ChangeLifecycle::from(change);
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings.clone());
        let version = Some(self.render(answer)?);
        Ok(Response::new(v1::PromoteApiVersionResponse { version, revision, warnings }))
    }

    async fn deprecate_api_version(
        &self,
        request: Request<v1::DeprecateApiVersionRequest>,
    ) -> Result<Response<v1::DeprecateApiVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("DeprecateApiVersion", &actor, &message, &message.request_id, mode);
        let Some(command) = deprecation(&mut fields, &message).filter(|_| fields.is_clean()) else {
            return Err(fields.refuse());
        };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings.clone());
        let affected_subscriptions = i64::try_from(answer.affected).unwrap_or(i64::MAX);
        let version = Some(self.render(answer)?);
        Ok(Response::new(v1::DeprecateApiVersionResponse { version, revision, warnings, affected_subscriptions }))
    }

    async fn retire_api_version(
        &self,
        request: Request<v1::RetireApiVersionRequest>,
    ) -> Result<Response<v1::RetireApiVersionResponse>, Status> {
        let actor = parse::actor(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let mode = parse::mode(message.validate_only);
        let request = fields.request("RetireApiVersion", &actor, &message, &message.request_id, mode);
        let Some(command) = retirement(&mut fields, &message).filter(|_| fields.is_clean()) else {
            return Err(fields.refuse());
        };
        let answer = execute(&self.hub, actor, command, request).await?;
        let (revision, warnings) = (revision(&answer), answer.warnings.clone());
        let affected_subscriptions = i64::try_from(answer.affected).unwrap_or(i64::MAX);
        let version = Some(self.render(answer)?);
        Ok(Response::new(v1::RetireApiVersionResponse { version, revision, warnings, affected_subscriptions }))
    }

    async fn list_policies(
        &self,
        _request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        let policies = self.hub.rules().policies.iter().map(render::policy).collect();
        Ok(Response::new(v1::ListPoliciesResponse { policies }))
    }
}
