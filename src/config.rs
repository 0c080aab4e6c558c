//! Configuration of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that an operator may choose.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of gRPC and gRPC-Web.
    pub listen: SocketAddr,
    /// Address of metrics and health.
    pub admin_listen: SocketAddr,
    /// Directory of the store.
    pub data_dir: PathBuf,
    /// File with further lifecycle policies.
    pub policies: Option<PathBuf>,
    /// Origins of portals that call by gRPC-Web.
    pub cors_origins: Vec<String>,
    /// Serve gRPC reflection.
    pub reflection: bool,
    /// How long a decision may be cached, at most.
    pub decision_ttl_seconds: u32,
    /// How long a deleted application can be restored.
    pub restore_window_days: u32,
    /// Operators alone change subscriptions of approved production applications.
    pub lock_production_subscriptions: bool,
    /// Administrators may delete approved production applications.
    pub production_deletion: bool,
    /// How long calls in flight may take after SIGTERM.
    pub drain_seconds: u32,
    /// Concurrent calls on one connection.
    pub max_streams_per_connection: u32,
    /// Largest request.
    pub max_request_bytes: usize,
    /// How long a call may take.
    pub request_timeout_seconds: u32,
    /// Commits that may wait.
    pub write_queue: usize,
    /// Free bytes below which writes are refused.
    pub low_water_bytes: u64,
}

impl Config {
    /// A configuration for tests: any free ports, a store in `data_dir`.
    pub fn for_testing(data_dir: impl Into<PathBuf>) -> Config {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        Config {
            listen: any,
            admin_listen: any,
            data_dir: data_dir.into(),
            policies: None,
            cors_origins: Vec::new(),
            reflection: true,
            decision_ttl_seconds: 30,
            restore_window_days: 30,
            lock_production_subscriptions: false,
            production_deletion: false,
            drain_seconds: 10,
            max_streams_per_connection: 256,
            max_request_bytes: 262_144,
            request_timeout_seconds: 10,
            write_queue: 1024,
            low_water_bytes: 32 << 20,
        }
    }
}
