//! `devhub list`: many things, whole.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use devhub_proto::v1;

use super::catalogue::read::{PAGE, apis, versions};
use super::connection::{Connection, Hub};
use super::date::Moment;
use super::failure::explained;
use super::lifecycle::read::namespaces;
use super::output::{Format, print_rows, print_text};
use super::pages::all_pages;
use super::view::access::AccessRequestView;
use super::view::api::ApiView;
use super::view::application::ApplicationView;
use super::view::fact::FactView;
use super::view::installation::InstallationView;
use super::view::namespace::NamespaceView;
use super::view::policy::PolicyView;
use super::view::subscription::SubscriptionView;
use super::view::version::VersionView;
use super::words::{AccessRequestState, Environment, Stage};
use crate::wire::timestamp;

/// What to list.
#[derive(Debug, Clone, Subcommand)]
pub enum List {
    /// APIs
    Apis {
        /// Only those with this policy
        #[arg(long, value_name = "POLICY")]
        policy: Option<String>,
    },
    /// Versions
    Versions {
        /// Only those of this API
        context: Option<String>,
        /// The same, as the other lists spell it
        #[arg(long = "context", value_name = "CONTEXT", conflicts_with = "context")]
        of: Option<String>,
        /// Only those deployed here
        #[arg(long, value_enum)]
        environment: Option<Environment>,
        /// Only those in this stage
        #[arg(long, value_enum)]
        stage: Option<Stage>,
    },
    /// Applications
    Applications {
        /// Only those of this environment
        #[arg(long, value_enum)]
        environment: Option<Environment>,
        /// Only those of this owner
        #[arg(long, value_name = "OWNER")]
        owner: Option<String>,
        /// Only those with this collaborator
        #[arg(long, value_name = "E-MAIL")]
        collaborator: Option<String>,
        /// Deleted ones too
        #[arg(long)]
        deleted: bool,
    },
    /// Subscriptions
    Subscriptions {
        /// Only those of this application
        #[arg(long, value_name = "ID")]
        application: Option<String>,
        /// Only those to versions of this API
        #[arg(long, value_name = "CONTEXT")]
        context: Option<String>,
        /// Only those to this version
        #[arg(long, value_name = "VERSION", requires = "context")]
        version: Option<String>,
        /// Only those of this environment
        #[arg(long, value_enum)]
        environment: Option<Environment>,
        /// Ended ones too
        #[arg(long)]
        ended: bool,
    },
    /// Requests for access to CONTROLLED versions
    AccessRequests {
        /// Only those of this application
        #[arg(long, value_name = "ID")]
        application: Option<String>,
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<AccessRequestState>,
    },
    /// Which company runs what
    Installations {
        /// Only those of this application
        #[arg(long, value_name = "ID")]
        application: Option<String>,
        /// Only those in this company
        #[arg(long, value_name = "ID")]
        company: Option<String>,
        /// Uninstalled ones too
        #[arg(long)]
        ended: bool,
    },
    /// The audit trail
    Facts(Box<FactFilter>),
    /// Lifecycle policies with their status matrices
    Policies,
    /// Namespaces that have dates of their own
    Namespaces,
}

/// Which facts.
#[derive(Debug, Clone, Args)]
pub struct FactFilter {
    /// Only those of this application
    #[arg(long, value_name = "ID")]
    application: Option<String>,
    /// Only those of this API
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Only those of this version
    #[arg(long, value_name = "VERSION", requires = "context")]
    version: Option<String>,
    /// Only those by this actor, for example operator:jane
    #[arg(long = "by", value_name = "ACTOR")]
    by: Option<String>,
    /// Only those by actors who came through this portal
    #[arg(long, value_name = "PORTAL")]
    via: Option<String>,
    /// Only those of this kind, for example SUBSCRIBED; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only those of this company
    #[arg(long, value_name = "COMPANY-ID")]
    company: Option<String>,
    /// Only those of this service account
    #[arg(long, value_name = "ACCOUNT-ID")]
    account: Option<String>,
    /// Only commands that were refused for this reason, for example VERSION_DEPRECATED
    #[arg(long, value_name = "REASON")]
    refusal: Option<String>,
    /// Only refused commands of this name, for example Subscribe
    #[arg(long, value_name = "NAME")]
    refused_command: Option<String>,
    /// Only those judged at or after this instant
    #[arg(long, value_name = "INSTANT")]
    from: Option<Moment>,
    /// Only those judged before this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<Moment>,
}

impl FactFilter {
    /// The filter as a message.
    ///
    /// # Errors
    /// When a kind is not known.
    pub fn message(&self) -> Result<v1::FactFilter> {
        Ok(v1::FactFilter {
            application_id: self.application.clone().unwrap_or_default(),
            context: self.context.clone().unwrap_or_default(),
            version: self.version.clone().unwrap_or_default(),
            actor: self.by.clone().unwrap_or_default(),
            kinds: self.kinds.iter().map(|kind| fact_kind(kind)).collect::<Result<_>>()?,
            start_time: self.from.as_ref().map(|moment| timestamp(moment.instant)),
            end_time: self.until.as_ref().map(|moment| timestamp(moment.instant)),
            company_id: self.company.clone().unwrap_or_default(),
            account_id: self.account.clone().unwrap_or_default(),
            refusal: self.refusal.clone().unwrap_or_default(),
            refused_command: self.refused_command.clone().unwrap_or_default(),
            via: self.via.clone().unwrap_or_default(),
        })
    }
}

fn fact_kind(name: &str) -> Result<i32> {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    match v1::FactKind::from_str_name(&format!("FACT_KIND_{upper}")) {
        Some(kind) if kind != v1::FactKind::Unspecified => Ok(kind.into()),
        Some(_) | None => {
            // The numbers have gaps.
            let kinds = (1..1000).filter_map(|number| v1::FactKind::try_from(number).ok());
            let names = kinds.map(|kind| kind.as_str_name());
            let names: Vec<&str> = names.filter_map(|name| name.strip_prefix("FACT_KIND_")).collect();
            bail!("--kind {name:?} is no kind of fact; write one of {}", names.join(", "))
        }
    }
}

/// The number of a word that may be missing.
macro_rules! wire {
    ($word:expr) => {
        $word.map(|word| i32::from(word.wire())).unwrap_or_default()
    };
}

impl List {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            List::Apis { policy } => {
                let all = apis(&hub, policy.clone().unwrap_or_default()).await?;
                print_rows(output, &all.into_iter().map(ApiView::from).collect::<Vec<_>>())?;
            }
            List::Versions { context, of, environment, stage } => {
                let query = v1::ListApiVersionsRequest {
                    context: context.clone().or_else(|| of.clone()).unwrap_or_default(),
                    environment: wire!(environment),
                    stage: wire!(stage),
                    ..Default::default()
                };
                let all = versions(&hub, query).await?;
                print_rows(output, &all.into_iter().map(VersionView::from).collect::<Vec<_>>())?;
            }
            List::Applications { environment, owner, collaborator, deleted } => {
                let request = v1::ListApplicationsRequest {
                    environment: wire!(environment),
                    owner: owner.clone().unwrap_or_default(),
                    collaborator: collaborator.clone().unwrap_or_default(),
                    show_deleted: *deleted,
                    page_size: PAGE,
                    page_token: String::new(),
                    unused_only: false,
                };
                let all = all_pages!(hub.applications(), list_applications, applications, request);
                print_rows(output, &all.into_iter().map(ApplicationView::from).collect::<Vec<_>>())?;
            }
            List::Subscriptions { application, context, version, environment, ended } => {
                let request = v1::ListSubscriptionsRequest {
                    application_id: application.clone().unwrap_or_default(),
                    context: context.clone().unwrap_or_default(),
                    version: version.clone().unwrap_or_default(),
                    show_ended: *ended,
                    page_size: PAGE,
                    page_token: String::new(),
                    environment: wire!(environment),
                };
                let all = all_pages!(hub.subscriptions(), list_subscriptions, subscriptions, request);
                print_rows(output, &all.into_iter().map(SubscriptionView::from).collect::<Vec<_>>())?;
            }
            List::AccessRequests { application, state } => {
                let request = v1::ListAccessRequestsRequest {
                    application_id: application.clone().unwrap_or_default(),
                    state: wire!(state),
                    page_size: PAGE,
                    page_token: String::new(),
                };
                let all = all_pages!(hub.subscriptions(), list_access_requests, access_requests, request);
                print_rows(output, &all.into_iter().map(AccessRequestView::from).collect::<Vec<_>>())?;
            }
            List::Installations { application, company, ended } => {
                let request = v1::ListInstallationsRequest {
                    application_id: application.clone().unwrap_or_default(),
                    company_id: company.clone().unwrap_or_default(),
                    show_uninstalled: *ended,
                    page_size: PAGE,
                    page_token: String::new(),
                };
                let all = all_pages!(hub.installations(), list_installations, installations, request);
                print_rows(output, &all.into_iter().map(InstallationView::from).collect::<Vec<_>>())?;
            }
            List::Facts(filter) => print_facts_of(&hub, filter, output).await?,
            List::Policies => print_policies(&hub, output).await?,
            List::Namespaces => {
                let all = namespaces(&hub).await?;
                print_rows(output, &all.into_iter().map(NamespaceView::from).collect::<Vec<_>>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints the facts that a filter admits.
///
/// # Errors
/// When the hub refuses.
pub async fn print_facts(filter: &FactFilter, connection: &Connection, output: Format) -> Result<()> {
    print_facts_of(&connection.hub().await?, filter, output).await
}

async fn print_facts_of(hub: &Hub, filter: &FactFilter, output: Format) -> Result<()> {
    let request = v1::ListFactsRequest { filter: Some(filter.message()?), page_size: PAGE, page_token: String::new() };
    let all = all_pages!(hub.facts(), list_facts, facts, request);
    print_rows(output, &all.into_iter().map(FactView::from).collect::<Vec<_>>())
}

async fn print_policies(hub: &Hub, output: Format) -> Result<()> {
    let answer = hub.apis().list_policies(v1::ListPoliciesRequest {}).await.map_err(explained)?.into_inner();
    let policies: Vec<PolicyView> = answer.policies.into_iter().map(PolicyView::from).collect();
    match output {
        Format::Table => print_text(&policies.iter().map(PolicyView::text).collect::<Vec<_>>().join("\n")),
        Format::Json | Format::Yaml => print_rows(output, &policies),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_in_the_contract() {
        assert_eq!(fact_kind("SUBSCRIBED").expect("a kind"), 20);
        assert_eq!(fact_kind("version-retired").expect("a kind"), 8);
        let sentence = fact_kind("SUBSCRIBES").expect_err("unknown").to_string();
        assert!(
            sentence.contains("COMMAND_REFUSED")
                && sentence.contains("NOTICE_GIVEN")
                && !sentence.contains("UNSPECIFIED"),
            "{sentence}"
        );
    }
}
