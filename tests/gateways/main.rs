//! The gateways that people run, in front of an API and asking a real hub: Envoy, nginx, Caddy, HAProxy. Where one cannot be
//! had, a test says on standard error that it was skipped, and why; under `CI=true` it fails instead.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod agent;
mod brownout;
mod caddy;
mod cast;
mod envoy;
mod envoy_http;
mod gateway;
mod haproxy;
mod heard;
#[path = "../peers/http.rs"]
mod http;
mod hub;
mod impostor;
mod nginx;
mod principal;
#[path = "../peers/process.rs"]
mod process;
mod program;
#[path = "../peers/provision.rs"]
mod provision;
mod reasons;
mod running;
mod shown;
mod token;
mod upstream;

use std::path::{Path, PathBuf};

/// Where each configuration says that the hub listens for gateways.
const HUB: u16 = 50053;

/// Where each configuration says that the API listens.
const UPSTREAM: u16 = 9300;

/// A file or directory of this repository.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
