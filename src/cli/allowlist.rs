//! `devhub allowlist` and `devhub tier`: what gateways enforce for an application.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgAction, Args, Subcommand};
use devhub_proto::v1;

use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one};
use super::view::call_limit::CallLimitsView;
use super::words::RateLimitTier;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Allowlist {
    /// Say which networks an application may call from; the whole list is replaced
    Set(SetNetworks),
    /// Show the networks, and how fast the application may call
    Show(Show),
}

/// Arguments of `devhub allowlist set`.
#[derive(Debug, Clone, Args)]
pub struct SetNetworks {
    /// Id of the application
    application: String,
    /// Networks in CIDR notation, for example 198.51.100.0/24 or 2001:db8::/32; none empties the list
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
    /// Whether gateways deny calls from elsewhere
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    required: bool,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

/// Arguments of `devhub allowlist show`.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// Id of the application
    application: String,
}

/// Arguments of `devhub tier`.
#[derive(Debug, Clone, Args)]
pub struct Tier {
    /// Id of the application
    application: String,
    /// How fast it may call
    #[arg(value_enum, value_name = "TIER")]
    tier: RateLimitTier,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// The etag last read; refuse if somebody has changed it since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

fn print(output: Format, limits: Option<v1::CallLimits>) -> Result<ExitCode> {
    let limits = limits.context("the hub sent an empty answer; is it a devhub of this release?")?;
    let view = CallLimitsView::from(limits);
    print_one(output, &view, &view.fields())?;
    Ok(ExitCode::SUCCESS)
}

impl Allowlist {
    /// Sets or shows.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let limits = match self {
            Allowlist::Set(SetNetworks { application, networks, required, etag }) => {
                let request = v1::SetIpAllowlistRequest {
                    application_id: application.clone(),
                    ip_allowlist: Some(v1::IpAllowlist { required: *required, networks: networks.clone() }),
                    etag: etag.clone(),
                    request_id: new_request_id(),
                };
                hub.call_limits().set_ip_allowlist(request).await.map_err(explained)?.into_inner().call_limits
            }
            Allowlist::Show(Show { application }) => {
                let request = v1::GetCallLimitsRequest { application_id: application.clone() };
                hub.call_limits().get_call_limits(request).await.map_err(explained)?.into_inner().call_limits
            }
        };
        print(output, limits)
    }
}

impl Tier {
    /// Changes how fast an application may call.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let request = v1::SetRateLimitTierRequest {
            application_id: self.application.clone(),
            rate_limit_tier: self.tier.wire().into(),
            reason: self.reason.clone(),
            etag: self.etag.clone(),
            request_id: new_request_id(),
        };
        print(output, hub.call_limits().set_rate_limit_tier(request).await.map_err(explained)?.into_inner().call_limits)
    }
}
