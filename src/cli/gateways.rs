//! `devhub gateways` and `devhub disconnect-gateway`: who follows a hub, and who is not to.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use devhub_proto::v1;
use serde::Serialize;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::pages::all_pages;
use super::view::gateway::{GatewayView, RevokedGatewayView};
use super::words::{Environment, GatewayState};

/// Arguments of `devhub gateways`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Gateways {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only those that follow this environment
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<GatewayState>,
}

/// What is done about a gateway.
#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Keep a gateway out from now on, whatever its credentials are, and end its streams
    Revoke(Named),
    /// Let a revoked gateway in again
    Restore(Named),
    /// List the gateways that are revoked
    Revoked,
}

/// A gateway, and why something is done about it.
#[derive(Debug, Clone, Args)]
struct Named {
    /// What operators call the gateway, as its credentials say
    gateway: String,
    /// The environment that it belongs to
    #[arg(long, value_enum)]
    environment: Environment,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
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

#[derive(Debug, Serialize)]
struct RestoredView {
    gateway_id: String,
    revision: u64,
}

impl Gateways {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match &self.action {
            None => {}
            Some(Action::Revoke(named)) => return named.revoke(&hub, output).await,
            Some(Action::Restore(named)) => return named.restore(&hub, output).await,
            Some(Action::Revoked) => {
                let request = v1::ListRevokedGatewaysRequest { page_size: PAGE, page_token: String::new() };
                let found: Vec<v1::RevokedGateway> =
                    all_pages!(hub.gateways(), list_revoked_gateways, gateways, request);
                print_rows(output, &found.into_iter().map(RevokedGatewayView::from).collect::<Vec<_>>())?;
                return Ok(ExitCode::SUCCESS);
            }
        }
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

impl Named {
    async fn revoke(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        let request = v1::RevokeGatewayRequest {
            gateway_id: self.gateway.clone(),
            environment: self.environment.wire().into(),
            reason: self.reason.clone(),
            request_id: new_request_id(),
        };
        let answer = hub.gateways().revoke_gateway(request).await.map_err(explained)?.into_inner();
        let view = RevokedGatewayView::from(answer.gateway.unwrap_or_default());
        let since = view.revoke_time.clone().unwrap_or_default();
        let fields = [("gateway", view.gateway_id.clone()), ("revoked since", since)];
        print_one(output, &view, &fields)?;
        Ok(ExitCode::SUCCESS)
    }

    async fn restore(&self, hub: &Hub, output: Format) -> Result<ExitCode> {
        let request = v1::RestoreGatewayRequest {
            gateway_id: self.gateway.clone(),
            environment: self.environment.wire().into(),
            reason: self.reason.clone(),
            request_id: new_request_id(),
            etag: String::new(),
        };
        let answer = hub.gateways().restore_gateway(request).await.map_err(explained)?.into_inner();
        let view = RestoredView { gateway_id: self.gateway.clone(), revision: answer.revision };
        let fields = [("gateway", view.gateway_id.clone()), ("restored at revision", view.revision.to_string())];
        print_one(output, &view, &fields)?;
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
