//! What verifications cost, counted on each thread for tests that compare one with another; otherwise nothing.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    /// Hashes made and compared.
    static DONE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A hash was made.
pub(super) fn hashed() {
    #[cfg(test)]
    DONE.set((DONE.get().0 + 1, DONE.get().1));
}

/// A hash was compared with another under the same pepper.
pub(super) fn compared() {
    #[cfg(test)]
    DONE.set((DONE.get().0, DONE.get().1 + 1));
}

/// Hashes made and compared since the last time.
#[cfg(test)]
pub(crate) fn taken() -> (u64, u64) {
    DONE.take()
}
