//! The question that `check` and `explain` ask.

use clap::Args;
use devhub_proto::v1;

use super::words::Environment;

/// One call: who, what, where.
#[derive(Debug, Clone, Args)]
pub struct Question {
    /// What the caller presents to the gateway
    #[arg(long, value_name = "CLIENT-ID")]
    client: String,
    /// Context of the API, for example individuals/losses
    context: String,
    /// Label of the version, for example 1.10
    version: String,
    /// The environment of the gateway
    #[arg(long, value_enum, default_value_t = Environment::Production)]
    environment: Environment,
    /// Answer only from facts at least this new: the revision of a write
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    min_revision: u64,
    /// Method of the call, for example GET; with --path, asks about one operation of the version
    #[arg(long, value_name = "METHOD", requires = "path")]
    method: Option<String>,
    /// Path of the call below the context, for example /AA123456A/losses
    #[arg(long, value_name = "PATH", requires = "method")]
    path: Option<String>,
    /// Company that the call is about, as its header names it; for company-scoped versions
    #[arg(long, value_name = "COMPANY-ID")]
    company: Option<String>,
    /// Project of the company that the call is about
    #[arg(long, value_name = "PROJECT-ID", requires = "company")]
    project: Option<String>,
}

impl Question {
    /// The question as a message.
    pub fn message(&self) -> v1::AuthorizeRequest {
        v1::AuthorizeRequest {
            client_id: self.client.clone(),
            context: self.context.clone(),
            version: self.version.clone(),
            environment: self.environment.wire().into(),
            min_revision: self.min_revision,
            method: self.method.clone(),
            path: self.path.clone(),
            company_id: self.company.clone(),
            project_id: self.project.clone(),
        }
    }
}
