//! The wire for portals: one thin file per service. Parse, call the hub, render; no rule lives here.

mod announcement;
mod api;
mod app_version;
mod application;
mod approval;
mod audit;
mod call_limit;
mod company;
mod credential;
mod credential_class;
mod fact;
mod follow;
mod import;
mod installation;
mod listing;
mod maintenance;
mod migration;
mod notice;
mod organisation;
pub mod parse;
mod render;
mod schedule;
mod service_account;
pub mod status;
mod subscription;
mod uplift;
mod usage;
mod version;
mod waiver;

use tonic::{Request as Called, Status};

use crate::domain::{Actor, Command};
use crate::hub::{Answer, Done, Failure, Hub, Request, View};

pub use announcement::AnnouncementRpc;
pub use api::ApiRpc;
pub use app_version::AppVersionRpc;
pub use application::ApplicationRpc;
pub use approval::{ApprovalRpc, CALLS as PROPOSED_CALLS};
pub use audit::AuditRpc;
pub use call_limit::CallLimitRpc;
pub use company::CompanyRpc;
pub use credential::CredentialRpc;
pub use credential_class::CredentialClassRpc;
pub use fact::FactRpc;
pub use installation::InstallationRpc;
pub use listing::ListingRpc;
pub use maintenance::MaintenanceRpc;
pub use migration::MigrationRpc;
pub use notice::NoticeRpc;
pub use organisation::OrganisationRpc;
pub use schedule::ScheduleRpc;
pub use service_account::ServiceAccountRpc;
pub use subscription::SubscriptionRpc;
pub use usage::UsageRpc;
pub use waiver::WaiverRpc;

/// Executes a command and renders its refusal.
pub(crate) async fn execute(
    hub: &Hub,
    actor: impl Into<Actor>,
    command: impl Into<Command>,
    request: Request,
) -> Result<Answer, Status> {
    hub.execute(actor.into(), command.into(), request).await.map_err(status::failed)
}

/// What the caller gets to see of the hub.
fn seen<T>(hub: &Hub, called: &Called<T>) -> Result<View, Status> {
    Ok(hub.view(parse::principal(called.extensions())?.scope()))
}

/// Runs a read that may take a while on a thread that may wait.
pub(crate) async fn read<H: Clone + Send + 'static, T: Send + 'static>(
    hub: &H,
    work: impl FnOnce(&H) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Status> {
    let hub = hub.clone();
    let done = tokio::task::spawn_blocking(move || work(&hub)).await;
    done.unwrap_or(Err(Failure::Defect)).map_err(status::failed)
}

/// The revision that a reply states: that of the commit, 0 when nothing was committed.
pub(crate) fn revision(answer: &Answer) -> u64 {
    match answer.done {
        Done::Committed => answer.revision,
        Done::Judged | Done::AlreadySo => 0,
    }
}

/// Takes the record of one kind out of an answer or a read.
macro_rules! record {
    ($record:expr, $variant:ident) => {
        if let $crate::domain::Record::$variant(record) = $record {
            Ok(record)
        } else {
            Err($crate::rpc::status::failed($crate::hub::Failure::Defect))
        }
    };
}
pub(crate) use record;
