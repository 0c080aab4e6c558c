//! The command that does what is due about an application that nobody uses.

use chrono::{DateTime, Utc};

use super::{Cause, Disuse, Due, Evidence, Standing, due, sentence};
use crate::domain::application::{Application, Role};
use crate::domain::fact::{Fact, FactKind, instant_text};
use crate::domain::name::ApplicationId;
use crate::domain::notice::{Holder, Milestone, Notice, NoticeSubject, Occasion, Wording};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::register;
use crate::domain::setting::Setting;

/// Command: announce the deletion of an application that nobody uses, remind of it, carry it out, or take it back,
/// whichever is due.
#[derive(Debug, Clone)]
pub struct SettleDisuse {
    /// The application.
    pub id: ApplicationId,
    /// What is known of its use.
    pub evidence: Evidence,
}

/// What is told at one occasion.
struct Telling {
    milestone: Milestone,
    due_at: DateTime<Utc>,
    wording: Wording,
}

impl SettleDisuse {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        vec![RecordKey::Application(self.id.clone()), RecordKey::Disuse(self.id.clone())]
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("settle the disuse of an application")?;
        let application = records.application(&self.id).ok_or_else(|| Refusal::ApplicationNotFound(self.id.clone()))?;
        let known = records.disuse(&self.id);
        let now = setting.now;
        let due = due(application, &self.evidence, known, setting.rules.disuse.as_ref(), now);
        let unchanged = || {
            let key = RecordKey::Application(self.id.clone());
            Ok(Outcome::unchanged(key, Record::Application(application.clone())))
        };
        match (due, known) {
            (Due::Nothing, _) | (Due::Remind { .. } | Due::Delete | Due::Cancel(_), None) => unchanged(),
            (Due::Announce { idle_since, deletes_at }, known) => {
                let number = known.map_or(1, |known| known.number + 1);
                Ok(self.announce(application, number, (idle_since, deletes_at), setting))
            }
            (Due::Remind { days, due_at, deletes_at }, Some(known)) => {
                let new = Disuse { deletes_at, given: known.given + 1, ..known.clone() };
                let wording = sentence::of_notice(application, &new, now);
                let telling = Telling { milestone: Milestone::Countdown(days), due_at, wording };
                // A notice that was late puts the deletion off, and the fact of it says so.
                let dates = (instant_text(Some(known.deletes_at)), instant_text(Some(deletes_at)));
                let (key, notice, fact) = notice(application, &new, telling, now);
                let fact = fact.change("deletes_at", dates.0, dates.1);
                Ok(Outcome::write(new.key(), Record::Disuse(new), fact).also(key, notice))
            }
            (Due::Delete, Some(known)) => {
                let new = Disuse { standing: Standing::Done(now), ..known.clone() };
                let reason = format!("not used since {}", instant_text(Some(known.idle_since)));
                let deleted = register::delete(application, &reason, setting);
                let until = now.checked_add_days(chrono::Days::new(u64::from(setting.rules.restore_window_days)));
                let wording = sentence::of_deletion(application, &new, until, now);
                let telling = Telling { milestone: Milestone::Deleted, due_at: known.deletes_at, wording };
                let (key, notice, fact) = notice(application, &new, telling, now);
                let told = Outcome::write(new.key(), Record::Disuse(new), fact).also(key, notice);
                Ok(deleted.and(told))
            }
            (Due::Cancel(cause), Some(known)) => Ok(cancel(application, known, cause, now)),
        }
    }

    fn announce(
        &self,
        application: &Application,
        number: u32,
        (idle_since, deletes_at): (DateTime<Utc>, DateTime<Utc>),
        setting: &Setting<'_>,
    ) -> Outcome {
        let now = setting.now;
        let term = setting.rules.disuse.as_ref().map(|limits| limits.term(application, &self.evidence));
        let new = Disuse {
            application: self.id.clone(),
            number,
            idle_since,
            announced_at: now,
            deletes_at,
            notice_days: term.map(|term| term.notice_days().to_vec()).unwrap_or_default(),
            given: 1,
            standing: Standing::Announced,
        };
        let first = new.notice_days.first().copied().unwrap_or_default();
        let wording = sentence::of_notice(application, &new, now);
        // Owed now, however late: nobody was told before.
        let telling = Telling { milestone: Milestone::Countdown(first), due_at: now, wording };
        let announced = Fact::new(FactKind::DisuseAnnounced, application.subject())
            .change("announcement", number - 1, number)
            .change("idle_since", "", instant_text(Some(idle_since)))
            .change("deletes_at", "", instant_text(Some(deletes_at)))
            .effective(Some(deletes_at));
        let (key, notice, fact) = notice(application, &new, telling, now);
        let mut outcome = Outcome::write(new.key(), Record::Disuse(new), announced).also(key, notice);
        outcome.facts.push(fact);
        outcome
    }
}

impl Disuse {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Disuse(self.application.clone())
    }
}

/// Takes an announced deletion back, and says so to whoever was told of it, unless the application is gone anyway.
fn cancel(application: &Application, known: &Disuse, cause: Cause, now: DateTime<Utc>) -> Outcome {
    let new = Disuse { standing: Standing::Cancelled(now, cause), ..known.clone() };
    let cancelled = Fact::new(FactKind::DisuseCancelled, application.subject())
        .change("deletes_at", instant_text(Some(known.deletes_at)), "")
        .because(cause.name());
    let wording = sentence::of_cancellation(application, cause, now);
    let telling = Telling { milestone: Milestone::Kept, due_at: now, wording };
    let (key, notice, fact) = notice(application, &new, telling, now);
    let mut outcome = Outcome::write(new.key(), Record::Disuse(new), cancelled);
    match cause {
        Cause::Deleted => outcome,
        Cause::Used | Cause::Unknown | Cause::Restricted | Cause::Blocked | Cause::Policy => {
            outcome.facts.push(fact);
            outcome.also(key, notice)
        }
    }
}

/// A notice with its key, and the fact by which the feed finds it.
fn notice(
    application: &Application,
    disuse: &Disuse,
    telling: Telling,
    now: DateTime<Utc>,
) -> (RecordKey, Record, Fact) {
    let Telling { milestone, due_at, wording } = telling;
    let subject = NoticeSubject::Disuse(application.id.clone());
    let occasion = Occasion { subject, revision: disuse.number, milestone };
    let administrators = application.collaborators.iter().filter(|(_, role)| **role == Role::Administrator);
    let notice = Notice {
        id: occasion.notice_id(due_at),
        holder: Holder::Application(application.id.clone()),
        versions: Vec::new(),
        versions_count: 0,
        further_contexts: Vec::new(),
        environment: application.environment,
        recipients: administrators.map(|(email, _)| email.clone()).collect(),
        due_at,
        given_at: now,
        wording,
        acknowledgements: Default::default(),
        occasion,
    };
    let fact = notice.fact();
    (notice.holder.notice(notice.id.clone()), Record::Notice(notice), fact)
}
