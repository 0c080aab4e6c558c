//! A file of announcements: each with its revisions, oldest first. What a later revision leaves out is as in the one
//! before it.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target;
use serde::Deserialize;

use crate::cli::date::Moment;
use crate::cli::words::{Audience, Category, Environment};
use crate::wire::timestamp;

/// A file of announcements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnnouncementFile {
    /// In any order.
    pub(super) announcements: Vec<AnnouncementEntry>,
}

/// One announcement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnnouncementEntry {
    /// Its id.
    pub(super) id: String,
    /// Oldest first.
    pub(super) revisions: Vec<RevisionEntry>,
}

/// One revision.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevisionEntry {
    published: Moment,
    #[serde(default)]
    note: String,
    category: Option<Category>,
    breaking: Option<bool>,
    audience: Option<Audience>,
    to: Option<Vec<TargetEntry>>,
    title: Option<String>,
    body: Option<String>,
    effective: Option<EffectEntry>,
    references: Option<Vec<TargetEntry>>,
    #[serde(default)]
    withdrawn: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectEntry {
    from: Option<Moment>,
    until: Option<Moment>,
    #[serde(default)]
    stated: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    environment: Environment,
    context: Option<String>,
    version: Option<String>,
    method: Option<String>,
    path: Option<String>,
    namespace: Option<String>,
}

/// One revision, complete.
#[derive(Debug, Clone)]
pub(super) struct Revision {
    pub(super) content: v1::AnnouncementContent,
    pub(super) publish_time: prost_types::Timestamp,
    pub(super) note: String,
    pub(super) withdrawn: bool,
}

impl AnnouncementFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub(super) fn read(path: &Path) -> Result<AnnouncementFile> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_saphyr::from_str(&text).with_context(|| format!("{} is no file of announcements", path.display()))
    }
}

impl AnnouncementEntry {
    /// The revisions, each complete.
    ///
    /// # Errors
    /// When the first one leaves out what it needs, or a target is none.
    pub(super) fn complete(&self) -> Result<Vec<Revision>> {
        ensure!(!self.revisions.is_empty(), "announcement {}: at least one revision is needed", self.id);
        let everybody = v1::AnnouncementAudience { kind: Audience::Everybody.wire().into(), ..Default::default() };
        let mut content = v1::AnnouncementContent { audience: Some(everybody), ..Default::default() };
        let mut revisions = Vec::new();
        for (position, entry) in self.revisions.iter().enumerate() {
            let about = || format!("announcement {}, revision {}", self.id, position + 1);
            entry.change(&mut content).with_context(about)?;
            ensure!(content.category != 0 && !content.title.is_empty(), "{}: category and title are needed", about());
            revisions.push(Revision {
                content: content.clone(),
                publish_time: timestamp(entry.published.instant),
                note: entry.note.clone(),
                withdrawn: entry.withdrawn,
            });
        }
        Ok(revisions)
    }
}

impl RevisionEntry {
    fn change(&self, content: &mut v1::AnnouncementContent) -> Result<()> {
        if let Some(category) = self.category {
            content.category = category.wire().into();
        }
        content.breaking = self.breaking.unwrap_or(content.breaking);
        if let Some(title) = &self.title {
            content.title.clone_from(title);
        }
        if let Some(body) = &self.body {
            content.body.clone_from(body);
        }
        if let Some(effect) = &self.effective {
            let moments = [&effect.from, &effect.until];
            let mut zones =
                moments.iter().filter_map(|moment| moment.as_ref()?.stated).map(|stated| stated.zone.name());
            let at = |moment: &Option<Moment>| moment.as_ref().map(|moment| timestamp(moment.instant));
            content.effect = Some(v1::AnnouncementEffect {
                start_time: at(&effect.from),
                end_time: at(&effect.until),
                zone: zones.next().unwrap_or_default().to_owned(),
                stated: effect.stated.clone(),
                ..Default::default()
            });
        }
        if self.audience.is_some() || self.to.is_some() {
            content.audience = Some(self.audience()?);
        }
        if let Some(references) = &self.references {
            content.references = references.iter().map(TargetEntry::target).collect::<Result<_>>()?;
        }
        Ok(())
    }

    fn audience(&self) -> Result<v1::AnnouncementAudience> {
        let to = self.to.as_deref().unwrap_or_default();
        let kind = self.audience.unwrap_or(Audience::Subscribers);
        let environment = to.first().map(|target| target.environment);
        if to.iter().any(|target| Some(target.environment) != environment) {
            bail!("`to` names more than one environment; publish an announcement for each");
        }
        let scope = |target: &TargetEntry| match (&target.context, &target.version) {
            (Some(context), version) => {
                Ok(v1::AnnouncementScope { context: context.clone(), version: version.clone().unwrap_or_default() })
            }
            (None, _) => bail!("`to` names an API by its context, and a version of it if not all are meant"),
        };
        Ok(v1::AnnouncementAudience {
            kind: kind.wire().into(),
            environment: environment.map(|environment| environment.wire().into()).unwrap_or_default(),
            scopes: to.iter().map(scope).collect::<Result<_>>()?,
        })
    }
}

impl TargetEntry {
    fn target(&self) -> Result<v1::ScheduleTarget> {
        let name =
            |context: &String, version: &String| v1::VersionName { context: context.clone(), version: version.clone() };
        let target = match (&self.context, &self.version, &self.method, &self.path, &self.namespace) {
            (Some(context), Some(version), None, None, None) => Target::Version(name(context, version)),
            (Some(context), Some(version), Some(method), Some(path), None) => Target::Operation(v1::OperationName {
                version: Some(name(context, version)),
                method: method.clone(),
                path: path.clone(),
            }),
            (None, None, None, None, Some(namespace)) => Target::Namespace(namespace.clone()),
            _ => bail!("a target has a context and a version, these with a method and a path, or a namespace alone"),
        };
        Ok(v1::ScheduleTarget { environment: self.environment.wire().into(), target: Some(target) })
    }
}
