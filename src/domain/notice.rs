//! Notices: what the administrators of an affected application or company are told, and when (rule B91).
//!
//! [`plan`] says which milestones a revision has; [`verdicts`] says what becomes of those that have come. Both are pure:
//! the preview of a change and the notices that follow it come from the same function. A notice is made once for each
//! ([`Occasion`], [`Holder`]), and its id says so: the same occasion always makes the same id.

mod acknowledge;
mod class;
mod holder;
mod sentence;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Days, Utc};
use devhub_decision::Environment;
use sha2::{Digest, Sha256};

use super::fact::{Fact, FactKind, Subject};
use super::ledger::{Revision, Target};
use super::name::{AnnouncementId, ApplicationId, Context, Email, NoticeId, VersionName, Zone};
use super::policy::Guards;

pub use acknowledge::AcknowledgeNotice;
pub use class::{Dependence, MIGRATIONS_MAX, Unfinished, of_class};
pub use holder::Holder;
pub(in crate::domain) use sentence::DELAY_FORGIVEN;
pub use sentence::{Said, days_left, days_text, of_absence, of_announcement, of_revision, zoned};

/// Most versions that one notice names; it says how many there are.
pub const VERSIONS_MAX: usize = 50;

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeSubject {
    /// The schedule of a version, an operation or a namespace.
    Schedule(Target),
    /// An announcement.
    Announcement(AnnouncementId),
    /// The disuse of an application; its revisions are the announcements of its deletion.
    Disuse(ApplicationId),
    /// The dates of the class of traditional service accounts.
    CredentialClass,
}

impl NoticeSubject {
    /// What a fact about it is about.
    pub fn subject(&self) -> Subject {
        match self {
            NoticeSubject::Schedule(target) => target.subject(),
            NoticeSubject::Announcement(_) | NoticeSubject::CredentialClass => Subject::default(),
            NoticeSubject::Disuse(id) => Subject { application: Some(id.clone()), ..Subject::default() },
        }
    }

    /// A text that no other subject has.
    fn identity(&self) -> String {
        let parts = match self {
            NoticeSubject::Schedule(Target::Version(name, environment)) => {
                vec!["version", name.context.as_str(), name.label.as_str(), environment.name()]
            }
            NoticeSubject::Schedule(Target::Operation(operation, environment)) => {
                let (context, label) = (operation.version.context.as_str(), operation.version.label.as_str());
                vec!["operation", context, label, environment.name(), &operation.method, &operation.path]
            }
            NoticeSubject::Schedule(Target::Namespace(name, environment)) => {
                vec!["namespace", name.as_str(), environment.name()]
            }
            NoticeSubject::Announcement(id) => vec!["announcement", id.as_str()],
            NoticeSubject::Disuse(id) => vec!["disuse", id.as_str()],
            NoticeSubject::CredentialClass => vec!["credential-class"],
        };
        parts.join("\0")
    }
}

impl fmt::Display for NoticeSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoticeSubject::Schedule(target) => target.fmt(f),
            NoticeSubject::Announcement(id) => write!(f, "announcement {id}"),
            NoticeSubject::Disuse(id) => write!(f, "the disuse of {id}"),
            NoticeSubject::CredentialClass => f.write_str("traditional service accounts"),
        }
    }
}

/// When a notice is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Milestone {
    /// The revision was committed.
    Announced,
    /// The deprecation begins.
    Deprecated,
    /// A gradual sunset begins.
    SunsetBegins,
    /// The creation cut-off of service accounts.
    CreationEnds,
    /// So many days before retirement, before the sunset of service accounts, or before the deletion of what nobody uses.
    Countdown(u32),
    /// The retirement.
    Retired,
    /// The sunset of service accounts.
    Sunset,
    /// The deletion of an application that nobody uses.
    Deleted,
    /// Its deletion was taken back.
    Kept,
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Milestone::Announced => f.write_str("ANNOUNCED"),
            Milestone::Deprecated => f.write_str("DEPRECATED"),
            Milestone::SunsetBegins => f.write_str("SUNSET_BEGINS"),
            Milestone::CreationEnds => f.write_str("CREATION_ENDS"),
            Milestone::Countdown(days) => write!(f, "T-{days}"),
            Milestone::Retired => f.write_str("RETIRED"),
            Milestone::Sunset => f.write_str("SUNSET"),
            Milestone::Deleted => f.write_str("DELETED"),
            Milestone::Kept => f.write_str("KEPT"),
        }
    }
}

/// The guards of what spans several policies, such as a namespace: every notice that any of them owes. `None` when
/// there is no policy.
pub fn joint_guards<'g>(guards: impl IntoIterator<Item = &'g Guards>) -> Option<Guards> {
    let mut guards = guards.into_iter();
    let mut joint = guards.next()?.clone();
    for further in guards {
        joint.notice_days.extend(&further.notice_days);
    }
    Some(joint)
}

/// The milestones of a revision with their instants, in order of time.
///
/// What comes before or with the commit is told with the commit, so it has no milestone of its own. A later revision
/// has its own plan, and what is still to come of this one is dropped.
pub fn plan(revision: &Revision, guards: &Guards) -> Vec<(Milestone, DateTime<Utc>)> {
    let told_at = revision.recorded_at;
    let schedule = &revision.after.schedule;
    let mut milestones = Vec::new();
    if revision.kind.is_noticed() {
        milestones.push((Milestone::Announced, told_at));
    }
    milestones.extend(schedule.deprecated_at().map(|at| (Milestone::Deprecated, at)));
    milestones.extend(schedule.sunset_begins_at().map(|at| (Milestone::SunsetBegins, at)));
    if let Some(retires_at) = schedule.retires_at() {
        let days: BTreeSet<u32> = guards.notice_days.iter().copied().filter(|days| *days > 0).collect();
        let before = |days: u32| retires_at.checked_sub_days(Days::new(u64::from(days)));
        milestones.extend(days.into_iter().filter_map(|days| Some((Milestone::Countdown(days), before(days)?))));
        milestones.push((Milestone::Retired, retires_at));
    }
    milestones.retain(|(milestone, due_at)| *milestone == Milestone::Announced || *due_at > told_at);
    milestones.sort_by_key(|(milestone, due_at)| (*due_at, *milestone));
    milestones
}

/// What becomes of a milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It has not come yet.
    Later,
    /// It is to be given.
    Give,
    /// It has come, but a later one says more, so it is passed over.
    Skip,
    /// It will never come: another revision has replaced its own.
    Drop,
}

/// What becomes of each milestone of a plan at `now`. `superseded_at` is when the next revision was committed, if there
/// is one.
///
/// Every revision is announced, however late (rule B91). Of what else is overdue because nobody was there to give it,
/// only what still helps is given: the latest countdown, or the end itself.
pub fn verdicts(
    plan: &[(Milestone, DateTime<Utc>)],
    superseded_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Vec<Due> {
    let has_come = |milestone: Milestone, due_at: DateTime<Utc>| match milestone {
        Milestone::Announced => true,
        Milestone::Deprecated
        | Milestone::SunsetBegins
        | Milestone::CreationEnds
        | Milestone::Countdown(_)
        | Milestone::Retired
        | Milestone::Sunset
        | Milestone::Deleted
        | Milestone::Kept => due_at <= now,
    };
    let last = plan.iter().filter(|(milestone, due_at)| has_come(*milestone, *due_at)).map(|(m, _)| *m);
    let ended = last.clone().any(|milestone| matches!(milestone, Milestone::Retired | Milestone::Sunset));
    let least = last.filter_map(|milestone| if let Milestone::Countdown(days) = milestone { Some(days) } else { None });
    let least = least.min();
    plan.iter()
        .map(|(milestone, due_at)| match (*milestone, superseded_at) {
            (Milestone::Announced, _) => Due::Give,
            (_, Some(superseded_at)) if *due_at > superseded_at => Due::Drop,
            (_, Some(_)) => Due::Skip,
            (milestone, None) if !has_come(milestone, *due_at) => Due::Later,
            (Milestone::Retired | Milestone::Sunset | Milestone::Deleted | Milestone::Kept, None) => Due::Give,
            (Milestone::Countdown(days), None) if ended || Some(days) != least => Due::Skip,
            (Milestone::Deprecated | Milestone::SunsetBegins | Milestone::CreationEnds, None) if ended => Due::Skip,
            (
                Milestone::Countdown(_) | Milestone::Deprecated | Milestone::SunsetBegins | Milestone::CreationEnds,
                None,
            ) => Due::Give,
        })
        .collect()
}

/// One milestone of one revision: what a notice is given for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Occasion {
    /// What it is about.
    pub subject: NoticeSubject,
    /// Number of the revision.
    pub revision: u32,
    /// The milestone.
    pub milestone: Milestone,
}

impl Occasion {
    /// The id of its notices, which is the same for all holders: each has its own notices. Later instants come
    /// first, so that a list of notices begins with the newest.
    pub fn notice_id(&self, due_at: DateTime<Utc>) -> NoticeId {
        let Occasion { subject, revision, milestone } = self;
        let digest = Sha256::digest(format!("{}\0{revision}\0{milestone}", subject.identity()));
        let due_at = due_at.timestamp_nanos_opt().unwrap_or(i64::MAX);
        // The sign bit turned, negative instants sort before positive ones; the rest turned, later ones come first.
        let order = !(due_at.cast_unsigned() ^ (1 << 63));
        let text: String = order.to_be_bytes().iter().chain(&digest[..12]).map(|byte| format!("{byte:02x}")).collect();
        text.parse().expect("20 bytes are 40 hexadecimal digits")
    }
}

impl Occasion {
    /// That something happened at it.
    pub fn fact(&self, kind: FactKind, subject: Subject) -> Fact {
        Fact::new(kind, subject)
            .change("milestone", "", self.milestone)
            .change("revision", 0, self.revision)
            .because(&self.subject.to_string())
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of revision {} of {}", self.milestone, self.revision, self.subject)
    }
}

/// What the administrators of one holder were told at one occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id among the notices of the holder.
    pub id: NoticeId,
    /// What it was given for.
    pub occasion: Occasion,
    /// The application or company.
    pub holder: Holder,
    /// The affected versions that the application is subscribed to: the first [`VERSIONS_MAX`] of them.
    pub versions: Vec<VersionName>,
    /// How many affected versions it is subscribed to.
    pub versions_count: u32,
    /// The contexts of those that `versions` has no room for, without those that it has: so that whoever looks for the
    /// notices about an API finds this one.
    pub further_contexts: Vec<Context>,
    /// Where.
    pub environment: Environment,
    /// The administrators at that moment.
    pub recipients: Vec<Email>,
    /// When it was owed.
    pub due_at: DateTime<Utc>,
    /// When it was given.
    pub given_at: DateTime<Utc>,
    /// What it says.
    pub wording: Wording,
    /// Who has acknowledged it, and when.
    pub acknowledgements: BTreeMap<Email, DateTime<Utc>>,
}

impl Notice {
    /// Whether it is about a version of an API.
    pub fn concerns(&self, context: &Context) -> bool {
        self.versions.iter().any(|version| version.context == *context) || self.further_contexts.contains(context)
    }

    /// That it was given, by which the feed finds it.
    pub fn fact(&self) -> Fact {
        let mut subject = self.holder.of(self.occasion.subject.subject());
        subject.environment = Some(self.environment);
        if let ([version], None) = (self.versions.as_slice(), &subject.label) {
            subject.context = Some(version.context.clone());
            subject.label = Some(version.label.clone());
        }
        self.occasion.fact(FactKind::NoticeGiven, subject).change("notice", "", &self.id).effective(Some(self.due_at))
    }
}

/// What a notice says; the same for every holder of an occasion, but for what one missed while it was deleted, and for how
/// much one still depends on service accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// Sentences for people.
    pub sentences: Vec<String>,
    /// First instant of DEPRECATED.
    pub deprecated_at: Option<DateTime<Utc>>,
    /// First instant of RETIRED; for an announcement, when it takes effect; for service accounts, their sunset.
    pub ends_at: Option<DateTime<Utc>>,
    /// The zone that the dates were announced in.
    pub zone: Option<Zone>,
    /// Full days from the notice to `ends_at`, if that is still to come; up to an hour is forgiven.
    pub days_left: Option<u32>,
    /// Where to move to; empty for nowhere.
    pub successor: String,
}

/// How far the notices of an occasion have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Given to all holders up to this one.
    Running(Holder),
    /// Given to all.
    Given,
    /// Passed over.
    Skipped,
}

/// The giving of the notices of one occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRun {
    /// The occasion.
    pub occasion: Occasion,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// When the first notice was given, or the occasion passed over.
    pub begun_at: DateTime<Utc>,
    /// When all were told.
    pub ended_at: Option<DateTime<Utc>>,
    /// How far it has come.
    pub state: RunState,
    /// Applications told.
    pub applications: u64,
    /// Companies told.
    pub companies: u64,
    /// Administrators told, each once for each holder.
    pub people: u64,
}

#[cfg(test)]
mod tests;
