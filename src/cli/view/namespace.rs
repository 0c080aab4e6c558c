//! Namespaces that have dates of their own.

use devhub_proto::v1;
use serde::Serialize;

use super::schedule::{BrownoutView, StateView};
use super::{environment, stage};
use crate::cli::output::Row;

/// A namespace with a schedule.
#[derive(Debug, Clone, Serialize)]
pub struct NamespaceView {
    namespace: String,
    deployments: Vec<NamespaceDeploymentView>,
    etag: String,
}

#[derive(Debug, Clone, Serialize)]
struct NamespaceDeploymentView {
    environment: String,
    stage: String,
    #[serde(flatten)]
    state: StateView,
    brownouts: Vec<BrownoutView>,
    successor: String,
    successor_uri: String,
}

impl From<v1::Namespace> for NamespaceView {
    fn from(namespace: v1::Namespace) -> NamespaceView {
        let deployments = namespace.deployments.into_iter().map(|deployment| NamespaceDeploymentView {
            environment: environment(deployment.environment),
            stage: stage(deployment.stage),
            state: deployment.schedule.map(StateView::from).unwrap_or_default(),
            brownouts: deployment.brownouts.into_iter().map(BrownoutView::from).collect(),
            successor: deployment.successor,
            successor_uri: deployment.successor_uri,
        });
        NamespaceView { namespace: namespace.namespace, deployments: deployments.collect(), etag: namespace.etag }
    }
}

impl NamespaceDeploymentView {
    fn text(&self) -> String {
        let [_, dates @ ..] = self.state.fields();
        let mut lines = vec![self.stage.clone()];
        lines.extend(dates.iter().filter(|(_, date)| !date.is_empty()).map(|(name, date)| format!("{name} {date}")));
        lines.extend((!self.successor.is_empty()).then(|| format!("replaced by {}", self.successor)));
        lines.join("\n")
    }
}

impl Row for NamespaceView {
    const HEADER: &'static [&'static str] = &["NAMESPACE", "SANDBOX", "PRODUCTION"];

    fn cells(&self) -> Vec<String> {
        let text = |environment: &str| {
            let found = self.deployments.iter().find(|deployment| deployment.environment == environment);
            found.map(NamespaceDeploymentView::text).unwrap_or_default()
        };
        vec![self.namespace.clone(), text("SANDBOX"), text("PRODUCTION")]
    }
}
