//! One errand of the crier: the notices of one occasion, some holders at a time.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::Cried;
use super::affected::Affected;
use crate::domain::Actor;
use crate::domain::application::{Absence, Role};
use crate::domain::fact::FactKind;
use crate::domain::name::{Context, Email, VersionName};
use crate::domain::notice::{Holder, Notice, NoticeRun, Occasion, RunState, Said, VERSIONS_MAX, Wording, of_absence};
use crate::domain::record::{Record, RecordKey};
use crate::hub::{Failure, Hub};
use crate::store::codec::{By, encode_fact, encode_key, encode_record};
use crate::store::{Expectation, Key, Verdict, Write};

/// Applications and companies told in one commit.
const HOLDERS_AT_ONCE: usize = 256;

/// A commit is closed once its notices have this many bytes, however few they are.
const COMMIT_BYTES_MAX: usize = 1 << 20;

/// How often a commit is made anew because another crier was faster.
const ATTEMPTS_MAX: usize = 32;

/// What to tell whom.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) occasion: Occasion,
    pub(super) due_at: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
    pub(super) affected: Affected,
    pub(super) wording: Wording,
    /// What whoever was away missed.
    pub(super) said: Option<Said>,
}

/// Who is told for a holder, as its record says it at that moment.
struct Addressee {
    recipients: Vec<Email>,
    environment: Environment,
    absence: Option<Absence>,
}

impl Addressee {
    /// Nobody, where there is no such holder any more.
    fn of(record: Option<Record>) -> Option<Addressee> {
        match record {
            Some(Record::Application(application)) if application.deletion.is_none() => {
                let people = application.collaborators.iter().filter(|(_, role)| **role == Role::Administrator);
                Some(Addressee {
                    recipients: people.map(|(email, _)| email.clone()).collect(),
                    environment: application.environment,
                    absence: application.absence,
                })
            }
            Some(Record::Company(company)) => Some(Addressee {
                environment: company.tenancy.credentials(),
                recipients: company.administrators.into_iter().collect(),
                absence: None,
            }),
            _ => None,
        }
    }
}

/// One commit of an errand.
struct Step {
    writes: Vec<Write>,
    expectations: Vec<(Key, Expectation)>,
    facts: Vec<Bytes>,
    notices: u64,
    is_last: bool,
}

fn crier() -> Actor {
    Actor::Process("crier".into())
}

impl Hub {
    /// Tells everybody affected, from where the run stands.
    pub(super) async fn give(&self, errand: Errand, cried: &mut Cried) -> Result<(), Failure> {
        let mut attempts = 0;
        while attempts < ATTEMPTS_MAX {
            let (hub, next) = (self.clone(), errand.clone());
            let step = tokio::task::spawn_blocking(move || hub.step(&next)).await.unwrap_or(Err(Failure::Defect))?;
            let Some(step) = step else { return Ok(()) };
            match self.commit_plain(step.writes, step.expectations, step.facts).await? {
                Verdict::Committed(_) => {
                    attempts = 0;
                    cried.commits += 1;
                    cried.notices += step.notices;
                    self.0.notices_given.fetch_add(step.notices, Ordering::Relaxed);
                    if step.is_last {
                        cried.completed += 1;
                        return Ok(());
                    }
                }
                Verdict::Conflict => attempts += 1,
            }
        }
        Err(Failure::Contention)
    }

    /// Records that an occasion is passed over.
    pub(super) async fn skip(
        &self,
        occasion: Occasion,
        due_at: DateTime<Utc>,
        now: DateTime<Utc>,
        cried: &mut Cried,
    ) -> Result<(), Failure> {
        let key = RecordKey::NoticeRun(occasion.clone());
        if self.get_one(key.clone())?.is_some() {
            // It was begun when it was the newest, or another crier has passed it over.
            return Ok(());
        }
        let fact = occasion.fact(FactKind::NoticeSkipped, occasion.subject.subject()).effective(Some(due_at));
        let run = NoticeRun {
            occasion,
            due_at,
            begun_at: now,
            ended_at: Some(now),
            state: RunState::Skipped,
            applications: 0,
            companies: 0,
            people: 0,
        };
        let key = encode_key(&key);
        let write = Write { key: key.clone(), value: Some(encode_record(&Record::NoticeRun(run))) };
        let facts = vec![encode_fact(&fact, &By::process(&crier()), None)];
        match self.commit_plain(vec![write], vec![(key, Expectation::Absent)], facts).await? {
            Verdict::Committed(_) => {
                cried.commits += 1;
                cried.skipped += 1;
            }
            Verdict::Conflict => {}
        }
        Ok(())
    }

    /// The next commit of an errand; `None` when it is done.
    fn step(&self, errand: &Errand) -> Result<Option<Step>, Failure> {
        let key = RecordKey::NoticeRun(errand.occasion.clone());
        let stored = self.get_one(key.clone())?;
        let expectation = stored.as_ref().map_or(Expectation::Absent, |stored| Expectation::At(stored.revision));
        let mut run = match stored.map(|stored| stored.record) {
            Some(Record::NoticeRun(run)) => run,
            _ => NoticeRun {
                occasion: errand.occasion.clone(),
                due_at: errand.due_at,
                begun_at: errand.now,
                ended_at: None,
                state: RunState::Given,
                applications: 0,
                companies: 0,
                people: 0,
            },
        };
        let after = match (&run.state, run.ended_at) {
            (RunState::Running(cursor), _) => Some(cursor.clone()),
            (RunState::Given | RunState::Skipped, Some(_)) => return Ok(None),
            (RunState::Given | RunState::Skipped, None) => None,
        };
        let found = self.affected_after(&errand.affected, after.as_ref(), HOLDERS_AT_ONCE);
        let mut is_last = found.len() < HOLDERS_AT_ONCE;
        let keys: Vec<RecordKey> = found.iter().map(|(holder, _)| holder.key()).collect();
        let (mut writes, mut expectations, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut bytes, mut told) = (0, None);
        let mut notices = 0;
        for ((holder, versions), stored) in found.into_iter().zip(self.get(&keys)?) {
            if bytes >= COMMIT_BYTES_MAX {
                is_last = false;
                break;
            }
            told = Some(holder.clone());
            let Some(addressee) = Addressee::of(stored.map(|stored| stored.record)) else { continue };
            match holder {
                Holder::Application(_) => run.applications += 1,
                Holder::Company(_) => run.companies += 1,
            }
            let mut notice = errand.notice(holder, versions, addressee);
            if let Affected::Dependants(at) = errand.affected {
                let Wording { ends_at, zone, sentences, .. } = &mut notice.wording;
                let dependence = self.dependence(&notice.holder, at)?;
                sentences.extend(dependence.sentences(*ends_at, zone.as_ref(), errand.now));
            }
            run.people += notice.recipients.len() as u64;
            notices += 1;
            facts.push(encode_fact(&notice.fact(), &By::process(&crier()), None));
            let key = encode_key(&notice.holder.notice(notice.id.clone()));
            let value = encode_record(&Record::Notice(notice));
            bytes += value.len();
            expectations.push((key.clone(), Expectation::Absent));
            writes.push(Write { key, value: Some(value) });
        }
        if is_last {
            run.state = RunState::Given;
            run.ended_at = Some(errand.now);
            let subject = errand.occasion.subject.subject();
            let fact = errand
                .occasion
                .fact(FactKind::NoticesCompleted, subject)
                .change("applications", 0, run.applications)
                .change("companies", 0, run.companies)
                .change("people", 0, run.people)
                .effective(Some(errand.due_at));
            facts.push(encode_fact(&fact, &By::process(&crier()), None));
        } else {
            run.state = RunState::Running(told.expect("a commit that is not the last tells somebody"));
        }
        let key = encode_key(&key);
        expectations.push((key.clone(), expectation));
        writes.push(Write { key, value: Some(encode_record(&Record::NoticeRun(run))) });
        Ok(Some(Step { writes, expectations, facts, notices, is_last }))
    }
}

impl Errand {
    fn notice(&self, holder: Holder, mut versions: Vec<VersionName>, addressee: Addressee) -> Notice {
        let versions_count = u32::try_from(versions.len()).unwrap_or(u32::MAX);
        let mut wording = self.wording.clone();
        let missed = self.said.as_ref().zip(addressee.absence);
        let missed = missed.and_then(|(said, absence)| of_absence(said, self.occasion.milestone, absence));
        wording.sentences.extend(missed);
        let left_out = versions.split_off(VERSIONS_MAX.min(versions.len()));
        let is_listed = |context: &Context| versions.iter().any(|version| version.context == *context);
        let mut further_contexts: Vec<Context> = left_out.into_iter().map(|version| version.context).collect();
        further_contexts.dedup();
        further_contexts.retain(|context| !is_listed(context));
        Notice {
            id: self.occasion.notice_id(self.due_at),
            occasion: self.occasion.clone(),
            holder,
            versions,
            versions_count,
            further_contexts,
            environment: addressee.environment,
            recipients: addressee.recipients,
            due_at: self.due_at,
            given_at: self.now,
            wording,
            acknowledgements: Default::default(),
        }
    }
}
