//! Announcements.

use devhub_proto::v1;
use devhub_proto::v1::schedule_target::Target;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// A target, as people write it.
pub(super) fn target(target: &v1::ScheduleTarget) -> String {
    let version = |name: &v1::VersionName| format!("{} {}", name.context, name.version);
    let name = match &target.target {
        Some(Target::Version(name)) => version(name),
        Some(Target::Operation(operation)) => {
            let of = operation.version.as_ref().map(version).unwrap_or_default();
            format!("{} {} of {of}", operation.method, operation.path)
        }
        Some(Target::Namespace(name)) => format!("namespace {name}"),
        None => String::new(),
    };
    format!("{name} in {}", environment(target.environment))
}

/// One revision of an announcement.
#[derive(Debug, Clone, Serialize)]
pub struct RevisionView {
    announcement_id: String,
    number: u32,
    category: String,
    breaking: bool,
    audience: String,
    title: String,
    body: String,
    effective_from: Option<String>,
    effective_until: Option<String>,
    zone: String,
    stated: String,
    references: Vec<String>,
    withdrawn: bool,
    publish_time: Option<String>,
    record_time: Option<String>,
    actor: String,
    note: String,
    /// For people only.
    #[serde(skip)]
    local: (String, String),
}

impl From<v1::AnnouncementRevision> for RevisionView {
    fn from(revision: v1::AnnouncementRevision) -> RevisionView {
        let content = revision.content.unwrap_or_default();
        let effect = content.effect.unwrap_or_default();
        let audience = content.audience.unwrap_or_default();
        let kind = wire_name(audience.kind, v1::AnnouncementAudienceKind::as_str_name, "ANNOUNCEMENT_AUDIENCE_KIND_");
        let scopes: Vec<String> = audience
            .scopes
            .iter()
            .map(|scope| format!("{} {}", scope.context, scope.version).trim().to_owned())
            .collect();
        RevisionView {
            announcement_id: revision.announcement_id,
            number: revision.number,
            category: wire_name(content.category, v1::AnnouncementCategory::as_str_name, "ANNOUNCEMENT_CATEGORY_"),
            breaking: content.breaking,
            audience: match scopes.is_empty() {
                true => kind,
                false => format!("{kind} of {} in {}", scopes.join(", "), environment(audience.environment)),
            },
            title: content.title,
            body: content.body,
            effective_from: time(effect.start_time),
            effective_until: time(effect.end_time),
            zone: effect.zone,
            stated: effect.stated,
            references: content.references.iter().map(target).collect(),
            withdrawn: revision.withdrawn,
            publish_time: time(revision.publish_time),
            record_time: time(revision.record_time),
            actor: revision.actor,
            note: revision.note,
            local: (effect.start_local, effect.end_local),
        }
    }
}

impl RevisionView {
    fn state(&self) -> &'static str {
        match (self.withdrawn, self.breaking) {
            (true, _) => "withdrawn",
            (false, true) => "BREAKING",
            (false, false) => "",
        }
    }
}

impl Row for RevisionView {
    const HEADER: &'static [&'static str] =
        &["REVISION", "PUBLISHED", "CATEGORY", "", "TITLE", "EFFECTIVE", "UNTIL", "BY", "NOTE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            or_empty(&self.publish_time),
            self.category.clone(),
            self.state().to_owned(),
            self.title.clone(),
            self.local.0.clone(),
            self.local.1.clone(),
            self.actor.clone(),
            self.note.clone(),
        ]
    }
}

/// An announcement.
#[derive(Debug, Clone, Serialize)]
pub struct AnnouncementView {
    #[serde(flatten)]
    current: RevisionView,
    first_publish_time: Option<String>,
    revisions: u32,
    warnings: Vec<String>,
}

impl AnnouncementView {
    /// An announcement, with what is to be known of it.
    pub fn of(announcement: v1::Announcement, warnings: Vec<String>) -> AnnouncementView {
        AnnouncementView {
            first_publish_time: time(announcement.first_publish_time),
            revisions: announcement.revisions,
            current: announcement.current.unwrap_or_default().into(),
            warnings,
        }
    }

    /// Its text.
    pub fn body(&self) -> &str {
        &self.current.body
    }

    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let current = &self.current;
        vec![
            ("id", current.announcement_id.clone()),
            ("title", current.title.clone()),
            ("category", format!("{} {}", current.category, current.state()).trim().to_owned()),
            ("audience", current.audience.clone()),
            ("effective", current.local.0.clone()),
            ("until", current.local.1.clone()),
            ("stated as", current.stated.clone()),
            ("about", current.references.join("\n")),
            ("published", or_empty(&current.publish_time)),
            ("revision", format!("{} of {}, by {}", current.number, self.revisions, current.actor)),
            ("note", current.note.clone()),
            ("warnings", self.warnings.join("\n")),
        ]
    }
}

impl Row for AnnouncementView {
    const HEADER: &'static [&'static str] =
        &["ANNOUNCEMENT", "PUBLISHED", "CATEGORY", "", "TITLE", "EFFECTIVE", "UNTIL", "REVISIONS"];

    fn cells(&self) -> Vec<String> {
        let current = &self.current;
        vec![
            current.announcement_id.clone(),
            or_empty(&current.publish_time),
            current.category.clone(),
            current.state().to_owned(),
            current.title.clone(),
            current.local.0.clone(),
            current.local.1.clone(),
            self.revisions.to_string(),
        ]
    }
}
