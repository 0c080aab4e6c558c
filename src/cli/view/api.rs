//! APIs.

use std::collections::BTreeMap;

use devhub_proto::v1;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;

/// An API.
#[derive(Debug, Clone, Serialize)]
pub struct ApiView {
    context: String,
    title: String,
    description: String,
    policy: String,
    categories: Vec<String>,
    default_versions: BTreeMap<String, String>,
    create_time: Option<String>,
    etag: String,
}

impl From<v1::Api> for ApiView {
    fn from(api: v1::Api) -> ApiView {
        let defaults = api.default_versions.into_iter().map(|d| (environment(d.environment), d.version));
        ApiView {
            context: api.context,
            title: api.title,
            description: api.description,
            policy: api.policy,
            categories: api.categories,
            default_versions: defaults.collect(),
            create_time: time(api.create_time),
            etag: api.etag,
        }
    }
}

impl ApiView {
    fn default_text(&self) -> String {
        let defaults = self.default_versions.iter().map(|(environment, version)| format!("{environment} {version}"));
        defaults.collect::<Vec<_>>().join(", ")
    }

    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("context", self.context.clone()),
            ("title", self.title.clone()),
            ("description", self.description.clone()),
            ("policy", self.policy.clone()),
            ("categories", self.categories.join(", ")),
            ("default versions", self.default_text()),
            ("registered", or_empty(&self.create_time)),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for ApiView {
    const HEADER: &'static [&'static str] = &["CONTEXT", "TITLE", "POLICY", "DEFAULT VERSIONS"];

    fn cells(&self) -> Vec<String> {
        vec![self.context.clone(), self.title.clone(), self.policy.clone(), self.default_text()]
    }
}
