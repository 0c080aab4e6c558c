//! `devhub gateways` and `devhub disconnect-gateway`: who follows a hub.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use devhub_proto::v1;
use serde::Serialize;

use super::catalogue::read::PAGE;
use super::connection::{Connection, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::pages::all_pages;
use super::view::gateway::GatewayView;
use super::words::{Environment, GatewayState};

/// Arguments of `devhub gateways`.
#[derive(Debug, Clone, Args)]
pub struct Gateways {
    /// Only those that follow this environment
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<GatewayState>,
}

/// Arguments of `devhub disconnect-gateway`.
#[derive(Debug, Clone, Args)]
pub struct Disconnect {
    /// What the gateway calls itself
    gateway: String,
    /// Why, for the hub's log
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Serialize)]
struct DisconnectedView {
    gateway_id: String,
    streams: u32,
}

impl Gateways {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let request = v1::ListGatewaysRequest {
            environment: self.environment.map(|environment| environment.wire().into()).unwrap_or_default(),
            state: self.state.map(|state| state.wire().into()).unwrap_or_default(),
            page_size: PAGE,
            page_token: String::new(),
        };
        let found: Vec<v1::Gateway> = all_pages!(hub.gateways(), list_gateways, gateways, request);
        print_rows(output, &found.into_iter().map(GatewayView::from).collect::<Vec<_>>())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Disconnect {
    /// Closes the streams, and says how many there were.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        let request = v1::DisconnectGatewayRequest {
            gateway_id: self.gateway.clone(),
            reason: self.reason.clone(),
            request_id: new_request_id(),
        };
        let answer = hub.gateways().disconnect_gateway(request).await.map_err(explained)?.into_inner();
        let view = DisconnectedView { gateway_id: self.gateway.clone(), streams: answer.streams };
        let fields = [("gateway", view.gateway_id.clone()), ("streams closed", view.streams.to_string())];
        print_one(output, &view, &fields)?;
        Ok(ExitCode::SUCCESS)
    }
}
