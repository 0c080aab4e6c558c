//! What a plan is known by. Two plans have one fingerprint exactly when they do the same and rest on the same state of
//! the hub, so a reviewed plan is applied as it was reviewed or not at all.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::action::Action;
use super::plan::Plan;
use super::read::Actual;

/// The fingerprint of a plan and of everything that was read for it.
pub fn fingerprint(plan: &Plan, actual: &Actual) -> String {
    let mut hash = Sha256::new();
    for step in &plan.steps {
        part(&mut hash, b"step", &step.action.canonical());
    }
    for blocked in &plan.blocked {
        part(&mut hash, b"blocked", blocked.subject.as_bytes());
        part(&mut hash, b"reason", blocked.reason.as_bytes());
    }
    for (context, api) in &actual.apis {
        part(&mut hash, b"api", context.as_bytes());
        part(&mut hash, b"etag", api.etag.as_bytes());
        for version in &api.versions {
            part(&mut hash, b"version", version.entry.version.as_bytes());
            part(&mut hash, b"etag", version.etag.as_bytes());
        }
    }
    for (name, namespace) in &actual.namespaces {
        part(&mut hash, b"namespace", name.as_bytes());
        part(&mut hash, b"etag", namespace.etag.as_bytes());
    }
    hex(&hash.finalize())
}

/// The request id of the actions of one call: the same actions by the same actor against the same state are the same
/// request, so that a call whose answer was lost can be made again.
pub fn request_id(actions: &[(&Action, &str)], actor: &str) -> String {
    let mut hash = Sha256::new();
    for (action, etag) in actions {
        part(&mut hash, b"action", &action.canonical());
        part(&mut hash, b"etag", etag.as_bytes());
    }
    part(&mut hash, b"actor", actor.as_bytes());
    hex(&hash.finalize())
}

/// Every part is preceded by its name and its length, so that no two lists of parts hash alike.
fn part(hash: &mut Sha256, name: &[u8], bytes: &[u8]) {
    hash.update(name);
    hash.update([0]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}
