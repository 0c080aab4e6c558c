//! `devhub demo`: a hub with example data in a temporary directory.

use std::net::SocketAddr;

use anyhow::Result;
use clap::Args;

/// Arguments of `devhub demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Where portals and gateways connect
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where metrics and health are served
    #[arg(long, default_value = "127.0.0.1:50052", value_name = "ADDRESS")]
    pub admin_listen: SocketAddr,
}

/// Runs the demonstration until it is told to stop.
///
/// # Errors
/// When it cannot run.
pub fn run(demo: &Demo) -> Result<()> {
    anyhow::bail!("this build of devhub has no server yet; it would have listened on {}", demo.listen)
}
