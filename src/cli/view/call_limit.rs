//! What gateways enforce for an application.

use devhub_proto::v1;
use serde::Serialize;

use super::environment;
use crate::cli::words::wire_name;

/// The limits of an application.
#[derive(Debug, Clone, Serialize)]
pub struct CallLimitsView {
    application_id: String,
    client_id: String,
    environment: String,
    required: bool,
    networks: Vec<String>,
    rate_limit_tier: String,
    etag: String,
}

impl From<v1::CallLimits> for CallLimitsView {
    fn from(limits: v1::CallLimits) -> CallLimitsView {
        let allowlist = limits.ip_allowlist.unwrap_or_default();
        CallLimitsView {
            application_id: limits.application_id,
            client_id: limits.client_id,
            environment: environment(limits.environment),
            required: allowlist.required,
            networks: allowlist.networks,
            rate_limit_tier: wire_name(limits.rate_limit_tier, v1::RateLimitTier::as_str_name, "RATE_LIMIT_TIER_"),
            etag: limits.etag,
        }
    }
}

impl CallLimitsView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let elsewhere = if self.required { "denied by gateways" } else { "not denied" };
        vec![
            ("application", self.application_id.clone()),
            ("client id", self.client_id.clone()),
            ("environment", self.environment.clone()),
            ("networks", self.networks.join("\n")),
            ("calls from elsewhere", elsewhere.to_owned()),
            ("rate limit tier", self.rate_limit_tier.clone()),
            ("etag", self.etag.clone()),
        ]
    }
}
