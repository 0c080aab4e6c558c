//! The queue in front of a committer: many callers, one thread, groups.
//!
//! Callers never wait for room: a full queue is answered at once. The thread takes whatever waits, so that one sync
//! serves everybody in the group, and the groups are larger the slower the disk is.

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};

use super::{BATCH_BYTES_MAX, Batch, Promise, StoreError, Verdict};

/// Most batches in one group.
const GROUP_BATCHES_MAX: usize = 1024;
/// Most bytes in one group; a single batch is always smaller.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// The caller's end of one answer.
pub(crate) type Answer = oneshot::Sender<Result<Verdict, StoreError>>;

/// A batch that waits for the committer.
pub(crate) struct Waiting {
    pub(crate) batch: Batch,
    pub(crate) bytes: usize,
    pub(crate) answer: Answer,
}

/// The queue and the thread behind it.
pub(crate) struct Queue {
    sender: RwLock<Option<mpsc::Sender<Waiting>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Queue {
    /// Starts the thread. `work` gets each group; `end` runs once, after the last group of a closed queue.
    pub(crate) fn start(
        capacity: usize,
        mut work: impl FnMut(Vec<Waiting>) + Send + 'static,
        end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (sender, mut receiver) = mpsc::channel(capacity.max(1));
        let thread = std::thread::Builder::new()
            .name("devhub-commit".to_owned())
            .spawn(move || {
                let mut carried = None;
                while let Some(first) = carried.take().or_else(|| receiver.blocking_recv()) {
                    let group;
                    (group, carried) = gather(first, &mut receiver);
                    work(group);
                }
                end();
            })
            .map_err(|error| StoreError::Io(format!("could not start the committer thread: {error}")))?;
        Ok(Self { sender: RwLock::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands `batch` to the thread.
    pub(crate) fn submit(&self, batch: Batch) -> Promise<Result<Verdict, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let sent = measure(&batch).and_then(|bytes| self.send(Waiting { batch, bytes, answer }));
        Box::pin(async move {
            sent?;
            match answered.await {
                Ok(result) => result,
                Err(_) => Err(StoreError::Unknown("the committer ended before it answered".to_owned())),
            }
        })
    }

    fn send(&self, waiting: Waiting) -> Result<(), StoreError> {
        let closed = || StoreError::Stopped("the store was closed".to_owned());
        let guard = self.sender.read();
        let sender = guard.as_ref().ok_or_else(closed)?;
        sender.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    /// Takes no more batches, answers those that wait, and returns when the thread has ended.
    pub(crate) fn close(&self) {
        drop(self.sender.write().take());
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        // The sink may own the last handle of the store; the thread must not wait for itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the committer thread panicked");
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}

/// The group that begins with `first`, and the batch that no longer fitted.
fn gather(first: Waiting, receiver: &mut mpsc::Receiver<Waiting>) -> (Vec<Waiting>, Option<Waiting>) {
    let mut bytes = first.bytes;
    let mut group = vec![first];
    while group.len() < GROUP_BATCHES_MAX {
        let Ok(next) = receiver.try_recv() else { break };
        // A guard looks at what the sink has seen, so everything before it must have been committed first.
        if bytes + next.bytes > GROUP_BYTES_MAX || next.batch.guard.is_some() {
            return (group, Some(next));
        }
        bytes += next.bytes;
        group.push(next);
    }
    (group, None)
}

/// Bytes of `batch`, if it is one that a store accepts.
fn measure(batch: &Batch) -> Result<usize, StoreError> {
    assert!(!batch.facts.is_empty(), "a batch records at least one fact: without it the commit cannot be audited");
    let mut keys: Vec<_> = batch.writes.iter().map(|write| &write.key).collect();
    keys.sort_unstable();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a batch writes a key at most once");
    let writes = batch.writes.iter().map(|write| write.key.len() + write.value.as_ref().map_or(0, |value| value.len()));
    let size = writes.sum::<usize>() + batch.facts.iter().map(|fact| fact.len()).sum::<usize>();
    if size > BATCH_BYTES_MAX { Err(StoreError::TooLarge { size, limit: BATCH_BYTES_MAX }) } else { Ok(size) }
}

/// A sink that may be attached once.
pub(crate) type Attached = Option<Arc<dyn super::Sink>>;

/// The refusal of a second sink.
pub(crate) fn attached_already() -> StoreError {
    StoreError::Io("a sink is attached already; a store has one for its life".to_owned())
}
