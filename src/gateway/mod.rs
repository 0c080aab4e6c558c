//! The wire for gateways: questions in, decisions out. On the way to a decision there is no store access, no log line, and
//! no lock held across an await; only an explanation of the past reads the journal, through the hub.

mod authorize;
mod sync;
mod token;

pub use authorize::AuthorizationRpc;
pub use sync::SyncRpc;
