//! Limits that a gateway enforces for an application: the networks that it may call from (rule B55), and how fast.

use std::collections::BTreeSet;

use devhub_decision::Environment;
use ipnet::IpNet;

use super::application::Application;
use super::fact::{Fact, FactKind};
use super::name::{ApplicationId, ClientId};
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::{Refusal, Violation};
use super::register::load;
use super::setting::Setting;

/// Most networks of one allowlist.
pub const NETWORKS_MAX: usize = 50;

/// How fast an application may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateLimitTier {
    /// The usual one.
    Bronze,
    /// Above BRONZE.
    Silver,
    /// Above SILVER.
    Gold,
    /// Above GOLD.
    Platinum,
    /// Above PLATINUM.
    Rhodium,
}

impl RateLimitTier {
    /// The name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            RateLimitTier::Bronze => "BRONZE",
            RateLimitTier::Silver => "SILVER",
            RateLimitTier::Gold => "GOLD",
            RateLimitTier::Platinum => "PLATINUM",
            RateLimitTier::Rhodium => "RHODIUM",
        }
    }
}

/// Whether calls from elsewhere than the networks of an allowlist are denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// They are.
    Required,
    /// They are not: the networks are for information.
    Informative,
}

/// The networks that an application may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowlist {
    /// Whether it counts.
    pub enforcement: Enforcement,
    /// The networks.
    pub networks: BTreeSet<IpNet>,
}

impl Allowlist {
    /// Calls from everywhere pass.
    pub fn open() -> Allowlist {
        Allowlist { enforcement: Enforcement::Informative, networks: BTreeSet::new() }
    }

    /// Whether a call could pass that `before` keeps out.
    fn admits_more_than(&self, before: &Allowlist) -> bool {
        match (before.enforcement, self.enforcement) {
            (Enforcement::Informative, _) => false,
            (Enforcement::Required, Enforcement::Informative) => true,
            (Enforcement::Required, Enforcement::Required) => {
                !self.networks.iter().all(|network| before.networks.iter().any(|known| known.contains(network)))
            }
        }
    }

    fn text(&self) -> String {
        self.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// The limits of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLimits {
    /// The application.
    pub application: ApplicationId,
    /// The application's client id, which never changes: gateways know it by that.
    pub client_id: ClientId,
    /// The application's environment, which never changes.
    pub environment: Environment,
    /// The networks.
    pub allowlist: Allowlist,
    /// How fast.
    pub tier: RateLimitTier,
}

impl CallLimits {
    /// Where the limits of an application are kept.
    pub fn key(application: &ApplicationId) -> RecordKey {
        RecordKey::CallLimits(application.clone())
    }

    /// The limits of an application that was never given others.
    pub fn usual(application: &Application) -> CallLimits {
        CallLimits {
            application: application.id.clone(),
            client_id: application.client_id.clone(),
            environment: application.environment,
            allowlist: Allowlist::open(),
            tier: RateLimitTier::Bronze,
        }
    }
}

/// Command: say which networks an application may call from.
#[derive(Debug, Clone)]
pub struct SetIpAllowlist {
    /// The application.
    pub application: ApplicationId,
    /// The whole list.
    pub allowlist: Allowlist,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

/// Command: say how fast an application may call.
#[derive(Debug, Clone)]
pub struct SetRateLimitTier {
    /// The application.
    pub application: ApplicationId,
    /// The tier.
    pub tier: RateLimitTier,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

fn keys(id: &ApplicationId) -> Vec<RecordKey> {
    vec![RecordKey::Application(id.clone()), CallLimits::key(id)]
}

/// The limits as they are, if the caller read their current revision.
fn limits(application: &Application, etag: Option<u64>, records: &Records) -> Result<CallLimits, Refusal> {
    records.check_etag(&CallLimits::key(&application.id), etag)?;
    Ok(records.call_limits(&application.id).cloned().unwrap_or_else(|| CallLimits::usual(application)))
}

fn store(old: &CallLimits, new: CallLimits, fact: Fact) -> Outcome {
    let key = CallLimits::key(&new.application);
    if new == *old {
        return Outcome::unchanged(key, Record::CallLimits(new));
    }
    Outcome::write(key, Record::CallLimits(new), fact)
}

impl SetIpAllowlist {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        let application = load(&self.application, None, records)?;
        application.administrator_in_production(setting, "change the IP allowlist of a production application")?;
        application.not_deleted()?;
        let old = limits(application, self.etag, records)?;
        if self.allowlist.enforcement == Enforcement::Required && self.allowlist.networks.is_empty() {
            return Err(Refusal::InvalidFields(vec![Violation {
                field: "ip_allowlist.networks".to_owned(),
                sentence: "a required allowlist without networks would deny every call; name at least one".to_owned(),
            }]));
        }
        if self.allowlist.admits_more_than(&old.allowlist) {
            application.not_blocked()?;
        }
        let required = |allowlist: &Allowlist| allowlist.enforcement == Enforcement::Required;
        let fact = Fact::new(FactKind::IpAllowlistChanged, application.subject())
            .change("required", required(&old.allowlist), required(&self.allowlist))
            .change("networks", old.allowlist.text(), self.allowlist.text());
        let new = CallLimits { allowlist: self.allowlist.clone(), ..old.clone() };
        Ok(store(&old, new, fact))
    }
}

impl SetRateLimitTier {
    pub(super) fn reads(&self) -> Vec<RecordKey> {
        keys(&self.application)
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("change the rate limit of an application")?;
        let application = load(&self.application, None, records)?;
        application.not_deleted()?;
        let old = limits(application, self.etag, records)?;
        if self.tier > old.tier {
            application.not_blocked()?;
        }
        let fact = Fact::new(FactKind::RateLimitTierChanged, application.subject())
            .change("rate_limit_tier", old.tier.name(), self.tier.name())
            .because(&self.reason);
        let new = CallLimits { tier: self.tier, ..old.clone() };
        Ok(store(&old, new, fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowlist_admits_more_when_a_call_could_pass_that_did_not() {
        let list = |enforcement, networks: &[&str]| Allowlist {
            enforcement,
            networks: networks.iter().map(|network| network.parse().expect("valid")).collect(),
        };
        let (required, informative) = (Enforcement::Required, Enforcement::Informative);
        let before = list(required, &["198.51.100.0/24", "2001:db8::/32"]);
        for (after, more) in [
            (list(required, &["198.51.100.0/25"]), false),
            (list(required, &["198.51.100.0/24", "2001:db8:1::/48"]), false),
            (list(required, &["198.51.100.0/23"]), true),
            (list(required, &["203.0.113.0/24"]), true),
            (list(informative, &["198.51.100.0/24"]), true),
        ] {
            assert_eq!(after.admits_more_than(&before), more, "{after:?}");
            assert!(!after.admits_more_than(&Allowlist::open()));
        }
    }
}
