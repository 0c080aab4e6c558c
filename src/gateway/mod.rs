//! The wire for gateways: questions in, decisions out. No store access, no log line, no lock held across an await.

mod authorize;

pub use authorize::AuthorizationRpc;
