//! Schedules and their revisions.

use devhub_proto::v1;
use serde::Serialize;

use super::target::TargetView;
use super::{brief, or_empty, stage, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// The dates of a target, each as an instant and as it was announced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StateView {
    maturity: String,
    deprecate_time: Option<String>,
    deprecate_local: String,
    sunset_begin_time: Option<String>,
    sunset_begin_local: String,
    retire_time: Option<String>,
    retire_local: String,
    retirement_to_be_announced: bool,
}

/// An instant with the words that it was announced in, where they add something.
fn both(instant: &Option<String>, local: &str) -> String {
    match instant {
        None => String::new(),
        Some(instant) if local.is_empty() || local.ends_with(" UTC") => brief(instant),
        Some(instant) => format!("{} ({local})", brief(instant)),
    }
}

impl From<v1::ScheduleState> for StateView {
    fn from(state: v1::ScheduleState) -> StateView {
        StateView {
            maturity: wire_name(state.maturity, v1::Maturity::as_str_name, "MATURITY_"),
            deprecate_time: time(state.deprecate_time),
            deprecate_local: state.deprecate_local,
            sunset_begin_time: time(state.sunset_begin_time),
            sunset_begin_local: state.sunset_begin_local,
            retire_time: time(state.retire_time),
            retire_local: state.retire_local,
            retirement_to_be_announced: state.retirement_to_be_announced,
        }
    }
}

impl StateView {
    /// The dates, for people; those that there are not are empty.
    pub fn fields(&self) -> [(&'static str, String); 4] {
        let retires = if self.retirement_to_be_announced {
            "to be announced".to_owned()
        } else {
            both(&self.retire_time, &self.retire_local)
        };
        [
            ("maturity", self.maturity.clone()),
            ("deprecated at", both(&self.deprecate_time, &self.deprecate_local)),
            ("sunset begins", both(&self.sunset_begin_time, &self.sunset_begin_local)),
            ("retired at", retires),
        ]
    }

    /// What is different in `after`, a line each.
    pub fn changes(before: Option<&StateView>, after: &StateView) -> Vec<String> {
        let before = before.cloned().unwrap_or_default();
        let pairs = before.fields().into_iter().zip(after.fields());
        pairs
            .filter(|((_, old), (_, new))| old != new)
            .map(|((name, old), (_, new))| changed(name, &old, &new))
            .collect()
    }
}

/// What was, and what is now.
fn changed(name: &str, old: &str, new: &str) -> String {
    let [old, new] = [old, new].map(|text| if text.is_empty() { "(none)" } else { text });
    format!("{name}: {old} -> {new}")
}

/// A planned short denial.
#[derive(Debug, Clone, Serialize)]
pub struct BrownoutView {
    start_time: Option<String>,
    end_time: Option<String>,
}

impl From<v1::BrownoutWindow> for BrownoutView {
    fn from(window: v1::BrownoutWindow) -> BrownoutView {
        BrownoutView { start_time: time(window.start_time), end_time: time(window.end_time) }
    }
}

impl BrownoutView {
    fn text(&self) -> String {
        format!("{} until {}", or_empty(&self.start_time), or_empty(&self.end_time))
    }
}

/// A revision.
#[derive(Debug, Clone, Serialize)]
pub struct RevisionView {
    target: TargetView,
    number: u32,
    kind: String,
    before: Option<StateView>,
    after: Option<StateView>,
    brownout: Option<BrownoutView>,
    successor: String,
    /// The successor that the revision before it named, where that one is known.
    #[serde(skip)]
    successor_before: String,
    announce_time: Option<String>,
    record_time: Option<String>,
    zone: String,
    actor: String,
    reason: String,
    override_reason: String,
}

impl From<v1::ScheduleRevision> for RevisionView {
    fn from(revision: v1::ScheduleRevision) -> RevisionView {
        let window = revision.brownout_start_time.map(|_| BrownoutView {
            start_time: time(revision.brownout_start_time),
            end_time: time(revision.brownout_end_time),
        });
        RevisionView {
            target: TargetView::of(revision.target),
            number: revision.number,
            kind: wire_name(revision.kind, v1::RevisionKind::as_str_name, "REVISION_KIND_"),
            before: revision.before.map(StateView::from),
            after: revision.after.map(StateView::from),
            brownout: window,
            successor: revision.successor,
            successor_before: String::new(),
            announce_time: time(revision.announce_time),
            record_time: time(revision.record_time),
            zone: revision.zone,
            actor: revision.actor,
            reason: revision.reason,
            override_reason: revision.override_reason,
        }
    }
}

impl RevisionView {
    /// Revisions in the order of target and number, each with what it changed.
    pub fn all(revisions: impl IntoIterator<Item = v1::ScheduleRevision>) -> Vec<RevisionView> {
        let mut views: Vec<RevisionView> = Vec::new();
        for mut view in revisions.into_iter().map(RevisionView::from) {
            if let Some(last) = views.last().filter(|last| last.target == view.target) {
                view.successor_before.clone_from(&last.successor);
            }
            views.push(view);
        }
        views
    }

    fn change(&self) -> String {
        let after = self.after.clone().unwrap_or_default();
        let mut lines = StateView::changes(self.before.as_ref(), &after);
        lines.extend(self.brownout.as_ref().map(|window| format!("brownout: {}", window.text())));
        if self.successor != self.successor_before {
            lines.push(changed("successor", &self.successor_before, &self.successor));
        }
        lines.join("\n")
    }

    fn why(&self) -> String {
        let overridden = (!self.override_reason.is_empty()).then(|| format!("override: {}", self.override_reason));
        let lines = [Some(self.reason.clone()).filter(|reason| !reason.is_empty()), overridden];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// The same with its target, for a list of many targets.
    pub fn with_target(self) -> ChangelogView {
        ChangelogView(self)
    }
}

impl Row for RevisionView {
    const HEADER: &'static [&'static str] = &["NUMBER", "ANNOUNCED", "WHAT", "OLD -> NEW", "BY", "WHY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            or_empty(&self.announce_time),
            self.kind.clone(),
            self.change(),
            self.actor.clone(),
            self.why(),
        ]
    }
}

/// A revision among those of other targets.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct ChangelogView(RevisionView);

impl Row for ChangelogView {
    const HEADER: &'static [&'static str] =
        &["TARGET", "ENVIRONMENT", "NUMBER", "ANNOUNCED", "WHAT", "OLD -> NEW", "BY", "WHY"];

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.0.target.name(), self.0.target.environment().to_owned()];
        cells.extend(self.0.cells());
        cells
    }
}

/// A schedule as it is known.
#[derive(Debug, Clone, Serialize)]
pub struct ScheduleView {
    target: TargetView,
    stage: String,
    #[serde(flatten)]
    state: StateView,
    successor: String,
    zone: String,
    revision: u32,
    announce_time: Option<String>,
    brownouts: Vec<BrownoutView>,
    revisions: i32,
}

impl From<v1::GetScheduleResponse> for ScheduleView {
    fn from(answer: v1::GetScheduleResponse) -> ScheduleView {
        let revision = answer.revision.unwrap_or_default();
        ScheduleView {
            target: TargetView::of(revision.target),
            stage: stage(answer.stage),
            state: revision.after.map(StateView::from).unwrap_or_default(),
            successor: revision.successor,
            zone: revision.zone,
            revision: revision.number,
            announce_time: time(revision.announce_time),
            brownouts: answer.brownouts.into_iter().map(BrownoutView::from).collect(),
            revisions: answer.revisions,
        }
    }
}

impl ScheduleView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let brownouts: Vec<String> = self.brownouts.iter().map(BrownoutView::text).collect();
        let mut fields = vec![("target", self.target.text()), ("stage", self.stage.clone())];
        fields.extend(self.state.fields());
        fields.extend([
            ("successor", self.successor.clone()),
            ("brownouts", brownouts.join("\n")),
            (
                "revision",
                format!("{} of {}, announced {}", self.revision, self.revisions, or_empty(&self.announce_time)),
            ),
        ]);
        fields
    }
}

impl Row for ScheduleView {
    const HEADER: &'static [&'static str] =
        &["TARGET", "ENVIRONMENT", "STAGE", "DEPRECATED AT", "SUNSET BEGINS", "RETIRED AT", "SUCCESSOR", "BROWNOUTS"];

    fn cells(&self) -> Vec<String> {
        let [_, (_, deprecated), (_, sunset), (_, retired)] = self.state.fields();
        let brownouts: Vec<String> = self.brownouts.iter().map(BrownoutView::text).collect();
        vec![
            self.target.name(),
            self.target.environment().to_owned(),
            self.stage.clone(),
            deprecated,
            sunset,
            retired,
            self.successor.clone(),
            brownouts.join("\n"),
        ]
    }
}
