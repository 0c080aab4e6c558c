//! From what a proposal keeps back to the command: parsed as when it was asked for.

use bytes::Bytes;
use devhub_proto::v1;
use prost::Message;
use tonic::Status;

use crate::domain::Command;
use crate::domain::proposal::Proposal;
use crate::domain::restored::ConfirmRestore;
use crate::hub::{Failure, Hub};
use crate::rpc::parse::{Fields, REASON_CHARS_MAX};
use crate::rpc::{api, credential_class, schedule, status, waiver};

/// The calls that may take two persons.
pub const CALLS: [&str; 6] = [
    "ChangeLifecycle",
    "DeprecateApiVersion",
    "RetireApiVersion",
    "GrantWaiver",
    "ReviseCredentialClass",
    "ConfirmRestore",
];

fn decoded<M: Message + Default>(request: &[u8]) -> Result<M, Status> {
    M::decode(Bytes::copy_from_slice(request)).map_err(|_| status::failed(Failure::Defect))
}

/// The command that a proposal proposes.
///
/// # Errors
/// When what it keeps is none that this release understands.
pub(super) fn command(hub: &Hub, proposal: &Proposal) -> Result<Command, Status> {
    let mut fields = Fields::default();
    let command: Option<Command> = match proposal.call.as_str() {
        "ChangeLifecycle" => {
            let message: v1::ChangeLifecycleRequest = decoded(&proposal.request)?;
            Some(schedule::parse::changes(&mut fields, hub, &message.changes).into())
        }
        "DeprecateApiVersion" => api::deprecation(&mut fields, &decoded(&proposal.request)?).map(Command::from),
        "RetireApiVersion" => api::retirement(&mut fields, &decoded(&proposal.request)?).map(Command::from),
        "GrantWaiver" => waiver::grant(&mut fields, hub, &decoded(&proposal.request)?).map(Command::from),
        "ReviseCredentialClass" => Some(credential_class::revise(&mut fields, &decoded(&proposal.request)?).into()),
        "ConfirmRestore" => Some(confirm_restore(&mut fields, hub, &decoded(&proposal.request)?).into()),
        _ => None,
    };
    match command {
        Some(command) if fields.is_clean() => Ok(command),
        Some(_) => Err(fields.refuse()),
        None => Err(status::failed(Failure::Defect)),
    }
}

/// The confirmation of a restore.
pub(super) fn confirm_restore(fields: &mut Fields, hub: &Hub, message: &v1::ConfirmRestoreRequest) -> ConfirmRestore {
    let later_facts = message.later_facts.map(u64::try_from).transpose().unwrap_or_else(|_| {
        fields.violate("later_facts", "must not be negative; leave it out if no trail is at hand");
        None
    });
    let epoch: String = hub.history().iter().map(|byte| format!("{byte:02x}")).collect();
    ConfirmRestore {
        epoch: hub.is_held().then_some(epoch),
        reason: fields.needed_text("reason", &message.reason, REASON_CHARS_MAX),
        later_facts,
    }
}
