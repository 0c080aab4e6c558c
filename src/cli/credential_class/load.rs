//! `devhub credential-class load`: puts revisions on record that were announced before.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use devhub_proto::v1;
use serde::Serialize;

use super::file::{self, Announced};
use crate::cli::connection::{Hub, new_request_id};
use crate::cli::failure::explained;
use crate::cli::output::{Format, print_one};

/// What became of the file.
#[derive(Debug, Serialize)]
struct Loaded {
    revisions: usize,
    added: usize,
    warnings: Vec<String>,
}

/// Loads a file. The whole file is read, understood and compared before anything is sent.
pub(super) async fn run(hub: &Hub, path: &Path, output: Format) -> Result<()> {
    let announced = file::read(path)?;
    let known = super::revisions(hub).await?;
    ensure!(
        known.len() <= announced.len(),
        "the hub has {} revisions, the file {}; add the missing ones to the file",
        known.len(),
        announced.len()
    );
    for (known, announced) in known.iter().zip(&announced) {
        ensure!(
            is_same(known, announced),
            "revision {} is another in the hub; revisions are never changed, so add a further one",
            known.number
        );
    }
    let mut loaded = Loaded { revisions: announced.len(), added: 0, warnings: Vec::new() };
    for (position, Announced { request, .. }) in announced.into_iter().enumerate().skip(known.len()) {
        let request = v1::ReviseCredentialClassRequest { request_id: new_request_id(), ..request };
        let answer = hub.credential_class().revise_credential_class(request).await.map_err(explained);
        let answer = answer.with_context(|| format!("revision {} was not put on record", position + 1))?.into_inner();
        loaded.added += 1;
        loaded.warnings.extend(answer.warnings.into_iter().map(|text| format!("revision {}: {text}", position + 1)));
    }
    let fields = [
        ("revisions", loaded.revisions.to_string()),
        ("added", loaded.added.to_string()),
        ("warning", loaded.warnings.join("\n")),
    ];
    print_one(output, &loaded, &fields)
}

fn is_same(known: &v1::ClassRevision, announced: &Announced) -> bool {
    known.announce_time == announced.request.announce_time && known.after == Some(announced.after)
}
