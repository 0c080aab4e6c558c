//! What the commands that change a lifecycle have in common: what they are about, what they say, the preview, and the
//! call. Each of them is one step of `ChangeLifecycle`, for one target or for many at once.

pub mod again;
pub mod change;
pub mod read;
pub mod successor;
pub mod target;
