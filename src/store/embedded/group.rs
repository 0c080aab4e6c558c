//! One group, from the queue to its answers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::fault::Fault;
use super::super::journal::AppendError;
use super::super::queue::Waiting;
use super::super::round::{Round, refuse};
use super::super::witness::Witness;
use super::super::{StoreError, disk};
use super::{Committer, Shared};

impl Shared {
    /// Commits `group`. A panic, in the sink or in our own code, must not leave callers waiting for a thread that is
    /// gone: their answers are dropped, which they read as "unknown", and the next ones are told that writes stopped.
    pub(super) fn commit(&self, group: Vec<Waiting>) {
        let mut committer = self.committer.lock();
        if catch_unwind(AssertUnwindSafe(|| self.commit_guarded(&mut committer, group))).is_err() {
            self.stop("the committer panicked");
        }
        // Whoever waits to attach a sink comes next, however busy the queue is.
        parking_lot::MutexGuard::unlock_fair(committer);
    }

    fn commit_guarded(&self, committer: &mut Committer, group: Vec<Waiting>) {
        let trouble = self.trouble.lock().clone();
        if let Some(why) = trouble {
            return refuse(group, &StoreError::Stopped(why));
        }
        if let Err(full) = self.check_space() {
            return refuse(group, &full);
        }
        let head = committer.journal.head();
        let round = {
            let visible = self.visible.read();
            Round::judge(group, &head, &|key| self.current(&visible, key))
        };
        if round.commits.is_empty() {
            return round.answer();
        }
        match committer.journal.append(&round.commits, round.latest) {
            Ok(appended) => {
                let witness = Witness::of(self.epoch, &appended.head);
                self.note(committer, &witness);
                self.apply(committer, &round, &appended.head);
                committer.journal.publish(&appended);
                self.newest.send_replace(appended.head.revision);
                round.answer();
            }
            Err(AppendError::Full(why)) => {
                let full = StoreError::Full(why);
                round.fail(&full, &full);
            }
            Err(AppendError::Refused(why)) => {
                self.stop(&why);
                let stopped = StoreError::Stopped(why);
                round.fail(&stopped, &stopped);
            }
            Err(AppendError::Unknown(why)) => {
                self.stop(&why);
                round.fail(&StoreError::Unknown(why.clone()), &StoreError::Stopped(why));
            }
        }
    }

    /// The low-water gate. A failing question is no reason to refuse: the append will meet a full disk by itself.
    pub(super) fn check_space(&self) -> Result<(), StoreError> {
        let wanted = self.options.free_bytes_min;
        match self.disk.free_bytes(&self.directory) {
            Ok(free) if free < wanted => Err(StoreError::Full(format!(
                "{} has {free} bytes free, and writes need {wanted}; free some space, writes go on by themselves",
                self.directory.display()
            ))),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "could not ask for the free space of the data directory");
                Ok(())
            }
        }
    }

    /// Without its witness a later loss might go unnoticed, so this group is the last.
    fn note(&self, committer: &Committer, witness: &Witness) {
        if let Some(file) = &committer.witness
            && let Err(error) = file.note(witness)
        {
            self.stop(&format!("could not write HEAD: {error}"));
        }
    }

    /// Makes a durable group visible: state, then sink, then head.
    fn apply(&self, committer: &Committer, round: &Round, head: &super::Head) {
        let mut visible = self.visible.write();
        let applied = match self.disk.fails(Fault::StateFails) {
            true => Err("a test made the state fail".to_owned()),
            false => self.state.apply(self.epoch, &round.changed, head),
        };
        if let Err(why) = applied {
            // The group is in the journal and cannot be taken back, so it is served from memory until the restart.
            visible.overlay.extend(round.changed.iter().map(|(key, after)| (key.clone(), after.clone())));
            self.stop(&format!("the state store did not take a group: {why}"));
        }
        if let Some(sink) = &committer.sink {
            round.commits.iter().for_each(|commit| sink.apply(commit));
        }
        visible.head = *head;
    }

    fn stop(&self, why: &str) {
        tracing::error!(why, "writes have stopped");
        self.trouble.lock().get_or_insert_with(|| why.to_owned());
    }

    /// After the last group: everything to the disk.
    pub(super) fn finish(&self) {
        let mut committer = self.committer.lock();
        // Dropping it syncs HEAD.
        drop(committer.witness.take());
        if let Err(why) = self.state.flush() {
            tracing::warn!(why, "could not flush the state store; the next start repairs it");
        }
        if let Err(why) = self.notes.flush() {
            tracing::warn!(why, "could not flush the notes; some may be missing after the next start");
        }
        if let Err(error) = disk::sync_dir(&self.directory) {
            tracing::warn!(%error, "could not sync the data directory");
        }
        self.trouble.lock().get_or_insert_with(|| "the store was closed".to_owned());
    }
}
