//! Entries of the decision table as rows of the sync stream, and back: the one place that knows both. The hub writes
//! rows, replicas read them.
//!
//! The environment is the stream's: a row does not repeat it, unless it is one of both.

mod read;
mod word;
mod write;

pub use read::{Malformed, read};
pub use word::{environment, environment_number, instant, timestamp};
pub use write::{ROWS_BYTES, RowsWriter};

/// What rows mean. It goes up when the same entry is told by other rows than before, so that nobody resumes across that.
pub const SCHEMA: u32 = 1;
