//! What a request of AuthZEN asks.

use devhub_decision::{Environment, Operation, Question};
use serde::Deserialize;

/// The type of the subject.
const SUBJECT: &str = "application";

/// The type of the resource.
const RESOURCE: &str = "api_version";

/// The name of the action.
const ACTION: &str = "invoke";

/// Longest part of a question, in bytes.
const PART_BYTES_MAX: usize = 128;

/// Longest path of an operation, in bytes.
const PATH_BYTES_MAX: usize = 2048;

/// Longest method, in bytes.
const METHOD_BYTES_MAX: usize = 16;

/// Why something is no question; a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

impl Fault {
    pub(super) fn new(sentence: &str) -> Fault {
        Fault(sentence.to_owned())
    }
}

/// One evaluation. What AuthZEN allows besides is none of ours, and is passed over.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Evaluation {
    subject: Option<Subject>,
    action: Option<Action>,
    resource: Option<Resource>,
}

#[derive(Debug, Clone, Deserialize)]
struct Subject {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    properties: SubjectProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct SubjectProperties {
    company_id: Option<String>,
    project_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Action {
    name: String,
    #[serde(default)]
    properties: ActionProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ActionProperties {
    method: Option<String>,
    path: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    properties: ResourceProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ResourceProperties {
    environment: Option<String>,
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Semantic {
    /// Never.
    ExecuteAll,
    /// At the first denial.
    DenyOnFirstDeny,
    /// At the first allow.
    PermitOnFirstPermit,
}

#[derive(Debug, Default, Deserialize)]
struct Options {
    evaluations_semantic: Option<String>,
}

/// Several evaluations, and what those of them mean that leave something out.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(flatten)]
    pub(super) defaults: Evaluation,
    #[serde(default)]
    pub(super) evaluations: Vec<Evaluation>,
    #[serde(default)]
    options: Options,
}

fn parsed<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault(format!("the body is no evaluation request: {error}")))
}

impl Batch {
    pub(super) fn of(body: &[u8]) -> Result<Batch, Fault> {
        parsed(body)
    }

    pub(super) fn semantic(&self) -> Result<Semantic, Fault> {
        match self.options.evaluations_semantic.as_deref() {
            None | Some("execute_all") => Ok(Semantic::ExecuteAll),
            Some("deny_on_first_deny") => Ok(Semantic::DenyOnFirstDeny),
            Some("permit_on_first_permit") => Ok(Semantic::PermitOnFirstPermit),
            Some(_) => Err(Fault::new(
                "options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit",
            )),
        }
    }
}

impl Evaluation {
    pub(super) fn of(body: &[u8]) -> Result<Evaluation, Fault> {
        parsed(body)
    }

    /// This evaluation, with what it leaves out taken from `defaults`. A member is taken whole or not at all.
    pub(super) fn over(&self, defaults: &Evaluation) -> Evaluation {
        Evaluation {
            subject: self.subject.clone().or_else(|| defaults.subject.clone()),
            action: self.action.clone().or_else(|| defaults.action.clone()),
            resource: self.resource.clone().or_else(|| defaults.resource.clone()),
        }
    }

    /// The question that it asks.
    pub(super) fn question(&self, environment: Option<Environment>) -> Result<Question<'_>, Fault> {
        let subject = self.subject.as_ref().ok_or(Fault::new("subject is missing"))?;
        let action = self.action.as_ref().ok_or(Fault::new("action is missing"))?;
        let resource = self.resource.as_ref().ok_or(Fault::new("resource is missing"))?;
        for (field, said, known) in [
            ("subject.type", &subject.kind, SUBJECT),
            ("action.name", &action.name, ACTION),
            ("resource.type", &resource.kind, RESOURCE),
        ] {
            if said != known {
                return Err(Fault(format!("{field} must be {known}")));
            }
        }
        let client_id = part("subject.id", Some(&subject.id))?.unwrap_or_default();
        let (context, label) = resource
            .id
            .rsplit_once('/')
            .ok_or(Fault::new("resource.id must be the context of an API, a slash, and the label of a version"))?;
        let context = part("resource.id", Some(context))?.unwrap_or_default();
        let label = part("resource.id", Some(label))?.unwrap_or_default();
        let named = match resource.properties.environment.as_deref() {
            Some(name) => Environment::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name)),
            None => environment,
        };
        let environment = named.ok_or(Fault::new("resource.properties.environment must be SANDBOX or PRODUCTION"))?;
        Ok(Question {
            client_id,
            context,
            label,
            environment,
            operation: operation(&action.properties)?,
            company: part("subject.properties.company_id", subject.properties.company_id.as_deref())?,
            project: part("subject.properties.project_id", subject.properties.project_id.as_deref())?,
        })
    }
}

fn part<'q>(field: &str, text: Option<&'q str>) -> Result<Option<&'q str>, Fault> {
    match text {
        Some(text) if !(1..=PART_BYTES_MAX).contains(&text.len()) => {
            Err(Fault(format!("{field} must have 1 to {PART_BYTES_MAX} bytes")))
        }
        Some(_) | None => Ok(text),
    }
}

fn operation(properties: &ActionProperties) -> Result<Option<Operation<'_>>, Fault> {
    match (properties.method.as_deref(), properties.path.as_deref()) {
        (None, None) => Ok(None),
        (Some(method), Some(path)) => {
            let plain =
                (1..=METHOD_BYTES_MAX).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
            if !plain {
                return Err(Fault(format!(
                    "action.properties.method must have 1 to {METHOD_BYTES_MAX} upper-case letters"
                )));
            }
            if !path.starts_with('/') || path.len() > PATH_BYTES_MAX {
                return Err(Fault(format!(
                    "action.properties.path must begin with a slash and have at most {PATH_BYTES_MAX} bytes"
                )));
            }
            Ok(Some(Operation { method, path }))
        }
        (Some(_), None) | (None, Some(_)) => {
            Err(Fault::new("action.properties must have both method and path, or neither"))
        }
    }
}
