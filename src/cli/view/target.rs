//! What has a schedule.

use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target;
use serde::Serialize;

use super::environment;

/// A version, an operation or a namespace in an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TargetView {
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

impl TargetView {
    /// The target of a message; empty when it says none.
    pub fn of(target: Option<v1::ScheduleTarget>) -> TargetView {
        let Some(target) = target else { return TargetView::default() };
        let mut view = TargetView { environment: environment(target.environment), ..TargetView::default() };
        match target.target {
            Some(Target::Version(name)) => (view.context, view.version) = (Some(name.context), Some(name.version)),
            Some(Target::Operation(operation)) => {
                let name = operation.version.unwrap_or_default();
                (view.context, view.version) = (Some(name.context), Some(name.version));
                (view.method, view.path) = (Some(operation.method), Some(operation.path));
            }
            Some(Target::Namespace(name)) => view.namespace = Some(name),
            None => {}
        }
        view
    }

    /// Where.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// For people, without the environment.
    pub fn name(&self) -> String {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        match (&self.namespace, &self.method) {
            (Some(namespace), _) => format!("namespace {namespace}"),
            (None, Some(method)) => {
                format!("{method} {} of {} {}", text(&self.path), text(&self.context), text(&self.version))
            }
            (None, None) => format!("{} {}", text(&self.context), text(&self.version)),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        format!("{} in {}", self.name(), self.environment)
    }
}
