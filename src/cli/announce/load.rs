//! `devhub announce load`: announcements of a file, revision by revision.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use devhub_proto::v1;
use serde::Serialize;
use tonic::Code;

use super::file::{AnnouncementEntry, AnnouncementFile, Revision};
use crate::cli::connection::Hub;
use crate::cli::failure::explained;
use crate::cli::output::{Format, Row, print_rows};

/// What became of an announcement.
#[derive(Debug, Serialize)]
struct Loaded {
    announcement_id: String,
    revisions: usize,
    added: usize,
    warnings: Vec<String>,
}

impl Row for Loaded {
    const HEADER: &'static [&'static str] = &["ANNOUNCEMENT", "REVISIONS", "ADDED", "WARNINGS"];

    fn cells(&self) -> Vec<String> {
        let Loaded { announcement_id, revisions, added, warnings } = self;
        vec![announcement_id.clone(), revisions.to_string(), added.to_string(), warnings.join("; ")]
    }
}

/// Loads a file. The whole file is read and understood before anything is sent.
pub(super) async fn run(hub: &Hub, path: &Path, output: Format) -> Result<ExitCode> {
    let file = AnnouncementFile::read(path)?;
    let complete: Vec<(&AnnouncementEntry, Vec<Revision>)> =
        file.announcements.iter().map(|entry| Ok((entry, entry.complete()?))).collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for (entry, revisions) in complete {
        rows.push(load(hub, &entry.id, revisions).await?);
    }
    print_rows(output, &rows)?;
    Ok(ExitCode::SUCCESS)
}

async fn load(hub: &Hub, id: &str, revisions: Vec<Revision>) -> Result<Loaded> {
    let known = known_revisions(hub, id).await?;
    let count = revisions.len();
    if known.len() > count {
        bail!("the hub has {} revisions of {id}, the file {count}; add the missing ones to the file", known.len());
    }
    let mut loaded = Loaded { announcement_id: id.to_owned(), revisions: count, added: 0, warnings: Vec::new() };
    for (position, revision) in revisions.into_iter().enumerate() {
        match known.get(position) {
            Some(known) if is_same(known, &revision) => {}
            Some(_) => bail!(
                "revision {} of {id} is another in the hub; revisions are never changed, so add a further one",
                position + 1
            ),
            None => {
                loaded.warnings = send(hub, id, position, revision).await?;
                loaded.added += 1;
            }
        }
    }
    Ok(loaded)
}

async fn known_revisions(hub: &Hub, id: &str) -> Result<Vec<v1::AnnouncementRevision>> {
    let request = v1::GetAnnouncementRequest { announcement_id: id.to_owned(), as_of: None };
    match hub.announcements().get_announcement(request).await {
        Ok(_) => super::revisions(hub, id).await,
        Err(status) if status.code() == Code::NotFound => Ok(Vec::new()),
        Err(status) => Err(explained(status)),
    }
}

fn is_same(known: &v1::AnnouncementRevision, revision: &Revision) -> bool {
    let mut content = known.content.clone().unwrap_or_default();
    // Texts for people are the hub's.
    let effect = content.effect.get_or_insert_default();
    effect.start_local.clear();
    effect.end_local.clear();
    let mut wanted = revision.content.clone();
    wanted.effect.get_or_insert_default();
    known.publish_time == Some(revision.publish_time)
        && known.withdrawn == revision.withdrawn
        && (known.withdrawn || content == wanted)
}

async fn send(hub: &Hub, id: &str, position: usize, revision: Revision) -> Result<Vec<String>> {
    let Revision { content, publish_time, note, withdrawn } = revision;
    let announcement_id = id.to_owned();
    let mut client = hub.announcements();
    Ok(if withdrawn {
        let request = v1::WithdrawAnnouncementRequest {
            announcement_id,
            publish_time: Some(publish_time),
            note,
            ..Default::default()
        };
        client.withdraw_announcement(request).await.map_err(explained)?;
        Vec::new()
    } else if position == 0 {
        let request = v1::PublishAnnouncementRequest {
            announcement_id,
            content: Some(content),
            publish_time: Some(publish_time),
            note,
            request_id: String::new(),
        };
        client.publish_announcement(request).await.map_err(explained)?.into_inner().warnings
    } else {
        let request = v1::ReviseAnnouncementRequest {
            announcement_id,
            content: Some(content),
            publish_time: Some(publish_time),
            note,
            ..Default::default()
        };
        client.revise_announcement(request).await.map_err(explained)?.into_inner().warnings
    })
}
