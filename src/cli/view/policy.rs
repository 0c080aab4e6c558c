//! Lifecycle policies.

use devhub_proto::v1;
use serde::Serialize;

use super::stage;
use crate::cli::output::Row;

/// A lifecycle policy.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyView {
    name: String,
    description: String,
    stages: Vec<StageView>,
    #[serde(skip)]
    matrix: String,
}

#[derive(Debug, Clone, Serialize)]
struct StageView {
    stage: String,
    title: String,
    meaning: String,
    documentation: bool,
    new_subscriptions: bool,
    calls: bool,
    support: String,
    notices: String,
}

impl From<v1::Policy> for PolicyView {
    fn from(policy: v1::Policy) -> PolicyView {
        let stages = policy.stages.into_iter().map(|view| StageView {
            stage: stage(view.stage),
            title: view.title,
            meaning: view.meaning,
            documentation: view.documentation,
            new_subscriptions: view.new_subscriptions,
            calls: view.calls,
            support: view.support,
            notices: view.notices,
        });
        PolicyView {
            name: policy.name,
            description: policy.description,
            stages: stages.collect(),
            matrix: policy.matrix,
        }
    }
}

impl PolicyView {
    /// Name, description and status matrix, as the hub prints it.
    pub fn text(&self) -> String {
        format!("{}: {}\n\n{}\n", self.name, self.description, self.matrix.trim_end())
    }
}

impl Row for PolicyView {
    const HEADER: &'static [&'static str] = &["POLICY", "DESCRIPTION", "STAGES"];

    fn cells(&self) -> Vec<String> {
        let stages: Vec<&str> = self.stages.iter().map(|stage| stage.stage.as_str()).collect();
        vec![self.name.clone(), self.description.clone(), stages.join(", ")]
    }
}
