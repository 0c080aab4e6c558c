//! Announcements: what the platform tells its users, with every revision kept (rules B26, B71, defect X11).
//!
//! An announcement says when something takes effect, in the words and the zone that were public, and as an instant. It
//! changes nothing: dates that count stand in the schedule ledger, and whoever publishes, revises or reads is warned
//! when the two differ.

mod command;
mod contradiction;

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::ledger::Target;
use super::name::{AnnouncementId, Context, VersionName, Zone};
use super::namespace;
use super::notice::Milestone;

pub use command::{PublishAnnouncement, ReviseAnnouncement, WithdrawAnnouncement};
pub use contradiction::{contradictions, read_for, schedule_in};

/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;

/// Longest body, in characters.
pub const BODY_CHARS_MAX: usize = 20_000;

/// Longest text of the words in which dates were stated, and of a note, in characters.
pub const NOTE_CHARS_MAX: usize = 500;

/// Most targets that an announcement refers to.
pub const REFERENCES_MAX: usize = 50;

/// Most APIs and versions whose subscribers are addressed.
pub const SCOPES_MAX: usize = 50;

/// Most revisions of one announcement.
const REVISIONS_MAX: u32 = 500;

/// What an announcement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// The beginning of an end.
    Deprecation,
    /// An end.
    Sunset,
    /// Something works differently.
    Change,
    /// Something must be done.
    Requirement,
    /// Something is not available for a time.
    Maintenance,
    /// Something new.
    Release,
    /// Anything else.
    Other,
}

impl Category {
    /// The name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Deprecation => "DEPRECATION",
            Category::Sunset => "SUNSET",
            Category::Change => "CHANGE",
            Category::Requirement => "REQUIREMENT",
            Category::Maintenance => "MAINTENANCE",
            Category::Release => "RELEASE",
            Category::Other => "OTHER",
        }
    }
}

/// Whether users must change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impact {
    /// They need not.
    Compatible,
    /// They must.
    Breaking,
}

/// Whose subscribers are addressed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Those of every version of an API.
    Api(Context),
    /// Those of one version.
    Version(VersionName),
}

impl Scope {
    /// The API.
    pub const fn context(&self) -> &Context {
        match self {
            Scope::Api(context) => context,
            Scope::Version(name) => &name.context,
        }
    }
}

/// Who is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Everybody,
    /// The administrators of the applications that are subscribed; they get a notice.
    Subscribers(Environment, Vec<Scope>),
    /// Platform staff.
    Operators,
}

/// Who is addressed, without saying whose subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceKind {
    /// Everybody.
    Everybody,
    /// Subscribers.
    Subscribers,
    /// Platform staff.
    Operators,
}

impl Audience {
    /// Its kind.
    pub const fn kind(&self) -> AudienceKind {
        match self {
            Audience::Everybody => AudienceKind::Everybody,
            Audience::Subscribers(..) => AudienceKind::Subscribers,
            Audience::Operators => AudienceKind::Operators,
        }
    }
}

/// When what is announced takes effect: instants, and what was public (rule B26).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// First instant of the effect.
    pub from: Option<DateTime<Utc>>,
    /// First instant after it.
    pub until: Option<DateTime<Utc>>,
    /// The zone that was meant.
    pub zone: Option<Zone>,
    /// The words in which it was stated, mistakes included.
    pub stated: String,
}

/// What an announcement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is about.
    pub category: Category,
    /// Whether users must change something.
    pub impact: Impact,
    /// Who is addressed.
    pub audience: Audience,
    /// The title.
    pub title: String,
    /// The text.
    pub body: String,
    /// When it takes effect.
    pub effective: Effective,
    /// What it refers to.
    pub references: Vec<Target>,
}

impl Content {
    /// Whether it is about an API: it refers to the API, to a part of it, or to a namespace that it lies in, or it
    /// addresses its subscribers.
    pub fn concerns(&self, context: &Context) -> bool {
        let refers = |target: &Target| match target {
            Target::Version(name, _) => name.context == *context,
            Target::Operation(operation, _) => operation.version.context == *context,
            Target::Namespace(name, _) => namespace::contains(name, context),
        };
        let addresses = match &self.audience {
            Audience::Subscribers(_, scopes) => scopes.iter().any(|scope| scope.context() == context),
            Audience::Everybody | Audience::Operators => false,
        };
        addresses || self.references.iter().any(refers)
    }
}

/// One revision of an announcement. Never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementRevision {
    /// The announcement.
    pub id: AnnouncementId,
    /// 1 for the first, then one more each time.
    pub number: u32,
    /// What it says.
    pub content: Content,
    /// It is withdrawn: what it said no longer holds.
    pub withdrawn: bool,
    /// The date under which it was public; it may be long before it was recorded here.
    pub published_at: DateTime<Utc>,
    /// When it was committed.
    pub recorded_at: DateTime<Utc>,
    /// Who did it.
    pub by: String,
    /// What is to be known of this revision, for example that a date was misprinted.
    pub note: String,
}

/// An announcement as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// When it was first public.
    pub first_published_at: DateTime<Utc>,
    /// The latest revision; its number says how many there are.
    pub current: AnnouncementRevision,
}

/// The milestones of a revision, in order of time: subscribers are told of it at once, unless what it says is over.
pub fn plan(revision: &AnnouncementRevision) -> Vec<(Milestone, DateTime<Utc>)> {
    let is_over = revision.content.effective.until.is_some_and(|until| until <= revision.recorded_at);
    match &revision.content.audience {
        Audience::Subscribers(..) if !is_over => vec![(Milestone::Announced, revision.recorded_at)],
        Audience::Subscribers(..) | Audience::Everybody | Audience::Operators => Vec::new(),
    }
}
