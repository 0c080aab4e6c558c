//! The turnstile: readers learn whether what they read was changed meanwhile, and no writer ever waits for them.
//!
//! Its count is odd while a commit is being folded. Who reads the same even count before and after has read what one
//! commit left, and the next has not touched.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A count of beginnings and ends of changes.
#[derive(Default)]
pub(crate) struct Turnstile(AtomicU64);

/// What a reader saw on the way in.
#[derive(Clone, Copy)]
pub(crate) struct Entered(u64);

impl Turnstile {
    /// Begins to read; nothing while somebody writes.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Entered> {
        let count = self.0.load(Ordering::Acquire);
        count.is_multiple_of(2).then_some(Entered(count))
    }

    /// Whether nothing that was read since then was being changed.
    #[inline]
    pub(crate) fn is_still(&self, Entered(count): Entered) -> bool {
        // What was read before stays before.
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == count
    }

    /// Changes what readers read. There is one writer at a time.
    pub(crate) fn write<R>(&self, change: impl FnOnce() -> R) -> R {
        let count = self.0.load(Ordering::Relaxed);
        self.0.store(count.wrapping_add(1), Ordering::Relaxed);
        // What is written afterwards stays after.
        fence(Ordering::Release);
        let result = change();
        self.0.store(count.wrapping_add(2), Ordering::Release);
        result
    }
}
